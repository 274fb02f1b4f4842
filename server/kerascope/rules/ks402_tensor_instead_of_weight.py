"""KS402: an attribute that works as a weight in `call`, and is a mere tensor."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import Library
from kerascope.rules.places import in_own_class, in_own_file, told_there
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document
from kerascope.tracking.events import AttributeWrite, Created, Used
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import (
    UNKNOWN,
    Choice,
    Constant,
    Container,
    Plain,
    Tensor,
    Value,
    Weight,
    options,
)

_Kind = Literal["random", "ones", "zeros"]

_RANDOM = re.compile(
    r"(tensorflow\.random|keras\.random|numpy\.random|jax\.random|keras\.backend)"
    r"\.(random_)?(stateless_)?(truncated_)?(normal|uniform|randn|rand|random|standard_normal|ranf|sample)"
)
_FILLED = re.compile(r"(?:tensorflow|keras\.ops|keras\.backend|numpy)\.(ones|zeros)")
_INITIALIZER = re.compile(r"keras\.initializers\.(?!Constant|constant|Identity|identity|STFT)(\w+)")
_VARIABLES = frozenset(("keras.backend.ones", "keras.backend.zeros"))
"""In Keras 2 these give variables, which are tracked."""

_LIKE_A_WEIGHT = re.compile(
    r"(?:^|_)(?:w|b|weights?|kernels?|bias(?:es)?|gamma|beta|alpha|scales?|gains?|shifts?|offsets?)(?:_|\d|$)"
)
_A_SETTING = re.compile(r"(?:class|example|instance|loss|sample|task)_weights?")
"""Names of weights that somebody chooses, and no training changes."""

_MEANT_TO_STAY = re.compile(
    r"(?:^|_)(?:B|freqs?|frequenc(?:y|ies)|omegas?|phases?|proj(?:ections?)?|random|rff|fourier|reservoir"
    r"|hyperplanes?|hash(?:es)?|basis|noise|fixed|frozen|const(?:ants?)?)(?:_|\d|$)"
)
"""Names of random numbers that aren't the start of a training, but features or projections."""

_PASSING_ON = re.compile(
    "cast|expand_dims|reshape|transpose|squeeze|tile|repeat|broadcast_to|convert_to_tensor|identity|split"
    "|unstack"
)
_COMBINING = re.compile(
    "matmul|xw_plus_b|batch_normalization|(batch_|tensor)?dot|einsum|multiply|add|subtract|divide|bias_add|concat(enate)?|stack|gather|take"
    "|embedding_lookup|(depthwise_)?conv[123]?d?(_transpose)?"
)
_VANISHING = re.compile(
    "add|bias_add|matmul|(batch_|tensor)?dot|einsum|(depthwise_)?conv[123]?d?(_transpose)?"
)
"""What nobody computes with zeros, unless these are meant to become something else."""

_LOOKING = re.compile(
    "(?:get_)?(?:static_)?shape|ndim|rank|size|len|print|isinstance|is_tensor|append|warn|info"
)
"""Functions that only look at a tensor."""

_INITIALIZERS = {
    "normal": ("RandomNormal", ("mean", "stddev")),
    "truncated_normal": ("TruncatedNormal", ("mean", "stddev")),
    "uniform": ("RandomUniform", ("minval", "maxval")),
}


class TensorInsteadOfWeight(Rule):
    """
    ## What it does
    Reports an attribute that `call` computes with as if it were a weight, while `__init__` or `build` puts a
    tensor of random numbers, or the result of an initializer, into it. Also one of ones by which `call`
    multiplies, or of zeros that it adds, if its name is that of a weight.

    ## Why it matters
    The layer works, but Keras knows of no weight: nothing trains, and a model that is saved and loaded gets
    new random numbers. Measured for the one parameter of a layer, `self.w = …` in `build`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `tf.random.normal(shape)`, `keras.initializers.GlorotUniform()(shape)`: weights | 0 | 0 |
    | the same, saved and loaded as `.weights.h5` | other outputs, no error | other outputs, no error |
    | `keras.ops.ones(shape)`, `tf.ones(shape)`: weights | 0 | 0 |
    | `K.ones(shape)`, `K.zeros(shape)` of `tf.keras.backend`: weights | 0 | 1 |
    | `self.add_weight(shape=shape, …)`: weights | 1 | 1 |

    Keras 3 warns in `fit` only if the whole model has no trainable weight; Keras 2 never does.

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = tf.random.normal((input_shape[-1], 3), stddev=0.1)

        def call(self, x):
            return tf.matmul(x, self.w)
    ```

    ## Instead
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer="random_normal")

        def call(self, x):
            return tf.matmul(x, self.w)
    ```
    A random projection that shall stay as it is: `trainable=False`, and it is saved.

    ## When it is silent
    On tensors that are computed otherwise (masks, tables of positions, filters), and on whole numbers; on
    random features and projections, by their name, that are drawn from a seed, so that each process has the
    same; where `call` doesn't compute with the tensor, but compares it, or hands it to a layer; where another
    method assigns the attribute; on ones and zeros under another name, and where they stand in for a weight
    that is made in another case (`use_bias`).

    ## Fix
    Unsafe: makes a weight with `add_weight`, with the same initial values; with `trainable=False` what by its
    name are random features or a projection. Offered where the tensor comes straight from an initializer, or
    from a random function of TensorFlow or Keras.

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`Tracker.track`), `keras/src/layers/layer.py`
      (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`), `keras/src/backend.py` (`ones`).
    """

    code = "KS402"
    name = "tensor-instead-of-weight"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "call computes with a random tensor, as if it were a weight."

    reporting = (
        Example(
            "random numbers for a kernel",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = tf.random.normal((input_shape[-1], 3), stddev=0.1)  # <- KS402

    def call(self, x):
        return tf.matmul(x, self.w)
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 1",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer=keras.initializers.RandomNormal(stddev=0.1))  # <- KS402

    def call(self, x):
        return tf.matmul(x, self.w)
""",  # noqa: E501
        ),
        Example(
            "an initializer that is called by hand",
            """\
import tensorflow as tf
from tensorflow.keras import initializers, layers


class Example(layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = (int(input_shape[-1]), self.units)
        self.kernel = initializers.GlorotUniform()(shape)  # <- KS402
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x):
        return x @ self.kernel + self.bias
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 2",
            fixed="""\
import tensorflow as tf
from tensorflow.keras import initializers, layers


class Example(layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = (int(input_shape[-1]), self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializers.GlorotUniform())  # <- KS402
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x):
        return x @ self.kernel + self.bias
""",  # noqa: E501
        ),
        Example(
            "small random numbers, and zeros, of a bilinear layer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, size=4):
        super().__init__()
        self.mix = 0.05 * tf.random.truncated_normal([size, size])  # <- KS402
        self.bias = tf.zeros([size])  # <- KS402

    def call(self, x):
        mixed = tf.einsum("bi,ij->bj", x, self.mix)
        return mixed * x + self.bias
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "a list of NumPy arrays",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self, depth=2, width=4):
        super().__init__()
        self.kernels = [
            np.random.normal(size=(width, width)).astype("float32") for _ in range(depth)  # <- KS402
        ]

    def call(self, x):
        for kernel in self.kernels:
            x = keras.activations.relu(x @ kernel)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "ones to multiply by, in Keras 3",
            """\
import keras
from keras import ops


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gamma = ops.ones((input_shape[-1],))  # <- KS402

    def call(self, x):
        return self.gamma * x
""",
            (3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 1",
            fixed="""\
import keras
from keras import ops


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer="ones")  # <- KS402

    def call(self, x):
        return self.gamma * x
""",
        ),
        Example(
            "a token in front of the sequence",
            """\
import keras
from keras import layers, ops


class Example(layers.Layer):
    def build(self, input_shape):
        self.token = keras.random.normal((1, input_shape[-1]))  # <- KS402
        self.dense = layers.Dense(4)
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(ops.concatenate([self.token, x], axis=0))
""",
            (3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 3",
            fixed="""\
import keras
from keras import layers, ops


class Example(layers.Layer):
    def build(self, input_shape):
        self.token = self.add_weight(name="token", shape=(1, input_shape[-1]), initializer=keras.initializers.RandomNormal(stddev=1.0))  # <- KS402
        self.dense = layers.Dense(4)
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(ops.concatenate([self.token, x], axis=0))
""",  # noqa: E501
        ),
        Example(
            "a kernel from an initializer of TensorFlow",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        initializer = tf.random_normal_initializer(stddev=0.1)
        self.w = initializer((input_shape[-1], 2))  # <- KS402
        self.b = tf.zeros_initializer()((2,))  # <- KS402

    def call(self, x):
        return tf.nn.bias_add(tf.matmul(x, self.w), self.b)
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "random features without a seed, which a file doesn't keep",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, features=8):
        super().__init__()
        self.frequencies = tf.random.normal((4, features), stddev=3.0)  # <- KS402

    def call(self, x):
        angles = tf.matmul(x, self.frequencies)
        return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)
""",
            symptom="fewer-weights",
            evidence="len(layer.weights) < 1",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, features=8):
        super().__init__()
        self.frequencies = self.add_weight(name="frequencies", shape=(4, features), initializer=keras.initializers.RandomNormal(stddev=3.0), trainable=False)  # <- KS402

    def call(self, x):
        angles = tf.matmul(x, self.frequencies)
        return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)
""",  # noqa: E501
        ),
        Example(
            "batch normalization by hand, in Keras 3 with tensors of the backend",
            """\
import tensorflow as tf
import tensorflow.keras.backend as K


class Example(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.gamma = K.ones((int(input_shape[-1]),))  # <- KS402
        self.beta = K.zeros((int(input_shape[-1]),))  # <- KS402

    def call(self, x):
        mean, variance = tf.nn.moments(x, 0)
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, 1e-3)
""",
            (3,),
            symptom="fewer-weights",
            evidence="len(layer.weights) < 2",
        ),
        Example(
            "numbers of a generator, split and used as a weight by a function",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def build(self, input_shape):
        draws = np.random.default_rng(0)
        self.kernel = draws.normal(size=(input_shape[-1], 8))  # <- KS402
        self.scale = keras.random.normal((8,))  # <- KS402

    def call(self, x):
        left, right = keras.ops.split(keras.ops.cast(self.kernel, x.dtype), 2, axis=1)
        y = keras.ops.concatenate([keras.ops.matmul(x, left), keras.ops.matmul(x, right)], axis=-1)
        mean, variance = keras.ops.moments(y, axes=[0])
        return keras.ops.batch_normalization(y, mean, variance, axis=-1, scale=self.scale)
""",
            (3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "zeros to multiply with",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = keras.ops.zeros((input_shape[-1], 8))  # <- KS402

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)
""",
            (3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 1",
        ),
    )
    silent = (
        Example(
            "a weight",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer="random_normal")

    def call(self, x):
        return tf.matmul(x, self.w)
""",
        ),
        Example(
            "weights with initializers",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(
            name="w", shape=(input_shape[-1], 3), initializer=keras.initializers.RandomNormal()
        )
        self.b = self.add_weight(name="b", shape=(3,), initializer="zeros")

    def call(self, x):
        return tf.matmul(x, self.w) + self.b
""",
        ),
        Example(
            "a table of positions, and a mask",
            """\
import keras
import numpy as np
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, size=4):
        super().__init__()
        angles = np.arange(size)[None, :] / np.power(10_000.0, np.arange(size) / size)
        self.positions = tf.constant(np.sin(angles).astype("float32"))
        self.mask = tf.linalg.band_part(tf.ones((size, size)), -1, 0)

    def call(self, x):
        return tf.matmul(x + self.positions, self.mask)
""",
        ),
        Example(
            "random features from a seed",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, features=8):
        super().__init__()
        self.projection = tf.random.stateless_normal((4, features), seed=(1, 2))
        self.frequencies = keras.initializers.RandomNormal(stddev=3.0, seed=7)((features, 3))

    def call(self, x):
        return tf.cos(tf.matmul(tf.sin(tf.matmul(x, self.projection)), self.frequencies))
""",
        ),
        Example(
            "in place of weights that aren't wanted",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, use_scale=True, use_bias=True):
        super().__init__()
        self.use_scale, self.use_bias = use_scale, use_bias

    def build(self, input_shape):
        if self.use_scale:
            self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer="ones")
        else:
            self.gamma = tf.ones((input_shape[-1],))
        self.bias = self.make("bias", input_shape[-1]) if self.use_bias else tf.zeros((input_shape[-1],))

    def make(self, name, width):
        return self.add_weight(name=name, shape=(width,), initializer="zeros")

    def call(self, x):
        return self.gamma * x + self.bias
""",
        ),
        Example(
            "how much each task and class counts",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, tasks=2):
        super().__init__()
        self.head = keras.layers.Dense(tasks)
        self.loss_weights = tf.ones((tasks,))
        self.class_weights = tf.ones((tasks,))

    def call(self, x):
        outputs = self.head(x)
        self.add_loss(tf.reduce_sum(self.loss_weights * tf.reduce_mean(tf.square(outputs), axis=0)))
        return self.class_weights * outputs
""",
        ),
        Example(
            "ones to widen by",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, copies=3):
        super().__init__()
        self.widen = tf.ones((1, copies, 1))

    def call(self, x):
        return x[:, None, :] * self.widen
""",
        ),
        Example(
            "noise of every call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=False):
        noise = tf.random.normal(tf.shape(x), stddev=0.1)
        return self.dense(x + noise)
""",
        ),
        Example(
            "a picture of noise that is kept to look at",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = keras.layers.Dense(4)
        self.samples = tf.random.normal((2, 4))

    def call(self, x):
        return self.generator(x)

    def preview(self):
        return self.generator(self.samples)
""",
        ),
        Example(
            "in Keras 2, a variable of the backend",
            """\
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Layer


class Example(Layer):
    def build(self, input_shape):
        self.gamma = K.ones((input_shape[-1],))
        super().build(input_shape)

    def call(self, x):
        return self.gamma * x
""",
            (2,),
        ),
        Example(
            "a state that call writes",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, size=4):
        super().__init__()
        self.offset = tf.zeros((size,))

    def call(self, x):
        y = x + self.offset
        self.offset = tf.zeros((4,))
        return y
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        candidates = list(_candidates(run))
        if not candidates:
            return
        used = [event for event in run.events_of(Used) if isinstance(event.value, Tensor)]
        for candidate in candidates:
            if not any(use.value == candidate.tensor and _computes(candidate, use) for use in used):
                continue
            site = candidate.tensor.site
            if site is None or site.path != run.module.path:
                at = candidate.write.at
                site = in_own_file(run, at, told_there(run, at, self.check_layer))
            if site is not None:
                made = candidate.tensor.site
                yield Report(
                    site,
                    _message(run, candidate),
                    (Related(made, "made here"),) if made is not None and made.path != site.path else (),
                    partial(_as_weight, run=run, candidate=candidate),
                )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An attribute, the tensor in it, and what that is made of."""

    write: AttributeWrite
    tensor: Tensor
    kind: _Kind

    @property
    def is_like_a_weight(self) -> bool:
        """By its name."""
        name = self.write.name or ""
        return _LIKE_A_WEIGHT.search(name) is not None and not _MEANT_TO_STAY.search(name)


def _candidates(run: LayerRun) -> Iterator[_Candidate]:
    for event in run.events_of(AttributeWrite):
        if event.owner is not run.layer or event.at.phase not in ("init", "build") or event.name is None:
            continue
        seen: list[Tensor] = []
        for tensor in _tensors(event.value):
            kind = _kind(run, tensor)
            if kind is None or tensor in seen or _written_elsewhere(run, event.name):
                continue
            if _is_wanted(run, event.name, tensor, kind):
                seen.append(tensor)
                yield _Candidate(event, tensor, kind)


def _is_wanted(run: LayerRun, name: str, tensor: Tensor, kind: _Kind) -> bool:
    """Whether an attribute's name, and how its tensor is made, speak for a weight."""
    if kind == "random":
        return not (_MEANT_TO_STAY.search(name) and _is_seeded(run, tensor))
    if not _LIKE_A_WEIGHT.search(name) or _A_SETTING.search(name):
        return False
    # Ones and zeros take the place of a weight that somebody doesn't want: `use_bias=False`.
    return not any(isinstance(option, Weight) for option in options(run.layer.attributes.get(name, UNKNOWN)))


def _is_seeded(run: LayerRun, tensor: Tensor) -> bool:
    """Whether every object of the class draws the same numbers."""
    made_by = tensor.made_by or ""
    node = tensor.site.node if tensor.site is not None else None
    if made_by.startswith("jax.random.") or ".stateless_" in made_by:
        return True
    if made_by.startswith("keras.random.") and isinstance(node, ast.Call):
        return any(
            keyword.arg == "seed"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is not None
            for keyword in node.keywords
        )
    initializers = [
        event.value
        for event in run.all_events
        if isinstance(event, Created) and isinstance(event.value, Plain) and event.value.cls.name == made_by
    ]
    seeds = [initializer.attributes.get("seed", Constant(None)) for initializer in initializers]
    return bool(seeds) and Constant(None) not in seeds


def _tensors(value: Value, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Choice):
        for option in value.options:
            yield from _tensors(option, depth)
    elif isinstance(value, Container) and depth:
        for item in value.items:
            yield from _tensors(item.value, depth - 1)


def _kind(run: LayerRun, tensor: Tensor) -> _Kind | None:
    """What a tensor that no weight went into is made of; None if that isn't like a weight's start."""
    if tensor.weights or tensor.layers or tensor.phase not in ("init", "build") or tensor.site is None:
        return None
    kind = _kind_of(tensor.made_by, run.generation) if tensor.made_by is not None else None
    node = tensor.site.node
    if kind is not None:
        return None if isinstance(node, ast.Call) and _of_integers(node) else kind
    if not _keeps_numbers(node):
        return None
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and not _of_integers(inner):
            for meaning in run.project.resolve(run.module, ast.unparse(inner.func)):
                if isinstance(meaning, Library) and _kind_of(meaning.name, run.generation) == "random":
                    return "random"
    return None


def _keeps_numbers(node: ast.AST) -> bool:
    """Whether an expression only scales, shifts or casts what it is made of."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mult | ast.Div | ast.Add | ast.Sub)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in ("astype", "cast", "constant", "convert_to_tensor", "float32", "reshape", "array")
    return False


def _kind_of(name: str, generation: Generation) -> _Kind | None:
    if name in _VARIABLES and generation == 2:
        return None
    if _RANDOM.fullmatch(name):
        return "random"
    filled = _FILLED.fullmatch(name)
    initializer = _INITIALIZER.fullmatch(name)
    word = (filled or initializer)[1].lower() if filled or initializer else ""  # type: ignore[index]
    if word in ("ones", "zeros"):
        return word  # type: ignore[return-value]
    return "random" if initializer is not None else None


def _of_integers(call: ast.Call) -> bool:
    return any(keyword.arg == "dtype" and "int" in ast.unparse(keyword.value) for keyword in call.keywords)


def _written_elsewhere(run: LayerRun, name: str) -> bool:
    """Whether something other than the constructor, `build` and what these use assigns the attribute."""
    writes = [event for event in run.events_of(AttributeWrite) if event.name == name]
    if any(event.at.phase not in ("init", "build") for event in writes):
        return True
    known = {id(event.at.site.node) for event in writes}
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.ctx, ast.Store)
        and id(node) not in known
        for piece in run.definition.statement.body
        if piece.kind == "function" and piece.name not in ("__init__", "build")
        for top in piece.nodes
        for node in ast.walk(top)
    )


def _computes(candidate: _Candidate, use: Used) -> bool:
    """Whether the result of `call` depends on the tensor as on a weight."""
    statement = use.at.statement
    path = _path(statement, use.through) if statement is not None else None
    passed_on = False
    for parent, child in path or ():
        if isinstance(parent, ast.BinOp):
            if candidate.kind == "ones":
                return isinstance(parent.op, ast.Mult)
            if candidate.kind == "zeros":
                return isinstance(parent.op, ast.Add | ast.Sub | ast.MatMult)
            return isinstance(parent.op, ast.Mult | ast.Add | ast.Sub | ast.MatMult | ast.Div)
        if isinstance(parent, ast.AugAssign):
            return isinstance(parent.op, ast.Add if candidate.kind == "zeros" else ast.Mult | ast.MatMult)
        if isinstance(parent, ast.Call):
            if child is parent.func:
                continue
            name = (
                parent.func.attr if isinstance(parent.func, ast.Attribute) else getattr(parent.func, "id", "")
            )
            if _PASSING_ON.fullmatch(name):
                passed_on = True
                continue
            if candidate.kind == "ones":
                return name in ("multiply", "batch_normalization")
            if candidate.kind == "zeros":
                return name == "batch_normalization" or _VANISHING.fullmatch(name) is not None
            if _COMBINING.fullmatch(name) is not None:
                return True
            return candidate.is_like_a_weight and _LOOKING.fullmatch(name) is None
        if isinstance(parent, ast.Assign | ast.For | ast.comprehension):
            return passed_on and candidate.kind == "random"
        if isinstance(parent, ast.Return):
            return candidate.kind == "random" and (passed_on or candidate.is_like_a_weight)
        if not isinstance(
            parent, ast.Subscript | ast.Attribute | ast.List | ast.Tuple | ast.UnaryOp | ast.keyword
        ) or (isinstance(parent, ast.Subscript) and child is not parent.value):
            return False
        if isinstance(parent, ast.Attribute) and parent.attr in ("shape", "dtype", "ndim"):
            return False
    return False


def _path(root: ast.AST, node: ast.AST) -> list[tuple[ast.AST, ast.AST]] | None:
    """The nodes around `node`, innermost first, each with its child on the way."""
    if root is node:
        return []
    for child in ast.iter_child_nodes(root):
        below = _path(child, node)
        if below is not None:
            return [*below, (root, child)]
    return None


def _message(run: LayerRun, candidate: _Candidate) -> str:
    what = "random numbers" if candidate.kind == "random" else candidate.kind
    kept = " (`trainable=False` if it shall stay as it is)" if candidate.kind == "random" else ""
    return (
        f"`self.{candidate.write.name}` of {run.definition.name} is a tensor of {what}, not a weight: Keras "
        f"neither trains nor saves it. Make it with `self.add_weight(…)`{kept}."
    )


def _as_weight(document: Document, run: LayerRun, candidate: _Candidate) -> Fix | None:
    write, site = candidate.write, candidate.tensor.site
    statement = write.at.statement
    if site is None or not isinstance(statement, ast.Assign) or statement.value is not site.node:
        return None
    call = statement.value
    if not isinstance(call, ast.Call) or len(statement.targets) != 1 or not in_own_class(run, write.at.site):
        return None
    made = _arguments(run, candidate, call)
    if made is None:
        return None
    shape, initializer = made
    frozen = ", trainable=False" if _MEANT_TO_STAY.search(write.name or "") else ""
    code = f'self.add_weight(name="{write.name}", shape={shape}, initializer={initializer}{frozen})'
    edits = rewrite.replace(document, site, code)
    return Fix("Make it with add_weight", False, edits) if edits else None


def _arguments(run: LayerRun, candidate: _Candidate, call: ast.Call) -> tuple[str, str] | None:
    """The shape and the initializer of the weight, as code."""
    name = candidate.tensor.made_by or ""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name.startswith("keras.initializers."):
        shape = call.args[0] if call.args else given.get("shape")
        return (ast.unparse(shape), ast.unparse(call.func)) if shape is not None else None
    if not name.startswith(("tensorflow.", "keras.")):
        return None
    shape = call.args[0] if call.args else given.pop("shape", None)
    if shape is None or not set(given) <= {"mean", "stddev", "minval", "maxval"}:
        return None
    if candidate.kind != "random":
        return (ast.unparse(shape), f'"{candidate.kind}"') if len(call.args) <= 1 and not given else None
    initializer, names = _INITIALIZERS.get(name.rpartition(".")[2], ("", ()))
    library = _keras_name(run)
    if not initializer or library is None or len(call.args) > 1 + len(names):
        return None
    settings = {key: ast.unparse(value) for key, value in given.items() if key is not None}
    settings.update({key: ast.unparse(value) for key, value in zip(names, call.args[1:], strict=False)})
    if initializer == "RandomUniform":
        settings = {"minval": settings.get("minval", "0.0"), "maxval": settings.get("maxval", "1.0")}
    else:
        settings.setdefault("stddev", "1.0")
    text = ", ".join(f"{key}={value}" for key, value in settings.items())
    return ast.unparse(shape), f"{library}.initializers.{initializer}({text})"


def _keras_name(run: LayerRun) -> str | None:
    """How the file names Keras: "keras", "tf.keras"."""
    for name in ("keras", "tf.keras", "tf_keras", "tensorflow.keras"):
        for meaning in run.project.resolve(run.module, f"{name}.layers.Layer"):
            if isinstance(meaning, Library) and meaning.name == "keras.layers.Layer":
                return name
    return None
