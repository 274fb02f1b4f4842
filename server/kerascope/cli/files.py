"""Which files a check is about: what the arguments name, and the Python files in named folders.

A file that is named is always checked. In folders, what git ignores is left out, and so are environments,
build results and the like.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

SKIPPED_FOLDERS = frozenset(
    {
        ".bzr", ".direnv", ".eggs", ".git", ".hg", ".hypothesis", ".idea", ".ipynb_checkpoints",
        ".kerascope_cache", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".svn", ".tox", ".venv",
        ".vscode", "__pycache__", "__pypackages__", "node_modules",
    }
)  # fmt: skip
SKIPPED_UNLESS_PACKAGES = frozenset({"build", "dist", "venv"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that can't be checked, and why. `named`: the user asked for this very path."""

    path: str
    text: str
    named: bool


@dataclass(slots=True)
class Selection:
    """The files to check (absolute paths, sorted, each once), and what could not be looked at."""

    files: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def select(paths: Sequence[str], excluded: GitIgnoreSpec | None = None) -> Selection:
    """The files that `paths` stand for, `excluded` (relative to the current folder) left out of folders."""
    selection = Selection()
    found: set[str] = set()
    for given in paths:
        path = absolute(given)
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            selection.problems.append(Problem(given, reason(error), named=True))
            continue
        if stat.S_ISDIR(mode):
            found.update(_python_files(path, selection))
        elif not stat.S_ISREG(mode):
            selection.problems.append(Problem(given, "neither a file nor a folder", named=True))
        else:
            found.add(str(path))
            selection.named.add(str(path))
    selection.files = sorted(found, key=_folder_first)
    return selection


def absolute(path: str) -> Path:
    """The absolute path, `..` taken out, symbolic links left as they are named."""
    return Path(os.path.normpath(Path.cwd() / path))


def reason(error: Exception) -> str:
    """Why the system refused, in the words of the system but without its numbers."""
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _folder_first(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition(os.sep)
    return folder, name


def _python_files(folder: Path, selection: Selection) -> Iterator[str]:
    """Every Python file below `folder`. Links to folders aren't followed, so no loop of links is entered."""
    pending: list[tuple[Path, Ignores | None]] = [(folder, Ignores.around(folder))]
    while pending:
        here, outer = pending.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            selection.problems.append(Problem(str(here), reason(error), named=here == folder))
            continue
        names = {entry.name for entry in entries}
        ignores = Ignores.of(here, outer) if ".gitignore" in names else outer
        if here != folder and "pyvenv.cfg" in names:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not _skipped(entry) and not (ignores and ignores.ignore(entry.path, folder=True)):
                        pending.append((Path(entry.path), ignores))
                elif (
                    entry.name.endswith(".py")
                    and entry.is_file()
                    and not (ignores and ignores.ignore(entry.path, folder=False))
                ):
                    yield entry.path
            except OSError:  # it vanished, or is a link to itself: nothing that can be checked
                continue


def _skipped(folder: os.DirEntry[str]) -> bool:
    if folder.name in SKIPPED_FOLDERS or folder.name.endswith(".egg-info"):
        return True
    return folder.name in SKIPPED_UNLESS_PACKAGES and not Path(folder.path, "__init__.py").exists()


class Ignores:
    """The patterns of one `.gitignore`, on top of those of the folders around it."""

    def __init__(self, folder: Path, lines: Sequence[str], outer: Ignores | None) -> None:
        self.folder = str(folder)
        self.spec = GitIgnoreSpec.from_lines(lines)
        self.outer = outer

    @classmethod
    def of(cls, folder: Path, outer: Ignores | None, name: str = ".gitignore") -> Ignores | None:
        """With the patterns of `folder`'s own file, where it has one that can be read."""
        try:
            return cls(folder, (folder / name).read_text("utf-8", "replace").splitlines(), outer)
        except (OSError, ValueError):  # missing, unreadable, or a pattern that git wouldn't take either
            return outer

    @classmethod
    def around(cls, folder: Path) -> Ignores | None:
        """What the folders above `folder` ignore, up to the root of its repository.

        None where they ignore `folder` itself: who names an ignored folder means what is in it.
        """
        above: list[Path] = []
        for parent in (folder, *folder.parents):
            if parent != folder:
                above.append(parent)
            if (parent / ".git").exists():
                break
        else:
            return None
        root = above[-1] if above else folder
        ignores = cls.of(root, None, ".git/info/exclude")
        for parent in reversed(above):
            ignores = cls.of(parent, ignores)
        for inside in (*reversed(above[:-1]), folder):
            if ignores and inside != root and ignores.ignore(str(inside), folder=True):
                return None
        return ignores

    def ignore(self, path: str, *, folder: bool) -> bool:
        """Whether git ignores `path`: the innermost pattern that matches it decides."""
        level: Ignores | None = self
        while level is not None:
            if path.startswith(level.folder.rstrip(os.sep) + os.sep):
                relative = path[len(level.folder.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
                verdict = level.spec.check_file(relative + "/" if folder else relative).include
                if verdict is not None:
                    return verdict
            level = level.outer
        return False
