"""The lines of a `build()` that builds each sublayer on the shape that `call` gives it.

The shape of every tensor in `call` is followed from the input on. Where it can't be, or a sublayer can't be
built by its `build()`, there is no answer: no fix is better than a wrong one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.tracking.events import ContainerWrite
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Constant, Container, Layer, Value

# Layers of the catalogue whose output has the shape of their input.
_KEEPS_SHAPE = frozenset(
    f"keras.layers.{name}"
    for name in (
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "GroupNormalization",
        "Identity",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "PReLU",
        "RMSNormalization",
        "ReLU",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "ThresholdedReLU",
        "UnitNormalization",
    )
)
_ATTENTION = frozenset(("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention"))
# Functions of TensorFlow and Keras whose result has the shape of their first argument.
# fmt: off
_KEEPS_SHAPE_FUNCTIONS = frozenset((
    "abs", "cast", "celu", "clip_by_value", "cos", "dropout", "elu", "erf", "exp", "gelu",
    "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "identity", "leaky_relu", "log",
    "log_softmax", "mish", "negative", "nan_to_num", "relu", "relu6", "round", "rsqrt", "selu",
    "sigmoid", "sign", "silu", "sin", "soft_shrink", "softmax", "softplus", "softsign", "sqrt",
    "square", "squareplus", "stop_gradient", "swish", "tanh"
))
# fmt: on
_BROADCASTING_FUNCTIONS = frozenset(("add", "divide", "maximum", "minimum", "multiply", "subtract"))
_FUNCTION_MODULES = (
    "tensorflow",
    "tensorflow.math",
    "tensorflow.nn",
    "keras.ops",
    "keras.activations",
    "keras.backend",
)
_LOOP_BUILTINS = frozenset(("enumerate", "len", "range", "reversed", "zip"))


@dataclass(frozen=True, slots=True)
class DerivedBuild:
    """`parameters` of the `build` (without self), and its `lines`, indented relative to its body."""

    parameters: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Build:
    """`layer.build(shape)`; `once`: it may come by a layer that is built already."""

    layer: str
    shape: str
    once: bool = False

    @property
    def text(self) -> str:
        return f"{self.layer}.build({self.shape})"


@dataclass(frozen=True, slots=True)
class _Assign:
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class _Loop:
    header: str
    body: list[_Step]


_Step = _Build | _Assign | _Loop


@dataclass(frozen=True, slots=True)
class _Ref:
    """A way in which `call` names a sublayer (several, for the variable of a loop); `some`: perhaps not all
    of `layers`."""

    text: str
    layers: tuple[Layer, ...]
    some: bool = False


class _Underivable(Exception):
    """What `call` does can't be followed."""


def derive_build(
    run: LayerRun, sublayers: Sequence[Layer], parameters: Mapping[str, str] | None = None
) -> DerivedBuild | None:
    """Lines that build `sublayers`, and whatever else has weights that `call` uses on the way to them.

    `parameters`: which parameter of an existing `build` holds the shape of which argument of `call`; what
    else has weights is built there already. None where the `build` is still to be written.
    """
    call = run.method("call")
    if call is None or not isinstance(call.node, ast.FunctionDef):
        return None
    arguments = [argument.arg for argument in (*call.node.args.posonlyargs, *call.node.args.args)][1:]
    required = arguments[: max(0, len(arguments) - len(call.node.args.defaults))]
    if not required:
        return None
    if parameters is not None:
        return _derive(run, call, sublayers, dict(parameters), only=sublayers)
    alone = _derive(run, call, sublayers, {required[0]: "input_shape"})
    if alone is not None or run.generation == 2 or len(required) == 1:
        return alone
    return _derive(run, call, sublayers, {name: f"{name}_shape" for name in required})


def _derive(
    run: LayerRun,
    call: Method,
    sublayers: Sequence[Layer],
    parameters: dict[str, str],
    only: Sequence[Layer] | None = None,
) -> DerivedBuild | None:
    threading = _Threading(run, parameters, only)
    try:
        threading.statements(call.node.body)
    except _Underivable:
        return None
    if any(layer not in threading.built for layer in sublayers):
        return None
    _remove_unread(threading.steps, set())
    return DerivedBuild(tuple(parameters.values()), tuple(_lines(threading.steps)))


class _Threading:
    """Follows `call` statement by statement.

    `_shapes` tells, for each variable of `call`, the variable of `build` that holds its shape.
    """

    def __init__(self, run: LayerRun, parameters: Mapping[str, str], only: Sequence[Layer] | None) -> None:
        self._run = run
        self._only = only
        self.steps: list[_Step] = []
        self.built: list[Layer] = []
        self._maybe_built: list[Layer] = []
        self._shapes: dict[str, str] = dict(parameters)
        self._taken = set(parameters.values())
        self._refs: dict[str, _Ref] = {}
        self._indices: dict[str, str | None] = {}
        """The variables of loops that count, and of which list they count all elements."""
        self._loops: list[set[str]] = []
        """What the loops around bind."""

    # Statements

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._assign(node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            source = ast.Name(node.target.id, ast.Load())
            self._assign(node.target, ast.BinOp(source, node.op, node.value))
        elif isinstance(node, ast.Return | ast.Expr):
            if node.value is not None:
                self._shape(node.value)
        elif isinstance(node, ast.With):
            self.statements(node.body)
        elif isinstance(node, ast.For):
            self._loop(node)
        elif isinstance(node, ast.If):
            self._branch(node)
        elif not isinstance(node, ast.Pass | ast.Assert | ast.Raise):
            self._not_followed(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        ref = self._ref(value)
        shape = None if ref is not None else self._shape(value)
        for name in _names_bound(target):
            self._refs.pop(name, None)
            self._indices.pop(name, None)
            if shape is None or not isinstance(target, ast.Name):
                self._shapes.pop(name, None)
        if not isinstance(target, ast.Name):
            return
        if ref is not None:
            self._refs[target.id] = ref
        elif shape is not None:
            self._bind(target.id, shape)

    def _bind(self, name: str, shape: str) -> None:
        """`name` has `shape` from now on: a variable's, or an expression that a variable has to hold."""
        if shape.isidentifier():
            self._shapes[name] = shape
            return
        before = self._shapes.get(name)
        others = {other for key, other in self._shapes.items() if key != name}
        if before is None or before in others:
            before = self._fresh(f"{name}_shape")
        self.steps.append(_Assign(before, shape))
        self._shapes[name] = before

    def _fresh(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def _loop(self, node: ast.For) -> None:
        names = {inner.id for inner in ast.walk(node.iter) if isinstance(inner, ast.Name)}
        if node.orelse or not names <= {"self"} | _LOOP_BUILTINS | set(self._indices):
            self._not_followed(node)
            return
        self._bind_loop_variables(node.target, node.iter)
        assigned = {name for inner in node.body for name in _names_assigned(inner)}
        self._part_aliases(assigned)
        before, outer, self.steps = dict(self._shapes), self.steps, []
        self._loops.append(set(_names_bound(node.target)))
        self.statements(node.body)
        self._loops.pop()
        carried = {before[name] for name in assigned if name in before}
        for name in sorted(assigned):
            now = self._shapes.pop(name, None)
            if name in before:
                # The next turn reads the shape under the name that this turn read.
                if now is None or (now != before[name] and now in carried):
                    raise _Underivable
                if now != before[name]:
                    self.steps.append(_Assign(before[name], now))
                self._shapes[name] = before[name]
        body, self.steps = self.steps, outer
        if body:
            target = ast.unparse(node.target)
            if isinstance(node.target, ast.Tuple):
                target = ", ".join(ast.unparse(element) for element in node.target.elts)
            self.steps.append(_Loop(f"for {target} in {ast.unparse(node.iter)}:", body))

    def _part_aliases(self, names: set[str]) -> None:
        """Give each variable that a loop changes a shape of its own."""
        for name in sorted(names & set(self._shapes)):
            shape = self._shapes[name]
            if any(other == shape for key, other in self._shapes.items() if key != name):
                self._shapes[name] = self._fresh(f"{name}_shape")
                self.steps.append(_Assign(self._shapes[name], shape))

    def _bind_loop_variables(self, target: ast.expr, source: ast.expr) -> None:
        """What the variables of `for target in source` stand for."""
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
            function, arguments = source.func.id, source.args
            if function == "reversed" and len(arguments) == 1:
                self._bind_loop_variables(target, arguments[0])
                return
            if function == "range" and isinstance(target, ast.Name):
                self._forget(target)
                self._indices[target.id] = _counted(arguments)
                return
            if function == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
                counts = ast.Call(ast.Name("len"), [arguments[0]], [])
                self._bind_loop_variables(target.elts[0], ast.Call(ast.Name("range"), [counts], []))
                self._bind_loop_variables(target.elts[1], arguments[0])
                return
            if function == "zip" and isinstance(target, ast.Tuple) and len(target.elts) == len(arguments):
                for element, argument in zip(target.elts, arguments, strict=True):
                    self._bind_loop_variables(element, argument)
                return
        self._forget(target)
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and not source.args:
            # `self.heads.values()`, or `.items()` with a variable for the key.
            if source.func.attr == "items" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
                target = target.elts[1]
            elif source.func.attr != "values":
                return
            elements = self._elements(self._value(source.func.value), ("dict",))
        else:
            elements = self._elements(self._value(source))
        if isinstance(target, ast.Name) and elements is not None:
            self._refs[target.id] = _Ref(target.id, elements)

    def _forget(self, target: ast.expr) -> None:
        for name in _names_bound(target):
            self._refs.pop(name, None)
            self._shapes.pop(name, None)
            self._indices.pop(name, None)

    def _branch(self, node: ast.If) -> None:
        """A branch may do what keeps shapes; a sublayer that is built on one side only can't be followed."""
        self._shape(node.test)
        before, count = dict(self._shapes), len(self.built)
        after: dict[str, str] = dict(before)
        for body in (node.body, node.orelse):
            outer, self.steps, self._shapes = self.steps, [], dict(before)
            self.statements(body)
            changed = _targets(self.steps)
            self.steps = outer
            if len(self.built) > count:
                raise _Underivable
            if not (body and isinstance(body[-1], ast.Return | ast.Raise)):
                after = {
                    name: shape
                    for name, shape in after.items()
                    if self._shapes.get(name) == shape and shape not in changed
                }
        self._shapes = after

    def _not_followed(self, node: ast.stmt) -> None:
        """A statement that isn't understood: what it binds is unknown, and it may not use weights."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute | ast.Subscript | ast.Name):
                ref = self._ref(inner)
                if ref is not None and any(self._run.weights_of(layer).has != "no" for layer in ref.layers):
                    raise _Underivable
        for name in _names_assigned(node):
            self._forget(ast.Name(name))

    # Expressions

    def _shape(self, node: ast.expr) -> str | None:
        """The shape of a tensor as `build` names it, None if unknown; builds the sublayers on the way."""
        if isinstance(node, ast.Name):
            return self._shapes.get(node.id)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.UnaryOp):
            return self._shape(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = self._shape(node.left), self._shape(node.right)
            if isinstance(node.op, ast.MatMult):
                return None
            if _is_number(node.right):
                return left
            return right if _is_number(node.left) else self._broadcast(left, right)
        if isinstance(node, ast.List | ast.Tuple):
            shapes = [self._shape(element) for element in node.elts]
            known = [shape for shape in shapes if shape is not None]
            return f"[{', '.join(known)}]" if known and len(known) == len(shapes) else None
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            self._comprehension(node)
            return None
        if isinstance(node, ast.Lambda):
            self._lambda(node)
            return None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._shape(child)
        return None

    def _broadcast(self, left: str | None, right: str | None) -> str | None:
        """The shape of two tensors added or multiplied: `Add` knows, under the file's own name for it."""
        if left is None or right is None or left == right:
            return left if left == right else None
        for name in ("keras.layers.Add", "layers.Add", "tf.keras.layers.Add", "Add"):
            meanings = self._run.project.resolve(self._run.module, name)
            if meanings and all(
                isinstance(each, Library) and each.name == "keras.layers.Add" for each in meanings
            ):
                return f"{name}().compute_output_shape([{self._named(left)}, {self._named(right)}])"
        return None

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """`[head(x) for head in self.heads]` builds as a loop does; what it gives isn't followed."""
        loop = node.generators[0]
        body: list[ast.stmt] = [ast.Expr(node.value if isinstance(node, ast.DictComp) else node.elt)]
        if len(node.generators) == 1 and not loop.ifs:
            shapes = dict(self._shapes)
            self._loop(ast.For(loop.target, loop.iter, body, []))
            self._shapes = shapes  # its variables are its own

    def _lambda(self, node: ast.Lambda) -> None:
        """What a function inside does with its own arguments isn't followed."""
        shapes, refs, indices = dict(self._shapes), dict(self._refs), dict(self._indices)
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                self._forget(ast.Name(argument.arg))
        self._shape(node.body)
        self._shapes, self._refs, self._indices = shapes, refs, indices

    def _call(self, node: ast.Call) -> str | None:
        ref = self._ref(node.func)
        if ref is None and isinstance(node.func, ast.Attribute):
            self._shape(node.func.value)
        shapes = [self._shape(argument) for argument in node.args]
        named = {keyword.arg: self._shape(keyword.value) for keyword in node.keywords}
        if ref is not None:
            return self._layer_call(ref, shapes, named)
        if len(shapes) == 2 and self._is_function(node.func, _BROADCASTING_FUNCTIONS):
            return self._broadcast(shapes[0], shapes[1])
        return shapes[0] if shapes and self._is_function(node.func, _KEEPS_SHAPE_FUNCTIONS) else None

    def _layer_call(
        self, ref: _Ref, shapes: list[str | None], named: Mapping[str | None, str | None]
    ) -> str | None:
        if all(_library_name(layer) in _ATTENTION for layer in ref.layers):
            return self._attention_call(ref, shapes, named)
        shape = shapes[0] if len(shapes) == 1 else None
        weights = [self._run.weights_of(layer) for layer in ref.layers]
        if any(found.has != "no" for found in weights) and self._is_wanted(ref):
            if shape is None or not all(self._buildable(layer) for layer in ref.layers):
                raise _Underivable
            shape = self._named(shape)
            self._build(ref, shape)
        if shape is None:
            return None
        if all(_keeps_shape(layer) for layer in ref.layers):
            return shape
        if all(self._computes_shape(layer) for layer in ref.layers):
            return f"{ref.text}.compute_output_shape({shape})"
        return None

    def _attention_call(
        self, ref: _Ref, shapes: list[str | None], named: Mapping[str | None, str | None]
    ) -> str | None:
        given = dict(zip(("query", "value", "key"), shapes, strict=False))
        given |= {name: named[name] for name in ("query", "value", "key") if name in named}
        texts = [given[name] for name in ("query", "value", "key") if name in given]
        known = [self._named(text) for text in texts if text is not None]
        if self._is_wanted(ref):
            if self._run.generation == 2 or len(known) < 2 or len(known) != len(texts):
                raise _Underivable
            self._build(ref, ", ".join(known))
        plain = all("output_shape" not in layer.keywords and not layer.arguments[5:] for layer in ref.layers)
        return known[0] if known and plain and "return_attention_scores" not in named else None

    def _is_wanted(self, ref: _Ref) -> bool:
        return self._only is None or any(layer in self._only for layer in ref.layers)

    def _named(self, shape: str) -> str:
        """A variable that holds `shape`, so that an expression isn't written twice."""
        if shape.isidentifier() or shape.startswith("["):
            return shape
        name = self._fresh("inner_shape")
        self.steps.append(_Assign(name, shape))
        return name

    def _build(self, ref: _Ref, shape: str) -> None:
        """A `build` of what is built already raises in Keras 3, and makes the weights anew in Keras 2."""
        known = [layer for layer in ref.layers if layer in self.built]
        if len(known) == len(ref.layers) and not any(layer in self._maybe_built for layer in known):
            return
        names = _identifiers(ref.text)
        again = any(not names & bound for bound in self._loops) or len(set(ref.layers)) < len(ref.layers)
        built_there = self._only is not None and not all(layer in self._only for layer in ref.layers)
        self.steps.append(_Build(ref.text, shape, bool(known) or again or built_there))
        self.built.extend(layer for layer in ref.layers if layer not in self.built)
        if ref.some:
            self._maybe_built.extend(ref.layers)
        else:
            self._maybe_built = [layer for layer in self._maybe_built if layer not in ref.layers]

    def _buildable(self, layer: Layer) -> bool:
        """Whether `layer.build(shape)` makes all its weights."""
        found = self._run.weights_of(layer)
        if found.has != "yes" or any(
            weight.exists_after not in ("init", "build") for weight in found.weights
        ):
            return False
        if isinstance(layer.cls, Library):
            return layer.library is not None and len(layer.library.build) == 1
        own = self._run.run_of(layer)
        build = own.own_build() if own is not None else None
        if build is not None:
            arguments = build.node.args
            return len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults) == 2
        return layer.library is not None and layer.library.own_build and len(layer.library.build) == 1

    def _computes_shape(self, layer: Layer) -> bool:
        """Whether `layer.compute_output_shape(shape)` works before a call, and gives one shape."""
        if any(
            isinstance(layer.keywords.get(name), Constant)
            for name in ("return_state", "return_sequences_state")
        ):
            return False
        if isinstance(layer.cls, ClassDefinition):
            own = self._run.run_of(layer)
            if own is None:
                return False
            if own.method("compute_output_shape") is not None:
                return True
            if own.method("call") is not None:
                return False
        return layer.library is not None and layer.library.own_compute_output_shape

    def _is_function(self, function: ast.expr, functions: frozenset[str]) -> bool:
        dotted = _dotted(function)
        if dotted is None:
            return False
        meanings = self._run.project.resolve(self._run.module, dotted)
        names = [meaning.name.rpartition(".") for meaning in meanings if isinstance(meaning, Library)]
        return bool(names) and all(
            module in _FUNCTION_MODULES and name in functions for module, _, name in names
        )

    # Sublayers

    def _ref(self, node: ast.expr) -> _Ref | None:
        """The sublayers that an expression names, if it surely names sublayers."""
        if isinstance(node, ast.Name):
            return self._refs.get(node.id)
        if isinstance(node, ast.Subscript):
            index = node.slice
            if isinstance(index, ast.Name) and index.id in self._indices:
                elements = self._elements(self._value(node.value))
                some = self._indices[index.id] != ast.unparse(node.value)
                return _Ref(ast.unparse(node), elements, some) if elements is not None else None
        value = self._value(node)
        return _Ref(ast.unparse(node), (value,)) if isinstance(value, Layer) and not value.many else None

    def _value(self, node: ast.expr) -> Value | None:
        """What `self.name` or `self.name[constant]` holds at the end of the constructor and `build`."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            return self._run.layer.attributes.get(node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.UnaryOp):
            return _item(self._value(node.value), _index(node.slice))
        return None

    def _elements(
        self, value: Value | None, kinds: tuple[str, ...] = ("list", "tuple")
    ) -> tuple[Layer, ...] | None:
        """The elements of a list or tuple (or of `kinds`) that surely holds nothing but layers."""
        if not isinstance(value, Container) or value.kind not in kinds:
            return None
        layers = tuple(item.value for item in value.items if isinstance(item.value, Layer))
        if not layers or len(layers) != len(value.items):
            return None
        if value.open and not (layers[0].many and self._is_comprehension(value)):
            return None
        return layers * 2 if value.repeated else layers

    def _is_comprehension(self, value: Container) -> bool:
        """Whether one expression made all that a list holds, however many."""
        written = any(
            event.container is value or event.container is value.copy_of
            for event in self._run.events_of(ContainerWrite)
        )
        return (
            len(value.items) == 1 and isinstance(value.site.node, ast.ListComp | ast.DictComp) and not written
        )


def _item(value: Value | None, key: object) -> Value | None:
    """The element of a container under a key or index that is written out."""
    if not isinstance(value, Container) or value.open:
        return None
    if value.kind in ("list", "tuple"):
        several = any(isinstance(item.value, Layer) and item.value.many for item in value.items)
        if not isinstance(key, int) or several or not -len(value.items) <= key < len(value.items):
            return None
        return value.items[key].value
    return next((item.value for item in value.items if item.key == Constant(key)), None)


def _index(node: ast.expr) -> object:
    """An index or key that is written out: `0`, `-1`, `"a"`."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _counted(arguments: Sequence[ast.expr]) -> str | None:
    """The list of which `range(…)` counts all elements: `range(len(self.blocks))`."""
    argument = arguments[0] if len(arguments) == 1 else None
    if isinstance(argument, ast.Call) and ast.unparse(argument.func) == "len" and argument.args:
        return ast.unparse(argument.args[0])
    return None


def _library_name(layer: Layer) -> str | None:
    return layer.cls.name if isinstance(layer.cls, Library) else None


def _keeps_shape(layer: Layer) -> bool:
    return _library_name(layer) in _KEEPS_SHAPE


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base is not None else None
    return None


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _names_bound(target: ast.expr) -> list[str]:
    return [inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)]


def _names_assigned(node: ast.stmt) -> list[str]:
    return [
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    ]


def _remove_unread(steps: list[_Step], live: set[str]) -> set[str]:
    """Drop the shapes that nothing reads, from the end on; `live`: what is read after `steps`."""
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        if isinstance(step, _Loop):
            if not _has_build(step.body) and not _targets(step.body) & live:
                del steps[index]
                continue
            # What one turn reads, the turn before has left.
            live = live | _read(step.body)
            live = live | _remove_unread(step.body, set(live))
        elif isinstance(step, _Build):
            live = live | _identifiers(step.text)
        elif step.target in live:
            live = (live - {step.target}) | _identifiers(step.text)
        else:
            del steps[index]
    return live


def _targets(steps: Sequence[_Step]) -> set[str]:
    """The variables that are assigned."""
    found: set[str] = set()
    for step in steps:
        if isinstance(step, _Loop):
            found |= _targets(step.body)
        elif isinstance(step, _Assign):
            found.add(step.target)
    return found


def _has_build(steps: Sequence[_Step]) -> bool:
    return any(
        isinstance(step, _Build) or (isinstance(step, _Loop) and _has_build(step.body)) for step in steps
    )


def _read(steps: Sequence[_Step]) -> set[str]:
    """What is read by builds, and by shapes that lead to them."""
    found: set[str] = set()
    for step in steps:
        found |= _read(step.body) if isinstance(step, _Loop) else _identifiers(step.text)
    return found


def _identifiers(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _lines(steps: Sequence[_Step], indent: str = "") -> list[str]:
    lines = []
    for step in steps:
        if isinstance(step, _Loop):
            lines += [indent + step.header, *_lines(step.body, indent + "    ")]
        elif isinstance(step, _Assign):
            lines.append(f"{indent}{step.target} = {step.text}")
        elif step.once:
            lines += [f"{indent}if not {step.layer}.built:", f"{indent}    {step.text}"]
        else:
            lines.append(indent + step.text)
    return lines
