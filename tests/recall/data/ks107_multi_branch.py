# Keras 3
# shows: untracked | InceptionBlock({"narrow": [4], "wide": [8, 4]})
# shows: untracked | CascadedClassifier(2, 3)
# shows: untracked | HierarchicalHead({"animal": ["cat", "dog"], "car": ["van"]})
from collections import OrderedDict

import keras


class BranchMixin:
    """For layers with several branches that are computed side by side."""

    def start_branch(self, name):
        branch = []
        self.branches[name] = branch
        return branch


class InceptionBlock(BranchMixin, keras.layers.Layer):
    def __init__(self, spec, **kwargs):
        super().__init__(**kwargs)
        self.branches = {}
        for name, sizes in spec.items():
            branch = self.start_branch(name)
            for size in sizes:
                branch.append(keras.layers.Dense(size, activation="relu"))  # <- KS107

    def call(self, x):
        outputs = []
        for branch in self.branches.values():
            y = x
            for dense in branch:
                y = dense(y)
            outputs.append(y)
        return keras.ops.concatenate(outputs, axis=-1)


class CascadedClassifier(keras.Model):
    def __init__(self, cascades, classes, hidden=4, **kwargs):
        super().__init__(**kwargs)
        self.cascades = []
        for _ in range(cascades):
            pieces = OrderedDict()
            self.cascades.append(pieces)
            pieces["hidden"] = keras.layers.Dense(hidden, activation="tanh")  # <- KS107
            pieces["logits"] = keras.layers.Dense(classes)  # <- KS107

    def call(self, x):
        score = 0.0
        for pieces in self.cascades:
            score = score + pieces["logits"](pieces["hidden"](x))
        return score


class HierarchicalHead(keras.layers.Layer):
    """A coarse classifier, and a fine one for every coarse class."""

    def __init__(self, tree, **kwargs):
        super().__init__(**kwargs)
        self.tree = tree
        self.coarse = keras.layers.Dense(len(tree))
        self.fine = {}
        for coarse, children in tree.items():
            if coarse not in self.fine:
                self.fine[coarse] = []
            for child in children:
                self.fine[coarse].append(keras.layers.Dense(1, name=f"{coarse}_{child}"))  # <- KS107

    def build(self, input_shape):
        self.coarse.build(input_shape)
        for heads in self.fine.values():
            for head in heads:
                head.build(input_shape)

    def call(self, x):
        outputs = [self.coarse(x)]
        for heads in self.fine.values():
            outputs.extend(head(x) for head in heads)
        return keras.ops.concatenate(outputs, axis=-1)
