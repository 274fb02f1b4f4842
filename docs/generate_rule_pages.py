"""Writes what the rules say of themselves: a page each, their index, and the table in README.md.

`make docs` runs it; nothing is written by hand in docs/rules. A page is the rule's docstring, between what
its class says (name, summary, severities), what its examples show (the kinds of fix that it offers), and how
to ignore it. Keras isn't needed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from kerascope.check import Checker
from kerascope.project.catalogue import Generation
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules, rule_of
from kerascope.rules.rule import Example, Rule
from kerascope.source.document import Document

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "rules"
BEGIN, END = "<!-- rules: made by `make docs` -->\n", "<!-- /rules -->"

HEADINGS = (
    "What it does",
    "Why it matters",
    "Example",
    "Instead",
    "When it is silent",
    "Fix",
    "Versions",
    "References",
    "How to ignore it",
)
"""Those of every page, in this order; all but the last are the docstring's. Where a rule depends on nothing
but the generation, the docstring has no "Versions", and the page says so."""

GROUPS = {
    "KS1": "Keras can't see the state",
    "KS2": "The state isn't there yet",
    "KS3": "Created at the wrong time",
    "KS4": "Tracked, but it won't train as written",
    "KS5": "Trained, but not saved",
    "KS8": "Measured by the build check",
    "KS9": "Kerascope's own",
}


def page(rule: type[Rule]) -> str:
    """One rule's page."""
    sections = dict(sections_of(rule))
    sections.setdefault("Versions", _every_version(rule))
    sections["How to ignore it"] = _how_to_ignore(rule)
    sections["Example"] += _programs(rule.reporting, "it reports")
    sections["When it is silent"] += _programs(rule.silent, "it says nothing about")
    header = f"# {rule.code} `{rule.name}`\n\n{rule.summary}\n\n{_facts(rule)}"
    body = "".join(f"\n## {heading}\n\n{sections[heading]}" for heading in HEADINGS)
    return f"{header}{body}\n[All rules](README.md)\n"


def sections_of(rule: type[Rule]) -> Iterator[tuple[str, str]]:
    """The headings of a rule's docstring, with the text under each."""
    for part in f"\n{inspect.cleandoc(rule.__doc__ or '')}\n".split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        yield heading, text.strip("\n") + "\n"


def lead_of(rule: type[Rule]) -> str:
    """What a docstring says before its first heading; on the page the summary stands there."""
    return f"\n{inspect.cleandoc(rule.__doc__ or '')}".split("\n## ")[0].strip()


def _facts(rule: type[Rule]) -> str:
    severities = "".join(f"| Keras {keras} | {_severity(rule, keras)} |\n" for keras in (2, 3))
    return f"| | |\n| --- | --- |\n{severities}| Fix | {fixes(rule.code)} |\n"


def _severity(rule: type[Rule], keras: int) -> str:
    return next((level for generation, level in rule.severity.items() if generation == keras), "not reported")


@cache
def fixes(code: str) -> str:
    """Which kinds of fix a rule offers for its examples."""
    rule = rule_of(code)
    assert rule is not None
    kinds = {safe for example in rule.reporting for safe in _fixes_of(rule, example)}
    if not kinds:
        return "none"
    return " or ".join(name for safe, name in ((True, "safe"), (False, "unsafe")) if safe in kinds)


def _fixes_of(rule: type[Rule], example: Example) -> Iterator[bool]:
    """Whether each fix that is offered for the rule's findings in an example is safe."""
    for generation in example.generations or (3,):
        document = Document.from_text("/project/example.py", example.code, 1)
        project = Project(None)
        project.open(document)
        version = example.version_in(generation)
        keras_version = ".".join(map(str, version)) if version else None
        checker = Checker(
            project, Settings(keras="2" if generation == 2 else "3", keras_version=keras_version)
        )
        for finding in checker.check(document.path):
            if finding.code == rule.code and finding.make_fix is not None:
                fix = finding.make_fix(document)
                if fix is not None:
                    yield fix.safe


def _programs(examples: Sequence[Example], what: str) -> str:
    """The names of the programs that are both the rule's tests and this page's examples."""
    if not examples:
        return ""
    lines = "".join(f"- {_as_text(example.title)}\n" for example in examples)
    return f"\n<details>\n<summary>Programs in the tests that {what}</summary>\n\n{lines}\n</details>\n"


def _as_text(title: str) -> str:
    """Markdown that shows a title as it stands."""
    return re.sub(r"([\\`*_<\[\]])", r"\\\1", title)


def _every_version(rule: type[Rule]) -> str:
    """What a page says of versions where a rule depends on nothing but the generation."""
    if rule.code.startswith("KS9"):
        return "Nothing here depends on Keras.\n"
    if rule.code.startswith("KS8"):
        return "A build check runs the Keras that is installed, and reports what that release does.\n"
    measured = [name for generation in sorted(rule.severity) for name in _measured_with(generation)]
    return (
        "It reports the same for every release. The tests run the programs named above under\n"
        f"{', '.join(measured[:-1])} and {measured[-1]}.\n"
    )


@cache
def _measured_with(generation: Generation) -> tuple[str, ...]:
    """The releases of a generation under which `make truth` and `make truth-matrix` run the examples."""
    requirements = ROOT / "requirements"
    files = [requirements / "truth.txt", *(requirements / "truth-matrix").glob("*.txt")]
    pinned = "\n".join(path.read_text("utf-8") for path in files)
    pins = re.findall(r"^(keras|tf_keras)==(\d+)\.(\d+)", pinned, re.M)
    releases = sorted({(name, int(major), int(minor)) for name, major, minor in pins})
    return tuple(
        f"{'Keras' if name == 'keras' else name} {major}.{minor}"
        for name, major, minor in releases
        if major == generation
    )


def _how_to_ignore(rule: type[Rule]) -> str:
    code = rule.code
    return (
        f"- on one line: `# kerascope: ignore[{code}]` or `# noqa: {code}` at its end;\n"
        f"- in one file: `# kerascope: ignore-file[{code}]` anywhere in it;\n"
        f'- in a project: `ignore = ["{code}"]`; or keep it, at another level: '
        f'`severity = {{ {code} = "information" }}`.\n'
        "\nMore in [configuration](../configuration.md).\n"
    )


def index() -> str:
    """The table of all rules, by group."""
    text = (
        "# Rules\n\n"
        "A code and a name, once released, never change their meaning. *Keras 2* is TensorFlow up to 2.15,\n"
        "and `tf_keras` at any version. A safe fix keeps the program's meaning but for the defect: `--fix`\n"
        "applies those, `--unsafe-fixes` the others too.\n"
    )
    for group, title in GROUPS.items():
        rules = [rule for rule in all_rules() if rule.code.startswith(group)]
        text += f"\n## {group}xx · {title}\n\n"
        text += "| code | name | what it reports | Keras 2 | Keras 3 | fix |\n" + "| --- " * 6 + "|\n"
        for rule in rules:
            levels = " | ".join(_severity(rule, keras).replace("not reported", "–") for keras in (2, 3))
            link = f"[{rule.code}]({rule.code}.md)"
            text += f"| {link} | `{rule.name}` | {rule.summary} | {levels} | {fixes(rule.code)} |\n"
    return text


def table() -> str:
    """The README's table of all rules."""
    rows = ["| code | Keras | what it reports |", "| --- | --- | --- |"]
    for rule in all_rules():
        keras = ", ".join(map(str, sorted(rule.severity)))
        rows.append(f"| [{rule.code}](docs/rules/{rule.code}.md) | {keras} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def documents() -> dict[Path, str]:
    """Every document that is made, with its text."""
    made = {PAGES / f"{rule.code}.md": page(rule) for rule in all_rules()}
    made[PAGES / "README.md"] = index()
    readme = ROOT / "README.md"
    before, begin, rest = readme.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"README.md has no place for the rules: {BEGIN.strip()} … {END}")
    made[readme] = before + BEGIN + table() + END + after
    return made


def main() -> None:
    """Write the documents, and delete the pages of rules that are gone."""
    made = documents()
    for old in PAGES.glob("*.md"):
        if old not in made:
            old.unlink()
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
