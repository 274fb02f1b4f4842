"""A report as text and as Markdown: everything that was measured is there, and what wasn't says why."""

from __future__ import annotations

import json

from tests.probe.measured import PATH, frame, layer, lost, report, weight

from kerascope.probe import show
from kerascope.probe.report import Report, from_json
from kerascope.probe.request import LeftOut

BAG = "a helper object of class Bag"
KERNEL = weight("inner.kernel", (5, 3))
BIAS = weight("inner.bias", (3,), gradient=False, saved=False)
READ = report(
    layer(
        "",
        "Outer",
        children=[
            layer("inner", weights=[KERNEL, BIAS]),
            layer("bag.dense", tracked=False, through=BAG, weights=[lost("bag.dense.w")]),
            layer("spare", built=False, called=False),
        ],
    ),
    line=16,
    init="units=3",
    inputs="float32 (10, 5)",
    recipe={"origin": "usage", "line": 31, "path": PATH},
    counts={
        "init": {"weights": 0, "trainable": 0, "parameters": 0},
        "build": {"weights": 0, "trainable": 0, "parameters": 0},
        "call": {"weights": 2, "trainable": 2, "parameters": 18},
    },
    restored={"weights-file": False, "model-file": None},
    not_measured={"functional": "the layer raised", "model-file": "it has no get_config()"},
    warnings=["`build()` was called on layer 'outer'.", "Layer 'outer' is odd. And more."],
    output="hello\n" * 30,
    versions={"python": "3.12.1", "keras": "3.15.1", "tensorflow": "2.21.0", "backend": "tensorflow"},
    seconds=0.21,
    start_seconds=9.8,
)  # fmt: skip


def test_text_has_all_of_it() -> None:
    assert "\n".join(show.text(READ, place="model.py:16")) == """\
Outer (model.py:16): 1 of 3 weights untracked · no gradient for 1 of 2 weights
  Outer(units=3) on float32 (10, 5), as line 31 makes and calls it
  Python 3.12.1, Keras 3.15.1, TensorFlow 2.21.0, 0.21 s, after 9.8 s to start

                                parameters  gradient  saved
  Outer
    inner      Dense
      kernel   (5, 3)  float32          15  yes       yes
      bias     (3,)    float32           3  no        no
    bag.dense  Dense                                         not tracked: a helper object of class Bag
      w        (4, 4)  float32          16  –         yes    not tracked
    spare      Dense                                         not built: never called
  2 weights tracked, 18 parameters, of which 18 train; 1 weight that the call used is not tracked

                                         weights  trainable  parameters
  after the constructor                        0          0           0
  after build(shape)                           0          0           0
  in a functional model, before it runs        –          –           –
  after a call                                 2          2          18

  save_weights and load_weights: OTHER OUTPUTS from a fresh instance
  not measured: in a functional model, before it runs (the layer raised)
  not measured: the .keras format (it has no get_config())
  Keras warns: Layer 'outer' is odd.
  the code printed:
""" + "    hello\n" * 20 + "    … 10 more lines"  # fmt: skip


def test_what_is_bad_can_be_painted() -> None:
    lines = list(show.text(READ, paint=lambda kind, text: f"<{kind}>{text}</>"))
    assert lines[0].startswith("<title>Outer</>: <bad>1 of 3 weights untracked")
    assert any("<bad>not tracked</>" in line for line in lines)
    fine = report(layer("", "Outer", weights=[weight("kernel")]))
    assert not any("<bad>" in line for line in show.text(fine, paint=lambda kind, text: f"<{kind}>{text}</>"))


def test_the_tree_below_an_attribute() -> None:
    assert show.tree(READ, "inner").splitlines()[1:] == [
        "inner     Dense",
        "  kernel  (5, 3)  float32          15  yes       yes",
        "  bias    (3,)    float32           3  no        no",
    ]
    assert show.tree(READ, "inn") == ""
    assert show.tree(READ, "nothing") == ""


def test_many_layers_that_are_alike_are_shown_once() -> None:
    dense = [layer(f"layers[{n}]", weights=[weight(f"layers[{n}].kernel")]) for n in range(12)]
    dense[7]["weights"][0]["gradient"] = False
    rows = show.tree(report(layer("", "Outer", children=dense))).splitlines()
    firsts = [row.split()[0] for row in rows[1:] if "kernel" not in row]
    assert firsts == ["Outer", "layers[0]", "layers[1]", "layers[7]", "layers[8]", "layers[9]"]
    assert "  layers[1] … layers[6]   6 more like it" in rows


def test_what_was_left_out_is_listed_on_request() -> None:
    left_out = (
        LeftOut(PATH, 31, 33, "model.fit(x, y)", "it trains"),
        LeftOut("/p/data.py", 3, 3, "load()", "it reads a file"),
    )
    read = from_json({"status": "built"}, path=PATH, class_name="Outer", line=1, left_out=left_out)
    assert list(show.text(read, show_slice=True))[-3:] == [
        "  not run:",
        "    31-33  model.fit(x, y)  (it trains)",
        "    /p/data.py:3  load()  (it reads a file)",
    ]
    assert not any("not run" in line for line in show.text(read))


def test_what_could_not_be_built_says_what_to_write() -> None:
    missing = "# kerascope: build(units=…) on (None, …)"
    answer = {"status": "unknown", "message": "No way was found.", "missing": missing}
    read = from_json(answer, path=PATH, class_name="Outer", line=1)
    assert list(show.text(read)) == [
        "Outer: needs arguments: units",
        "  No way was found.",
        f"  write above the class: {missing}",
    ]


def test_markdown_has_the_same() -> None:
    text = show.markdown(READ)
    assert text.startswith("# Outer: 1 of 3 weights untracked")
    assert "| after a call | 2 | 2 | 18 |" in text
    assert "inner      Dense" in text
    assert "- Keras warns: Layer 'outer' is odd." in text


def test_json_is_the_report_with_its_line() -> None:
    data = json.loads(json.dumps(show.as_json(READ)))
    assert data["summary"] == READ.summary
    assert data["tree"]["children"][0]["weights"][0]["shape"] == [5, 3]
    assert set(data) >= {"status", "counts", "restored", "versions", "loose", "not_measured", "inputs"}


def test_a_loose_variable_has_its_line() -> None:
    loose: Report = report(layer("", "Outer"), loose=[lost("", name="kernel", created=frame(18))])
    assert "used, but held by no layer: kernel (4, 4) float32, made on line 18" in "\n".join(show.text(loose))
