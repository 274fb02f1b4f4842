"""A report as a person reads it: text for a terminal, Markdown for an editor, rows of its tree for a
hover."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerascope.probe.report import Node, Report, Weight, counted, to_json

Paint = Callable[[str, str], str]
"""`paint(kind, text)`: colours a "title", something "quiet", or something "bad"; or leaves it as it is."""

HOW = {
    "given": "as you said",
    "comment": "as the comment above the class says",
    "usage": "as the file itself makes and calls it",
    "outer": "as an outer layer makes and calls it",
    "search": "on inputs that Kerascope found by trying",
}
MOMENTS = {
    "init": "after the constructor",
    "build": "after build(shape)",
    "functional": "in a functional model, before it runs",
    "call": "after a call",
}
STAGES = {
    **MOMENTS,
    "start": "the start",
    "import": "the import",
    "construct": "the constructor",
    "gradients": "gradients",
    "again": "a second call",
    "weights": "`weights` after a call",
    "effect": "the effect of each weight",
    "weights-file": "save_weights and load_weights",
    "model-file": "the .keras format",
}
LONGEST_WARNING = 200
LONGEST_OUTPUT = 20
"""Lines of what the code printed."""


def summary(report: Report) -> str:
    """One line, for a lens: "2 weights · 18 parameters · all tracked"."""
    return report.summary


def as_json(report: Report) -> dict[str, Any]:
    """The whole report for other programs, with its summary."""
    data: dict[str, Any] = to_json(report)
    return {**data, "summary": report.summary}


def tree(report: Report, path: str = "") -> str:
    """Rows of the tree at and below an attribute path ("" for all of it); "" if nothing is there."""
    if report.tree is None:
        return ""
    rows = list(_rows(report.tree, 0))
    if path:
        below = re.compile(rf"{re.escape(path)}(?![\w])")
        rows = [row for row in rows if below.match(row.path)]
        shallowest = min((row.depth for row in rows), default=0)
        rows = [row.at(row.depth - shallowest) for row in rows]
    return "\n".join(_table(rows, _plain)) if rows else ""


def text(
    report: Report, *, place: str = "", show_slice: bool = False, paint: Paint | None = None
) -> Iterator[str]:
    """The report as lines for a terminal. `place`: where the class stands, as a person would write it."""
    paint = paint or _plain
    good = report.status == "built" and not _problems(report)
    heading = f"{report.class_name}" + (f" ({place})" if place else "")
    yield f"{paint('title', heading)}: {report.summary if good else paint('bad', report.summary)}"
    yield from (f"  {line}" for line in _facts(report))
    for section in (_tree_lines(report, paint), _count_lines(report), _more(report)):
        lines = list(section)
        if lines:
            yield ""
            yield from (f"  {line}".rstrip() for line in lines)
    if show_slice:
        yield ""
        yield from (f"  {line}".rstrip() for line in _left_out(report))


def markdown(report: Report) -> str:
    """The whole report as a document."""
    parts = [
        f"# {report.class_name}: {report.summary}",
        "\n".join(f"- {_marked(line)}" for line in _facts(report)),
    ]
    rows = tree(report)
    if rows:
        parts += ["## Weights", f"```text\n{rows}\n```", _totals(report)]
    if report.counts:
        lines = ["| | weights | trainable | parameters |", "| --- | --: | --: | --: |"]
        lines += [f"| {' | '.join(cells)} |" for cells in _counts(report)]
        parts += ["## When they are there", "\n".join(lines)]
    more = list(_more(report))
    if more:
        parts.append("\n".join(f"- {_marked(line)}" for line in more if line))
    return "\n\n".join(parts) + "\n"


# --- rows of the tree ---


@dataclass(frozen=True, slots=True)
class _Row:
    """A layer or a weight."""

    depth: int
    path: str
    name: str
    what: str
    dtype: str = ""
    parameters: str = ""
    gradient: str = ""
    saved: str = ""
    note: str = ""

    def at(self, depth: int) -> _Row:
        return _Row(
            depth,
            self.path,
            self.name,
            self.what,
            self.dtype,
            self.parameters,
            self.gradient,
            self.saved,
            self.note,
        )

    def cells(self) -> tuple[str, ...]:
        """The texts of its columns."""
        name = "  " * self.depth + self.name
        return (name, self.what, self.dtype, self.parameters, self.gradient, self.saved, self.note)


_HEADER = ("", "", "", "parameters", "gradient", "saved", "")
_RIGHT = 3
"""The column of figures."""


def _rows(node: Node, depth: int, parent: str = "") -> Iterator[_Row]:
    yield _Row(
        depth, node.path, _relative(node.path, parent) or node.class_name, _class(node), note=_note(node)
    )
    for weight in node.weights:
        yield _weight_row(weight, depth + 1, node.path)
    alike: list[Node] = []
    for child in node.children:
        if alike and (
            not _in_list(child) or _form(child) != _form(alike[0]) or _holder(child) != _holder(alike[0])
        ):
            yield from _several(alike, depth + 1, node.path)
            alike = []
        alike.append(child)
    yield from _several(alike, depth + 1, node.path)


def _several(alike: Sequence[Node], depth: int, parent: str) -> Iterator[_Row]:
    """The first of some layers that are the same, and how many more there are."""
    if not alike:
        return
    yield from _rows(alike[0], depth, parent)
    if len(alike) == 2:
        yield from _rows(alike[1], depth, parent)
    elif alike[1:]:
        first, last = _relative(alike[1].path, parent), _relative(alike[-1].path, parent)
        yield _Row(depth, alike[1].path, f"{first} … {last}", f"{len(alike) - 1} more like it")


def _weight_row(weight: Weight, depth: int, parent: str) -> _Row:
    return _Row(
        depth,
        weight.path,
        _relative(weight.path, parent) or weight.name,
        shape_of(weight),
        weight.dtype,
        f"{weight.parameters:,}",
        _said(weight.gradient) if weight.trained else "–",
        _said(weight.saved),
        _weight_note(weight),
    )


def shape_of(weight: Weight) -> str:
    """ "(5, 3)", as Python writes a shape."""
    sizes = ", ".join("None" if size is None else str(size) for size in weight.shape)
    return f"({sizes},)" if len(weight.shape) == 1 else f"({sizes})"


def _relative(path: str, parent: str) -> str:
    return path.removeprefix(parent).removeprefix(".") if path.startswith(parent) else path


def _class(node: Node) -> str:
    return node.class_name if node.path else ""


def _note(node: Node) -> str:
    notes = []
    if not node.tracked and node.path:
        notes.append(f"not tracked: {node.through}" if node.through else "not tracked")
    if not node.built:
        notes.append("not built" if node.called is not False else "not built: never called")
    return ", ".join(notes)


def _weight_note(weight: Weight) -> str:
    if not weight.trainable:
        return "doesn't train" if weight.tracked else "doesn't train, not tracked"
    if not weight.tracked:
        return "not tracked"
    if not weight.trained:
        return "frozen"
    return "no effect" if weight.effect is False else ""


def _said(flag: bool | None) -> str:
    return "–" if flag is None else "yes" if flag else "no"


def _in_list(node: Node) -> bool:
    return node.path.endswith("]")


def _holder(node: Node) -> str:
    return node.path[: node.path.rindex("[")] if "[" in node.path else ""


def _form(node: Node) -> tuple[object, ...]:
    """What makes two layers look the same."""
    return (
        node.class_name,
        _note(node),
        tuple(_weight_row(weight, 0, node.path).cells() for weight in node.weights),
        tuple((_relative(child.path, node.path), _form(child)) for child in node.children),
    )


def _table(rows: Sequence[_Row], paint: Paint) -> Iterator[str]:
    lines = [_HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    for number, line in enumerate(lines):
        cells = []
        for column, cell in enumerate(line[:-1]):
            padded = cell.rjust(widths[column]) if column == _RIGHT else cell.ljust(widths[column])
            if number and column > _RIGHT and cell == "no":
                padded = paint("bad", padded)
            cells.append(padded if number else paint("quiet", padded))
        note = line[-1]
        if note.startswith("not ") or note == "no effect":
            note = paint("bad", note)
        yield "  ".join([*cells, note]).rstrip()


# --- the other parts ---


def _facts(report: Report) -> Iterator[str]:
    """How it was built, on what, and in which environment."""
    if report.message and report.status != "built":
        yield report.message
    if report.missing:
        yield f"write above the class: {report.missing}"
    if report.origin is not None or report.how:
        made = (
            f"{report.class_name.rpartition('.')[2]}({report.init})" if report.init or report.inputs else ""
        )
        how = report.how or HOW.get(report.origin or "", "")
        yield " ".join(part for part in (made, f"on {report.inputs}" if report.inputs else "") if part) + (
            f", {how}" if report.inputs or made else how
        )
    versions = _versions(report.versions)
    took = f"{report.seconds:.2f} s" if report.seconds else ""
    if report.start_seconds:
        took += f", after {report.start_seconds:.1f} s to start"
    if versions or took:
        yield ", ".join(part for part in (versions, took) if part)


_NAMES = (
    ("python", "Python"),
    ("keras", "Keras"),
    ("tf_keras", "tf_keras"),
    ("tensorflow", "TensorFlow"),
    ("jax", "JAX"),
    ("torch", "PyTorch"),
)


def _versions(versions: Mapping[str, str]) -> str:
    shown = [f"{name} {versions[key]}" for key, name in _NAMES if versions.get(key)]
    backend = versions.get("backend")
    return ", ".join(shown) + (f" (backend: {backend})" if backend and backend != "tensorflow" else "")


def _tree_lines(report: Report, paint: Paint) -> Iterator[str]:
    if report.tree is not None and (report.tree.children or report.weights):
        yield from _table(list(_rows(report.tree, 0)), paint)
        yield _totals(report)
    for weight in report.loose:
        at = (
            f", made on line {weight.created.line}"
            if weight.created and weight.created.path == report.path
            else ""
        )
        yield paint("bad", f"used, but held by no layer: {weight.name} {shape_of(weight)} {weight.dtype}{at}")


def _totals(report: Report) -> str:
    known = [weight for weight in report.weights if weight.tracked]
    trained = sum(weight.parameters for weight in known if weight.trained)
    total = sum(weight.parameters for weight in known)
    lost = sum(weight.lost for weight in report.weights)
    all_of_it = f"{counted(len(known), 'weight')} tracked, {counted(total, 'parameter')}"
    more = (
        f"; {counted(lost, 'weight')} that the call used {'is' if lost == 1 else 'are'} not tracked"
        if lost
        else ""
    )
    return f"{all_of_it}, of which {trained:,} train{more}"


def _counts(report: Report) -> Iterator[tuple[str, ...]]:
    for moment, shown in MOMENTS.items():
        count = report.counts.get(moment)
        if count is not None:
            yield (shown, f"{count.weights:,}", f"{count.trainable:,}", f"{count.parameters:,}")
        elif moment in report.not_measured:
            yield (shown, "–", "–", "–")


def _count_lines(report: Report) -> Iterator[str]:
    """The table of how many weights there are at which moment."""
    if not report.weights and not any(count.weights for count in report.counts.values()):
        return
    lines = [("", "weights", "trainable", "parameters"), *_counts(report)]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        yield "  ".join([line[0].ljust(widths[0]), *cells])


def _more(report: Report) -> Iterator[str]:
    """What save and load did, what Keras warned of, what was not measured, and what the code printed."""
    for way, same in report.restored.items():
        if same is False and report.not_measured.get(way):
            yield f"{STAGES.get(way, way)}: CAN'T BE LOADED: {_short(report.not_measured[way])}"
        elif same is not None:
            outputs = "the same outputs" if same else "OTHER OUTPUTS"
            yield f"{STAGES.get(way, way)}: {outputs} from a fresh instance"
    if report.new_every_call:
        what = "random seed" if all(weight.seed for weight in report.new_every_call) else "weight"
        yield f"every call makes {counted(len(report.new_every_call), f'new {what}')}"
    for stage, why in report.not_measured.items():
        if stage in report.restored and report.restored[stage] is False:
            continue
        yield (
            f"not measured: {STAGES.get(stage, stage)} ({why})"
            if why
            else f"not measured: {STAGES.get(stage, stage)}"
        )
    for warning in report.warnings:
        yield f"Keras warns: {_short(warning)}"
    if report.output:
        lines = report.output.rstrip().splitlines()
        yield "the code printed:"
        yield from (f"  {line}" for line in lines[:LONGEST_OUTPUT])
        if lines[LONGEST_OUTPUT:]:
            yield f"  … {len(lines) - LONGEST_OUTPUT} more lines"


def _left_out(report: Report) -> Iterator[str]:
    """What of the file was not run."""
    if not report.left_out:
        yield "everything in the file was run"
        return
    yield "not run:"
    for piece in report.left_out:
        lines = str(piece.line) if piece.line == piece.end_line else f"{piece.line}-{piece.end_line}"
        path = "" if piece.path == report.path else f"{piece.path}:"
        yield f"  {path}{lines}  {' '.join(piece.text.split())}  ({piece.why})"


def _problems(report: Report) -> bool:
    return not report.summary.endswith("tracked") and bool(report.weights)


def _short(text: str) -> str:
    """The first sentence of a text, or its beginning."""
    text = " ".join(text.split())
    end = text.find(". ")
    text = text if end < 0 else text[: end + 1]
    return text if len(text) <= LONGEST_WARNING else text[: LONGEST_WARNING - 1].rstrip() + "…"


def _marked(line: str) -> str:
    """A line as Markdown that shows it as it stands."""
    return re.sub(r"([\\`*_<\[\]|#])", r"\\\1", line)


def _plain(kind: str, text: str) -> str:
    return text
