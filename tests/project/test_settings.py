"""Settings are read from the nearest file; every mistake in them is named at its place and stops nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.project.settings import Problem, Settings, from_command_line, from_editor, load, matches

CODES = ("KS101", "KS102", "KS201", "KS203", "KS901")


def read(folder: Path, text: str, name: str = "pyproject.toml") -> tuple[Settings, tuple[Problem, ...]]:
    (folder / name).write_text(text, encoding="utf-8")
    return load(str(folder / "file.py"), str(folder), codes=CODES)


def only(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(str(tmp_path / "a.py"), str(tmp_path)) == (Settings(), ())


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings, problems = read(
        tmp_path,
        """
        [tool.kerascope]
        enable = true
        keras = "both"
        keras-version = "3.8"
        select = ["KS1", "KS203"]
        ignore = ["KS102"]
        exclude = ["build", "docs/**"]
        python = ".venv/bin/python"
        build = true
        build-timeout = 90
        build-memory = 2048
        build-gpu = true
        [tool.kerascope.severity]
        KS101 = "error"
        ks2 = "off"
        [tool.kerascope.per-file-ignores]
        "tests/**" = ["KS1"]
        """,
    )
    assert problems == ()
    assert settings == Settings(
        keras="both",
        keras_version="3.8",
        select=("KS1", "KS203"),
        ignore=("KS102",),
        exclude=("build", "docs/**"),
        python=".venv/bin/python",
        severity={"KS101": "error", "KS2": "off"},
        per_file_ignores={"tests/**": ("KS1",)},
        build_timeout=90.0,
        build_memory=2048,
        build_gpu=True,
        folder=str(tmp_path),
    )
    assert pickle.loads(pickle.dumps(settings)) == settings
    hash(settings)


def test_the_longest_code_that_fits_decides() -> None:
    settings = Settings(select=("KS1", "KS203"), ignore=("KS10", "KS2"))
    assert [code for code in CODES if settings.reports(code)] == ["KS203"]
    settings = Settings(select=("KS101",), ignore=("KS1",))
    assert [code for code in CODES if settings.reports(code)] == ["KS101"]
    settings = Settings(ignore=("KS",))
    assert not any(settings.reports(code) for code in CODES)
    assert all(Settings().reports(code) for code in CODES)
    assert not Settings(enable=False).reports("KS101")


def test_severity_off_reports_nothing_and_the_longest_code_decides_here_too() -> None:
    settings = Settings(severity={"KS1": "off", "KS101": "error"})
    assert settings.level("KS101") == "error"
    assert settings.level("KS102") == "off" and not settings.reports("KS102")
    assert settings.level("KS203") is None and settings.reports("KS203")


def test_codes_can_be_ignored_for_some_files(tmp_path: Path) -> None:
    settings = Settings(per_file_ignores={"tests/**": ("KS1",), "conf.py": ("KS",)}, folder=str(tmp_path))
    assert not settings.reports("KS101", str(tmp_path / "tests/deep/a.py"))
    assert settings.reports("KS201", str(tmp_path / "tests/deep/a.py"))
    assert settings.reports("KS101", str(tmp_path / "src/tests/a.py"))
    assert not settings.reports("KS201", str(tmp_path / "src/conf.py"))


def test_the_nearest_file_wins_and_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.kerascope]\nkeras = "2"\n')
    (deep / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load(str(deep / "x.py"), str(tmp_path))[0].keras == "2"
    (tmp_path / "a" / "kerascope.toml").write_text('keras = "both"\n')
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.kerascope]\nkeras = "2"\n')
    settings, _ = load(str(deep), str(tmp_path))
    assert settings.keras == "both" and settings.folder == str(tmp_path / "a")
    assert load(str(tmp_path / "other.py"), str(tmp_path))[0].keras == "2"


def test_nothing_above_the_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "kerascope.toml").write_text('keras = "2"\n')
    (tmp_path / "root").mkdir()
    assert load(str(tmp_path / "root/a.py"), str(tmp_path / "root"))[0].keras == "auto"
    assert load(str(tmp_path / "root/a.py"))[0].keras == "2"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert read(tmp_path, 'keras = "2"\n', "kerascope.toml")[0].keras == "2"
    assert read(tmp_path, 'keras = "3"\n', "kerascope.toml")[0].keras in ("2", "3")
    os.utime(tmp_path / "kerascope.toml", ns=(1, 1))
    assert load(str(tmp_path), str(tmp_path))[0].keras == "3"
    (tmp_path / "kerascope.toml").unlink()
    assert load(str(tmp_path), str(tmp_path))[0] == Settings()


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        (
            '[tool.kerascope]\nselct = ["KS1"]\n',
            1,
            0,
            ['"selct"', 'Did you mean "select"?', "per-file-ignores"],
        ),
        ('[tool.kerascope]\nkeras = "4"\n', 1, 8, ['"4"', '"auto", "2", "3" or "both"']),
        ("[tool.kerascope]\nkeras = 2.5\n", 1, 0, ["2.5", '"both"']),
        (
            '[tool.kerascope]\nselect = [\n  "KS1",\n  "KS111",\n]\n',
            3,
            2,
            ['no rule "KS111"', 'Did you mean "KS101"?'],
        ),
        ("[tool.kerascope]\n  select = 3\n", 1, 2, ["must be a list of strings, not 3"]),
        ('[tool.kerascope]\nenable = "no"\n', 1, 9, ['must be true or false, not "no"']),
        ("[tool.kerascope]\nexclude = [1]\n", 1, 0, ["must be a list of strings"]),
        ("[tool.kerascope]\npython = []\n", 1, 0, ["must be a string"]),
        ("[tool.kerascope]\nkeras-version = 3.8\n", 1, 0, ["must be a string"]),
        ('[tool.kerascope]\nkeras-version = "3"\n', 1, 16, ['a version such as "3.8"', '"3"']),
        (
            '[tool.kerascope.severity]\nKS101 = "fatal"\n',
            1,
            8,
            ["severity.KS101", '"fatal"', "information, off"],
        ),
        ('[tool.kerascope.severity]\nKS999 = "error"\n', 1, 0, ['no rule "KS999"']),
        ('[tool.kerascope]\nseverity = { KS101 = "warnin" }\n', 1, 21, ['Did you mean "warning"?']),
        ('[tool.kerascope]\nseverity = "error"\n', 1, 11, ["must be a table"]),
        ('[tool.kerascope]\nper-file-ignores = { "a.py" = 3 }\n', 1, 21, ["must be a list of strings"]),
        ('[tool.kerascope.per-file-ignores]\n"a.py" = ["X1"]\n', 1, 10, ["per-file-ignores", 'no rule "X1"']),
        ('[tool]\nkerascope = "x"\n', 1, 0, ["must be a table"]),
        ('tool.kerascope.keras = "4"\n', 0, 23, ['"4"']),
        ('[tool.kerascope]\nkeras = "2\n', 1, 10, ["Not valid TOML"]),
        ('[tool.kerascope]\nbuild = "off"\n', 1, 8, ['must be true or false, not "off"']),
        ("[tool.kerascope]\nbuild-timeout = 0\n", 1, 0, ["a number of seconds from 1 to 86400, not 0"]),
        ('[tool.kerascope]\nbuild-timeout = "1m"\n', 1, 16, ["a number of seconds", '"1m"']),
        ("[tool.kerascope]\nbuild-timeout = nan\n", 1, 0, ["a number of seconds", "nan"]),
        ("[tool.kerascope]\nbuild-memory = 16\n", 1, 0, ["a number of megabytes from 64"]),
        ("[tool.kerascope]\nbuild-memory = true\n", 1, 0, ["a number of megabytes", "true"]),
        ("[tool.kerascope]\nbuild-gpu = 1\n", 1, 0, ["must be true or false"]),
        ("[tool.kerascope]\nbuild-on-save = true\n", 1, 0, ["in the editor's settings alone"]),
    ],
)
def test_a_mistake_is_named_at_its_place_and_the_default_holds(
    tmp_path: Path, text: str, line: int, column: int, words: list[str]
) -> None:
    settings, problems = read(tmp_path, text)
    problem = only(problems)
    assert all(word in problem.message for word in words), problem.message
    assert (problem.path, problem.line, problem.column) == (str(tmp_path / "pyproject.toml"), line, column)
    assert str(problem).startswith(f"{tmp_path / 'pyproject.toml'}:{line + 1}:{column + 1}: ")
    assert settings.keras == "auto" and settings.exclude == () and settings.severity == {}
    assert settings.build and not settings.build_on_save and settings.build_timeout == 60


def test_what_is_right_beside_a_mistake_holds(tmp_path: Path) -> None:
    settings, problems = read(
        tmp_path, 'keras = "2"\nignore = ["KS101", "KS555"]\nfoo = 1\n', "kerascope.toml"
    )
    assert settings.keras == "2" and settings.ignore == ("KS101",)
    assert [(problem.code, problem.line) for problem in problems] == [("KS902", 1), (None, 2)]


def test_every_code_of_the_right_form_is_taken_where_the_codes_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "kerascope.toml").write_text('select = ["ks7", "ALL", "E501"]\n')
    settings, problems = load(str(tmp_path), str(tmp_path))
    assert settings.select == ("KS7", "KS")
    assert '"E501"' in only(problems).message


def test_a_broken_pyproject_that_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "[project\n") == (Settings(), ())


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"keras = \x80", b"a" * 100, b"\x00"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kerascope.toml").write_bytes(content)
    settings, problems = load(str(tmp_path), str(tmp_path))
    assert settings.keras == "auto"
    assert only(problems).path.endswith("kerascope.toml")


def test_a_folder_of_that_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "kerascope.toml").mkdir()
    assert "Can't be read" in only(load(str(tmp_path), str(tmp_path))[1]).message


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "kerascope.toml").write_bytes(b'\xef\xbb\xbfkeras = "2"\r\nfoo = 1\r\n')
    settings, problems = load(str(tmp_path), str(tmp_path))
    assert settings.keras == "2"
    assert only(problems).line == 1


# --- The editor and the command line ---


def test_the_editor_s_settings_go_over_the_file_s(tmp_path: Path) -> None:
    base, _ = read(tmp_path, 'keras = "2"\nignore = ["KS101"]\n', "kerascope.toml")
    settings, problems = from_editor(
        {"keras": 3, "perFileIgnores": {"a.py": ["KS1"]}, "severity": {"KS203": "error"}}, base, codes=CODES
    )
    assert problems == ()
    assert settings.keras == "3" and settings.ignore == ("KS101",)
    assert settings.per_file_ignores == {"a.py": ("KS1",)}
    assert settings.severity == {"KS203": "error"}


def test_the_editor_alone_can_ask_for_builds_on_save() -> None:
    settings, problems = from_editor({"buildOnSave": True, "buildTimeout": 5, "buildMemory": 1024.0})
    assert problems == ()
    assert settings.build_on_save and settings.build_timeout == 5 and settings.build_memory == 1024
    assert not from_editor({"build": False})[0].build


def test_defaults_that_the_editor_sends_along_change_nothing() -> None:
    base = Settings(keras="2", ignore=("KS1",), python="/python", enable=False)
    everything = {"enable": True, "keras": "auto", "select": [], "ignore": [], "python": None, "severity": {}}
    assert from_editor(everything, base) == (base, ())
    assert from_editor(None, base) == (base, ())


def test_a_mistake_in_the_editor_s_settings_is_named_and_leaves_what_the_file_says() -> None:
    base = Settings(keras="2")
    settings, problems = from_editor({"keras": "four", "colour": 1}, base)
    assert settings == base
    assert [problem.path for problem in problems] == ["the editor's settings"] * 2
    assert str(problems[1]).startswith('the editor\'s settings: Unknown setting "colour".')


def test_settings_that_are_no_object_are_named() -> None:
    assert "must be an object, not a list" in only(from_editor([1])[1]).message


def test_the_command_line_goes_over_everything() -> None:
    base = Settings(keras="2", ignore=("KS101",))
    given = {"keras": "auto", "select": "KS1,KS2", "ignore": None, "severity": ["KS101=error", "KS2=off"]}
    settings, problems = from_command_line(given, base, codes=CODES)
    assert problems == ()
    assert settings.keras == "auto" and settings.select == ("KS1", "KS2") and settings.ignore == ("KS101",)
    assert settings.severity == {"KS101": "error", "KS2": "off"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["enable", "keras", "kerasVersion", "select", "ignore", "severity", "exclude", "python", "perFileIgnores",
     "build", "buildOnSave", "buildTimeout", "buildMemory"]
)  # fmt: skip


@given(JSON | st.dictionaries(KEYS | st.text(max_size=5), JSON, max_size=4))
def test_no_object_is_too_odd(data: object) -> None:
    settings, problems = from_editor(data, codes=CODES)
    hash(settings)
    assert all(problem.message for problem in problems)


@given(st.text(max_size=60))
def test_no_text_is_too_odd(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "kerascope.toml").write_text(text, encoding="utf-8", errors="replace", newline="")
    _, problems = load(str(folder), str(folder), codes=CODES)
    for problem in problems:
        assert 0 <= problem.line <= text.count("\n") + 1


# --- Patterns ---


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("build", ["build/a.py", "x/build/a.py", "build"], ["builder/a.py", "x/rebuild.py"]),
        ("*_test.py", ["a_test.py", "x/y/a_test.py"], ["a_test.pyi", "test.py"]),
        ("docs/*.py", ["docs/a.py"], ["docs/x/a.py", "x/docs/a.py"]),
        ("docs/**", ["docs/a.py", "docs/x/a.py"], ["x/docs/a.py"]),
        ("**/gen/*.py", ["gen/a.py", "x/y/gen/a.py"], ["gen/x/a.py"]),
        ("./docs", ["docs/a.py"], ["doc/a.py", "x/docs/a.py"]),
        ("/docs", ["docs/a.py"], ["x/docs/a.py"]),
        ("docs/", ["docs/a.py"], ["docs.py"]),
        ("a?.py", ["ab.py"], ["a.py", "abc.py", "a/.py"]),
        ("[x].py", ["[x].py"], ["x.py"]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, fits: list[str], fits_not: list[str]) -> None:
    settings = Settings(exclude=(pattern,), folder=str(tmp_path))
    for name in fits:
        assert settings.excludes(str(tmp_path / name)), name
    for name in fits_not:
        assert not settings.excludes(str(tmp_path / name)), name


def test_a_pattern_may_be_a_whole_path(tmp_path: Path) -> None:
    assert matches(f"{tmp_path.as_posix()}/gen/*.py", str(tmp_path / "gen/a.py"), str(tmp_path))
    assert matches("/somewhere/gen", "/somewhere/gen/a.py")


def test_patterns_do_not_reach_outside_their_folder(tmp_path: Path) -> None:
    assert not matches("src/**", str(tmp_path / "other/src/a.py"), str(tmp_path / "here"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_pattern_is_taken(pattern: str, path: str) -> None:
    matches(pattern, path, "/folder")
