"""The frame: quick help, one command's module alone, and what errors become."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from dualwindow import __version__
from dualwindow.cli import main as frame
from dualwindow.cli import parser as parsers
from dualwindow.errors import SettingsError

HEAVY: Final = ("torch", "numpy", "pandas", "pyarrow", "pydantic", "freqtrade", "rich", "sklearn")
#: Runs a command line in one process and then names the heavy modules that it imported.
_IMPORTED_BY: Final = f"""
import sys
from dualwindow.cli.main import main
for arguments in {{arguments!r}}:
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, arguments
print("imported:", *sorted(set({HEAVY!r}) & sys.modules.keys()))
"""


def _imported_by(*command_lines: list[str]) -> list[str]:
    code = _IMPORTED_BY.format(arguments=command_lines)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


def _plant(monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], int]) -> None:
    """Let the frame find one command, `plant --number N`."""
    module = SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--number", type=int),
        run=run,
        EXAMPLE="dualwindow plant --number 3",
    )
    garden = {"plant": "grow", "weed": "of which there is no module"}
    monkeypatch.setattr(parsers, "GROUPS", {"garden": garden})
    monkeypatch.setattr(parsers, "COMMANDS", garden)
    monkeypatch.setitem(sys.modules, "dualwindow.cli.commands.plant", module)  # type: ignore[misc]


def test_help_and_version_import_nothing_heavy() -> None:
    assert _imported_by(["--help"], ["--version"]) == []


def test_no_help_waits_for_torch(tmp_path: Path) -> None:
    helps = [[name, "--help"] for name in parsers.COMMANDS]
    quick = [["presets"], ["cache", "--userdir", str(tmp_path)], ["config", "schema"]]
    assert not {"torch", "freqtrade", "sklearn"} & set(_imported_by(*helps, *quick))


def test_every_command_is_listed_with_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        frame.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for title, commands in parsers.GROUPS.items():
        group = shown.partition(f" {title}: ")[2]
        listed = " ".join(f"{name} {line}" for name, line in commands.items())
        assert group.startswith(listed), title


def test_the_help_fits_a_terminal_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        frame.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40


@pytest.mark.parametrize("name", parsers.COMMANDS)
def test_every_help_ends_with_an_example_that_the_command_understands(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        frame.main([name, "--help"])
    title, *examples = capsys.readouterr().out.rpartition("\n\n")[2].splitlines()
    assert title == ("examples:" if len(examples) > 1 else "example:")
    parser, _ = parsers.program_parser([name])
    for example in examples:
        program, *words = shlex.split(example.partition(" > ")[0])
        assert program == "dualwindow"
        assert words[0] == name
        parser.parse_args(words)


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        frame.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"dualwindow {__version__}\n"


def test_only_the_module_of_the_command_asked_for_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _plant(monkeypatch, lambda options: options.number)
    asked: list[str] = []

    def import_module(name: str) -> object:
        asked.append(name)
        return sys.modules[name]

    monkeypatch.setattr(importlib, "import_module", import_module)
    assert frame.main(["plant", "--number", "3"]) == 3
    assert asked == ["dualwindow.cli.commands.plant"]


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["plant", "--number", "x"], ["plant", "--num", "3"]]
)
def test_wrong_usage_ends_with_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    _plant(monkeypatch, lambda _: 0)
    with pytest.raises(SystemExit) as end:
        frame.main(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (SettingsError(["epochs -1 is too low"]), 1, "epochs -1 is too low"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_meant_for_people_become_a_message_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    def run(options: argparse.Namespace) -> int:
        raise error

    _plant(monkeypatch, run)
    assert frame.main(["plant"]) == status
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_an_error_of_our_own_making_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: argparse.Namespace) -> int:
        # As of a worker process that has died: our output is still read.
        raise BrokenPipeError

    _plant(monkeypatch, run)
    with pytest.raises(BrokenPipeError):
        frame.main(["plant"])


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_left_gets_no_traceback(unbuffered: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dualwindow", "config", "schema"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == frame.FAILED


def test_an_unknown_flag_is_answered_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        frame.main(["train", "--epoch", "3"])
    error = capsys.readouterr().err
    assert "usage: dualwindow train" in error
    assert "unrecognized arguments: --epoch 3; did you mean --epochs?" in error


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 3000, "nul\0", "new\nline"])
@pytest.mark.parametrize(
    "words",
    [
        ["report", "PATH"],
        ["report", "PATH/in"],
        ["report", ".", "--output", "PATH"],
        ["evaluate", "PATH"],
        ["evaluate", ".", "--output", "PATH"],
        ["doctor", "--userdir", "PATH"],
        ["doctor", "-c", "PATH"],
        ["cache", "--userdir", "PATH"],
        ["install", "--userdir", "PATH"],
        ["config", "validate", "PATH"],
        ["config", "convert", "PATH"],
        ["config", "schema", "--output", "PATH"],
        ["train", "-c", "PATH", "--pair", "BTC/USDT"],
        ["train", "--userdir", "PATH", "--pair", "BTC/USDT"],
        ["train", "--datadir", "PATH", "--pair", "BTC/USDT"],
    ],
    ids=" ".join,
)
def test_a_word_that_can_be_no_path_is_a_message(
    words: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.main([word.replace("PATH", path) for word in words]) == frame.FAILED
    assert "can be no path" in capsys.readouterr().err
