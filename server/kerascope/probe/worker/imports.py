"""Importing Keras before the first check, and what else a check is going to import."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import sys
import threading
import types
from typing import AbstractSet as Set
from typing import Any, Callable, Iterable, Mapping, Sequence


class Failed(Exception):
    """Keras can't be imported; the text is for the user."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class LegacyKeras(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `import keras.layers` give tf_keras' module of that name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == "keras" or name.startswith("keras."):
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module("tf_" + module.__name__)


def import_keras(say: Callable[[str], None]) -> dict[str, str]:
    """Imports Keras as the environment's variables want it; returns the versions."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    in_place = os.environ.get("KERASCOPE_KERAS") == "tf_keras"
    if not (legacy or in_place):
        _choose_backend()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if legacy or in_place or backend == "tensorflow":
        say("importing TensorFlow")
        _import("tensorflow", wanted=legacy or in_place)
    if in_place:
        sys.meta_path.insert(0, LegacyKeras())
    say("importing Keras")
    _import("tf_keras" if legacy or in_place else "keras", wanted=True)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        with contextlib.suppress(Exception):
            # Loads what hides behind the lazy attribute.
            getattr(tensorflow, "keras").layers.Layer  # noqa: B009, B018
    return versions()


def _choose_backend() -> None:
    """Where the backend of Keras 3 isn't said, and the one in its settings isn't there, it's one that is."""
    if "KERAS_BACKEND" in os.environ:
        return
    wanted = "tensorflow"
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    with contextlib.suppress(Exception), open(os.path.join(home, "keras.json"), encoding="utf-8") as file:
        wanted = str(json.load(file).get("backend", wanted))  # Keras writes this file itself
    installed = [name for name in (wanted, "tensorflow", "jax", "torch") if importlib.util.find_spec(name)]
    if installed and installed[0] != wanted:
        os.environ["KERAS_BACKEND"] = installed[0]


def _import(name: str, wanted: bool) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not wanted and error.name == name:
            return
        raise missing(name, error) from error
    except BaseException as error:
        raise Failed("broken", f"`import {name}` fails in {python()}: {said(error)}") from error


def missing(name: str, error: ModuleNotFoundError) -> Failed:
    lacks = error.name or name
    known = {
        "keras": ("Keras", "tensorflow"),
        "tensorflow": ("TensorFlow", "tensorflow"),
        "tf_keras": ("tf_keras", "tf_keras"),
        "jax": ("JAX", "jax"),
        "torch": ("PyTorch", "torch"),
    }
    top = lacks.partition(".")[0]
    if top not in known or lacks != top:
        return Failed("broken", f"`import {name}` fails in {python()}: {said(error)}")
    title, package = known[top]
    what = f"{python()} has no {title}"
    if name != top:
        what += ", which its Keras needs"
    return Failed("missing", f"{what}: install {package} there, or choose another interpreter.")


def python() -> str:
    return "{} (Python {})".format(sys.executable or "this interpreter", sys.version.split()[0])


def said(error: BaseException) -> str:
    """The kind and the first line of an exception's text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__
    return f"{kind}: {lines[0]}" if lines else kind


def package_folders() -> list[str]:
    """Where packages are installed for this interpreter."""
    return [path for path in sys.path if path.rstrip("/\\").endswith(("site-packages", "dist-packages"))]


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in ("keras", "tf_keras", "tensorflow", "jax", "torch"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    keras: Any = sys.modules.get("keras")
    legacy = keras is None or keras is sys.modules.get("tf_keras")
    if keras is not None and keras is sys.modules.get("tf_keras"):
        found.pop("keras", None)
    legacy = legacy or os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    found["generation"] = "2" if legacy or found.get("keras", "2").startswith("2.") else "3"
    try:
        found["backend"] = str(keras.backend.backend()) if found["generation"] == "3" else "tensorflow"
    except Exception:
        found["backend"] = os.environ.get("KERAS_BACKEND", "tensorflow")
    return found


_IMPORT = re.compile(r"^(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([^\n#;]+))", re.M)


def imported(modules: Iterable[Mapping[str, Any]]) -> list[str]:
    """The absolute modules that a slice imports at its top level, its own left out."""
    own = {str(module["name"]).partition(".")[0] for module in modules}
    names: dict[str, None] = {}
    for module in modules:
        for found in _IMPORT.finditer(str(module["text"])):
            listed = [found.group(1)] if found.group(1) else found.group(2).split(",")
            for item in listed:
                name = item.strip().split(" ")[0]
                if re.match(r"[A-Za-z_][\w.]*$", name) and name.partition(".")[0] not in own:
                    names[name] = None
    return list(names)


def came_since(before: Set[str], request: Mapping[str, Any]) -> list[str]:
    """Installed modules that were imported meanwhile: the next check will want them as well."""
    own = {str(module["name"]).partition(".")[0] for module in request["slice"]["modules"]}
    came = []
    for name, module in list(sys.modules.items()):
        if name in before or name.partition(".")[0] in own:
            continue
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if origin is not None and _is_installed(str(origin)):
            came.append(name)
    return came


def worth_preloading(names: Iterable[str]) -> list[str]:
    """Those that aren't imported yet and are installed. Code that somebody works on is read each time."""
    found = []
    for name in names:
        top = name.partition(".")[0]
        if name not in sys.modules and (top in sys.modules or _has_installed(top)):
            found.append(name)
    return found


def _has_installed(top: str) -> bool:
    try:
        spec = importlib.util.find_spec(top)
    except Exception:
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return all(_is_installed(place) for place in places)


def _is_installed(place: str) -> bool:
    if place in ("built-in", "frozen"):
        return True
    if re.search(r"[\\/](?:site|dist)-packages[\\/]", place):
        return True
    return os.path.abspath(place).startswith(os.path.join(os.path.dirname(os.__file__), ""))


def preload(names: Iterable[str]) -> str | None:
    """Imports the modules; returns why a process that did so can't be forked, or None."""
    before = threads()
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as error:
            return said(error)
    if threads() > before:
        return "it starts threads"
    return None


def threads() -> int:
    """How many threads this process has."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
