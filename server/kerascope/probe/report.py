"""What a build check found: the worker's answer as values. `None` is "was not measured" throughout."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args

from kerascope.probe.request import LeftOut, Origin
from kerascope.project.catalogue import Generation, catalogue


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of the user's code. Lines count from 1."""

    path: str
    line: int
    function: str = ""
    text: str = ""


Stage = Literal[
    "start",  # the interpreter, and the import of Keras
    "import",  # the slice
    "construct",
    "call",  # the first call
    "build",  # build(shape) on a fresh instance
    "functional",  # in a functional model, before it runs
    "gradients",  # second step
    "again",  # the second call
    "weights",  # listing the weights after a call
    "effect",  # overwriting each weight
    "weights-file",  # save_weights and load_weights into a fresh instance
    "model-file",  # .keras round trip
]


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception: `frames` are the user's, outermost first; `message` is the exception's own text."""

    stage: Stage
    type: str
    message: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable that the layer owns or uses.

    `path`: attributes from the layer to it ("blocks[0].dense.kernel"); "" if it was only seen on the tape.
    `owner`: class of the layer or object that holds it. `tracked`: Keras knows it (`weights`); `trainable`:
    its own flag, unless its layer is frozen; `trained`: in `trainable_weights`. `watched`: the call used it
    (TensorFlow). `exists_after`: the first stage after which it is there. `gradient`: got one on the second
    step. `effect`: overwriting it changes the output. `saved`: comes back by save and load into a fresh
    instance.
    `created`: the user's line that was running when the variable came to be; `held`: the line that made the
    layer or object that owns it. `raw`: a backend variable that is not a Keras variable.
    """

    path: str
    name: str
    owner: str
    shape: tuple[int | None, ...]
    dtype: str
    parameters: int
    trainable: bool
    tracked: bool
    trained: bool
    exists_after: Literal["init", "build", "call"]
    raw: bool = False
    watched: bool | None = None
    gradient: bool | None = None
    effect: bool | None = None
    saved: bool | None = None
    created: Frame | None = None
    held: Frame | None = None

    @property
    def seed(self) -> bool:
        """Whether it is no weight but the state of Keras 3's random numbers."""
        return not self.trainable and self.name == "seed_generator_state"

    @property
    def lost(self) -> bool:
        """Whether the call used this variable although Keras neither knows nor trains it."""
        used = self.watched if self.watched is not None else self.effect
        return self.trainable and not self.tracked and not self.trained and used is True


@dataclass(frozen=True, slots=True)
class Node:
    """A layer in the tree: the checked one, a sublayer, or a layer that is reachable but unknown to Keras.

    `path` "" is the checked layer itself. `through`: for one that Keras doesn't know, what holds it ("a
    helper object of class Bag", "a list in a dict"). `weights`: only its own, not those of children.
    """

    path: str
    class_name: str
    built: bool
    tracked: bool
    called: bool | None = None
    created: Frame | None = None
    through: str = ""
    library: str = ""
    """The package that defines the class, if it isn't the user's code: "keras", "keras_hub"."""
    weights: tuple[Weight, ...] = ()
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This layer and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Count:
    """How many weights and parameters Keras reports at one moment."""

    weights: int
    trainable: int
    parameters: int


Status = Literal[
    "built",
    "raised",  # construction or the first call raised, and the way to build was the user's own
    "unknown",  # no way to build it was found: `missing` says what is needed
    "timeout",
    "memory",
    "crashed",
    "cancelled",
    "no-keras",  # the interpreter doesn't start, has no Keras, or a broken one
    "refused",  # not run at all: an untrusted workspace, switched off, text that can't be parsed
]


@dataclass(frozen=True, slots=True)
class Report:
    """One build check of one class. What was measured before a crash or a limit is there all the same."""

    path: str
    class_name: str
    line: int
    """Of the class's name, counted from 1."""
    status: Status
    message: str = ""
    """For every status but "built": one or two sentences of what happened and what to do."""
    origin: Origin | None = None
    how: str = ""
    """The way that was used, as a sentence: "as line 31 makes and calls it"."""
    init: str = ""
    """The constructor's arguments as text."""
    inputs: str = ""
    """The exact inputs: "float32 (2, 5)", "query=float32 (2, 3, 8), value=…"."""
    missing: str = ""
    """What the user should write: a comment with blanks, "# kerascope: build(units=…) on (None, …)"."""
    tree: Node | None = None
    loose: tuple[Weight, ...] = ()
    """Variables that the call used and that no path from the layer leads to."""
    counts: Mapping[str, Count] = field(default_factory=dict)
    """By "init", "build", "functional", "call"."""
    new_every_call: tuple[Weight, ...] = ()
    """Variables that the second call created anew."""
    restored: Mapping[str, bool | None] = field(default_factory=dict)
    """By "weights-file", "model-file": whether a fresh instance that loads gives the same outputs."""
    running: tuple[Frame, ...] = ()
    """Where a check that was stopped was: the user's lines, outermost first."""
    raised: tuple[Raised, ...] = ()
    """By stage; one in a later stage than "call" doesn't change the status."""
    warnings: tuple[str, ...] = ()
    """What Keras itself warned of, once each."""
    not_measured: Mapping[str, str] = field(default_factory=dict)
    """Stage → why."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """"python", "keras", "tf_keras", "tensorflow", "jax", "torch", "backend", "generation"."""
    seconds: float = 0.0
    """From request to answer, without the start of the worker."""
    start_seconds: float = 0.0
    """What starting the worker took; 0 if it was warm."""
    output: str = ""
    """What the code printed, cut at the limit."""
    left_out: tuple[LeftOut, ...] = ()
    digest: str = ""
    """Of what was run: the report speaks of a class for as long as it stays the same."""

    @property
    def generation(self) -> Generation | None:
        """The Keras generation that was run; None if none was."""
        named = self.versions.get("generation") or self.versions.get("keras", "").partition(".")[0]
        return 2 if named == "2" else 3 if named == "3" else None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every layer in the tree, outer before inner."""
        return tuple(self.tree.walk()) if self.tree is not None else ()

    @property
    def weights(self) -> tuple[Weight, ...]:
        """Every variable that the layer owns or uses."""
        return (*(weight for node in self.nodes for weight in node.weights), *self.loose)

    @property
    def unbuilt(self) -> tuple[Node, ...]:
        """The sublayers that Keras tracks and that the call left unbuilt, without those inside of them and
        those that never have weights."""
        return tuple(_unbuilt(self.tree, self.generation or 3)) if self.tree is not None else ()

    @property
    def called(self) -> bool:
        """Whether the layer was made and called, so that there are measurements, perhaps not all."""
        return self.tree is not None and self.failure is None and self.status not in ("raised", "unknown")

    @property
    def failure(self) -> Raised | None:
        """What stopped the layer from being made or called."""
        return next((each for each in self.raised if each.stage in FATAL), None)

    @property
    def summary(self) -> str:
        """One line: "2 weights · 18 parameters · all tracked"."""
        if self.status != "built":
            return _why_not_built(self)
        weights = self.weights
        if not weights:
            return "no weights"
        facts = [*_losses(self, weights)][:2]
        if not facts:
            parameters = sum(weight.parameters for weight in weights)
            facts = [counted(parameters, "parameter"), "all tracked"]
            if all(weight.tracked for weight in weights):
                return " · ".join([counted(len(weights), "weight"), *facts])
            known = [weight for weight in weights if weight.tracked]
            facts[0] = counted(sum(weight.parameters for weight in known), "parameter")
            return " · ".join([counted(len(known), "weight"), facts[0], "all that train are tracked"])
        return " · ".join(facts)


FATAL: tuple[Stage, ...] = ("start", "import", "construct", "call")
"""The stages without which there is nothing to measure."""


def counted(number: int, word: str) -> str:
    """ "1 weight", "12,345 parameters"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_WRAPPED = re.compile(r"\A\s*Exception encountered when calling [^\n]*\n+")
_ARGUMENTS = re.compile(r"(?:\A|\s*\n)\s*(?:Call a|A)rguments received by [\s\S]*\Z")
_NODES = re.compile(r"\{\{[^{}]*\}\}\s*")


def essence(message: str, longest: int = 240) -> str:
    """An exception's own text in one line, without what Keras puts around it."""
    text = _ESCAPES.sub("", message)
    while (shorter := _WRAPPED.sub("", text)) != text:
        text = shorter
    text = " ".join(_NODES.sub("", _ARGUMENTS.sub("", text)).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _losses(report: Report, weights: Sequence[Weight]) -> Iterator[str]:
    """What is wrong with a layer that could be built, the worst first."""
    total = len(weights)
    if report.new_every_call:
        what = "random seed" if all(weight.seed for weight in report.new_every_call) else "weight"
        yield f"{counted(len(report.new_every_call), f'new {what}')} in every call"
    if lost := sum(weight.lost for weight in weights):
        yield f"{lost} of {counted(total, 'weight')} untracked"
    trained = [weight for weight in weights if weight.trained]
    if idle := sum(weight.gradient is False for weight in trained):
        yield f"no gradient for {idle} of {counted(len(trained), 'weight')}"
    if gone := sum(weight.saved is False and weight.tracked for weight in weights):
        yield f"{gone} of {counted(total, 'weight')} not saved"
    elif not lost and (ways := [way for way, same in report.restored.items() if same is False]):
        refused = all(report.not_measured.get(way) for way in ways)
        yield "can't be loaded" if refused else "other outputs after save and load"
    if unbuilt := len(report.unbuilt):
        yield f"{counted(unbuilt, 'sublayer')} not built"


def _unbuilt(node: Node, generation: Generation) -> Iterator[Node]:
    for child in node.children:
        # One that nothing calls may still be there to hold others, which are called.
        if child.built or any(each.built for each in child.walk()):
            yield from _unbuilt(child, generation)
        elif child.tracked and not _weightless(child, generation):
            yield child


def _weightless(node: Node, generation: Generation) -> bool:
    """Whether the class is one of Keras' that never owns a weight: Dropout, Flatten, a metric."""
    if node.library not in ("keras", "tf_keras"):
        return False
    known = catalogue(generation)
    found = known.get(f"keras.layers.{node.class_name}") or known.get(f"keras.metrics.{node.class_name}")
    return found is not None and (found.has_weights == "no" or found.kind == "metric")


def _why_not_built(report: Report) -> str:
    failure = report.failure
    frames = failure.frames if failure is not None else report.running
    line = next((f" on line {frame.line}" for frame in reversed(frames) if frame.path == report.path), "")
    if report.status == "raised" and failure is not None:
        return f"raised {failure.type}{line}"
    if report.status == "timeout":
        return f"stopped after {report.seconds:.0f} s{line.replace(' on ', ' in ')}"
    if report.status == "unknown":
        names = re.findall(r"(\w+)=…", report.missing.partition(" on ")[0])
        return f"needs arguments: {', '.join(names)}" if names else "needs to be told what to build it on"
    return {
        "raised": "raised",
        "memory": "stopped: out of memory",
        "crashed": "crashed",
        "cancelled": "cancelled",
        "no-keras": "no Keras to build it with",
        "refused": "not run",
    }[report.status]


# --- the worker's answer, which may be anything ---

_T = TypeVar("_T")


def from_json(answer: object, *, path: str, class_name: str, line: int, **known: Any) -> Report:
    """The report of a worker's answer. Whatever is missing, unknown or of a wrong kind is left at its
    default: the worker runs other people's code. `known`: further fields, which the answer doesn't change."""
    data = _object(answer)
    read: dict[str, Any] = {
        "status": _one_of(data.get("status"), Status, "crashed"),
        "origin": _one_of(data.get("origin"), Origin, None),
        "message": essence(_text(data.get("message")), 500),
        "how": _text(data.get("how")) or _how(data.get("recipe"), path),
        "init": _text(data.get("init")),
        "inputs": _text(data.get("inputs")),
        "missing": _text(data.get("missing")),
        "tree": _node(data.get("tree"), 0),
        "loose": _each(data.get("loose"), _weight),
        "counts": _by_name(data.get("counts"), _count),
        "new_every_call": _each(data.get("new_every_call"), _weight),
        "restored": {name: _flag(value) for name, value in _object(data.get("restored")).items()},
        "running": _each(data.get("frames"), _frame),
        "raised": _each(data.get("raised"), _raised),
        "warnings": _each(data.get("warnings"), _warning),
        "not_measured": _by_name(data.get("not_measured"), _text),
        "versions": _by_name(data.get("versions"), lambda value: _text(str(value)) if value else None),
        "seconds": _number(data.get("seconds")),
        "start_seconds": _number(data.get("start_seconds")),
        "output": _text(data.get("output")),
    }
    report = Report(path=path, class_name=class_name, line=line, **{**read, **known})
    return report if report.status != "raised" or _is_defect(report) else _not_found(report)


def to_json(value: Any) -> Any:
    """A report as JSON: its fields by their names."""
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    fields = getattr(value, "__dataclass_fields__", None)
    return value if fields is None else {name: to_json(getattr(value, name)) for name in fields}


DEEPEST = 100
"""Layers in layers; what lies deeper is left out."""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _number(value: object) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9
    return float(value) if known else 0.0  # type: ignore[arg-type]


def _one_of(value: object, choices: Any, default: Any) -> Any:
    return value if value in get_args(choices) else default


def _each(value: object, read: Callable[[Any], _T | None]) -> tuple[_T, ...]:
    items = value if isinstance(value, list) else []
    return tuple(found for item in items if (found := read(item)) is not None)


def _by_name(value: object, read: Callable[[Any], _T | None]) -> dict[str, _T]:
    return {str(name): found for name, item in _object(value).items() if (found := read(item)) is not None}


# What no arguments and inputs would avoid. Anything else that a guess raises, the guess may be to blame for.
_DEFECTS = re.compile(
    r"add new elements of state|super\(\)\.__init__|must be passed as a keyword argument"
    r"|only supports singleton tf\.Variables"
)
_NO_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute")


def _is_defect(report: Report) -> bool:
    """Whether what was raised is the code's fault, and not that of arguments and inputs found by trying."""
    failure = report.failure
    if report.origin != "search" or failure is None or failure.stage not in ("construct", "call"):
        return True
    if not failure.frames or failure.frames[-1].text.startswith(("assert ", "raise ")):
        return False
    missing = _NO_ATTRIBUTE.match(essence(failure.message))
    if failure.type in ("NameError", "UnboundLocalError") or _DEFECTS.search(failure.message):
        return True
    return missing is not None and missing[1] == report.class_name.rpartition(".")[2]


def _not_found(report: Report) -> Report:
    """The report where only guesses were tried, and what they raised says nothing."""
    message = f"No way to make and call {report.class_name} was found; the last try: {report.message}"
    return replace(report, status="unknown", message=message)


_HOW = {
    "given": "as you said",
    "comment": "as the comment{line} says",
    "usage": "as{in_file}{line} makes and calls it",
    "outer": "as {class_name}{in_file}{line} makes and calls it",
    "search": "on arguments and inputs found by trying",
}


def _how(value: object, path: str) -> str:
    """How the layer was made, as a sentence's end."""
    recipe = _object(value)
    line, other = _whole(recipe.get("line")), _text(recipe.get("path"))
    place = f" line {line}" if line else " the file itself"
    in_file = ""
    if other and other != path:
        in_file = f" {other.replace(chr(92), '/').rpartition('/')[2]}"
        place = f":{line}" if line else ""
    origin = _text(recipe.get("origin"))
    if origin == "outer":
        place, in_file = (
            (f" ({in_file.strip()}{place})" if in_file else f" (line {line})") if line else "",
            "",
        )
    if origin == "comment":
        place = f" on line {line}" if line else " above the class"
    name = _text(recipe.get("class_name")) or "an outer layer"
    return _HOW.get(origin, "").format(line=place, in_file=in_file, class_name=name)


def _warning(value: object) -> str | None:
    # What Keras says of `build(shape)` on the fresh instance of the check itself, KS808 says better.
    return value if isinstance(value, str) and not value.startswith("`build()` was called on layer") else None


def _frame(value: object) -> Frame | None:
    data = _object(value)
    path, line = _text(data.get("path")), _whole(data.get("line"))
    if not path or line < 1:
        return None
    function = _text(data.get("function"))
    # A function of ours stands around code of the user's that is run in one.
    function = "" if function in ("<module>", "__kerascope__") else function
    return Frame(path, line, function, _text(data.get("text")))


def _raised(value: object) -> Raised | None:
    data = _object(value)
    stage = _one_of(data.get("stage"), Stage, None)
    if stage is None:
        return None
    frames = _each(data.get("frames"), _frame)
    return Raised(stage, _text(data.get("type")) or "an exception", _text(data.get("message")), frames)


def _count(value: object) -> Count | None:
    data = _object(value)
    if not data:
        return None
    return Count(*(max(_whole(data.get(name)), 0) for name in ("weights", "trainable", "parameters")))


def _weight(value: object) -> Weight | None:
    data = _object(value)
    if not data:
        return None
    shape = data.get("shape")
    sizes = shape if isinstance(shape, list) else []
    return Weight(
        path=_text(data.get("path")),
        name=_text(data.get("name")),
        owner=_text(data.get("owner")),
        shape=tuple(_whole(size) if size is not None else None for size in sizes),
        dtype=_text(data.get("dtype")),
        parameters=max(_whole(data.get("parameters")), 0),
        trainable=data.get("trainable") is True,
        tracked=data.get("tracked") is True,
        trained=data.get("trained") is True,
        exists_after=_one_of(data.get("exists_after"), Literal["init", "build"], "call"),
        raw=data.get("raw") is True,
        watched=_flag(data.get("watched")),
        gradient=_flag(data.get("gradient")),
        effect=_flag(data.get("effect")),
        saved=_flag(data.get("saved")),
        created=_frame(data.get("created")),
        held=_frame(data.get("held")),
    )


def _node(value: object, depth: int) -> Node | None:
    data = _object(value)
    if not data or depth > DEEPEST:
        return None
    return Node(
        path=_text(data.get("path")),
        class_name=_text(data.get("class_name")) or "Layer",
        built=data.get("built") is True,
        tracked=data.get("tracked") is True,
        called=_flag(data.get("called")),
        created=_frame(data.get("created")),
        through=_text(data.get("through")),
        library=_text(data.get("library")),
        weights=_each(data.get("weights"), _weight),
        children=_each(data.get("children"), lambda child: _node(child, depth + 1)),
    )
