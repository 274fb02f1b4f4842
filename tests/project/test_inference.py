"""Inference: what Jedi adds to what imports say, and that nobody waits for it or suffers from it."""

from __future__ import annotations

import ast
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.trees import Tree, said

from kerascope.project import inference as inference_module
from kerascope.project.inference import Answer, Inference, marked
from kerascope.project.project import Project
from kerascope.source.document import Document, Site
from kerascope.source.position import Position, Range
from kerascope.source.statement import Statement

LIBRARY = {
    "blocks.py": """
        from __future__ import annotations
        import keras

        class Block(keras.layers.Layer):
            def twin(self) -> Block: ...

        class Other: pass

        def make(kind) -> Block: ...

        def guess():
            return Other()

        def build(cls):
            return cls()

        class far:
            away = guess()

        def base():
            class Local(Block): pass
            return Local
    """,
}


class Session:
    """A tree of files with Jedi behind it."""

    def __init__(self, folder: Path, text: str, search_paths: tuple[str, ...] = ()) -> None:
        self.tree = Tree(folder, {**LIBRARY, "mod.py": text}, search_paths)
        self.project = self.tree.project
        self.inference = self.project.inference = Inference(self.project)

    def known(self, expression: str) -> Answer | None:
        """What is known at once of the last expression in mod.py that reads like this."""
        module = self.project.module(self.tree.path("mod.py"))
        assert module is not None
        for statement in reversed(list(module.document.walk())):
            for top in statement.nodes:
                for node in ast.walk(top):
                    if isinstance(node, ast.expr) and ast.unparse(node) == expression:
                        return self.inference.known(module, statement, node)
        raise AssertionError(expression)

    def answered(self, expression: str) -> str | None:
        """What is known of it once Jedi has had its time."""
        self.known(expression)
        self.inference.run_pending(30)
        return shown(self.known(expression))


def shown(answer: Answer | None) -> str | None:
    if answer is None:
        return None
    kind = "object of " if answer.instance else ""
    return kind + " | ".join(said(meaning) for meaning in answer.meanings)


@pytest.fixture
def ends() -> Iterator[list[Session]]:
    sessions: list[Session] = []
    yield sessions
    for session in sessions:
        session.inference.close()


def session(ends: list[Session], folder: Path, text: str, search_paths: tuple[str, ...] = ()) -> Session:
    ends.append(Session(folder, text, search_paths))
    return ends[-1]


PROGRAM = """
    import blocks
    from blocks import *
    import keras
    from third import party

    class A(keras.layers.Layer):
        def __init__(self, block: Block, given, *, maybe: "Block | None" = None):
            super().__init__()
            self.made = make("é")
            self.guessed = blocks.guess()
            self.built = build(Other)
            self.block = block
            self.given = given
            self.twins = [block.twin() for _ in range(3)]
            self.party = party()
            self.number = max(1, 2)
            self.many = (make(1), make(guess()))
            self.far = blocks.far.away

        @staticmethod
        def static(thing):
            return thing

    class B(base()):
        pass

    a = A(make(1), Other(), blocks.make)
"""


def test_what_jedi_adds(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, PROGRAM, ("site",))
    here.tree.write("site/third.py", "class Party: pass\ndef party():\n    return Party()\n")
    expressions = {
        "make('é')": "object of class blocks.Block",
        "blocks.guess()": "object of class blocks.Other",
        "build(Other)": "object of class blocks.Other",
        "block": "object of class blocks.Block",
        "given": "object of class blocks.Other",
        "block.twin()": "object of class blocks.Block",
        "party()": "object of class third.Party",
        "max(1, 2)": "object of builtins.int",
        "make(guess())": "object of class blocks.Block",
        "base()": "class blocks.Local",
        "blocks.far.away": "object of class blocks.Other",
        "blocks.make": "def blocks.make",
        "Other": "class blocks.Other",
        "blocks": "module blocks",
    }
    for expression in (*expressions, "staticmethod", "thing"):
        assert here.known(expression) is None
    assert here.inference.run_pending(60)
    assert {expression: shown(here.known(expression)) for expression in expressions} == expressions
    assert here.known("thing") is None
    assert not here.inference.pending()


@pytest.mark.parametrize("damage", ["cut", "emptied", "other", "no folder"])
def test_a_damaged_cache_of_jedi_costs_no_answer(
    tmp_path: Path, ends: list[Session], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """Another process may be writing it just now, or have died over it."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    text = "from blocks import *\nx = guess()\ny = max(1, 2)\n"

    def told(folder: str) -> list[str | None]:
        here = session(ends, tmp_path / folder, text)
        return [here.answered("guess()"), here.answered("max(1, 2)")]

    answers = ["object of class blocks.Other", "object of builtins.int"]
    if damage == "no folder":
        cache.write_text("")
        assert told("first") == answers
        return
    assert told("first") == answers
    kept = list(cache.rglob("*.pkl"))
    assert any(len(file.read_bytes()) > 100_000 for file in kept)
    for file in kept:
        content = file.read_bytes()
        file.write_bytes({"cut": content[:90_000], "emptied": b"", "other": b"cos\nno_such_name\n."}[damage])
    assert told("second") == answers
    repaired = [file for file in kept if len(file.read_bytes()) > 100_000]
    assert repaired, "the text of builtins is large, and kept whole again"


def test_classes_of_keras_are_canonical_wherever_they_are_found(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from tool import make\nx = make()\n", ("site",))
    here.tree.write("site/keras/__init__.py", "")
    here.tree.write("site/keras/src/__init__.py", "")
    here.tree.write("site/keras/src/layers/__init__.py", "")
    here.tree.write("site/keras/src/layers/layer.py", "class Layer: pass\n")
    here.tree.write("tool.py", "from keras.src.layers.layer import Layer\ndef make():\n    return Layer()\n")
    assert here.answered("make()") == "object of keras.layers.Layer (keras)"


def test_an_answer_changes_what_was_derived_from_it(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    with here.project.recording() as before:
        assert here.known("guess()") is None
    assert here.project.unchanged(before)
    here.inference.run_pending(30)
    assert not here.project.unchanged(before)
    with here.project.recording() as reads:
        assert shown(here.known("guess()")) == "object of class blocks.Other"
    assert here.project.unchanged(reads)
    here.tree.write("blocks.py", "class New: pass\ndef guess():\n    return New()\n")
    here.project.changed_on_disk(here.tree.path("blocks.py"))
    # The old answer stands until there is a new one; asking whether it does has it looked at again.
    assert here.project.unchanged(reads)
    assert here.inference.run_pending(30)
    assert not here.project.unchanged(reads)
    assert shown(here.known("guess()")) == "object of class blocks.New"


def test_an_answer_that_stays_the_same_changes_nothing(tmp_path: Path, ends: list[Session]) -> None:
    text = "from blocks import *\nx = guess()\n"
    here = session(ends, tmp_path, text)
    assert here.answered("guess()")
    here.tree.open("mod.py", "import re\n" + text)
    assert shown(here.known("guess()")) == "object of class blocks.Other"
    assert here.inference.pending()
    assert not here.inference.run_pending(30)


def test_the_open_text_is_asked_about(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "")
    here.tree.open(
        "mod.py", "from blocks import *\nclass A:\n    def f(self):\n        self.x = build(Block)\n"
    )
    assert here.answered("build(Block)") == "object of class blocks.Block"


def test_untitled_documents_can_be_asked_about(tmp_path: Path) -> None:
    project = Project(str(tmp_path))
    project.inference = Inference(project)
    document = Document.from_text("untitled:1", "class A: pass\ndef f():\n    return A()\nx = f()\n")
    project.open(document)
    try:
        answer = project.inference.ask(document, Position(3, 0))
    finally:
        project.inference.close()
    assert shown(answer) == "object of class untitled:1.A"


def test_the_thread_answers_and_tells(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    told = threading.Event()
    here.inference.start(told.set)
    assert here.known("guess()") is None
    assert told.wait(30)
    assert shown(here.known("guess()")) == "object of class blocks.Other"


def test_an_idle_process_is_ended_and_comes_back(
    tmp_path: Path, ends: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_module, "_IDLE", 0.05)
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\ny = make(1)\n")
    told = threading.Event()
    here.inference.start(told.set)
    for expression, expected in (("guess()", "Other"), ("make(1)", "Block")):
        told.clear()
        here.known(expression)
        assert told.wait(30)
        assert shown(here.known(expression)) == f"object of class blocks.{expected}"
        deadline = time.monotonic() + 10
        while here.inference.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not here.inference.running()


def test_the_files_behind_an_answer_are_known(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    assert here.answered("guess()")
    with here.project.recording() as reads:
        here.known("guess()")
    assert {here.tree.path("mod.py"), here.tree.path("blocks.py")} <= here.project.files_read(reads)


def test_questions_can_be_cancelled(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    here.known("guess()")
    here.inference.cancel(here.tree.path("mod.py"))
    assert not here.inference.pending()
    assert not here.inference.run_pending(30)


def test_a_crash_or_a_hang_loses_one_answer(
    tmp_path: Path, ends: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys, time\n"
        "sys.stdin.readline()\n"
        "for line in sys.stdin:\n"
        "    request = json.loads(line)\n"
        "    for line, column in request['places']:\n"
        "        text = request['code'].split('\\n')[line - 1][column:]\n"
        "        if 'crash()' in text: os._exit(3)\n"
        "        if 'hang()' in text: time.sleep(60)\n"
        "        if 'noise()' in text: print('no json')\n"
        "        value = dict(type='instance', name='A', full_name='mod.A', path=request['path'], line=1)\n"
        "        print(json.dumps(dict(values=[value], files=[])), flush=True)\n"
    )
    monkeypatch.setattr(inference_module, "_WORKER", worker)
    monkeypatch.setattr(inference_module, "PATIENCE", 1.0)
    names = ("first", "crash", "second", "hang", "third", "noise", "fourth")
    here = session(ends, tmp_path / "tree", "class A: pass\n" + "".join(f"{name}()\n" for name in names))
    for name in names:
        here.known(f"{name}()")
    here.inference.run_pending(30)
    answers = {name: shown(here.known(f"{name}()")) for name in names}
    lost = ("crash", "hang", "noise")
    assert answers == {name: None if name in lost else "object of class mod.A" for name in names}
    assert not here.inference.pending()


def test_a_python_that_does_not_start_is_no_trouble(
    tmp_path: Path, ends: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    assert here.answered("guess()") is None


def test_nothing_of_the_workspace_or_of_the_environment_is_run(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "import evil, jedi, sitecustomize\nx = evil.make()\n", ("site",))
    trace = tmp_path / "trace"
    evil = f"open({str(trace)!r}, 'a').write('run')\nclass A: pass\ndef make():\n    return A()\n"
    for name in ("evil", "jedi", "parso", "sitecustomize", "conftest", "site/usercustomize", "site/typing"):
        here.tree.write(f"{name}.py", evil)
    assert here.answered("evil.make()") == "object of class evil.A"
    assert not trace.exists()


def test_a_budget_ends_the_asking(tmp_path: Path, ends: list[Session]) -> None:
    here = session(ends, tmp_path, "from blocks import *\nx = guess()\n")
    here.known("guess()")
    start = time.monotonic()
    here.inference.run_pending(0)
    assert time.monotonic() - start < 5
    assert here.answered("guess()") == "object of class blocks.Other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = f(g(1), [h])\n", "x = (kerascope_0 := f((kerascope_1 := g(1)), [h]))\n"),
        ("x = 'é\u2028' + g(1); y\r\nz", "x = 'é\u2028' + (kerascope_0 := g(1)); y\r\nz"),
        ("x = f(\n    g(1)\n)", "x = (kerascope_0 := f(\n    (kerascope_1 := g(1))\n))"),
        ("f(1)(2)", "(kerascope_0 := (kerascope_1 := f(1))(2))"),
    ],
)
def test_expressions_are_marked_by_names(text: str, expected: str) -> None:
    document = Document.from_text("mod.py", text)
    places = []
    for statement in document.statements:
        for node in statement.nodes:
            for call in ast.walk(node):
                if isinstance(call, ast.Call):
                    places.append(place(document, statement, call))
    code, positions = marked(text, places)
    assert code == expected
    lines = code.replace("\r\n", "\n").split("\n")
    for number, (line, column) in enumerate(positions):
        assert lines[line - 1][column:].startswith(f"kerascope_{number} := ")


def place(document: Document, statement: object, node: ast.AST) -> Range:
    assert isinstance(statement, Statement)
    found = document.range_of(Site(document.path, statement, node))
    assert found is not None
    return found


@settings(deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b.c", "1"]),
        lambda inner: st.one_of(
            st.builds("f({})".format, inner),
            st.builds("{}({}, {})".format, inner, inner, inner),
            st.builds("[{}]".format, inner),
        ),
        max_leaves=8,
    )
)
def test_marked_programs_parse_and_say_the_same(expression: str) -> None:
    text = f"def f():\n    x = {expression}\n"
    document = Document.from_text("mod.py", text)
    (statement,) = document.statements
    calls = [node for node in ast.walk(statement.nodes[0]) if isinstance(node, ast.Call | ast.List)]
    names = [node for node in ast.walk(statement.nodes[0]) if isinstance(node, ast.Name)]
    code, positions = marked(
        text,
        [
            *(place(document, statement, node) for node in calls),
            *(place(document, statement, node).start for node in names),
        ],
    )
    for (line, column), name in zip(positions[len(calls) :], names, strict=True):
        assert code.split("\n")[line - 1][column:].startswith(name.id)

    class Unmark(ast.NodeTransformer):
        def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
            return self.visit(node.value)  # type: ignore[no-any-return]

    assert ast.dump(Unmark().visit(ast.parse(code))) == ast.dump(ast.parse(text))
