"""The slices of layers of Keras Hub and Keras, as they are published: programs in which nothing misses."""

from __future__ import annotations

import builtins
import os
import symtable
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerascope.probe.recipe import layer_classes, plan
from kerascope.probe.request import Outer, Program, Slice
from kerascope.project.project import Project
from kerascope.tracking.examine import Examiner

REAL = Path(os.environ.get("KERASCOPE_REAL_CODE", Path(__file__).parents[2] / ".real-code"))
"""A folder with the packages of requirements/real-code.txt; they are read, never imported."""

pytestmark = pytest.mark.skipif(not (REAL / "keras_hub").is_dir(), reason="needs the real code: make test")

FILES = [
    "keras_hub/src/layers/modeling/transformer_encoder.py",
    "keras_hub/src/layers/modeling/transformer_decoder.py",
    "keras_hub/src/layers/modeling/cached_multi_head_attention.py",
    "keras_hub/src/layers/modeling/token_and_position_embedding.py",
    "keras_hub/src/layers/modeling/rotary_embedding.py",
    "keras_hub/src/models/gemma/gemma_attention.py",
    "keras_hub/src/models/gemma/gemma_decoder_block.py",
    "keras_hub/src/models/vit/vit_layers.py",
    "keras_hub/src/models/d_fine/d_fine_layers.py",
    "keras/src/layers/attention/multi_head_attention.py",
    "keras/src/layers/core/einsum_dense.py",
    "keras/src/layers/rnn/lstm.py",
    "keras/src/layers/normalization/batch_normalization.py",
    "tf_keras/src/layers/attention/multi_head_attention.py",
    "tf_keras/src/layers/rnn/gru.py",
]
OF_EVERY_MODULE = {"__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__class__"}


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(str(REAL))


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_missing(project: Project, file: str) -> None:
    module = project.module(str(REAL / file))
    assert module is not None
    examiner = Examiner(project, 3)
    found = [each for each in layer_classes(examiner, module) if each.why_not is None]
    assert found
    for each in found:
        made = plan(project, examiner, module, each.name)
        assert list(missing(made.slice)) == []
        for recipe in made.recipes:
            inner = recipe.recipe if isinstance(recipe, Outer) else recipe
            if isinstance(inner, Program):
                compile(inner.text, inner.path, "exec")


def missing(found: Slice) -> Iterator[str]:
    """The names that the code of a slice uses and that nothing in it gives."""
    excused = {name for entry in found.left_out for name in entry.names}
    names = {module.name for module in found.modules}
    for module in found.modules:
        top = symtable.symtable(module.text, module.path, "exec")
        bound = {
            symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()
        }
        stars = "import *" in module.text
        for used in _globals_used(top):
            if used not in bound | OF_EVERY_MODULE | excused and not hasattr(builtins, used) and not stars:
                yield f"{module.name}: {used}"
        parent = module.name.rpartition(".")[0]
        folder = Path(module.path).parent.parent if module.is_package else Path(module.path).parent
        if module.name.startswith(("keras.", "tf_keras.")):
            assert names == {module.name}, "Keras itself is never replaced"
        elif parent and parent not in names and (folder / "__init__.py").exists():
            yield f"{module.name}: the package {parent}"


def _globals_used(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _globals_used(inner)
