"""Whatever is typed in between: a text that parses has the findings of a fresh open."""

from __future__ import annotations

import gc
import keyword
import re
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.source.document import Document
from kerascope.source.position import Edit, Range

LAYERS, HEADS = "/project/layers.py", "/project/heads.py"

LAYERS_TEXT = """\
import keras
import tensorflow as tf
from heads import Heads, make_norm


class Inner(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 4))

    def call(self, x):
        return x @ self.w


class Outer(keras.layers.Layer):
    default = None

    def __init__(self, n=2):
        super().__init__()
        self.heads = Heads(3)
        self.norm = make_norm()
        blocks = []
        self.blocks = blocks
        for _ in range(n):
            blocks.append(Inner())
        self.scale = tf.Variable(1.0)

    def build(self, input_shape):
        self.inner = Inner()
        self.inner.build(input_shape)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.norm(self.heads.out(self.inner(x))) * self.scale


outer = Outer()
print(outer.trainable_weights)
outer(tf.ones((1, 4)))
"""

HEADS_TEXT = """\
import keras


class Heads:
    def __init__(self, units):
        self.out = keras.layers.Dense(units)


def make_norm():
    return keras.layers.LayerNormalization()
"""

SNIPPETS = [
    "",
    "\n",
    "        self.more = keras.layers.Dense(2)\n",
    "        self.__dict__['d'] = keras.layers.Dense(2)\n",
    "        self._trainable_weights.extend(self.norm.trainable_weights)\n",
    "        super().__init__(\n",
    '"""',
    "(",
    "class Heads(keras.layers.Layer):\n",
    "    def build(self, shape):\n        pass\n",
    "  # kerascope: ignore\n",
    "x",
]

CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 1_500), st.integers(0, 60), st.sampled_from(SNIPPETS)), max_size=6
)
LAST = st.sampled_from(
    [
        (LAYERS_TEXT, HEADS_TEXT),
        (LAYERS_TEXT.replace("        self.norm = make_norm()\n", ""), HEADS_TEXT),
        (LAYERS_TEXT, HEADS_TEXT.replace("class Heads:", "class Heads(keras.layers.Layer):")),
        (LAYERS_TEXT.replace("\n\n", "\n\n\n\n"), "# one line more\n" + HEADS_TEXT),
        (LAYERS_TEXT.replace("self.blocks = blocks\n", "self.blocks = []\n"), ""),
    ]
)


def findings(project: Project, keras: str) -> list[tuple[object, ...]]:
    checker = Checker(project, Settings(keras=keras))
    return [said(finding) for path in (LAYERS, HEADS) for finding in checker.check(path)]


def said(finding: object) -> tuple[object, ...]:
    return tuple(
        getattr(finding, name)
        for name in ("path", "range", "code", "severity", "message", "generations", "related")
    )


@settings(max_examples=60, deadline=None)
@given(CHANGES, LAST, st.sampled_from(["3", "both"]))
def test_findings_are_those_of_a_fresh_open(
    changes: list[tuple[bool, int, int, str]], last: tuple[str, str], keras: str
) -> None:
    project = Project(None)
    checker = Checker(project, Settings(keras=keras))
    documents = {
        LAYERS: Document.from_text(LAYERS, LAYERS_TEXT, 0),
        HEADS: Document.from_text(HEADS, HEADS_TEXT, 0),
    }
    for document in documents.values():
        project.open(document)
    for in_layers, offset, length, new in changes:
        path = LAYERS if in_layers else HEADS
        document = documents[path]
        start = min(offset, len(document.text))
        end = min(start + length, len(document.text))
        place = Range(document.position_of(start), document.position_of(end))
        documents[path] = document.edited([Edit(place, new)], 1)
        project.open(documents[path])
        for path in documents:
            checker.check(path)
    for path, text in zip((LAYERS, HEADS), last, strict=True):
        documents[path] = documents[path].replaced(text, 2)
        project.open(documents[path])
    after = [said(finding) for path in (LAYERS, HEADS) for finding in checker.check(path)]

    fresh = Project(None)
    for path, text in zip((LAYERS, HEADS), last, strict=True):
        fresh.open(Document.from_text(path, text, 2))
    assert after == findings(fresh, keras)


OTHER = "/project/example.py"
EXAMPLES = [
    (example.code, generation)
    for rule in all_rules()
    if not rule.measured
    for example in (*rule.reporting, *rule.silent)
    for generation in example.generations
]


def around_classes(text: str) -> list[int]:
    """The offsets outside of classes at which a statement begins, and the end."""
    offsets, offset = [], 0
    for statement in Document.from_text(OTHER, text).walk():
        if not statement.context and not statement.lead:
            offsets.append(offset)
        offset += len(statement.own_text)
    return [*offsets, offset]


def talk_about(text: str) -> list[str]:
    """Statements that have to do with the names in a file."""
    attributes = sorted(set(re.findall(r"(?:\.|def )(\w+)", text)))
    names = sorted(set(re.findall(r"\b[a-z_]\w*\b", text)) - set(keyword.kwlist))
    classes = re.findall(r"^class (\w+)", text, re.M)
    return [
        "# a comment\n",
        "import keras\n",
        "thing.build()\n",
        *(f"print(thing.{name})\n" for name in attributes),
        *(f"thing.{name}(1)\n" for name in attributes),
        *(f"words = ['{name}']\n" for name in attributes),
        *(f"{name}.trainable = False\n" for name in names),
        *(f"class More({name}):\n    def call(self, x):\n        return x\n" for name in classes),
        *(f"def more():\n    model = {name}()\n    print(model.weights)\n" for name in classes),
    ]


@pytest.mark.parametrize(
    ("code", "title", "old", "new"),
    [
        ("KS108", "a global layer", "\n\n\nclass", "\n{0}.trainable = False\n\n\nclass"),
        ("KS205", "call is a tf.function", "import tensorflow as tf\n", ""),
        ("KS207", "the last layer forgotten", "\n\n\nclass", "\nprint(layer.out(1))\n\n\nclass"),
        ("KS209", "forward, as in PyTorch", "\n\n\nclass", "\nprint(layer.forward(1))\n\n\nclass"),
        ("KS210", "call() of a Dense", "\n\n\nclass", "\nlayer.dense.build((1, 4))\n\n\nclass"),
        ("KS306", "a dataclass", "from dataclasses import dataclass\n", ""),
    ],
)
def test_a_finding_goes_and_comes_with_the_code_around_the_class(
    code: str, title: str, old: str, new: str
) -> None:
    rule = next(rule for rule in all_rules() if rule.code == code)
    text = next(example.code for example in rule.reporting if example.title == title)
    assigned = re.search(r"^(\w+) =", text, re.M)
    other = text.replace(old, new.format(assigned[1] if assigned else ""), 1)
    project = Project(None)
    checker = Checker(project, Settings(keras="3"))
    document = Document.from_text(OTHER, text, 0)
    for version, (now, there) in enumerate([(text, True), (other, False), (text, True)]):
        document = document.replaced(now, version)
        project.open(document)
        assert (code in [finding.code for finding in checker.check(OTHER)]) is there


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_typed_outside_of_a_class_counts_for_it(data: st.DataObject) -> None:
    code, generation = data.draw(st.sampled_from(EXAMPLES))
    options = Settings(keras=str(generation))  # type: ignore[arg-type]
    project = Project(None)
    checker = Checker(project, options)
    document = Document.from_text(OTHER, code, 0)
    project.open(document)
    checker.check(OTHER)
    for version in range(1, data.draw(st.integers(2, 8))):
        text = document.text
        places = around_classes(text)
        index = data.draw(st.integers(0, len(places) - 1))
        start = places[index]
        if data.draw(st.integers(0, 3)) == 0 and index + 1 < len(places):
            text = text[:start] + text[places[index + 1] :]
        else:
            gap = "" if text[:start].endswith("\n") or not start else "\n"
            text = text[:start] + gap + data.draw(st.sampled_from(talk_about(text))) + text[start:]
        document = document.replaced(text, version)
        project.open(document)
        after = [said(finding) for finding in checker.check(OTHER)]
        try:
            compile(text, OTHER, "exec")
        except SyntaxError:
            continue  # What doesn't parse keeps what was known of it, unlike in a fresh open.
        fresh = Project(None)
        fresh.open(Document.from_text(OTHER, text, version))
        assert after == [said(finding) for finding in Checker(fresh, options).check(OTHER)]


def test_what_was_typed_before_is_not_kept() -> None:
    text = LAYERS_TEXT + "\n\ndef main():\n    layer = Outer(1)\n    print(layer.weights)\n"
    checker = Checker(Project("/project"), Settings())
    document = Document.from_text(LAYERS, text)
    typed = []
    for number in range(20):
        document = document.replaced(
            text.replace("Outer(1)", f"Outer({number})").replace("n=2", f"n={number}")
        )
        checker.project.open(document)
        checker.check(LAYERS)
        typed += [weakref.ref(statement) for statement in (document.statements[-1], document.statements[4])]
    gc.collect()
    assert sum(statement() is not None for statement in typed) <= 4
