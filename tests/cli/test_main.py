"""The command itself: its version, its help, and how little it loads."""

from __future__ import annotations

import subprocess
import sys

import kerascope as package

HEAVY = {"libcst", "jedi", "parso", "pygls", "lsprotocol", "tensorflow", "keras"}


def loaded(code: str, environ: dict[str, str]) -> set[str]:
    """The packages that are imported after `code`."""
    listing = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    ended = subprocess.run(
        [sys.executable, "-c", listing], env=environ, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split("\n")[-2].split())


def test_version(kerascope) -> None:
    assert kerascope("--version").out == f"kerascope {package.__version__}\n"


def test_help(kerascope) -> None:
    assert "check" in kerascope("--help").out
    assert "--unsafe-fixes" in kerascope("check", "--help").out


def test_without_a_command_the_help_is_shown(kerascope) -> None:
    ended = kerascope()
    assert ended.status == 2
    assert "usage: kerascope" in ended.out


def test_the_command_line_is_lean(environ) -> None:
    assert not loaded("import kerascope.cli.main", environ) & {*HEAVY, "pathspec"}


def test_a_check_loads_neither_the_server_nor_jedi(environ, tmp_path) -> None:
    (tmp_path / "a.py").write_text("BAD\n")
    path = str(tmp_path / "a.py")
    code = f"from kerascope.cli.main import main; main(['check', '--no-cache', {path!r}])"
    assert not loaded(code, environ) & (HEAVY - {"libcst"})


def test_an_address_that_is_none(kerascope) -> None:
    for address in ("9999999", "localhost", "localhost:", "localhost:x", ":99999"):
        ended = kerascope("server", "--tcp", address)
        assert ended.status == 2
        assert "--tcp needs HOST:PORT" in ended.err
