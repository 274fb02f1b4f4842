"""Which files, which interpreter, which Keras, and what a name means. Knows nothing of layers' state."""
