"""The page for users of the earlier training module: its commands, code and names are true."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest

from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.main import main
from dualwindow.settings import TrainingConfig
from tests.makers.messages_in_code import REPOSITORY

PAGE: Final = (REPOSITORY / "docs" / "migration.md").read_text("utf-8")
OLD: Final[dict[str, Any]] = {
    "WINDOW_SIZE": 90,
    "EPOCHS": 7,
    "CONFIDENCE_THRESHOLD_SHORT": 0.5,
    "LONG_TP_PCT": 0.02,
}


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [block for own, block in found if own == language]


@pytest.fixture
def old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped configuration, its adapters, and a file of the earlier module."""
    for name in ("config.json", "strategies", "freqaimodels"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "old.json").write_text(json.dumps(OLD), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_take_an_old_configuration_over(
    old_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("dualwindow ")]
    assert len(commands) >= 7
    for words in commands:
        # A training would need candles; its settings are resolved all the same.
        extra = ["--print-config"] if words[0] == "train" else []
        assert main([*words, *extra]) == 0, words
        shown = capsys.readouterr().out
        if "migrated.json" in words and words[1] != "validate" and words[1] != "convert":
            assert re.search(r"^window_size +90 +migrated.json$", shown, re.MULTILINE)
    converted = TrainingConfig.from_config_file(old_file / "migrated.json")
    expected = {name.lower(): value for name, value in OLD.items()}
    assert converted == TrainingConfig.from_parameters(expected)


def test_the_code_works(old_file: Path) -> None:
    for code in blocks("python"):
        exec(code, {})
    saved = TrainingConfig.from_config_file(old_file / "migrated.json")
    assert (saved.window_size, saved.epochs, saved.confidence_mode) == (90, 50, "aggressive")


def test_the_old_file_is_read_as_it_is_too(old_file: Path) -> None:
    assert old_file.is_dir()
    words = ["-c", "config.json", "-c", "old.json", "--print-config"]
    assert main(["train", *words]) == 0
    assert main(["config", "validate", "config.json", "old.json"]) == 1


def test_the_new_names_exist() -> None:
    flags = re.findall(r"`(--[a-z-]+)`", PAGE)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = parser.format_help()
    assert flags
    assert [flag for flag in flags if flag not in known and flag != "--output"] == []
    for path in re.findall(r"`(dualwindow(?:\.\w+)+)[`(]", PAGE):
        if path == "dualwindow.auto_configure":
            continue
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name), path


def test_the_defaults_are_those_of_the_code() -> None:
    defaults = TrainingConfig()
    for name in ("learning_rate", "streaming_chunk_size", "confidence_mode"):
        (row,) = re.findall(rf"^\| `{name}` \| .* \| (.*?) \| .*? \|$", PAGE, re.MULTILINE)
        value = getattr(defaults, name)
        assert row == (f"{value:,}" if isinstance(value, int) else str(value))
    windows = f"{defaults.window_size} and {defaults.future_window}"
    assert f"in the text | {windows} |" in PAGE
