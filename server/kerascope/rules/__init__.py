"""One file a rule: what it says, why, examples, the question to the symbolic run, and the fix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerascope.rules.rule import Rule

_RULE_FILE = re.compile(r"ks\d{3}_\w+")


@cache
def all_rules() -> Sequence[type[Rule]]:
    """Every rule's class, in order of code: what this folder's files `ks<number>_<name>.py` define.

    The files are imported on the first call, not with this package: a server must answer before that.
    """
    from kerascope.rules.rule import Rule

    found: list[type[Rule]] = []
    for file in iter_modules(__path__):
        if _RULE_FILE.fullmatch(file.name):
            module = import_module(f"{__name__}.{file.name}")
            found.extend(
                value
                for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
            )
    return tuple(sorted(found, key=lambda rule: rule.code))


def rule_of(code: str) -> type[Rule] | None:
    """The rule with this code ("KS101") or name ("state-in-unfollowed-object")."""
    return next((rule for rule in all_rules() if code in (rule.code, rule.name)), None)
