"""``freezeline`` as a whole: its help reads well, and an error is one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agents.cli import COMMAND_MODULES, register_commands

TOP = Path(__file__).parents[2]


def _freezeline(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agents.cli", *arguments],
        cwd=TOP,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command_with_its_purpose() -> None:
    result = _freezeline("--help", COLUMNS="100")
    assert result.returncode == 0
    commands = result.stdout.split("Commands:")[1].strip().splitlines()
    assert len(commands) >= 1
    assert all(len(line.split(None, 1)) == 2 for line in commands)


def test_no_command_is_told_of_in_half_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    whole = typer.Typer(rich_markup_mode=None)
    register_commands(whole, [])
    groups = [group.name or "" for group in whole.registered_groups]
    assert len(groups) > 5
    for arguments in ([], *([name] for name in groups)):
        said = CliRunner().invoke(whole, [*arguments, "--help"]).stdout
        commands = said.split("Commands:")[1]
        assert commands.strip()
        assert "..." not in commands


def test_every_module_of_the_command_line_is_reached() -> None:
    files = {path.stem for path in (TOP / "agents" / "cli").glob("*.py")}
    commands = {name for name in files if not name.startswith("_")}
    with_register = {
        name
        for name in commands
        if "def register(" in (TOP / "agents" / "cli" / f"{name}.py").read_text(encoding="utf-8")
    }
    assert with_register <= set(COMMAND_MODULES)


def test_an_unknown_command_is_exit_code_two() -> None:
    result = _freezeline("freeze-everything")
    assert result.returncode == 2
    assert "No such command 'freeze-everything'" in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTP_PORT", "many"), ("BOOTSTRAP", "nowhere"), ("SECURITY_PROTOCOL", "TELEPATHY")],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(variable: str, value: str) -> None:
    result = _freezeline("topics", "check", **{f"FREEZELINE_{variable}": value})
    assert result.returncode == 2
    assert result.stderr.startswith(f"FREEZELINE_{variable} is wrong: ")
    assert result.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m agents.cli topics show | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""


INTERRUPTED_WHILE_LOADED = """
import os, signal, sys, weakref
import agents.cli

class Lock: pass

def interrupt(_reference):
    os.kill(os.getpid(), signal.SIGINT)

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "agents.cli.account":
            lock = Lock()
            reference = weakref.ref(lock, interrupt)
            del lock

sys.meta_path.insert(0, Finder())
sys.argv = ["freezeline", "account", "--help"]
agents.cli.main()
"""
"""What Python does when Ctrl-C comes in the weak-reference callback of a module's lock."""


def test_an_interrupt_while_a_command_is_loaded_is_never_lost() -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADED],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == -signal.SIGINT
    assert result.stdout == ""
