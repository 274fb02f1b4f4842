"""KS307: state that a constructor makes before Keras' own constructor has run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from kerascope.project.catalogue import LibraryClass
from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.events import AddWeight, AttributeWrite, Escaped, InitReached
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Choice, Container, Layer, Plain, Value, Weight

_FLATTENED = frozenset(("list", "tuple", "dict", "OrderedDict", "namedtuple"))
"""What `tf.nest.flatten` looks into."""


class StateBeforeSuperInit(Rule):
    """
    ## What it does
    Reports `self.add_weight(…)` before `super().__init__()`, and, in a Keras 2 Model, a sublayer, variable or
    empty container that is assigned before it.

    ## Why it matters
    `add_weight` needs what Keras' constructor sets up. A Keras 2 `Model` refuses layers, variables and
    metrics before that, and every list, tuple or dict that holds nothing else, even an empty one. Measured,
    for code in front of `super().__init__()`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `self.add_weight(…)` in a layer or model | RuntimeError | AttributeError: `_dtype_policy` |
    | `self.dense = Dense(4)` in a layer | tracked | tracked |
    | `self.dense = Dense(4)`, `self.blocks = []`, `self.heads = {}` in a Model | tracked | RuntimeError |
    | `self.units = 4`, `self.sizes = [1, 2]` in a layer or model | fine | fine |

    The error of Keras 2 says that you forgot to call `super().__init__()`, though it is there, further down.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            self.gain = self.add_weight(shape=(units,), initializer="ones", name="gain")
            super().__init__()

        def call(self, x):
            return x * self.gain
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.gain = self.add_weight(shape=(units,), initializer="ones", name="gain")

        def call(self, x):
            return x * self.gain
    ```
    A model whose `super().__init__(inputs, outputs)` needs the layers first keeps them in local names until
    then.

    ## When it is silent
    On sublayers of a layer, and in Keras 3 of a model too, which may be assigned early. On numbers, texts,
    tensors and None, and on containers that hold any of these beside layers. Where the constructor never
    reaches Keras' own, which is KS306; where a base can't be known, or `self` was handed to code that can't
    be seen; with `no_automatic_dependency_tracking`.

    ## Fix
    Unsafe: moves the call up. Offered where both stand in the same constructor, and the call's arguments are
    the same there.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.add_weight`).
    - Keras 2.15.0: `keras/src/engine/training.py` (`Model.__setattr__`), `keras/src/engine/base_layer.py`
      (`Layer.add_weight`).
    - [keraspp #3](https://github.com/jskDr/keraspp/issues/3): a Model puts models on attributes before
      `super().__init__(…)`: RuntimeError.
    """

    code = "KS307"
    name = "state-before-super-init"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "A weight, or in a Keras 2 Model any state, is made before super().__init__()."

    reporting = (
        Example(
            "a weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        self.gain = self.add_weight(shape=(units,), initializer="ones", name="gain")  # <- KS307
        super().__init__()

    def call(self, x):
        return x * self.gain
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.gain = self.add_weight(shape=(units,), initializer="ones", name="gain")  # <- KS307

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "in Keras 2, a sublayer of a model",
            """\
import tensorflow as tf


class Example(tf.keras.Model):
    def __init__(self, units=4, **kwargs):
        self.units = units
        self.hidden = tf.keras.layers.Dense(units, activation="relu")  # <- KS307
        self.out = tf.keras.layers.Dense(2)
        super().__init__(**kwargs)

    def call(self, x):
        return self.out(self.hidden(x))
""",
            (2,),
            symptom="raises",
            fixed="""\
import tensorflow as tf


class Example(tf.keras.Model):
    def __init__(self, units=4, **kwargs):
        self.units = units
        super().__init__(**kwargs)
        self.hidden = tf.keras.layers.Dense(units, activation="relu")  # <- KS307
        self.out = tf.keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))
""",
        ),
        Example(
            "in Keras 2, an empty list of a model",
            """\
import keras


class Example(keras.Model):
    def __init__(self, widths=(4, 4)):
        self.blocks = []  # <- KS307
        super().__init__(name="mlp")
        for width in widths:
            self.blocks.append(keras.layers.Dense(width))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            (2,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self, widths=(4, 4)):
        super().__init__(name="mlp")
        self.blocks = []  # <- KS307
        for width in widths:
            self.blocks.append(keras.layers.Dense(width))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "in a method, of a layer that extends Keras' own",
            """\
import keras


class Example(keras.layers.Dense):
    def __init__(self, units=4, **kwargs):
        self.make_scale(units)  # the size is known already
        super().__init__(units, **kwargs)

    def make_scale(self, units):
        self.scale = self.add_weight(shape=(units,), initializer="ones", name="scale")  # <- KS307

    def call(self, x):
        return super().call(x) * self.scale
""",
            symptom="raises",
        ),
        Example(
            "in Keras 2, a functional model's layer",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        inputs = keras.Input((4,))
        self.dense = keras.layers.Dense(3)  # <- KS307
        outputs = self.dense(inputs)
        super().__init__(inputs, outputs)
""",
            (2,),
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "a sublayer of a layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self.dense = keras.layers.Dense(4)
        self.more = [keras.layers.Dense(4)]
        super().__init__()

    def call(self, x):
        return self.more[0](self.dense(x))
""",
        ),
        Example(
            "in Keras 3, a sublayer of a model",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        self.blocks = []
        self.dense = keras.layers.Dense(4)
        super().__init__()

    def call(self, x):
        return self.dense(x)
""",
            (3,),
        ),
        Example(
            "settings of a model",
            """\
import keras


class Example(keras.Model):
    def __init__(self, units=4, activation=None):
        self.units = units
        self.widths = [units, 2 * units]
        self.settings = {"units": units, "activation": activation}
        self.initializer = keras.initializers.GlorotUniform()
        self.head = None
        super().__init__()
        self.head = keras.layers.Dense(self.units, activation=activation)

    def call(self, x):
        return self.head(x)
""",
        ),
        Example(
            "layers in local names until the model is there",
            """\
import keras


class Example(keras.Model):
    def __init__(self, units=4):
        inputs = keras.Input((4,))
        dense = keras.layers.Dense(units)
        super().__init__(inputs, dense(inputs))
        self.dense = dense
""",
        ),
        Example(
            "called twice, by each base",
            """\
import keras


class Base(keras.Model):
    def __init__(self):
        keras.Model.__init__(self)


class Example(Base):
    def __init__(self):
        Base.__init__(self)
        self.dense = keras.layers.Dense(4)
        super().__init__()

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "what a functional model knows of its outputs",
            """\
import keras


def widths_of(count):
    return {str(index): 4 for index in range(count)}


class Example(keras.Model):
    def __init__(self, count=2):
        inputs = keras.Input((4,))
        outputs = {name: keras.layers.Dense(width)(inputs) for name, width in widths_of(count).items()}
        self.shapes = {name: outputs[name].shape for name in outputs}
        super().__init__(inputs, outputs)
""",
        ),
        Example(
            "a list of which something is no layer",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        self.stages = [("first", keras.layers.Dense(4)), ("second", keras.layers.Dense(2))]
        super().__init__()

    def call(self, x):
        for _, layer in self.stages:
            x = layer(x)
        return x
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if not run.complete:
            return
        early: AddWeight | AttributeWrite | None = None
        for event in run.events:
            match event:
                case InitReached(layer=layer) if layer is run.layer:
                    break
                case Escaped(value=value) if value is run.layer:
                    return
                case AddWeight(owner=owner) if owner is run.layer:
                    early = early or event
                case AttributeWrite(owner=owner, name=name) if owner is run.layer:
                    if name == "_self_setattr_tracking":
                        return
                    if early is None and _model_refuses(run, event):
                        early = event
                case _:
                    pass
        else:
            return
        site = in_own_file(run, early.at) if early is not None else None
        if early is None or site is None:
            return
        call = event.at.site
        yield Report(
            site,
            _message(run, early),
            (Related(call, "Keras' constructor runs only here"),) if isinstance(call.node, ast.Call) else (),
            partial(_move_up, run=run, early=early, call=call),
        )


def _model_refuses(run: LayerRun, write: AttributeWrite) -> bool:
    """Whether `Model.__setattr__` of Keras 2 raises on this write."""
    if run.generation != 2 or not run.is_model() or write.via not in ("plain", "setattr"):
        return False
    init = run.method("__init__")
    if init is not None and any(
        "no_automatic_dependency_tracking" in ast.unparse(each) for each in init.node.decorator_list
    ):
        return False
    if isinstance(write.value, Container) and not write.value.items:
        return not write.value.open and _is_empty(write.at.statement)
    return _only_state(write.value)


def _is_empty(statement: ast.stmt | None) -> bool:
    """Whether an assignment's value is written as an empty list, tuple or dict."""
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("list", "dict"):
        return not value.args and not value.keywords
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.List | ast.Tuple) and not value.elts


def _only_state(value: Value, depth: int = 4) -> bool:
    """Whether a value surely is a layer or variable, or a container of nothing else."""
    if isinstance(value, Layer) or (isinstance(value, Weight) and value.kind != "keras variable"):
        return True
    if isinstance(value, Plain):
        return isinstance(value.library, LibraryClass) and value.library.kind == "metric"
    if isinstance(value, Choice):
        return all(_only_state(option, depth) for option in value.options)
    if not isinstance(value, Container) or value.kind not in _FLATTENED or not depth:
        return False
    if value.open and not isinstance(value.site.node, ast.ListComp | ast.DictComp):
        return False
    return bool(value.items) and all(_only_state(item.value, depth - 1) for item in value.items)


def _message(run: LayerRun, early: AddWeight | AttributeWrite) -> str:
    name = run.definition.name
    if isinstance(early, AddWeight):
        return (
            f"add_weight runs before super().__init__() of {name}: it raises RuntimeError in Keras 3, "
            "AttributeError in Keras 2. Call super().__init__() first."
        )
    what = f"`self.{early.name}`" if early.name is not None else "this attribute"
    return (
        f"{what} is set before super().__init__() of {name}: a Keras 2 Model raises RuntimeError on layers, "
        "variables and empty containers. Call super().__init__() first."
    )


def _move_up(document: Document, run: LayerRun, early: AddWeight | AttributeWrite, call: Site) -> Fix | None:
    init = run.method("__init__")
    if init is None or not in_own_class(run, call) or init.owner != run.definition:
        return None
    body = init.node.body
    first = _place(body, early.at.site.node)
    last = _place(body, call.node)
    if first is None:
        # Made in a method: the statement that calls it.
        first = next((at for each in early.at.calls if (at := _place(body, each.node)) is not None), None)
    if first is None or last is None or first >= last:
        return None
    statement = body[last]
    if not isinstance(statement, ast.Expr) or statement.value is not call.node:
        return None
    if not _means_the_same(statement.value, body[first:last]):
        return None
    there = Site(call.path, init.statement, body[first])
    here = Site(call.path, init.statement, statement)
    inserted = rewrite.insert_before(document, there, rewrite.text_of(document, here))
    removed = rewrite.remove(document, here)
    if not inserted or not removed:
        return None
    return Fix("Call super().__init__() before it", False, (*inserted, *removed))


def _place(body: list[ast.stmt], node: ast.AST) -> int | None:
    """Which statement of a function's body holds `node`."""
    for index, statement in enumerate(body):
        if any(inner is node for inner in ast.walk(statement)):
            return index
    return None


def _means_the_same(call: ast.expr, between: list[ast.stmt]) -> bool:
    """Whether the call's arguments are the same before these statements."""
    assert isinstance(call, ast.Call)
    parts = [*call.args, *(keyword.value for keyword in call.keywords)]
    nodes = [node for part in parts for node in ast.walk(part)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if "self" in names or any(isinstance(node, ast.Call) for node in nodes):
        return False
    for statement in between:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Load):
                return False
            if (
                isinstance(node, ast.Attribute | ast.Subscript)
                and isinstance(node.value, ast.Name)
                and node.value.id in names
            ):
                return False
    return True
