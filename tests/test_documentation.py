"""The documentation says what is so: the settings, and the examples' findings. tests/rules has the rules'
pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from kerascope.project.settings import Settings

ROOT = Path(__file__).parent.parent


def test_the_picture_shows_what_the_command_prints() -> None:
    script = ROOT / "docs" / "draw_picture.py"
    ended = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, encoding="utf-8", check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for setting in fields(Settings):
        if setting.name != "folder":
            assert f"| `{setting.name.replace('_', '-')}` |" in readme


def test_the_examples_have_the_defects_that_their_table_names() -> None:
    folder = ROOT / "docs" / "examples"
    rows = re.findall(r"^\| `(\w+\.py)` \|[^|]*\|([^|]*)\|$", (folder / "README.md").read_text("utf-8"), re.M)
    assert {name for name, _ in rows} == {path.name for path in folder.glob("*.py")}
    options = ["--keras", "3", "--no-cache", "--output-format", "json"]
    ended = subprocess.run(
        [sys.executable, "-m", "kerascope", "check", "docs/examples", *options],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "server")},
        capture_output=True,
        check=False,
    )
    found = {(Path(finding["file"]).name, finding["code"]) for finding in json.loads(ended.stdout)}
    for name, codes in rows:
        named = {(name, code) for code in re.findall(r"KS\d{3}", codes)}
        assert named <= found, name
        assert named or not any(file == name for file, _ in found), name
