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

from kerascope.project.settings import Settings, from_editor, load
from kerascope.rules import all_rules
from kerascope.source.document import Document
from kerascope.source.suppression import suppressions

ROOT = Path(__file__).parent.parent


def kerascope(*arguments: str) -> str:
    """What the command prints, in the root of the checkout."""
    ended = subprocess.run(
        [sys.executable, "-m", "kerascope", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "server"), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return ended.stdout


def shown_in(page: str, language: str) -> list[str]:
    """The blocks of code in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S)


def without_code(markdown: str) -> str:
    return re.sub(r"^ *```.*?^ *```$|`[^`\n]+`", "", markdown, flags=re.M | re.S)


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


def test_every_setting_is_explained() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    names = {setting.name.replace("_", "-") for setting in fields(Settings)} - {"folder"}
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.M)) == names


def test_the_settings_shown_are_right(tmp_path: Path) -> None:
    codes = [rule.code for rule in all_rules()]
    for page in ("README.md", "docs/configuration.md"):
        for shown in shown_in(page, "toml"):
            name = "pyproject.toml" if "[tool.kerascope]" in shown else "kerascope.toml"
            (tmp_path / name).write_text(shown, "utf-8")
            settings, problems = load(str(tmp_path), codes=codes)
            assert problems == ()
            assert settings != Settings(folder=str(tmp_path))
            (tmp_path / name).unlink()
    for page in ("docs/configuration.md", "docs/editors/README.md"):
        for shown in shown_in(page, "json"):
            settings, problems = from_editor(json.loads(shown)["kerascope"], codes=codes)
            assert problems == ()
            assert settings.per_file_ignores


def test_the_comments_shown_are_understood() -> None:
    (shown,) = shown_in("docs/configuration.md", "python")
    comments = suppressions(Document.from_text("/project/example.py", shown, 1))
    assert [comment.kind for comment in comments] == [
        "ignore",
        "ignore",
        "noqa",
        "ignore-file",
        "ignore-file",
    ]
    known = {rule.code for rule in all_rules()}
    assert {each.code for comment in comments for each in comment.codes} <= known


def test_the_diff_shown_is_the_command_s() -> None:
    (shown,) = shown_in("README.md", "diff")
    options = ["docs/examples/rain_forecast.py", "--fix", "--diff", "--keras", "3", "--no-cache"]
    assert kerascope("check", *options) == shown


def test_the_changelog_names_every_rule_and_option_that_there_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert set(re.findall(r"KS\d{3}", text)) >= {rule.code for rule in all_rules()}
    described = kerascope("check", "--help") + kerascope("build", "--help") + kerascope("--help")
    guides = [f"docs/{name}.md" for name in ("configuration", "editors/README", "build-check")]
    for page in ("CHANGELOG.md", "README.md", *guides):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / page).read_text("utf-8")):
            assert option in described + kerascope("server", "--help"), f"{page}: {option}"


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", without_code(page.read_text("utf-8"))):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_examples_have_the_defects_that_their_table_names() -> None:
    folder = ROOT / "docs" / "examples"
    rows = re.findall(r"^\| `(\w+\.py)` \|[^|]*\|([^|]*)\|$", (folder / "README.md").read_text("utf-8"), re.M)
    assert {name for name, _ in rows} == {path.name for path in folder.glob("*.py")}
    printed = kerascope("check", "docs/examples", "--keras", "3", "--no-cache", "--output-format", "json")
    found = {(Path(finding["file"]).name, finding["code"]) for finding in json.loads(printed)}
    for name, codes in rows:
        named = {(name, code) for code in re.findall(r"KS\d{3}", codes)}
        assert named <= found, name
        assert named or not any(file == name for file, _ in found), name
