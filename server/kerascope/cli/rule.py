"""`kerascope rule`: explains a rule, or lists all of them."""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from kerascope.cli.failure import CannotRun
from kerascope.cli.formats import prepare
from kerascope.cli.terminal import Palette, wants_colour
from kerascope.rules import all_rules, rule_of
from kerascope.rules.rule import Rule


def run(options: argparse.Namespace) -> int:
    """Print one rule's page, or a line for each rule; the exit status."""
    prepare(sys.stdout)
    paint = Palette(wants_colour(sys.stdout))
    if options.code is None:
        if options.output_format == "json":
            _print_json([_as_data(rule) for rule in all_rules()])
        else:
            for rule in all_rules():
                for line in _in_list(rule, paint):
                    print(line)
        return 0
    found = rule_of(options.code) or rule_of(options.code.upper()) or rule_of(options.code.lower())
    if found is None:
        raise CannotRun(_unknown(options.code))
    if options.output_format == "json":
        _print_json(_as_data(found))
    else:
        for line in _page(found, paint):
            print(line)
    return 0


def page(rule: type[Rule]) -> str:
    """The rule's page in Markdown, without its title."""
    return inspect.cleandoc(rule.__doc__ or rule.summary)


def _unknown(code: str) -> str:
    known = [word for rule in all_rules() for word in (rule.code, rule.name)]
    near = difflib.get_close_matches(code.upper(), known, 1) or difflib.get_close_matches(
        code.lower(), known, 1
    )
    hint = f"; did you mean {near[0]}?" if near else "; `kerascope rule` lists all rules"
    return f"there is no rule {code!r}{hint}"


def _in_list(rule: type[Rule], paint: Palette) -> Iterator[str]:
    worst = _worst(rule)
    keras = ", ".join(str(generation) for generation in sorted(rule.severity))
    yield f"{paint.bold(rule.code)}  {rule.name}  {paint.severity(worst, worst)}, Keras {keras}"
    yield from textwrap.wrap(rule.summary, _columns(), initial_indent=" " * 7, subsequent_indent=" " * 7)


def _page(rule: type[Rule], paint: Palette) -> Iterator[str]:
    yield paint.bold(f"{rule.code} {rule.name}")
    yield ", ".join(
        f"Keras {generation}: {paint.severity(severity, severity)}"
        for generation, severity in sorted(rule.severity.items())
    )
    yield ""
    in_code = False
    # A fence becomes an empty line; those that stand there already suffice.
    text = re.sub(r"\n+(```\w*)\n+|\n*(```)\n+", r"\n\1\2\n", page(rule))
    for line in text.splitlines():
        if line.startswith("```"):
            in_code = not in_code
            yield ""
        elif in_code:
            yield f"    {paint.blue(line)}".rstrip()
        elif line.startswith("#"):
            yield paint.bold(line.lstrip("# "))
        else:
            yield line


def _as_data(rule: type[Rule]) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": {str(generation): severity for generation, severity in sorted(rule.severity.items())},
        "summary": rule.summary,
        "explanation": page(rule),
    }


def _print_json(data: object) -> None:
    json.dump(data, sys.stdout, indent=2)
    print()


def _worst(rule: type[Rule]) -> str:
    return next(level for level in ("error", "warning", "information") if level in rule.severity.values())


def _columns() -> int:
    return max(40, min(shutil.get_terminal_size().columns, 100))
