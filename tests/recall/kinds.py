"""The kinds of defects that are planted, one spelling of each; spellings.py has others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.recall.planting import (
    HERE,
    WITH_WEIGHTS,
    Source,
    Text,
    attribute,
    builds,
    calls_of,
    is_docstring,
    kind,
    last_name,
    makes_a_layer,
    method,
    under_a_condition,
)

HOLDER = """\
class _Holder:
    def __init__(self, layer):
        self.layer = layer

    def build(self, *args, **kwargs):
        self.layer.build(*args, **kwargs)

    def compute_output_shape(self, *args, **kwargs):
        return self.layer.compute_output_shape(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self.layer(*args, **kwargs)


"""


@kind("KS101")
def in_a_helper_object(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), HOLDER),
            (source.start(held.statement), HERE),
            (held.value, f"_Holder({source.of(held.value)})"),
        )


@kind("KS101")
def in_a_closure(source: Source) -> Iterator[Text]:
    for held in source.held:
        inner = f"inner = {source.of(held.value)}\n{source.indent(held.statement)}"
        yield source.edited(
            (source.start(held.statement), inner + HERE),
            (held.value, "lambda *args, **kwargs: inner(*args, **kwargs)"),
            *((call, "pass") for call in builds(held)),
        )


@kind("KS101")
def in_a_deque(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), "import collections\n\n\n"),
            (source.start(held.statement), HERE),
            (held.value, f"collections.deque([{source.of(held.value)}])"),
            *((use, f"self.{held.name}[0]") for use in source.uses(held)),
        )


@kind("KS102")
def tf_variable(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        trainable = all(k.arg != "trainable" for k in call.keywords)
        if shape is not None and trainable:
            yield source.edited(
                (source.end_of_imports(), "import tensorflow as tf\n\n\n"),
                (source.start(statement), HERE),
                (call, f"tf.Variable(tf.zeros({source.of(shape)}))"),
            )


@kind("KS105")
def appended_to_a_copy(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        for node in ast.walk(init) if init is not None else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List) or node.value.elts:
                continue
            name = attribute(node.targets[0])
            appends = [
                call
                for call in ast.walk(init)  # type: ignore[arg-type]
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "append"
                and attribute(call.func.value) == name
            ]
            if name is not None and len(appends) == 1 and makes_a_layer(appends[0].args[0], init):
                append = appends[0]
                assert isinstance(append.func, ast.Attribute)
                yield source.edited(
                    (node.value, "kept = []"), (source.start(append), HERE), (append.func.value, "kept")
                )


@kind("KS106")
def by_index(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (
                source.start(held.statement),
                f"self._by_index = [None]\n{source.indent(held.statement)}{HERE}",
            ),
            (held.statement.targets[0], "self._by_index[0]"),
            *((use, "self._by_index[0]") for use in source.uses(held)),
        )


@kind("KS107")
def in_an_inner_list(source: Source) -> Iterator[Text]:
    for held in source.held:
        indent = source.indent(held.statement)
        yield source.edited(
            (
                held.statement,
                f"self._nested = []\n{indent}self._nested.append([])\n"
                f"{indent}{HERE}self._nested[-1].append({source.of(held.value)})",
            ),
            *((use, "self._nested[0][0]") for use in source.uses(held)),
        )


@kind("KS108")
def in_a_global_variable(source: Source) -> Iterator[Text]:
    for held in source.held:
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        if names - {"keras", "layers"} or len(calls_of(held)) != 1:
            continue
        (call,) = calls_of(held)
        yield source.edited(
            (source.end_of_imports(), f"_shared = {source.of(held.value)}\n\n\n"),
            (held.statement, "pass"),
            (source.start(call), HERE),
            *((use, "_shared") for use in source.uses(held)),
        )


@kind("KS110")
def in_the_dict(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.start(held.statement), HERE),
            (held.statement.targets[0], f'self.__dict__["{held.name}"]'),
        )


@kind("KS112")
def private_list(source: Source) -> Iterator[Text]:
    for held in source.held:
        for statement in builds(held)[:1]:
            put = f"{HERE}self._trainable_weights.extend(self.{held.name}.trainable_weights)"
            yield source.edited((source.end(statement), f"\n{source.indent(statement)}{put}"))


@kind("KS115")
def the_same_layer_again(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        for node in ast.walk(cls):
            if isinstance(node, ast.Assign) and attribute(node.targets[0]) is not None:
                made = node.value
                if (
                    isinstance(made, ast.ListComp)
                    and isinstance(made.elt, ast.Call)
                    and last_name(made.elt) in WITH_WEIGHTS
                    and isinstance(made.generators[0].iter, ast.Call)
                    and last_name(made.generators[0].iter) == "range"
                    and len(made.generators[0].iter.args) == 1
                ):
                    count = source.of(made.generators[0].iter.args[0])
                    yield source.edited((made, f"{HERE}[{source.of(made.elt)}] * {count}"))


@kind("KS201")
def not_built(source: Source) -> Iterator[Text]:
    for held in source.held:
        build = method(held.cls, "build")
        for statement in builds(held)[:1]:
            assert build is not None
            if held.method.name == "__init__":
                yield source.edited((source.start(build), HERE), (statement, "pass"))


@kind("KS202")
def weights_read_early(source: Source) -> Iterator[Text]:
    late = {held.cls.name for held in source.held if held.method.name == "__init__"}
    late -= {held.cls.name for held in source.held if calls_of(held, "__init__")}
    for name in sorted(late):
        use = (
            f"\n\ndef count(config, inputs):\n    layer = {name}(**config)\n"
            f"    {HERE}number = len(layer.weights)\n    layer(inputs)\n    return number\n"
        )
        yield source.text + use


@kind("KS203")
def without_build(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        build = method(cls, "build")
        held = [held for held in source.held if held.cls is cls and held.method.name == "__init__"]
        if build is None or not any(builds(each) for each in held):
            continue
        if not any(isinstance(n, ast.Assign) and attribute(n.targets[0]) for n in ast.walk(build)):
            yield source.edited((source.start(cls), HERE), (build, "pass"))


@kind("KS301")
def made_in_call(source: Source) -> Iterator[Text]:
    for held in source.held:
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        made_of = {attribute(node) for node in ast.walk(held.value)} - {None}
        uses = [call for call in calls_of(held) if not under_a_condition(held, call)]
        if names - {"keras", "layers", "self"} or made_of & {h.name for h in source.held} or not uses:
            continue
        yield source.edited(
            (held.statement, "pass"),
            (uses[0].func, f"{HERE}{' '.join(source.of(held.value).split())}"),
            *((statement, "pass") for statement in builds(held)),
        )


@kind("KS303")
def made_late(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, build, call = method(cls, "__init__"), method(cls, "build"), method(cls, "call")
        if init is None or build is None or call is None or len(call.args.args) < 2:
            continue
        held = [each for each in source.held if each.cls is cls]
        first = call.body[1] if len(call.body) > 1 and is_docstring(call.body[0]) else call.body[0]
        if held and not is_docstring(first):
            argument, indent = call.args.args[1].arg, source.indent(first)
            made = "self.late = keras.layers.Dense(1)"
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.end(init.body[-1]), f"\n{source.indent(init.body[-1])}self.late = None"),
                (
                    source.start(first),
                    f"if self.late is None:\n{indent}    {HERE}{made}\n"
                    f"{indent}self.add_loss(keras.ops.mean(self.late({argument})))\n{indent}",
                ),
            )


@kind("KS306")
def without_super_init(source: Source) -> Iterator[Text]:
    for held in source.held:
        if held.method.name != "__init__":
            continue
        for statement in held.method.body:
            if ast.unparse(statement).startswith("super().__init__("):
                text = source.edited((source.start(held.method), HERE), (statement, "pass"))
                yield text
                break


@kind("KS401")
def a_product(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            yield source.edited((source.start(statement), HERE), (source.end(call), " * 2.0"))


@kind("KS405")
def a_name_first(source: Source) -> Iterator[Text]:
    for _, _, call, _ in source.weights():
        name = next((keyword for keyword in call.keywords if keyword.arg == "name"), None)
        if name is not None and isinstance(name.value, ast.Constant) and not call.args:
            function, arguments = source.of(call.func), [source.of(name.value)]
            arguments += [source.of(keyword) for keyword in call.keywords if keyword is not name]
            yield source.edited((call, f"{HERE}{function}({', '.join(arguments)})"))


@kind("KS103")
def in_a_module(source: Source) -> Iterator[Text]:
    module = HOLDER.replace("class _Holder:", "class _Module(tf.Module):")
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), f"import tensorflow as tf\n\n\n{module}"),
            (source.start(held.statement), HERE),
            (held.value, f"_Module({source.of(held.value)})"),
        )


@kind("KS104")
def of_the_other_keras(source: Source) -> Iterator[Text]:
    for held in source.held:
        if source.of(held.value.func).startswith(("keras.layers.", "layers.")):
            yield source.edited(
                (source.end_of_imports(), "import tf_keras\n\n\n"),
                (source.start(held.statement), HERE),
                (held.value.func, f"tf_keras.layers.{last_name(held.value)}"),
            )


@kind("KS111")
def on_a_reserved_attribute(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.start(held.statement), HERE),
            (held.statement.targets[0], "self._layers"),
            *((use, "self._layers") for use in source.uses(held)),
        )


@kind("KS113")
def in_a_lambda_layer(source: Source) -> Iterator[Text]:
    for held in source.held:
        if len(calls_of(held)) == 1 and len(calls_of(held)[0].args) == 1 and not calls_of(held)[0].keywords:
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (
                    source.start(held.statement),
                    f"inner = {source.of(held.value)}\n{source.indent(held.statement)}{HERE}",
                ),
                (held.value, "keras.layers.Lambda(lambda t: inner(t))"),
            )


@kind("KS116")
def replaced(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            again = f"\n{source.indent(statement)}{HERE}{source.of(statement)}"
            yield source.edited((source.end(statement), again))


@kind("KS205")
def in_a_graph(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        call, build = method(cls, "call"), method(cls, "build")
        late = [held for held in source.held if held.cls is cls and held.method.name == "__init__"]
        if late and build is None and call is not None and not call.decorator_list:
            yield source.edited(
                (source.end_of_imports(), "import tensorflow as tf\n\n\n"),
                (source.start(call), f"{HERE}@tf.function\n{source.indent(call)}"),
            )


@kind("KS207")
def never_called(source: Source) -> Iterator[Text]:
    for held in source.held:
        calls = calls_of(held)
        if len(calls) == 1 and calls[0].args and len(source.uses(held)) == 1:
            yield source.edited((source.start(held.statement), HERE), (calls[0], source.of(calls[0].args[0])))


@kind("KS208")
def said_to_be_built(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, build = method(cls, "__init__"), method(cls, "build")
        if init is not None and build is not None and any(own is cls for own, *_ in source.weights()):
            last = init.body[-1]
            yield source.edited((source.end(last), f"\n{source.indent(last)}{HERE}self.built = True"))


@kind("KS209")
def misspelled(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        build = method(cls, "build")
        if build is not None and any(own is cls for own, *_ in source.weights()):
            place = source.start(build)
            yield source.edited((place, HERE), (place + len("def "), "_"))


@kind("KS302")
def a_variable_in_call(source: Source) -> Iterator[Text]:
    for cls, statement, call, name in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        inside = method(cls, "call")
        if shape is None or {n.id for n in ast.walk(shape) if isinstance(n, ast.Name)} - {"self"}:
            continue
        uses = [n for n in ast.walk(inside) if attribute(n) == name] if inside is not None else []
        uses = [n for n in uses if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)]
        if len(uses) == 1:
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (statement, "pass"),
                (uses[0], f"{HERE}keras.Variable(keras.ops.ones({source.of(shape)}))"),
            )


@kind("KS304")
def dropout_in_call(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, call = method(cls, "__init__"), method(cls, "call")
        for node in ast.walk(init) if init is not None else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            name = attribute(node.targets[0])
            uses = [n for n in ast.walk(call) if isinstance(n, ast.Call) and attribute(n.func) == name]  # type: ignore[arg-type]
            if last_name(node.value) == "Dropout" and name is not None and len(uses) == 1:
                yield source.edited(
                    (source.end_of_imports(), "import keras\n\n\n"),
                    (uses[0].func, f"{HERE}keras.layers.Dropout(0.1)"),
                )


@kind("KS305")
def added_to_a_built_layer(source: Source) -> Iterator[Text]:
    for name in sorted({held.cls.name for held in source.held}):
        late = (
            f"\n\ndef extend(config, inputs):\n    layer = {name}(**config)\n    layer(inputs)\n"
            f"    {HERE}layer.head = keras.layers.Dense(1)\n    return layer\n"
        )
        yield source.edited((source.end_of_imports(), "import keras\n\n\n")) + late


@kind("KS307")
def before_super_init(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        for statement in init.body if init is not None else ():
            if ast.unparse(statement).startswith("super().__init__("):
                early = f"{HERE}self.scale = self.add_weight(shape=(1,), name='scale')"
                yield source.edited((source.start(statement), f"{early}\n{source.indent(statement)}"))
                break


@kind("KS402")
def random_numbers(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        if shape is not None and all(k.arg != "trainable" for k in call.keywords):
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.start(statement), HERE),
                (call, f"keras.random.normal({source.of(shape)})"),
            )


@kind("KS403")
def frozen_too_early(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        held = [each for each in source.held if each.cls is cls and each.method is init]
        for statement in init.body if init is not None and held else ():
            if ast.unparse(statement).startswith("super().__init__("):
                early = f"\n{source.indent(statement)}{HERE}self.trainable = False"
                yield source.edited((source.end(statement), early))
                break


@kind("KS404")
def trainable_none(source: Source) -> Iterator[Text]:
    for _, _, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            last = call.keywords[-1] if call.keywords else call.args[-1]
            yield source.edited((source.end(last), f", {HERE}trainable=None"))


@kind("KS502")
def in_a_set(source: Source) -> Iterator[Text]:
    for held in source.held:
        if all(isinstance(use.ctx, ast.Load) for use in source.uses(held)):
            yield source.edited(
                (source.start(held.statement), HERE),
                (held.statement.targets[0], "self._parts"),
                (held.value, f"{{{source.of(held.value)}}}"),
                *((use, "next(iter(self._parts))") for use in source.uses(held)),
            )
