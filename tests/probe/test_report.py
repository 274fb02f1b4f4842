"""Whatever a worker answers becomes a report; and a report has one line that says how it went."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.probe.measured import PATH, built, frame, layer, report, weight

from kerascope.probe import show
from kerascope.probe.findings import findings
from kerascope.probe.report import essence, from_json, to_json
from kerascope.source.document import Document

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("status", "message", "origin", "recipe", "how", "inputs", "missing", "tree", "loose", "counts"),
    *("new_every_call", "restored", "raised", "warnings", "not_measured", "versions", "seconds", "frames"),
]
NODE = ["path", "class_name", "built", "tracked", "called", "created", "through", "library", "weights"]
WEIGHT = ["path", "name", "owner", "shape", "dtype", "parameters", "trainable", "tracked", "watched", "saved"]


def objects(names: list[str], inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.dictionaries(st.sampled_from(names), inner, max_size=len(names))


weights = objects(WEIGHT, anything)
nodes = objects(
    [*NODE, "children"], anything | st.lists(weights, max_size=3) | st.lists(objects(NODE, anything))
)


@given(objects(FIELDS, anything | nodes | st.lists(weights, max_size=3)) | anything)
def test_any_answer_can_be_read_and_shown(answer: object) -> None:
    read = from_json(answer, path=PATH, class_name="Example", line=1)
    assert read.status
    assert "\n" not in read.summary
    json.dumps(show.as_json(read))
    assert show.markdown(read)
    assert list(show.text(read, show_slice=True))
    show.tree(read, "dense")
    for finding in findings(read, Document.from_text(PATH, "class Example: ...\n", 1)):
        assert "\n" not in finding.message


def test_what_is_unknown_or_missing_stays_at_its_default() -> None:
    read = from_json({"status": "wonderful", "colour": "blue"}, path=PATH, class_name="Example", line=3)
    assert (read.status, read.line, read.tree, read.weights) == ("crashed", 3, None, ())


def test_a_tree_without_end_is_cut() -> None:
    tree = layer("")
    for _ in range(300):
        tree = layer("inner", children=[tree])
    assert len(report(tree).nodes) < 200


def test_a_report_as_json_can_be_read_again() -> None:
    first = report(layer("", weights=[weight("kernel", created=frame(4))]), counts={"call": {"weights": 1}})
    assert from_json(to_json(first), path=PATH, class_name="Example", line=1).tree == first.tree


KERNEL, BIAS = weight("dense.kernel", (4, 4)), weight("dense.bias", (4,))
DROPOUT = layer("drop", "Dropout", built=False, library="keras")
LOST = {"tracked": False, "trained": False}


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (built([KERNEL, BIAS]), "2 weights · 20 parameters · all tracked"),
        (built([KERNEL]), "1 weight · 16 parameters · all tracked"),
        (built([]), "no weights"),
        (built([KERNEL, BIAS | LOST, weight("scale", (4,))]), "1 of 3 weights untracked"),
        (built([KERNEL, BIAS | {"gradient": False}]), "no gradient for 1 of 2 weights"),
        (built([KERNEL | {"saved": False}, BIAS]), "1 of 2 weights not saved"),
        (built([KERNEL], restored={"weights-file": False}), "other outputs after save and load"),
        (built([KERNEL], new_every_call=[KERNEL, BIAS]), "2 new weights in every call"),
        (built([KERNEL], layer("spare", built=False, called=False)), "1 sublayer not built"),
        (built([KERNEL], DROPOUT), "1 weight · 16 parameters · all tracked"),
        ({"status": "timeout", "seconds": 60.2, "frames": [frame(12)]}, "stopped after 60 s in line 12"),
        ({"status": "timeout", "seconds": 5}, "stopped after 5 s"),
        (
            {"status": "raised", "raised": [{"stage": "call", "type": "ValueError", "frames": [frame(31)]}]},
            "raised ValueError on line 31",
        ),
        (
            {"status": "unknown", "missing": "# kerascope: build(units=…, rate=…) on (None, …)"},
            "needs arguments: units, rate",
        ),
        ({"status": "unknown"}, "needs to be told what to build it on"),
        ({"status": "no-keras"}, "no Keras to build it with"),
        ({}, "crashed"),
    ],
)  # fmt: skip
def test_one_line_says_how_it_went(answer: dict[str, object], line: str) -> None:
    assert from_json(answer, path=PATH, class_name="Example", line=1).summary == line


def test_an_unbuilt_layer_that_only_holds_others_is_no_loss() -> None:
    bag = layer("bag", built=False, called=False, children=[layer("bag.dense", weights=[KERNEL])])
    assert report(layer("", children=[bag])).unbuilt == ()


@pytest.mark.parametrize(
    ("recipe", "how"),
    [
        ({"origin": "usage", "line": 31, "path": PATH}, "as line 31 makes and calls it"),
        ({"origin": "usage", "line": 3, "path": "/p/test_a.py"}, "as test_a.py:3 makes and calls it"),
        ({"origin": "comment", "line": 8, "path": PATH}, "as the comment on line 8 says"),
        (
            {"origin": "outer", "line": 16, "path": PATH, "class_name": "Outer"},
            "as Outer (line 16) makes and calls it",
        ),
        ({"origin": "given"}, "as you said"),
    ],
)
def test_it_says_how_the_layer_was_made(recipe: dict[str, object], how: str) -> None:
    answer = {"status": "built", "recipe": recipe}
    assert from_json(answer, path=PATH, class_name="Example", line=1).how == how


def test_an_exception_s_own_text_comes_without_what_keras_puts_around_it() -> None:
    message = (
        "Exception encountered when calling Outer.call().\n\n"
        "Exception encountered when calling Inner.call().\n\n"
        "\x1b[1mMatrix size-incompatible:\nIn[0]: [2,3]\x1b[0m\n\n"
        "Arguments received by Inner.call():\n  • x=tf.Tensor(shape=(2, 3))\n\n"
        "Arguments received by Outer.call():\n  • x=tf.Tensor(shape=(2, 3))"
    )
    assert essence(message) == "Matrix size-incompatible: In[0]: [2,3]"
    assert essence("{{function_node __wrapped__MatMul}} no [Op:MatMul]") == "no [Op:MatMul]"
    assert len(essence("long " * 1000)) <= 240
    assert (
        essence("Exception encountered when calling A.call().\n\n\nArguments received by A.call():\n  • x")
        == ""
    )
