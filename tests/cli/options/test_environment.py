"""freqtrade's environment variables count in every command that reads a configuration."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.main import main
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from tests.makers.bot import REPOSITORY

FREQAI = "FREQTRADE__FREQAI__"
PARAMETERS = f"{FREQAI}MODEL_TRAINING_PARAMETERS__"
CONFIG = str(REPOSITORY / "config.json")

Set = Callable[..., None]


@pytest.fixture
def set_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Sets variables, in a folder without a config.json."""
    monkeypatch.chdir(tmp_path)

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def origins(*words: str) -> dict[str, tuple[str, str]]:
    """Value and origin of every setting of `train`."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(["--pair", "BTC/USDT:USDT", *words])
    settings = RunSettings.from_options(options, (*TRAINING_FLAGS, *CONFIDENCE_FLAGS))
    return {name: (value, origin) for name, value, origin in settings.rows()}


@pytest.mark.parametrize("given", ["train", "show"])
def test_settings_are_shown_with_the_environment_as_their_origin(
    given: str, set_variables: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    set_variables(
        **{
            f"{PARAMETERS}SEED": "9",
            f"{PARAMETERS}LSTM_UNITS": "[8, 4]",
            "FREQTRADE__DUALWINDOW__LEVERAGE": "3",
        }
    )
    words = ["train", "--print-config"] if given == "train" else ["config", "show"]
    assert main([*words, "-c", CONFIG]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for name, value in (("seed", "9"), ("lstm_units", "[8, 4]"), ("dualwindow.leverage", "3.0")):
        assert value in lines[name]
        assert lines[name].rstrip().endswith("environment")


def test_a_flag_beats_the_environment_which_beats_the_preset_and_the_files(
    set_variables: Set,
) -> None:
    set_variables(**{f"{PARAMETERS}EPOCHS": "3", f"{PARAMETERS}BATCH_SIZE": "64"})
    shown = origins("-c", CONFIG, "--preset", "quick", "--batch-size", "32")
    assert shown["epochs"] == ("3", "environment")
    assert shown["batch_size"] == ("32", "--batch-size")
    assert shown["dualwindow.train_days"][1] == "preset quick"
    assert shown["patch_size"][1] == CONFIG


def test_pairs_exchange_and_folders_come_from_it(set_variables: Set, tmp_path: Path) -> None:
    set_variables(
        FREQTRADE__EXCHANGE__NAME="okx",
        FREQTRADE__TRADING_MODE="futures",
        FREQTRADE__USER_DATA_DIR=str(tmp_path / "other"),
    )
    shown = origins()
    assert shown["exchange.name"] == ('"okx"', "environment")
    assert shown["datadir"][0] == json.dumps(str(tmp_path / "other" / "data" / "okx"))


def test_a_configuration_is_valid_or_not_with_the_environment_as_for_the_bot(
    set_variables: Set, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The folders of its strategy and model are relative.
    monkeypatch.chdir(REPOSITORY)
    for words in ([CONFIG], ["-c", CONFIG]):
        assert main(["config", "validate", *words]) == 0
    set_variables(**{f"{PARAMETERS}EPOCHS": "many"})
    for words in (["config", "validate", CONFIG], ["train", "-c", CONFIG, "--print-config"]):
        capsys.readouterr()
        assert main(words) == 1
        said = capsys.readouterr().err
        assert "epochs 'many'" in said
        assert f"{PARAMETERS}EPOCHS" in said


def test_doctor_names_the_variables_and_keeps_their_values_to_itself(
    set_variables: Set, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_variables(
        FREQTRADE__EXCHANGE__SECRET="s3cret", FREQTRADE__USER_DATA_DIR=str(tmp_path / "u")
    )
    for words in ([], ["--json"]):
        assert main(["doctor", "-c", CONFIG, *words]) == 0
        shown = capsys.readouterr().out
        assert "FREQTRADE__EXCHANGE__SECRET" in shown
        assert "s3cret" not in shown
        assert str(tmp_path / "u") in shown


def test_the_cache_is_looked_for_where_trainings_leave_it(
    set_variables: Set, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_variables(FREQTRADE__USER_DATA_DIR=str(tmp_path / "other"))
    assert main(["cache"]) == 0
    assert str(tmp_path / "other") in capsys.readouterr().out
    assert main(["cache", "--userdir", str(tmp_path / "own")]) == 0
    assert str(tmp_path / "own") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["trainn"], "did you mean train?"),
        (["config", "validat"], "did you mean validate?"),
        (["cache", "cleear"], "did you mean clear?"),
        (["config", "show", "--prest", "quick"], "did you mean --preset?"),
        (["train", "--confidence-mode", "balancd"], "did you mean balanced?"),
        (["train", "--epoch=3"], "did you mean --epochs?"),
    ],
)
def test_a_mistyped_word_gets_a_hint(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["report", "folder", "--fee", "0.001"], ["evaluate", "folder", "--seed", "7"]]
)
def test_an_option_of_another_command_is_not_taken_for_a_mistyped_one(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Dashes are alike in all options, and make no name of one similar to another."""
    with pytest.raises(SystemExit):
        main(words)
    shown = capsys.readouterr().err
    assert f"unrecognized arguments: {words[2]}" in shown
    assert "did you mean" not in shown


@pytest.mark.parametrize("words", [[], ["config"]])
def test_nothing_asked_shows_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    shown = capsys.readouterr()
    assert ("evaluate" if not words else "validate") in shown.out
    assert shown.err == ""
