"""Collects what the extension carries: the server, the Python packages that it needs, and the rules' pages.

Everything but libcst's parser is pure Python. The parser is a native module, one for each version of Python
on each platform; all of them are carried, side by side under their own names, or those of the platform that
`--target` names as VS Code does ("linux-x64").
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "vscode-extension"
BUNDLED = HERE / "bundled"
LIBS = BUNDLED / "libs"
WHEELS = ROOT / "build" / "vsix-wheels"

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux-x64": "manylinux_2_28_x86_64",
    "linux-arm64": "manylinux_2_28_aarch64",
    "alpine-x64": "musllinux_1_2_x86_64",
    "alpine-arm64": "musllinux_1_2_aarch64",
    "darwin-arm64": "macosx_11_0_arm64",
    "win32-x64": "win_amd64",
    "win32-arm64": "win_arm64",
}
"""Those for which libcst is published; elsewhere the server does without it (see the README)."""
NOT_CARRIED = {"libcst", "PyYAML", "PyYAML-ft", "setuptools"}
"""libcst has its own way; the others only build packages, or serve parts of libcst that aren't used."""
LEFT_OUT = (
    "__pycache__",
    "tests",
    "testing",
    "django-stubs",
    "codemod",
    "bin",
    "*.pyc",
    "RECORD",
    "direct_url.json",
)


def pinned() -> dict[str, str]:
    """The packages that the server runs on, for every version of Python: name → version."""
    lines = (ROOT / "requirements" / "run.txt").read_text("utf-8").splitlines()
    found = (re.match(r"([\w.-]+)==([^\s;]+)", line) for line in lines)
    return {each[1]: each[2] for each in found if each}


def pip(*arguments: str) -> int:
    command = [sys.executable, "-m", "pip", *arguments]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"]
    return subprocess.run([*command, *quiet], check=False).returncode


def native_wheels(version: str, targets: Sequence[str]) -> list[Path]:
    """libcst for each Python on each platform; those that were fetched before are used again."""
    found = []
    for target in targets:
        for python in PYTHONS:
            short, platform = python.replace(".", ""), PLATFORMS[target]
            wheel = WHEELS / f"libcst-{version}-cp{short}-cp{short}-{platform}.whl"
            if not wheel.exists():
                where = ["--platform", platform, "--python-version", python, "--dest", str(WHEELS)]
                if pip("download", *where, f"libcst=={version}") != 0 or not wheel.exists():
                    sys.exit(f"libcst {version} for Python {python} on {target} can't be had")
            found.append(wheel)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=[*PLATFORMS, "all"], default="all")
    target = parser.parse_args().target

    shutil.rmtree(BUNDLED, ignore_errors=True)
    shutil.copytree(
        ROOT / "server" / "kerascope", LIBS / "kerascope", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "docs" / "rules", BUNDLED / "rules")

    packages = pinned()
    pure = [f"{name}=={version}" for name, version in packages.items() if name not in NOT_CARRIED]
    anywhere = ["--implementation=py", "--abi=none", "--platform=any", f"--python-version={PYTHONS[0]}"]
    if pip("install", "--no-compile", "--target", str(LIBS), *anywhere, *pure) != 0:
        sys.exit("the packages that the server needs can't be had")
    WHEELS.mkdir(parents=True, exist_ok=True)
    for wheel in native_wheels(packages["libcst"], [*PLATFORMS] if target == "all" else [target]):
        unpack(wheel)
    for pattern in LEFT_OUT:
        for path in [*LIBS.rglob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    if native := [path.name for path in LIBS.rglob("*.so") if path.parent.name != "libcst"]:
        sys.exit(f"not pure Python: {', '.join(native)}")


def unpack(wheel: Path) -> None:
    """Add a wheel's files. Alpine's module for Python 3.10 has the name of other Linuxes': theirs stays."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not (LIBS / name).exists():
                archive.extract(name, LIBS)


if __name__ == "__main__":
    main()
