"""The house stays in order: imports point one way, and nothing of the user's is ever run by the analysis."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "server" / "kerascope"
FILES = sorted(PACKAGE.rglob("*.py"))
WORKER = PACKAGE / "probe" / "worker"
"""What runs in the user's interpreter."""

# Each may import itself and what stands before it; those at the edges know nothing of each other.
ORDER = ["failures", "source", "project", "tracking", "rules", "fixing", "check", "probe"]
EDGES = {"lsp", "cli", "testing"}
MEETING_POINTS = {("cli", "kerascope.lsp.serve")}
"""`kerascope server` starts the server."""

THIRD_PARTY = {
    "failures": set[str](),
    "source": {"libcst", "typing_extensions"},  # the latter for the type checker alone
    "project": {"jedi", "parso", "tomli"},
    "tracking": set[str](),
    "rules": {"libcst"},
    "fixing": set[str](),
    "check": set[str](),
    "probe": set[str](),
    "lsp": {"pygls", "lsprotocol"},
    "cli": {"pathspec"},
}


KERAS = {"keras", "tf_keras", "tensorflow", "jax", "torch", "numpy"}
"""What is there where the worker runs."""


def part_of(module: str) -> str:
    """ "kerascope.rules.rule" → "rules"; "" for what stands beside the parts."""
    return module.split(".")[1] if "." in module else ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            worker = WORKER in path.parents
            if worker:  # it is loaded by its path, without the package around it
                assert not str(node.module).startswith("kerascope"), f"{path}: the worker imports relatively"
            assert node.level <= int(worker), f"{path}: imports are written out, not relative"
            found.add(f"kerascope.probe.worker.{node.module}" if node.level else str(node.module))
    return frozenset(found)


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(".".join(["kerascope", *path.relative_to(PACKAGE).with_suffix("").parts]))
    for module in imports_of(path):
        if module.split(".")[0] != "kerascope":
            continue
        imported = part_of(module)
        if not imported or imported == part or (part, module) in MEETING_POINTS:
            continue
        if part == "__main__":
            assert imported == "cli", f"{module} in __main__"
            continue
        assert imported in ORDER, f"{part} must not import {module}"
        allowed = ORDER if part in EDGES else ORDER[: ORDER.index(part)]
        assert imported in allowed, f"{part} must not import {module}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_each_part_uses_only_its_own_libraries(path: Path) -> None:
    part = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imports_of(path):
        top = module.split(".")[0]
        if top != "kerascope" and top not in sys.stdlib_module_names and top != "tomllib":
            allowed = KERAS if WORKER in path.parents else THIRD_PARTY.get(part, set())
            assert top in allowed, f"{part} must not import {module}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_keras_is_never_imported(path: Path) -> None:
    if WORKER in path.parents:
        return
    tops = {module.split(".")[0] for module in imports_of(path)}
    assert not tops & {"tensorflow", "keras", "tf_keras", "keras_hub"}


@pytest.mark.parametrize("path", sorted(WORKER.rglob("*.py")), ids=named)
def test_the_worker_runs_on_old_pythons(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_says_what_is_in_it(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}
    docstring = ast.get_docstring(tree_of(path))
    assert docstring, "a module begins with what it is for"


def test_every_part_is_a_package_that_is_installed() -> None:
    for folder in {path.parent for path in FILES}:
        assert (folder / "__init__.py").exists(), folder
