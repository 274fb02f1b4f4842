"""Runs a layer class through its life, as Keras would: constructor, `build`, `call`; and scripts in their
order.

Results are kept until something that they read has changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from weakref import WeakKeyDictionary, WeakValueDictionary

from kerascope.failures import survived
from kerascope.project.catalogue import Generation, catalogue
from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library
from kerascope.project.module import Module
from kerascope.project.project import Project, Reads
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.classes import ClassIndex, dotted_name
from kerascope.tracking.events import Created
from kerascope.tracking.interpreter import Interpreter
from kerascope.tracking.machine import MAX_STEPS, Frame, OutOfSteps
from kerascope.tracking.objects import annotated_value, construct, library_init, outside_object, run_lambda
from kerascope.tracking.outcomes import Outcomes
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Container,
    Function,
    Layer,
    Plain,
    Tensor,
    Value,
    Weight,
    join,
    options,
)

AFTER_CALL = ("train_step", "test_step", "predict_step", "compute_loss")
"""Methods of a Model that run it, like `call`."""

LAYER_WORDS = ("Layer", "Model", "Sequential", "keras", "tensorflow", "tf.")
SCRIPT_WORDS = (
    "trainable_variables",
    "summary(",
    "count_params",
    ".build(",
    "apply_gradients",
    ".variables",
    "Checkpoint(",
    "PReLU(",
    "trainable",
    "Lambda(",
)
_ASKS_FOR_WEIGHTS = re.compile(r"[.\"'](?:\w+_)?weights\b")
"""A script without any of these has nothing to say, unless it defines layers or gives state to an object."""

_DEFINES_CLASS = re.compile(r"^[ \t]*class[ \t]+\w", re.M)

RUNS_KEPT = 250
"""How many runs are left by `Examiner.trim`."""

_GIVES_STATE = re.compile(
    r"""^[ \t]*(?!self\b|cls\b)(?:
        \w[\w.]*(?:\[[^\]\n]*\])?\.\w+(?:\[[^\]\n]*\])?\ *=\ *(?:[\[({].*?)?(?:\w+\.)*[A-Z]\w*\(
        | \w[\w.]*\.\w+\.(?:append|insert)\(.*?[A-Z]\w*\(
        | setattr\((?!self\b)
        | (?:\w[\w.]*\ *=\ *)?\w+\.
            (?:add_(?!argument|subplot|loss|metric|scalar)|(?:enable|replace|grow|attach|extend|insert)_?)\w*\(
    )""",
    re.M | re.X,
)
"""Code outside of layers that puts an object into another one's attribute or list, or lets it do so."""

_MAKES_CONSTANTS = re.compile(r"\.a?range\(")
_MAKES_NUMBERS = re.compile(r"\.(?:constant|ones|zeros|linspace|eye|one_hot|normal|uniform|randn?)\(")
"""What a layer may be called on while a functional model is made."""

MAX_SCRIPT_STEPS = 12_000
"""Expressions and statements evaluated for one function, or for a module's own code."""


@dataclass
class _Kept:
    definition: ClassDefinition
    run: LayerRun | None
    reads: Reads


@dataclass
class _KeptRuns:
    statements: tuple[Statement, ...]
    runs: tuple[LayerRun | ScriptRun, ...]
    reads: Reads


class Examiner:
    """Runs the classes and scripts of one project under one generation.

    `keras_version`: of the user's Keras, as far as it is known. Other Keras, another examiner.
    """

    def __init__(
        self, project: Project, generation: Generation, keras_version: tuple[int, ...] | None = None
    ) -> None:
        self.project = project
        self.generation: Generation = generation
        self.keras_version = keras_version
        self._layers: dict[tuple[str, str, int], _Kept] = {}
        self._scripts: dict[str, _KeptRuns] = {}
        self._by_function: dict[str, dict[Statement, _KeptRuns]] = {}
        self._local: WeakValueDictionary[int, LayerRun] = WeakValueDictionary()
        """The runs of classes that functions define, by their node's `id`."""
        self._under_way: set[tuple[str, str, int]] = set()
        self._outcomes = Outcomes(project, generation, self._interpreter)

    def _interpreter(self, classes: ClassIndex | None = None, max_steps: int = MAX_STEPS) -> Interpreter:
        return Interpreter(
            self.project, self.generation, classes, max_steps, self._outcomes, self.keras_version
        )

    def trim(self) -> None:
        """Keep only the latest runs of layer classes, which other classes may ask for soon."""
        self._scripts.clear()
        self._by_function.clear()
        for key in list(self._layers)[:-RUNS_KEPT]:
            del self._layers[key]

    # --- layer classes ---------------------------------------------------------------------------

    def run(self, definition: ClassDefinition) -> LayerRun | None:
        """The symbolic run of a class; None if it is no layer, as far as is known."""
        local = self._local.get(id(definition.node))
        if local is not None:
            return local
        key = _key(definition)
        kept = self._layers.get(key)
        if kept is not None and self.project.unchanged(kept.reads):
            self.project.note(kept.reads)
            if kept.definition == definition:
                if kept.run is not None:
                    kept.run.definition, kept.run.module = definition, definition.module
                return kept.run
        if key in self._under_way:
            return None
        self._under_way.add(key)
        try:
            with self.project.recording() as reads:
                made = self._examine(definition)
        finally:
            self._under_way.discard(key)
        if made is not None:
            made.reads = reads
        self._layers[key] = _Kept(definition, made, reads)
        return made

    def _examine(self, definition: ClassDefinition) -> LayerRun | None:
        classes = ClassIndex(self.project, catalogue(self.generation))
        facts = classes.facts(definition)
        if facts.layer is None:
            return None
        return self._live(self._interpreter(classes), definition)

    def _live(self, run: Interpreter, definition: ClassDefinition) -> LayerRun:
        facts = run.classes.facts(definition)
        assert facts.layer is not None
        site = Site(definition.module.path, definition.statement, definition.node)
        layer = Layer(definition, facts.layer, site, "module")
        frame = Frame(definition.module, definition.statement, ({},))
        spans = {"init": (0, 0), "build": (0, 0), "call": (0, 0)}
        first = len(run.events)
        try:
            self._construct(run, frame, layer, definition)
            spans["init"] = (first, len(run.events))
            # Where the constructor has run it, Keras 3 knows that the layer is built; Keras 2 runs it again.
            if self.generation == 2 or id(layer) not in run.built:
                self._method(run, frame, layer, "build", tensors=False)
            run.built.add(id(layer))
            spans["build"] = (spans["init"][1], len(run.events))
            for name in ("__call__", "call"):
                self._method(run, frame, layer, name, tensors=True)
            frame.phase = "call"
            for name in AFTER_CALL:
                self._method(run, frame, layer, name, tensors=True)
        except (OutOfSteps, RecursionError):
            run.complete = False
            run.journals.clear()
            spans["init"] = (first, spans["init"][1] or len(run.events))
            spans["build"] = (spans["init"][1], spans["build"][1] or len(run.events))
        spans["call"] = (spans["build"][1], len(run.events))
        return LayerRun(self, run, definition, facts, layer, spans)

    def _construct(self, run: Interpreter, frame: Frame, layer: Layer, definition: ClassDefinition) -> None:
        found = run.classes.find(definition, "__init__")
        facts = run.classes.facts(definition)
        generated = facts.dataclass and not (isinstance(found, tuple) and found[0] == definition)
        if (
            not generated
            and isinstance(found, tuple)
            and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef))
        ):
            method = run.method(found[0], found[1], found[2], layer)
            run.call_function(frame, definition.node, method, *self._parameters(run, frame, method, found[0]))
            return
        if found is None or isinstance(found, Library):
            if facts.dataclass:
                construct(run, frame, definition.node, layer, [], {})
                return
            assert layer.library is not None
            inner = Frame(
                definition.module, definition.statement, ({},), "__init__", definition, layer, layer, "init"
            )
            library_init(run, inner, definition.node, layer, layer.library, [], {})
            return
        construct(run, frame, definition.node, layer, [], {})

    def _parameters(
        self, run: Interpreter, frame: Frame, method: Function, owner: ClassDefinition
    ) -> tuple[list[Value], dict[str, Value]]:
        """Unknown values for a constructor's parameters, except what annotations and mutable defaults
        tell."""
        keywords: dict[str, Value] = {}
        arguments = method.node.args
        inner = Frame(owner.module, method.site.statement, (*method.closure, {}))
        for parameter in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs][1:]:
            given = annotated_value(run, inner, parameter.annotation)
            default = method.defaults.get(parameter.arg)
            if default is not None and given is UNKNOWN and _holds_state(default):
                given = join([default, UNKNOWN])
            keywords[parameter.arg] = given
        return [], keywords

    def _method(self, run: Interpreter, frame: Frame, layer: Layer, name: str, tensors: bool) -> None:
        """Run one of the class's own methods on tensors (or on unknown shapes)."""
        assert isinstance(layer.cls, ClassDefinition)
        found = run.classes.find(layer.cls, name)
        if not isinstance(found, tuple) or not isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        method = run.method(found[0], found[1], found[2], layer)
        arguments = found[2].args
        required = len(arguments.posonlyargs) + len(arguments.args) - 1 - len(arguments.defaults)
        values: list[Value] = [Tensor(phase="call") if tensors else UNKNOWN for _ in range(max(required, 0))]
        keywords: dict[str, Value] = {
            parameter.arg: UNKNOWN
            for parameter in [*arguments.posonlyargs, *arguments.args][1 + len(values) :]
            + arguments.kwonlyargs
        }
        if "staticmethod" in {ast.unparse(decorator) for decorator in found[2].decorator_list}:
            return
        run.call_function(frame, found[2], method, values, keywords)

    def layer_classes(self, module: Module) -> Iterator[ClassDefinition]:
        """The classes at module level (in `if` and `try` too) and inside classes, in order of the text."""
        for statement in module.document.statements:
            if statement.kind == "class":
                yield from self._class_pieces(module, statement)
            elif statement.kind == "other" and "class " in statement.text:
                for node in statement.nodes:
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.ClassDef):
                            yield ClassDefinition(module, statement, inner)

    def _class_pieces(self, module: Module, statement: Statement) -> Iterator[ClassDefinition]:
        for node in statement.nodes:
            if isinstance(node, ast.ClassDef):
                yield ClassDefinition(module, statement, node)
        for inner in statement.body:
            if inner.kind == "class":
                yield from self._class_pieces(module, inner)

    # --- scripts and functions -------------------------------------------------------------------

    def runs(self, module: Module) -> Iterator[LayerRun | ScriptRun]:
        """Everything in a module that rules look at: its layer classes, wherever they are defined, and its
        code outside of them."""
        layers: set[Statement] = set()
        for definition in self.layer_classes(module):
            if self._adds_nothing(definition):
                continue
            with survived(f"{definition.name} in {module.path}"):
                run = self.run(definition)
                if run is not None:
                    layers.add(definition.statement)
                    yield run
        functions = list(self._functions(module, layers))
        present = {statement for statement, _ in functions}
        kept = self._by_function.get(module.path, {})
        for gone in [statement for statement in kept if statement not in present]:
            del kept[gone]
        for statement, owner in functions:
            with survived(f"a function in {module.path}"):
                yield from self._function_runs(module, statement, owner)
        with survived(f"the code of {module.path}"):
            yield from self._module_script(module)

    def _adds_nothing(self, definition: ClassDefinition) -> bool:
        """Whether a class only names its one base anew: whatever is wrong with it is wrong with the base."""
        header = definition.node
        if len(header.bases) != 1 or header.keywords or header.body:
            return False
        body = definition.statement.body
        if any(piece.kind in ("function", "class") for piece in body):
            return False
        return all(
            isinstance(node, ast.Pass) or self._holds_no_layer(definition, getattr(node, "value", None))
            for piece in body
            for node in piece.nodes
        )

    def _holds_no_layer(self, definition: ClassDefinition, value: ast.expr | None) -> bool:
        """Whether a class attribute's value is a literal, or names a class or function."""
        if isinstance(value, ast.Constant):
            return True
        dotted = dotted_name(value) if value is not None else None
        found = self.project.resolve(definition.module, dotted) if dotted is not None else ()
        return bool(found) and all(
            isinstance(m, (ClassDefinition, FunctionDefinition, Library)) for m in found
        )

    def _functions(
        self, module: Module, layers: Set[Statement]
    ) -> Iterator[tuple[Statement, ClassDefinition | None]]:
        """The functions of a module and the methods of its classes that are no layers, where they may have
        something to say."""
        for statement in module.document.statements:
            if statement.kind == "function" and _speaks(statement):
                yield statement, None
            elif statement.kind == "class" and statement not in layers:
                header = next((node for node in statement.nodes if isinstance(node, ast.ClassDef)), None)
                measures = header is not None and _is_of_losses(header)
                pieces = [
                    piece
                    for piece in statement.body
                    if piece.kind == "function"
                    and (_speaks(piece) or (measures and piece.name in ("__init__", "update_state")))
                ]
                if pieces and header is not None:
                    definition = ClassDefinition(module, statement, header)
                    if self.run(definition) is None:
                        yield from ((piece, definition) for piece in pieces)

    def _function_runs(
        self, module: Module, statement: Statement, owner: ClassDefinition | None
    ) -> tuple[LayerRun | ScriptRun, ...]:
        kept = self._by_function.get(module.path, {}).get(statement)
        if kept is not None and self.project.unchanged(kept.reads):
            self.project.note(kept.reads)
            return kept.runs
        with self.project.recording() as reads:
            runs = tuple(
                run
                for node in statement.nodes
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                for run in self._run_function(module, statement, node, owner)
            )
        for run in runs:
            run.reads = reads
        self._by_function.setdefault(module.path, {})[statement] = _KeptRuns((statement,), runs, reads)
        return runs

    def _run_function(
        self,
        module: Module,
        statement: Statement,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        owner: ClassDefinition | None,
    ) -> Iterator[LayerRun | ScriptRun]:
        """A function run on unknown arguments, and the layer classes that it defines."""
        run = self._interpreter(max_steps=MAX_SCRIPT_STEPS)
        site = Site(module.path, statement, node)
        function = Function(node, site, module.path, owner=owner)
        frame = Frame(module, statement, ({},))
        try:
            if owner is not None:
                function.bound = self._bound(run, frame, owner, site)
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            annotated = {p.arg: annotated_value(run, frame, p.annotation) for p in parameters if p.annotation}
            run.call_function(frame, node, function, [], annotated, spread=True)
            _run_lambdas(run, frame)
        except (OutOfSteps, RecursionError):
            run.complete = False
            run.journals.clear()
        yield ScriptRun(self, run, module, (statement,))
        local = []
        for definition in run.local_classes:
            if run.classes.facts(definition).layer is not None:
                fresh = self._interpreter(run.classes)
                fresh.closures = run.closures
                fresh.global_values = run.global_values
                local.append(self._live(fresh, definition))
                self._local[id(definition.node)] = local[-1]
        yield from local

    def _bound(self, run: Interpreter, frame: Frame, owner: ClassDefinition, site: Site) -> Plain:
        """The `self` of a method. Nothing is known of it but the class, since its attributes may have been
        set anywhere; only of a `tf.Module`, what the constructor gives it."""
        library = run.classes.facts(owner).library
        if library == "tensorflow.Module":
            made = outside_object(run, frame, owner.node, ClassValue(owner))
            if isinstance(made, Plain):
                return made
        return Plain(owner, site, library=library)

    def _module_script(self, module: Module) -> tuple[LayerRun | ScriptRun, ...]:
        """The module's own statements, in order; functions that they call are followed."""
        code = tuple(s for s in module.document.statements if s.kind == "other")
        if not code or not any(
            _speaks(s) for s in module.document.statements if s.kind in ("other", "function")
        ):
            return ()
        kept = self._scripts.get(module.path)
        if kept is not None and kept.statements == code and self.project.unchanged(kept.reads):
            self.project.note(kept.reads)
            return kept.runs
        with self.project.recording() as reads:
            run = self._interpreter(max_steps=MAX_SCRIPT_STEPS)
            frame = Frame(module, code[0], ({},))
            try:
                for statement in code:
                    frame.statement = statement
                    run.block(frame, statement.nodes)
                _run_lambdas(run, frame)
            except (OutOfSteps, RecursionError):
                run.complete = False
                run.journals.clear()
        script = ScriptRun(self, run, module, code)
        script.reads = reads
        self._scripts[module.path] = _KeptRuns(code, (script,), reads)
        return (script,)


def _run_lambdas(run: Interpreter, frame: Frame) -> None:
    """Run the functions of those `Lambda`s that code only makes, for others to call."""
    for event in tuple(run.events):
        if isinstance(event, Created) and isinstance(event.value, Layer) and event.at.subject is None:
            made = event.value.site.node
            if isinstance(made, ast.Call):
                run_lambda(run, frame, made, event.value)


def _is_of_losses(header: ast.ClassDef) -> bool:
    """Whether a class may be a loss or metric, whose constructor may make layers."""
    return any(
        "Loss" in name or "Metric" in name or "metrics." in name for name in map(ast.unparse, header.bases)
    )


_speaking: WeakKeyDictionary[Statement, bool] = WeakKeyDictionary()


def _speaks(statement: Statement) -> bool:
    """Whether a piece of code outside layers may have something to say: it asks for weights, or defines a
    layer."""
    known = _speaking.get(statement)
    if known is None:
        text = statement.text
        known = (
            any(word in text for word in SCRIPT_WORDS)
            or _ASKS_FOR_WEIGHTS.search(text) is not None
            or (_DEFINES_CLASS.search(text) is not None and any(word in text for word in LAYER_WORDS))
            or _GIVES_STATE.search(text) is not None
            or _MAKES_CONSTANTS.search(text) is not None
            or (("Input(" in text or ".output" in text) and _MAKES_NUMBERS.search(text) is not None)
            or ("Variable(" in text and (statement.kind == "other" or "Input(" in text))
        )
        _speaking[statement] = known
    return known


def _key(definition: ClassDefinition) -> tuple[str, str, int]:
    """Names a class for as long as its file keeps it: path, name, and its place within a statement that isn't
    itself."""
    inside = definition.node.lineno if definition.statement.kind != "class" else 0
    return definition.module.path, definition.name, inside


def _holds_state(value: Value, depth: int = 3) -> bool:
    for option in options(value):
        if isinstance(option, (Layer, Weight)):
            return True
        if (
            isinstance(option, Container)
            and depth
            and any(_holds_state(i.value, depth - 1) for i in option.items)
        ):
            return True
    return False
