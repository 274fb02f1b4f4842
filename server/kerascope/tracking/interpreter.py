"""Runs Python symbolically: statements and expressions over abstract values.

Branches whose condition isn't known are all run, and what they leave is joined; a loop over unknown things is
run once. So everything that *may* happen is seen; what surely happens is marked by the absence of open
conditions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kerascope.tracking import calls
from kerascope.tracking.attributes import Attributes
from kerascope.tracking.containers import Containers
from kerascope.tracking.expressions import Expressions
from kerascope.tracking.machine import Frame
from kerascope.tracking.statements import Statements
from kerascope.tracking.values import Function, Value, join, options


class Interpreter(Statements, Expressions, Attributes, Containers):
    """Runs code of one project under one Keras generation, and notes what happens in `events`."""

    def call(self, frame: Frame, node: ast.Call) -> Value:
        return calls.call(self, frame, node)

    def apply(
        self, frame: Frame, node: ast.Call, callee: Value, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        return join(
            calls.dispatch(self, frame, node, one, list(arguments), dict(keywords), False)
            for one in options(callee)
        )

    def call_function(
        self,
        frame: Frame,
        node: ast.AST,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        spread: bool = False,
    ) -> Value:
        return calls.call_function(self, frame, node, function, arguments, keywords, spread)

    def escape(self, frame: Frame, node: ast.AST, values: Iterable[Value], to: str | None) -> None:
        calls.escape(self, frame, node, values, to)
