"""The documentation says what is so: the rules' pages, the picture, the settings, and the examples'
findings. What a rule's own docstring has to have, tests/rules says."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from kerascope.project.settings import Settings
from kerascope.rules import all_rules

ROOT = Path(__file__).parent.parent


def test_every_rule_has_a_page_and_all_are_up_to_date() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "generate_rule_pages.py"))
    made: dict[Path, str] = generator["documents"]()
    old = [path.name for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    assert old == [], "run `make docs`"
    pages = ROOT / "docs" / "rules"
    assert {path for path in made if path.parent == pages} == set(pages.iterdir())
    for rule in all_rules():
        page = made[pages / f"{rule.code}.md"]
        assert page.startswith(f"# {rule.code} `{rule.name}`\n")
        assert re.findall(r"^## (.*)$", page, re.M) == list(generator["HEADINGS"])
        assert rule.code[:3] in generator["GROUPS"], "the index leaves it out"


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
