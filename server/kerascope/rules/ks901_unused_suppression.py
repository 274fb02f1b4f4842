"""KS901: a suppression comment that suppresses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kerascope.rules.rule import Example, Finding, Fix, Rule
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.source.suppression import SuppressedCode, Suppression

_OWN = frozenset(("KS901", "KS902"))


class UnusedSuppression(Rule):
    """
    ## What it does
    Reports `# kerascope: ignore`, `# kerascope: ignore-file` and `# noqa: KS…` comments that suppress
    nothing, and single codes in them that don't.

    ## Why it matters
    Such a comment says that there is a defect where there is none, or none any more; and it would hide the
    next one. This is about the comment alone, so Keras 3 and Keras 2 make no difference.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)  # kerascope: ignore[KS101]
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
    ```

    ## When it is silent
    For a bare `# noqa`, which may be meant for another tool; for codes of other tools; for codes that don't
    exist (KS902); for the codes KS901 and KS902; for KS8xx, which only a build check reports.

    ## Fix
    Safe: removes the comment, or the code from it. What else stands in the comment stays.

    ## References
    None of Keras'.
    """

    code = "KS901"
    name = "unused-suppression"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A suppression comment suppresses nothing."

    # Keras has no part in this rule, so that its examples belong to no generation.
    reporting = (
        Example(
            "nothing is reported on the line",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # kerascope: ignore[KS101]  # <- KS901
""",
            (),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS901
""",
        ),
        Example(
            "one of two codes",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[KS306, KS101]  # <- KS901
        self.units = units
""",
            (),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[KS306]  # <- KS901
        self.units = units
""",
        ),
        Example(
            "a noqa with another tool's code",
            """\
import keras

layer = keras.layers.Dense(4)  # noqa: E501, KS202  # <- KS901
""",
            (),
            fixed="""\
import keras

layer = keras.layers.Dense(4)  # noqa: E501  # <- KS901
""",
        ),
        Example(
            "a whole file",
            """\
# kerascope: ignore-file[KS301]  # <- KS901
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
""",
            (),
            fixed="""\
# <- KS901
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
""",
        ),
    )
    silent = (
        Example(
            "a comment that is needed",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[KS306]
        self.units = units
""",
            (),
        ),
        Example(
            "a bare noqa, and another tool's",
            """\
import keras

first = keras.layers.Dense(4)  # noqa
second = keras.layers.Dense(4)  # noqa: E501
""",
            (),
        ),
        Example(
            "a finding of the build check",
            """\
import keras

layer = keras.layers.Dense(4)  # kerascope: ignore[KS802]
""",
            (),
        ),
        Example(
            "text that isn't a comment",
            """\
import keras

text = "# kerascope: ignore[KS101]"
layer = keras.layers.Dense(4)
""",
            (),
        ),
    )


def unused(
    document: Document, comments: Sequence[Suppression], findings: Sequence[Finding]
) -> Iterator[Finding]:
    """KS901 for each comment, or code in one, that suppresses none of `findings`."""
    from kerascope.rules import all_rules

    # Whether a build check would report something here isn't known.
    known = {rule.code for rule in all_rules() if not rule.measured}
    found = [(finding.code, finding.range.start.line) for finding in findings]
    for comment in comments:
        if not comment.reportable:
            continue
        if comment.all_codes:
            if not any(comment.suppresses(code, line) for code, line in found):
                yield _finding(document, comment, ())
            continue
        judged = [each for each in comment.codes if each.code in known - _OWN]
        idle = [
            each
            for each in judged
            if not any(code == each.code and comment.suppresses(code, line) for code, line in found)
        ]
        if len(idle) == len(comment.codes) and comment.kind != "noqa":
            yield _finding(document, comment, ())
        else:
            for each in idle:
                yield _finding(document, comment, (each,))


def _finding(document: Document, comment: Suppression, codes: tuple[SuppressedCode, ...]) -> Finding:
    listed = codes or comment.codes
    what = " and ".join(each.code for each in listed) or "finding"
    where = "in this file" if comment.kind == "ignore-file" else "here"
    return Finding(
        document.path,
        codes[0].range if codes else comment.range,
        UnusedSuppression.code,
        UnusedSuppression.name,
        "warning",
        f"This comment suppresses nothing: there is no {what} {where}.",
        (),
        make_fix=lambda present: _without(present, comment, codes),
    )


def _without(document: Document, comment: Suppression, codes: tuple[SuppressedCode, ...]) -> Fix | None:
    """The document without the comment, or without some of its codes; None if it has changed since."""
    line = _line(document, comment.range.start.line)
    if line is None:
        return None
    if codes and len(codes) < _count(line, comment):
        edits = tuple(_code_removed(line, each) for each in reversed(codes))
        return Fix(f"Remove {codes[0].code} from the comment", True, edits)
    edit = _comment_removed(document, line, comment)
    return Fix("Remove the comment", True, (edit,))


def _line(document: Document, number: int) -> str | None:
    lines = document.text.splitlines(keepends=True)
    return lines[number] if number < len(lines) else None


def _count(line: str, comment: Suppression) -> int:
    """How many codes the comment lists, other tools' included."""
    if not comment.codes:
        return 0
    if comment.kind != "noqa":
        return len(comment.codes)
    text = line[comment.range.start.column : comment.range.end.column]
    return len(re.findall(r"[A-Za-z]+\d+", text.partition(":")[2]))


def _code_removed(line: str, code: SuppressedCode) -> Edit:
    """A code, with the comma or blank that parts it from its neighbour."""
    start, end = code.range.start.column, code.range.end.column
    before = re.search(r"[ \t]*,[ \t]*$|(?<=\w)[ \t]+$", line[:start])
    after = re.match(r"[ \t]*,[ \t]*|[ \t]+(?=\w)", line[end:])
    if before:
        start = before.start()
    elif after:
        end += after.end()
    number = code.range.start.line
    return Edit(Range(Position(number, start), Position(number, end)), "")


def _comment_removed(document: Document, line: str, comment: Suppression) -> Edit:
    """The comment; all of the line, if there is nothing else on it."""
    number, start, end = comment.range.start.line, comment.range.start.column, comment.range.end.column
    before, after = line[:start], line[end:].rstrip("\r\n")
    rest = after.strip()
    if not before.strip() and not rest:
        return Edit(Range(Position(number, 0), Position(number + 1, 0)), "")
    if not rest:
        return Edit(Range(Position(number, len(before.rstrip())), Position(number, end + len(after))), "")
    # What follows is a comment still.
    text = "" if rest.startswith("#") else "# "
    kept = end + len(after) - len(after.lstrip(" \t,;:-"))
    return Edit(Range(Position(number, start), Position(number, kept)), text)
