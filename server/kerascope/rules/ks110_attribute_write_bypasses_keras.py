"""KS110: state stored on the layer in a way that Keras' `__setattr__` never sees."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class AttributeWriteBypassesKeras(Rule):
    """
    ## What it does
    Reports a layer or weight that is stored by `self.__dict__[...]`, `vars(self)[...]`, `object.__setattr__(self, ...)`,
    a `functools.cached_property`, or under a `__setattr__` of your own that doesn't call `super().__setattr__`.

    ## Why it matters
    Keras learns of a sublayer when it is assigned: `Layer.__setattr__` notes it. What is put past it is an attribute
    like any other and works in `call`, but its weights aren't the layer's. Measured on
    `self.__dict__["dense"] = Dense(4)`: 2 variables used, 0 trainable, `fit` changes nothing; the same in Keras 3.15
    and Keras 2.15.

    ## Example
    ```python
            object.__setattr__(self, "dense", keras.layers.Dense(4))
    ```

    ## Instead
    ```python
            self.dense = keras.layers.Dense(4)
    ```
    Instead of a `cached_property`, make the layer in `__init__` or `build`.

    ## When it is silent
    For `setattr(self, name, layer)` and `self.__setattr__(name, layer)`, which Keras sees; when the layer is an
    attribute or in a followed container as well; for values without weights.

    ## Fix
    A plain assignment. Safe; for a `cached_property` and a `__setattr__` of your own there is none.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    """

    code = "KS110"
    name = "attribute-write-bypasses-keras"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A layer or weight is stored past Keras' `__setattr__`."

    reporting = (
        Example(
            "through __dict__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__dict__["dense"] = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "through vars",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        for name in ("first", "second"):
            vars(self)[name] = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.second(self.first(x))
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        for name in ("first", "second"):
            setattr(self, name, keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.second(self.first(x))
""",
        ),
        Example(
            "through object.__setattr__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        object.__setattr__(self, "head", keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.head(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.head(x)
""",
        ),
        Example(
            "an update of __dict__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__dict__.update(query=keras.layers.Dense(4), key=keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.query(x) * self.key(x)
""",
            symptom="untracked",
        ),
        Example(
            "a cached property",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    @cached_property
    def dense(self):
        return keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a cached property, touched in the constructor",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense

    @cached_property
    def dense(self):
        return keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a __setattr__ that doesn't call super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def __setattr__(self, name, value):
        if name == "dense":
            self.__dict__[name] = value  # <- KS110
        else:
            super().__setattr__(name, value)

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "setattr in a loop",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth
        for i in range(depth):
            setattr(self, f"dense_{i}", keras.layers.Dense(4))

    def call(self, x):
        for i in range(self.depth):
            x = getattr(self, f"dense_{i}")(x)
        return x
""",
        ),
        Example(
            "self.__setattr__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__setattr__("dense", keras.layers.Dense(4))

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a __setattr__ that calls super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.names = []
        self.dense = keras.layers.Dense(4)

    def __setattr__(self, name, value):
        if isinstance(value, keras.layers.Layer):
            self.names.append(name)
        super().__setattr__(name, value)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the layer is an attribute as well",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.__dict__["alias"] = self.dense

    def call(self, x):
        return self.alias(x)
""",
        ),
        Example(
            "plain values",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.__dict__["units"] = 4
        object.__setattr__(self, "scale", 0.5)

    @cached_property
    def factor(self):
        return self.units * self.scale

    def call(self, x):
        return self.dense(x) * self.factor
""",
        ),
    )
