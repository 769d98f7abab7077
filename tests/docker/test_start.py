"""What the containers run: one training from flags or from variables, or the bot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.makers.bot import REPOSITORY
from tests.makers.docker_scripts import module_of

START = REPOSITORY / "docker" / "start.py"
PASSWORD = {"FREQTRADE__API_SERVER__PASSWORD": "p"}

#: Stands in for `dualwindow` and `freqtrade`: says what it got, ends with a status of its own.
PROGRAM = f"""#!{sys.executable} -S
import json, os, sys
print(json.dumps([sys.argv[0].split("/")[-1], sys.argv[1:], os.getpid(), dict(os.environ)]))
sys.exit(7)
"""


@pytest.fixture(scope="module")
def start() -> Any:
    return module_of(START)


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ({"PRESET": "quick", "PAIRS": "BTC_USDT"}, ["--preset", "quick", "--pair", "BTC_USDT"]),
        (
            {"PAIRS": " BTC/USDT:USDT, ETH/USDT:USDT SOL_USDT,"},
            ["--pair", "BTC/USDT:USDT", "--pair", "ETH/USDT:USDT", "--pair", "SOL_USDT"],
        ),
        (
            {"PRESET": "", "TRAIN_FLAGS": "--epochs 3 --output 'user_data/models/my model'"},
            ["--epochs", "3", "--output", "user_data/models/my model"],
        ),
        ({}, []),
    ],
)
def test_variables_become_flags(start: Any, variables: dict[str, str], flags: list[str]) -> None:
    assert start.train_command([], variables) == ["dualwindow", "train", *flags]


def test_flags_with_an_open_quotation_are_refused_by_the_variables_name(start: Any) -> None:
    with pytest.raises(SystemExit, match=r"TRAIN_FLAGS .* cannot be read: No closing quotation"):
        start.train_command([], {"TRAIN_FLAGS": "--output 'model"})


def test_flags_leave_the_variables_aside(start: Any) -> None:
    given = ["--pair", "SOL_USDT", "--resume", "user_data/models/a b"]
    command = start.train_command(given, {"PRESET": "quick", "PAIRS": "BTC_USDT"})
    assert command == ["dualwindow", "train", *given]


def test_the_secret_of_the_tokens_is_made_anew_unless_given(start: Any) -> None:
    name = "FREQTRADE__API_SERVER__JWT_SECRET_KEY"
    # An empty variable is what Compose hands over where none was set.
    first, second = (start.trade_variables({name: ""})[name] for _ in range(2))
    assert first != second
    # freqtrade refuses shorter ones.
    assert len(first) >= 32
    assert start.trade_variables({name: "own"})[name] == "own"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    for name in ("dualwindow", "freqtrade"):
        (tmp_path / "bin" / name).write_text(PROGRAM, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "user_data").mkdir()
    return tmp_path


def _run(
    container: Path, *arguments: str, variables: dict[str, str]
) -> tuple[int, int, list[str], str]:
    """Process number and exit status, lines of stdout, stderr."""
    process = subprocess.Popen(
        [sys.executable, "-S", str(START), *arguments],
        cwd=container,
        env={"PATH": f"{container / 'bin'}:{os.environ['PATH']}", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stdout, stderr = process.communicate()
    return process.pid, process.returncode, stdout.splitlines(), stderr


def test_the_training_takes_the_process_over(container: Path) -> None:
    pid, status, lines, _ = _run(container, "train", variables={"PAIRS": "A_USDT B_USDT"})
    assert status == 7
    name, arguments, its_pid, _ = json.loads(lines[1])
    assert its_pid == pid
    assert [name, *arguments] == ["dualwindow", "train", "--pair", "A_USDT", "--pair", "B_USDT"]
    assert lines[0] == "+ dualwindow train --pair A_USDT --pair B_USDT"


def test_the_bot_gets_its_flags_and_password_and_shows_no_secret(container: Path) -> None:
    variables = {"FREQTRADE__API_SERVER__PASSWORD": "sesame"}
    _, status, lines, _ = _run(container, "trade", "--dry-run", variables=variables)
    assert status == 7
    name, arguments, _, environment = json.loads(lines[1])
    assert [name, *arguments] == ["freqtrade", "trade", "--dry-run"]
    assert environment["FREQTRADE__API_SERVER__PASSWORD"] == "sesame"
    assert "sesame" not in lines[0]
    assert environment["FREQTRADE__API_SERVER__JWT_SECRET_KEY"] not in lines[0]


def test_without_a_password_no_bot_starts(container: Path) -> None:
    _, status, lines, said = _run(container, "trade", "--dry-run", variables={})
    assert (status, lines) == (1, [])
    assert "API_PASSWORD" in said


def test_a_folder_that_cannot_be_written_is_refused_with_the_way_out(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as a user who can write everywhere.
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    with pytest.raises(SystemExit, match=f"sudo chown -R {os.getuid()} user_data"):
        start.refuse_read_only(tmp_path / "user_data")
