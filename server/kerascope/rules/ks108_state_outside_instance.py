"""KS108: `call` uses a layer or variable that lives in the class, a module or a function, not in self."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.hidden import (
    class_of,
    created_at,
    lost,
    lost_and_used,
    made_outside,
    makers,
    several,
    states,
    trains,
    used_weights,
    weights_text,
)
from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit
from kerascope.source.rewrite import append_to_body, insert_method, remove
from kerascope.tracking.events import (
    AttributeWrite,
    ContainerWrite,
    Context,
    Created,
    LayerCalled,
    StoredOutside,
    Used,
)
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, State, Weight

_STEPS = {"train_step", "test_step", "predict_step", "compute_loss"}
"""Methods of a Model that often train other models, by their own lists of weights."""


class StateOutsideInstance(Rule):
    """
    ## What it does
    Reports a layer or variable that `call` uses while it lives in the class body, in a module's global
    variable, in an enclosing function, in the cache of an `lru_cache`d function, in a list or dict of a
    class body or a module that it is put into, or in a default argument that all instances share.

    ## Why it matters
    Keras finds weights by what is assigned to attributes of the object. A class attribute or a global
    variable is never assigned to it, so its weights are in no `trainable_weights`. Measured on a `Dense`
    in the class body and on one in a global variable: 2 variables used, 0 trainable, `fit` changes
    nothing; the same in Keras 3.15 and Keras 2.15. A layer in a default argument is tracked, but all
    instances train the one layer.

    ## Example
    ```python
    class Scale(keras.layers.Layer):
        dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(4)
    ```

    ## When it is silent
    When the file freezes the global layer, loads its weights or reads them by name; when the same layer
    is assigned to an attribute in `__init__` or `build` too; when it has no weights; when only the class
    or a literal lives outside (`dense = None`, `units = 4`).

    ## Fix
    Moves a layer of the class body to `__init__`; assigns a global one to an attribute there. Unsafe: its
    weights begin to train and to be saved.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    """

    code = "KS108"
    name = "state-outside-instance"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "`call` uses a layer or variable that lives outside the object."

    reporting = (
        Example(
            "a layer in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    dense = keras.layers.Dense(4)  # <- KS108

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a list of layers in the class body",
            """\
from tensorflow.keras import layers


class Example(layers.Layer):
    stages = [layers.Dense(4), layers.Dense(4)]  # <- KS108

    def __init__(self, rate=0.1):
        super().__init__()
        self.dropout = layers.Dropout(rate)

    def call(self, x, training=False):
        for stage in self.stages:
            x = stage(x)
        return self.dropout(x, training=training)
""",
            symptom="untracked",
            fixed="""\
from tensorflow.keras import layers


class Example(layers.Layer):

    def __init__(self, rate=0.1):
        super().__init__()
        self.dropout = layers.Dropout(rate)
        self.stages = [layers.Dense(4), layers.Dense(4)]

    def call(self, x, training=False):
        for stage in self.stages:
            x = stage(x)
        return self.dropout(x, training=training)
""",
        ),
        Example(
            "a global layer",
            """\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 2.0

    def call(self, x):
        return shared(x) * self.scale  # <- KS108
""",
            symptom="untracked",
            fixed="""\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.shared = shared

    def call(self, x):
        return shared(x) * self.scale  # <- KS108
""",
        ),
        Example(
            "a global variable",
            """\
import tensorflow as tf

temperature = tf.Variable(2.0)


class Example(tf.keras.layers.Layer):
    def call(self, x):
        return x / temperature  # <- KS108
""",
            symptom="untracked",
        ),
        Example(
            "a layer of the enclosing function",
            """\
import keras


def make_layer(units):
    dense = keras.layers.Dense(units)

    class Block(keras.layers.Layer):
        def call(self, x):
            return keras.activations.relu(dense(x))  # <- KS108

    return Block()
""",
            make="make_layer(4)",
            symptom="untracked",
        ),
        Example(
            "a cached method",
            """\
from functools import lru_cache

import keras


class Example(keras.layers.Layer):
    @lru_cache(maxsize=None)
    def dense(self, units):
        return keras.layers.Dense(units)  # <- KS108

    def call(self, x):
        return self.dense(4)(x)
""",
            symptom="untracked",
        ),
        Example(
            "a list in the class body that every instance fills",
            """\
import keras


class Example(keras.layers.Layer):
    heads: list = []

    def __init__(self, depth=2):
        super().__init__()
        for _ in range(depth):
            self.heads.append(keras.layers.Dense(4))  # <- KS108

    def call(self, x):
        return sum(head(x) for head in self.heads)
""",
            symptom="untracked",
        ),
        Example(
            "a global cache of layers",
            """\
import keras

_PROJECTIONS = {}


def projection(name):
    if name not in _PROJECTIONS:
        _PROJECTIONS[name] = keras.layers.Dense(4, name=name)  # <- KS108
    return _PROJECTIONS[name]


class Example(keras.layers.Layer):
    def __init__(self, names=("query", "value")):
        super().__init__()
        self.names = names

    def call(self, x):
        return sum(projection(name)(x) for name in self.names)
""",
            symptom="untracked",
        ),
        Example(
            "a default argument",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, stages=[keras.layers.Dense(4)]):  # <- KS108
        super().__init__()
        self.stages = stages

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="Example().stages[0] is layer.stages[0]",
        ),
        Example(
            "a layer that the constructor puts on the class",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        type(self).dense = keras.layers.Dense(4)  # <- KS108

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a layer that the constructor puts into a global variable",
            """\
import keras

projection = None


class Example(keras.layers.Layer):
    def __init__(self):
        global projection
        super().__init__()
        projection = keras.layers.Dense(4)  # <- KS108

    def call(self, x):
        return projection(x)
""",
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "a layer on the class, and on an attribute",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        type(self).latest = self.dense

    def call(self, x):
        return self.latest(x)
""",
        ),
        Example(
            "assigned in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    units = 4
    dense: keras.layers.Layer

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a global layer that is an attribute as well",
            """\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.shared = shared

    def call(self, x):
        return shared(x)
""",
        ),
        Example(
            "a layer without weights in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    flatten = keras.layers.Flatten()

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(self.flatten(x))
""",
        ),
        Example(
            "a global layer for a functional model",
            """\
import keras

dense = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.own = keras.layers.Dense(4)

    def call(self, x):
        return self.own(x)


inputs = keras.Input((4,))
model = keras.Model(inputs, dense(Example()(inputs)))
""",
        ),
        Example(
            "a global cache whose layers are assigned, a list in the class body that isn't written to",
            """\
import keras

_PROJECTIONS = {}


def projection(name):
    if name not in _PROJECTIONS:
        _PROJECTIONS[name] = keras.layers.Dense(4, name=name)
    return _PROJECTIONS[name]


class Example(keras.layers.Layer):
    extra: list = []

    def __init__(self, names=("query", "value")):
        super().__init__()
        self.layers_used = [*self.extra, *(projection(name) for name in names)]

    def call(self, x):
        return sum(layer(x) for layer in self.layers_used)
""",
        ),
        Example(
            "a default of None",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, stages=None):
        super().__init__()
        self.stages = stages or [keras.layers.Dense(4)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="Example().stages[0] is layer.stages[0]",
        ),
        Example(
            "a frozen global layer",
            """\
import keras

features = keras.layers.Dense(4)
features.trainable = False


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return features(self.dense(x))
""",
        ),
        Example(
            "a global model with an optimizer of its own",
            """\
import keras
import tensorflow as tf

critic = keras.Sequential([keras.layers.Dense(4)])
tracker = keras.metrics.Mean(name="loss")


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(critic(self(x)))
        weights = critic.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        tracker.update_state(loss)
        return {"loss": tracker.result()}
""",
        ),
        Example(
            "a class in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    inner_class = keras.layers.Dense

    def __init__(self):
        super().__init__()
        self.inner = self.inner_class(4)

    def call(self, x):
        return self.inner(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[tuple[int, int]] = set()
        for state, at, through in _uses(run):
            if run.generation == 3 and isinstance(state, Weight) and state.kind == "tf variable":
                advice = "Make it in `__init__` with `self.add_weight`"
            else:
                advice = "Assign it to an attribute in `__init__`"
            place = _place(run, state, at)
            if place is None or not lost(run, [state]) or _is_cared_for(run, state, through):
                continue
            site, where, fix = place[0], place[1], _fix(run, state, place[0], through)
            if (key := (id(site.statement), 0 if state.phase == "class body" else id(site.node))) in seen:
                continue
            seen.add(key)
            what, whose = _named(state)
            yield Report(
                site,
                f"`call` uses {what} that lives {where}, where Keras doesn't look: {whose}"
                f"{weights_text(run, [state])} won't be trained. {advice}.",
                makers(run, [state]),
                fix,
            )
        yield from _put_outside(run)
        yield from _stored_outside(run)
        yield from _shared_defaults(run)


def _stored_outside(run: LayerRun) -> Iterator[Report]:
    """What a method of the object makes, and puts on its class or into a global variable."""
    for event in run.events_of(StoredOutside):
        site = in_own_file(run, event.at) if event.at.phase in ("init", "build") else None
        found = [state for state in lost_and_used(run, states(event.value)) if not made_outside(run, state)]
        if not found or site is None or _is_named_for(run, event.name):
            continue
        what, whose = _named(found[0])
        where = "in a global variable" if event.cls is None else "on the class"
        yield Report(
            site,
            f"`call` uses {what} that lives {where}, where Keras doesn't look: {whose}"
            f"{weights_text(run, found[:1])} won't be trained. Assign it to an attribute of `self`.",
            makers(run, found[:1]),
        )


def _uses(run: LayerRun) -> Iterator[tuple[State, Context, ast.expr | None]]:
    """What `call` uses, and where."""
    cached = {
        id(event.value)
        for event in run.all_events
        if isinstance(event, AttributeWrite) and event.via == "cached_property"
    }
    for event in run.events:
        if event.at.phase != "call" or event.at.method in _STEPS:
            continue
        used: list[State] = []
        through: ast.expr | None = None
        if isinstance(event, LayerCalled):
            used, through = [event.layer], event.call.func
        elif isinstance(event, Used):
            used, through = list(used_weights(event)), event.through
        for state in used:
            made = created_at(run, state)
            kept = made is not None and made.once and id(state) not in cached
            if kept or made_outside(run, state):
                yield state, event.at, through


def _is_cared_for(run: LayerRun, state: State, through: ast.expr | None) -> bool:
    """Whether the file freezes a global layer, loads it or reads its weights by name."""
    name = through.id if isinstance(through, ast.Name) else getattr(through, "attr", None)
    return name is not None and _is_named_for(run, name, state.site.path)


def _is_named_for(run: LayerRun, name: str, *more: str) -> bool:
    paths = {run.module.path, *more}
    pattern = rf"\b{name}\.(?:\w*_)?(?:trainable|weights|variables)\b"
    return any(run.project.mentions(path, pattern) for path in paths)


def _place(run: LayerRun, state: State, at: Context) -> tuple[Site, str] | None:
    """Where to report it, and where it lives."""
    if state.phase == "class body":
        if state.site.path == run.module.path:
            return state.site, "in the class body"
        site = in_own_file(run, at)
        return (site, "in the body of a base class") if site is not None else None
    made = created_at(run, state)
    if made is not None and made.once:
        site = state.site if state.site.path == run.module.path else in_own_file(run, at)
        return (site, "in a cache") if site is not None else None
    site = in_own_file(run, at)
    if site is None:
        return None
    return (
        site,
        "in an enclosing function" if state.site.statement.kind == "function" else "in a global variable",
    )


def _named(state: State) -> tuple[str, str]:
    name = class_of(state)
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}", "its weights" if isinstance(
        state, Layer
    ) else "it"


def _fix(run: LayerRun, state: State, site: Site, through: ast.expr | None) -> MakeFix | None:
    if run.module.path != run.definition.module.path or run.definition.statement.kind != "class":
        return None
    if state.phase == "class body":
        return _moved(run, site) if in_own_class(run, state.site) else None
    if isinstance(state, Layer) and isinstance(through, ast.Name) and site is not state.site:
        name = through.id.lstrip("_").lower()
        if name in run.layer.attributes or run.method(name) is not None:
            return None
        return _in_constructor(run, f"self.{name} = {through.id}", None)
    return None


def _moved(run: LayerRun, site: Site) -> MakeFix | None:
    """The assignment of the class body in `__init__`."""
    nodes = site.statement.nodes
    node = nodes[0] if len(nodes) == 1 else None
    if (
        not isinstance(node, ast.Assign)
        or len(node.targets) != 1
        or not isinstance(node.targets[0], ast.Name)
    ):
        return None
    return _in_constructor(run, node.targets[0].id, Site(site.path, site.statement, node))


def _in_constructor(run: LayerRun, code: str, moved: Site | None) -> MakeFix | None:
    """`code` at the end of `__init__`; or the assignment `moved`, whose name is `code`."""
    method = run.method("__init__")
    if method is not None and method.owner != run.definition:
        return None

    def make(document: Document) -> Fix | None:
        line, gone = code, None
        if moved is not None and isinstance(moved.node, ast.Assign):
            place = document.extent_of(Site(moved.path, moved.statement, moved.node.value))
            gone = remove(document, moved)
            if place is None or gone is None:
                return None
            line = f"self.{code} = {document.text_of(place)}"
        if method is not None:
            edits = append_to_body(document, method.site, line)
        else:
            body = f"def __init__(self, **kwargs):\n    super().__init__(**kwargs)\n    {line}\n"
            edits = insert_method(document, run.site, body)
        if edits is None:
            return None
        every: tuple[Edit, ...] = (*edits, *(gone or ()))
        title = "Move it to __init__" if moved is not None else "Assign it to an attribute in __init__"
        return Fix(title, False, tuple(sorted(every, key=lambda edit: edit.range)))

    return make


def _put_outside(run: LayerRun) -> Iterator[Report]:
    """Layers that the class puts into a list or dict of a class body or a module."""
    outside: dict[int, str] = {}
    for event in run.all_events:
        if isinstance(event, Created) and isinstance(event.value, Container):
            if event.at.phase == "class body":
                outside[id(event.value)] = "the class body, one for all instances"
            elif event.at.phase == "module" and event.at.method is None:
                outside[id(event.value)] = "a module"
    seen: set[int] = set()
    for write in run.events_of(ContainerWrite) if outside else ():
        found = lost_and_used(run, write.values) if id(write.container) in outside else []
        site = in_own_file(run, write.at)
        if site is None or not found or id(site.node) in seen:
            continue
        seen.add(id(site.node))
        through, where = ast.unparse(write.through), outside[id(write.container)]
        own = through.startswith("self.")
        yield Report(
            site,
            f"`{through}` is made in {where}, where Keras doesn't look: the weights of the "
            f"{class_of(found[0])}{several(found)} put in here{weights_text(run, found)} won't be trained. "
            + (
                f"Make `{through}` in `__init__`."
                if own
                else "Assign what is used to an attribute, in `__init__`."
            ),
            makers(run, found),
        )


def _shared_defaults(run: LayerRun) -> Iterator[Report]:
    """Layers made by a default argument of `__init__`, once for all instances."""
    method = run.method("__init__")
    if method is None or method.owner != run.definition:
        return
    arguments = method.node.args
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if default is None or isinstance(default, ast.Constant | ast.Name):
            continue
        inside = list(ast.walk(default))
        for reach in run.reaches():
            if any(reach.value.site.node is node for node in inside) and trains(run, reach.value):
                yield Report(
                    reach.value.site,
                    f"A default argument is made once: all instances of `{run.definition.name}` share this "
                    f"{class_of(reach.value)} and its weights. Use None as default, "
                    f"and make it in `__init__`.",
                )
                break
