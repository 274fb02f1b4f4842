"""A server whose findings are easy to foretell: `python -m tests.lsp.marked`.

Everything is the real server but the analysis: each `BAD` in a text is a finding, mended by writing
`GOOD`, `WORSE` is one whose fix writes `BAD`, `ODD` is one whose fix is unsafe, `BOOM` makes the check
fail. A file with `import other` also gets a finding for each `BAD` in the file `other.py` beside it. So
tests of the protocol depend on no rule.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kerascope.lsp.serve import serve_stdio, serve_tcp
from kerascope.rules.rule import Finding, FindingRelated, Fix
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

_MARK = re.compile(r"BAD|ODD|WORSE")


class MarkedProject:
    """Finds marks in texts."""

    def __init__(self, root: str | None, editor: Mapping[str, object], refined: Callable[[], None]) -> None:
        self.problems: Sequence[str] = [f"unknown setting {key!r}" for key in editor if key not in _SETTINGS]
        self._mark = editor.get("mark", "BAD")
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

    def close(self) -> None:
        pass


_SETTINGS = ("mark", "delay")


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
