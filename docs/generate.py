"""Writes what the rules say of themselves into the documentation: a page each, and the table in README.md.

`make docs` runs it. The pages are the class docstrings; nothing is written by hand in docs/rules.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from kerascope.rules import all_rules
from kerascope.rules.rule import Rule

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- rules: made by `make docs` -->\n", "<!-- /rules -->"


def page(rule: type[Rule]) -> str:
    """One rule's page."""
    levels = ", ".join(f"Keras {keras}: {level}" for keras, level in sorted(rule.severity.items()))
    text = inspect.cleandoc(rule.__doc__ or rule.summary)
    return f"# {rule.code} {rule.name}\n\n*{levels}*\n\n{text}\n"


def table() -> str:
    """The table of all rules."""
    rows = ["| code | name | Keras | what it reports |", "| --- | --- | --- | --- |"]
    for rule in all_rules():
        keras = ", ".join(map(str, sorted(rule.severity)))
        link = f"[{rule.code}](docs/rules/{rule.code}.md)"
        rows.append(f"| {link} | `{rule.name}` | {keras} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def documents() -> dict[Path, str]:
    """Every document that is made, with its text."""
    readme = (ROOT / "README.md").read_text("utf-8")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = {ROOT / "docs" / "rules" / f"{rule.code}.md": page(rule) for rule in all_rules()}
    return made | {ROOT / "README.md": before + BEGIN + table() + END + after}


def main() -> None:
    made = documents()
    for old in (ROOT / "docs" / "rules").glob("KS*.md"):
        if old not in made:
            old.unlink()
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
