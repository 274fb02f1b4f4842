# Keras 3
# shows: not-saved | Fusion(SPEC)
"""Branches of a fusion layer, in two groups: those that are fine-tuned and those that stay as they are."""
from dataclasses import dataclass, field

import keras


@dataclass
class BranchSpec:
    name: str
    units: int
    tuned: bool = True


@dataclass
class FusionSpec:
    branches: list = field(default_factory=list)
    activation: str = "tanh"


SPEC = FusionSpec([BranchSpec("audio", 4), BranchSpec("text", 4), BranchSpec("image", 4)])


class Fusion(keras.layers.Layer):
    def __init__(self, spec, **kwargs):
        super().__init__(**kwargs)
        self.spec = spec
        self.tuned = {keras.layers.Dense(4, activation=spec.activation) for _ in spec.branches}  # <- KS502
        self.merge = keras.layers.Average()
        self.out = keras.layers.Dense(2, name="out")

    def build(self, input_shape):
        for branch in self.tuned:
            branch.build(input_shape)
        self.out.build((input_shape[0], 4))
        self.built = True

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)

    def call(self, x):
        outputs = []
        for branch in self.tuned:
            outputs.append(branch(x))
        return self.out(self.merge(outputs))


def classifier(spec=SPEC):
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Softmax()(Fusion(spec)(inputs)))


if __name__ == "__main__":
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save_weights("fusion.weights.h5")
