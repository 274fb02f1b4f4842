"""What a build check found: the worker's answer as values. `None` is "was not measured" throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kerascope.probe.request import LeftOut, Origin


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
    its own flag; `trained`: in `trainable_weights`. `watched`: the call used it (TensorFlow). `exists_after`:
    the first stage after which it is there. `gradient`: got one on the second step. `effect`: overwriting it
    changes the output. `saved`: comes back by save and load into a fresh instance.
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
    weights: tuple[Weight, ...] = ()
    children: tuple[Node, ...] = ()


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
