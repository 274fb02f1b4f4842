"""KS113: a `Lambda`, or a functional model's own arithmetic, that uses weights nobody tracks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from kerascope.project.meaning import Library
from kerascope.rules.hidden import (
    class_of,
    created_at,
    lost,
    makers,
    states,
    trains,
    used_weights,
    weights_text,
)
from kerascope.rules.own_code import parents
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Example, Report, Rule
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.events import (
    AttributeWrite,
    Context,
    Created,
    Event,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
    Used,
)
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import (
    Constant,
    Container,
    Function,
    Layer,
    Partial,
    Plain,
    State,
    Tensor,
    Value,
    Weight,
    options,
)

_HARMLESS = frozenset(("build", "summary", "name"))
"""What may be done with a layer elsewhere, without its getting into a model."""

_COMPUTES = re.compile(
    r"(?:tf|tensorflow|keras|K|ops|backend)(?:\.\w+)*\.(?!set_|update|batch_|assign|stop_gradient)[a-z]\w*"
)
"""A function that computes with what it is given, by its name."""

_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class LambdaHoldsState(Rule):
    """
    ## What it does
    Reports a layer or trainable variable that the function of a `keras.layers.Lambda` uses or makes, and a
    variable with which a functional model computes outside of every layer, if no layer or model holds it.
    In Keras 2 also a layer that an attribute holds, but that only the function of a `Lambda` calls.

    ## Why it matters
    A `Lambda` keeps a function, and Keras doesn't look into it for weights: what it uses is in no
    `trainable_weights` of the model. Nothing warns in Keras 3. Measured on a model of one such step:

    | used by the function | Keras 3.15 | Keras 2.15 |
    | --- | --- | --- |
    | a `Dense` made outside | 2 variables used, 0 trainable, `fit` changes nothing | ValueError |
    | a `Dense` made and built outside | the same | 0 trainable, with a warning |
    | a `Dense` that an attribute holds | 2 trainable, `fit` learns | ValueError |
    | a `Dense` made in the function | another for every call, `fit` raises ValueError | ValueError |
    | a `tf.Variable` made outside | 1 used, 0 trainable | 0 trainable, with a warning |
    | none: `keras.Model(x, tf.matmul(x, variable))` | 1 used, 0 trainable | 0 trainable, with a warning |

    ## Example
    ```python
    import keras

    dense = keras.layers.Dense(4)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: dense(x) * 2.0)])
    ```

    ## Instead
    ```python
    import keras


    class Doubled(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(units)

        def build(self, input_shape):
            self.dense.build(input_shape)
            self.built = True

        def call(self, x):
            return self.dense(x) * 2.0


    model = keras.Sequential([keras.Input((4,)), Doubled(4)])
    ```

    ## When it is silent
    On functions without weights; where the layer or variable is an attribute of a layer, is called outside of
    the `Lambda` too, or is given to it as its function or in `arguments`; where the code does anything else
    with it: freezes it, gives it a value, returns it, keeps it in an object, hands it to an optimizer or
    callback; on pretrained networks of `keras.applications`, on `keras.backend.variable`, and on what isn't
    trainable.

    Arithmetic of a functional model inside a layer's constructor isn't looked at.

    ## Fix
    None: the weights need a layer of their own, which only its author can name.

    ## References
    - Keras 3.15.1: `keras/src/layers/core/lambda_layer.py` (`Lambda.call`).
    - Keras 2.15.0: `keras/src/layers/core/lambda_layer.py` (`Lambda._check_variables`).
    - [keras #4608](https://github.com/keras-team/keras/issues/4608): a variable made in the function of a
      `Lambda`: the model has no parameters.
    - [keras #9740](https://github.com/keras-team/keras/issues/9740): a model inside a `Lambda` isn't saved,
      without an error.
    - [keras-applications #168](https://github.com/keras-team/keras-applications/issues/168): a network
      inside a `Lambda` doesn't learn.
    """

    code = "KS113"
    name = "lambda-holds-state"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A Lambda or a functional model uses weights that nothing tracks."

    reporting = (
        Example(
            "a layer from outside",
            """\
import keras

dense = keras.layers.Dense(4)
model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: dense(x) * 2.0)])  # <- KS113
""",
            make="model",
            symptom={2: "raises", 3: "untracked"},
        ),
        Example(
            "a built layer in a function",
            """\
from tensorflow import keras
from tensorflow.keras import layers


def make_model(width=4):
    inputs = keras.Input((width,))
    gate = layers.Dense(width, activation="sigmoid")
    gate.build((None, width))

    def gated(x):
        return x * gate(x)  # <- KS113

    x = layers.Dense(width)(inputs)
    x = layers.Lambda(gated, name="gated")(x)
    return keras.Model(inputs, layers.Dense(1)(x))
""",
            make="make_model()",
            symptom="untracked",
        ),
        Example(
            "a variable",
            """\
import keras
import tensorflow as tf
from keras import layers


def scaled(units):
    scale = tf.Variable(tf.ones((units,)), name="scale")
    return layers.Lambda(lambda x: x * scale)  # <- KS113


def make_model():
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(1)(scaled(8)(hidden)))
""",
            make="make_model()",
            symptom="untracked",
        ),
        Example(
            "a layer made by the function",
            """\
import keras
from keras import layers


def attend(x):
    scores = layers.Dense(4, activation="softmax")(x)  # <- KS113
    return x * scores


def make_model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Lambda(attend)(inputs))
""",
            make="make_model()",
            symptom={2: "raises", 3: "created-every-call"},
        ),
        Example(
            "a variable in a functional model",
            """\
import keras
import tensorflow as tf


def make_model():
    inputs = keras.Input((4,))
    temperature = tf.Variable(1.0, name="temperature")
    x = keras.layers.Dense(4)(inputs)
    x = x * temperature  # <- KS113
    return keras.Model(inputs, keras.layers.Dense(2)(x))
""",
            make="make_model()",
            symptom="untracked",
        ),
        Example(
            "in the constructor of a layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        dense = keras.layers.Dense(units)
        dense.build((None, 4))
        self.project = keras.layers.Lambda(lambda x: keras.activations.relu(dense(x)))  # <- KS113

    def call(self, x):
        return self.project(x)
""",
            symptom="untracked",
        ),
        Example(
            "a bound method",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        inner = keras.layers.Dense(4)
        self.head = keras.layers.Lambda(inner.__call__)  # <- KS113

    def call(self, x):
        return self.head(x)
""",
            (3,),
            symptom="untracked",
        ),
        Example(
            "in Keras 2, an attribute's layer that only the Lambda calls",
            """\
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)
        self.double = keras.layers.Lambda(lambda x: self.dense(x) * 2.0)  # <- KS113

    def call(self, x):
        return self.double(x)
""",
            generations=(2,),
            symptom="raises",
        ),
    )

    silent = (
        Example(
            "a pure function",
            """\
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

model = keras.Sequential(
    [
        keras.Input((4,)),
        layers.Dense(4),
        layers.Lambda(lambda x: tf.math.l2_normalize(x, axis=-1)),
    ]
)
""",
            make="model",
        ),
        Example(
            "the layer is an attribute as well",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.double = keras.layers.Lambda(lambda x: self.dense(x) * 2.0)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.double(x)
""",
        ),
        Example(
            "in Keras 3, an attribute's layer that only the Lambda calls",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.double = keras.layers.Lambda(lambda x: self.dense(x) * 2.0)

    def call(self, x):
        return self.double(x)
""",
            generations=(3,),
        ),
        Example(
            "an attribute's layer that is called without the Lambda first",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.double = keras.layers.Lambda(lambda x: self.dense(x) * 2.0)

    def call(self, x):
        return self.double(self.dense(x))
""",
        ),
        Example(
            "the layer is called outside, too",
            """\
import keras


def make_model():
    inputs = keras.Input((4,))
    dense = keras.layers.Dense(4)
    x = dense(inputs)
    return keras.Model(inputs, keras.layers.Lambda(lambda t: dense(t) + t)(x))
""",
            make="make_model()",
        ),
        Example(
            "the layer is the function",
            """\
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(keras.layers.Dense(4))])
""",
            make="model",
            symptom={2: "raises"},
        ),
        Example(
            "a weight that a callback sets",
            """\
import keras
import tensorflow as tf

strength = tf.Variable(0.0)


class WarmUp(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        strength.assign(min(1.0, epoch / 10))


inputs = keras.Input((4,))
hidden = keras.layers.Dense(4)(inputs)
model = keras.Model(inputs, keras.layers.Lambda(lambda x: x * strength)(hidden))
""",
            make="model",
            symptom="untracked",
        ),
        Example(
            "a frozen network",
            """\
import keras

features = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
features.trainable = False
inputs = keras.Input((4,))
hidden = keras.layers.Dense(4)(inputs)
model = keras.Model(inputs, keras.layers.Lambda(lambda x: features(x))(hidden))
""",
            make="model",
        ),
        Example(
            "a trainer that keeps the layer, and trains it",
            """\
import keras
import tensorflow as tf


class Trainer:
    def __init__(self):
        self.gate = keras.layers.Dense(4)
        self.gate.build((None, 4))
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(4)(inputs)
        self.model = keras.Model(inputs, keras.layers.Lambda(lambda t: t * self.gate(t))(hidden))

    def gradients(self, x):
        weights = self.model.trainable_variables + self.gate.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.model(x))
        return tape.gradient(loss, weights)
""",
            make="Trainer().model",
            symptom="untracked",
        ),
        Example(
            "a layer without weights",
            """\
import keras
from keras import layers

model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Lambda(lambda x: layers.ReLU()(x))])
""",
            make="model",
        ),
        Example(
            "constants and a variable that isn't trainable",
            """\
import keras
import numpy as np
import tensorflow as tf

scale = np.array([1.0, 2.0, 3.0, 4.0], "float32")
offset = tf.Variable(tf.ones((4,)), trainable=False)
inputs = keras.Input((4,))
hidden = keras.layers.Dense(4)(inputs)
shifted = keras.layers.Lambda(lambda t: t + offset)(hidden)
model = keras.Model(inputs, keras.layers.Dense(2)(shifted * scale + offset))
""",
            make="model",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        reported: set[int] = set()
        for state, event, holder in _in_lambdas(run.all_events):
            if id(event.at.site.node) in reported or event.at.site.path != run.module.path:
                continue
            if not in_own_class(run, holder.site) or holder.phase not in ("init", "build", "call"):
                continue
            if run.generation == 2 and not event.at.conditional and _is_first_built_in_lambda(run, state):
                reported.add(id(event.at.site.node))
                yield _raises(run, state, event)
                continue
            if not lost(run, [state]) or _is_cared_for(run, run.all_events, state, event, holder):
                continue
            reported.add(id(event.at.site.node))
            yield _report(run, state, event, holder, created_at(run, state))

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        reported: set[int] = set()
        for state, event, holder in _in_lambdas(run.events):
            if id(event.at.site.node) in reported or event.at.site.path != run.module.path:
                continue
            if holder.phase in ("init", "build", "call", "class body"):
                continue
            made = created_at(run, state)
            if made is None or not trains(run, state) or _is_held(run, state):
                continue
            if _is_cared_for(run, run.events, state, event, holder):
                continue
            reported.add(id(event.at.site.node))
            yield _report(run, state, event, holder, made)
        for weight, site in _free_in_graphs(run):
            if site.path != run.module.path or not trains(run, weight) or _is_held(run, weight):
                continue
            if not _is_given_for_good(weight):
                yield Report(
                    site,
                    f"This uses a {class_of(weight)} outside of every layer, where the model doesn't track "
                    "it: it won't be trained or saved. Make it in a layer, with `self.add_weight`.",
                    makers(run, [weight]),
                )


_Use = LayerCalled | Used


def _in_lambdas(events: Sequence[Event]) -> Iterator[tuple[State, _Use, Layer]]:
    """What the functions of `Lambda`s use, and where."""
    for event in events:
        holder = event.at.subject
        if not isinstance(event, LayerCalled | Used) or holder is None or not _is_lambda(holder):
            continue
        used: list[State] = [event.layer] if isinstance(event, LayerCalled) else list(used_weights(event))
        for state in used:
            yield state, event, holder


def _is_first_built_in_lambda(run: LayerRun, state: State) -> bool:
    """Whether a layer that Keras knows is used by nothing but `Lambda`s: the first of them builds it."""
    if not isinstance(state, Layer) or run.tracked(state) != "yes" or run.escaped(state) or not run.complete:
        return False
    if state.open or state.knows_input or run.weights_of(state).has != "yes":
        return False
    if state.library is not None and state.library.builds_in_init:
        return False
    if not all(weight.exists_after == "build" for weight in run.weights_of(state).weights):
        return False
    return not any(
        isinstance(event, LayerBuilt | LayerMethod)
        or (isinstance(event, LayerCalled) and not _of_lambda(event))
        for event in run.all_events
        if isinstance(event, LayerBuilt | LayerMethod | LayerCalled) and event.layer is state
    )


def _raises(run: LayerRun, state: State, event: _Use) -> Report:
    what = f"the {class_of(state)}{weights_text(run, [state])}"
    return Report(
        event.at.site,
        f"Keras 2 raises ValueError when the function of a `Lambda` builds a layer, and only this one calls "
        f"{what}. Call it without a `Lambda`, or build it before.",
        makers(run, [state]),
        severity="error",
    )


def _is_lambda(layer: Layer) -> bool:
    return isinstance(layer.cls, Library) and layer.cls.name == "keras.layers.Lambda"


def _free_in_graphs(run: ScriptRun) -> Iterator[tuple[Weight, Site]]:
    """The variables with which functional models compute between their layers, and where."""
    free: dict[int, Weight] = {}
    for event in run.events:
        if isinstance(event, Created) and isinstance(event.value, Layer) and event.at.subject is None:
            model = event.value
            if isinstance(model.cls, Library) and model.cls.name == "keras.Model":
                for output in (*model.arguments[1:2], model.keywords.get("outputs", Constant(None))):
                    free.update((id(weight), weight) for weight in _computed_from(output))
    for state in free.values():
        if state.kind != "weight" and (where := _only_computed_with(run, state)) is not None:
            yield state, where


def _only_computed_with(run: ScriptRun, state: Weight) -> Site | None:
    """Where code first computes with a variable, if it does nothing else with it."""
    names, first = _assigned(state), None
    for piece in _pieces(run, state.site.statement):
        own = piece is state.site.statement
        for top in piece.nodes:
            inner = set() if own or not isinstance(top, _Scope) else _bound_in(top)
            around = parents(top)
            for node in ast.walk(top):
                if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                    continue
                if node.id not in names - inner:
                    continue
                outer = around.get(node)
                if isinstance(outer, ast.Subscript):
                    outer = around.get(outer)
                if not isinstance(outer, ast.BinOp) and not (
                    isinstance(outer, ast.Call) and _computes(outer.func)
                ):
                    return None
                first = first or Site(state.site.path, piece, outer)
    return first


def _computes(function: ast.expr) -> bool:
    """Whether this is a library's function that neither keeps nor sets what it is given."""
    name = ast.unparse(function)
    return _COMPUTES.fullmatch(name) is not None


def _computed_from(output: Value, depth: int = 4) -> Iterator[Weight]:
    for option in options(output):
        if isinstance(option, Tensor):
            yield from option.weights
        elif isinstance(option, Container) and depth:
            for item in option.items:
                yield from _computed_from(item.value, depth - 1)


def _is_held(run: ScriptRun, state: State) -> bool:
    """Whether a layer, model or object of this code has it, or unknown code may."""
    if run.escaped(state):
        return True
    for event in run.events:
        if isinstance(event, LayerMethod) and event.layer is state and event.name not in _HARMLESS:
            return True
        if isinstance(event, AttributeWrite) and any(held is state for held in states(event.value)):
            return True
        if not isinstance(event, Created) or event.value is state:
            continue
        if isinstance(event.value, Layer) and run.holds(event.value, state):
            return True
        if isinstance(event.value, Plain) and any(
            held is state for value in event.value.attributes.values() for held in states(value)
        ):
            return True
    return False


def _is_cared_for(
    run: LayerRun | ScriptRun, events: Sequence[Event], state: State, event: _Use, holder: Layer
) -> bool:
    """Whether the code does anything else with it that may make it train, or says that it needn't."""
    if isinstance(state, Weight):
        if _is_given_for_good(state):
            return True
    elif any(part.cls.name.startswith("keras.applications.") for part in _with_children(run, state)):
        return True
    uses = [e for e in events if isinstance(e, LayerCalled | Used) and _uses(e, state)]
    if any(not _of_lambda(e) for e in uses):
        return True
    through = {id(e.call.func if isinstance(e, LayerCalled) else e.through) for e in uses}
    return _is_mentioned(run, state, event, holder, through)


def _of_lambda(event: _Use) -> bool:
    return event.at.subject is not None and _is_lambda(event.at.subject)


def _uses(event: _Use, state: State) -> bool:
    if isinstance(event, LayerCalled):
        return event.layer is state
    return any(weight is state for weight in used_weights(event))


def _with_children(run: LayerRun | ScriptRun, layer: Layer) -> Iterator[Layer]:
    yield layer
    if isinstance(run, ScriptRun):
        yield from run.children(layer)


def _is_given_for_good(weight: Weight) -> bool:
    """Whether a variable is more likely a constant: `K.variable(mean)`, or a whole number that counts."""
    start = weight.call.args[0] if weight.call.args else None
    whole = isinstance(start, ast.Constant) and isinstance(start.value, int)
    return whole or ast.unparse(weight.call.func).rsplit(".", 1)[-1] == "variable"


def _is_mentioned(
    run: LayerRun | ScriptRun, state: State, event: _Use, holder: Layer, through: set[int]
) -> bool:
    """Whether a name of it is read anywhere but in `Lambda`s, or where it is known to be used."""
    functions = list(_functions(holder))
    names = _assigned(state) | {name for function in functions for name in _names_in(function, state)}
    allowed = through | {id(node) for node in ast.walk(holder.site.node)}
    for function in functions:
        allowed |= {id(node) for node in ast.walk(function.node)}
    own = (state.site.statement, event.at.site.statement)
    return any(
        _reads(node, names, allowed, at_top=piece in own)
        for statement in own
        for piece in _pieces(run, statement)
        for node in piece.nodes
    )


def _pieces(run: LayerRun | ScriptRun, statement: Statement) -> Iterator[Statement]:
    """The code that sees the names that a statement assigns: a function, else the whole file."""
    if statement.kind == "function":
        yield statement
        return
    for each in run.document.statements:
        yield from (each, *each.body)


def _assigned(state: State) -> set[str]:
    """The names to which the expression that makes it is assigned."""
    for top in state.site.statement.nodes:
        for node in ast.walk(top):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            if any(part is state.site.node for part in ast.walk(node.value)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()


def _functions(holder: Layer) -> Iterator[Function]:
    """What a `Lambda` was given to call."""
    given = holder.arguments[0] if holder.arguments else holder.keywords.get("function", Constant(None))
    for option in options(given):
        while isinstance(option, Partial):
            option = option.function
        if isinstance(option, Function):
            yield option


def _names_in(function: Function, state: State) -> Iterator[str]:
    """The names by which a function sees it."""
    for scope in function.closure:
        for name, value in scope.items():
            if any(option is state for option in options(value)):
                yield name


def _reads(top: ast.AST, names: set[str], allowed: set[int], at_top: bool) -> bool:
    """Whether code reads one of these names, elsewhere than in the nodes that are allowed."""
    waiting: list[tuple[ast.AST, set[str]]] = [(top, names)]
    first = True
    while waiting:
        node, left = waiting.pop()
        if isinstance(node, _Scope) and not (first and at_top):
            left = left - _bound_in(node)
        first = False
        if isinstance(node, ast.Attribute) and node.attr in _HARMLESS and isinstance(node.value, ast.Name):
            continue
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Name):
            waiting.extend((part, left) for part in ast.iter_child_nodes(node) if part is not node.iter)
            continue
        read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in left
        if read and id(node) not in allowed:
            return True
        waiting.extend((part, left) for part in ast.iter_child_nodes(node))
    return False


def _bound_in(function: _Scope) -> set[str]:
    """The names that are a function's own."""
    given = function.args
    names = {argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    if not isinstance(function, ast.Lambda):
        outer = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
        names |= {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in outer
        }
    return names


def _report(
    run: LayerRun | ScriptRun, state: State, event: _Use, holder: Layer, made: Context | None
) -> Report:
    # A bound method has no text of its own, which would be the place.
    site: Site = event.at.site if any(_functions(holder)) else holder.site
    what = class_of(state)
    whose = weights_text(run, [state])
    if made is not None and made.subject is event.at.subject:
        fate = "Keras 2 raises ValueError" if run.generation == 2 else "and `fit` raises ValueError"
        fate = fate if run.generation == 2 else "it is never trained, " + fate
        text = (
            f"The `Lambda` makes a new {what}{whose} in every call: {fate}. Write a layer that makes it in "
            "`__init__`."
        )
    else:
        fate = f"the {what}{whose} won't be trained or saved"
        if run.generation == 2 and isinstance(state, Layer):
            fate += ", and unless it is built before, Keras 2 raises ValueError"
        text = (
            f"A `Lambda` doesn't track what its function uses: {fate}. Write a layer that assigns it in "
            "`__init__`."
        )
    return Report(site, text, makers(run, [state]))
