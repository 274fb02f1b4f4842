"""Runs the slice: exactly its modules, from the text that was sent, at the lines of the user's files."""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import time
from types import ModuleType
from typing import Any, Mapping, Sequence

# What the worker and Keras themselves stand on: never replaced by a module of the project.
_PROTECTED = {"keras", "tf_keras", "tensorflow", "jax", "jaxlib", "torch", "numpy", "h5py"}
_PROTECTED |= {"_kerascope_worker", "__main__"}
_SLOW = 0.05


class Loading(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and runs the modules of one slice. `imports` then has the seconds of slow foreign packages."""

    def __init__(self, slice_: Mapping[str, Any], root: str) -> None:
        self.modules: dict[str, Mapping[str, Any]] = {module["name"]: module for module in slice_["modules"]}
        self.target: str = slice_["target"]
        self.imports: dict[str, float] = {}
        self._root = root
        self._parents = _parents(self.modules)
        # A project's `random.py`: only the project's own imports may get it.
        self._shadows = {
            name
            for name in self.modules
            if name.split(".")[0] in sys.modules and _is_protected(name.split(".")[0])
        }
        self._private: dict[str, ModuleType] = {}
        self._import = builtins.__import__
        self._depth = 0

    def run(self) -> ModuleType:
        """The module of the class, run. Whatever its code raises comes out."""
        for module in self.modules.values():
            text = module["text"]
            linecache.cache[module["path"]] = (len(text), None, text.splitlines(True), module["path"])
        for name in self.modules:
            if name not in self._shadows and not _is_protected(name.split(".")[0]):
                sys.modules.pop(name, None)
        if self._root and self._root not in sys.path:
            sys.path.append(self._root)
        sys.meta_path.insert(0, self)
        builtins.__import__ = self._watched_import
        try:
            if self.target in self._shadows:
                return self._run_privately(self.target)
            __import__(self.target)
            return sys.modules[self.target]
        finally:
            if not self._shadows:
                builtins.__import__ = self._import

    def loaded(self) -> dict[str, ModuleType]:
        """The slice's modules that have run."""
        found = {name: self._private.get(name) or sys.modules.get(name) for name in self.modules}
        return {name: module for name, module in found.items() if module is not None}

    # The finder.

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        module = self.modules.get(name)
        if module is not None and name not in self._shadows:
            spec = importlib.util.spec_from_file_location(name, module["path"], loader=self)
            if spec is not None and module["is_package"]:
                spec.submodule_search_locations = [os.path.dirname(module["path"])]
            return spec
        folder = self._parents.get(name)
        if folder is not None and not _is_protected(name.split(".")[0]):
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [folder]
            return spec
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._execute(self.modules[module.__name__], module)

    def _execute(self, sliced: Mapping[str, Any], module: ModuleType) -> None:
        code = compile(sliced["text"], sliced["path"], "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def _run_privately(self, name: str) -> ModuleType:
        """A module that may not stand under its name in `sys.modules`."""
        sliced = self.modules[name]
        module = ModuleType(name)
        module.__file__ = sliced["path"]
        module.__package__ = name if sliced["is_package"] else name.rpartition(".")[0]
        if sliced["is_package"]:
            module.__path__ = [os.path.dirname(sliced["path"])]
        self._private[name] = module
        self._execute(sliced, module)
        return module

    def _watched_import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and name in self._shadows and name.split(".")[0] not in _PROTECTED:
            if globals is not None and globals.get("__name__") in self.modules:
                module = self._private.get(name) or self._run_privately(name)
                if fromlist or "." not in name:
                    return module
            return self._import(name, globals, locals, fromlist, level)
        top = name.split(".")[0]
        if level or self._depth or top in sys.modules or top in self.modules or top in self._parents:
            return self._import(name, globals, locals, fromlist, level)
        self._depth += 1
        start = time.perf_counter()
        try:
            return self._import(name, globals, locals, fromlist, level)
        finally:
            self._depth -= 1
            seconds = time.perf_counter() - start
            if seconds > _SLOW and not any(known.split(".")[0] == top for known in self.modules):
                self.imports[top] = round(seconds, 3)


def _is_protected(top: str) -> bool:
    standard = getattr(sys, "stdlib_module_names", None)
    if standard is None:
        module = sys.modules.get(top)
        path = getattr(module, "__file__", None) or ""
        in_library = path.startswith(os.path.dirname(os.__file__)) and "site-packages" not in path
        return top in _PROTECTED or top in sys.builtin_module_names or in_library
    return top in _PROTECTED or top in standard


def _parents(modules: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The packages above the slice's modules that aren't in it, with their folders."""
    found: dict[str, str] = {}
    for name, module in modules.items():
        folder = os.path.dirname(module["path"])
        if module["is_package"]:
            folder = os.path.dirname(folder)
        while "." in name:
            name = name.rpartition(".")[0]
            if name not in modules:
                found.setdefault(name, folder)
            folder = os.path.dirname(folder)
    return found
