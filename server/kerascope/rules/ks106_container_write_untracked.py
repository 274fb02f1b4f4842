"""KS106: writes into a list or dict of a layer that Keras 3 doesn't notice."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class ContainerWriteUntracked(Rule):
    """
    ## What it does
    Reports a layer or weight that is put into a list, dict or set of the layer in a way that Keras 3 doesn't notice:
    `self.ls[i] = layer`, `self.ls[:] = [...]`, `self.d.setdefault(key, layer)`, and `+=` or `|=` through a local name
    (`ls = self.ls; ls += [layer]`).

    ## Why it matters
    Keras 3 replaces a list, dict or set on an attribute by one that tells the layer what is put in. Only `append`,
    `insert`, `extend`, item assignment of a *dict*, `update` and `add` tell it. After the others the layer is in the
    list and works, but its weights aren't the layer's. Measured on `self.ls = [None] * 2` filled by
    `self.ls[i] = Dense(4)`: Keras 3.15 has 0 trainable weights of 4, `fit` changes nothing; Keras 2.15 has all 4.

    ## Example
    ```python
            self.blocks = [None] * depth
            for i in range(depth):
                self.blocks[i] = keras.layers.Dense(units)
    ```

    ## Instead
    ```python
            self.blocks = [keras.layers.Dense(units) for _ in range(depth)]
    ```

    ## When it is silent
    In Keras 2; for `self.ls += [...]` and `self.d |= {...}`, which assign the attribute again; for item assignment of
    a dict; when the attribute is assigned again afterwards; when the layers are tracked in another way; for values
    without weights.

    ## Fix
    Item assignment in place of `setdefault` (safe where a test for the key guards it), the attribute in place of the
    local name for `+=` (safe), a whole assignment in place of `self.ls[:] = ...`, and the list built under a local
    name and assigned once in place of `self.ls[i] = ...` (both unsafe).

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`TrackedList`, `TrackedDict`, `TrackedSet`: the methods that they
      override).
    """

    code = "KS106"
    name = "container-write-untracked"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A layer is put into a list or dict in a way that Keras 3 doesn't notice."

    reporting = (
        Example(
            "by index into a prepared list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [None] * depth
        for i in range(depth):
            self.blocks[i] = keras.layers.Dense(4)  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = [None] * depth
        for i in range(depth):
            blocks[i] = keras.layers.Dense(4)  # <- KS106
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a layer is replaced by index",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4), keras.layers.Dense(4)]
        self.stages[-1] = keras.layers.Dense(1)  # <- KS106

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        stages = [keras.layers.Dense(4), keras.layers.Dense(4)]
        stages[-1] = keras.layers.Dense(1)  # <- KS106
        self.stages = stages

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "+= on a local name",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = []
        blocks = self.blocks
        for _ in range(depth):
            blocks += [keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = []
        blocks = self.blocks
        for _ in range(depth):
            self.blocks += [keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "slice assignment",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks[:] = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "setdefault of a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}
        for name in ("mean", "scale"):
            self.heads.setdefault(name, keras.layers.Dense(4))  # <- KS106

    def call(self, x):
        return self.heads["mean"](x) * self.heads["scale"](x)
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}
        for name in ("mean", "scale"):
            self.heads[name] = keras.layers.Dense(4)  # <- KS106

    def call(self, x):
        return self.heads["mean"](x) * self.heads["scale"](x)
""",
        ),
        Example(
            "setdefault of a list in a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.groups = {}
        for name in ("encoder", "encoder", "decoder"):
            self.groups.setdefault(name, []).append(keras.layers.Dense(4))  # <- KS106

    def call(self, x):
        for group in self.groups.values():
            for layer in group:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "+= on the attribute",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks += [keras.layers.Dense(4)]
        self.heads = {}
        self.heads |= {"a": keras.layers.Dense(4)}

    def call(self, x):
        return self.heads["a"](self.blocks[0](x))
""",
        ),
        Example(
            "append, insert, extend, update and item assignment of a dict",
            """\
import keras
from keras.layers import Dense


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks.append(Dense(4))
        self.blocks.insert(0, Dense(4))
        self.blocks.extend([Dense(4)])
        self.blocks.extend(Dense(4) for _ in range(2))
        self.heads = {}
        self.heads["a"] = Dense(4)
        self.heads.update({"b": Dense(4)})

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["b"](self.heads["a"](x))
""",
        ),
        Example(
            "the attribute is assigned again afterwards",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [None] * depth
        blocks = [keras.layers.Dense(4) for _ in range(depth)]
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a local list, assigned when it is complete",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = [None] * depth
        for i in range(depth):
            blocks[i] = keras.layers.Dense(4)
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "plain values and layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.sizes = [0] * depth
        self.sizes[0] = 4
        self.between = [None]
        self.between[0] = keras.layers.Flatten()

    def call(self, x):
        return self.between[0](self.dense(x))
""",
        ),
        Example(
            "every way works in Keras 2",
            """\
import keras
from keras.layers import Dense


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [None]
        self.blocks[0] = Dense(4)
        self.more = []
        self.more[:] = [Dense(4)]
        more = self.more
        more += [Dense(4)]
        self.heads = {}
        self.heads.setdefault("a", Dense(4))

    def call(self, x):
        return self.heads["a"](self.more[1](self.more[0](self.blocks[0](x))))
""",
            generations=(2,),
        ),
    )
