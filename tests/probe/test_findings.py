"""Reports become findings: on the right line, one for each cause, and none about what wasn't measured."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.probe.measured import PATH, Part, built, frame, layer, lost, report, weight

from kerascope.check import Checker
from kerascope.probe.findings import combined, findings, line_range
from kerascope.probe.report import Report, from_json
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding
from kerascope.source.document import Document

CODE = """\
import keras


class Bag:
    def __init__(self, size):
        self.layers = [keras.layers.Dense(4) for _ in range(size)]
        self.first = keras.layers.Dense(4)  # of the bag


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.bag = Bag(12)
        self.gate = keras.layers.Dense(1, activation="softmax")
        self.scale = self.add_weight(shape=(4,))

    def call(self, x):
        return self.gate(x)
"""
DOCUMENT = Document.from_text(PATH, CODE, 1)


def of(read: Report, document: Document = DOCUMENT) -> list[tuple[int, str]]:
    """The lines, counted from 1, and codes of a report's findings."""
    return [(found.range.start.line + 1, found.code) for found in findings(read, document)]


def only(read: Report) -> Finding:
    (found,) = findings(read, DOCUMENT)
    return found


def bagged(path: str, line: int, **fields: object) -> Part:
    kernel = lost(f"{path}.kernel", created=frame(18), held=frame(line))
    bias = lost(f"{path}.bias", (4,), created=frame(18), held=frame(line))
    through = "a helper object of class Bag"
    return layer(path, tracked=False, through=through, created=frame(line), weights=[kernel, bias], **fields)


def example(*children: Part, weights: Sequence[Part] = (), **fields: object) -> Report:
    return report(layer("", "Example", weights=list(weights), children=list(children)), line=10, **fields)


def test_twelve_layers_in_one_helper_are_one_finding_that_counts() -> None:
    found = only(example(*(bagged(f"bag.layers[{index}]", 6) for index in range(12))))
    assert (found.range.start.line + 1, found.code, found.severity) == (6, "KS802", "error")
    assert found.message == (
        "12 layers in `self.bag` are not tracked: the call uses their 24 weights (240 parameters), but "
        "`Example.trainable_weights` doesn't hold them, so training never changes them. A helper object of "
        "class Bag holds them, where Keras doesn't look: assign them to attributes of the layer that uses "
        "them."
    )
    assert found.related == ()


def test_layers_of_one_helper_made_on_two_lines_are_one_finding_with_a_related_place() -> None:
    found = only(example(bagged("bag.layers[0]", 6), bagged("bag.first", 7)))
    assert found.range.start.line + 1 == 6
    assert [(place.range.start.line + 1, place.message) for place in found.related] == [
        (7, "`self.bag.first` (Dense) is made here")
    ]


def test_a_list_of_helpers_is_one_finding() -> None:
    layers = [bagged(f"experts[{n}].{name}", 6) for n in range(3) for name in ("up", "down")]
    assert only(example(*layers)).message.startswith(
        "6 layers in `self.experts` are not tracked: the call uses their 12 weights (120 parameters)"
    )


def test_two_helpers_are_two_findings() -> None:
    other = layer("other.dense", tracked=False, through="a closure", created=frame(13))
    other["weights"] = [lost("other.dense.kernel")]
    assert of(example(bagged("bag.first", 7), other)) == [(7, "KS802"), (13, "KS802")]


def test_a_single_variable_stands_on_its_own_line() -> None:
    raw = lost("scale", (4,), name="Variable", raw=True, created=frame(15, "self.scale = tf.Variable(…)"))
    found = only(example(weights=[raw, weight("kernel")]))
    assert (found.range.start.line + 1, found.code) == (15, "KS802")
    assert "`self.scale` (4,) is not tracked" in found.message
    assert "add_weight" in found.message


def test_variables_that_nothing_holds_are_named_by_their_line() -> None:
    loose = [lost("", name="kernel", created=frame(18)), lost("", (4,), name="bias", created=frame(18))]
    found = only(example(weights=[weight("kernel")], loose=loose))
    assert (found.range.start.line + 1, found.code) == (18, "KS802")
    assert found.message.startswith("2 variables (20 parameters) are not tracked")


def test_a_line_of_another_file_is_a_related_place_of_the_class() -> None:
    bag = bagged("bag.first", 7)
    bag["created"] = frame(3, "self.first = keras.layers.Dense(4)", "/project/bags.py")
    found = only(example(bag))
    assert (found.range.start.line + 1, DOCUMENT.text_of(found.range)) == (10, "Example")
    assert [(place.path, place.range.start.line + 1) for place in found.related] == [("/project/bags.py", 3)]


@pytest.mark.parametrize(
    "harmless",
    [
        weight("counter", (), trainable=False, trained=False, gradient=None, effect=False),
        weight("norm.moving_mean", (4,), trainable=False, trained=False, gradient=None),
        weight("frozen.kernel", trained=False, gradient=None, effect=None),
        weight("kernel", watched=None, gradient=None, effect=None, saved=None),
        lost("seed", (2,), trainable=False, watched=True),
        lost("unused", watched=False, effect=False),
        lost("unmeasured", watched=None, effect=None),
    ],
    ids=lambda each: each["path"],
)
def test_what_is_harmless_or_not_measured_is_not_reported(harmless: Part) -> None:
    assert of(example(weights=[harmless, weight("kernel")])) == []


def test_without_a_gradient_the_reason_is_said() -> None:
    unused = {"gradient": False, "watched": False, "effect": False}
    rounded = {"gradient": False}
    for fields, reason in ((unused, "The call doesn't use them."), (rounded, "where no gradient passes")):
        weights = [weight("gate.kernel", **fields), weight("gate.bias", (4,), **fields)]
        found = only(example(layer("gate", created=frame(14), weights=weights), weights=[weight("scale")]))
        assert (found.range.start.line + 1, found.code, found.severity) == (14, "KS804", "warning")
        assert found.message.startswith("2 weights of `self.gate` (Dense) get no gradient")
        assert reason in found.message


def test_what_a_second_build_left_behind_is_named() -> None:
    line = frame(15, "self.scale = self.add_weight(shape=(4,))")
    copy = weight("Variable", gradient=False, effect=False, watched=False, created=line)
    found = only(example(layer("inner", weights=[weight("inner.scale", created=line)]), weights=[copy]))
    assert found.message.startswith("The weight `Variable` (4, 4) gets no gradient")
    assert "`build` ran twice" in found.message


def test_a_weight_without_effect_is_reported_only_if_its_layer_has_none_at_all() -> None:
    key = [weight("key.kernel"), weight("key.bias", (4,), effect=False)]
    assert of(example(layer("key", library="keras", created=frame(14), weights=key))) == []
    gate = [weight("gate.kernel", effect=False), weight("gate.bias", (1,), effect=False)]
    rest = weight("scale")
    gated = example(layer("gate", library="keras", created=frame(14), weights=gate), weights=[rest])
    assert of(gated) == [(14, "KS807")]


def test_on_inputs_that_were_guessed_a_missing_effect_is_for_information() -> None:
    gate = layer("gate", created=frame(14), weights=[weight("gate.kernel", effect=False)])
    found = only(example(gate, weights=[weight("scale")], origin="search", inputs="float32 (2, 8)"))
    assert (found.code, found.severity) == ("KS807", "information")
    assert "float32 (2, 8)" in found.message


def test_a_weight_without_gradient_is_not_reported_for_its_effect_too() -> None:
    both = weight("gate.kernel", gradient=False, effect=False)
    assert of(example(layer("gate", created=frame(14), weights=[both]), weights=[weight("scale")])) == [
        (14, "KS804")
    ]


def test_what_is_not_saved_is_named_or_the_class_is() -> None:
    gone = layer("gate", created=frame(14), weights=[weight("gate.kernel", saved=False)])
    restored = {"weights-file": False, "model-file": None}
    assert of(example(gone, restored=restored)) == [(14, "KS806")]
    assert of(example(weights=[weight("kernel")], restored=restored)) == [(10, "KS806")]
    assert of(example(weights=[weight("kernel")], restored={"weights-file": None})) == []
    # A lost weight's own finding says it.
    found = only(example(bagged("bag.first", 7), restored=restored))
    assert found.code == "KS802"


def test_a_weight_that_is_lost_is_not_said_to_be_saved() -> None:
    bag = bagged("bag.first", 7)
    for each in bag["weights"]:
        each["saved"] = False
    assert "saving loses them" in only(example(bag, restored={"weights-file": False})).message


def test_unbuilt_sublayers_are_reported_without_those_inside() -> None:
    inner = layer("gate.inner", built=False, called=False, created=frame(14))
    gate = layer("gate", "Gate", built=False, called=False, created=frame(14), children=[inner])
    found = only(example(gate, weights=[weight("kernel")]))
    assert (found.range.start.line + 1, found.code) == (14, "KS803")
    assert "that call didn't call it" in found.message and found.message.endswith("so it has no weights.")
    refused = {"weights": "ValueError: Weights for model 'gate' have not yet been created"}
    found = only(example(gate, weights=[weight("kernel")], not_measured=refused))
    assert found.message.endswith("and listing those of `Example` raises, as `fit` does.")


def test_new_weights_in_every_call_are_not_called_untracked_too() -> None:
    anew = [lost("", name="kernel", created=frame(18)), lost("", (4,), name="bias", created=frame(18))]
    found = only(example(weights=[weight("kernel")], new_every_call=anew, loose=anew))
    assert (found.range.start.line + 1, found.code) == (18, "KS805")


def test_a_random_seed_in_every_call_is_no_weight() -> None:
    seed = weight("", (2,), name="seed_generator_state", trainable=False, tracked=False, created=frame(18))
    versions = {"keras": "3.15.1", "backend": "tensorflow"}
    found = only(example(weights=[weight("kernel")], new_every_call=[seed], versions=versions))
    assert (found.range.start.line + 1, found.code) == (18, "KS805")
    assert "a new layer with a random seed here" in found.message
    assert "`fit` raises ValueError" in found.message
    assert "learnt" not in found.message


def test_build_that_makes_fewer_weights_is_for_information() -> None:
    counts = {"build": {"weights": 0}, "call": {"weights": 2}}
    late = layer("gate", weights=[weight("gate.kernel", exists_after="call")])
    found = only(example(late, counts=counts))
    assert (found.code, found.severity, DOCUMENT.text_of(found.range)) == ("KS808", "information", "Example")
    assert "`self.gate`" in found.message
    assert of(example(late, counts={"call": {"weights": 2}})) == []


def failed(stage: str, *lines: int, status: str = "raised", **fields: object) -> Report:
    frames = [frame(line) for line in lines]
    raised = {"stage": stage, "type": "ValueError", "message": "no\x1b[0m", "frames": frames}
    answer = {"status": status, "raised": [raised], "inputs": "float32 (2, 4)", **fields}
    return from_json(answer, path=PATH, class_name="Example", line=10)


def test_an_exception_stands_on_the_innermost_line_of_the_file() -> None:
    found = only(failed("call", 13, 18))
    assert (found.range.start.line + 1, found.code) == (18, "KS801")
    assert found.message == "Calling Example on float32 (2, 4) raises ValueError: no."
    assert [place.range.start.line + 1 for place in found.related] == [13]
    assert of(failed("construct")) == [(10, "KS801")]


def test_a_later_call_that_raises_is_reported_unless_the_code_asks_for_more() -> None:
    for stage, what in (("gradients", "Calling Example with training=True"), ("again", "The second call of")):
        for line, count in (("x = y + 1", 1), ("raise ValueError('labels!')", 0)):
            error = {"stage": stage, "type": "TypeError", "message": "no", "frames": [frame(18, line)]}
            answer = built([weight("kernel")], raised=[error])
            found = findings(from_json(answer, path=PATH, class_name="Example", line=10), DOCUMENT)
            assert [each.code for each in found] == ["KS801"] * count
            assert all(each.message.startswith(what) for each in found)


@pytest.mark.parametrize(
    ("type", "message", "line", "is_defect"),
    [
        ("AttributeError", "'Example' object has no attribute '_trainable_weights'", "self.x", True),
        (
            "ValueError",
            "You cannot add new elements of state (variables or sub-layers) …",
            "self.x = …",
            True,
        ),
        ("ValueError", "`name` must be passed as a keyword argument.", "self.add_weight(…)", True),
        ("NameError", "name 'unts' is not defined", "Dense(unts)", True),
        ("AttributeError", "'int' object has no attribute 'shape'", "table.shape", False),
        ("TypeError", "'int' object is not subscriptable", "input_shape[0][1]", False),
        ("AssertionError", "", "assert mask is not None", False),
        ("NameError", "no", "raise NameError('no')", False),
        ("TypeError", "missing a required argument: 'mask'", None, False),
    ],
)
def test_what_a_guess_raises_is_only_a_defect_if_no_other_would_avoid_it(
    type: str, message: str, line: str | None, is_defect: bool
) -> None:
    frames = [] if line is None else [frame(18, line)]
    error = {"stage": "call", "type": type, "message": message, "frames": frames}
    answer = {"status": "raised", "raised": [error], "message": f"{type}: {message}"}
    guessed = from_json(answer | {"origin": "search"}, path=PATH, class_name="Example", line=10)
    assert guessed.status == ("raised" if is_defect else "unknown")
    assert len(findings(guessed, DOCUMENT)) == is_defect
    said = from_json(answer | {"origin": "usage"}, path=PATH, class_name="Example", line=10)
    assert len(findings(said, DOCUMENT)) == 1


@pytest.mark.parametrize(
    "status", ["timeout", "memory", "crashed", "cancelled", "unknown", "no-keras", "refused"]
)
def test_what_could_not_be_checked_is_no_finding(status: str) -> None:
    assert of(failed("call", 18, status=status)) == []
    assert of(failed("import", 1)) == []


def test_what_was_measured_before_a_check_was_stopped_counts() -> None:
    answer = built([weight("kernel")], bagged("bag.first", 7)) | {"status": "timeout"}
    assert of(from_json(answer, path=PATH, class_name="Example", line=10)) == [(7, "KS802")]


def test_a_range_is_the_code_of_its_line() -> None:
    assert DOCUMENT.text_of(line_range(DOCUMENT, 7)) == "self.first = keras.layers.Dense(4)"
    assert DOCUMENT.text_of(line_range(DOCUMENT, 999)) == ""


# --- with the analysis, and as set ---


def shown(code: str, read: Report, settings: Settings | None = None) -> list[tuple[int, str]]:
    project = Project(None)
    project.open(Document.from_text(PATH, code, 1))
    checker = Checker(project, settings or Settings(keras="3"))
    found, _ = combined(checker, PATH, checker.check(PATH), [read])
    return [(each.range.start.line + 1, each.code) for each in found if each.severity != "information"]


def test_settings_and_comments_hold_for_what_is_measured() -> None:
    read = example(layer("gate", created=frame(14), weights=[weight("gate.kernel", gradient=False)]))
    assert (14, "KS804") in shown(CODE, read)
    assert (14, "KS804") not in shown(CODE, read, Settings(keras="3", ignore=("KS8",)))
    assert (14, "KS804") not in shown(CODE, read, Settings(keras="3", severity={"KS804": "off"}))
    line = 'self.gate = keras.layers.Dense(1, activation="softmax")'
    for comment in ("# kerascope: ignore[KS804]", "# noqa: KS804", "# kerascope: ignore"):
        quiet = CODE.replace(line, f"{line}  {comment}")
        assert not {(14, "KS804"), (14, "KS901")} & set(shown(quiet, read)), comment


def test_one_line_has_one_finding_of_a_code_however_many_checks_saw_it() -> None:
    read = example(layer("gate", created=frame(14), weights=[weight("gate.kernel", gradient=False)]))
    project = Project(None)
    project.open(DOCUMENT)
    checker = Checker(project, Settings(keras="3"))
    found, _ = combined(checker, PATH, (), [read, read])
    assert [each.code for each in found] == ["KS804"]
