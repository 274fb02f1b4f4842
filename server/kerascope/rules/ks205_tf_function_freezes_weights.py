"""KS205: a tf.function that Keras 3 traces before the weights exist keeps their first values for ever."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.project.module import Module
from kerascope.rules.hidden import trains, used_weights
from kerascope.rules.own_code import methods_of
from kerascope.rules.places import in_own_file, named, sublayer_places
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.rules.unbuilt import left_unbuilt
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import Context, LayerBuilt, LayerCalled, Used
from kerascope.tracking.examine import AFTER_CALL
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer

_FUNCTION = re.compile(r"@\S*function|function\(|\.function\b")
_naming: WeakKeyDictionary[Statement, bool] = WeakKeyDictionary()
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TfFunctionFreezesWeights(Rule):
    """
    ## What it does
    Reports `@tf.function` on `call`, or on a method or function that `call` uses, where a sublayer inside it
    gets its weights only from the call: neither the constructor nor `build()` makes them. Also a layer whose
    `call` is such a function, inside a layer or model that doesn't build it.

    ## Why it matters
    Keras 3 makes the weights of such sublayers by running `call` once on placeholders. The tf.function is
    traced then, while the weights have no values: what their initializers give goes into the graph as
    constants, and every later call with the same shapes reuses that graph. The weights are listed and saved,
    but the output doesn't depend on them. Measured on a layer with one `Dense` (2 weights):

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | gradients after a call | None, None | both |
    | output follows a change of the weights | no | yes |
    | `fit` | "No gradients provided for any variable" | trains |
    | the same, `build()` builds the `Dense` | trains | trains |
    | `call(x, training=None)` under the decorator | `fit` trains, a plain call stays frozen | trains |

    With its own `build()` that skips the sublayer, a plain call is right, but a functional model and `fit`
    around the layer are frozen.

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        @tf.function
        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    Leave the decorator out; `fit` and `predict` compile the whole step anyway.
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    In Keras 2; when the constructor or `build()` builds what the function uses; for functions that use no
    weights, or only those of the layer itself; for `train_step` and methods that `call` doesn't use; for a
    function that `call` makes anew each time.

    ## Fix
    Removes the decorator, or the `tf.function(...)` around a method. Unsafe: a plain call runs eagerly then.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._maybe_build`),
      `keras/src/backend/tensorflow/core.py` (`compute_output_spec`),
      `keras/src/backend/common/variables.py` (`Variable.value`).
    """

    code = "KS205"
    name = "tf-function-freezes-weights"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A `tf.function` uses a sublayer that only the call builds: its weights never train."

    reporting = (
        Example(
            "call is a tf.function",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    @tf.function  # <- KS205
    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a compiled method that call uses",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.encoder = [keras.layers.Dense(4, activation="relu") for _ in range(depth)]
        self.out = keras.layers.Dense(2)

    @tf.function(jit_compile=True, reduce_retracing=True)  # <- KS205
    def encode(self, x):
        for layer in self.encoder:
            x = layer(x)
        return x

    def call(self, x, training=None):
        return self.out(self.encode(x))
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.encoder = [keras.layers.Dense(4, activation="relu") for _ in range(depth)]
        self.out = keras.layers.Dense(2)

    def encode(self, x):
        for layer in self.encoder:
            x = layer(x)
        return x

    def call(self, x, training=None):
        return self.out(self.encode(x))
""",
        ),
        Example(
            "a compiled function outside of the class",
            """\
import keras
import tensorflow as tf


@tf.function  # <- KS205
def project(layer, x):
    return tf.nn.relu(layer(x))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return project(self.dense, x)
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
import tensorflow as tf


def project(layer, x):
    return tf.nn.relu(layer(x))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return project(self.dense, x)
""",
        ),
        Example(
            "call wrapped in the constructor",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.call = tf.function(self.call)  # <- KS205

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a method wrapped in the constructor",
            """\
import keras
from tensorflow import function


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(4)
        self.step = function(self._step, autograph=False)  # <- KS205

    def _step(self, x):
        return x + self.dense(self.norm(x))

    def call(self, x):
        return self.step(self.step(x))
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
from tensorflow import function


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(4)
        self.step = self._step  # <- KS205

    def _step(self, x):
        return x + self.dense(self.norm(x))

    def call(self, x):
        return self.step(self.step(x))
""",
        ),
        Example(
            "a sublayer that builds itself, in a layer that doesn't build it",
            """\
import keras
import tensorflow as tf


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = Block()

    @tf.function  # <- KS205
    def call(self, x):
        return self.block(x)
""",
            (3,),
            symptom="no-gradient",
            fixed="""\
import keras
import tensorflow as tf


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def call(self, x):
        return self.block(x)
""",
        ),
        Example(
            "a compiled layer with weights of its own, in a model without build()",
            """\
import keras
import tensorflow as tf


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    @tf.function
    def call(self, x):
        return x * self.gain


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.scale = Scale()

    def call(self, x):
        return self.scale(self.dense(x))  # <- KS205
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "build() that leaves the sublayer out: frozen in fit",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.built = True

    @tf.function  # <- KS205
    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="fit-raises",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "tf.function in the class body",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    call = tf.function(call)  # <- KS205
""",
            (3,),
            symptom="no-gradient",
        ),
    )
    silent = (
        Example(
            "build() builds the sublayer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    @tf.function
    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a function outside of the class, and build() builds what it is given",
            """\
import keras
import tensorflow as tf


@tf.function
def project(layer, x):
    return tf.nn.relu(layer(x))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return project(self.dense, x)
""",
        ),
        Example(
            "a method, and build() builds what it uses",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.gain = self.add_weight(name="gain", shape=(4,), initializer="ones")
        self.built = True

    @tf.function
    def project(self, x):
        return self.hidden(x) * self.gain

    def call(self, x):
        return self.project(x)
""",
        ),
        Example(
            "the function uses no sublayer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    @tf.function
    def squash(self, x):
        return x * tf.sigmoid(x)

    def call(self, x):
        return self.squash(self.dense(x))
""",
        ),
        Example(
            "the function uses a weight of the layer itself",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.gain = self.add_weight(name="gain", shape=(4,), initializer="ones")

    @tf.function
    def scale(self, x):
        return x * self.gain

    def call(self, x):
        return self.scale(self.dense(x))
""",
        ),
        Example(
            "the constructor builds the sublayers",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        self.head = keras.layers.Dense(2)
        self.head.build((None, 4))

    @tf.function
    def call(self, x):
        return self.head(self.body(x))
""",
        ),
        Example(
            "a step of its own, and a method for serving",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    @tf.function
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        return {"loss": loss}

    @tf.function
    def serve(self, x):
        return tf.nn.softmax(self.dense(x))
""",
        ),
        Example(
            "a function made anew in every call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        @tf.function
        def inner(y):
            return self.dense(y)

        return inner(x)
""",
            (3,),
        ),
        Example(
            "in Keras 2, call is never run before the weights exist",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    @tf.function
    def call(self, x):
        return self.dense(x)
""",
            (2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if not run.complete:
            return
        for graph in (*_graphs(run), *_helpers(run)):
            yield from self._own(run, graph)
        yield from self._inside(run)

    def _own(self, run: LayerRun, graph: _Graph) -> Iterator[Report]:
        """A function of the class that uses sublayers which only the call builds."""
        late = {
            id(event.layer): event.layer
            for event in _calls(run)
            if graph.holds(event.at) and _is_late(run, event.layer)
        }
        reaches = [reach for reach in run.sublayers() if id(reach.value) in late]
        if not reaches:
            return
        them, their = ("it", "its first values") if len(reaches) == 1 else ("them", "their first values")
        here = graph.site.path == run.module.path
        yield Report(
            graph.site if here else run.site,
            f"Only the call builds {named(reaches)}, inside the tf.function `{graph.name}`: Keras 3 bakes "
            f"{their} into its graph, and never trains {them}. "
            f"Remove `tf.function`, or build {them} in build().",
            sublayer_places(run, reaches),
            graph.fix() if here else None,
        )

    def _inside(self, run: LayerRun) -> Iterator[Report]:
        """A sublayer that is right by itself, with a function that uses weights of its own `build`."""
        seen: set[int] = set()
        for event in _calls(run, _has_a_function):
            inner = run.run_of(event.layer)
            if inner is None or inner is run or id(event.call) in seen or not inner.complete:
                continue
            graph = next((graph for graph in _graphs(inner) if _uses_built(inner, graph)), None)
            site = in_own_file(run, event.at)
            if graph is None or site is None or not _is_late(run, event.layer):
                continue
            seen.add(id(event.call))
            name = ast.unparse(event.call.func)
            yield Report(
                site,
                f"Only the call builds `{name}` ({event.layer.class_name}), whose `{graph.name}` is a "
                "tf.function: Keras 3 bakes the first values of its weights into the graph, and never trains "
                "them. Build it in build(), or remove `tf.function`.",
                (Related(graph.site, f"`{graph.name}` is a tf.function"),),
            )


@dataclass(frozen=True)
class _Graph:
    """A function of a class that is a tf.function: the decorator, or the call that wraps it."""

    name: str
    site: Site
    nodes: frozenset[int]
    """All that is inside, by `id`."""
    wrapped: ast.expr | None = None

    def holds(self, at: Context) -> bool:
        """Whether something happens inside the function, or inside what it calls."""
        return id(at.site.node) in self.nodes or any(id(call.node) in self.nodes for call in at.calls)

    def fix(self) -> MakeFix:
        def make(document: Document) -> Fix | None:
            edits: tuple[Edit, ...] | None
            if self.wrapped is None:
                edits = _without_decorator(document, self.site)
            else:
                edits = _without_wrapping(document, self.site, self.wrapped)
            return Fix("Remove tf.function", False, edits) if edits else None

        return make


def _without_wrapping(document: Document, site: Site, wrapped: ast.expr) -> tuple[Edit, ...] | None:
    """`self.step` for `tf.function(self.step)`; nothing is left of `self.step = tf.function(self.step)`."""
    for top in site.statement.nodes:
        for node in ast.walk(top):
            targets = node.targets if isinstance(node, ast.Assign) and node.value is site.node else []
            if [ast.unparse(target) for target in targets] == [ast.unparse(wrapped)]:
                return rewrite.remove(document, Site(site.path, site.statement, node))
    place = document.extent_of(Site(site.path, site.statement, wrapped))
    return rewrite.replace(document, site, document.text_of(place)) if place is not None else None


def _graphs(run: LayerRun) -> list[_Graph]:
    """The tf.functions among the methods of a class and of its bases."""
    found: list[_Graph] = []
    for cls in run.mro():
        if not isinstance(cls, ClassDefinition) or not _names_a_function(cls):
            continue
        found.extend(_wrapped_in_body(run, cls))
        for each in methods_of(cls):
            statement, method = each.statement, each.node
            if not _FUNCTION.search(statement.text):
                continue
            for decorator in method.decorator_list:
                if method.name not in AFTER_CALL and _is_tf_function(run, cls.module, decorator):
                    site = Site(cls.module.path, statement, decorator)
                    found.append(_Graph(method.name, site, _inside_of(method)))
            for node in ast.walk(method) if method.name in ("__init__", "build") else ():
                if isinstance(node, ast.Call) and len(node.args) == 1:
                    inner = _own_method(run, node.args[0])
                    if inner is not None and _is_tf_function(run, cls.module, node.func):
                        site = Site(cls.module.path, statement, node)
                        found.append(_Graph(inner.name, site, _inside_of(inner), node.args[0]))
    return found


def _wrapped_in_body(run: LayerRun, cls: ClassDefinition) -> Iterator[_Graph]:
    """`call = tf.function(call)` in the body of a class."""
    for piece in cls.statement.body:
        for node in piece.nodes if _FUNCTION.search(piece.text) else ():
            value = node.value if isinstance(node, ast.Assign) else None
            name = value.args[0] if isinstance(value, ast.Call) and len(value.args) == 1 else None
            if not isinstance(value, ast.Call) or not isinstance(name, ast.Name):
                continue
            method = next((each for each in methods_of(cls) if each.name == name.id), None)
            if method is not None and _is_tf_function(run, cls.module, value.func):
                yield _Graph(method.name, Site(cls.module.path, piece, value), _inside_of(method.node))


def _helpers(run: LayerRun) -> Iterator[_Graph]:
    """The tf.functions outside of classes that call a layer."""
    called = (event.at for event in run.events_of(LayerCalled) if event.at.owner_class is None)
    for site in {at.site.statement: at.site for at in called if not at.site.statement.context}.values():
        module = run.project.module(site.path) if _FUNCTION.search(site.statement.text) else None
        if module is None:
            continue
        for node in site.statement.nodes:
            if isinstance(node, _Function):
                for decorator in node.decorator_list:
                    if _is_tf_function(run, module, decorator):
                        place = Site(site.path, site.statement, decorator)
                        yield _Graph(node.name, place, _inside_of(node))


def _names_a_function(cls: ClassDefinition) -> bool:
    """Whether the text of a class may have a tf.function, by whatever name it goes there."""
    found = _naming.get(cls.statement)
    if found is None:
        found = _naming[cls.statement] = _FUNCTION.search(cls.statement.text) is not None
    return found


def _own_method(run: LayerRun, node: ast.expr) -> _Function | None:
    """The method that `self.method` names."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        found = run.method(node.attr)
        return found.node if found is not None else None
    return None


def _is_tf_function(run: LayerRun, module: Module, node: ast.expr) -> bool:
    """Whether it is `tf.function`, `tf.function(…)` with options, or `partial(tf.function, …)`."""
    if isinstance(node, ast.Call):
        if dotted_name(node.func) in ("functools.partial", "partial") and node.args:
            return _is_tf_function(run, module, node.args[0])
        return not node.args and _is_tf_function(run, module, node.func)
    dotted = dotted_name(node)
    found = run.project.resolve(module, dotted) if dotted is not None else ()
    return bool(found) and all(
        isinstance(meaning, Library) and meaning.name == "tensorflow.function" for meaning in found
    )


def _inside_of(method: _Function) -> frozenset[int]:
    return frozenset(id(node) for statement in method.body for node in ast.walk(statement))


def _has_a_function(run: LayerRun, layer: Layer) -> bool:
    facts = run.facts_of(layer)
    return facts is not None and any(map(_names_a_function, facts.user_classes))


def _calls(
    run: LayerRun, wanted: Callable[[LayerRun, Layer], bool] = lambda *_: True
) -> Iterator[LayerCalled]:
    """The calls of such layers on the way from `call`, not from `train_step` and the like."""
    found = [event for event in run.events_of(LayerCalled) if wanted(run, event.layer)]
    if not found:
        return
    others = frozenset[int]().union(
        *(_inside_of(method.node) for name in AFTER_CALL if (method := run.method(name)) is not None)
    )
    for event in found:
        at = event.at
        inside = id(at.site.node) in others or any(id(call.node) in others for call in at.calls)
        if at.phase == "call" and event.method == "__call__" and not inside:
            yield event


def _is_late(run: LayerRun, layer: Layer) -> bool:
    """Whether Keras knows the layer, and makes its weights when `call` runs for the first time."""
    return left_unbuilt(run, layer) and run.tracked(layer) == "yes" and trains(run, layer)


def _uses_built(run: LayerRun, graph: _Graph) -> bool:
    """Whether a function of the class uses weights that its own `build` makes."""
    built = {id(event.layer) for event in run.events_of(LayerBuilt) if event.at.phase == "build"}
    for event in run.events:
        if event.at.phase != "call" or not graph.holds(event.at):
            continue
        if isinstance(event, LayerCalled):
            if id(event.layer) in built and trains(run, event.layer):
                return True
        elif isinstance(event, Used) and any(
            weight.phase == "build" and weight.trainable for weight in used_weights(event)
        ):
            return True
    return False


def _without_decorator(document: Document, site: Site) -> tuple[Edit, ...] | None:
    """The lines of a decorator taken out."""
    place = document.extent_of(site)
    if place is None:
        return None
    before = document.line(place.start.line)[: place.start.column].strip()
    after = document.line(place.end.line)[place.end.column :].strip()
    if before != "@" or (after and not after.startswith("#")):
        return None
    lines = Range(Position(place.start.line, 0), Position(place.end.line + 1, 0))
    return (Edit(lines, ""),)
