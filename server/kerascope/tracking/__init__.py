"""The symbolic run: what state a layer will own, and what each Keras generation sees of it."""
