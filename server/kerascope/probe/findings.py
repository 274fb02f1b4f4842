"""From what a build check measured to findings on lines of the file: KS801 to KS808.

Nothing is said about what was not measured, and what one line causes is one finding, however many weights it
costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kerascope.check import Checker
from kerascope.probe import verdicts
from kerascope.probe.report import Frame, Node, Raised, Report, Weight, counted, essence
from kerascope.rules import rule_of
from kerascope.rules.rule import Finding, FindingRelated, Severity
from kerascope.source.cutting import comments
from kerascope.source.document import Document
from kerascope.source.position import Position, Range
from kerascope.source.suppression import suppressions

MOST_RELATED = 5


def findings(report: Report, document: Document) -> tuple[Finding, ...]:
    """The findings of one report, in order of place. `document` is the text that was checked."""
    if report.path != document.path:
        return ()
    return tuple(sorted(_Findings(report, document).all(), key=lambda found: (found.range, found.code)))


def combined(
    checker: Checker, path: str, static: Sequence[Finding], reports: Sequence[Report]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What to show of a file that was checked in both ways, suppressions and settings applied; and lines for
    the log about findings of the analysis that are withdrawn. `reports` speak of the file's present text."""
    document = checker.project.document(path)
    if document is None or not reports:
        return tuple(static), ()
    kept, log = verdicts.judged(static, reports, document)
    raw = _once([found for report in reports for found in findings(report, document)])
    # What KS201 and KS203 said already, with the advice that a fix is made of.
    said = {found.code for found in kept if found.message.endswith(verdicts.CONFIRMED)}
    if said & {"KS201", "KS203"}:
        raw = [found for found in raw if found.code != "KS808"]
    # A comment that suppresses something measured isn't unused.
    needed = [
        comment.range
        for comment in suppressions(document)
        if any(comment.suppresses(found.code, found.range.start.line) for found in raw)
    ]
    kept = tuple(found for found in kept if found.code != "KS901" or found.range not in needed)
    shown = [*kept, *checker.finished(document, raw)]
    return tuple(sorted(shown, key=lambda found: (found.range, found.code))), log


def _once(found: Iterable[Finding]) -> list[Finding]:
    """Of findings with one code on one line (of an outer layer's check and an inner one's, or of two
    generations) the first."""
    kept: dict[tuple[str, int], Finding] = {}
    for finding in found:
        known = kept.setdefault((finding.code, finding.range.start.line), finding)
        more = tuple(each for each in finding.generations if each not in known.generations)
        if more:
            kept[finding.code, finding.range.start.line] = replace(
                known, generations=(*known.generations, *more)
            )
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class _Group:
    """Weights that share one cause: all of a sublayer's, or some that a layer owns itself.

    `node` is the outermost layer of which no weight is in order; None for variables that nothing holds.
    """

    node: Node | None
    weights: tuple[Weight, ...]
    whole: bool
    """Whether it is `node` as a whole, and not only weights of its own."""

    @property
    def place(self) -> Frame | None:
        """The line that made the layer, else the (first) weight."""
        weight = self.weights[0]
        made = self.node.created if self.node is not None and self.whole else None
        return made or (weight.held if self.whole else None) or weight.created or weight.held

    @property
    def holder(self) -> str:
        """What holds it: groups in one container or one helper object belong together."""
        if self.node is None or not self.whole:
            return ""
        path = self.node.path
        container = _INDICES.sub("", path)
        if self.node.through:
            return _INDICES.sub("", container.rpartition(".")[0]) or path
        return container if container != path else ""


class _Findings:
    """One report on its way to findings."""

    def __init__(self, report: Report, document: Document) -> None:
        self.report = report
        self.document = document

    def all(self) -> Iterator[Finding]:
        report = self.report
        yield from self._failures()
        if not report.called:
            return
        anew = {_line(weight.created) for weight in report.new_every_call}
        yield from self._new_every_call()
        lost = [
            group
            for group in self._groups(
                lambda weight: weight.trainable, lambda weight: weight.lost, lambda node: not node.tracked
            )
            if not any(_line(weight.created) in anew for weight in group.weights)
        ]
        yield from (self._untracked(groups) for groups in _merged(lost))
        yield from self._unbuilt()
        yield from self._no_gradient()
        yield from self._not_restored(bool(lost))
        yield from self._no_effect()
        yield from self._not_built_by_build()

    # --- KS801 ---

    def _failures(self) -> Iterator[Finding]:
        report = self.report
        for raised in report.raised:
            if report.status == "raised":
                wrong = raised.stage in ("construct", "call")
            else:
                # What code of the user's raises on purpose may ask for more than the check gives.
                refused = not raised.frames or raised.frames[-1].text.startswith(("assert ", "raise "))
                wrong = report.status == "built" and raised.stage in ("again", "gradients") and not refused
            if wrong:
                yield self._failure(raised)
                return

    def _failure(self, raised: Raised) -> Finding:
        own = [frame for frame in raised.frames if frame.path == self.report.path]
        name = self.report.class_name
        what = {
            "construct": f"Making {name}" + (f" with ({self.report.init})" if self.report.init else ""),
            "call": f"Calling {name}" + (f" on {self.report.inputs}" if self.report.inputs else ""),
            "gradients": f"Calling {name} with training=True",
        }.get(raised.stage, f"The second call of {name}")
        place = own[-1] if own else None
        others = [frame for frame in reversed(raised.frames) if frame is not place]
        text = essence(raised.message) or (f"`{place.text}`" if place is not None and place.text else "")
        message = f"{what} raises {raised.type}" + (f": {text}" if text else "")
        return self._finding(
            "KS801",
            place,
            f"{message}.",
            [
                (frame, f"called here, in {frame.function}" if frame.function else "called here")
                for frame in others
            ],
        )

    # --- KS802 ---

    def _untracked(self, groups: Sequence[_Group]) -> Finding:
        name = self.report.class_name
        weights = [weight for group in groups for weight in group.weights]
        first, them = groups[0], _them(weights)
        loss = f"so training never changes {them}"
        if all(weight.saved is False for weight in weights):
            loss += f", and saving loses {them}"
        if first.node is not None and first.whole:
            several = bool(groups[1:])
            who, used = self._layers(groups), f"the call uses {_its(weights, several)}"
            it, layers = ("them", "layers") if several else ("it", "layer")
            advice = f"Keras doesn't know the {layers}"
            if first.node.through:
                advice = f"{_capital(first.node.through)} holds {it}, where Keras doesn't look"
            to = "attributes" if several else "an attribute"
            advice += f": assign {it} to {to} of the layer that uses {it}"
        elif first.node is not None:
            who, used = self._own(first), f"the call uses {them}"
            raw = any(weight.raw for weight in weights)
            advice = "Make it with `self.add_weight(…)`" if raw else "Assign it to an attribute of the layer"
        else:
            who = f"{_capital(_some(weights, 'variable'))} of shape {_shape(weights[0])}"
            if weights[1:]:
                who = f"{counted(len(weights), 'variable')} ({_parameters(weights)})"
            used = f"the call uses {them}"
            advice = f"No attribute leads to {them}: keep the layer that owns {them} in an attribute"
        verb = "are" if groups[1:] or (len(weights) > 1 and not first.whole) else "is"
        return self._finding(
            "KS802",
            first.place,
            f"{who} {verb} not tracked: {used}, but `{name}.trainable_weights` doesn't hold {them}, {loss}. "
            f"{advice}.",
            self._also(groups[1:]),
        )

    # --- KS803 ---

    def _unbuilt(self) -> Iterator[Finding]:
        by_line: dict[object, list[Node]] = {}
        for node in self.report.unbuilt:
            by_line.setdefault((_line(node.created), node.class_name), []).append(node)
        for nodes in by_line.values():
            several = len(nodes) > 1
            why = "it was called, and left so"
            if nodes[0].called is not True:
                why = "that call didn't call " + ("them" if several else "it")
            refusal = ""
            if "weights" in self.report.not_measured and any(node.children for node in nodes):
                refusal = f", and listing those of `{self.report.class_name}` raises, as `fit` does"
            yield self._finding(
                "KS803",
                nodes[0].created,
                f"{self._nodes(nodes)} {'are' if several else 'is'} still not built after a call of "
                f"`{self.report.class_name}`: {why}, so {'they have' if several else 'it has'} no weights"
                f"{refusal}.",
            )

    # --- KS804 ---

    def _no_gradient(self) -> Iterator[Finding]:
        groups = self._groups(
            lambda weight: weight.trained and weight.gradient is not None,
            lambda weight: weight.gradient is False,
        )
        for same in _merged(groups):
            weights = [weight for group in same for weight in group.weights]
            whole = same[0].node is not None and same[0].whole
            who = self._layers(same) if whole else self._own(same[0])
            if whole:
                who = f"{'A weight' if not weights[1:] else counted(len(weights), 'weight')} of {who}"
            yield self._finding(
                "KS804",
                same[0].place,
                f"{who} {'get' if weights[1:] else 'gets'} no gradient, so training never changes "
                f"{_them(weights)}. {self._why_no_gradient(weights)}.",
                self._also(same[1:]),
            )

    def _why_no_gradient(self, weights: Sequence[Weight]) -> str:
        them = _them(weights)
        if self._made_twice(weights):
            return f"`build` ran twice: the call uses what the second one made, and never {them}"
        if "tf.function" in self.document.text and all(weight.effect is False for weight in weights):
            return f"The call doesn't read {them}: a `tf.function` may hold {them} as constants"
        if all(weight.watched is False for weight in weights):
            return f"The call doesn't use {them}"
        if any(weight.effect for weight in weights):
            return f"The call uses {them}, but where no gradient passes (rounding, NumPy, `stop_gradient`)"
        return f"The output doesn't depend on {them}"

    def _made_twice(self, weights: Sequence[Weight]) -> bool:
        """Whether the same line made other weights of the same shape, which are used."""
        used = {(_line(each.created), each.shape) for each in self.report.weights if each.effect}
        return all(
            each.effect is False and each.created is not None and (_line(each.created), each.shape) in used
            for each in weights
        )

    # --- KS805 ---

    def _new_every_call(self) -> Iterator[Finding]:
        by_line: dict[object, list[Weight]] = {}
        for weight in self.report.new_every_call:
            by_line.setdefault(_line(weight.held or weight.created), []).append(weight)
        for made in by_line.values():
            weights = [weight for weight in made if not weight.seed]
            if not weights:
                on_tensorflow = self.report.versions.get("backend") == "tensorflow"
                fails = ", and `fit` raises ValueError" if on_tensorflow else ""
                yield self._finding(
                    "KS805",
                    made[0].held or made[0].created,
                    f"Every call of `{self.report.class_name}` makes a new layer with a random seed here: "
                    f"the random numbers start anew each time{fails}. Make the layer once, in `__init__` or "
                    "`build`.",
                )
                continue
            yield self._finding(
                "KS805",
                weights[0].held or weights[0].created,
                f"Every call of `{self.report.class_name}` makes {_some(weights, 'new weight')} here: "
                f"{'they start' if weights[1:] else 'it starts'} anew each time, so that nothing is learnt. "
                f"Make {_them(weights)} once, in `__init__` or `build`.",
            )

    # --- KS806 ---

    def _not_restored(self, lost: bool) -> Iterator[Finding]:
        ways = [name for name, same in self.report.restored.items() if same is False]
        if not ways:
            return
        how = " and ".join(_WAYS.get(name, name) for name in ways)
        groups = self._groups(
            lambda weight: not weight.lost and weight.saved is not None and weight.effect is not False,
            lambda weight: weight.saved is False,
        )
        for same in _merged(groups):
            weights = [weight for group in same for weight in group.weights]
            whole = same[0].node is not None and same[0].whole
            who = self._own(same[0])
            if whole:
                total = counted(len(weights), "weight")
                who = (
                    f"The {total} of {self._layers(same)}"
                    if weights[1:]
                    else f"The weight of {self._layers(same)}"
                )
            yield self._finding(
                "KS806",
                same[0].place,
                f"{who} {'are' if weights[1:] else 'is'} not restored by {how}: "
                f"a fresh `{self.report.class_name}` that loads what was saved gives other outputs.",
                self._also(same[1:]),
            )
        # What a graph holds as constants comes back, and isn't read.
        unread = any(weight.gradient is False and weight.effect is False for weight in self.report.weights)
        if groups or lost or (unread and "tf.function" in self.document.text):
            return
        name = self.report.class_name
        # A way that has a reason, too, raised.
        refused = [(way, why) for way in ways if (why := self.report.not_measured.get(way))]
        if refused:
            way, why = refused[0]
            hint = ""
            if self.report.generation == 2 and _BUILT_TWICE.search(why):
                hint = " Loading calls `build` by hand: end it with `self.built = True`, or it runs twice."
            yield self._finding(
                "KS806",
                None,
                f"What {_WAYS.get(way, way)} saved of `{name}` can't be loaded again: {essence(why)}.{hint}",
            )
        if len(refused) < len(ways):
            yield self._finding(
                "KS806",
                None,
                f"A fresh `{name}` that loads what {how} saved gives other outputs, though its weights come "
                "back: something else differs between instances, like a random tensor. Make it a weight "
                "(`trainable=False` if it must not train).",
            )

    # --- KS807 ---

    def _no_effect(self) -> Iterator[Finding]:
        groups = self._groups(
            lambda weight: weight.trained and weight.effect is not None,
            # One without a gradient has been reported for that.
            lambda weight: weight.effect is False and weight.gradient is not False,
        )
        for same in _merged([group for group in groups if not self._cancels_out(group)]):
            weights = [weight for group in same for weight in group.weights]
            whole = same[0].node is not None and same[0].whole
            who = self._layers(same) if whole else self._own(same[0])
            what = _its(weights, len(same) > 1) if whole else _them(weights)
            guessed = self.report.origin == "search"
            doubt = "Is there a product with zero, or a softmax over one unit?"
            if guessed:
                doubt = f"These inputs were found by trying ({self.report.inputs}): with others it may."
            have = "have" if len(same) > 1 or (not whole and weights[1:]) else "has"
            yield self._finding(
                "KS807",
                same[0].place,
                f"{who} {have} no effect: overwriting {what} doesn't change what `{self.report.class_name}` "
                f"gives. {doubt}",
                self._also(same[1:]),
                severity="information" if guessed else None,
            )

    def _cancels_out(self, group: _Group) -> bool:
        """Whether arithmetic may well take away the effect of these on purpose: the bias of an attention's
        key, or one before a normalisation, beside a kernel that has an effect."""
        if group.whole or group.node is None:
            return False
        others = any(weight.effect for weight in group.node.weights)
        return others and (bool(group.node.library) or all(len(weight.shape) < 2 for weight in group.weights))

    # --- KS808 ---

    def _not_built_by_build(self) -> Iterator[Finding]:
        built, called = self.report.counts.get("build"), self.report.counts.get("call")
        if built is None or called is None or built.weights >= called.weights:
            return
        late = [weight for weight in self.report.weights if weight.tracked and weight.exists_after == "call"]
        tops = list(dict.fromkeys(_top(weight.path) for weight in late if "." in weight.path))
        missing = f" of {_listed(tops)}" if tops else ""
        yield self._finding(
            "KS808",
            None,
            f"`build(shape)` of `{self.report.class_name}` makes {counted(built.weights, 'weight')}, a call "
            f"{called.weights:,}: the weights{missing} only exist after a call.",
        )

    # --- groups of weights ---

    def _groups(
        self,
        counts: Callable[[Weight], bool],
        wrong: Callable[[Weight], bool],
        whole: Callable[[Node], bool] = lambda node: True,
    ) -> list[_Group]:
        """The outermost layers (of those that `whole` allows) of which all weights that count are wrong, else
        the single wrong weights."""
        found: list[_Group] = []
        if self.report.tree is not None:
            self._collect(self.report.tree, counts, wrong, whole, found)
        loose = [weight for weight in self.report.loose if counts(weight) and wrong(weight)]
        by_line: dict[object, list[Weight]] = {}
        for weight in loose:
            by_line.setdefault(_line(weight.held or weight.created), []).append(weight)
        return [*found, *(_Group(None, tuple(weights), False) for weights in by_line.values())]

    def _collect(
        self,
        node: Node,
        counts: Callable[[Weight], bool],
        wrong: Callable[[Weight], bool],
        whole: Callable[[Node], bool],
        found: list[_Group],
    ) -> None:
        below = [weight for each in node.walk() for weight in each.weights if counts(weight)]
        bad = [weight for weight in below if wrong(weight)]
        if not bad:
            return
        if node.path and len(bad) == len(below) and whole(node):
            found.append(_Group(node, tuple(bad), True))
            return
        own: dict[object, list[Weight]] = {}
        for weight in node.weights:
            if counts(weight) and wrong(weight):
                own.setdefault(_line(weight.created), []).append(weight)
        found.extend(_Group(node, tuple(weights), False) for weights in own.values())
        for child in node.children:
            self._collect(child, counts, wrong, whole, found)

    # --- words ---

    def _layers(self, groups: Sequence[_Group]) -> str:
        return self._nodes([group.node for group in groups if group.node is not None])

    def _nodes(self, nodes: Sequence[Node]) -> str:
        """ "`self.dense` (Dense)", "12 layers in `self.bag`"."""
        if len(nodes) == 1:
            return f"`self.{nodes[0].path}` ({nodes[0].class_name})"
        tops = {re.split(r"[\[.]", node.path, maxsplit=1)[0] for node in nodes}
        if len(tops) == 1:
            return f"{len(nodes)} layers in `self.{next(iter(tops))}`"
        return f"{len(nodes)} layers (`self.{nodes[0].path}` and others)"

    def _own(self, group: _Group) -> str:
        """Single weights of a layer: "the weight `self.dense.kernel` (4, 4)"."""
        first, *rest = group.weights
        last = first.path.rpartition(".")[2]
        # A weight that no attribute holds has its name for a path.
        made = first.created.text if first.created is not None else last
        library = group.node is not None and bool(group.node.library)
        held = library or re.search(rf"\b{re.escape(last)}\b", made) is not None
        name = f"`self.{first.path}`" if first.path and held else f"the weight `{first.name}`"
        if rest:
            return f"{name} and {counted(len(rest), 'other weight')}"
        return f"{name} {_shape(first)}"

    # --- places ---

    def _also(self, groups: Iterable[_Group]) -> Iterator[tuple[Frame | None, str]]:
        """The lines that made more of the same."""
        return ((group.place, f"{self._layers([group])} is made here") for group in groups if group.node)

    def _finding(
        self,
        code: str,
        place: Frame | None,
        message: str,
        related: Iterable[tuple[Frame | None, str]] = (),
        severity: Severity | None = None,
    ) -> Finding:
        rule = rule_of(code)
        assert rule is not None
        generation = self.report.generation or 3
        here = place if place is not None and place.path == self.report.path else None
        places: list[tuple[Frame | None, str]] = list(related)
        if place is not None and here is None:
            places.insert(0, (place, "made here"))
        seen: set[tuple[str, Range]] = set()
        shown: list[FindingRelated] = []
        where = self._class_range() if here is None else line_range(self.document, here.line)
        for frame, text in places:
            if frame is None or len(shown) == MOST_RELATED:
                continue
            found = self._range_of(frame)
            if (frame.path, found) not in seen and (frame.path, found) != (self.document.path, where):
                seen.add((frame.path, found))
                shown.append(FindingRelated(frame.path, found, text))
        message = re.sub(r"([.!?…])\.$", r"\1", " ".join(message.split()))
        return Finding(
            self.document.path,
            where,
            code,
            rule.name,
            severity or rule.severity[generation],
            _capital(message),
            (generation,),
            tuple(shown),
        )

    def _class_range(self) -> Range:
        """The name of the class."""
        line = self.report.line - 1
        found = re.search(
            rf"\b{re.escape(self.report.class_name.rpartition('.')[2])}\b", self.document.line(line)
        )
        if found is None:
            return line_range(self.document, self.report.line)
        return Range(Position(line, found.start()), Position(line, found.end()))

    def _range_of(self, frame: Frame) -> Range:
        if frame.path == self.document.path:
            return line_range(self.document, frame.line)
        return Range(Position(frame.line - 1, 0), Position(frame.line - 1, max(len(frame.text), 1)))


_INDICES = re.compile(r"(\[[^\[\]]*\])+$")
_BUILT_TWICE = re.compile(r"expected \d+ variables?, but received \d+")
_WAYS = {"weights-file": "`save_weights` and `load_weights`", "model-file": "the `.keras` format"}


def line_range(document: Document, number: int) -> Range:
    """The code on a line (counted from 1), without its indentation and its comment."""
    text = document.line(number - 1)
    code = text
    for comment in comments(text.strip()):
        if comment.line == 0:
            code = text[: len(text) - len(text.lstrip()) + comment.column]
    start, end = len(code) - len(code.lstrip()), len(code.rstrip())
    return Range(Position(number - 1, min(start, end)), Position(number - 1, end))


def _merged(groups: Sequence[_Group]) -> list[list[_Group]]:
    """Groups with one cause: made by one line, or held by one container or helper."""
    causes: dict[object, list[_Group]] = {}
    for index, group in enumerate(groups):
        key: object = group.holder or (_line(group.place) if group.whole else None) or index
        causes.setdefault(key, []).append(group)
    return list(causes.values())


def _line(frame: Frame | None) -> tuple[str, int] | None:
    return (frame.path, frame.line) if frame is not None else None


def _top(path: str) -> str:
    return "self." + re.split(r"[\[.]", path, maxsplit=1)[0]


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _its(weights: Sequence[Weight], several: bool = False) -> str:
    """ "its 2 weights (20 parameters)"; of several layers "their …"."""
    return f"{'their' if several else 'its'} {counted(len(weights), 'weight')} ({_parameters(weights)})"


def _parameters(weights: Sequence[Weight]) -> str:
    return counted(sum(weight.parameters for weight in weights), "parameter")


def _some(weights: Sequence[Weight], what: str) -> str:
    return f"a {what}" if len(weights) == 1 else counted(len(weights), what)


def _them(weights: Sequence[Weight]) -> str:
    return "them" if len(weights) > 1 else "it"


def _shape(weight: Weight) -> str:
    sizes = ", ".join("None" if size is None else str(size) for size in weight.shape)
    return f"({sizes},)" if len(weight.shape) == 1 else f"({sizes})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
