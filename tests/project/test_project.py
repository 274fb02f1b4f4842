"""The project: what a name means, every import followed to its end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.project.trees import Tree, said

from kerascope.project.meaning import ClassDefinition, ModuleDefinition
from kerascope.project.project import Project
from kerascope.source.document import Document

KERAS = "keras.layers.Dense"


@pytest.mark.parametrize(
    ("text", "dotted", "expected"),
    [
        ("import keras", "keras.layers.Dense", "keras.layers.Dense (keras)"),
        ("from keras import layers", "layers.Dense", "keras.layers.Dense (keras)"),
        ("from keras.layers import Dense as D", "D", "keras.layers.Dense (keras)"),
        ("import keras.layers as L", "L.Dense", "keras.layers.Dense (keras)"),
        ("import keras.layers", "keras.layers.Dense", "keras.layers.Dense (keras)"),
        ("import tensorflow as tf", "tf.keras.layers.Dense", "keras.layers.Dense (tf)"),
        ("from tensorflow import keras", "keras.layers.Dense", "keras.layers.Dense (tf)"),
        ("from tensorflow.keras.layers import Dense", "Dense", "keras.layers.Dense (tf)"),
        ("from tensorflow.keras.layers import *", "Dense", "keras.layers.Dense (tf)"),
        ("import tf_keras as keras", "keras.layers.Dense", "keras.layers.Dense (tf_keras)"),
        ("from keras.src.layers.layer import Layer", "Layer", "keras.layers.Layer (keras)"),
        ("import tensorflow as tf\nlayers = tf.keras.layers", "layers.Dense", "keras.layers.Dense (tf)"),
        ("import tensorflow as tf\nkeras = tf.keras\nL = keras.layers.Layer", "L", "keras.layers.Layer (tf)"),
        ("import tensorflow as tf", "tf.Variable", "tensorflow.Variable (tf)"),
        ("import numpy as np", "np.ones", "numpy.ones"),
        ("from functools import partial", "partial", "functools.partial"),
        ("import einops.layers", "einops.layers.X", "einops.layers.X"),
    ],
)
def test_library_names_in_every_spelling(tmp_path: Path, text: str, dotted: str, expected: str) -> None:
    assert Tree(tmp_path, {"mod.py": text}).means("mod.py", dotted) == [expected]


def test_star_imports_of_keras_bind_no_other_names(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": "from keras.layers import *\n"})
    assert tree.means("mod.py", "print") == []
    assert tree.means("mod.py", "my_helper") == []


def test_keras_is_never_looked_up_in_files(tmp_path: Path) -> None:
    files = {
        "keras/__init__.py": "",
        "keras/layers.py": "class Dense: pass",
        "mod.py": "import keras\nfrom keras.layers import Dense",
    }
    tree = Tree(tmp_path, files)
    assert tree.means("mod.py", "keras.layers.Dense") == ["keras.layers.Dense (keras)"]
    assert tree.means("mod.py", "Dense") == ["keras.layers.Dense (keras)"]


def test_in_a_checkout_of_keras_a_module_has_its_own_classes(tmp_path: Path) -> None:
    files = {
        **{f"keras/{folder}__init__.py": "" for folder in ("", "src/", "src/layers/", "src/layers/core/")},
        "keras/src/layers/layer.py": "class Layer: pass",
        "keras/src/layers/core/dense.py": """
            from keras.src.layers.layer import Layer
            from ..layer import Layer as Relative
            class Dense(Layer): pass
        """,
    }
    tree = Tree(tmp_path, files)
    name = "keras/src/layers/core/dense.py"
    assert tree.means(name, "Dense") == ["class keras.src.layers.core.dense.Dense"]
    assert tree.means(name, "Layer") == ["keras.layers.Layer (keras)"]
    assert tree.means(name, "Relative") == ["keras.layers.Layer (keras)"]


PACKAGE = {
    "pkg/__init__.py": """
        from .blocks import Block, Other as Renamed
        from pkg.tools import *
        from . import sub
        import pkg.late
    """,
    "pkg/blocks.py": """
        import keras
        class Block(keras.layers.Layer):
            class Inner: pass
        class Other: pass
    """,
    "pkg/tools.py": """
        __all__ = ["tool"] + ["Known"]
        def tool(): pass
        def untold(): pass
        class Known: pass
    """,
    "pkg/late.py": "class Late: pass",
    "pkg/lonely.py": "class Lonely: pass",
    "pkg/sub/__init__.py": "from ..blocks import *\nfrom .deep import Deep\n",
    "pkg/sub/deep.py": "from ... import nothing\nfrom ..tools import untold\nclass Deep: pass\n_private = 1",
}


@pytest.mark.parametrize(
    ("text", "dotted", "expected"),
    [
        ("from pkg import Block", "Block", ["class pkg.blocks.Block"]),
        ("import pkg", "pkg.Block", ["class pkg.blocks.Block"]),
        ("import pkg", "pkg.Block.Inner", ["class pkg.blocks.Inner"]),
        ("import pkg as p", "p.Renamed", ["class pkg.blocks.Other"]),
        ("from pkg import Other", "Other", []),
        ("from pkg import tool", "tool", ["def pkg.tools.tool"]),
        ("from pkg import untold", "untold", []),
        ("from pkg.tools import untold", "untold", ["def pkg.tools.untold"]),
        ("import pkg", "pkg.sub.Block", ["class pkg.blocks.Block"]),
        ("import pkg", "pkg.sub.Deep", ["class pkg.sub.deep.Deep"]),
        ("import pkg", "pkg.late.Late", ["class pkg.late.Late"]),
        ("import pkg", "pkg.lonely.Lonely", ["class pkg.lonely.Lonely"]),
        ("import pkg.sub.deep", "pkg.sub.deep.untold", ["def pkg.tools.untold"]),
        ("import pkg.sub.deep as d", "d.Deep", ["class pkg.sub.deep.Deep"]),
        ("import pkg.sub.deep as d", "d.nothing", []),
        ("from pkg.sub import *", "Deep", ["class pkg.sub.deep.Deep"]),
        ("from pkg.sub.deep import *", "_private", []),
        ("from pkg import *", "tool", ["def pkg.tools.tool"]),
        ("from pkg import sub", "sub", ["module pkg.sub"]),
        ("from pkg import Block as B\nC = B", "C", ["class pkg.blocks.Block"]),
        ("from pkg import Block\nmake = Block.build", "make", ["value mod: Block.build"]),
        ("from pkg import *\nclass tool: pass", "tool", ["class mod.tool"]),
        ("class tool: pass\nfrom pkg import *", "tool", ["def pkg.tools.tool"]),
        ("class mine: pass\nfrom pkg import *", "mine", ["class mod.mine"]),
        ("from pkg.missing import X", "X", ["pkg.missing.X"]),
        ("from .pkg import Block", "Block", ["class pkg.blocks.Block"]),
        (
            "try:\n    from pkg import Block\nexcept ImportError:\n"
            "    from keras.layers import Layer as Block",
            "Block",
            ["class pkg.blocks.Block", "keras.layers.Layer (keras)"],
        ),
        (
            "import pkg, keras\nif pkg:\n    A = pkg.Block\nelse:\n    A = keras.layers.Dense",
            "A",
            ["class pkg.blocks.Block", "keras.layers.Dense (keras)"],
        ),
        (
            "import pkg, keras\nA = pkg.tool if pkg else keras.Model",
            "A",
            ["def pkg.tools.tool", "keras.Model (keras)"],
        ),
        ("B = object", "B", ["value mod: object"]),
        ("x = y\ny = x", "x", []),
        ("x = x", "x", []),
    ],
)
def test_names_are_followed_through_files(
    tmp_path: Path, text: str, dotted: str, expected: list[str]
) -> None:
    assert Tree(tmp_path, {**PACKAGE, "mod.py": text}).means("mod.py", dotted) == expected


def test_cycles_of_imports_end(tmp_path: Path) -> None:
    files = {
        "a.py": "from b import *\nfrom c import loop\nclass A: pass",
        "b.py": "from c import *\nclass B: pass",
        "c.py": "from a import *\nfrom a import loop\nclass C: pass",
        "mod.py": "from a import *",
    }
    tree = Tree(tmp_path, files)
    assert tree.means("mod.py", "C") == ["class c.C"]
    assert tree.means("mod.py", "B") == ["class b.B"]
    assert tree.means("mod.py", "loop") == []
    assert tree.means("c.py", "B") == ["class b.B"]


def test_many_modules_that_import_everything_from_each_other(tmp_path: Path) -> None:
    count = 40
    files = {
        f"m{i}.py": "".join(f"from m{j} import *\n" for j in range(count) if j != i) + f"class A{i}: pass"
        for i in range(count)
    }
    tree = Tree(tmp_path, files)
    assert tree.means("m0.py", f"A{count - 1}") == [f"class m{count - 1}.A{count - 1}"]
    assert tree.means("m0.py", "missing") == []


def test_a_very_long_chain_of_re_exports_is_given_up(tmp_path: Path) -> None:
    files = {f"m{i}.py": f"from m{i + 1} import A" for i in range(400)} | {"m400.py": "class A: pass"}
    tree = Tree(tmp_path, files)
    assert tree.means("m0.py", "A") == []
    assert tree.means("m390.py", "A") == ["class m400.A"]


def test_a_question_from_deep_in_a_recursion_is_left_open_for_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path, {"a.py": "from b import A", "b.py": "from c import A", "c.py": "class A: pass"})

    def too_deep(dotted: str) -> bool:
        raise RecursionError(dotted)

    with monkeypatch.context() as patch:
        patch.setattr("kerascope.project.finding._is_keras", too_deep)
        with tree.project.recording() as reads:
            assert tree.means("a.py", "A") == []
    assert not tree.project.unchanged(reads)
    assert tree.means("a.py", "A") == ["class c.A"]


def test_where_modules_are_found(tmp_path: Path) -> None:
    files = {
        "src/lib/__init__.py": "class InSrc: pass",
        "scripts/beside.py": "class Beside: pass",
        "scripts/run.py": "import lib, beside, space.part, installed, compiled, only, random, root",
        "root.py": "class Root: pass",
        "space/part.py": "class Part: pass",
        "site/installed/__init__.py": "from .inner import Installed",
        "site/installed/inner.py": "class Installed: pass",
        "site/compiled.cpython-311-x86_64-linux-gnu.so": "",
        "site/only-stubs/__init__.pyi": "class X: ...",
        "site/numpy/__init__.py": "def ones(): pass",
        "random.py": "class Random: pass",
    }
    tree = Tree(tmp_path, files, ("site",))
    run = "scripts/run.py"
    assert tree.means(run, "lib.InSrc") == ["class lib.InSrc"]
    assert tree.means(run, "beside.Beside") == ["class beside.Beside"]
    assert tree.means(run, "root.Root") == ["class root.Root"]
    assert tree.means(run, "space.part.Part") == ["class part.Part"]
    assert tree.means(run, "installed.Installed") == ["class installed.inner.Installed"]
    assert tree.means(run, "compiled.X") == ["compiled.X"]
    assert tree.means(run, "only.X") == ["only.X"]
    assert tree.means(run, "random.Random") == ["random.Random"]


def test_a_file_outside_every_folder_finds_what_is_beside_it(tmp_path: Path) -> None:
    Tree(tmp_path, {"a.py": "from b import B", "b.py": "class B: pass"})
    project = Project(None)
    module = project.module(str(tmp_path / "a.py"))
    assert module is not None
    assert [said(meaning) for meaning in project.resolve(module, "B")] == ["class b.B"]


def test_resolve_import_serves_imports_inside_functions(tmp_path: Path) -> None:
    tree = Tree(tmp_path, PACKAGE)
    module = tree.project.module(tree.path("pkg/sub/deep.py"))
    assert module is not None
    project = tree.project
    assert [said(m) for m in project.resolve_import(module, "blocks", 2, "Block")] == [
        "class pkg.blocks.Block"
    ]
    assert [said(m) for m in project.resolve_import(module, "keras.layers", 0, "Dense")] == [
        "keras.layers.Dense (keras)"
    ]
    assert [said(m) for m in project.resolve_import(module, "", 1, None)] == ["module pkg.sub"]
    assert [said(m) for m in project.resolve_import(module, "pkg.blocks", 0, None)] == ["module pkg.blocks"]


def test_member_goes_on_from_a_meaning(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {**PACKAGE, "mod.py": "import pkg, tensorflow as tf"})
    (package,) = tree.meanings("mod.py", "pkg")
    assert isinstance(package, ModuleDefinition)
    assert [said(m) for m in tree.project.member(package, "Block")] == ["class pkg.blocks.Block"]
    (library,) = tree.meanings("mod.py", "tf.keras")
    assert [said(m) for m in tree.project.member(library, "layers")] == ["keras.layers (tf)"]


def test_find_module(tmp_path: Path) -> None:
    tree = Tree(tmp_path, PACKAGE)
    found = tree.project.find_module("pkg.sub")
    assert found is not None
    assert (found.name, found.is_package) == ("pkg.sub", True)
    assert tree.project.find_module("pkg.nowhere") is None
    assert tree.project.find_module("keras.layers") is None


def test_open_documents_stand_before_files(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"a.py": "class A: pass", "mod.py": "from a import A\nfrom new import N"})
    assert tree.means("mod.py", "A") == ["class a.A"]
    tree.open("a.py", "from keras.layers import Layer as A")
    assert tree.means("mod.py", "A") == ["keras.layers.Layer (keras)"]
    tree.project.close(tree.path("a.py"))
    assert tree.means("mod.py", "A") == ["class a.A"]
    assert tree.means("mod.py", "N") == ["new.N"]
    tree.open("new.py", "class N: pass")
    assert tree.means("mod.py", "N") == ["class new.N"]
    tree.project.close(tree.path("new.py"))
    assert tree.means("mod.py", "N") == ["new.N"]


def test_files_made_changed_and_deleted_on_disk(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": "from pkg.a import A"})
    assert tree.means("mod.py", "A") == ["pkg.a.A"]
    for text, expected in (("class A: pass", "class a.A"), ("import numpy as A", "numpy")):
        tree.write("pkg/a.py", text)
        tree.project.changed_on_disk(tree.path("pkg/a.py"))
        assert tree.means("mod.py", "A") == [expected]
    os.remove(tree.path("pkg/a.py"))  # noqa: PTH107
    tree.project.changed_on_disk(tree.path("pkg/a.py"))
    assert tree.means("mod.py", "A") == ["pkg.a.A"]


def test_a_folder_that_becomes_a_package_names_its_modules_anew(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"pkg/a.py": "class A: pass"})
    assert tree.means("pkg/a.py", "A") == ["class a.A"]
    tree.write("pkg/__init__.py", "")
    tree.project.changed_on_disk(tree.path("pkg/__init__.py"))
    assert tree.means("pkg/a.py", "A") == ["class pkg.a.A"]


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path, {**PACKAGE, "mod.py": "import pkg"})
    assert tree.means("mod.py", "pkg.Block")
    monkeypatch.setattr("kerascope.project.files.read", lambda path: pytest.fail(f"{path} was read again"))
    tree.open("mod.py", "import pkg\nx = 1")
    assert tree.means("mod.py", "pkg.Block")


def test_files_that_cannot_be_read_are_a_problem_not_an_end(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": "from binary import A\nfrom loop import B\nfrom pipe import C"})
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")
    for name in "ABC":
        assert tree.means("mod.py", name) == []
    assert "NUL" in tree.project.problems[tree.path("binary.py")]
    assert tree.path("loop.py") in tree.project.problems
    assert tree.project.module(tree.path("gone.py")) is None
    assert tree.path("gone.py") not in tree.project.problems


def test_loops_of_linked_folders_end(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {"pkg/__init__.py": "", "mod.py": "from pkg.pkg.pkg.a import A", "pkg/a.py": "class A: pass"},
    )
    (tmp_path / "pkg" / "pkg").symlink_to(tmp_path / "pkg")
    assert tree.means("mod.py", "A") == ["class pkg.pkg.pkg.a.A"]


def test_untitled_documents_are_modules(tmp_path: Path) -> None:
    project = Project(str(tmp_path))
    project.open(
        Document.from_text("untitled:Untitled-1", "from keras import layers\nclass A(layers.Layer): pass")
    )
    module = project.module("untitled:Untitled-1")
    assert module is not None
    assert [said(m) for m in project.resolve(module, "layers.Layer")] == ["keras.layers.Layer (keras)"]
    assert [said(m) for m in project.resolve(module, "A")] == ["class untitled:Untitled-1.A"]


def test_untitled_documents_find_the_modules_of_the_workspace(tmp_path: Path) -> None:
    tree = Tree(tmp_path, PACKAGE)
    tree.project.open(Document.from_text("untitled:1", "import pkg\nimport __init__ as i"))
    module = tree.project.module("untitled:1")
    assert module is not None
    assert [said(m) for m in tree.project.resolve(module, "pkg.Block")] == ["class pkg.blocks.Block"]


def test_several_threads_may_ask_while_files_change(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {**PACKAGE, "mod.py": "from pkg import *\nfrom pkg.sub import *"})
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(200):
            try:
                with tree.project.recording() as reads:
                    found = tree.means("mod.py", "Block")
                tree.project.unchanged(reads)
            except Exception as error:
                found = [repr(error)]
            if found not in (["class pkg.blocks.Block"], ["keras.Model (keras)"]):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(200):
        tree.open(
            "pkg/blocks.py", PACKAGE["pkg/blocks.py"] if number % 2 else "from keras import Model as Block"
        )
    for thread in threads:
        thread.join()
    assert wrong == []


CLASS = """
    import keras

    class A(keras.layers.Layer):
        x = 1
        y: int
        if True:
            def built(self): pass
        class Inner:
            z = 2

        def f(self): pass

        @property
        def g(self): return 1

        @g.setter
        def g(self, value): pass

    def make():
        class Local:
            w = 1
            def h(self): pass
        return Local
"""


def test_members_of_a_class(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": CLASS})
    members = tree.project.members(tree.definition("mod.py", "A"))
    assert list(members) == ["x", "y", "built", "Inner", "f", "g"]
    assert [type(node).__name__ for _, node in members["g"]] == ["FunctionDef", "FunctionDef"]
    assert [type(node).__name__ for _, node in members["y"]] == ["AnnAssign"]
    assert [type(node).__name__ for _, node in members["built"]] == ["FunctionDef"]
    assert [type(node).__name__ for _, node in members["Inner"]] == ["ClassDef"]
    assert members.get("missing") is None
    inner = tree.definition("mod.py", "A.Inner")
    assert list(tree.project.members(inner)) == ["z"]


def test_a_workspace_that_is_a_package_finds_itself(tmp_path: Path) -> None:
    """Also from a folder in it that has no `__init__.py`."""
    package = tmp_path / "hub"
    (package / "models" / "loose").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models" / "__init__.py").touch()
    (package / "models" / "base.py").write_text("class Base:\n    pass\n")
    file = package / "models" / "loose" / "layers.py"
    file.write_text("from hub.models.base import Base\n")
    project = Project(str(package))
    module = project.module(str(file))
    assert module is not None
    [meaning] = project.resolve(module, "Base")
    assert isinstance(meaning, ClassDefinition)
