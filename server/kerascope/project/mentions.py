"""How often a file says something, counted by statement: an edit costs the count of what it touched."""

from __future__ import annotations

import re
from functools import lru_cache
from weakref import WeakKeyDictionary

from kerascope.source.document import Document
from kerascope.source.statement import Statement

_counts: WeakKeyDictionary[Statement, dict[str, int]] = WeakKeyDictionary()
_compiled = lru_cache(256)(re.compile)


def mentions(document: Document, pattern: str) -> int:
    """How often a regular expression is found in a file; it must not reach over the end of a statement."""
    found = 0
    for statement in document.walk():
        counts = _counts.setdefault(statement, {})
        count = counts.get(pattern)
        if count is None:
            count = counts[pattern] = len(_compiled(pattern).findall(statement.own_text))
        found += count
    return found
