"""Which interpreter and which Keras: found from where files lie, without starting anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.project.environment import Environment, choose_keras, find_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the trees below have the layout of POSIX")

NOWHERE: Mapping[str, str] = {"PATH": ""}


def venv(folder: Path, *packages: str, version: str = "3.11", **config: str) -> Path:
    """A virtual environment as it lies on disk; its interpreter would fail if anybody started it."""
    site = folder / "lib" / f"python{version}" / "site-packages"
    site.mkdir(parents=True)
    install(site, *packages)
    interpreter(folder / "bin" / "python")
    lines = {"home": "/nowhere/bin", "version": f"{version}.7", **config}
    text = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in lines.items())
    (folder / "pyvenv.cfg").write_text(text)
    return folder


def interpreter(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho started >> started\nexit 1\n")
    path.chmod(0o755)
    return path


def install(site: Path, *packages: str) -> None:
    for package in packages:
        (site / f"{package}.dist-info").mkdir()


def found_in(root: Path, **arguments: object) -> Environment:
    arguments.setdefault("environ", NOWHERE)
    return find_environment(str(root), **arguments)  # type: ignore[arg-type]


def generations(environment: Environment, *names: str, **more: object) -> tuple[int, ...]:
    return choose_keras(environment, names=names, **more).generations  # type: ignore[arg-type]


# --- Which interpreter ---


def test_the_setting_comes_first_then_the_editor_then_the_active_one_then_the_workspace_then_path(
    tmp_path: Path,
) -> None:
    root = tmp_path / "work"
    set_, editor, active = (venv(tmp_path / name) for name in ("set", "editor", "active"))
    own = venv(root / ".venv")
    path = venv(tmp_path / "path")
    (path / "bin" / "python").rename(path / "bin" / "python3")
    environ = {"PATH": str(path / "bin"), "VIRTUAL_ENV": str(active)}

    def found(**arguments: object) -> tuple[str | None, str | None]:
        environment = found_in(root, **arguments)
        return environment.found_by, environment.python

    python = str(set_ / "bin" / "python")
    assert found(setting=python, editor=str(editor), environ=environ) == ("setting", python)
    python = str(editor / "bin" / "python")
    assert found(editor=python, environ=environ) == ("editor", python)
    assert found(environ=environ) == ("VIRTUAL_ENV", str(active / "bin" / "python"))
    del environ["VIRTUAL_ENV"]
    assert found(environ=environ) == ("workspace", str(own / "bin" / "python"))
    (own / "bin" / "python").unlink()
    assert found(environ=environ) == ("PATH", str(path / "bin" / "python3"))


def test_a_setting_may_be_a_folder_a_relative_path_or_a_name(tmp_path: Path) -> None:
    own = venv(tmp_path / "env")
    python = str(own / "bin" / "python")
    assert found_in(tmp_path, setting=str(own)).python == python
    assert found_in(tmp_path, setting="env/bin/python").python == python
    assert found_in(tmp_path, setting="env").python == python
    assert found_in(tmp_path, setting="python", environ={"PATH": str(own / "bin")}).python == python


def test_an_interpreter_that_does_not_exist_is_named_and_the_next_is_taken(tmp_path: Path) -> None:
    venv(tmp_path / ".venv")
    environment = found_in(tmp_path, setting="/no/such/python")
    assert environment.found_by == "workspace"
    assert "/no/such/python" in environment.notes[0] and "does not exist" in environment.notes[0]


def test_without_any_interpreter_there_is_a_note_and_no_error(tmp_path: Path) -> None:
    environment = found_in(tmp_path)
    assert environment.python is None and environment.search_paths == ()
    assert "No Python interpreter" in environment.notes[-1]
    choice = choose_keras(environment)
    assert choice.generations == (3,)
    assert "assuming Keras 3" in choice.note


def test_an_untrusted_workspace_names_no_interpreter_inside_itself(tmp_path: Path) -> None:
    root = tmp_path / "work"
    own = venv(root / ".venv", "keras-2.15.0")
    python = str(own / "bin" / "python")
    outside = venv(tmp_path / "outside", "keras-3.15.1")
    (tmp_path / "link").symlink_to(own)
    for hostile in (python, str(tmp_path / "link" / "bin" / "python")):
        environment = found_in(root, setting=hostile, editor=str(outside), trusted=False)
        assert environment.found_by == "editor"
        assert environment.versions == {"keras": "3.15.1"}
        assert "not trusted" in environment.notes[0]
    assert found_in(root, environ={"PATH": str(own / "bin")}, trusted=False).python is None
    assert found_in(root).python == python


def test_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("subprocess.Popen.__init__", refuse)
    monkeypatch.setattr("os.system", refuse)
    venv(tmp_path / ".venv", "keras-3.15.1")
    assert found_in(tmp_path).versions == {"keras": "3.15.1"}
    assert not (tmp_path / "started").exists()


# --- Which packages ---


def test_packages_of_a_virtual_environment(tmp_path: Path) -> None:
    own = venv(tmp_path / ".venv", "keras-3.15.1", "tensorflow_cpu-2.21.0", "tf_keras-2.21.0", "numpy-2.0.0")
    environment = found_in(tmp_path)
    assert environment.search_paths == (str(own / "lib/python3.11/site-packages"),)
    assert environment.versions == {"keras": "3.15.1", "tensorflow": "2.21.0", "tf_keras": "2.21.0"}


def test_packages_of_the_system_where_the_virtual_environment_includes_them(tmp_path: Path) -> None:
    base = tmp_path / "usr"
    for name in ("site-packages", "dist-packages"):
        (base / "lib/python3.11" / name).mkdir(parents=True)
    install(base / "lib/python3.11/dist-packages", "tensorflow-2.15.1", "keras-2.15.0")
    venv(tmp_path / ".venv", "keras-3.15.1", home=str(base / "bin"), include_system_site_packages="true")
    environment = found_in(tmp_path)
    assert environment.versions == {"keras": "3.15.1", "tensorflow": "2.15.1"}
    assert str(base / "lib/python3.11/dist-packages") in environment.search_paths


def test_a_plain_interpreter_sees_the_packages_of_its_own_version(tmp_path: Path) -> None:
    for version in ("3.10", "3.11"):
        site = tmp_path / f"usr/lib/python{version}/site-packages"
        site.mkdir(parents=True)
        install(site, f"keras-{version}")
    (tmp_path / "usr/lib/python3/dist-packages").mkdir(parents=True)
    interpreter(tmp_path / "usr/bin/python3.11")
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    environment = found_in(tmp_path / "work", environ={"PATH": str(tmp_path / "usr/bin")})
    assert environment.versions == {"keras": "3.11"}
    assert str(tmp_path / "usr/lib/python3/dist-packages") in environment.search_paths


def test_a_link_from_a_folder_of_commands_leads_to_the_packages(tmp_path: Path) -> None:
    site = tmp_path / "opt/lib/python3.12/site-packages"
    site.mkdir(parents=True)
    install(site, "keras-3.15.1")
    interpreter(tmp_path / "opt/bin/python3.12")
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/python3").symlink_to(tmp_path / "opt/bin/python3.12")
    assert found_in(tmp_path, environ={"PATH": str(tmp_path / "commands")}).versions == {"keras": "3.15.1"}


def test_pyenv_s_stand_ins_lead_to_the_version_that_the_folder_asks_for(tmp_path: Path) -> None:
    for version in ("3.10.1", "3.11.7"):
        site = tmp_path / f"pyenv/versions/{version}/lib/python{version[:4]}/site-packages"
        site.mkdir(parents=True)
        install(site, f"keras-{version}")
    interpreter(tmp_path / "pyenv/shims/python3")
    (tmp_path / "pyenv/version").write_text("3.10.1\n")
    environ = {"PATH": str(tmp_path / "pyenv/shims")}
    assert found_in(tmp_path, environ=environ).versions == {"keras": "3.10.1"}
    (tmp_path / ".python-version").write_text("3.11\n")
    assert found_in(tmp_path, environ=environ).versions == {"keras": "3.11.7"}


def test_editable_installs_are_found_and_no_line_of_code_is_run(tmp_path: Path) -> None:
    own = venv(tmp_path / ".venv")
    site = own / "lib/python3.11/site-packages"
    for name in ("one", "two/src", "three/src/pkg"):
        (tmp_path / name).mkdir(parents=True)
    (site / "one.pth").write_text(
        f"# comment\nimport os; os.mkdir('started')\n{tmp_path / 'one'}\n/no/such\n\n"
    )
    (site / "two.pth").write_text("../../../../two/src\n")
    mapping = {"pkg": str(tmp_path / "three/src/pkg"), "odd": 3}
    (site / "__editable___three_finder.py").write_text(f"MAPPING: dict[str, str] = {mapping!r}\n")
    (site / "__editable___bad_finder.py").write_text("MAPPING = {__import__('os')}\n")
    found = found_in(tmp_path).search_paths
    assert set(found[1:]) == {str(tmp_path / name) for name in ("one", "two/src", "three/src")}


def test_a_package_without_metadata_tells_its_version_itself(tmp_path: Path) -> None:
    own = venv(tmp_path / ".venv")
    source = own / "lib/python3.11/site-packages/keras/src"
    source.mkdir(parents=True)
    (source.parent / "__init__.py").touch()
    (source / "version.py").write_text('__version__ = "3.9.2"\n')
    assert found_in(tmp_path).versions == {"keras": "3.9.2"}


def test_unreadable_folders_are_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv(tmp_path / ".venv", "keras-3.15.1")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    assert found_in(tmp_path).versions == {}


def test_broken_links_and_files_in_place_of_folders_do_no_harm(tmp_path: Path) -> None:
    own = venv(tmp_path / ".venv", "keras-3.15.1")
    site = own / "lib/python3.11/site-packages"
    (site / "loop.pth").symlink_to("loop.pth")
    (site / "gone.pth").symlink_to("/no/such/file")
    (site / "folder.pth").mkdir()
    (site / "binary.pth").write_bytes(b"\xff\x00\xfe\n" + bytes(range(256)))
    (own / "lib/python3.12").write_text("a file")
    (own / "lib64").symlink_to("lib")
    (tmp_path / "venv").symlink_to("venv")
    environment = found_in(tmp_path)
    assert environment.versions == {"keras": "3.15.1"}
    assert environment.search_paths == (str(site),)


@given(st.text(max_size=40))
def test_any_text_may_stand_in_the_setting(text: str) -> None:
    environment = find_environment("/no/such/folder", setting=text, environ=NOWHERE)
    assert environment.python is None or Path(environment.python).exists()


# --- Which Keras ---


@pytest.mark.parametrize(
    ("versions", "keras", "tf"),
    [
        ({"tensorflow": "2.15.1", "keras": "2.15.0"}, 2, 2),
        ({"tensorflow": "2.4.0"}, 2, 2),
        ({"tensorflow": "2.16.1", "keras": "3.3.3"}, 3, 3),
        ({"tensorflow": "2.21.0", "keras": "3.15.1", "tf_keras": "2.21.0"}, 3, 3),
        ({"tensorflow": "2.22.0.dev20260101", "keras": "3.16.0.dev1"}, 3, 3),
        ({"tensorflow": "2.15.1", "keras": "3.0.5"}, 3, 2),
        ({"keras": "3.15.1"}, 3, 3),
        ({"keras": "2.3.1"}, 2, 2),
        ({"tensorflow": "2.18.0"}, 3, 3),
        ({"tf_keras": "2.21.0"}, 2, 2),
    ],
)
def test_what_is_installed_decides(versions: dict[str, str], keras: int, tf: int) -> None:
    environment = Environment("/env/bin/python", versions=versions)
    assert generations(environment, "keras.layers.Dense") == (keras,)
    assert generations(environment, "tensorflow.keras.layers.Dense") == (tf,)
    assert generations(environment, "tf_keras.layers.Dense") == (2,)


@pytest.mark.parametrize(
    ("versions", "version_2", "version_3"),
    [
        ({"tensorflow": "2.15.1", "keras": "2.15.0"}, (2, 15), None),
        ({"keras": "3.15.1", "tf_keras": "2.21.0"}, (2, 21), (3, 15)),
        ({"keras": "3.16.0.dev2026", "tf_keras": ""}, None, (3, 16)),
        ({"tensorflow": "2.21.0"}, None, None),
    ],
)
def test_the_version_of_each_generation(
    versions: dict[str, str], version_2: tuple[int, int] | None, version_3: tuple[int, int] | None
) -> None:
    environment = Environment("/env/bin/python", versions=versions)
    assert environment.keras_version(2) == version_2
    assert environment.keras_version(3) == version_3


def test_the_setting_decides_before_everything() -> None:
    environment = Environment("/env/bin/python", versions={"keras": "3.15.1"})
    assert generations(environment, setting="2") == (2,)
    assert generations(environment, setting="3") == (3,)
    assert generations(environment, setting="both") == (2, 3)


def test_a_file_of_tf_keras_alone_is_keras_2_where_both_are_asked_for() -> None:
    environment = Environment("/env/bin/python", versions={"keras": "3.15.1"})
    assert generations(environment, "tf_keras.layers.Dense", setting="both") == (2,)
    assert generations(environment, "tf_keras", "tf.keras.layers.Dense", setting="both") == (2, 3)
    assert generations(environment, "tf_keras", "keras", setting="both") == (2, 3)


def test_legacy_keras_is_what_tensorflow_gives_where_it_is_asked_for(tmp_path: Path) -> None:
    venv(tmp_path / ".venv", "tensorflow-2.21.0", "keras-3.15.1", "tf_keras-2.21.0")
    environment = found_in(tmp_path, environ={"PATH": "", "TF_USE_LEGACY_KERAS": "1"})
    assert generations(environment, "tf.keras.layers.Dense") == (2,)
    assert generations(environment, "keras.layers.Dense") == (3,)
    environment = found_in(tmp_path, environ={"PATH": "", "TF_USE_LEGACY_KERAS": "0"})
    assert generations(environment, "tf.keras.layers.Dense") == (3,)
    assert generations(environment, "tf.keras.layers.Dense", legacy_in_file=True) == (2,)


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("tf_keras.layers", 2),
        ("tensorflow.python.keras.layers", 2),
        ("keras.ops", 3),
        ("keras.src.ops", 3),
        ("tf.keras.ops.matmul", 3),
        ("keras.random.SeedGenerator", 3),
        ("keras.Variable", 3),
        ("keras_hub.models", 3),
    ],
)
def test_what_only_one_generation_has_decides_before_what_is_installed(name: str, generation: int) -> None:
    other = Environment("/env/bin/python", versions={"keras": "3.15.1" if generation == 2 else "2.15.0"})
    choice = choose_keras(other, names=["numpy", "keras.layers.Dense", name])
    assert choice.generations == (generation,)
    assert "the file uses" in choice.note


def test_a_file_that_uses_both_generations_is_checked_for_the_installed_one() -> None:
    environment = Environment("/env/bin/python", versions={"keras": "3.15.1"})
    assert generations(environment, "tf_keras", "keras.ops") == (3,)


def test_where_nothing_is_installed_the_file_s_names_decide_and_then_keras_3() -> None:
    nothing = Environment("/env/bin/python")
    assert generations(nothing, "tf.keras.layers.LocallyConnected1D") == (2,)
    assert generations(nothing, "tf.keras.layers.RMSNormalization") == (3,)
    choice = choose_keras(nothing, names=["tf.keras.layers.Dense"])
    assert choice.generations == (3,)
    assert choice.note == "Neither TensorFlow nor Keras is installed in /env/bin/python: assuming Keras 3."


@given(st.lists(st.text(max_size=20)))
def test_any_names_give_an_answer(names: list[str]) -> None:
    assert choose_keras(Environment(), names=names).generations in ((2,), (3,))
