"""What is found out of a node is found out once, and goes with the node."""

from __future__ import annotations

import ast
import gc
import weakref

from kerascope.source.on_node import kept_on_node


def test_a_node_is_asked_once_and_not_kept() -> None:
    asked = []

    @kept_on_node
    def name_of(node: ast.Name) -> str | None:
        asked.append(node.id)
        return node.id if node.id != "nothing" else None

    node = ast.Name("a")
    nothing = ast.Name("nothing")
    assert [name_of(node), name_of(node), name_of(nothing), name_of(nothing)] == ["a", "a", None, None]
    assert asked == ["a", "nothing"]
    asked.clear()
    there = weakref.ref(node)
    del node
    gc.collect()
    assert there() is None


def test_two_questions_to_one_node() -> None:
    @kept_on_node
    def line(node: ast.expr) -> int:
        return node.lineno

    @kept_on_node
    def column(node: ast.expr) -> int:
        return node.col_offset

    node = ast.parse("   (a)".strip(), mode="eval").body
    assert (line(node), column(node), line(node)) == (1, 1, 1)
