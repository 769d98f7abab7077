"""`dualwindow train` and `evaluate`, from candle files to a model folder."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.cli.train import job
from dualwindow.cli.train.folder import CHECKPOINT_NAME, TrainingFolder
from dualwindow.columns import EXTENDED_FEATURES, SUMMARY_FEATURES
from dualwindow.errors import DataError
from dualwindow.models import portable
from dualwindow.models.portable import load_portable
from dualwindow.settings import TrainingConfig
from tests.makers.trainings import PAIR, PERIOD, SETTINGS, weights, write_candles, write_config

NAME = "dualwindow-BTC_USDT_USDT"


@pytest.fixture
def folder(tmp_path: Path, btc_futures: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and five days of candles, which is the current one."""
    write_candles(tmp_path, btc_futures.iloc[:7200])
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """Handlers that a run sets are gone afterwards."""
    caplog.set_level("INFO")


def test_a_training_writes_a_model_that_can_be_evaluated_and_says_where(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["train", "--pair", "BTC_USDT", "--confidence-hold", "0.5", "--verbose", *PERIOD]) == 0
    )
    model_folder = folder / "user_data" / "models" / NAME
    shown = capsys.readouterr()
    # Its settings come first.
    first = shown.err.splitlines()[:8]
    assert any("settings of config.json: " in line and "epochs 3" in line for line in first)
    assert any("confidence_threshold_hold 0.5 has no effect" in line for line in first)
    for text in (
        "stages",
        "training",
        "argmax",
        "thresholds",
        "purged",
        "actual HOLD",
        "skill",
        NAME,
    ):
        assert text in shown.out
    loaded = load_portable(model_folder)
    assert loaded.origin.pairs == (PAIR,)
    expected = TrainingConfig.from_parameters({**SETTINGS, "confidence_threshold_hold": 0.5})
    assert loaded.model.config == expected
    assert loaded.origin.until == pd.Timestamp("2025-05-07", tz="UTC").timestamp()
    names = {each.name for each in model_folder.iterdir()}
    assert CHECKPOINT_NAME not in names
    assert list((model_folder / "tensorboard").iterdir())
    figures = json.loads((model_folder / "evaluation.json").read_text(encoding="utf-8"))
    # Two days; a tenth of the usable candles is evaluated on.
    assert figures["tail"]["rows"] == round(0.1 * (2880 - 30))
    # A bot that uses the model tells from these which features have drifted.
    assert getattr(loaded.spread, "names", None) == loaded.model.feature_names

    report = json.loads((model_folder / "report.json").read_text(encoding="utf-8"))
    assert "report.html" in names
    assert [stage["name"] for stage in report["run"]["stages"]] == [
        "checking",
        "preparing",
        "training",
        "saving",
    ]
    # Every candle with a label counts, whatever it was used for; all lie in one week.
    weeks = report["run"]["weeks"]["counts"]
    assert sum(map(sum, weeks.values())) == 2880 - 30
    # What it would have earned is in the figures, the report and on the terminal.
    assert figures["after_fees"]["fee_pct"] == 0.05
    evaluated = report["windows"][0]["evaluation"]
    assert [evaluated, report["after_fees"]] == [figures["tail"], figures["after_fees"]]
    assert "after 0.05 % fee" in shown.out
    assert report["settings"]["epochs"] == 3

    out = folder / "after.json"
    costs = ["--fee", "0.001", "--slippage", "0.0002", "--no-funding"]
    assert main(["evaluate", str(model_folder), "--verbose", "--output", str(out), *costs]) == 0
    after = json.loads(out.read_text(encoding="utf-8"))
    assert after["hindsight"] is False
    assert [after["after_fees"][f"{name}_pct"] for name in ("fee", "slippage")] == [0.1, 0.02]
    assert after["after_fees"]["days"] > figures["after_fees"]["days"]
    # The untouched tail is a part of what the model has not seen.
    assert loaded.origin.tail_from is not None
    tail = pd.Timestamp(loaded.origin.tail_from, unit="s")
    assert after["period"].startswith(f"{tail:%Y-%m-%d %H:%M} to 2025-05-09 15:33")
    assert after["figures"]["rows"] > figures["tail"]["rows"]
    # It is judged by the baselines and the temperature of its training.
    forecast = after["figures"]["forecast"]
    assert forecast["temperature"] == figures["yardsticks"]["calibration"]["temperature"]
    assert load_portable(model_folder).reference is not None
    assert set(forecast["skill"]["tempered"]) == set(figures["tail"]["forecast"]["skill"]["raw"])
    shown = capsys.readouterr().out
    assert "hindsight" not in shown
    assert "volatility baseline" in shown
    # The word of the log, not the key of the saved figures.
    assert "temperature-scaled" in shown
    assert "tempered" not in shown
    assert main(["evaluate", str(model_folder), "--date-from", "2025-05-05"]) == 0
    assert "hindsight" in capsys.readouterr().out


def test_the_same_command_trains_the_same_model_into_another_folder(folder: Path) -> None:
    for _ in range(2):
        assert main(["train", *PERIOD, "--epochs", "1"]) == 0
    models = folder / "user_data" / "models"
    assert weights(models / NAME) == weights(models / f"{NAME}-2")


def test_a_finished_training_of_other_settings_is_none_to_go_on_with(folder: Path) -> None:
    models = folder / "user_data" / "models"
    assert main(["train", *PERIOD, "--epochs", "1"]) == 0
    assert main(["train", *PERIOD, "--epochs", "1", "--resume"]) == 0
    assert [each.name for each in models.iterdir()] == [NAME]
    assert main(["train", *PERIOD, "--epochs", "2", "--resume"]) == 0
    assert load_portable(models / f"{NAME}-2").model.config.epochs == 2


def test_the_period_of_a_preset_is_none_to_evaluate_on(folder: Path) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    assert main(["evaluate", "model", "--preset", "test", "--output", "out.json"]) == 0
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["hindsight"] is False


def test_several_pairs_train_one_model(folder: Path, btc_futures: pd.DataFrame) -> None:
    write_candles(folder, btc_futures.iloc[:7200], "ETH/USDT:USDT")
    pairs = ["--pair", "BTC/USDT:USDT", "--pair", "ETH_USDT"]
    assert main(["train", *pairs, *PERIOD, "--epochs", "1", "--output", "both"]) == 0
    assert load_portable(folder / "both").origin.pairs == (PAIR, "ETH/USDT:USDT")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: pd.concat([frame, frame.iloc[3000:3001]]), "doubled|order"),
        (lambda frame: frame.assign(high=frame["low"] - 1), "high"),
        (lambda frame: frame.iloc[:300], "period begins"),
        (lambda frame: frame.iloc[:0], "holds no candle"),
    ],
)
def test_candles_that_would_train_wrongly_are_refused_and_nothing_is_made(
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
    folder: Path,
    btc_futures: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_candles(folder, spoil(btc_futures.iloc[:7200]))
    assert main(["train", *PERIOD]) == 1
    pattern = "|".join(f"(?:{part})" for part in message.split("|"))
    assert pd.Series([capsys.readouterr().err]).str.contains(pattern).item()
    assert not (folder / "user_data" / "models").exists()


def test_a_pair_without_candles_is_refused_with_the_download(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--pair", "DOGE_USDT", *PERIOD]) == 1
    error = capsys.readouterr().err
    assert "DOGE/USDT:USDT" in error
    assert "freqtrade download-data" in error


def test_a_training_without_sides_makes_no_model_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(folder, long_tp_pct=0.9, short_tp_pct=0.9)
    assert main(["train", *PERIOD]) == 1
    assert "no SHORT and no LONG" in capsys.readouterr().err
    assert list((folder / "user_data" / "models").iterdir()) == []


def test_a_full_disk_is_told_without_a_traceback_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # The weights are there by then.
    monkeypatch.setattr(portable, "write_manifest", full)
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 1
    said = capsys.readouterr().err
    assert "the training cannot be written: [Errno 28] No space left on device; make room" in said
    assert "start again" in said
    assert not (folder / "model").exists()


def test_a_training_that_is_at_work_is_not_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "training.json").write_text("{}", encoding="utf-8")
    with TrainingFolder(folder / "model").held():
        assert main(["train", *PERIOD, "--output", "model", "--resume"]) == 1
    assert "another training is at work in model" in capsys.readouterr().err
    assert [each.name for each in (folder / "model").iterdir()] == ["training.json"]


def test_a_model_cannot_be_evaluated_without_candles_after_it(
    folder: Path, btc_futures: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(folder, {"tail_fraction": 0.0})
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    last = pd.Timestamp("2025-05-07", tz="UTC")
    write_candles(folder, btc_futures[btc_futures["date"] < last])
    assert main(["evaluate", "model"]) == 1
    assert "there are none after that" in capsys.readouterr().err


def test_an_evaluation_decides_as_the_model_does_unless_told_otherwise(folder: Path) -> None:
    flags = ["--confidence-mode", "balanced", "--confidence-long", "0.41"]
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model", *flags]) == 0
    # What FreqAI calls the same is a bot's, of another window and another share.
    bot = {
        "conv_width": 7,
        "feature_parameters": {"label_period_candles": 7},
        "data_split_parameters": {"test_size": 0.3},
    }
    (folder / "config.json").write_text(json.dumps({"freqai": bot}), encoding="utf-8")

    def thresholds(*words: str) -> dict[str, float]:
        assert main(["evaluate", "model", "--output", "out.json", *words]) == 0
        figures = json.loads(Path("out.json").read_text(encoding="utf-8"))["figures"]
        return dict(figures["thresholds"])

    assert thresholds() == {"SHORT": 0.55, "HOLD": 0.45, "LONG": 0.41}
    assert thresholds("--confidence-short", "0.9")["SHORT"] == 0.9
    # A mode says all three.
    mode = {"freqai": {"model_training_parameters": {"confidence_mode": "aggressive"}}}
    (folder / "mode.json").write_text(json.dumps(mode), encoding="utf-8")
    assert thresholds("-c", "mode.json") == {"SHORT": 0.45, "HOLD": 0.4, "LONG": 0.45}


@pytest.mark.parametrize(
    ("feature_set", "more", "rows", "first", "last"),
    [
        ("extended", EXTENDED_FEATURES, 7200, "2025-05-06", "2025-05-07"),
        ("summary", SUMMARY_FEATURES, 26_500, "2025-05-20", "2025-05-21"),
    ],
)
def test_a_model_of_other_features_is_trained_saved_and_evaluated(
    feature_set: str,
    more: tuple[str, ...],
    rows: int,
    first: str,
    last: str,
    folder: Path,
    btc_futures: pd.DataFrame,
) -> None:
    write_candles(folder, btc_futures.iloc[:rows])
    timerange = ["--date-from", first, "--date-to", last]
    words = ["--epochs", "1", "--output", "model", "--feature-set", feature_set]
    assert main(["train", *timerange, *words]) == 0
    loaded = load_portable(folder / "model")
    assert loaded.model.feature_names[-len(more) :] == more
    assert loaded.model.mirrors
    # The configuration still says base; the model's features count.
    assert main(["evaluate", "model", "--output", "out.json"]) == 0
    figures = json.loads(Path("out.json").read_text(encoding="utf-8"))["figures"]
    assert figures["rows"] > 1000


def test_an_evaluation_refuses_what_it_cannot_use_before_it_begins(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    capsys.readouterr()
    for words, message in (
        (["--output", "nowhere/out.json"], "--output nowhere/out.json cannot be written"),
        (["--output", "model"], "--output model cannot be written: it is a folder"),
        (["--device", "cuda:7"], "device 'cuda:7'"),
        (["--fee", "0.5"], "evaluation_fee 0.5"),
        (["--slippage", "-0.1"], "evaluation_slippage -0.1"),
        (["--date-from", "2035-01-01"], "after the newest candle, whose end is 2025-05-09 15:33"),
    ):
        assert main(["evaluate", "model", *words]) == 1
        shown = capsys.readouterr()
        assert message in shown.err
        assert "prepared" not in shown.err


def test_a_stopped_evaluation_shows_no_figures(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    assert main(["evaluate", "model"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(StopSignals, "requested", lambda _self: True)
    # The candles are prepared by now: it is the prediction that stops.
    assert main(["evaluate", "model"]) == 128 + signal.SIGINT
    assert "right in" not in capsys.readouterr().out


def test_the_evaluation_is_that_of_the_models_own_predictions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    assert main(["evaluate", "model", "--disable-confidence", "--output", "out.json"]) == 0
    content = json.loads(Path("out.json").read_text(encoding="utf-8"))
    figures = content["figures"]
    # Trades there are with argmax, and their table stands on the terminal.
    assert content["after_fees"]["trades"] > 0
    shown = capsys.readouterr().out
    assert "always LONG" not in shown
    assert len(shown.split("figures: out.json")[0].splitlines()) < 60
    assert shown.rstrip().rpartition("\n\n")[2].startswith(("Edge", "No edge", "Not enough"))
    assert main(["evaluate", "model", "--disable-confidence", "--verbose"]) == 0
    shown = capsys.readouterr().out
    for text in ("always LONG", "random sides", "edge over a coin flip", "turnover"):
        assert text in shown
    assert np.isclose(figures["argmax"]["accuracy"], figures["thresholded"]["accuracy"])
    # Its settings name another mode, and it has its own thresholds all the same.
    assert main(["evaluate", "model", "--confidence-mode", "coverage", "--output", "own.json"]) == 0
    model = load_portable(Path("model")).model
    own = model.thresholds(TrainingConfig(confidence_mode="coverage"))
    found = json.loads(Path("own.json").read_text(encoding="utf-8"))["figures"]["thresholds"]
    assert found == {"SHORT": own.short, "HOLD": own.hold, "LONG": own.long}
    assert own.short < 1
    assert sum(figures["real"].values()) == figures["rows"]
    words = ["--calibration", "prior", "--confidence-short", "0.2"]
    assert main(["evaluate", "model", *words, "--output", "prior.json"]) == 0
    prior = json.loads(Path("prior.json").read_text(encoding="utf-8"))["figures"]
    assert (prior["calibration"], figures["calibration"]) == ("prior", "none")
    assert prior["forecast"] == figures["forecast"]
    assert prior["argmax"] != figures["argmax"]


def test_stopped_while_candles_are_looked_through_nothing_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(StopSignals, "requested", lambda _: True)
    assert main(["train", *PERIOD]) == 130
    assert "stopped while the candles were checked" in capsys.readouterr().err
    assert not (folder / "user_data" / "models").exists()


def test_what_the_model_that_a_training_starts_from_has_seen_stays_seen(folder: Path) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "start"]) == 0
    start = load_portable(folder / "start")
    write_config(folder, pretrained=str(folder / "start"))
    earlier = ["--date-from", "2025-05-05", "--date-to", "2025-05-05"]
    assert main(["train", *earlier, "--epochs", "1", "--output", "tuned"]) == 0
    tuned = load_portable(folder / "tuned").origin
    assert tuned.pretrained == start.sha256
    assert tuned.until < start.origin.seen_until == tuned.seen_until


def test_a_model_is_whole_without_its_report_and_starts_another_training(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_arguments: Any) -> None:
        raise DataError("the figures cannot be read")

    monkeypatch.setattr(job, "write_report", fails)
    assert main(["train", *PERIOD, "--epochs", "1", "--auto"]) == 0
    shown = capsys.readouterr()
    logged = " ".join(shown.err.split())
    assert "there is no report: the figures cannot be read; `dualwindow report`" in logged
    assert "auto_configure for " in logged
    assert "report (open it in a browser)" not in shown.out
    model = folder / "user_data" / "models" / NAME
    assert load_portable(model).origin.pairs == (PAIR,)

    again = ["train", *PERIOD, "--datadir", "user_data/data/binance"]
    write_config(folder, pretrained=NAME)
    assert main([*again, "--epochs", "0"]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert "epochs 0 trains nothing" in refused
    assert "use `dualwindow evaluate`" in refused
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["exchange"]["name"] = "bybit"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert main([*again, "--epochs", "1"]) == 0
    logged = " ".join(capsys.readouterr().err.split())
    assert "exchange 'bybit': the pretrained model" in logged
    assert "was trained on 'binance'" in logged
