"""Writes `kerascope/project/catalogue/keras3.json` or `keras2.json` by measuring an installed Keras.

Run it with an interpreter that has the Keras to be measured; the server itself never needs this script:

    python server/generate_catalogue.py keras     # Keras 3, or the Keras 2 that came with TensorFlow ≤ 2.15
    python server/generate_catalogue.py tf_keras  # Keras 2 beside a newer TensorFlow

Run twice for one generation, the second run adds what the first didn't know and reports where they differ.
Every layer is constructed, called on a suitable input, and its weights are counted, so that nothing in the
data is a guess; what can't be constructed here is written down as "depends".
"""

from __future__ import annotations

import argparse
import collections
import functools
import importlib
import inspect
import json
import os
import pkgutil
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure_overwriting import overwriting

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

HERE = Path(__file__).resolve().parent / "kerascope" / "project" / "catalogue"

# Names that Keras 2 and Keras 3 share, where the shortest spelling would be another one.
PREFERRED = (
    "keras.Input", "keras.Model", "keras.Sequential", "keras.Variable",
    "keras.layers.Layer", "keras.losses.Loss", "keras.metrics.Metric", "keras.optimizers.Optimizer",
    "keras.initializers.Initializer", "keras.regularizers.Regularizer", "keras.constraints.Constraint",
    "keras.random.SeedGenerator",
)  # fmt: skip

# Arguments for what a constructor requires, by parameter name, then where one class needs another value.
ARGUMENTS: dict[str, Any] = {
    "activation": "relu", "axes": 1, "depth_multiplier": 1,
    "dims": (1,),
    "equation": "ab,bc->ac", "factor": 0.2, "filters": 3, "function": lambda x: x, "head_dim": 4,
    "height": 4, "height_factor": 0.2, "input_dim": 10, "key_dim": 4, "kernel_size": 2, "max_number": 3,
    "n": 2, "num_bins": 4, "num_heads": 2, "num_key_value_heads": 1, "num_query_heads": 2, "output_dim": 3,
    "output_shape": 3, "output_size": 2, "pool_size": 2, "rate": 0.5, "scale": 2.0, "stddev": 0.5,
    "target_shape": (-1,), "units": 3, "width": 4, "width_factor": 0.2,
}  # fmt: skip
VARIABLES = (
    "KerasVariable", "backend.Variable", "backend.KerasVariable", "backend.common.KerasVariable",
    "backend.common.variables.KerasVariable", "backend.common.variables.Variable",
    *(f"backend.{name}.core.Variable" for name in ("jax", "numpy", "openvino", "tensorflow", "torch")),
)  # fmt: skip
# Private modules for TensorFlow 1's graphs, or for Keras' own tests.
ANTIQUE = ("legacy", "_v1", "test_util", "simple_models", "tf_op_layer")
# Only the rank of a private base class, which no constructor argument of the public ones tells.
RANK = 2


Arguments = Callable[[], dict[str, Any]]
"""Makes constructor arguments; new ones each time, since a layer among them is built by the first call."""


def arguments_for(keras: Any, cls: Any) -> Arguments:
    """Constructor arguments for a layer class."""
    layers = keras.layers
    special: dict[str, Arguments] = {
        "Bidirectional": lambda: {
            "layer": layers.LSTM(3),
            "backward_layer": layers.LSTM(3, go_backwards=True),
        },
        "CategoryEncoding": lambda: {"num_tokens": 4},
        "ConvLSTM1D": lambda: {"filters": 3, "kernel_size": 1},
        "ConvLSTM2D": lambda: {"filters": 3, "kernel_size": 1},
        "ConvLSTM3D": lambda: {"filters": 3, "kernel_size": 1},
        "Cropping1D": lambda: {"cropping": 1},
        "Discretization": lambda: {"bin_boundaries": [0.0, 1.0]},
        "GroupNormalization": lambda: {"groups": 2},
        "InputLayer": lambda: {"shape": (3,)} if keras.__version__.startswith("3") else {"input_shape": (3,)},
        "IntegerLookup": lambda: {"vocabulary": [1, 2, 3]},
        "Pipeline": lambda: {"layers": [layers.Dense(3)]},
        "RNN": lambda: {"cell": layers.LSTMCell(3)},
        "RandomPosterization": lambda: {"factor": 4},
        "STFTSpectrogram": lambda: {"frame_length": 4, "frame_step": 2, "fft_length": 4},
        "Sequential": lambda: {"layers": [layers.Dense(3)]},
        "SpectralNormalization": lambda: {"layer": layers.Dense(3)},
        "StackedRNNCells": lambda: {"cells": [layers.LSTMCell(3), layers.LSTMCell(3)]},
        "StringLookup": lambda: {"vocabulary": ["a", "b"]},
        "TextVectorization": lambda: {"vocabulary": ["a", "b"]},
        "TimeDistributed": lambda: {"layer": layers.Dense(3)},
        "Wrapper": lambda: {"layer": layers.Dense(3)},
    }
    if cls.__name__ in special:
        return special[cls.__name__]
    known = {**ARGUMENTS, "rank": RANK}
    required = [p.name for p in parameters(cls.__init__) if p.default is p.empty]
    needed = {name: known[name] for name in required if name in known}
    return lambda: dict(needed)


def inputs_for(keras: Any, layer: Any) -> Iterator[tuple[Any, ...]]:
    """Positional arguments for a call of `layer`, to be tried in order.

    All are symbolic: a kernel that meets an input of the wrong rank may abort the process.
    """

    def tensor(*shape: int, dtype: str = "float32") -> Any:
        return keras.Input(shape=shape, batch_size=2, dtype=dtype)

    shapes = ((8,), (6, 8), (8, 8, 3), (6, 8, 8, 3), (6, 8, 8, 8, 3))
    if "Cell" in type(layer).__name__:
        sizes = getattr(layer, "state_size", ())
        sizes = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
        per_cell = [list(s) if isinstance(s, (list, tuple)) else [s] for s in sizes]
        yield tensor(8), [tensor(s) for cell in per_cell for s in cell]
        yield tensor(8), [[tensor(s) for s in cell] for cell in per_cell]
    for shape in shapes:
        yield (tensor(*shape),)
    yield (tensor(3, dtype="int32"),)
    yield (tensor(2, dtype="string"),)
    yield (tensor(1, dtype="string"),)
    for shape in shapes:
        yield ([tensor(*shape), tensor(*shape)],)
        yield tensor(*shape), tensor(*shape)
    yield ((tensor(1, dtype="int32"), tensor(1, dtype="int32")),)


def parameters(function: Any) -> list[inspect.Parameter]:
    """The parameters after `self`, `*args` and `**kwargs` left out."""
    try:
        found = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


class Package:
    """One installed Keras: its public names, its source classes, and what they are."""

    def __init__(self, name: str) -> None:
        self.tf: Any = importlib.import_module("tensorflow")
        self.keras: Any = importlib.import_module(name)
        self.name = name
        self.generation = 3 if self.keras.__version__.startswith("3") else 2
        self.src = f"{name}.src"
        self.public: dict[str, Any] = dict(self._walk_public())
        self.modules = list(self._walk_source())
        self.names = self._choose_names()

    def _walk_public(self) -> Iterator[tuple[str, Any]]:
        hidden = {"src", "api", "_tf_keras", "protobuf"}
        walked = pkgutil.walk_packages(self.keras.__path__, self.name + ".", onerror=lambda _: None)
        for dotted in [self.name, *(info.name for info in walked)]:
            if len(dotted.split(".")) > 1 and dotted.split(".")[1] in hidden:
                continue
            try:
                module = importlib.import_module(dotted)
            except Exception as error:
                print(f"not imported: {dotted}: {error}", file=sys.stderr)
                continue
            for key, value in vars(module).items():
                if not key.startswith("_") and not isinstance(value, types.ModuleType):
                    yield "keras" + dotted[len(self.name) :] + "." + key, value

    def _walk_source(self) -> Iterator[types.ModuleType]:
        source = importlib.import_module(self.src)
        yield source
        skipped = ("_test", ".tests", ".testing", "benchmark", ".torch", ".jax", ".openvino", ".conftest")
        for info in pkgutil.walk_packages(source.__path__, self.src + ".", onerror=lambda _: None):
            if any(part in info.name for part in skipped):
                continue
            try:
                yield importlib.import_module(info.name)
            except Exception as error:
                print(f"not imported: {info.name}: {error}", file=sys.stderr)

    def _choose_names(self) -> dict[int, str]:
        """id of each public class and function → its canonical name."""
        spellings: dict[int, list[str]] = collections.defaultdict(list)
        for dotted, value in self.public.items():
            if inspect.isclass(value) or callable(value):
                spellings[id(value)].append(dotted)

        def order(dotted: str) -> tuple[Any, ...]:
            value = self.public[dotted]
            last = dotted.rsplit(".", 1)[-1]
            unusual = any(p in dotted for p in (".experimental.", ".legacy.", "__internal__", ".estimator."))
            top_level = dotted.count(".") == 1  # keras.Layer is Keras 3 only, keras.layers.Layer is both
            return (
                dotted not in PREFERRED, unusual, last != getattr(value, "__name__", ""), top_level,
                dotted.count("."), len(dotted), dotted,
            )  # fmt: skip

        return {key: min(found, key=order) for key, found in spellings.items()}

    def canonical(self, cls: type) -> str:
        """The name under which the catalogue lists a class."""
        if id(cls) in self.names:
            return self.names[id(cls)]
        module = cls.__module__
        if self.generation == 3 and f"{module}.{cls.__name__}".removeprefix(f"{self.src}.") in VARIABLES:
            return "keras.Variable"
        if module.split(".")[0] == self.name:
            module = "keras" + module[len(self.name) :]
        if module.startswith("tensorflow"):
            return {"Module": "tensorflow.Module", "Variable": "tensorflow.Variable"}.get(
                cls.__name__, f"{module}.{cls.__qualname__}"
            )
        return f"{module}.{cls.__qualname__}"

    def is_own(self, value: Any) -> bool:
        return str(getattr(value, "__module__", "")).startswith(self.src)

    def classes(self) -> dict[str, type]:
        """Public classes, and the private ones that are layers or bases of public ones."""
        layer = self.keras.layers.Layer
        found = {self.names[id(v)]: v for v in self.public.values() if inspect.isclass(v)}
        for module in self.modules:
            if any(part in module.__name__ for part in ANTIQUE):
                continue
            for value in vars(module).values():
                defined_here = inspect.isclass(value) and value.__module__ == module.__name__
                if defined_here and issubclass(value, layer):
                    found.setdefault(self.canonical(value), value)
        for value in list(found.values()):
            for base in self.bases(value):
                if self.is_own(base):
                    found.setdefault(self.canonical(base), base)
        return dict(sorted(found.items()))

    def bases(self, cls: type) -> list[type]:
        """Bases that mean something to a user: what only the TensorFlow backend has is left out."""
        return [
            b
            for b in cls.__mro__[1:]
            if (self.is_own(b) and not b.__module__.startswith(f"{self.src}.backend.tensorflow"))
            or b is self.tf.Module
        ]

    def aliases(self, classes: dict[str, type]) -> dict[str, str]:
        """Spelling below the package ("layers.core.dense.Dense") → canonical name, where the two differ."""
        by_id = {id(cls): name for name, cls in classes.items()} | self.names
        found = {}
        for dotted, value in self.public.items():
            # Names of one object need not be names of one thing: in Keras 3, all of keras.optimizers.legacy
            # is one class that only raises.
            if id(value) in by_id and by_id[id(value)].endswith(f".{getattr(value, '__name__', None)}"):
                found[dotted.removeprefix("keras.")] = by_id[id(value)]
        for module in self.modules:
            is_package = hasattr(module, "__path__")
            below = module.__name__[len(self.src) :].lstrip(".")
            for key, value in vars(module).items():
                defined_here = getattr(value, "__module__", None) == module.__name__
                if id(value) in by_id and (is_package or defined_here) and not key.startswith("__"):
                    found.setdefault(f"{below}.{key}".lstrip("."), by_id[id(value)])
        if self.generation == 3:  # one variable class for each backend, of which one is imported here
            found |= dict.fromkeys(VARIABLES, "keras.Variable")
        else:
            # Where Keras 3 has it.
            found["models.functional.Functional"] = "keras.src.engine.functional.Functional"
        return {key: name for key, name in sorted(found.items()) if "keras." + key != name}

    def kind(self, cls: type) -> str:
        keras = self.keras
        kinds: list[tuple[str, Any]] = [
            ("model", keras.Model),
            ("metric", keras.metrics.Metric),
            ("layer", keras.layers.Layer),
            ("loss", keras.losses.Loss),
            ("optimizer", keras.optimizers.Optimizer),
            ("initializer", keras.initializers.Initializer),
            ("regularizer", keras.regularizers.Regularizer),
            ("constraint", keras.constraints.Constraint),
        ]
        if self.generation == 3:
            variable = importlib.import_module("keras.src.backend.common.variables").Variable
            kinds += [("seed_generator", keras.random.SeedGenerator), ("variable", variable)]
        else:
            legacy = getattr(keras.optimizers, "legacy", None)
            kinds += [("optimizer", legacy.Optimizer)] if legacy else []
        return next((name for name, base in kinds if base and issubclass(cls, base)), "other")

    def describe(self, cls: Any) -> dict[str, Any]:
        """Everything that the catalogue says of one class."""
        base = self.keras.layers.Layer
        is_layer = issubclass(cls, base)
        own_shape = is_layer and cls.compute_output_shape is not base.compute_output_shape
        row: dict[str, Any] = {
            "kind": self.kind(cls),
            "bases": [name for b in self.bases(cls) if (name := self.canonical(b)) != self.canonical(cls)],
            "init": [p.name for p in parameters(cls.__init__)],
            "build": [p.name for p in parameters(getattr(cls, "build", None))],
            "call": [p.name for p in parameters(getattr(cls, "call", None))],
            "own_build": is_layer and cls.build is not base.build,
            "own_compute_output_shape": own_shape,
        }
        row.update(self.measure_layer(cls) if row["kind"] in ("layer", "model") else self.measure_other(cls))
        return row

    def measure_other(self, cls: Any) -> dict[str, Any]:
        """Metrics, optimizers and the like: variables straight after construction."""
        try:
            made = cls()
        except Exception:
            return {"has_weights": "depends" if self.kind(cls) in ("metric", "optimizer") else "no"}
        weights = getattr(made, "variables", None)
        weights = list((weights() if callable(weights) else weights) or [])
        own = {"has_weights": "yes" if weights else "no", "builds_in_init": bool(weights)}
        return own | {"has_seed": self.has_seed(made)}

    def measure_layer(self, cls: Any) -> dict[str, Any]:
        """Weights, seeds and wrapped layers of a layer class, by making and calling one."""
        row: dict[str, Any] = {"has_weights": "depends"}
        given = arguments_for(self.keras, cls)
        base = self.keras.layers.Layer
        row["wraps"] = [
            name
            for name, value in given().items()
            if isinstance(value[0] if isinstance(value, list) else value, base)
        ]
        found = self.try_layer(cls, given)
        if found is None or cls in (base, self.keras.Model, self.keras.Sequential):
            return row
        layer, early, call_arguments = found
        row["builds_in_init"] = bool(early)
        row["has_seed"] = self.has_seed(layer)
        weights = self.weight_names(layer)
        if row["wraps"]:
            row["has_weights"] = "yes" if self.own_variables(layer) else "depends"
            return row
        row["weights"] = weights
        trainable = self.weight_names(layer, trainable=True)
        row["non_trainable"] = [n for n in weights if n not in trainable]
        optional, added = {}, {}
        for name, value in self.switches(cls):
            switched = functools.partial(lambda name, value: {**given(), name: value}, name, value)
            changed = self.try_layer(cls, switched, call_arguments)
            if changed is not None:
                now = self.weight_names(changed[0])
                if value is False:
                    optional.update({n: name for n in weights if n not in now})
                else:
                    added.update({n: name for n in now if n not in weights})
        row["optional_weights"], row["added_weights"] = optional, added
        row["has_weights"] = "yes" if weights else "depends" if added else "no"
        return row

    def switches(self, cls: Any) -> Iterator[tuple[str, Any]]:
        """Constructor keywords that may add or take away weights, each with a value not its default."""
        for parameter in parameters(cls.__init__):
            if isinstance(parameter.default, bool) and parameter.name not in ("trainable", "autocast"):
                yield parameter.name, not parameter.default
            elif parameter.name == "bias_axes":
                yield parameter.name, "c"

    def try_layer(
        self, cls: Any, arguments: Arguments, call: tuple[Any, ...] | None = None
    ) -> tuple[Any, list[str], tuple[Any, ...]] | None:
        """The layer after a call, its weights before it, and the arguments of the call that worked."""
        try:
            probe = cls(**arguments())
            early = self.weight_names(probe)
            if "InputLayer" in cls.__name__:  # nobody calls it
                return probe, early, ()
            for inputs in [call] if call else inputs_for(self.keras, probe):
                layer = cls(**arguments())
                if self.can_call(layer, inputs):
                    return layer, early, inputs
            print(f"not called: {cls.__qualname__}", file=sys.stderr)
        except Exception as error:  # arguments unknown here, abstract classes
            print(f"not constructed: {cls.__qualname__}: {str(error)[:150]}", file=sys.stderr)
        return None

    def can_call(self, layer: Any, inputs: tuple[Any, ...]) -> bool:
        try:
            layer(*inputs)
        except Exception:
            return False
        return True

    def own_variables(self, layer: Any) -> list[Any]:
        if self.generation == 3:
            return [*layer._trainable_variables, *layer._non_trainable_variables]
        return [*layer._trainable_weights, *layer._non_trainable_weights]

    def weight_names(self, layer: Any, trainable: bool = False) -> list[str]:
        """Names in creation order, the layer's own name cut off ("kernel", "query/kernel")."""
        try:
            found = layer.trainable_weights if trainable else layer.weights
        except (ValueError, AttributeError):  # a Keras 2 model that isn't built, a layer of graph mode
            return []
        names = []
        for weight in found:
            name = (weight.path if self.generation == 3 else weight.name).split(":")[0]
            head, _, rest = name.partition("/")
            names.append(rest if rest and head == layer.name else name)
        return names

    def has_seed(self, made: Any) -> bool:
        if self.generation == 3:
            seed = self.keras.random.SeedGenerator
            flat = made._flatten_layers() if hasattr(made, "_flatten_layers") else [made]
            return any(isinstance(v, seed) for layer in flat for v in vars(layer).values())
        flat = made._flatten_layers() if hasattr(made, "_flatten_layers") else [made]
        return any("RandomGenerator" in type(v).__name__ for layer in flat for v in vars(layer).values())

    def functions(self) -> list[str]:
        """Canonical names of the public functions; those that build a model are listed by `models`."""
        return sorted(
            {
                self.names[id(v)]
                for d, v in self.public.items()
                if callable(v) and not inspect.isclass(v) and self.is_own(v) and "__internal__" not in d
            }
        )

    def reserved(self, cls: Any) -> dict[str, str]:
        """Attributes of a bare instance, and what an assignment to each meets."""
        instance = cls()
        found = {}
        for name in sorted({*dir(cls), *vars(instance)}):
            if name.startswith("__") and name.endswith("__"):
                continue
            value = inspect.getattr_static(cls, name, None)
            if isinstance(value, property):
                found[name] = "property" if value.fset and takes_something(cls(), name) else "read-only"
            else:  # an instance of Keras 3 holds its own wrapped `build`: still a method
                found[name] = "method" if callable(getattr(cls, name, None)) else "attribute"
        return found


def takes_something(instance: Any, name: str) -> bool:
    """Whether the setter of a property takes any value: that of a model's `layers` raises whatever comes."""
    for value in (None, True, "text", [], object()):
        try:
            setattr(instance, name, value)
        except AttributeError:
            continue
        except Exception:
            return True
        return True
    return False


def catalogue_of(package: Package) -> dict[str, Any]:
    classes = package.classes()
    functions = package.functions()
    layer, model = package.keras.layers.Layer, package.keras.Model
    reserved = {"keras.layers.Layer": package.reserved(layer), "keras.Model": package.reserved(model)}
    of_layer, of_model = reserved["keras.layers.Layer"], reserved["keras.Model"]
    only_model = {name: what for name, what in of_model.items() if of_layer.get(name) != what}
    overwritten = {
        "keras.layers.Layer": overwriting(package.keras, layer, of_layer),
        "keras.Model": overwriting(package.keras, model, only_model),
    }
    rows = {name: package.describe(cls) for name, cls in classes.items()}
    settle_abstract(rows)
    return {
        "measured": [f"{package.name} {package.keras.__version__}, tensorflow {package.tf.__version__}"],
        "classes": {name: compact(row) for name, row in rows.items()},
        "functions": functions,
        "models": [
            n for n in functions if n.startswith("keras.applications.") and n.rsplit(".", 1)[-1][0].isupper()
        ],
        "reserved": reserved,
        "overwritten": overwritten,
        "aliases": package.aliases(classes),
    }


def settle_abstract(rows: dict[str, dict[str, Any]]) -> None:
    """A private base that can't be called has no weights if no public class made from it has any."""
    for name, row in rows.items():
        if row["kind"] == "layer" and row["has_weights"] == "depends" and name.startswith("keras.src."):
            below = [r for n, r in rows.items() if name in r["bases"] and not n.startswith("keras.src.")]
            if below and all(r["has_weights"] == "no" for r in below):
                row["has_weights"] = "no"


def compact(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what is false or empty: absent means so."""
    return {key: value for key, value in row.items() if value not in (False, [], {}, "no", "other")}


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old`, with what only `new` has; differences in measured facts are printed."""
    for name in sorted(old["classes"].keys() & new["classes"].keys()):
        for key in ("kind", "has_weights", "weights", "own_build", "own_compute_output_shape", "wraps"):
            before, now = old["classes"][name].get(key), new["classes"][name].get(key)
            if before != now:
                print(f"differs: {name}.{key}: {before} / {now}", file=sys.stderr)
    for name in sorted(old["classes"].keys() ^ new["classes"].keys()):
        print("only in one:", name, file=sys.stderr)
    return {
        "measured": sorted({*old["measured"], *new["measured"]}),
        "classes": dict(sorted({**new["classes"], **old["classes"]}.items())),
        "functions": sorted({*old["functions"], *new["functions"]}),
        "models": sorted({*old["models"], *new["models"]}),
        "reserved": {
            name: dict(sorted({**new["reserved"][name], **old["reserved"][name]}.items()))
            for name in old["reserved"]
        },
        "overwritten": {
            name: dict(sorted({**row, **old.get("overwritten", {}).get(name, {})}.items()))
            for name, row in new["overwritten"].items()
        },
        "aliases": dict(sorted({**new["aliases"], **old["aliases"]}.items())),
    }


def text_of(data: dict[str, Any]) -> str:
    """JSON with one line for each class, so that a diff can be read."""

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    parts = []
    for key, value in data.items():
        if key in ("classes", "reserved", "overwritten"):
            rows = ",\n".join(f"{dump(name)}:{dump(row)}" for name, row in value.items())
            parts.append(f"{dump(key)}:{{\n{rows}\n}}")
        else:
            parts.append(f"{dump(key)}:{dump(value)}")
    return "{" + ",\n".join(parts) + "}\n"


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("package", choices=("keras", "tf_keras"))
    parser.add_argument("--fresh", action="store_true", help="forget what the file says at present")
    options = parser.parse_args()
    package = Package(options.package)
    data = catalogue_of(package)
    target = HERE / f"keras{package.generation}.json"
    if target.exists() and not options.fresh:
        data = merged(json.loads(target.read_text(encoding="utf-8")), data)
    target.write_text(text_of(data), encoding="utf-8")
    print(f"{target.name}: {len(data['classes'])} classes, {len(data['aliases'])} aliases")


if __name__ == "__main__":
    main()
