"""KS406: a loss or metric that owns a layer or variable, which `fit` doesn't train."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.events import AttributeWrite, Created
from kerascope.tracking.run import ScriptRun
from kerascope.tracking.values import Choice, Container, Layer, Plain, Value, Weight

_MEANT_TO_STAY = re.compile(
    r"\.trainable\s*=\s*False|stop_gradient|load_weights|set_weights|from_pretrained|from_preset|load_model"
    r"|GradientTape|apply_gradients|trainable_(?:weights|variables)\b|def (?:weights|variables)\b"
)
"""In a loss's source: it says itself what trains, trains it, or brings weights that are trained."""

_GIVES_A_VALUE = re.compile(r"assign(?:_add|_sub)?|(?:batch_)?scatter_\w+")
"""Methods of variables by which code counts, or moves an average."""

_UPDATES = re.compile(
    r"(?:moving_average_)?update(?:_add|_sub)?|assign(?:_add|_sub)?|scatter_(?:update|add|sub)"
)
"""Functions that do so with the variable that is their first argument."""

_TELLS_A_VALUE = frozenset(("numpy", "float", "get_value", "convert_to_numpy"))

_NOT_A_USE = frozenset(("__init__", "get_config", "from_config", "__repr__"))

_EVIDENCE = """\
(lambda loss: (
    loss(x, x),
    before := [np.array(weight) for weight in {weights}],
    layer.compile("sgd", loss),
    layer.fit(x, x, verbose=0),
    any(len(before) and np.array_equal(old, np.array(new)) for old, new in zip(before, {weights})),
)[-1])(Example())
"""


class LossOwnsVariable(Rule):
    """
    ## What it does
    Reports a subclass of `Loss` or `Metric` that makes a layer with weights, or a trainable variable, in its
    constructor, and uses it to compute.

    ## Why it matters
    `fit` trains `model.trainable_variables`, and what a loss or metric holds isn't among them: it stays as it
    began, and isn't saved with the model. Nothing warns, in neither generation. Measured with
    `model.compile("sgd", loss)` and one step of `fit`:

    | held by the loss | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | a `Dense` | not in the model's weights, unchanged | the same |
    | a `tf.Variable`, `keras.Variable` or `K.variable` | not in the model's weights, unchanged | the same |
    | a `Dense` of a metric | not in the model's weights, unchanged | the same |
    | a loss kept as an attribute of a model that uses it in `train_step` | unchanged | unchanged |

    ## Example
    ```python
    import keras


    class Example(keras.losses.Loss):
        def __init__(self, units=4):
            super().__init__()
            self.head = keras.layers.Dense(units)

        def call(self, y_true, y_pred):
            return keras.losses.mean_squared_error(y_true, self.head(y_pred))
    ```

    ## Instead
    ```python
    import keras


    class Regularized(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.body = keras.layers.Dense(4)
            self.head = keras.layers.Dense(units)

        def build(self, input_shape):
            self.body.build(input_shape)
            self.head.build((*input_shape[:-1], 4))
            self.built = True

        def call(self, x):
            return self.head(self.body(x))
    ```
    The weights belong to the model, or to a layer of it: as its last layer, or in a layer that computes the
    loss and calls `self.add_loss(…)`. In a training loop of your own, hand the loss's variables to the
    optimizer, too.

    ## When it is silent
    On layers without weights, on pretrained networks, and on what isn't trainable or is given a value with
    `assign`, `scatter_sub` and the like; where the class says what trains (`trainable = False`,
    `stop_gradient`, `load_weights`, `trainable_variables`), or trains it itself; where other code of the
    workspace reads the attribute; on what `get_config` tells, a setting; on layers that somebody hands in; on
    `add_weight` of a metric.

    ## Fix
    None: where the weights belong, only the author knows.

    ## References
    - Keras 3.15.1: `keras/src/trainers/trainer.py` (`Trainer.compile`), `keras/src/losses/loss.py`
      (`Loss`).
    - Keras 2.15.0: `keras/src/engine/training.py` (`Model.train_step`), `keras/src/losses.py` (`Loss`).
    - [keras #12503](https://github.com/keras-team/keras/issues/12503): a variable made in a loss function
      isn't trained.
    - [keras #12983](https://github.com/keras-team/keras/issues/12983): the question how a loss can have a
      parameter that trains.
    """

    code = "KS406"
    name = "loss-owns-variable"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A loss or metric owns a layer or variable that fit never trains."

    reporting = (
        Example(
            "a layer in a loss",
            """\
import keras


class Example(keras.losses.Loss):
    def __init__(self, units=4):
        super().__init__()
        self.head = keras.layers.Dense(units)  # <- KS406

    def call(self, y_true, y_pred):
        return keras.losses.mean_squared_error(y_true, self.head(y_pred))
""",
            make="keras.Sequential([keras.layers.Dense(4)])",
            symptom="fewer-weights",
            evidence=_EVIDENCE.format(weights="loss.head.trainable_weights"),
        ),
        Example(
            "weights of several terms, learned from their uncertainty",
            """\
import tensorflow as tf
from tensorflow.keras.losses import Loss


class Example(Loss):
    def __init__(self, terms=2, name="uncertainty", **kwargs):
        super().__init__(name=name, **kwargs)
        self.log_vars = tf.Variable(tf.zeros((terms,)), trainable=True)  # <- KS406

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        terms = tf.stack([tf.reduce_mean(tf.square(error)), tf.reduce_mean(tf.abs(error))])
        return tf.reduce_sum(tf.exp(-self.log_vars) * terms + self.log_vars)
""",
            make="keras.Sequential([keras.layers.Dense(4)])",
            symptom="fewer-weights",
            evidence=_EVIDENCE.format(weights="[loss.log_vars]"),
        ),
        Example(
            "layers in a list, of a base class's loss",
            """\
from keras import layers, losses


class ProjectedLoss(losses.Loss):
    def __init__(self, sizes=(8, 4), **kwargs):
        super().__init__(**kwargs)
        self.projections = [layers.Dense(size) for size in sizes]  # <- KS406

    def project(self, x):
        for layer in self.projections:
            x = layer(x)
        return x


class Example(ProjectedLoss):
    def call(self, y_true, y_pred):
        return losses.mean_squared_error(self.project(y_true), self.project(y_pred))
""",
            make="keras.Sequential([keras.layers.Dense(4)])",
            symptom="fewer-weights",
            evidence=_EVIDENCE.format(weights="loss.projections[0].trainable_weights"),
        ),
        Example(
            "two losses, each with its own",
            """\
import keras


class Scaled(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.scale = keras.layers.Dense(1)  # <- KS406

    def call(self, y_true, y_pred):
        return keras.losses.mean_squared_error(y_true, self.scale(y_pred))


class Example(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.scale = keras.layers.Dense(4)  # <- KS406

    def call(self, y_true, y_pred):
        return keras.losses.mean_absolute_error(y_true, self.scale(y_pred))
""",
            make="keras.Sequential([keras.layers.Dense(4)])",
            symptom="fewer-weights",
            evidence=_EVIDENCE.format(weights="loss.scale.trainable_weights"),
        ),
    )
    silent = (
        Example(
            "the weights in the model",
            """\
import keras


class Regularized(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.body = keras.layers.Dense(4)
        self.head = keras.layers.Dense(units)

    def build(self, input_shape):
        self.body.build(input_shape)
        self.head.build((*input_shape[:-1], 4))
        self.built = True

    def call(self, x):
        return self.head(self.body(x))
""",
            make="Regularized()",
        ),
        Example(
            "a frozen network that compares features",
            """\
import keras


class Perceptual(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.features = keras.Sequential([keras.layers.Dense(8, activation="relu")])
        self.features.trainable = False

    def call(self, y_true, y_pred):
        return keras.losses.mean_squared_error(self.features(y_true), self.features(y_pred))


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", Perceptual())
    return model
""",
            make="make_model()",
        ),
        Example(
            "a factor that a callback changes",
            """\
import keras
import tensorflow as tf


class Weighted(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(0.0)

    def call(self, y_true, y_pred):
        return self.factor * tf.reduce_mean(tf.abs(y_true - y_pred))


class WarmUp(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.loss.factor.assign(min(1.0, epoch / 10))


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", Weighted())
    return model
""",
            make="make_model()",
        ),
        Example(
            "a setting, which may be changed between epochs",
            """\
import keras
import tensorflow as tf


class Margin(keras.losses.Loss):
    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**kwargs)
        self.margin = tf.Variable(margin, dtype=tf.float32)

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.nn.relu(self.margin - y_true * y_pred), axis=-1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin.numpy()}


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", Margin())
    return model
""",
            make="make_model()",
        ),
        Example(
            "what a metric counts",
            """\
import keras
import tensorflow as tf


class MeanError(keras.metrics.Metric):
    def __init__(self, name="mean_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros")
        self.count = self.add_weight(name="count", shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(tf.reduce_sum(tf.abs(y_true - y_pred)))
        self.count.assign_add(1.0)

    def result(self):
        return self.total / self.count


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", "mse", metrics=[MeanError()])
    return model
""",
            make="make_model()",
        ),
        Example(
            "centres of classes that the loss moves itself",
            """\
import keras
import tensorflow as tf


class Centres(keras.losses.Loss):
    def __init__(self, classes=3, width=4):
        super().__init__()
        self.centres = tf.Variable(tf.zeros((classes, width)))
        self.spread = tf.Variable(1.0)

    def call(self, y_true, y_pred):
        labels = tf.cast(y_true[:, 0] > 0.0, "int32")
        moves = tf.gather(self.centres, labels) - y_pred
        self.centres.scatter_sub(tf.IndexedSlices(0.5 * moves, labels))
        spread = self.spread
        spread.assign(0.9 * spread + 0.1 * tf.reduce_mean(tf.abs(moves)))
        return tf.reduce_mean(tf.square(moves), axis=-1) / spread


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", Centres())
    return model
""",
            make="make_model()",
        ),
        Example(
            "counts in a list",
            """\
import keras
import tensorflow as tf


class Hits(keras.metrics.Metric):
    def __init__(self, outputs=4, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = [tf.Variable(0.0) for _ in range(outputs)]

    def update_state(self, y_true, y_pred, sample_weight=None):
        for index, count in enumerate(self.hits):
            count.assign_add(tf.reduce_sum(y_true[:, index] * y_pred[:, index]))

    def reset_state(self):
        for count in self.hits:
            count.assign(0.0)

    def result(self):
        return tf.add_n([tf.identity(count) for count in self.hits])


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", "mse", metrics=[Hits()])
    return model
""",
            make="make_model()",
        ),
        Example(
            "a critic that the loss trains itself",
            """\
import keras
import tensorflow as tf


class Adversarial(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.critic = keras.layers.Dense(1)
        self.optimizer = keras.optimizers.SGD(0.01)

    def improve(self, real, fake):
        with tf.GradientTape() as tape:
            gap = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
        variables = self.critic.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(gap, variables), variables))

    def call(self, y_true, y_pred):
        return -self.critic(y_pred)[:, 0]


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", Adversarial())
    return model
""",
            make="make_model()",
        ),
        Example(
            "a layer that is handed in, and belongs to the model",
            """\
import keras


class Reconstruction(keras.losses.Loss):
    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def call(self, y_true, y_pred):
        return keras.losses.mean_squared_error(y_true, self.decoder(y_pred))


class Autoencoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.layers.Dense(2)
        self.decoder = keras.layers.Dense(4)

    def call(self, x):
        return self.decoder(self.encoder(x))


def make_model():
    model = Autoencoder()
    model.compile("sgd", Reconstruction(model.decoder))
    return model
""",
            make="make_model()",
        ),
        Example(
            "a loss whose variables the training loop takes",
            """\
import keras
import tensorflow as tf


class Scaled(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - self.scale * y_pred))


def train(model, loss, optimizer, x):
    with tf.GradientTape() as tape:
        value = loss(x, model(x))
    variables = [*model.trainable_variables, loss.scale]
    optimizer.apply_gradients(zip(tape.gradient(value, variables), variables))
""",
            make="keras.Sequential([keras.layers.Dense(4)])",
        ),
    )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        reported: list[ast.AST] = []
        for event in run.events_of(AttributeWrite):
            owner = event.owner
            if not isinstance(owner, Plain) or event.at.method is None or event.name is None:
                continue
            kind = _kind(owner)
            site = _place(run, event) if kind is not None and event.at.phase != "call" else None
            state = next(_meant_to_train(run, event.value), None) if site is not None else None
            if site is None or state is None or not isinstance(owner.cls, ClassDefinition):
                continue
            if any(site.node is node for node in reported) or not _is_own_business(run, owner, event.name):
                continue
            reported.append(site.node)
            what = f"`self.{event.name}`" + (f" ({state.class_name})" if isinstance(state, Layer) else "")
            yield Report(
                site,
                f"{what} belongs to the {kind} {owner.class_name}, not to a model: `fit` doesn't train it, "
                "nor is it saved. Put it into the model, or into a layer that uses `add_loss`.",
                (Related(event.at.site, "assigned here"),) if site is not event.at.site else (),
            )


def _place(run: ScriptRun, event: AttributeWrite) -> Site | None:
    """Where it is made; for a class of this file whose base, in another one, makes it and doesn't use it:
    where this class calls that one's constructor."""
    there = event.at.site.path
    if there == run.module.path:
        return event.at.site
    own = isinstance(event.owner, Plain) and isinstance(event.owner.cls, ClassDefinition)
    if not own or event.owner.cls.module.path != run.module.path:  # type: ignore[union-attr]
        return None
    says, uses = (
        run.project.mentions(there, each) for each in (_MEANT_TO_STAY.pattern, rf"\.{event.name}\b")
    )
    calls = [call for call in event.at.calls if call.path == run.module.path]
    return calls[-1] if calls and not says and uses == 1 else None


def _kind(owner: Plain) -> str | None:
    library = owner.library
    if isinstance(library, LibraryClass) and library.kind in ("loss", "metric"):
        return library.kind
    return None


def _meant_to_train(run: ScriptRun, value: Value, depth: int = 3) -> Iterator[Layer | Weight]:
    """The layers with weights, and trainable variables, that the object surely makes itself."""
    match value:
        case Layer():
            made = any(event.value is value for event in run.events_of(Created))
            if made and run.weights_of(value).has == "yes" and not _stays(run, value):
                yield value
        case Weight(kind="keras variable" | "tf variable", trainable=True):
            if not (value.call.args and _is_whole(value.call.args[0])):
                yield value
        case Choice(options=options) if depth:
            found = [next(_meant_to_train(run, option, depth - 1), None) for option in options]
            if found and found[0] is not None and all(each is not None for each in found):
                yield found[0]
        case Container(items=items) if depth:
            for item in items:
                yield from _meant_to_train(run, item.value, depth - 1)
        case _:
            pass


def _is_whole(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _stays(run: ScriptRun, layer: Layer, depth: int = 3) -> bool:
    """Whether a layer is, or holds, a network that comes with weights, or is frozen."""
    if layer.cls.name.startswith("keras.applications.") or "trainable" in layer.keywords:
        return True
    return depth > 0 and any(_stays(run, child, depth - 1) for child in run.children(layer))


def _is_own_business(run: ScriptRun, owner: Plain, name: str) -> bool:
    """Whether the class computes with the attribute, and nobody else sees to it."""
    assert isinstance(owner.cls, ClassDefinition)
    statements = run.document.statements
    known = owner.cls.statement
    cls = next((each for each in statements if each.kind == "class" and each.name == known.name), known)
    family = [cls, *(each for each in statements if each is not cls and _extends(each, owner.cls.name))]
    pieces = [piece for member in family for piece in member.body if piece.kind == "function"]
    if any(_MEANT_TO_STAY.search(text) for text in [cls.text, *(piece.text for piece in cls.body)]):
        return False
    word = re.escape(name)
    others = [each for each in statements if each not in family]
    # In another class, `self.centers` is that one's own.
    elsewhere = {"class": re.compile(rf"(?<!\bself)\.{word}\b")}
    anywhere = re.compile(rf"\.{word}\b")
    for statement in others:
        texts = [statement.text, *(piece.text for piece in statement.body)]
        if any(elsewhere.get(statement.kind, anywhere).search(text) for text in texts):
            return False
    tops = [top for piece in pieces if piece.name not in _NOT_A_USE for top in piece.nodes]
    if not any(_reads(top, name) for top in tops):
        return False
    settings = [top for piece in pieces if piece.name == "get_config" for top in piece.nodes]
    if any(_tells(top, name) for top in settings):
        return False
    if any(_gives_value(top, name) for top in tops):
        return False
    name_of_class = rf"\b{re.escape(owner.class_name)}\b"
    return not run.project.mentioned_elsewhere(run.module.path, name_of_class, elsewhere["class"].pattern)


def _reads(method: ast.AST, name: str) -> bool:
    return any(_is_attribute(node, name, ast.Load) for node in ast.walk(method))


def _tells(method: ast.AST, name: str) -> bool:
    """Whether a method takes the value out of `self.name`: `.numpy()`, `float(...)`."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            asked = [*node.args, *([function.value] if isinstance(function, ast.Attribute) else [])]
            if called in _TELLS_A_VALUE and any(_is_attribute(each, name, ast.Load) for each in asked):
                return True
    return False


def _is_attribute(node: ast.AST, name: str, context: type[ast.expr_context]) -> bool:
    """Whether it is `self.name`."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.ctx, context)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _gives_value(method: ast.AST, name: str) -> bool:
    """Whether a method gives `self.name`, what is in it, or a local name for these, a value by hand."""
    nodes = list(ast.walk(method))
    names: set[str] = set()

    def is_it(node: ast.AST) -> bool:
        return any(
            _is_attribute(inner, name, ast.Load) or (isinstance(inner, ast.Name) and inner.id in names)
            for inner in ast.walk(node)
        )

    for node in nodes:
        value = node.value if isinstance(node, ast.Assign) else getattr(node, "iter", None)
        if isinstance(value, ast.expr) and is_it(value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
            parts = (part for target in targets for part in ast.walk(target))
            names |= {part.id for part in parts if isinstance(part, ast.Name)}
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if isinstance(function, ast.Attribute) and _GIVES_A_VALUE.fullmatch(called) and is_it(function.value):
            return True
        if node.args and _UPDATES.fullmatch(called) and is_it(node.args[0]):
            return True
    return False


def _extends(statement: Statement, name: str) -> bool:
    return any(
        isinstance(node, ast.ClassDef) and any(ast.unparse(base) == name for base in node.bases)
        for node in statement.nodes
    )
