"""Expressions: names, operators, displays and comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.source.on_node import kept_on_node
from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import (
    Used,
)
from kerascope.tracking.machine import (
    MAX_TURNS,
    PLAIN_TENSOR,
    Frame,
    Machine,
)
from kerascope.tracking.values import (
    KEYED,
    MAX_OPTIONS,
    UNKNOWN,
    Choice,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    LibraryValue,
    Partial,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
    join,
    options,
)

_MAY_BE_USED = frozenset((Weight, Tensor, Choice))
"""What may be a weight, or made of some."""


OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.MatMult: "matmul", ast.Div: "truediv",
    ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift",
    ast.BitOr: "or", ast.BitXor: "xor", ast.BitAnd: "and",
}  # fmt: skip
"""The methods by which a class defines an operator, without the underscores."""


class Expressions(Machine):
    """Evaluates expressions."""

    def value(self, frame: Frame, node: ast.expr) -> Value:
        """What `node` evaluates to."""
        self.steps += 1
        if self.steps > self.max_steps:
            self.out_of_steps()
        evaluate = _EVALUATE.get(type(node))
        return evaluate(self, frame, node) if evaluate is not None else UNKNOWN

    def _constant(self, frame: Frame, node: ast.Constant) -> Value:
        return Constant(node.value)

    def _name(self, frame: Frame, node: ast.Name) -> Value:
        found = self.local(frame, node.id)
        if found is None:
            found = self.global_value(frame.module, node.id)
        if frame.phase == "call" and type(found) in _MAY_BE_USED:
            self._note_use(frame, node, found)
        return found

    def _note_use(self, frame: Frame, node: ast.expr, value: Value) -> None:
        if frame.phase != "call" or frame.subject is None or value is PLAIN_TENSOR:
            return
        for option in options(value):
            if (
                isinstance(option, Weight)
                or (isinstance(option, Tensor) and option.weights and option.phase != "call")
                or (isinstance(option, Tensor) and option.phase in ("init", "build"))
            ):
                self.events.append(Used(self.context(frame, node), option, node))

    def _attribute(self, frame: Frame, node: ast.Attribute) -> Value:
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        start = self.local(frame, root.id) if isinstance(root, ast.Name) else None
        if isinstance(root, ast.Name) and start is None:
            dotted = _dotted(node)
            found = self.global_value(frame.module, dotted)
            if isinstance(found, LibraryValue):
                cls = Library(found.name.rpartition(".")[0], found.origin)
                if self.catalogue.get(cls.name) is not None:  # `keras.layers.Layer.__init__`
                    return self.attribute(frame, node, ClassValue(cls), node.attr)
                if cls.name == "keras.__version__":
                    return self.attribute(frame, node, self.meant([cls]), node.attr)
            if not isinstance(found, Unknown):
                self._note_use(frame, node, found)
                return found
        if isinstance(start, (Layer, Plain)) and root is node.value:
            owner: Value = start  # `self`, as a rule
        else:
            owner = self.value(frame, node.value)
        name = self.mangled(frame, node.attr)
        if isinstance(owner, Choice):
            found = join([self.attribute(frame, node, option, name) for option in owner.options])
        else:
            found = self.attribute(frame, node, owner, name)
        if frame.phase == "call" and type(found) in _MAY_BE_USED:
            self._note_use(frame, node, found)
        return found

    def _tuple(self, frame: Frame, node: ast.Tuple | ast.List | ast.Set) -> Value:
        kind = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set"}[type(node)]
        made = Container(kind, self.site(frame, node))
        for element in node.elts:
            at = self.site(frame, element)
            if isinstance(element, ast.Starred):
                spread = self.iterated(frame, element, self.value(frame, element.value))
                made.items.extend(Item(UNKNOWN, item.value, at) for item in self.elements(spread))
                made.open = made.open or self.is_open(spread)
            else:
                made.items.append(Item(UNKNOWN, self.value(frame, element), at))
        return self.created(frame, node, made)

    def _dict(self, frame: Frame, node: ast.Dict) -> Value:
        made = Container("dict", self.site(frame, node))
        for key, element in zip(node.keys, node.values, strict=False):
            value = self.value(frame, element)
            at = self.site(frame, element)
            if key is None:
                made.items.extend(self.elements(value))
                made.open = made.open or self.is_open(value)
            else:
                made.items.append(Item(self.value(frame, key), value, at))
        return self.created(frame, node, made)

    def _comprehension(
        self, frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        kind = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "iterator", ast.DictComp: "dict"}[
            type(node)
        ]
        made = Container(kind, self.site(frame, node))
        scopes = frame.scopes
        frame.scopes = (*scopes, {})
        try:
            self._comprehend(frame, node, list(node.generators), made)
        finally:
            frame.scopes = scopes
        return self.created(frame, node, made)

    def _comprehend(
        self,
        frame: Frame,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        generators: list[ast.comprehension],
        made: Container,
    ) -> None:
        if not generators:
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            key = self.value(frame, node.key) if isinstance(node, ast.DictComp) else UNKNOWN
            made.items.append(Item(key, self.value(frame, element), self.site(frame, element)))
            return
        first, rest = generators[0], generators[1:]
        iterable = self.iterated(frame, first.iter, self.value(frame, first.iter))
        scopes = frame.scopes
        for item, loop in self.turns(frame, first.iter, iterable):
            if loop:
                made.open = made.open or self.is_open(iterable)
            frame.scopes = (*scopes, {})
            self.assign(frame, first.target, item)
            tests = [self.truth(self.value(frame, test)) for test in first.ifs]
            if False not in tests:
                with self.guarded(frame, None, None not in tests, loop=loop):
                    self._comprehend(frame, node, rest, made)
        frame.scopes = scopes

    def _lambda(self, frame: Frame, node: ast.Lambda) -> Value:
        return self.function(frame, node)

    def _if_expression(self, frame: Frame, node: ast.IfExp) -> Value:
        truth = self.truth(self.value(frame, node.test))
        found = []
        for branch, wanted in ((node.body, True), (node.orelse, False)):
            if truth is None or truth is wanted:
                with self.guarded(frame, node.test, truth is not None):
                    found.append(self.value(frame, branch))
        return join(found)

    def _bool_op(self, frame: Frame, node: ast.BoolOp) -> Value:
        found: list[Value] = []
        is_and = isinstance(node.op, ast.And)
        decided: bool | None = None
        for index, operand in enumerate(node.values):
            with self.guarded(
                frame, node.values[index - 1] if index else None, index == 0 or decided is not None
            ):
                value = self.value(frame, operand)
            decided = self.truth(value)
            if decided is not None and decided is not is_and:
                found.append(value)
                break
            if decided is None or index == len(node.values) - 1:
                found.append(value)
        return join(found)

    def _bin_op(self, frame: Frame, node: ast.BinOp) -> Value:
        left, right = self.value(frame, node.left), self.value(frame, node.right)
        if isinstance(left, Constant) and isinstance(right, Constant):
            return _fold(node.op, left.value, right.value)
        results: list[Value] = []
        for one in options(left):
            for other in options(right):
                results.append(self._operate(frame, node, one, other))
        return join(results[: MAX_OPTIONS * 2])

    def _operate(self, frame: Frame, node: ast.BinOp, left: Value, right: Value) -> Value:
        if isinstance(node.op, ast.Add) and isinstance(left, Container) and isinstance(right, Container):
            kind = left.kind if left.kind in ("list", "tuple") else "list"
            made = Container(
                kind, self.site(frame, node), [*left.items, *right.items], open=left.open or right.open
            )
            return self.created(frame, node, made)
        if isinstance(node.op, ast.BitOr) and isinstance(left, Container) and isinstance(right, Container):
            made = Container(
                left.kind, self.site(frame, node), [*left.items, *right.items], open=left.open or right.open
            )
            return self.created(frame, node, made)
        if isinstance(node.op, ast.Mult):
            for container, times in ((left, right), (right, left)):
                if isinstance(container, Container) and container.kind in ("list", "tuple"):
                    count = (
                        times.value if isinstance(times, Constant) and isinstance(times.value, int) else None
                    )
                    items = list(container.items)
                    if count is not None and len(items) == 1 and 0 <= count <= MAX_TURNS:
                        items = items * count
                    made = Container(
                        container.kind,
                        self.site(frame, node),
                        items,
                        open=container.open,
                        repeated=count != 1,
                    )
                    return self.created(frame, node, made)
        return self.combined(frame, node, node.op, left, right)

    def combined(
        self,
        frame: Frame,
        node: ast.AST,
        operator: ast.operator,
        left: Value,
        right: Value,
        in_place: bool = False,
    ) -> Value:
        """An operator that a user's class defines, or one on tensors and numbers."""
        ways = [(left, right, ""), (right, left, "r")]
        for owner, other, prefix in [(left, right, "i"), *ways] if in_place else ways:
            if isinstance(owner, (Layer, Plain)) and isinstance(owner.cls, ClassDefinition):
                found = self.call_member(
                    frame, node, owner, f"__{prefix}{OPERATORS.get(type(operator))}__", [other]
                )
                if not isinstance(found, Unknown):
                    return found
        return self.compute(frame, node, [left, right])

    def _unary(self, frame: Frame, node: ast.UnaryOp) -> Value:
        value = self.value(frame, node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return UNKNOWN if truth is None else Constant(not truth)
        if (
            isinstance(value, Constant)
            and isinstance(value.value, (int, float))
            and isinstance(node.op, ast.USub)
        ):
            return Constant(-value.value)
        return self.compute(frame, node, [value])

    def _compare(self, frame: Frame, node: ast.Compare) -> Value:
        values = [self.value(frame, node.left), *(self.value(frame, other) for other in node.comparators)]
        if len(values) != 2:
            return self.compute(frame, node, values)
        left, right, operator = values[0], values[1], node.ops[0]
        known = _compare_known(left, right, operator)
        if known is not None:
            return Constant(known)
        return self.compute(frame, node, values)

    def _subscript(self, frame: Frame, node: ast.Subscript) -> Value:
        owner = self.value(frame, node.value)
        bounds: list[Value] = []
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                bounds.append(self.value(frame, bound) if bound is not None else Constant(None))
            key: Value = UNKNOWN
        else:
            key = self.value(frame, node.slice)
        found = join(self._item(frame, node, option, key, bounds) for option in options(owner))
        if frame.phase == "call" and type(found) in _MAY_BE_USED:
            self._note_use(frame, node, found)
        return found

    def _item(
        self, frame: Frame, node: ast.Subscript, owner: Value, key: Value, bounds: list[Value]
    ) -> Value:
        if isinstance(owner, Container):
            if isinstance(node.slice, ast.Slice):
                cut = _slice(bounds) if _is_written_out(owner) else None
                made = Container(
                    owner.kind if owner.kind in ("list", "tuple") else "list",
                    self.site(frame, node),
                    owner.items[cut] if cut is not None else list(owner.items),
                    open=owner.open,
                    repeated=owner.repeated,
                )
                return self.created(frame, node, made)
            return self.item(owner, key)
        if isinstance(owner, (Tensor, Weight)):
            return self.compute(frame, node, [owner])
        if isinstance(owner, Layer):
            return UNKNOWN
        if isinstance(owner, Plain):
            return self.call_member(frame, node, owner, "__getitem__", [key])
        if (
            isinstance(owner, Partial)
            and owner.method == "__dict__"
            and isinstance(owner.function, (Layer, Plain))
        ):
            name = key.value if isinstance(key, Constant) else None
            if isinstance(name, str):
                return owner.function.attributes.get(name, UNKNOWN)
        if isinstance(owner, ClassValue):
            return owner  # a generic alias
        if isinstance(owner, Constant) and isinstance(owner.value, (str, tuple)):
            index: Any = _slice(bounds) if bounds else key.value if isinstance(key, Constant) else None
            try:
                return Constant(owner.value[index])
            except (TypeError, IndexError, ValueError):
                return UNKNOWN
        return UNKNOWN

    def _named(self, frame: Frame, node: ast.NamedExpr) -> Value:
        value = self.value(frame, node.value)
        self.assign(frame, node.target, value)
        return value

    def _starred(self, frame: Frame, node: ast.Starred) -> Value:
        return self.element(self.value(frame, node.value))

    def _await(self, frame: Frame, node: ast.Await) -> Value:
        return self.value(frame, node.value)

    def _yield(self, frame: Frame, node: ast.Yield) -> Value:
        frame.is_generator = True
        if node.value is not None:
            frame.yielded.append(Item(UNKNOWN, self.value(frame, node.value), self.site(frame, node)))
        return UNKNOWN

    def _yield_from(self, frame: Frame, node: ast.YieldFrom) -> Value:
        frame.is_generator = True
        frame.yielded.extend(self.elements(self.iterated(frame, node, self.value(frame, node.value))))
        return UNKNOWN

    def _joined(self, frame: Frame, node: ast.JoinedStr) -> Value:
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.value(frame, part.value)
                if not isinstance(value, Constant) or part.format_spec is not None or part.conversion != -1:
                    return UNKNOWN
                parts.append(str(value.value))
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        return Constant("".join(parts))

    def _call(self, frame: Frame, node: ast.Call) -> Value:
        found = self.call(frame, node)
        if frame.phase == "call" and type(found) in _MAY_BE_USED:
            self._note_use(frame, node, found)
        return found


@kept_on_node
def _dotted(node: ast.Attribute) -> str:
    """The dotted name of a chain of attributes of a name."""
    return dotted_name(node) or ""


def _slice(bounds: list[Value]) -> slice | None:
    """The slice between these bounds, where all are known."""
    found = [bound.value for bound in bounds if isinstance(bound, Constant)]
    known = len(found) == len(bounds) and all(part is None or type(part) is int for part in found)
    return slice(*found) if known and (len(found) < 3 or found[2] != 0) else None


def _is_written_out(container: Container) -> bool:
    """Whether it has just the elements that stand in the source, or parts of a text: all are constants."""
    node = container.site.node
    if container.open or container.repeated:
        return False
    if isinstance(node, (ast.List, ast.Tuple)):
        if len(node.elts) != len(container.items):
            return False
    elif not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split"
    ):
        return False
    return all(isinstance(item.value, Constant) for item in container.items)


def _fold(operator: ast.operator, left: object, right: object) -> Value:
    """Arithmetic on small literals."""
    try:
        if isinstance(left, str) and isinstance(right, str) and isinstance(operator, ast.Add):
            return Constant(left + right) if len(left) + len(right) < 10_000 else UNKNOWN
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            if abs(left) > 1e9 or abs(right) > 1e9:
                return UNKNOWN
            if isinstance(operator, ast.Add):
                return Constant(left + right)
            if isinstance(operator, ast.Sub):
                return Constant(left - right)
            if isinstance(operator, ast.Mult):
                return Constant(left * right)
            if isinstance(operator, ast.FloorDiv):
                return Constant(left // right)
            if isinstance(operator, ast.Div):
                return Constant(left / right)
            if isinstance(operator, ast.Mod):
                return Constant(left % right)
    except ArithmeticError:
        pass
    return UNKNOWN


def _as_tuple(value: Value) -> Value:
    """A tuple of constants, as Python compares it."""
    if isinstance(value, Container) and value.kind == "tuple" and not value.open and not value.repeated:
        parts = [item.value.value for item in value.items if isinstance(item.value, Constant)]
        if len(parts) == len(value.items):
            return Constant(tuple(parts))
    return value


_OBJECTS = (Layer, Plain, Container, Function, Partial, Weight, ClassValue)


def _compare_known(left: Value, right: Value, operator: ast.cmpop) -> bool | None:
    """The result of a comparison, where it is certain."""
    if isinstance(operator, (ast.Is, ast.IsNot)):
        same: bool | None = None
        if isinstance(left, Constant) and isinstance(right, Constant):
            same = left.value is right.value or left == right
        elif (isinstance(left, _OBJECTS) and isinstance(right, Constant)) or (
            isinstance(right, _OBJECTS) and isinstance(left, Constant)
        ):
            same = False
        elif isinstance(left, _OBJECTS) and left is right:
            same = True
        return None if same is None else same is isinstance(operator, ast.Is)
    left, right = _as_tuple(left), _as_tuple(right)
    if isinstance(left, Constant) and isinstance(right, Constant):
        try:
            if isinstance(operator, ast.Eq):
                return bool(left.value == right.value)
            if isinstance(operator, ast.NotEq):
                return bool(left.value != right.value)
            if isinstance(operator, ast.Lt):
                return bool(left.value < right.value)  # type: ignore[operator]
            if isinstance(operator, ast.Gt):
                return bool(left.value > right.value)  # type: ignore[operator]
            if isinstance(operator, ast.LtE):
                return bool(left.value <= right.value)  # type: ignore[operator]
            if isinstance(operator, ast.GtE):
                return bool(left.value >= right.value)  # type: ignore[operator]
            if isinstance(operator, ast.In | ast.NotIn):
                return (left.value in right.value) is isinstance(operator, ast.In)  # type: ignore[operator]
        except TypeError:
            return None
    if (
        isinstance(operator, (ast.In, ast.NotIn))
        and isinstance(left, Constant)
        and isinstance(right, Container)
        and right.items
        and not right.open
    ):
        keyed = right.kind in KEYED
        members = [item.key if keyed else item.value for item in right.items]
        if all(isinstance(member, Constant) for member in members):
            return (left in members) is isinstance(operator, ast.In)
    return None


_EVALUATE: dict[type, Callable[..., Value]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Tuple: Expressions._tuple,
    ast.List: Expressions._tuple,
    ast.Set: Expressions._tuple,
    ast.Dict: Expressions._dict,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Lambda: Expressions._lambda,
    ast.IfExp: Expressions._if_expression,
    ast.BoolOp: Expressions._bool_op,
    ast.BinOp: Expressions._bin_op,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.Subscript: Expressions._subscript,
    ast.NamedExpr: Expressions._named,
    ast.Starred: Expressions._starred,
    ast.Await: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield_from,
    ast.JoinedStr: Expressions._joined,
    ast.Call: Expressions._call,
}
