"""KS306: a constructor that never reaches Keras' own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kerascope.project.meaning import ClassDefinition, Library, Meaning
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.events import InitReached
from kerascope.tracking.run import LayerRun, Method

_How = Literal["missing", "not called", "skipped", "dataclass", "left out"]
_PLAIN_BASES = frozenset(("keras.layers.Layer", "keras.Model"))


class SuperInitMissing(Rule):
    """
    ## What it does
    Reports a layer or model whose constructor never reaches the constructor of Keras: `super().__init__()` is
    missing, isn't called (`super().__init__` without parentheses), or skips Keras (`super(Layer,
    self).__init__()`). Also where a base of yours or a mixin in front breaks the chain, and where
    `@dataclass` writes the constructor.

    ## Why it matters
    The object can be made, but everything fails afterwards. Measured:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | the first call of a layer | RuntimeError: you forgot to call `super().__init__()` | RuntimeError |
    | `trainable_weights` of the layer | AttributeError: `_trainable` | AttributeError |
    | a sublayer assigned in a Model | as above | RuntimeError at once |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            self.dense = keras.layers.Dense(units)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    Where a base can't be known, or the constructor hands `self` to code that Kerascope can't see; where the
    call comes late, which Keras accepts for sublayers (KS307 tells where it doesn't); where the constructor
    always raises, as that of an abstract class does; with a `__new__`, a `__call__` or a metaclass of one's
    own.

    ## Fix
    Safe: adds `super().__init__()` as the first statement, with the `**kwargs` or the `name` that the
    constructor takes, adds the parentheses, or drops what makes `super` skip Keras. None for a dataclass,
    whose comparison by value Keras can't use anyway.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._check_super_called`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__call__`), `keras/src/engine/training.py`
      (`Model.__setattr__`).
    - [keras #2584](https://github.com/keras-team/keras/issues/2584): `super(Layer, self).__init__()` skips
      Keras: the layer has no attribute `built`.
    """

    code = "KS306"
    name = "super-init-missing"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "The constructor never reaches the constructor of Keras."

    reporting = (
        Example(
            "no super().__init__() in a layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # <- KS306
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # <- KS306
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "called only where a name is given",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, name=None):
        if name is not None:  # <- KS306
            super().__init__(name=name)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
        ),
        Example(
            "super() of another class, after copying",
            """\
import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units=4):
        super(Encoder, self).__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super(Encoder, self).__init__()  # <- KS306
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units=4):
        super(Encoder, self).__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()  # <- KS306
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "called only for a flag that is off by default",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, with_dtype=False):
        if with_dtype:  # <- KS306
            super().__init__(dtype="float32")
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
        ),
        Example(
            "no super().__init__() in a model",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, units=4, name=None, **kwargs):  # <- KS306
        \"\"\"A model of one layer.\"\"\"
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, units=4, name=None, **kwargs):  # <- KS306
        \"\"\"A model of one layer.\"\"\"
        super().__init__(name=name, **kwargs)
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "super() told to start behind Layer",
            """\
import keras
from keras.layers import Layer


class Example(Layer):
    def __init__(self, **kwargs):
        super(Layer, self).__init__(**kwargs)  # <- KS306
        self.scale = 2.0

    def call(self, x):
        return x * self.scale
""",
            symptom="raises",
            fixed="""\
import keras
from keras.layers import Layer


class Example(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)  # <- KS306
        self.scale = 2.0

    def call(self, x):
        return x * self.scale
""",
        ),
        Example(
            "the parentheses forgotten",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__  # <- KS306
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)  # <- KS306
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the constructor of another class",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        tf.Module.__init__(self)  # <- KS306
        self.dense = tf.keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()  # <- KS306
        self.dense = tf.keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a dataclass",
            """\
from dataclasses import dataclass

import keras


@dataclass
class Example(keras.layers.Layer):  # <- KS306
    units: int = 4

    def build(self, input_shape):
        self.dense = keras.layers.Dense(self.units)
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
        ),
        Example(
            "a mixin in front that keeps the call to itself",
            """\
import keras


class Named:
    def __init__(self, label="layer"):
        self.label = label


class Example(Named, keras.layers.Layer):  # <- KS306
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Named:
    def __init__(self, label="layer"):
        super().__init__()
        self.label = label


class Example(Named, keras.layers.Layer):  # <- KS306
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a base layer of one's own that forgets it",
            """\
import keras


class Base(keras.layers.Layer):
    def __init__(self, units):  # <- KS306
        self.units = units


class Example(Base):
    def __init__(self):
        super().__init__(4)
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Base(keras.layers.Layer):
    def __init__(self, units):  # <- KS306
        super().__init__()
        self.units = units


class Example(Base):
    def __init__(self):
        super().__init__(4)
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "object's constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        object.__init__(self)  # <- KS306
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "called after the sublayers are assigned",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self.dense = keras.layers.Dense(4)
        super().__init__()

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "called in both cases",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, name=None):
        if name is not None:
            super().__init__(name=name)
        else:
            super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "called after plain attributes",
            """\
import keras


class Example(keras.Model):
    def __init__(self, units=4):
        self.units = units
        super().__init__()
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "called twice",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        super().__init__()

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "by the name of the base",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        keras.layers.Layer.__init__(self, **kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "each base by its name",
            """\
import keras


class Labelled:
    def __init__(self):
        self.label = "mine"


class Example(Labelled, keras.layers.Layer):
    def __init__(self):
        keras.layers.Layer.__init__(self)
        Labelled.__init__(self)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "with both arguments of super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super(Example, self).__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "no constructor at all",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        return x * self.scale
""",
        ),
        Example(
            "a mixin that passes the call on",
            """\
import keras


class Named:
    def __init__(self, *args, label="layer", **kwargs):
        super().__init__(*args, **kwargs)
        self.label = label


class Example(Named, keras.layers.Layer):
    def __init__(self):
        super().__init__(label="mine")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a dataclass that calls it after its own constructor",
            """\
from dataclasses import dataclass

import keras


@dataclass(eq=False)
class Example(keras.layers.Layer):
    units: int = 4

    def __post_init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "in a method that the constructor calls",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self._start()
        self.dense = keras.layers.Dense(4)

    def _start(self):
        super().__init__(name="example")

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a class that calls itself in a way of its own",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self.scale = 2.0

    def __call__(self, x):
        return x * self.scale
""",
        ),
        Example(
            "an abstract base that can't be made",
            """\
import keras


class Abstract(keras.layers.Layer):
    def __init__(self):
        raise NotImplementedError("use a subclass")


class Example(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if not run.complete or run.escaped(run.layer) or _makes_itself(run.definition):
            return
        if run.method("__call__") is not None:
            # Then calling the layer may do without Keras.
            return
        reached = [event for event in run.all_events if isinstance(event, InitReached)]
        guards = [event.at.guards for event in reached if event.layer is run.layer]
        if len(guards) > 1 or not all(guards):
            return
        break_ = _left_out(run) if guards else _find_break(run)
        if break_ is None:
            return
        own = (
            in_own_class(run, break_.init.site) if break_.init is not None else break_.owner == run.definition
        )
        if not own and break_.owner.module.path == run.module.path and break_.owner.node.bases:
            # A base layer in the same file is reported itself.
            return
        site = break_.site if own else run.site
        related = (
            () if own or break_.site is None else (Related(break_.site, "the chain of `super()` ends here"),)
        )
        yield Report(
            site or run.site,
            _message(run, break_, own),
            related,
            lambda document: _mend(document, run, break_),
        )


@dataclass(frozen=True, slots=True)
class _Break:
    """Where the chain of constructors ends before Keras: in `owner`'s `init` (None: a dataclass's)."""

    how: _How
    owner: ClassDefinition
    init: Method | None = None
    node: ast.expr | None = None

    @property
    def site(self) -> Site | None:
        if self.init is None:
            return Site(self.owner.module.path, self.owner.statement, self.owner.node)
        if self.node is None:
            return self.init.site
        return Site(self.init.site.path, self.init.statement, self.node)


def _find_break(run: LayerRun) -> _Break | None:
    """The first constructor of the chain that doesn't pass on; None if that isn't sure."""
    classes = [each for each in run.mro() if isinstance(each, ClassDefinition)]
    start = 0
    while start < len(classes):
        owner = classes[start]
        init = _own_init(run, owner)
        if init is None:
            if _is_dataclass(run, owner):
                return _Break("dataclass", owner)
            start += 1
            continue
        if _always_raises(init.node):
            return None
        if _names_keras(run, init, owner):
            return None
        step = _step(init, owner)
        if step is not None:
            return step
        start += 1
    return None


def _left_out(run: LayerRun) -> _Break | None:
    """The only call of `super().__init__()`, if the argument whose default leaves it out isn't given."""
    init = _own_init(run, run.definition)
    supers = [
        node
        for node in (ast.walk(init.node) if init else ())
        if isinstance(node, ast.Call) and _is_super(node)
    ]
    if init is None or len(supers) != 1:
        return None
    if any(isinstance(node, ast.Raise | ast.Assert | ast.Return) for node in ast.walk(init.node)):
        return None  # it may see to the argument itself
    for statement in init.node.body:
        if not isinstance(statement, ast.If) or statement.orelse:
            continue
        name = _asked_for(statement.test)
        stored = (
            node.id
            for node in ast.walk(init.node)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        inside = any(isinstance(each, ast.Expr) and each.value is supers[0] for each in statement.body)
        off = (None, False) if isinstance(statement.test, ast.Name) else (None,)
        if inside and name in _with_default(init.node.args, off) and name not in stored:
            return _Break("left out", run.definition, init, statement.test)
    return None


def _asked_for(test: ast.expr) -> str | None:
    """The name in a test like `name` or `name is not None`."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        right = test.comparators[0]
        test = test.left if isinstance(right, ast.Constant) and right.value is None else right
    return test.id if isinstance(test, ast.Name) else None


def _with_default(arguments: ast.arguments, values: tuple[object, ...]) -> set[str]:
    """The parameters that are one of these if they aren't given."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    pairs = [
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {
        parameter.arg
        for parameter, default in pairs
        if isinstance(default, ast.Constant) and any(default.value is value for value in values)
    }


def _own_init(run: LayerRun, owner: ClassDefinition) -> Method | None:
    """The `__init__` in the body of `owner` itself."""
    pieces = (
        owner.statement.body
        if owner.statement.kind == "class" and owner.node in owner.statement.nodes
        else ()
    )
    for piece in pieces:
        for node in piece.nodes:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return Method("__init__", node, piece, owner)
    for node in owner.node.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return Method("__init__", node, owner.statement, owner)
    return None


def _names_keras(run: LayerRun, init: Method, owner: ClassDefinition) -> bool:
    """Whether the constructor calls `Class.__init__(self)` of a class that may lead to Keras."""
    for node in ast.walk(init.node):
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(function, ast.Attribute) or function.attr != "__init__":
            continue
        if isinstance(function.value, ast.Call) and ast.unparse(function.value.func) == "super":
            continue
        name = ast.unparse(function.value)
        meanings = run.project.resolve(owner.module, name)
        if name == "object" and not meanings:
            continue
        if not meanings or any(_may_be_keras(run, each) for each in meanings):
            return True
    return False


def _may_be_keras(run: LayerRun, meaning: Meaning) -> bool:
    if isinstance(meaning, Library):
        return meaning.name.startswith("keras.")
    return not isinstance(meaning, ClassDefinition) or bool(meaning.node.bases)


def _step(init: Method, owner: ClassDefinition) -> _Break | None:
    """How this constructor breaks the chain; None if it passes on by `super`."""
    called = {id(node.func): node for node in ast.walk(init.node) if isinstance(node, ast.Call)}
    found: _Break | None = None
    for node in ast.walk(init.node):
        if not isinstance(node, ast.Attribute) or node.attr != "__init__":
            continue
        call = called.get(id(node))
        if (
            isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "super"
        ):
            arguments = node.value.args
            if call is None:
                found = _Break("not called", owner, init, node)
            elif not arguments or ast.unparse(arguments[0]) in (
                owner.name,
                "__class__",
                "self.__class__",
                "type(self)",
            ):
                return None
            else:
                found = _Break("skipped", owner, init, call)
        elif call is not None and call.args and ast.unparse(call.args[0]) == "self":
            found = _Break("skipped", owner, init, call)
    return found or _Break("missing", owner, init)


def _always_raises(node: ast.AST) -> bool:
    body = node.body if isinstance(node, ast.FunctionDef) else []
    return any(isinstance(statement, ast.Raise) for statement in body)


def _makes_itself(definition: ClassDefinition) -> bool:
    """Whether objects of the class may come from elsewhere: its own `__new__`, or a metaclass."""
    if any(
        keyword.arg == "metaclass" and "ABCMeta" not in ast.unparse(keyword.value)
        for keyword in definition.node.keywords
    ):
        return True
    return any(piece.name == "__new__" for piece in definition.statement.body)


def _is_dataclass(run: LayerRun, owner: ClassDefinition) -> bool:
    for decorator in owner.node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(decorator, ast.Call) and any(keyword.arg == "init" for keyword in decorator.keywords):
            return False
        meanings = run.project.resolve(owner.module, ast.unparse(function))
        if any(isinstance(each, Library) and each.name == "dataclasses.dataclass" for each in meanings):
            return True
    return False


def _message(run: LayerRun, break_: _Break, own: bool) -> str:
    name = run.definition.name
    ends = f"so the first call of {name} raises RuntimeError."
    where = "" if own else f"{break_.owner.name}."
    match break_.how:
        case "missing":
            what = f"{where}__init__ never calls super().__init__()"
        case "not called":
            what = f"{where}__init__ names super().__init__ but doesn't call it"
        case "skipped":
            stranger = _stranger(run, break_)
            if stranger is not None:
                return (
                    f"`super({stranger}, self)` names a class that {name} isn't: making one raises TypeError."
                )
            what = f"{where}__init__ skips the constructor of Keras"
        case "left out":
            asked = _asked_for(break_.node) if break_.node is not None else None
            what = f"__init__ doesn't call super().__init__() where `{asked}` isn't given"
        case "dataclass":
            what = (
                f"the __init__ that @dataclass writes for {break_.owner.name} never calls super().__init__()"
            )
    return f"{what}, {ends}"


def _stranger(run: LayerRun, break_: _Break) -> str | None:
    """The class that `super(Other, self)` names, if it is another one of the project and no base."""
    call = break_.node.func if isinstance(break_.node, ast.Call) else None
    inner = call.value if isinstance(call, ast.Attribute) else None
    if not isinstance(inner, ast.Call) or not inner.args:
        return None
    named = ast.unparse(inner.args[0])
    meanings = run.project.resolve(break_.owner.module, named)
    if not meanings or any(not isinstance(each, ClassDefinition) or each in run.mro() for each in meanings):
        return None
    return named


def _mend(document: Document, run: LayerRun, break_: _Break) -> Fix | None:
    init = break_.init
    if break_.how == "left out" or init is None or init.site.path != document.path:
        return None
    if not _next_is_plain(run, break_.owner):
        return None
    call = f"super().__init__({_passed_on(init.node)})"
    node = break_.node
    path, statement = init.site.path, init.statement
    if break_.how == "missing":
        body = init.node.body
        first = body[0]
        documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if not documented:
            edits = rewrite.insert_before(document, Site(path, statement, first), call)
        elif len(body) > 1:
            edits = rewrite.insert_before(document, Site(path, statement, body[1]), call)
        else:
            edits = rewrite.insert_after(document, Site(path, statement, first), call)
        title = "Call super().__init__() first"
    elif node is not None and isinstance(node, ast.Call) and _is_super(node):
        assert isinstance(node.func, ast.Attribute)
        edits = rewrite.replace(document, Site(path, statement, node.func.value), "super()")
        title = "Let super() reach Keras"
    elif node is not None:
        edits = rewrite.replace(document, Site(path, statement, node), call)
        title = "Call super().__init__()"
    else:
        return None
    return Fix(title, True, edits) if edits else None


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)


def _next_is_plain(run: LayerRun, owner: ClassDefinition) -> bool:
    """Whether `super().__init__()` of `owner` reaches `Layer` or `Model`, which need no arguments."""
    classes = list(run.mro())
    after = classes[classes.index(owner) + 1 :] if owner in classes else []
    for each in after:
        if isinstance(each, Library):
            return each.name in _PLAIN_BASES
        if _own_init(run, each) is not None or _is_dataclass(run, each):
            return False
    return False


def _passed_on(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The arguments that Keras' constructor understands: `name`, and `**kwargs` that nothing else reads."""
    arguments = node.args
    names = [each.arg for each in (*arguments.args, *arguments.kwonlyargs)]
    passed = ["name=name"] if "name" in names else []
    rest = arguments.kwarg.arg if arguments.kwarg is not None else None
    if rest is not None and not any(
        isinstance(each, ast.Name) and each.id == rest for each in ast.walk(node)
    ):
        passed.append(f"**{rest}")
    return ", ".join(passed)
