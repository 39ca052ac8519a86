"""A checkout that was moved or copied with its environment works on itself, or says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import conftest
import pytest
from typer.testing import CliRunner

from infomax_lib import cli

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path) -> Path:
    """A checkout with an environment, as far as the Makefile and the command look at them."""
    folder = tmp_path / "Anna's Haus für Zwei"
    packages = folder / ".venv" / "lib" / "python3.11" / "site-packages"
    for made in (packages, folder / ".venv" / "bin", folder / "infomax_lib", folder / "notebooks"):
        made.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "infomax_lib/cli.py"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (packages / "__editable__.infomax_lib-0.1.0.pth").write_text(f"{folder}\n", "utf8")
    (folder / ".venv" / "pyvenv.cfg").touch()
    (folder / ".venv" / ".installed").touch()
    return folder


def planned(folder: Path, target: str) -> str:
    done = subprocess.run(
        ["make", "-n", target], cwd=folder, capture_output=True, text=True, encoding="utf8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("target", ["install", "execute", "book", "test", "audit", "lint"])
def test_make_sets_a_copied_environment_up_anew(copy, target):
    assert "-m venv" not in planned(copy, target)
    moved = copy.rename(copy.with_name("another place"))
    assert "-m venv --clear .venv\n" in planned(moved, target)


def test_make_keeps_what_is_installed_when_the_pins_change(copy):
    os.utime(copy / ".venv" / ".installed", (0, 0))
    assert "-m venv  .venv\n" in planned(copy, "install")


@pytest.mark.parametrize("where", [".", "notebooks"])
def test_command_refuses_to_work_on_another_checkout(copy, where, monkeypatch):
    monkeypatch.chdir(copy / where)
    result = CliRunner().invoke(cli.app, ["sweep", "missing.yaml"])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line == (
        f"error: this command works on {ROOT}, and not on {copy}: give that its own by typing "
        "`make install` there"
    )


def test_command_of_a_copied_environment_refuses_anywhere(copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(copy / ".venv" / "bin" / "infomax")])
    result = CliRunner().invoke(cli.app, ["sweep", "missing.yaml"])
    assert str(ROOT) in result.stderr
    assert str(copy) in result.stderr


@pytest.mark.parametrize("place", [ROOT, ROOT / "notebooks"])
def test_command_works_in_its_own_checkout_and_elsewhere(place, tmp_path, monkeypatch):
    for folder in (place, tmp_path):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(cli.app, ["sweep", "missing.yaml"])
        assert "cannot read missing.yaml" in result.stderr


def test_library_that_is_no_checkout_works_in_any(copy, tmp_path, monkeypatch):
    (tmp_path / "site-packages" / "infomax_lib").mkdir(parents=True)
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "site-packages" / "infomax_lib" / "cli.py"))
    monkeypatch.chdir(copy)
    result = CliRunner().invoke(cli.app, ["sweep", "missing.yaml"])
    assert "cannot read missing.yaml" in result.stderr


def test_tests_ask_which_library_programs_find(copy, monkeypatch):
    assert conftest.installed_library(ROOT) == ROOT
    (copy / "infomax_lib" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(copy))
    assert conftest.installed_library(ROOT / "tests") == copy
