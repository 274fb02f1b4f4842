"""The results of earlier runs, kept on disk and used again where nothing that they depend on has changed.

A cache is one JSON file for each set of settings. It is data from a folder that anyone may have written
to, so it is only ever read as data; one that isn't as expected counts as empty.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

import kerascope
from kerascope.cli.results import FileResult, Found, LeftOut
from kerascope.rules.rule import Finding, FindingRelated, Fix
from kerascope.source.position import Edit, Position, Range

FOLDER = ".kerascope_cache"
KEPT = 8
"""How many sets of settings are kept for one project."""
JUST_NOW = 20_000_000
"""Nanoseconds: how exactly file systems and the clock agree. A file as young as this run isn't kept."""

State: TypeAlias = "list[Any] | None"
"""Of a file: its time of change, size, and the digest of its content. None: there is none."""


class Cache:
    """The results of one project under one set of settings."""

    def __init__(self, folder: Path, settings: str) -> None:
        self._folder = folder
        self._file = folder / f"{_digest(settings.encode())}.json"
        self._version = f"{kerascope.__version__} {sys.version_info[:2]} {_code()} {settings}"
        self._started = time.time_ns() - JUST_NOW
        self._unchanged: dict[str, bool] = {}
        self._touched = False
        self._states: dict[str, State] = {}
        self._entries: dict[str, tuple[list[str], list[Any], list[Any]]] = {}
        self._new: set[str] = set()
        # What is wrong with it doesn't matter: missing, cut off, of another version, or made up.
        with contextlib.suppress(Exception):
            self._load()

    def _load(self) -> None:
        data = json.loads(self._file.read_bytes())
        if data["version"] != self._version:
            return
        paths: list[str] = data["paths"]
        states = dict(zip(paths, data["states"], strict=True))
        entries = {
            paths[own]: ([paths[read] for read in reads], found, left_out)
            for own, reads, found, left_out in data["entries"]
        }
        self._states, self._entries = states, entries

    def get(self, path: str) -> FileResult | None:
        """The result of an earlier run, if it would be the same now."""
        entry = self._entries.get(path)
        if entry is None:
            return None
        reads, found, left_out = entry
        try:
            if all(self._is_unchanged(read) for read in reads):
                return FileResult(
                    path,
                    tuple(map(_found, found)),
                    reads=frozenset(reads),
                    left_out=tuple(LeftOut(int(line), str(what)) for line, what in left_out),
                )
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError):
            pass
        del self._entries[path]
        self._touched = True
        return None

    def put(self, result: FileResult) -> None:
        """Keep a result of this run."""
        if result.problem is None and result.reads is not None:
            self._entries[result.path] = (
                sorted(result.reads | {result.path}),
                [_plain(found) for found in result.found],
                [[part.line, part.what] for part in result.left_out],
            )
            self._new.add(result.path)
            self._touched = True

    def save(self) -> None:
        """Write the cache, in one step, so that runs at the same time never see half of it."""
        if not self._touched:
            return
        # Entries that rest on a file's old state go. So does what was written while this run went on.
        fresh: dict[str, State] = {}
        entries: dict[str, tuple[list[str], list[Any], list[Any]]] = {}
        for path, (reads, found, left_out) in self._entries.items():
            try:
                if path not in self._new and not all(map(self._is_unchanged, reads)):
                    continue
                for read in reads:
                    if read not in fresh:
                        fresh[read] = self._state(read)
            except (OSError, KeyError):
                continue
            if not any((state := fresh[read]) and state[0] >= self._started for read in reads):
                entries[path] = (reads, found, left_out)
        paths = sorted({read for reads, *_ in entries.values() for read in reads} | set(entries))
        numbers = {path: number for number, path in enumerate(paths)}
        data = {
            "version": self._version,
            "paths": paths,
            "states": [fresh[path] for path in paths],
            "entries": [
                [numbers[path], [numbers[read] for read in reads], found, left_out]
                for path, (reads, found, left_out) in entries.items()
            ],
        }
        with contextlib.suppress(OSError, ValueError):
            _write(self._file, json.dumps(data, separators=(",", ":")))
            self._prune()
        self._touched = False

    def _is_unchanged(self, path: str) -> bool:
        known = self._unchanged.get(path)
        if known is None:
            old = self._states[path]
            try:
                new = self._state(path)
            except OSError:
                known = False
            else:
                known = new is old if new is None or old is None else new[1:] == old[1:]
                if known:
                    self._touched |= new != old
                    self._states[path] = new
            self._unchanged[path] = known
        return known

    def _state(self, path: str) -> State:
        """How the file is now. Its content is only read where its time or size differs from what is known."""
        try:
            status = os.stat(path)  # noqa: PTH116  # Path costs as much again, for thousands of files
        except (FileNotFoundError, NotADirectoryError):
            return None
        old = self._states.get(path)
        if old is not None and old[0] == status.st_mtime_ns and old[1] == status.st_size:
            return old
        if stat.S_ISDIR(status.st_mode):
            return [0, 0, "folder"]  # findings depend on whether it is there, not on what is in it
        return [status.st_mtime_ns, status.st_size, _digest(Path(path).read_bytes())]

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for file in files[KEPT:]:
            file.unlink(missing_ok=True)


def cache_folder(project: Path | None) -> Path | None:
    """Where to keep a project's cache: in it, else with the user's other caches; None if nowhere.

    `project` is None for files that belong to no project.
    """
    if project is not None:
        folder = project / FOLDER
        with contextlib.suppress(OSError):
            if not folder.is_dir():
                folder.mkdir()
                (folder / ".gitignore").write_text("# Made by Kerascope.\n*\n", "utf-8")
            if os.access(folder, os.W_OK):
                return folder
    try:
        base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
        folder = Path(base) / "kerascope" / _digest(str(project or "").encode("utf-8", "surrogateescape"))
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def _write(file: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _code() -> str:
    """A digest of Kerascope's own files, so that no result outlives the code that made it."""
    parts: list[str] = []
    package = Path(kerascope.__file__).parent
    for folder, _, files in os.walk(package):
        for name in files:
            if name.endswith((".py", ".json")):
                status = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118
                parts.append(f"{folder}/{name} {status.st_mtime_ns} {status.st_size}")
    return _digest("\n".join(sorted(parts)).encode("utf-8", "surrogateescape"))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()


def _plain(found: Found) -> list[Any]:
    finding, fix = found.finding, found.fix
    return [
        finding.path,
        _numbers(finding.range),
        finding.code,
        finding.name,
        finding.severity,
        finding.message,
        list(finding.generations),
        [[related.path, _numbers(related.range), related.message] for related in finding.related],
        fix and [fix.title, fix.safe, [[_numbers(edit.range), edit.text] for edit in fix.edits]],
    ]


def _found(plain: list[Any]) -> Found:
    path, place, code, name, severity, message, generations, related, fix = plain
    if severity not in ("error", "warning", "information"):
        raise ValueError(severity)
    finding = Finding(
        str(path),
        _range(place),
        str(code),
        str(name),
        severity,
        str(message),
        tuple(generations),
        tuple(FindingRelated(str(file), _range(where), str(text)) for file, where, text in related),
    )
    if not fix:
        return Found(finding, None)
    title, safe, edits = fix
    return Found(
        finding, Fix(str(title), bool(safe), tuple(Edit(_range(where), str(text)) for where, text in edits))
    )


def _numbers(place: Range) -> list[int]:
    return [place.start.line, place.start.column, place.end.line, place.end.column]


def _range(numbers: list[Any]) -> Range:
    line, column, end_line, end_column = map(int, numbers)
    return Range(Position(line, column), Position(end_line, end_column))
