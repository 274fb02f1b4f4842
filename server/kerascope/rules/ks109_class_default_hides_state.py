"""KS109: a class-level default of the same name stops Keras 2 from tracking an attribute."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.hidden import class_of, lost_and_used, makers, several, weights_text
from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.rewrite import replace
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import AttributeWrite
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Choice, Container, Layer


class ClassDefaultHidesState(Rule):
    """
    ## What it does
    Reports, for Keras 2, a layer or variable that is assigned to an attribute for which the class body
    has a default: `dense = None`, and then `self.dense = Dense(4)`.

    ## Why it matters
    Keras 2 tracks nothing under a name that the class has already. Its check was made for properties with
    a setter, and catches every default. Nothing says so: the layer works, its weights aren't trained.
    Measured on `dense = None` and `self.dense = Dense(4)` in `__init__`:

    | | Keras 2.15, tf_keras 2.21 | Keras 3.15 |
    | --- | --- | --- |
    | `self.dense = Dense(4)` | 2 variables used, 0 trainable, `fit` changes nothing | 2 trainable |
    | `blocks = ()`, `self.blocks = [Dense(4), Dense(4)]` | 4 variables used, 0 trainable | 4 trainable |
    | `self.w = tf.Variable(...)` | 0 trainable, and the value isn't saved | 0: see KS102 |

    Beside other weights, which do learn, the loss goes down, and the layer stays as it was initialized.

    ## Example
    ```python
    class Example(keras.layers.Layer):
        dense = None

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
    ```

    ## Instead
    ```python
    class Example(keras.layers.Layer):
        dense: keras.layers.Dense

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
    ```
    or leave the line in the class body out.

    ## When it is silent
    In Keras 3; for an annotation without a value; for a weight made by `self.add_weight`, which registers
    itself; for values without weights; where the layer is tracked by another attribute as well; for a
    property with a setter, whose own assignments count.

    ## Fix
    Turns the default into a bare annotation. Safe where the constructor always assigns the attribute and
    the default is in the same class; else unsafe, since the default may be read.

    ## References
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`, which asks
      `hasattr(self.__class__, name)` first).
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`, which doesn't).
    """

    code = "KS109"
    name = "class-default-hides-state"
    severity = {2: "warning"}  # noqa: RUF012
    summary = "A default in the class body stops Keras 2 from tracking the attribute of the same name."

    reporting = (
        Example(
            "None in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    dense = None

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS109

    def call(self, x):
        return self.dense(x)
""",
            generations=(2,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    dense: keras.layers.Dense

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS109

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "an annotated default, a list",
            """\
from typing import Sequence

import keras


class Example(keras.Model):
    blocks: Sequence[keras.layers.Layer] = ()
    head: keras.layers.Layer = None

    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [keras.layers.Dense(4, activation="relu") for _ in range(depth)]  # <- KS109
        self.head = keras.layers.Dense(1)  # <- KS109

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)
""",
            generations=(2,),
            symptom="untracked",
            fixed="""\
from typing import Sequence

import keras


class Example(keras.Model):
    blocks: Sequence[keras.layers.Layer]
    head: keras.layers.Layer

    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [keras.layers.Dense(4, activation="relu") for _ in range(depth)]  # <- KS109
        self.head = keras.layers.Dense(1)  # <- KS109

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)
""",
        ),
        Example(
            "the default of a base class",
            """\
from tensorflow import keras
from tensorflow.keras.layers import Dense


class Encoder(keras.layers.Layer):
    \"\"\"Subclasses set the layer that encodes.\"\"\"

    encoder = None

    def call(self, x):
        return self.encoder(x)


class Example(Encoder):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Dense(units)  # <- KS109
""",
            generations=(2,),
            symptom="untracked",
            fixed="""\
from tensorflow import keras
from tensorflow.keras.layers import Dense


class Encoder(keras.layers.Layer):
    \"\"\"Subclasses set the layer that encodes.\"\"\"

    encoder: Dense

    def call(self, x):
        return self.encoder(x)


class Example(Encoder):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Dense(units)  # <- KS109
""",
        ),
        Example(
            "a variable, made in build",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    gain = None
    epsilon = 1e-3

    def build(self, input_shape):
        self.gain = tf.Variable(tf.ones([int(input_shape[-1])]))  # <- KS109

    def call(self, x):
        return x * self.gain + self.epsilon
""",
            generations=(2,),
            symptom="untracked",
            fixed="""\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    gain: object
    epsilon = 1e-3

    def build(self, input_shape):
        self.gain = tf.Variable(tf.ones([int(input_shape[-1])]))  # <- KS109

    def call(self, x):
        return x * self.gain + self.epsilon
""",
        ),
        Example(
            "a method of the same name",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(4)  # <- KS109

    def project(self, x):
        raise NotImplementedError

    def call(self, x):
        return self.project(x)
""",
            generations=(2,),
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    dense = None
    blocks = ()

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.blocks = [keras.layers.Dense(4)]

    def call(self, x):
        return self.blocks[0](self.dense(x))
""",
            generations=(3,),
        ),
        Example(
            "an annotation without a value",
            """\
import keras


class Example(keras.layers.Layer):
    dense: keras.layers.Layer

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a weight made by add_weight",
            """\
import keras


class Example(keras.layers.Layer):
    gain = None

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "a property with a setter",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    @property
    def dense(self):
        return self._dense

    @dense.setter
    def dense(self, layer):
        self._dense = layer

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "defaults of plain values, and a class to be made",
            """\
import keras


class Example(keras.layers.Layer):
    units = 4
    activation = None
    layer_class = keras.layers.Dense

    def __init__(self, units=None):
        super().__init__()
        self.units = units or self.units
        self.activation = keras.activations.get("relu")
        self.dense = self.layer_class(self.units)

    def call(self, x):
        return self.activation(self.dense(x))
""",
        ),
        Example(
            "tracked by a list as well",
            """\
import keras


class Example(keras.layers.Layer):
    first = None

    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4), keras.layers.Dense(4)]
        self.first = self.blocks[0]

    def call(self, x):
        return self.blocks[1](self.first(x))
""",
        ),
        Example(
            "a default of a class that is no layer",
            """\
import keras


class Settings:
    dense = None


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.settings = Settings()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation != 2:
            return
        seen: set[int] = set()
        for write in run.events_of(AttributeWrite):
            if write.owner is not run.layer or write.name is None or write.via not in ("plain", "setattr"):
                continue
            bound = run.class_binding(write.name)
            found = lost_and_used(run, [write.value]) if bound is not None else []
            if bound is None or not found:
                continue
            cls, statement, node = bound
            default = Site(cls.module.path, statement, node)
            site = in_own_file(run, write.at)
            if (site is None or not in_own_class(run, site)) and in_own_class(run, default):
                site = default  # a base class assigns, and is right when it is alone
            if site is None or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            what = f"`{write.name} = {_short(node)}`" if _value(node) is not None else "one"
            yield Report(
                site,
                f"Keras 2 tracks nothing under a name that the class has already, and `{cls.name}` has "
                f"{what}: the {class_of(found[0])}{several(found)} in `self.{write.name}` won't be "
                f"trained{weights_text(run, found)}. Remove `{write.name}` from the class body.",
                (
                    Related(default, f"`{cls.name}` has a `{write.name}` here"),
                    *makers(run, found),
                ),
                _bare_annotation(run, write, cls, statement, node),
            )


def _value(node: ast.stmt) -> ast.expr | None:
    """The default that the class body gives."""
    return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None


def _short(node: ast.stmt) -> str:
    value = _value(node)
    text = "" if value is None else ast.unparse(value)
    return text if len(text) <= 20 else "..."


def _bare_annotation(
    run: LayerRun, write: AttributeWrite, cls: ClassDefinition, statement: Statement, node: ast.stmt
) -> MakeFix | None:
    """`name: Type` in the place of `name = default`."""
    if isinstance(node, ast.AnnAssign):
        annotation = ast.unparse(node.annotation)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        annotation = _type_of(run, write, cls)
    else:
        return None
    if cls.module.path != run.module.path:
        return None
    if any(_reads(guard, write.name) for guard in write.at.guards):
        return None  # `if self.dense is None: self.dense = ...`
    safe = (
        cls == run.definition
        and write.at.phase == "init"
        and not write.at.conditional
        and not _is_read_before(run, write)
    )
    site = Site(cls.module.path, statement, node)

    def make(document: Document) -> Fix | None:
        edits = replace(document, site, f"{write.name}: {annotation}")
        return None if edits is None else Fix("Turn the default into an annotation", safe, edits)

    return make


def _reads(node: ast.AST, name: str | None) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == name for part in ast.walk(node))


def _is_read_before(run: LayerRun, write: AttributeWrite) -> bool:
    """Whether the default is read: by the constructor before it assigns, or as the class's own."""
    for top in run.definition.statement.body or (run.definition.statement,):
        for node in (part for each in top.nodes for part in ast.walk(each)):
            if (
                isinstance(node, ast.Attribute)
                and node.attr == write.name
                and isinstance(node.ctx, ast.Load)
                and (
                    not isinstance(node.value, ast.Name)
                    or node.value.id != "self"
                    or (top is write.at.site.statement and node.lineno <= write.at.site.node.lineno)  # type: ignore[attr-defined]
                )
            ):
                return True
    return False


def _type_of(run: LayerRun, write: AttributeWrite, cls: ClassDefinition) -> str:
    """What to annotate with: the layer's class as the code names it, if Keras has it; else what is always
    there."""
    value = write.value
    if isinstance(value, Container):
        return value.kind if value.kind in ("list", "dict", "tuple") else "object"
    if isinstance(value, Choice) or not isinstance(value, Layer) or not isinstance(value.cls, Library):
        return "object"
    made = value.site.node
    name = dotted_name(made.func) if isinstance(made, ast.Call) else None
    if name is None or value.site.path != cls.module.path:
        return "object"
    return name if run.project.resolve(cls.module, name) == (value.cls,) else "object"
