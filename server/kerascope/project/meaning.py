"""What a name in a module can mean."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from kerascope.source.frozen import frozen
from kerascope.source.statement import Statement

if TYPE_CHECKING:
    from kerascope.project.module import Module


@frozen
class Library:
    """Something outside the files that we read, by its dotted name.

    Keras names are canonical in every spelling: `tf.keras.layers.Dense`, `keras.src.layers.core.dense.Dense`
    and `tf_keras.layers.Dense` are all `keras.layers.Dense`, with `origin` telling the distribution that
    was named ("tf", "keras", "tf_keras"). `tf.Variable` and `tensorflow.Variable` are `tensorflow.Variable`.
    Other libraries keep their own name, with import aliases undone (`np.ones` is `numpy.ones`).
    """

    name: str
    origin: str | None = None


@frozen
class ClassDefinition:
    """A class that a file of the project (or of an installed package) defines.

    `node` is the header; the body is `statement.body` for a class that is a piece of its own, and
    `node.body` for one nested in a function, an `if` or a `try` (then `statement` is the enclosing piece).
    """

    module: Module
    statement: Statement
    node: ast.ClassDef

    def __hash__(self) -> int:
        return hash(self.node)

    @property
    def name(self) -> str:
        return self.node.name


@frozen
class FunctionDefinition:
    """A function that a file defines at module level."""

    module: Module
    statement: Statement
    node: ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class ValueDefinition:
    """A module-level assignment `name = value` (annotated too); `value` is evaluated in `module`."""

    module: Module
    statement: Statement
    value: ast.expr


@frozen
class ModuleDefinition:
    """A module whose file we read."""

    module: Module


Meaning: TypeAlias = Library | ClassDefinition | FunctionDefinition | ValueDefinition | ModuleDefinition
