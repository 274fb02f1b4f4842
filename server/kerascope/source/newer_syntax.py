"""Syntax newer than the running Python: parsed by libcst, whose grammar is its own, and lowered to `ast`.

What this Python's `ast` has no node for becomes the nearest older one: `type X = T` an assignment, `except*`
an `except`; type parameters are left out.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from kerascope.source.cutting import LINE_END, has_nested_format_string

_NEWER = [
    ((3, 11), r"\bexcept[ \t]*\*|\*[\w.]+[ \t]*\]|\*args[ \t]*:[ \t]*\*"),
    ((3, 12), r"\btype[ \t]+\w+[ \t]*[\[=]|\b(?:def|class)[ \t]+\w+[ \t]*\["),
    ((3, 13), r"\b(?:def|class|type)[ \t]+\w+[ \t]*\["),
    ((3, 14), r"\bexcept\b[^\r\n:(]*,|\b(?:[tT][rR]?|[rR][tT])[\"']"),
    ((3, 15), r"\blazy[ \t]+(?:import|from)\b"),
]
_HINT = re.compile(
    "|".join([pattern for version, pattern in _NEWER if sys.version_info < version] or [r"(?!)"])
)


def may_be_newer(text: str) -> bool:
    """Whether `text` has anything in it that a newer Python than the running one may accept."""
    return _HINT.search(text) is not None or (sys.version_info < (3, 12) and has_nested_format_string(text))


def parse(text: str) -> list[ast.stmt] | None:
    """The tree of a module, as `ast.parse` would give it if this Python knew the syntax; else None."""
    try:
        import libcst as cst
        from libcst.metadata import MetadataWrapper, PositionProvider

        module = cst.parse_module(text)
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        return _Lowering(text, positions).block(module.body)
    except Exception:
        # libcst names no base class of what it can raise, and a node that we don't know is no syntax for us.
        # Where it isn't there (its native part is made for some platforms only), Python's own syntax remains.
        return None


_OPERATORS: dict[str, type[ast.AST]] = {
    "Add": ast.Add,
    "Subtract": ast.Sub,
    "Multiply": ast.Mult,
    "MatrixMultiply": ast.MatMult,
    "Divide": ast.Div,
    "FloorDivide": ast.FloorDiv,
    "Modulo": ast.Mod,
    "Power": ast.Pow,
    "LeftShift": ast.LShift,
    "RightShift": ast.RShift,
    "BitOr": ast.BitOr,
    "BitAnd": ast.BitAnd,
    "BitXor": ast.BitXor,
    "And": ast.And,
    "Or": ast.Or,
    "Plus": ast.UAdd,
    "Minus": ast.USub,
    "BitInvert": ast.Invert,
    "Not": ast.Not,
    "LessThan": ast.Lt,
    "GreaterThan": ast.Gt,
    "LessThanEqual": ast.LtE,
    "GreaterThanEqual": ast.GtE,
    "Equal": ast.Eq,
    "NotEqual": ast.NotEq,
    "In": ast.In,
    "NotIn": ast.NotIn,
    "Is": ast.Is,
    "IsNot": ast.IsNot,
}


class _Lowering:
    """One method for each kind of libcst node, by its name. Nodes are `Any`: libcst loads late."""

    def __init__(self, text: str, positions: Mapping[Any, Any]) -> None:
        self.lines = LINE_END.split(text)
        self.positions = positions

    # Places

    def column(self, place: Any) -> int:
        line = self.lines[place.line - 1]
        if line.isascii():
            return int(place.column)
        return len(line[: place.column].encode("utf-8", "surrogatepass"))

    def at(self, node: Any, source: Any, last: Any = None) -> Any:
        """`node`, placed where `source` stands (up to the end of `last`)."""
        place = self.positions[source]
        return self.between(node, place.start, self.positions[source if last is None else last].end)

    def between(self, node: Any, start: Any, end: Any) -> Any:
        node.lineno, node.col_offset = start.line, self.column(start)
        node.end_lineno, node.end_col_offset = end.line, self.column(end)
        return node

    def bracketed(self, node: Any, source: Any) -> Any:
        """`node` with its innermost brackets, which belong to a tuple or generator."""
        if not source.lpar:
            return self.at(node, source)
        start = self.positions[source.lpar[-1]].start
        return self.between(node, start, self.positions[source.rpar[0]].end)

    # In general

    def expression(self, node: Any) -> Any:
        return getattr(self, f"lower_{type(node).__name__}")(node)

    def maybe(self, node: Any) -> Any:
        return None if node is None else self.expression(node)

    def target(self, node: Any, context: type[ast.expr_context] = ast.Store) -> Any:
        return _with_context(self.expression(node), context)

    def block(self, statements: Sequence[Any]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            if type(statement).__name__ == "SimpleStatementLine":
                result += [self.expression(each) for each in statement.body]
            else:
                result.append(self.expression(statement))
        return result

    def suite(self, node: Any) -> list[ast.stmt]:
        if type(node).__name__ == "SimpleStatementSuite":
            return [self.expression(each) for each in node.body]
        return self.block(node.body)

    # Atoms

    def lower_Name(self, node: Any) -> Any:
        constants = {"True": True, "False": False, "None": None}
        if node.value in constants:
            return self.at(ast.Constant(constants[node.value]), node)
        return self.at(ast.Name(node.value, ast.Load()), node)

    def lower_Integer(self, node: Any) -> Any:
        return self.at(ast.Constant(ast.literal_eval(node.value)), node)

    lower_Float = lower_Imaginary = lower_Integer

    def lower_Ellipsis(self, node: Any) -> Any:
        return self.at(ast.Constant(...), node)

    def lower_SimpleString(self, node: Any) -> Any:
        kind = "u" if node.value[0] in "uU" else None
        return self.at(ast.Constant(ast.literal_eval(node.value), kind), node)

    def lower_ConcatenatedString(self, node: Any) -> Any:
        whole, parts = node, []
        while type(node).__name__ == "ConcatenatedString":
            parts.append(node.left)
            node = node.right
        parts.append(node)
        if all(type(part).__name__ == "SimpleString" for part in parts):
            values = [self.lower_SimpleString(part) for part in parts]
            value = values[0].value[:0].join(each.value for each in values)
            return self.at(ast.Constant(value, values[0].kind), whole)
        values = []
        for part in parts:
            values += [self.expression(part)] if type(part).__name__ == "SimpleString" else self.pieces(part)
        return self.at(ast.JoinedStr(self.merged(values)), whole)

    def lower_FormattedString(self, node: Any) -> Any:
        return self.at(ast.JoinedStr(self.merged(self.pieces(node))), node)

    lower_TemplatedString = lower_FormattedString

    def pieces(self, string: Any) -> list[Any]:
        quote = string.end
        raw = "r" if "r" in string.start.lower() else ""
        return self.format_parts(string.parts, raw, quote)

    def format_parts(self, parts: Sequence[Any], raw: str, quote: str) -> list[Any]:
        values: list[Any] = []
        for part in parts:
            if type(part).__name__.endswith("Text"):
                text = part.value.replace("{{", "{").replace("}}", "}")
                value = _unescaped(text, raw, quote)
                values.append(self.at(ast.Constant(value), part))
                continue
            conversion = ord(part.conversion) if part.conversion else -1
            if part.equal is not None:
                text = self.code(
                    part.whitespace_before_expression, part.expression, part.whitespace_after_expression
                )
                text += self.code(part.equal)
                values.append(self.at(ast.Constant(text), part))
                if part.format_spec is None and conversion == -1:
                    conversion = ord("r")
            spec = None
            if part.format_spec is not None:
                inner = self.merged(self.format_parts(part.format_spec, raw, quote))
                spec = self.at(ast.JoinedStr(inner), part)
            value = self.expression(part.expression)
            values.append(self.at(ast.FormattedValue(value, conversion, spec), part))
        return values

    def merged(self, values: Sequence[Any]) -> list[Any]:
        result: list[Any] = []
        for value in values:
            last = result[-1] if result else None
            if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
                last.value = str(last.value) + str(value.value)
                last.end_lineno, last.end_col_offset = value.end_lineno, value.end_col_offset
            else:
                result.append(value)
        return [each for each in result if not (isinstance(each, ast.Constant) and each.value == "")]

    def code(self, *nodes: Any) -> str:
        import libcst as cst

        return "".join(cst.Module([]).code_for_node(node) for node in nodes)

    # Expressions

    def lower_Attribute(self, node: Any) -> Any:
        return self.at(ast.Attribute(self.expression(node.value), node.attr.value, ast.Load()), node)

    def lower_Call(self, node: Any) -> Any:
        arguments, keywords = self.arguments(node.args)
        if len(node.args) == 1 and isinstance(arguments[:1] and arguments[0], ast.GeneratorExp):
            source = node.args[0].value
            if not source.lpar:
                # The brackets of the call are the generator's too.
                self.at(arguments[0], node.func, node)
                start = self.positions[node.func].end
                opening = self.positions[source].start
                arguments[0].lineno, arguments[0].col_offset = start.line, self.column(start)
                if start.line == opening.line:
                    between = self.lines[start.line - 1][start.column : opening.column]
                    arguments[0].col_offset += max(between.rfind("("), 0)
        return self.at(ast.Call(self.expression(node.func), arguments, keywords), node)

    def arguments(self, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        arguments: list[Any] = []
        keywords: list[Any] = []
        for arg in args:
            value = self.expression(arg.value)
            if arg.star == "*":
                arguments.append(self.at(ast.Starred(value, ast.Load()), arg))
            elif arg.star == "**" or arg.keyword is not None:
                keywords.append(self.at(ast.keyword(arg.keyword and arg.keyword.value, value), arg))
            else:
                arguments.append(value)
        return arguments, keywords

    def lower_Subscript(self, node: Any) -> Any:
        elements = [self.subscript(each.slice) for each in node.slice]
        index = elements[0]
        comma = type(node.slice[-1].comma).__name__ == "Comma"
        if len(elements) > 1 or comma or isinstance(index, ast.Starred):
            index = self.at(ast.Tuple(elements, ast.Load()), node.slice[0].slice, node.slice[-1].slice)
            index.end_col_offset += int(comma)
        return self.at(ast.Subscript(self.expression(node.value), index, ast.Load()), node)

    def subscript(self, node: Any) -> Any:
        if type(node).__name__ == "Slice":
            bounds = [self.maybe(each) for each in (node.lower, node.upper, node.step)]
            return self.at(ast.Slice(*bounds), node)
        value = self.expression(node.value)
        return self.at(ast.Starred(value, ast.Load()), node) if node.star else value

    def lower_BinaryOperation(self, node: Any) -> Any:
        left, right = self.expression(node.left), self.expression(node.right)
        return self.at(ast.BinOp(left, self.operator(node.operator), right), node)

    def operator(self, node: Any) -> Any:
        return _OPERATORS[type(node).__name__.removesuffix("Assign")]()

    def lower_BooleanOperation(self, node: Any) -> Any:
        operator = self.operator(node.operator)
        left = self.expression(node.left)
        joins = isinstance(left, ast.BoolOp) and type(left.op) is type(operator) and not node.left.lpar
        values = [*(left.values if joins else [left]), self.expression(node.right)]
        return self.at(ast.BoolOp(operator, values), node)

    def lower_UnaryOperation(self, node: Any) -> Any:
        return self.at(ast.UnaryOp(self.operator(node.operator), self.expression(node.expression)), node)

    def lower_Comparison(self, node: Any) -> Any:
        operators = [self.operator(each.operator) for each in node.comparisons]
        comparators = [self.expression(each.comparator) for each in node.comparisons]
        return self.at(ast.Compare(self.expression(node.left), operators, comparators), node)

    def lower_IfExp(self, node: Any) -> Any:
        parts = [self.expression(each) for each in (node.test, node.body, node.orelse)]
        return self.at(ast.IfExp(*parts), node)

    def lower_Lambda(self, node: Any) -> Any:
        return self.at(ast.Lambda(self.parameters(node.params), self.expression(node.body)), node)

    def lower_NamedExpr(self, node: Any) -> Any:
        return self.at(ast.NamedExpr(self.target(node.target), self.expression(node.value)), node)

    def lower_Await(self, node: Any) -> Any:
        return self.at(ast.Await(self.expression(node.expression)), node)

    def lower_Yield(self, node: Any) -> Any:
        if type(node.value).__name__ == "From":
            return self.at(ast.YieldFrom(self.expression(node.value.item)), node)
        return self.at(ast.Yield(self.maybe(node.value)), node)

    def lower_Element(self, node: Any) -> Any:
        return self.expression(node.value)

    def lower_StarredElement(self, node: Any) -> Any:
        return self.at(ast.Starred(self.expression(node.value), ast.Load()), node)

    def lower_Tuple(self, node: Any) -> Any:
        return self.bracketed(ast.Tuple([self.expression(e) for e in node.elements], ast.Load()), node)

    def lower_List(self, node: Any) -> Any:
        return self.at(ast.List([self.expression(e) for e in node.elements], ast.Load()), node)

    def lower_Set(self, node: Any) -> Any:
        return self.at(ast.Set([self.expression(e) for e in node.elements]), node)

    def lower_Dict(self, node: Any) -> Any:
        keys = [self.maybe(getattr(each, "key", None)) for each in node.elements]
        return self.at(ast.Dict(keys, [self.expression(each.value) for each in node.elements]), node)

    def lower_GeneratorExp(self, node: Any) -> Any:
        return self.bracketed(ast.GeneratorExp(self.expression(node.elt), self.loops(node.for_in)), node)

    def lower_ListComp(self, node: Any) -> Any:
        return self.at(ast.ListComp(self.expression(node.elt), self.loops(node.for_in)), node)

    def lower_SetComp(self, node: Any) -> Any:
        return self.at(ast.SetComp(self.expression(node.elt), self.loops(node.for_in)), node)

    def lower_DictComp(self, node: Any) -> Any:
        key, value = self.expression(node.key), self.expression(node.value)
        return self.at(ast.DictComp(key, value, self.loops(node.for_in)), node)

    def loops(self, loop: Any) -> list[ast.comprehension]:
        result: list[ast.comprehension] = []
        while loop is not None:
            conditions = [self.expression(each.test) for each in loop.ifs]
            target, source = self.target(loop.target), self.expression(loop.iter)
            result.append(ast.comprehension(target, source, conditions, int(loop.asynchronous is not None)))
            loop = loop.inner_for_in
        return result

    def parameters(self, node: Any) -> ast.arguments:
        star = node.star_arg if type(node.star_arg).__name__ == "Param" else None
        positional = [*node.posonly_params, *node.params]
        return ast.arguments(
            posonlyargs=[self.parameter(each) for each in node.posonly_params],
            args=[self.parameter(each) for each in node.params],
            vararg=star and self.parameter(star),
            kwonlyargs=[self.parameter(each) for each in node.kwonly_params],
            kw_defaults=[self.maybe(each.default) for each in node.kwonly_params],
            kwarg=node.star_kwarg and self.parameter(node.star_kwarg),
            defaults=[self.expression(each.default) for each in positional if each.default is not None],
        )

    def parameter(self, node: Any) -> Any:
        annotation = node.annotation and self.expression(node.annotation.annotation)
        last = node.annotation.annotation if node.annotation else node.name
        result = self.at(ast.arg(node.name.value, annotation), node.name, last)
        if annotation is not None:
            result.end_lineno, result.end_col_offset = annotation.end_lineno, annotation.end_col_offset
        return result

    # Simple statements

    def lower_Expr(self, node: Any) -> Any:
        return self.at(ast.Expr(self.expression(node.value)), node)

    def lower_Assign(self, node: Any) -> Any:
        targets = [self.target(each.target) for each in node.targets]
        return self.at(ast.Assign(targets, self.expression(node.value)), node)

    def lower_AnnAssign(self, node: Any) -> Any:
        target = self.target(node.target)
        simple = int(isinstance(target, ast.Name) and not node.target.lpar)
        annotation = self.expression(node.annotation.annotation)
        return self.at(ast.AnnAssign(target, annotation, self.maybe(node.value), simple), node)

    def lower_AugAssign(self, node: Any) -> Any:
        parts = self.target(node.target), self.operator(node.operator), self.expression(node.value)
        return self.at(ast.AugAssign(*parts), node)

    def lower_Return(self, node: Any) -> Any:
        return self.at(ast.Return(self.maybe(node.value)), node)

    def lower_Raise(self, node: Any) -> Any:
        cause = node.cause and self.expression(node.cause.item)
        return self.at(ast.Raise(self.maybe(node.exc), cause), node)

    def lower_Assert(self, node: Any) -> Any:
        return self.at(ast.Assert(self.expression(node.test), self.maybe(node.msg)), node)

    def lower_Del(self, node: Any) -> Any:
        target = self.target(node.target, ast.Del)
        bare = isinstance(target, ast.Tuple) and not node.target.lpar
        return self.at(ast.Delete(target.elts if bare else [target]), node)

    def lower_Pass(self, node: Any) -> Any:
        return self.at(ast.Pass(), node)

    def lower_Break(self, node: Any) -> Any:
        return self.at(ast.Break(), node)

    def lower_Continue(self, node: Any) -> Any:
        return self.at(ast.Continue(), node)

    def lower_Global(self, node: Any) -> Any:
        return self.at(ast.Global([each.name.value for each in node.names]), node)

    def lower_Nonlocal(self, node: Any) -> Any:
        return self.at(ast.Nonlocal([each.name.value for each in node.names]), node)

    def lower_Import(self, node: Any) -> Any:
        return self.at(ast.Import([self.alias(each) for each in node.names]), node)

    def lower_ImportFrom(self, node: Any) -> Any:
        if type(node.names).__name__ == "ImportStar":
            names = [self.at(ast.alias("*", None), node.names)]
        else:
            names = [self.alias(each) for each in node.names]
        module = node.module and self.code(node.module)
        return self.at(ast.ImportFrom(module, names, len(node.relative)), node)

    lower_LazyImport, lower_LazyImportFrom = lower_Import, lower_ImportFrom

    def alias(self, node: Any) -> Any:
        name = re.sub(r"\s", "", self.code(node.name))
        return self.at(ast.alias(name, node.asname and node.asname.name.value), node)

    def lower_TypeAlias(self, node: Any) -> Any:
        return self.at(ast.Assign([self.target(node.name)], self.expression(node.value)), node)

    # Compound statements

    def orelse(self, node: Any) -> list[ast.stmt]:
        if node is None:
            return []
        return [self.expression(node)] if type(node).__name__ == "If" else self.suite(node.body)

    def lower_If(self, node: Any) -> Any:
        test, body = self.expression(node.test), self.suite(node.body)
        return self.at(ast.If(test, body, self.orelse(node.orelse)), node)

    def lower_While(self, node: Any) -> Any:
        test, body = self.expression(node.test), self.suite(node.body)
        return self.at(ast.While(test, body, self.orelse(node.orelse)), node)

    def lower_For(self, node: Any) -> Any:
        kind: Any = ast.AsyncFor if node.asynchronous is not None else ast.For
        target, source = self.target(node.target), self.expression(node.iter)
        return self.at(kind(target, source, self.suite(node.body), self.orelse(node.orelse)), node)

    def lower_With(self, node: Any) -> Any:
        kind: Any = ast.AsyncWith if node.asynchronous is not None else ast.With
        items = [
            ast.withitem(self.expression(each.item), each.asname and self.target(each.asname.name))
            for each in node.items
        ]
        return self.at(kind(items, self.suite(node.body)), node)

    def lower_Try(self, node: Any) -> Any:
        return self.tried(ast.Try, node)

    def lower_TryStar(self, node: Any) -> Any:
        return self.tried(getattr(ast, "TryStar", ast.Try), node)

    def tried(self, kind: Any, node: Any) -> Any:
        handlers = [
            self.at(
                ast.ExceptHandler(
                    self.maybe(each.type), each.name and each.name.name.value, self.suite(each.body)
                ),
                each,
            )
            for each in node.handlers
        ]
        final = self.suite(node.finalbody.body) if node.finalbody else []
        return self.at(kind(self.suite(node.body), handlers, self.orelse(node.orelse), final), node)

    def lower_FunctionDef(self, node: Any) -> Any:
        kind: Any = ast.AsyncFunctionDef if node.asynchronous is not None else ast.FunctionDef
        result = kind(
            name=node.name.value,
            args=self.parameters(node.params),
            body=self.suite(node.body),
            decorator_list=[self.expression(each.decorator) for each in node.decorators],
            returns=node.returns and self.expression(node.returns.annotation),
        )
        if "type_params" in kind._fields:
            result.type_params = []
        return self.at(result, node)

    def lower_ClassDef(self, node: Any) -> Any:
        bases, keywords = self.arguments([*node.bases, *node.keywords])
        result = ast.ClassDef(
            name=node.name.value,
            bases=bases,
            keywords=keywords,
            body=self.suite(node.body),
            decorator_list=[self.expression(each.decorator) for each in node.decorators],
        )
        if "type_params" in ast.ClassDef._fields:
            result.type_params = []  # type: ignore[attr-defined]
        return self.at(result, node)

    def lower_Match(self, node: Any) -> Any:
        cases = [
            ast.match_case(self.expression(each.pattern), self.maybe(each.guard), self.suite(each.body))
            for each in node.cases
        ]
        return self.at(ast.Match(self.expression(node.subject), cases), node)

    # Patterns

    def lower_MatchValue(self, node: Any) -> Any:
        return self.at(ast.MatchValue(self.expression(node.value)), node)

    def lower_MatchSingleton(self, node: Any) -> Any:
        value = self.expression(node.value).value
        return self.at(ast.MatchSingleton(value), node)

    def lower_MatchSequenceElement(self, node: Any) -> Any:
        return self.expression(node.value)

    def lower_MatchList(self, node: Any) -> Any:
        return self.at(ast.MatchSequence([self.expression(each) for each in node.patterns]), node)

    def lower_MatchTuple(self, node: Any) -> Any:
        return self.bracketed(ast.MatchSequence([self.expression(each) for each in node.patterns]), node)

    def lower_MatchStar(self, node: Any) -> Any:
        return self.at(ast.MatchStar(node.name and node.name.value), node)

    def lower_MatchMapping(self, node: Any) -> Any:
        keys = [self.expression(each.key) for each in node.elements]
        patterns = [self.expression(each.pattern) for each in node.elements]
        return self.at(ast.MatchMapping(keys, patterns, node.rest and node.rest.value), node)

    def lower_MatchClass(self, node: Any) -> Any:
        result = ast.MatchClass(
            cls=self.expression(node.cls),
            patterns=[self.expression(each) for each in node.patterns],
            kwd_attrs=[each.key.value for each in node.kwds],
            kwd_patterns=[self.expression(each.pattern) for each in node.kwds],
        )
        return self.at(result, node)

    def lower_MatchAs(self, node: Any) -> Any:
        return self.at(ast.MatchAs(self.maybe(node.pattern), node.name and node.name.value), node)

    def lower_MatchOr(self, node: Any) -> Any:
        return self.at(ast.MatchOr([self.expression(each.pattern) for each in node.patterns]), node)


def _with_context(node: Any, context: type[ast.expr_context]) -> Any:
    if hasattr(node, "ctx"):
        node.ctx = context()
    if isinstance(node, ast.Starred):
        _with_context(node.value, context)
    for element in getattr(node, "elts", ()):
        _with_context(element, context)
    return node


def _unescaped(text: str, raw: str, quote: str) -> str:
    """The value of literal text in a format string, whose quotes may stand in it where a field has ended."""
    if raw or "\\" not in text:
        return LINE_END.sub("\n", text)
    if len(quote) == 1:
        text = text.replace("\n", "\\n") if "\\\n" not in text else text
    value = ast.literal_eval(quote + text + quote)
    assert isinstance(value, str)
    return value
