"""A server whose findings are easy to foretell: `python -m tests.lsp.marked`.

Everything is the real server but the analysis: each `BAD` in a text is a finding, mended by writing
`GOOD`, `WORSE` is one whose fix writes `BAD`, `ODD` is one whose fix is unsafe, `BOOM` makes the check
fail. A file with `import other` also gets a finding for each `BAD` in the file `other.py` beside it. So
tests of the protocol depend on no rule.

Nor do those of the build check on Keras: each `class` is a layer that is built from the words in it. `LAYER`
is a sublayer with two weights, `LOST` one that isn't tracked, `SLOW` a constructor that never ends, `ASKS`
one whose arguments nobody knows, `DEFECT` a failure of our own, `BIG` code of which it takes long to say what
has to run, `MISSING` needs a package which is installed where the folder named last on the command line has a
file `installed`.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascope.lsp.serve import serve_stdio, serve_tcp
from kerascope.lsp.workspace import BuildSettings, LayerClass
from kerascope.probe.report import Frame, Node, Report, Stage, Weight
from kerascope.probe.request import Request, Slice, SlicedModule
from kerascope.rules.rule import Finding, FindingRelated, Fix
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

_MARK = re.compile(r"BAD|ODD|WORSE")


class MarkedProject:
    """Finds marks in texts."""

    def __init__(self, root: str | None, editor: Mapping[str, object], refined: Callable[[], None]) -> None:
        self.problems: Sequence[str] = [f"unknown setting {key!r}" for key in editor if key not in _SETTINGS]
        self._mark = editor.get("mark", "BAD")
        self._editor = editor
        self._check = MarkedCheck(self)
        self._root = root
        self._delay = float(str(editor.get("delay", 0)))
        self._refined = refined
        self._open: dict[str, Document] = {}

    def open(self, document: Document) -> None:
        self._open[document.path] = document

    def close_document(self, path: str) -> None:
        self._open.pop(path, None)

    def changed_on_disk(self, path: str) -> None:
        pass

    def document(self, path: str) -> Document | None:
        if path in self._open:
            return self._open[path]
        try:
            return Document.from_text(path, Path(path).read_text())
        except OSError:
            return None

    def check(self, path: str) -> Sequence[Finding]:
        time.sleep(self._delay)
        document = self.document(path)
        if document is None:
            return ()
        if "BOOM" in document.text:
            raise ValueError("boom\nsecond line")
        findings = [self._finding(path, place, document.text) for place in _marks(document.text)]
        if "import other" in document.text:
            other = self.document(str(Path(path).with_name("other.py")))
            for place in _marks(other.text) if other else ():
                assert other is not None
                related = FindingRelated(other.path, place, "here")
                here = Range(Position(0, 0), Position(0, 6))
                findings.append(
                    Finding(path, here, "KS102", "beside", "error", "a mark beside", (3,), (related,))
                )
        return findings

    def _finding(self, path: str, place: Range, text: str) -> Finding:
        line = re.split("\r\n|\r|\n", text)[place.start.line]
        word = line[place.start.column : place.end.column]

        def fix(document: Document) -> Fix:
            better = "BAD" if word == "WORSE" else "GOOD"
            return Fix(f"Write {better}", word != "ODD", (Edit(place, better),))

        message = f"{word} in {self._root and Path(self._root).name}"
        related = (FindingRelated(path, place, "the mark"),)
        return Finding(path, place, "KS101", "marked", "warning", message, (2, 3), related, fix)

    def tree(self, path: str, position: Position) -> str | None:
        document = self.document(path)
        for place in _marks(document.text) if document else ():
            if place.start <= position <= place.end:
                return "## Mark\n`GOOD` is better"
        return None

    # --- the build check

    def layer_classes(self, path: str) -> Sequence[LayerClass]:
        document = self.document(path)
        return [
            LayerClass(
                name,
                Range(Position(first, 6), Position(first, 6 + len(name))),
                first,
                first + len(body) - 1,
            )
            for name, first, body in _classes(document.text if document else "")
        ]

    def build_settings(self, path: str) -> BuildSettings:
        if self._editor.get("trusted") is False:
            return BuildSettings("This workspace isn't trusted.")
        return BuildSettings("", self._editor.get("buildOnSave") is True)

    def build_check(self, path: str, workers: object) -> MarkedCheck:
        return self._check

    def build_comment(self, path: str, class_name: str) -> Edit | None:
        layer = next(layer for layer in self.layer_classes(path) if layer.name == class_name)
        here = Position(layer.first, 0)
        return Edit(Range(here, here), "# kerascope: build() on (None, …)\n")

    def judged(
        self, path: str, findings: Sequence[Finding], reports: Sequence[Report]
    ) -> tuple[Sequence[Finding], Sequence[str]]:
        """ODD is refuted by any report; each line with lost weights is a finding."""
        kept = [finding for finding in findings if not finding.message.startswith("ODD")]
        lines = {
            weight.created.line
            for report in reports
            for weight in report.weights
            if not weight.tracked and weight.created is not None
        }
        lost = [
            Finding(path, _whole_line(line), "KS802", "weight-untracked", "error", "lost", (3,))
            for line in sorted(lines)
        ]
        told = ["an ODD was withdrawn"] if len(kept) < len(findings) else []
        return [*kept, *lost], told

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Marked:
    """A class to check: `body` are its lines."""

    path: str
    name: str
    first: int
    body: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    installed: bool = True

    @property
    def digest(self) -> str:
        return repr((self.path, self.name, self.body, self.given))

    @property
    def answer(self) -> Report | None:
        if self.installed or not any("MISSING" in line for line in self.body):
            return None
        return Report(self.path, self.name, self.first + 1, "no-keras", "Keras is not installed.")

    @property
    def request(self) -> Request:
        text = "\n" * self.first + "\n".join(self.body)
        sliced = Slice((SlicedModule("m", self.path, text),), "m")
        return Request(self.name, sliced, (), "/")


class MarkedCheck:
    """Builds classes by the words in them."""

    def __init__(self, project: MarkedProject) -> None:
        self._project = project
        self._installed = Path(sys.argv[-1], "installed").exists()
        self._done: dict[str, Report] = {}

    def prepare(self, path: str, class_name: str, given: Mapping[str, str]) -> Sequence[Marked]:
        if "…" in given.get("on", ""):
            raise ValueError("write values in place of the dots")
        document = self._project.document(path)
        for name, first, body in _classes(document.text if document else ""):
            if name == class_name:
                if any("BIG" in line for line in body):
                    time.sleep(0.02)
                return [Marked(path, name, first, body, tuple(sorted(given.items())), self._installed)]
        raise ValueError(f"there is no layer class {class_name} in {Path(path).name}")

    def run(
        self,
        prepared: Marked,
        *,
        progress: Callable[[Stage, str], None],
        partial: Callable[[Mapping[str, object]], None],
        cancelled: threading.Event,
        force: bool,
    ) -> Report:
        if prepared.answer is not None:
            return prepared.answer
        text = "\n".join(prepared.body)
        progress("start", "starting TensorFlow…")
        if "DEFECT" in text:
            raise RuntimeError("a defect of our own")
        if "SLOW" in text:
            partial({"versions": {"keras": "3.0"}})
            if cancelled.wait(600):
                return Report(
                    prepared.path, prepared.name, prepared.first + 1, "cancelled", "It was cancelled."
                )
        progress("call", f"calling {prepared.name} on float32 (2, 5)…")
        report = _report(prepared)
        self._done[prepared.digest] = report
        return report

    def known(self, prepared: Marked) -> Report | None:
        return _report(prepared) if prepared.digest in self._done else None


def _report(prepared: Marked) -> Report:
    if any("ASKS" in line for line in prepared.body):
        message = "Nobody says what `units` is."
        return Report(prepared.path, prepared.name, prepared.first + 1, "unknown", message)
    children = []
    for number, line in enumerate(prepared.body, prepared.first + 1):
        if found := re.search(r"self\.(\w+) = (LAYER|LOST)", line):
            here = Frame(prepared.path, number)
            weights = tuple(
                Weight(
                    f"{found[1]}.{name}",
                    name,
                    "Dense",
                    shape,
                    "float32",
                    15 if name == "kernel" else 3,
                    trainable=True,
                    tracked=found[2] == "LAYER",
                    trained=found[2] == "LAYER",
                    exists_after="call",
                    created=here,
                )
                for name, shape in (("kernel", (5, 3)), ("bias", (3,)))
            )
            tracked = found[2] == "LAYER"
            children.append(
                Node(found[1], "Dense", True, tracked, created=here, library="keras", weights=weights)
            )
    tree = Node("", prepared.name, True, True, children=tuple(children))
    inputs = dict(prepared.given).get("on", "float32 (2, 5)")
    return Report(
        prepared.path,
        prepared.name,
        prepared.first + 1,
        "built",
        inputs=inputs,
        tree=tree,
        versions={"keras": "3.0"},
    )


def _classes(text: str) -> list[tuple[str, int, tuple[str, ...]]]:
    """Name, first line (from 0) and lines of each class."""
    lines = text.split("\n")
    found = []
    for first, line in enumerate(lines):
        if match := re.match(r"class (\w+)", line):
            last = first + 1
            while last < len(lines) and (lines[last].startswith(" ") or not lines[last]):
                last += 1
            body = lines[first:last]
            while not body[-1]:
                body.pop()
            found.append((match[1], first, tuple(body)))
    return found


def _whole_line(number: int) -> Range:
    return Range(Position(number - 1, 0), Position(number - 1, 80))


_SETTINGS = ("mark", "delay", "trusted", "buildOnSave", "showsResults")


def _marks(text: str) -> list[Range]:
    return [
        Range(Position(number, match.start()), Position(number, match.end()))
        for number, line in enumerate(re.split("\r\n|\r|\n", text))
        for match in _MARK.finditer(line)
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tcp"]:
        sys.exit(serve_tcp("127.0.0.1", 0, MarkedProject))
    sys.exit(serve_stdio(MarkedProject))
