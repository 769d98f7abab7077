"""Flags, preset, configuration files, defaults: who wins, and that it is known."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from dualwindow.cli.commands.train import add_arguments
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig

FLAGS = (*TRAINING_FLAGS, *CONFIDENCE_FLAGS)


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def resolved(*words: str) -> RunSettings:
    return RunSettings.from_options(parsed("--pair", "BTC/USDT", *words), FLAGS)


def write(path: Path, content: dict[str, Any]) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a config.json."""
    monkeypatch.chdir(tmp_path)


def test_without_anything_the_defaults_are_those_of_the_settings() -> None:
    settings = resolved()
    assert settings.training == TrainingConfig()
    assert settings.periods == (1440, 43200)
    assert (settings.exchange, settings.trading_mode, settings.timeframe) == (
        "binance",
        "spot",
        "1m",
    )
    assert settings.data_folder == Path("user_data/data/binance")


@pytest.mark.parametrize("flag", FLAGS, ids=[flag.flag for flag in FLAGS])
def test_every_flag_sets_its_setting_and_says_so(flag: Any) -> None:
    samples = {
        "confidence_mode": "balanced",
        "confidence_fallback": "argmax",
        "calibration": "prior",
        "device": "cpu",
        "precision": "fp32",
        "feature_set": "extended",
        "network": "gru",
    }
    default = getattr(TrainingConfig(), flag.setting)
    value = samples.get(flag.setting, 0.25 if isinstance(default, float | None) else 2)
    words = [flag.flag] if flag.turns_off else [flag.flag, str(value)]
    settings = resolved(*words)
    wanted = False if flag.turns_off else value
    assert getattr(settings.training, flag.setting) == wanted
    origin = {name: origin for name, _, origin in settings.rows()}[flag.setting]
    # More processes than this machine has cores are lowered.
    assert origin.split(" (")[0] == flag.flag


def test_a_flag_beats_the_preset_which_beats_the_file_which_beats_the_default(
    tmp_path: Path,
) -> None:
    training = {"epochs": 7, "batch_size": 64, "seed": 3}
    config = write(tmp_path / "own.json", {"freqai": {"model_training_parameters": training}})
    settings = resolved("-c", config, "--preset", "quick", "--streaming-chunk-size", "9")
    shown = {name: origin for name, _, origin in settings.rows()}
    assert settings.training.streaming_chunk_size == 9
    assert shown["streaming_chunk_size"] == "--streaming-chunk-size"
    assert settings.training.epochs == 5
    assert shown["epochs"] == "preset quick"
    assert settings.training.batch_size == 64
    assert shown["batch_size"] == config
    assert settings.training.gradient_clip == 1.0
    assert shown["gradient_clip"] == "default"


def test_the_config_of_the_folder_is_read_when_none_is_named(tmp_path: Path) -> None:
    write(tmp_path / "config.json", {"exchange": {"name": "okx"}, "trading_mode": "futures"})
    settings = resolved()
    assert settings.exchange == "okx"
    assert settings.trading_mode == "futures"
    assert settings.data_folder == Path("user_data/data/okx")


def test_a_mode_on_the_command_line_beats_thresholds_of_a_file(tmp_path: Path) -> None:
    training = {"confidence_threshold_long": 0.9, "confidence_threshold_short": 0.9}
    config = write(tmp_path / "own.json", {"freqai": {"model_training_parameters": training}})
    assert resolved("-c", config).training.thresholds.long == 0.9
    settings = resolved("-c", config, "--confidence-mode", "balanced", "--confidence-short", "0.6")
    assert settings.training.thresholds.long == 0.55
    assert settings.training.thresholds.short == 0.6


def test_asking_for_processes_turns_them_on_and_disabling_them_wins() -> None:
    assert resolved("--n-processes", "3").training.use_multiprocessing
    settings = resolved("--n-processes", "3", "--disable-multiprocessing")
    assert not settings.training.use_multiprocessing


@pytest.mark.parametrize(
    ("pair", "mode"),
    [
        ("ETH/USDT:USDT", "futures"),
        ("ETH_USDT_USDT", "futures"),
        (".*/USDT:USDT", "futures"),
        (".*/USDT", "spot"),
        ("BTC/USDT.E", "spot"),
        ("ETH-USDT", "spot"),
    ],
)
def test_a_pair_of_futures_says_the_trading_mode_where_nothing_else_does(
    pair: str, mode: str
) -> None:
    assert RunSettings.from_options(parsed("--pair", pair), FLAGS).trading_mode == mode


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"freqai": "x"}, "freqai 'x' is not a group"),
        ({"exchange": {"pair_whitelist": "BTC/USDT"}}, "'BTC/USDT' is not a list of texts"),
        ({"datadir": 3}, "datadir 3 is not a text"),
        ({"trading_mode": "margin"}, "trading_mode 'margin' must be spot or futures"),
        ({"freqai": {"model_training_parameters": [1]}}, "is not a group"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_name(
    content: dict[str, Any], message: str, tmp_path: Path
) -> None:
    config = write(tmp_path / "odd.json", content)
    with pytest.raises(SettingsError, match=message):
        RunSettings.from_options(parsed("-c", config), FLAGS)


def test_what_is_null_is_as_good_as_absent(tmp_path: Path) -> None:
    groups = {"feature_parameters": None, "model_training_parameters": None}
    content = {"user_data_dir": None, "datadir": None, "timeframe": None, "add_config_files": None}
    config = write(tmp_path / "odd.json", {**content, "freqai": groups, "exchange": None})
    lists = {"feature_parameters": {"include_timeframes": None, "include_corr_pairlist": None}}
    second = write(tmp_path / "second.json", {"freqai": lists})
    for files in (["-c", config], ["-c", config, "-c", second]):
        settings = resolved(*files)
        assert settings.training == TrainingConfig()
        assert settings.data_folder == Path("user_data/data/binance")


def test_the_test_size_is_shown_as_where_the_validation_share_comes_from(tmp_path: Path) -> None:
    config = write(tmp_path / "own.json", {"freqai": {"data_split_parameters": {"test_size": 0.3}}})
    settings = resolved("-c", config)
    assert settings.training.validation_fraction == 0.3
    assert ("validation_fraction", "0.3", f"{config} (test_size)") in settings.rows()


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ({}, ["--preset", "qick"], "no preset 'qick', .*did you mean 'quick'"),
        ({}, ["--batch-size", "0"], "batch_size 0"),
        ({"dualwindow": {"train_days": -1}}, [], "train_days -1"),
        ({"timeframe": "soon"}, [], "timeframe 'soon'"),
        (
            {"freqai": {"feature_parameters": {"include_timeframes": ["1m", "5m"]}}},
            [],
            "include_timeframes has 5m beside 1m",
        ),
        (
            {"freqai": {"feature_parameters": {"include_corr_pairlist": ["ETH/USDT"]}}},
            [],
            "include_corr_pairlist has ETH/USDT",
        ),
        (
            {"freqai": {"model_training_parameters": {"epoch": 3}}},
            [],
            "'epoch' is not a setting; did you mean 'epochs'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    content: dict[str, Any], words: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        resolved("-c", write(tmp_path / "own.json", content), *words)


def test_without_a_pair_the_way_to_give_one_is_named() -> None:
    with pytest.raises(SettingsError, match="there is no pair; give --pair"):
        RunSettings.from_options(parsed(), FLAGS)


@pytest.mark.parametrize("asked", ["--auto", "file", "preset"])
def test_sizes_for_the_machine_beat_files_and_presets_and_flags_beat_them(
    asked: str, tmp_path: Path
) -> None:
    content: dict[str, Any] = {
        "freqai": {"model_training_parameters": {"streaming_chunk_size": 7, "epochs": 4}}
    }
    if asked == "file":
        content["dualwindow"] = {"auto_configure": True}
    words = ["-c", write(tmp_path / "own.json", content)]
    overlay = write(tmp_path / "mine.json", {"dualwindow": {"auto_configure": True}})
    words += {"--auto": ["--preset", "quick", "--auto"], "file": ["--preset", "quick"]}.get(
        asked, ["--preset", overlay]
    )
    settings = resolved(*words)
    assert not settings.training.use_multiprocessing
    assert settings.training.streaming_chunk_size == 1000
    origins = {name: origin for name, _, origin in settings.rows()}
    assert origins["streaming_chunk_size"] == "auto_configure"
    assert origins["epochs"] != "auto_configure"
    flagged = resolved(*words, "--streaming-chunk-size", "9", "--n-processes", "1").training
    assert (flagged.streaming_chunk_size, flagged.use_multiprocessing) == (9, True)
