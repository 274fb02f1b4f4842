"""Which interpreter a project uses, which packages that interpreter sees, and which Keras that makes.

Nothing is ever started here: all is read from where files lie, so a hostile workspace can't run anything,
and a broken one only makes the answer poorer.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from kerascope.project.catalogue import Generation, canonical, catalogue

FoundBy = Literal["setting", "editor", "VIRTUAL_ENV", "workspace", "PATH"]
KerasSetting = Literal["auto", "2", "3", "both"]

_PACKAGES = {
    "keras": "keras",
    "keras-nightly": "keras",
    "tf-keras": "tf_keras",
    "tf-keras-nightly": "tf_keras",
    "keras-hub": "keras_hub",
    **dict.fromkeys(
        (
            "tensorflow",
            "tensorflow-cpu",
            "tensorflow-cpu-aws",
            "tensorflow-gpu",
            "tensorflow-intel",
            "tensorflow-macos",
            "tensorflow-rocm",
            "tf-nightly",
            "tf-nightly-cpu",
        ),
        "tensorflow",
    ),
}
_METADATA = re.compile(r"(?P<name>[A-Za-z0-9_.]+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info", re.I)
_VERSION_LINE = re.compile(r"^__version__\s*=\s*[\"']([^\"']+)[\"']", re.M)
_LARGEST_FILE = 1 << 18


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter and what is installed for it, as far as files tell.

    `python`: the interpreter's path, None if none was found. `found_by`: who named it. `search_paths`:
    folders of importable code, in order (editable installs included). `versions`: of "keras", "tf_keras",
    "tensorflow" and "keras_hub", those installed; "" where a package is there without its version.
    `legacy_keras`: whether TF_USE_LEGACY_KERAS asks TensorFlow for tf_keras. `notes`: what a user should
    know, for example that the interpreter in the settings doesn't exist.
    """

    python: str | None = None
    found_by: FoundBy | None = None
    search_paths: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    legacy_keras: bool = False
    notes: tuple[str, ...] = ()

    def generation(self, origin: str = "keras") -> Generation | None:
        """The Keras that `import keras` (origin "keras") or `tf.keras` ("tf") gives; None: not installed."""
        if origin == "tf_keras":
            return 2
        tensorflow = _number(self.versions.get("tensorflow"))
        keras = _number(self.versions.get("keras"))
        if origin == "tf" and tensorflow is not None:
            if tensorflow <= (2, 15):
                return 2
            return 2 if self.legacy_keras else 3
        if keras is not None:
            return 2 if keras < (3,) else 3
        if tensorflow is not None:
            return 2 if tensorflow <= (2, 15) else 3
        return 2 if "tf_keras" in self.versions else None

    def keras_version(self, generation: Generation) -> tuple[int, ...] | None:
        """The installed Keras of a generation: (3, 15) for 3.15.1. None: there is none, or it isn't known."""
        found = (_number(self.versions.get(package)) for package in ("keras", "tf_keras"))
        return next((version for version in found if version is not None and version[0] == generation), None)


@dataclass(frozen=True, slots=True)
class KerasChoice:
    """The generations for which a file is checked, and a sentence on why."""

    generations: tuple[Generation, ...]
    note: str


def find_environment(
    root: str | None,
    *,
    setting: str | None = None,
    editor: str | None = None,
    trusted: bool = True,
    environ: Mapping[str, str] | None = None,
) -> Environment:
    """The environment of the workspace folder `root`.

    `setting`: the interpreter that the user set, `editor`: the one that the editor uses; each a file, a
    virtual environment's folder or a name on PATH. In a workspace that isn't `trusted`, an interpreter
    inside it is ignored.
    """
    environ = os.environ if environ is None else environ
    legacy = environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")
    notes: list[str] = []
    for found_by, named in _candidates(root, setting, editor, environ):
        python = _interpreter(named, root, environ)
        if python is None:
            if found_by in ("setting", "editor"):
                notes.append(
                    f"The interpreter {named} ({_SAID_BY[found_by]}) does not exist: looking further."
                )
            continue
        if root is not None and not trusted and _inside(python, root):
            notes.append(f"The interpreter {python} is in a workspace that is not trusted: ignored.")
            continue
        paths = tuple(_search_paths(python, root, environ))
        return Environment(str(python), found_by, paths, _versions(paths), legacy, tuple(notes))
    notes.append("No Python interpreter was found: set one to have installed packages looked up.")
    return Environment(legacy_keras=legacy, notes=tuple(notes))


_SAID_BY = {"setting": "set as `python`", "editor": "chosen in the editor"}


def choose_keras(
    environment: Environment,
    setting: KerasSetting = "auto",
    names: Iterable[str] = (),
    legacy_in_file: bool = False,
) -> KerasChoice:
    """For which generations of Keras a file is checked.

    `names`: the dotted names that the file imports or uses, import aliases undone but spelled as in the
    file ("tf_keras.layers.Dense", "keras.ops"). `legacy_in_file`: the file itself sets TF_USE_LEGACY_KERAS.
    """
    if setting in ("2", "3"):
        return KerasChoice((2,) if setting == "2" else (3,), f"Keras {setting}, as set.")
    evidence = _Evidence.of(names)
    if setting == "both":
        if evidence.origins == {"tf_keras"}:
            return KerasChoice((2,), "Keras 2: the file uses no Keras but tf_keras.")
        return KerasChoice((2, 3), "Keras 2 and 3, as set.")
    if evidence.certain is not None:
        return KerasChoice(
            (evidence.certain,), f"Keras {evidence.certain}: the file uses {evidence.because}."
        )
    if legacy_in_file and evidence.origins == {"tf"}:
        return KerasChoice((2,), "Keras 2: the file sets TF_USE_LEGACY_KERAS.")
    origin = "tf" if evidence.origins == {"tf"} else "keras"
    installed = environment.generation(origin)
    where = environment.python or "any interpreter"
    if installed is not None:
        versions = sorted(environment.versions.items())
        shown = ", ".join(f"{name} {version}".strip() for name, version in versions)
        legacy = ", TF_USE_LEGACY_KERAS" if environment.legacy_keras and origin == "tf" else ""
        return KerasChoice((installed,), f"Keras {installed}: {where} has {shown}{legacy}.")
    missing = f"Neither TensorFlow nor Keras is installed in {where}"
    if evidence.likely is not None:
        note = f"{missing}: Keras {evidence.likely}, since the file uses {evidence.because}."
        return KerasChoice((evidence.likely,), note)
    return KerasChoice((3,), f"{missing}: assuming Keras 3.")


# --- What a file's names tell ---

_ONLY_3 = ("keras.ops", "keras.random", "keras.Variable", "keras.tree", "keras.distribution")
_ONLY_3_PACKAGES = ("keras_hub", "keras_core")


@dataclass(frozen=True, slots=True)
class _Evidence:
    certain: Generation | None
    likely: Generation | None
    because: str
    origins: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> _Evidence:
        certain: dict[Generation, str] = {}
        likely: dict[Generation, str] = {}
        origins = set()
        for dotted in names:
            package = dotted.split(".", 1)[0]
            if package in _ONLY_3_PACKAGES:
                certain.setdefault(3, package)
                continue
            known = canonical(dotted)
            if known is None:
                continue
            name, origin = known
            if not name.startswith("keras") or name.startswith("tensorflow"):
                continue
            origins.add(origin)
            if origin == "tf_keras":
                certain.setdefault(2, "tf_keras")
            elif dotted.startswith(("tensorflow.python.keras", "tf.python.keras")):
                certain.setdefault(2, "tensorflow.python.keras")
            elif any(name == only or name.startswith(f"{only}.") for only in _ONLY_3):
                certain.setdefault(3, name)
            else:
                in_2, in_3 = _lists(2, name), _lists(3, name)
                if in_2 != in_3:
                    likely.setdefault(3 if in_3 else 2, dotted)
        one = next(iter(certain)) if len(certain) == 1 else None
        other = next(iter(likely)) if len(likely) == 1 else None
        because = certain[one] if one else likely[other] if other else ""
        return cls(one, other, because, frozenset(origins))


def _lists(generation: Generation, name: str) -> bool:
    data = catalogue(generation)
    return data.get(name) is not None or data.is_function(name)


# --- Which interpreter ---


def _candidates(
    root: str | None, setting: str | None, editor: str | None, environ: Mapping[str, str]
) -> Iterator[tuple[FoundBy, str]]:
    if setting:
        yield "setting", setting
    if editor:
        yield "editor", editor
    if active := environ.get("VIRTUAL_ENV"):
        yield "VIRTUAL_ENV", active
    if root is not None:
        for name in (".venv", "venv"):
            yield "workspace", str(Path(root, name))
    for name in ("python3", "python"):
        yield "PATH", name


def _interpreter(named: str, root: str | None, environ: Mapping[str, str]) -> Path | None:
    """The interpreter's own path. Links aren't followed: a link's place tells the virtual environment."""
    if "\0" in named:
        return None
    if os.sep not in named and "/" not in named and not named.startswith("~"):
        found = shutil.which(named, path=environ.get("PATH", os.defpath))
        if found is not None:
            return Path(found).absolute()
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # no home folder
        return None
    if not path.is_absolute():
        path = Path(root or ".", path)
    path = Path(os.path.normpath(path))
    if _is_folder(path):
        inside = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
        return next((path / name for name in inside if _is_file(path / name)), None)
    return path if _is_file(path) else None


def _inside(python: Path, root: str) -> bool:
    """Whether the interpreter lies in `root`, by its own path or by the folder that this path leads to."""
    for place in (python, Path(os.path.realpath(python.parent)), Path(os.path.realpath(python))):
        for base in (Path(os.path.normpath(Path(root).absolute())), Path(os.path.realpath(root))):
            if base == place or base in place.parents:
                return True
    return False


# --- Which packages ---


def _search_paths(python: Path, root: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    for site in _sites(python, root, environ):
        for folder in (site, *_editable(site)):
            real = os.path.realpath(folder)  # lib64 is often a link to lib
            if real not in seen:
                seen.add(real)
                yield str(folder)


def _sites(python: Path, root: str | None, environ: Mapping[str, str]) -> Iterator[Path]:
    """The site-packages folders of an interpreter."""
    prefix = _prefix(python)
    if python.parent.name == "shims":  # pyenv's stand-ins
        prefix = _pyenv_prefix(python.parent.parent, root, environ) or prefix
    config = _venv_config(prefix)
    if config is not None:
        version = config.get("version_info", config.get("version", ""))
        yield from _sites_below(prefix, ".".join(version.split(".")[:2]))
        if config.get("include-system-site-packages", "").lower() == "true" and config.get("home"):
            home = Path(config["home"])
            yield from _sites_below(home.parent if home.name in ("bin", "Scripts") else home, "")
        return
    below = list(_sites_below(prefix, _version_in_name(python)))
    target = Path(os.path.realpath(python))
    if not below and target != python:  # a link from a folder of commands to the real place
        below = list(_sites_below(_prefix(target), _version_in_name(target)))
    yield from below
    if "HOME" in environ and not environ.get("PYTHONNOUSERSITE"):
        yield from _sites_below(Path(environ["HOME"], ".local"), _version_in_name(python))


def _prefix(python: Path) -> Path:
    return (
        python.parent.parent if python.parent.name.lower() in ("bin", "scripts", "shims") else python.parent
    )


def _version_in_name(python: Path) -> str:
    """ "3.11" for `python3.11`, or for a link to one; "" where the name doesn't say."""
    for path in (python, Path(os.path.realpath(python))):
        if found := re.fullmatch(r"(?:python|pypy)(3\.\d+)t?(?:\.exe)?", path.name):
            return found[1]
    return ""


def _sites_below(prefix: Path, version: str) -> Iterator[Path]:
    """`lib/python3.11/site-packages` and its relatives below `prefix`; of `version`, where that is known."""
    for lib in (prefix / "lib", prefix / "lib64", prefix / "local" / "lib"):
        for folder in _entries(lib):
            found = re.fullmatch(r"(?:python|pypy)(3(?:\.\d+)?)t?", folder.name)
            if found and (not version or found[1] in (version, "3")):
                for name in ("site-packages", "dist-packages"):
                    if _is_folder(folder / name):
                        yield folder / name
    if _is_folder(prefix / "Lib" / "site-packages"):  # Windows
        yield prefix / "Lib" / "site-packages"


def _pyenv_prefix(pyenv: Path, root: str | None, environ: Mapping[str, str]) -> Path | None:
    named = environ.get("PYENV_VERSION", "")
    for place in ([Path(root, ".python-version")] if root else []) + [pyenv / "version"]:
        named = named or _read(place).strip()
    version = named.split(":")[0].split("\n")[0].strip()
    exact = pyenv / "versions" / version
    if version and "/" not in version and ".." not in version:
        if _is_folder(exact):
            return exact
        return next((f for f in _entries(pyenv / "versions") if f.name.startswith(f"{version}.")), None)
    return None


def _venv_config(prefix: Path) -> dict[str, str] | None:
    """The keys of `pyvenv.cfg`; None where there is none."""
    if not _is_file(prefix / "pyvenv.cfg"):
        return None
    lines = (line.partition("=") for line in _read(prefix / "pyvenv.cfg").splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in lines}


def _editable(site: Path) -> Iterator[Path]:
    """Folders that a site-packages folder adds: path lines of `.pth` files, and setuptools' finders."""
    for entry in _entries(site):
        if entry.name.endswith(".pth"):
            for line in _read(entry).splitlines():
                line = line.strip()
                if line and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
                    folder = Path(os.path.normpath(site / line))
                    if _is_folder(folder):
                        yield folder
        elif entry.name.startswith("__editable__") and entry.name.endswith("_finder.py"):
            yield from _mapped_folders(_read(entry))


def _mapped_folders(text: str) -> Iterator[Path]:
    found = re.search(r"^MAPPING\b[^=\n]*=\s*(\{.*\})\s*$", text, re.M)
    try:
        mapping = ast.literal_eval(found[1]) if found else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return
    for name, place in mapping.items() if isinstance(mapping, dict) else ():
        if isinstance(name, str) and isinstance(place, str) and Path(place).name == name.split(".")[-1]:
            folder = Path(place).parents[min(name.count("."), len(Path(place).parents) - 1)]
            if _is_folder(folder):
                yield folder


def _versions(search_paths: Iterable[str]) -> dict[str, str]:
    """Versions of the packages that matter here, by the names of their metadata; the first path wins."""
    found: dict[str, str] = {}
    for site in map(Path, search_paths):
        here: dict[str, str] = {}
        names = set()
        for entry in _entries(site):
            names.add(entry.name)
            if metadata := _METADATA.fullmatch(entry.name):
                package = _PACKAGES.get(_normal(metadata["name"]))
                if package is not None:
                    here[package] = max(here.get(package, ""), metadata["version"], key=_number_or_zero)
        for package in ("keras", "tf_keras", "tensorflow"):
            if package not in here and package in names:
                version = _version_in_source(site / package)
                if version is not None:
                    here[package] = version
        found = {**here, **found}
    return found


def _normal(name: str) -> str:
    """A distribution's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=500)
def unaware_of_keras(search_paths: tuple[str, ...], package: str) -> bool:
    """Whether an installed package's own metadata mentions neither Keras nor TensorFlow: what it needs and
    what it says of itself. False for one that isn't found by its name."""
    for site in map(Path, search_paths):
        for entry in _entries(site):
            found = _METADATA.fullmatch(entry.name)
            if found is not None and _normal(found["name"]) == _normal(package):
                text = (_read(entry / "METADATA") or _read(entry / "PKG-INFO")).lower()
                return bool(text) and "keras" not in text and "tensorflow" not in text
    return False


def _version_in_source(package: Path) -> str | None:
    """The version that a package's own files name, for installs without metadata; None: not a package."""
    if not _is_file(package / "__init__.py"):
        return None
    for place in ("src/version.py", "version.py", "__init__.py"):
        if found := _VERSION_LINE.search(_read(package / place)):
            return found[1]
    return ""


def _number(version: str | None) -> tuple[int, ...] | None:
    """ "2.15.1" → (2, 15); None for a version that says nothing."""
    found = re.match(r"(\d+)(?:\.(\d+))?", version or "")
    return (int(found[1]), int(found[2] or 0)) if found else None


def _number_or_zero(version: str) -> tuple[int, ...]:
    return _number(version) or (0,)


# --- Files that may be broken, missing or unreadable ---


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def _read(path: Path) -> str:
    """The beginning of a text file; "" where it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
