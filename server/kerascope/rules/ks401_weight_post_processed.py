"""KS401: an attribute that holds a tensor computed once from a weight, instead of the weight."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import Library
from kerascope.rules.own_code import parents, reads
from kerascope.rules.places import in_own_file, told_there
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.source.document import Site
from kerascope.tracking.events import AttributeRead, AttributeWrite, ContainerWrite, Context, Used
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import UNKNOWN, Container, Plain, Tensor, Weight, options

_NOT_THE_VALUE = frozenset(("ones_like", "rank", "shape", "size", "stop_gradient", "zeros_like"))
"""Functions whose result says nothing of a weight's value, or is meant to stand still."""
_OF_KERAS = frozenset(("kernel", "embeddings", "bias"))
"""Weights of Keras' own layers."""
_COMPUTATIONS = frozenset(
    (
        *("add", "concat", "concatenate", "expand_dims", "l2_normalize", "matmul", "multiply", "normalize"),
        *("reshape", "square", "stack", "subtract", "transpose"),
    )
)
"""What makes something else of a weight: a mere copy may be meant, of the values at the start."""
_STRUCTURES = (".nest.", ".tree.")
"""Of what handles structures: the result may hold the weights themselves."""


class WeightPostProcessed(Rule):
    """
    ## What it does
    Reports an attribute that is given the result of a computation on a weight or variable
    (`self.add_weight(…) * 2`, `tf.nn.softplus(self.add_weight(…))`, a `concat` or `stack` of weights,
    `variable.read_value()`) in the constructor or in `build`, while `call` uses that attribute. The `kernel`
    or `embeddings` of a sublayer of Keras' own is such a weight, too.

    ## Why it matters
    The computation runs once. The attribute then holds a constant: training changes the weight, but not what
    `call` uses. Measured for `self.w = self.add_weight(…) * 2` in `build`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | trainable weights after a call | 1 | 1 |
    | gradient of the weight on the second step | None | None |
    | `fit` with no other weight | ValueError: no gradients | ValueError |
    | saved and loaded weights | other outputs, no error | other outputs, no error |

    With a raw `tf.Variable`, nothing is in `trainable_weights` at all, and in Keras 2 neither is a weight
    whose attribute is overwritten by the tensor. In Keras 3, inside another layer that has no `build()`, some
    of these raise "out of scope" instead: `build` then runs in a scratch graph.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w") * 2.0

        def call(self, x):
            return x * self.w
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

        def call(self, x):
            return x * (self.w * 2.0)
    ```

    ## When it is silent
    Where `call` computes it, in every call; where `call` uses the weight itself too, and so trains it; where
    `call` doesn't use the attribute; where the weight isn't trainable; on copies of a sublayer's weight; in
    Keras 3 for `weight.value`, which is the variable itself.

    ## Fix
    None: the computation has to move into `call`.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.add_weight`),
      `keras/src/backend/common/variables.py` (`Variable.value`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    - [tensorflow #32729](https://github.com/tensorflow/tensorflow/issues/32729): a kernel computed from
      variables in `build` gives them no gradient; computed in `call`, it does.
    - [keras #4401](https://github.com/keras-team/keras/issues/4401): the advice to make the variables first,
      and to compute from them in `call`.
    - [addons #204](https://github.com/tensorflow/addons/pull/204): why a computation doesn't belong into
      `build()`: TensorFlow Addons' WeightNormalization.
    """

    code = "KS401"
    name = "weight-post-processed"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "call uses a tensor that was computed once from a weight, so the weight never trains."

    reporting = (
        Example(
            "a weight times two",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w") * 2.0  # <- KS401

    def call(self, x):
        return x * self.w
""",
            symptom="no-gradient",
        ),
        Example(
            "softplus of a weight, in the constructor",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        rate = self.add_weight(shape=(4,), initializer="zeros", name="rate")
        self.rate = tf.nn.softplus(rate)  # <- KS401

    def call(self, x):
        return x * self.rate
""",
            symptom="no-gradient",
        ),
        Example(
            "the attribute overwritten by its own reshape",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(16,), initializer="glorot_uniform" if False else "ones", name="w")
        self.w = tf.reshape(self.w, (4, 4))  # <- KS401
        self.built = True

    def call(self, x):
        return tf.matmul(x, self.w)
""",
            symptom={2: "fewer-weights", 3: "no-gradient"},
            evidence="len(layer.trainable_weights) < 1",
        ),
        Example(
            "the exponential of a variable",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = tf.exp(tf.Variable([0.0, 0.0, 0.0, 0.0]))  # <- KS401

    def call(self, x):
        return x * self.scale
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 1",
        ),
        Example(
            "a stack of two weights",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        first = self.add_weight(shape=(4,), initializer="ones", name="first")
        second = self.add_weight(shape=(4,), initializer="ones", name="second")
        self.both = tf.stack([first, second])  # <- KS401

    def call(self, x):
        return tf.matmul(x, self.both, transpose_b=True)
""",
            symptom={2: "no-gradient", 3: "raises"},
        ),
        Example(
            "two weights joined",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        left = self.add_weight(shape=(4, 2), initializer="ones", name="left")
        right = self.add_weight(shape=(4, 2), initializer="zeros", name="right")
        self.kernel = keras.ops.concatenate([left, right], axis=-1)  # <- KS401

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "the weight kept, and the result of a computation on it used",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.raw = self.add_weight(shape=(), initializer="ones", name="raw")
        self.positive = self.raw * self.raw  # <- KS401

    def call(self, x):
        return x * self.positive
""",
            symptom="no-gradient",
        ),
        Example(
            "the value read from a variable",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = tf.Variable(tf.ones((4,))).read_value()  # <- KS401

    def call(self, x):
        return x * self.gain
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 1",
        ),
        Example(
            "in Keras 2, the value of a weight",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain").value()  # <- KS401

    def call(self, x):
        return x * self.gain
""",
            (2,),
            symptom="no-gradient",
        ),
        Example(
            "abs, and a constraint",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.scale = abs(self.add_weight(shape=shape, initializer="ones", name="scale"))  # <- KS401
        positive = keras.constraints.NonNeg()
        self.shift = positive(self.add_weight(shape=shape, initializer="ones", name="shift"))  # <- KS401

    def call(self, x):
        return x * self.scale + self.shift
""",
            symptom="no-gradient",
        ),
        Example(
            "what a constraint makes of a weight, and the sum of several",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        raw = self.add_weight(shape=(4,), initializer="ones", name="raw")
        self.gain = keras.constraints.NonNeg()(raw)  # <- KS401
        parts = [self.add_weight(shape=(4,), initializer="ones", name=f"part_{i}") for i in range(3)]
        self.offset = sum(parts)  # <- KS401

    def call(self, x):
        return x * self.gain + self.offset
""",
            symptom="no-gradient",
        ),
        Example(
            "in an object that samples",
            """\
import keras
import tensorflow as tf


class Normal:
    def __init__(self, mean, deviation):
        self.mean, self.deviation = mean, deviation

    def sample(self):
        return self.mean + self.deviation * tf.random.normal((4,))


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.mean = self.add_weight(shape=(4,), initializer="zeros", name="mean")
        raw = self.add_weight(shape=(4,), initializer="zeros", name="raw")
        self.posterior = Normal(self.mean, tf.nn.softplus(raw))  # <- KS401

    def call(self, x):
        return x + self.posterior.sample() + self.mean
""",
            symptom="no-gradient",
        ),
        Example(
            "the transposed kernel of a sublayer, for a tied decoder",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.encoder = keras.layers.Dense(units, use_bias=False)

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.decoding = tf.transpose(self.encoder.kernel)  # <- KS401
        self.built = True

    def call(self, x):
        return tf.matmul(self.encoder(x), self.decoding)
""",
            symptom="not-saved",
        ),
    )
    silent = (
        Example(
            "the weight kept, and doubled in every call",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * (self.w * 2.0)
""",
        ),
        Example(
            "computed in every call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.raw = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="raw")

    def call(self, x):
        scale = tf.nn.softplus(self.raw * 1.0)
        return x * scale
""",
        ),
        Example(
            "computed in every call, and kept",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.raw = self.add_weight(shape=(), initializer="ones", name="raw")

    def call(self, x):
        doubled = self.raw * 2.0
        return x * doubled
""",
        ),
        Example(
            "in Keras 3, the value of a weight is its variable",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain").value

    def call(self, x):
        return x * self.gain
""",
            (3,),
        ),
        Example(
            "a figure that only a report uses",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.raw = self.add_weight(shape=(4,), initializer="ones", name="raw")
        self.at_start = self.raw * 1.0

    def call(self, x):
        return x * self.raw

    def describe(self):
        return self.at_start
""",
        ),
        Example(
            "the values at the start, kept beside the weight",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=(4,), initializer="ones", name="w")
        self.start = self.w * 1.0
        self.size = tf.size(self.w)

    def call(self, x):
        self.add_loss(tf.reduce_sum(tf.square(self.w - self.start)) / tf.cast(self.size, "float32"))
        return x * self.w
""",
        ),
        Example(
            "a constant of its own",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.half = tf.constant(1.0) / 2.0
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * self.half
""",
        ),
        Example(
            "the kernel of a sublayer, transposed in every call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.encoder = keras.layers.Dense(units, use_bias=False)

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.kernel = self.encoder.kernel
        self.size = tf.size(self.encoder.kernel) + self.encoder.kernel.shape[0] * 0
        self.built = True

    def call(self, x):
        return tf.matmul(self.encoder(x), tf.transpose(self.kernel)) / tf.cast(self.size, "float32")
""",
        ),
        Example(
            "an object that computes in every call",
            """\
import keras
import tensorflow as tf


class Normal:
    def __init__(self, mean, raw):
        self.mean, self.raw = mean, raw

    def sample(self):
        return self.mean + tf.nn.softplus(self.raw) * tf.random.normal((4,))


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.mean = self.add_weight(shape=(4,), initializer="zeros", name="mean")
        self.raw = self.add_weight(shape=(4,), initializer="zeros", name="raw")
        self.posterior = Normal(self.mean, self.raw)

    def call(self, x):
        return x + self.posterior.sample()
""",
        ),
        Example(
            "a weight that isn't meant to train",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(4,), initializer="ones", trainable=False, name="scale") * 0.5

    def call(self, x):
        return x * self.scale
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        used = [event.value for event in run.events_of(Used) if event.at.phase == "call"]
        seen: set[int] = set()
        for name, tensor, at in _kept(run):
            if tensor not in used or tensor.phase not in ("init", "build"):
                continue
            made_by = tensor.made_by or ""
            if made_by.rpartition(".")[2] in _NOT_THE_VALUE or any(part in made_by for part in _STRUCTURES):
                continue
            weights = [weight for weight in tensor.weights if weight.trainable and weight not in used]
            # What an object keeps is wrong where it is computed, not where the object keeps it.
            computed = tensor.site if "." in name else None
            here = computed is not None and computed.path == run.module.path
            site = computed if here else in_own_file(run, at, told_there(run, at, self.check_layer))
            if weights and site is not None and id(site.node) not in seen:
                seen.add(id(site.node))
                yield Report(site, _message(run, name, weights), _places(weights))
        yield from _of_sublayers(run)


def _of_sublayers(run: LayerRun) -> Iterator[Report]:
    """What is computed once from the weights of Keras' own layers: the transposed table of an embedding."""
    call = run.method("call")
    for event in run.events_of(AttributeRead):
        statement, layer = event.at.statement, event.owner
        if event.name not in _OF_KERAS or event.at.phase not in ("init", "build") or call is None:
            continue
        if not isinstance(statement, ast.Assign) or event.at.site.path != run.module.path:
            continue
        target = statement.targets[0]
        own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
        if not own or not isinstance(layer.cls, Library) or not _is_computed(statement, event.at.site.node):
            continue
        assert isinstance(target, ast.Attribute)
        writes = [each for each in run.events_of(AttributeWrite) if each.name in (target.attr, "trainable")]
        frozen = "trainable" in layer.keywords or any(each.name == "trainable" for each in writes)
        if frozen or len(writes) != 1 or not reads(call, target.attr):
            continue
        when = "in the constructor" if event.at.phase == "init" else "in build()"
        yield Report(
            Site(event.at.site.path, event.at.site.statement, target),
            f"`self.{target.attr}` holds a tensor, computed once {when} from "
            f"`{ast.unparse(event.at.site.node)}`: training changes that weight, but not this. Compute it in "
            "`call`.",
        )


def _is_computed(statement: ast.Assign, weight: ast.AST) -> bool:
    """Whether something else is made of the weight's value: not of its shape, and no mere copy."""
    outer = parents(statement)
    computed = False
    node = outer.get(weight)
    while node is not None and node is not statement:
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name not in _COMPUTATIONS:
                return False
            computed = True
        elif isinstance(node, ast.BinOp):
            computed = True
        elif not isinstance(node, ast.List | ast.Tuple | ast.keyword):
            return False
        node = outer.get(node)
    return computed


def _kept(run: LayerRun) -> Iterator[tuple[str, Tensor, Context]]:
    """The tensors that attributes, and the objects, lists and dicts on them, hold in the end."""
    objects = {
        id(option): name
        for name, value in run.layer.attributes.items()
        for option in options(value)
        if isinstance(option, Plain)
    }
    containers: dict[int, str] = {}
    writes = [write for write in run.events_of(ContainerWrite) if write.at.phase in ("init", "build")]
    put_in_later = {id(write.at.site.node) for write in writes}
    in_the_end = {name: set(map(id, options(value))) for name, value in run.layer.attributes.items()}
    for event in run.events_of(AttributeWrite):
        if event.name is None or event.at.phase not in ("init", "build"):
            continue
        if isinstance(event.owner, Plain) and (held_by := objects.get(id(event.owner))) is not None:
            final = options(event.owner.attributes.get(event.name, UNKNOWN))
            for value in options(event.value):
                if isinstance(value, Tensor) and value in final:
                    yield f"{held_by}.{event.name}", value, event.at
        if event.owner is not run.layer:
            continue
        final = options(run.layer.attributes.get(event.name, UNKNOWN))
        for value in options(event.value):
            if isinstance(value, Tensor) and value in final:
                yield event.name, value, event.at
        for stored in options(event.stored):
            if isinstance(stored, Container) and id(stored) in in_the_end.get(event.name, ()):
                containers[id(stored)] = event.name
                for item in stored.items:
                    if isinstance(item.value, Tensor) and id(item.site.node) not in put_in_later:
                        yield event.name, item.value, event.at
    for write in writes:
        if (held_by := containers.get(id(write.container))) is not None:
            for value in write.values:
                if isinstance(value, Tensor):
                    yield held_by, value, write.at


def _message(run: LayerRun, name: str, weights: list[Weight]) -> str:
    when = "in the constructor" if all(weight.phase == "init" for weight in weights) else "in build()"
    tracked = [weight for weight in weights if run.tracked(weight) == "yes"]
    what = "a weight" if len(weights) == 1 else f"{len(weights)} weights"
    first = f"`self.{name}` holds a tensor, computed once {when} from {what}"
    if tracked:
        return f"{first}: training never changes it, and the weight gets no gradient. Compute it in `call`."
    return (
        f"{first}, which Keras doesn't know of: it never trains. Keep the weight, and compute this in `call`."
    )


def _places(weights: list[Weight]) -> tuple[Related, ...]:
    ordered = sorted(weights, key=lambda weight: getattr(weight.site.node, "lineno", 0))
    return tuple(Related(weight.site, "the weight is made here") for weight in ordered[:3])
