"""Settings: what a user can set, where it is read from, and what is said about a mistake in it.

A mistake never stops anything: it becomes a `Problem` that names its place, and the default is used.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from kerascope.project.environment import KerasSetting

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

Level = Literal["error", "warning", "information", "off"]
LEVELS: tuple[Level, ...] = ("error", "warning", "information", "off")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with their defaults. The names are those of the keys, with `_` for `-`.

    `keras`: the generation to check for ("auto": found out per file). `keras_version`: in place of the
    installed Keras' version. `select`, `ignore`: codes or
    beginnings of codes ("KS1"), of which the longest that fits decides; nothing selected means all.
    `severity`: code or its beginning → level. `exclude`: patterns of files and folders that aren't checked.
    `python`: the interpreter whose packages are looked up. `per_file_ignores`: pattern → codes. `build`:
    whether the build check is offered; `build_on_save`: whether saving asks for it, in the editor;
    `build_timeout`: its seconds, `build_memory`: its megabytes; `build_gpu`: whether it sees the GPU.
    `folder`: where the patterns start.
    """

    enable: bool = True
    keras: KerasSetting = "auto"
    keras_version: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Level] = field(default_factory=dict, hash=False)
    exclude: tuple[str, ...] = ()
    python: str | None = None
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    build: bool = True
    build_on_save: bool = False
    build_timeout: float = 60.0
    build_memory: int = 4096
    build_gpu: bool = False
    folder: str | None = None

    def reports(self, code: str, path: str | None = None) -> bool:
        """Whether findings of `code` are wanted, in the file at `path` if one is given."""
        if not self.enable or self.level(code) == "off":
            return False
        selected = _longest(self.select, code) if self.select else 0
        ignored = _longest(self.ignore, code)
        if selected is None or (ignored is not None and ignored >= selected):
            return False
        return path is None or not any(
            _longest(codes, code) is not None and matches(pattern, path, self.folder)
            for pattern, codes in self.per_file_ignores.items()
        )

    def level(self, code: str) -> Level | None:
        """The severity that the user gave `code`; None where the rule's own holds."""
        given = [prefix for prefix in self.severity if code.startswith(prefix)]
        return self.severity[max(given, key=len)] if given else None

    def excludes(self, path: str) -> bool:
        """Whether `path`, or a folder that it is in, is excluded."""
        return any(matches(pattern, path, self.folder) for pattern in self.exclude)


def _longest(prefixes: Iterable[str], code: str) -> int | None:
    """The length of the longest of `prefixes` with which `code` begins."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=None)


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the settings. `line` and `column` count from 0, in code points, like every position here.

    `path` is the file; where the settings come from elsewhere, "the editor's settings" or "the command line".
    `code` is KS902 where a code is named that doesn't exist.
    """

    path: str
    line: int
    column: int
    message: str
    code: str | None = None

    def __str__(self) -> str:
        place = f"{self.path}:{self.line + 1}:{self.column + 1}" if os.sep in self.path else self.path
        return f"{place}: {self.message}"


def load(
    path: str, root: str | None = None, *, codes: Collection[str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings for the file or folder at `path`, and the mistakes found in them.

    They stand in the nearest folder, from `path` up to `root` (or to the top), that has a `kerascope.toml`
    or a `pyproject.toml` with a table `[tool.kerascope]`. `codes`: the codes that exist; None: any of the
    form KS101.
    """
    start = Path(path).absolute()
    folders = [start, *start.parents]
    top = Path(root).absolute() if root is not None else None
    if top in folders:
        folders = folders[: folders.index(top) + 1]
    known = None if codes is None else frozenset(codes)
    for folder in folders:
        for name in ("kerascope.toml", "pyproject.toml"):
            file = folder / name
            try:
                status = file.stat()
            except (OSError, ValueError):
                continue
            found = _load_file(str(file), status.st_mtime_ns, status.st_size, known)
            if found is not None:
                return found
    return Settings(), ()


@lru_cache(maxsize=256)
def _load_file(
    path: str, modified: int, size: int, codes: frozenset[str] | None
) -> tuple[Settings, tuple[Problem, ...]] | None:
    """What a configuration file says; None for a `pyproject.toml` that doesn't speak of Kerascope.

    `modified` and `size` are part of the cache's key: a file that has changed is read again.
    """
    file = Path(path)
    own = file.name == "kerascope.toml"
    folder = str(file.parent)
    try:
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        data: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        return Settings(), (Problem(path, 0, 0, f"Can't be read: {error.strerror}."),)
    except UnicodeDecodeError:
        return Settings(), (Problem(path, 0, 0, "Isn't UTF-8, as TOML has to be."),) if own else ()
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        if not own and not re.search(r"^\s*\[\s*tool\s*\.\s*kerascope\b", text, re.M):
            return None
        return Settings(folder=folder), (_malformed(path, str(error)),)
    table: object = data
    if not own:
        tool = data.get("tool")
        table = tool.get("kerascope") if isinstance(tool, dict) else None
        if table is None:
            return None
    header = () if own else ("tool", "kerascope")
    places = _Places(text, header)
    if not isinstance(table, dict):
        line, column = places.of(())
        return Settings(folder=folder), (Problem(path, line, column, "tool.kerascope must be a table."),)
    reader = _Reader(path, places, codes)
    return reader.settings(table, Settings(folder=folder)), tuple(reader.problems)


def _malformed(path: str, message: str) -> Problem:
    """A syntax error, at the place that the parser's message names."""
    line = column = 0
    if found := re.search(r"\(at line (\d+), column (\d+)\)", message):
        line, column = int(found[1]) - 1, int(found[2]) - 1
        message = message[: found.start()].rstrip()
    return Problem(path, line, column, f"Not valid TOML: {message}. The default settings are used.")


def from_editor(
    data: object, base: Settings | None = None, *, codes: Collection[str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """`base` with what the editor's settings say (camelCase or kebab-case keys).

    Editors send every setting, whether or not the user touched it: a value that is null or the default leaves
    what `base` says.
    """
    return _from_object(data, base, "the editor's settings", codes, keep_defaults=False)


def from_command_line(
    data: Mapping[str, object], base: Settings | None = None, *, codes: Collection[str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """`base` with the options given on the command line; an option not given is None.

    `severity` may be a list of "KS101=error".
    """
    return _from_object(data, base, "the command line", codes, keep_defaults=True)


def _from_object(
    data: object, base: Settings | None, source: str, codes: Collection[str] | None, keep_defaults: bool
) -> tuple[Settings, tuple[Problem, ...]]:
    base = Settings() if base is None else base
    if data is None:
        return base, ()
    reader = _Reader(source, None, None if codes is None else frozenset(codes))
    if not isinstance(data, Mapping):
        reader.complain((), f"The settings must be an object, not {_type_name(data)}.")
        return base, tuple(reader.problems)
    given = {_kebab(str(key)): value for key, value in data.items() if value is not None}
    read = reader.settings(given, Settings())
    default = Settings()
    changes: dict[str, Any] = {}
    for key in fields(Settings):
        value = getattr(read, key.name)
        named = key.name.replace("_", "-") in given
        if key.name != "folder" and named and (keep_defaults or value != getattr(default, key.name)):
            changes[key.name] = value
    if reader.wrong:  # a wrong value falls back to what would hold without it
        changes = {key: value for key, value in changes.items() if key.replace("_", "-") not in reader.wrong}
    return replace(base, **changes), tuple(reader.problems)


def _kebab(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", key).replace("_", "-").lower()


class _Reader:
    """Reads one table of settings, and collects what is wrong with it."""

    def __init__(self, source: str, places: _Places | None, codes: frozenset[str] | None) -> None:
        self.source = source
        self.places = places
        self.codes = codes
        self.problems: list[Problem] = []
        self.wrong: set[str] = set()
        self._parsers: dict[str, Callable[[str, object], object]] = {
            "enable": self._flag,
            "keras": self._keras,
            "keras-version": self._version,
            "select": self._codes,
            "ignore": self._codes,
            "severity": self._severities,
            "exclude": self._strings,
            "python": self._text,
            "per-file-ignores": self._per_file,
            "build": self._flag,
            "build-on-save": self._on_save,
            "build-timeout": self._seconds,
            "build-memory": self._megabytes,
            "build-gpu": self._flag,
        }

    def settings(self, table: Mapping[Any, object], base: Settings) -> Settings:
        """`base` with everything in `table` that is right."""
        changes: dict[str, Any] = {}
        for key, value in table.items():
            parser = self._parsers.get(_kebab(str(key)))
            if parser is None:
                self.complain(
                    (str(key),), f'Unknown setting "{key}".{_guess(_kebab(str(key)), self._parsers)}'
                )
                continue
            name = _kebab(str(key))
            try:
                changes[name.replace("-", "_")] = parser(str(key), value)
            except _WrongError as wrong:
                self.wrong.add(name)
                self.complain((str(key),), f"{key}: {wrong}. The default is used.", wrong.text)
        return replace(base, **changes)

    def complain(self, keys: tuple[str, ...], message: str, value: str = "", code: str | None = None) -> None:
        line, column = self.places.of(keys, value) if self.places is not None else (0, 0)
        self.problems.append(Problem(self.source, line, column, message, code))

    def _flag(self, key: str, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise _WrongError(f"must be true or false, not {_shown(value)}", value)

    def _on_save(self, key: str, value: object) -> bool:
        flag = self._flag(key, value)
        if flag and self.places is not None:
            raise _WrongError(
                "counts in the editor's settings alone: no file of a workspace may have its code run unasked",
                value,
            )
        return flag

    def _seconds(self, key: str, value: object) -> float:
        return self._number(value, 1, 86_400, "seconds")

    def _megabytes(self, key: str, value: object) -> int:
        return int(self._number(value, 64, 1 << 24, "megabytes"))

    def _number(self, value: object, least: int, most: int, unit: str) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise _WrongError(f"must be a number of {unit} from {least} to {most}, not {_shown(value)}", value)

    def _text(self, key: str, value: object) -> str | None:
        if isinstance(value, str):
            return value or None
        raise _WrongError(f"must be a string, not {_shown(value)}", value)

    def _keras(self, key: str, value: object) -> KerasSetting:
        text = value if isinstance(value, str) else str(value) if type(value) is int else ""
        for choice in ("auto", "2", "3", "both"):
            if text.lower() == choice:
                return choice
        raise _WrongError(f'must be "auto", "2", "3" or "both", not {_shown(value)}', value)

    def _version(self, key: str, value: object) -> str | None:
        text = self._text(key, value)
        if text is None or re.fullmatch(r"[23]\.\d+(\.\d+)?", text):
            return text
        raise _WrongError(f'must be a version such as "3.8", not {_shown(value)}', value)

    def _strings(self, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(item for item in value if item)
        raise _WrongError(f"must be a list of strings, not {_shown(value)}", value)

    def _codes(self, key: str, value: object, *above: str) -> tuple[str, ...]:
        given = self._strings(key, value)
        return tuple(code for text in given if (code := self._code((*above, key), text)) is not None)

    def _code(self, keys: tuple[str, ...], text: str) -> str | None:
        """A code or the beginning of one; "ALL" is the beginning of all."""
        code = "KS" if text.upper() == "ALL" else text.strip().upper()
        if self.codes is None:
            if re.fullmatch(r"KS\d{0,3}", code):
                return code
        elif code.startswith("KS") and any(known.startswith(code) for known in self.codes):
            return code
        guess = _guess(code, sorted(self.codes or ()), listed=False)
        self.complain(keys, f'{keys[0]}: there is no rule "{text}".{guess}', text, "KS902")
        return None

    def _severities(self, key: str, value: object) -> dict[str, Level]:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) and "=" in item for item in value):
            value = dict(item.split("=", 1) for item in value)
        if not isinstance(value, Mapping):
            raise _WrongError(f'must be a table such as {{ KS203 = "off" }}, not {_shown(value)}', value)
        found: dict[str, Level] = {}
        for text, named in value.items():
            code = self._code((key, str(text)), str(text)) if isinstance(text, str) else None
            level = next((level for level in LEVELS if str(named).strip().lower() == level), None)
            if level is None:
                choices = _guess(str(named), LEVELS)
                self.complain(
                    (key, str(text)), f"{key}.{text}: no severity {_shown(named)}.{choices}", str(named)
                )
            elif code is not None:
                found[code] = level
        return found

    def _per_file(self, key: str, value: object) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, Mapping):
            raise _WrongError(
                f'must be a table such as {{ "tests/**" = ["KS203"] }}, not {_shown(value)}', value
            )
        found = {}
        for pattern, given in value.items():
            try:
                found[str(pattern)] = self._codes(str(pattern), given, key)
            except _WrongError as wrong:
                self.complain((key, str(pattern)), f"{key}.{pattern}: {wrong}.", wrong.text)
        return found


class _WrongError(Exception):
    """A value that can't be used; `text` is how it is likely to be written."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__(message)
        self.text = value if isinstance(value, str) else ""


def _guess(text: str, valid: Iterable[str], listed: bool = True) -> str:
    """' Did you mean "select"? Valid: …', to be put behind a complaint."""
    names = list(valid)
    close = difflib.get_close_matches(text, names, 1)
    meant = f' Did you mean "{close[0]}"?' if close else ""
    return f"{meant} Valid: {', '.join(names)}." if listed else meant


def _type_name(value: object) -> str:
    names = {
        dict: "a table",
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    text = (
        f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return text if len(text) <= 60 else _type_name(value)


class _Places:
    """Where keys and values stand in a TOML text: tomllib doesn't tell."""

    _HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
    _KEY = re.compile(
        r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*="
    )
    _PART = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")

    def __init__(self, text: str, header: tuple[str, ...]) -> None:
        self._lines = text.split("\n")
        self._header = header
        self._found: dict[tuple[str, ...], tuple[int, int]] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._lines):
            if found := self._HEADER.match(line):
                table = self._parts(found[1])
                self._found.setdefault(table, (number, found.start(1)))
            elif found := self._KEY.match(line):
                parts = self._parts(found[1])
                for end in range(1, len(parts) + 1):
                    self._found.setdefault((*table, *parts[:end]), (number, found.start(1)))

    def _parts(self, dotted: str) -> tuple[str, ...]:
        return tuple(part.strip("\"'") for part in self._PART.findall(dotted))

    def of(self, keys: tuple[str, ...], value: str = "") -> tuple[int, int]:
        """Line and column of `value` behind the key at `keys` below the header, else of the key."""
        for end in range(len(keys), -1, -1):
            place = self._found.get((*self._header, *keys[:end]))
            if place is not None:
                nearer = (self._after(place, wanted) for wanted in (value, *reversed(keys[end:])) if wanted)
                return next((found for found in nearer if found is not None), place)
        return 0, 0

    def _after(self, place: tuple[int, int], wanted: str) -> tuple[int, int] | None:
        """Where `wanted` next stands at or after `place`, before the next key or table."""
        line, column = place
        for number in range(line, len(self._lines)):
            text = self._lines[number]
            if number > line and (self._HEADER.match(text) or self._KEY.match(text)):
                return None
            # The key itself isn't looked at: its value may have the same name.
            start = text.find("=", column) + 1 if number == line else 0
            for spelling in (f'"{wanted}"', f"'{wanted}'", wanted):
                if (found := text.find(spelling, start)) >= 0:
                    return number, found
        return None


def matches(pattern: str, path: str, folder: str | None = None) -> bool:
    """Whether `path`, or a folder that it is in, fits `pattern`.

    A pattern without a slash fits a name at any depth ("*_test.py", "build"); one with a slash starts at
    `folder`. `*` and `?` stop at a slash, `**` doesn't.
    """
    shown = Path(path).as_posix().lstrip("/")
    if folder is not None:
        start = Path(folder).as_posix()
        pattern = pattern.removeprefix(f"{start}/")
        whole = Path(os.path.normpath(Path(path).absolute())).as_posix()
        if whole.startswith(f"{start}/"):
            shown = whole[len(start) + 1 :]
        elif "/" in pattern.rstrip("/"):
            return False
    return _pattern(pattern).search(shown) is not None


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    body = pattern.replace("\\", "/").rstrip("/")
    anchored = "/" in body
    body = body.removeprefix(".").lstrip("/") if body.startswith(("./", "/")) else body
    out = ""
    at = 0
    while at < len(body):
        if body.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif body.startswith("**", at):
            out, at = out + ".*", at + 2
        elif body[at] in "*?":
            out, at = out + ("[^/]*" if body[at] == "*" else "[^/]"), at + 1
        else:
            out, at = out + re.escape(body[at]), at + 1
    return re.compile(("^" if anchored else "(?:^|/)") + out + "(?:/|$)")
