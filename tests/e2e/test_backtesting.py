"""The main job on real futures candles: BTC and ETH, real averages, three retrainings a pair."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence.thresholds import threshold_text
from dualwindow.models.manifest import check_manifest
from dualwindow.report.build import gather
from tests.makers.freqtrade import REPOSITORY, SMALL, Run, freqtrade, merged, user_folder
from tests.makers.trade_agreement import assert_the_same_trades

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("futures")]

FIRST, END = pd.Timestamp("2025-06-13", tz="UTC"), pd.Timestamp("2025-06-18", tz="UTC")
OVERLAY = merged(SMALL, {"timerange": "20250613-20250618"})
TICK = {"BTC/USDT:USDT": 0.1, "ETH/USDT:USDT": 0.01}
TAKE_PROFIT, STOP_LOSS, FUTURE_WINDOW = 0.004, 0.002, 120
#: Calibration has no say in a share; without each model's own among the predictions it is refused.
COVERAGE: dict[str, Any] = {
    "confidence_mode": "coverage",
    "confidence_coverage": 0.01,
    "confidence_threshold_short": None,
    "confidence_threshold_long": None,
    "calibration": "temperature",
}


def of_model(settings: dict[str, Any]) -> dict[str, Any]:
    """An overlay with settings of the model."""
    return {"freqai": {"model_training_parameters": settings}}


@pytest.fixture(scope="module")
def backtest(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    userdir = user_folder(
        tmp_path_factory.mktemp("futures"), shared_data / "binance-futures-2025-05-04_2025-06-24"
    )
    run = freqtrade(userdir, OVERLAY)
    assert run.status == 0, run.output[-3000:]
    return run


@pytest.fixture(scope="module")
def leveraged(backtest: Run) -> Run:
    """The same predictions, traded at three times the stake."""
    run = freqtrade(backtest.userdir, merged(OVERLAY, {"dualwindow": {"leverage": 3.0}}))
    assert run.status == 0, run.output[-3000:]
    return run


@pytest.mark.parametrize("demand", [True, "strict"])
def test_a_backtest_enters_on_evidence_alone(
    demand: Any, backtest: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of four days nothing is known: a bot that waits for an edge has never entered."""
    overlay = merged(OVERLAY, {"dualwindow": {"trade_only_on_evidence": demand}})
    # The newest result and rule of the other tests' folder stay theirs.
    copied = shutil.copytree(backtest.userdir, tmp_path / "copied", symlinks=True)
    run = freqtrade(copied, overlay)
    assert run.status == 0, run.output[-3000:]
    assert "raised exception" not in run.output
    entered = run.trades()
    assert entered.empty == (demand == "strict")
    assert main(["why", str(run.models()), "--last", "9d", "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"].values()
    causes = sum((Counter(pair["causes"]) for pair in pairs), Counter())
    assert bool(causes["evidence"]) == (demand == "strict")
    assert causes["entered"] == len(entered)


def test_nothing_failed_quietly(backtest: Run) -> None:
    assert "raised exception" not in backtest.output
    assert "Unable to" not in backtest.output


def test_every_pair_is_retrained_and_every_model_is_whole(backtest: Run) -> None:
    folders = sorted(backtest.models().glob("sub-train-*"))
    assert len(folders) == 2 * 3
    for folder in folders:
        check_manifest(folder)
        figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        assert figures["validation"]["rows"] > 1000
        assert set(figures["validation"]["fired"]) == {"SHORT", "HOLD", "LONG"}
        assert figures["after_fees"]["days"] > 1000 / 1440


def test_the_report_of_the_backtest_holds_every_retraining_and_every_candle(backtest: Run) -> None:
    report = gather(backtest.models())
    assert [each.name for each in report.windows] == ["BTC/USDT:USDT"] * 3 + ["ETH/USDT:USDT"] * 3
    assert all(each.evaluation is not None for each in report.windows)
    minutes = int((END - FIRST).total_seconds()) // 60
    assert {each.pair: each.candles for each in report.candles} == dict.fromkeys(TICK, minutes)
    assert report.settings["train_period_days"] == 7


def test_every_model_is_judged_on_the_candles_that_it_predicted(
    backtest: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    words = ["-c", str(REPOSITORY / "config.json"), "-c", str(backtest.userdir / "overlay.json")]
    words += ["--userdir", str(backtest.userdir)]
    assert main(["evaluate", str(backtest.models()), *words, "--output", str(figures)]) == 0
    # The backtest has ended with the same sentence.
    (sentence,) = re.findall(r"The whole backtest, 2 pairs: (.*?\.) ", backtest.output)
    assert sentence in " ".join(capsys.readouterr().out.split())
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert [each["pair"] for each in content["pairs"]] == list(TICK)
    for pair in content["pairs"]:
        slices = pair["slices"]
        assert [each["candles"] for each in slices] == [2880, 2880, 1440]
        assert [each["unusable"] for each in slices] == [0, 0, 0]
        assert [each["unknown"] for each in slices] == [0, 0, 0]
        assert all(each["evaluation"]["forecast"]["skill"] for each in slices)
        trades = pair["after_fees"]["trades"]
        # The same decisions, but no position is turned within a candle.
        made = (backtest.trades()["pair"] == pair["pair"]).sum()
        assert 0.5 * made < trades <= made
        with_turns = pair["after_fees"]["with_turns"]
        assert with_turns["trades"] == made
        assert with_turns["turned"] > 0
    assert main(["report", str(backtest.models()), *words, "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {each["evaluated_on"] for each in report["windows"]} == {"walk-forward"}
    assert report["walk"]["evaluation"]["rows"] == 2 * 7200


@pytest.mark.parametrize("base", ["BTC", "ETH"])
def test_every_candle_has_a_prediction_from_the_first_of_every_slice_on(
    base: str, backtest: Run
) -> None:
    predictions = backtest.predictions(base)
    expected = pd.date_range(FIRST, END, freq="min", inclusive="left")
    assert (pd.to_datetime(predictions["date"], utc=True) == expected).all()
    assert (predictions["do_predict"] == 1).all()
    sums = predictions[["SHORT", "HOLD", "LONG"]].sum(axis=1)
    np.testing.assert_allclose(sums, 1.0, atol=1e-5)
    assert set(predictions["&-side"]) <= {"SHORT", "HOLD", "LONG"}


def test_both_sides_are_traded_and_tagged(backtest: Run) -> None:
    trades = backtest.trades()
    assert set(trades["is_short"]) == {True, False}
    side = np.where(trades["is_short"], "short", "long")
    assert (trades["enter_tag"].str.split("_").str[0] == side).all()
    assert trades["enter_tag"].str.fullmatch(r"(long|short)_0\.\d[05]").all()


def test_entries_are_where_the_probability_said_so(backtest: Run) -> None:
    trades = backtest.trades()
    for base in ("BTC", "ETH"):
        predictions = backtest.predictions(base)
        predictions.index = pd.to_datetime(predictions["date"], utc=True)
        mine = trades[trades["pair"].str.startswith(base)]
        signal = pd.to_datetime(mine["open_date"], utc=True) - pd.Timedelta(minutes=1)
        side = np.where(mine["is_short"], "SHORT", "LONG")
        said = [predictions.loc[at, name] for at, name in zip(signal, side, strict=True)]
        assert min(said) >= 0.36


def test_funding_is_applied(backtest: Run) -> None:
    trades = backtest.trades()
    opened = pd.to_datetime(trades["open_date"], utc=True)
    closed = pd.to_datetime(trades["close_date"], utc=True)
    over = opened.dt.floor("8h") != closed.dt.floor("8h")
    assert over.any()
    assert (trades.loc[over, "funding_fees"] != 0).all()


@pytest.mark.parametrize("pair", TICK)
def test_the_trades_are_those_that_are_evaluated(pair: str, backtest: Run) -> None:
    trades = assert_the_same_trades(backtest, OVERLAY, pair)
    # Both sides, one after the other in one candle, and over a payment of funding.
    assert set(trades.side) == {SHORT, LONG}
    assert trades.turned.any()
    assert (trades.funding != 0).any()


@pytest.mark.parametrize(("name", "leverage"), [("backtest", 1.0), ("leveraged", 3.0)])
def test_every_exit_price_is_the_barriers(
    name: str, leverage: float, request: pytest.FixtureRequest, backtest: Run
) -> None:
    run: Run = request.getfixturevalue(name)
    trades = run.trades()
    assert (trades["leverage"] == leverage).all()
    reasons = trades["exit_reason"].value_counts()
    assert {"roi", "stop_loss", "time_out"} <= set(reasons.index)
    for pair, tick in TICK.items():
        mine = trades[trades["pair"] == pair]
        assert_exits(mine, candles_of(backtest, pair), tick)


def candles_of(run: Run, pair: str) -> pd.DataFrame:
    stem = pair.replace("/", "_").replace(":", "_")
    file = run.userdir / "data" / "binance" / "futures" / f"{stem}-1m-futures.feather"
    candles = pd.read_feather(file)
    return candles.set_index(pd.to_datetime(candles["date"], utc=True))


def assert_exits(trades: pd.DataFrame, candles: pd.DataFrame, tick: float) -> None:
    for trade in trades.itertuples():
        sign = -1 if trade.is_short else 1
        at = candles.loc[pd.Timestamp(trade.close_date)]
        entry = trade.open_rate
        opened = pd.Timestamp(trade.open_date)
        assert entry == candles.loc[opened, "open"]
        if trade.exit_reason == "roi":
            barrier = entry * (1 + sign * TAKE_PROFIT)
            # freqtrade looks at the stop loss first, so a candle that touches both is a loss.
            stop = entry * (1 - sign * STOP_LOSS)
            assert sign * (at["low"] if sign > 0 else at["high"]) > sign * stop - tick
            # A candle that opens beyond the take profit is left at its open.
            beyond = sign * at["open"] > sign * barrier and pd.Timestamp(trade.close_date) != opened
            expected = at["open"] if beyond else barrier
        elif trade.exit_reason == "stop_loss":
            barrier = entry * (1 - sign * STOP_LOSS)
            whole_candle_beyond = sign * (at["high"] if sign > 0 else at["low"]) < sign * barrier
            expected = at["open"] if whole_candle_beyond else barrier
        elif trade.exit_reason == "time_out":
            assert trade.trade_duration == FUTURE_WINDOW
            expected = at["open"]
        else:
            assert trade.exit_reason == "force_exit"
            continue
        assert trade.close_rate == pytest.approx(expected, abs=tick * 1.001)


@pytest.mark.parametrize("pair", TICK)
def test_leveraged_trades_are_those_that_are_evaluated(pair: str, leveraged: Run) -> None:
    assert_the_same_trades(leveraged, OVERLAY, pair)


def test_other_thresholds_and_leverage_do_not_retrain(backtest: Run, leveraged: Run) -> None:
    assert "Found backtesting prediction file" in leveraged.output
    assert "Starting training" not in leveraged.output
    run = freqtrade(
        backtest.userdir,
        merged(OVERLAY, of_model({"confidence_threshold_long": 0.99})),
    )
    assert "Starting training" not in run.output
    assert run.trades()["is_short"].all()


def test_mode_coverage_takes_each_models_most_confident_candles_without_training(
    backtest: Run,
) -> None:
    run = freqtrade(backtest.userdir, merged(OVERLAY, of_model(COVERAGE)))
    assert run.status == 0, run.output[-3000:]
    assert "Starting training" not in run.output
    assert "(confidence_mode coverage), else HOLD" in run.output
    assert "(confidence_fallback hold) (calibration temperature)" in run.output
    trades = run.trades()
    assert len(trades) > 20
    for base in ("BTC", "ETH"):
        predictions = backtest.predictions(base)
        predictions.index = pd.to_datetime(predictions["date"], utc=True)
        mine = trades[trades["pair"].str.startswith(base)]
        signal = pd.to_datetime(mine["open_date"], utc=True) - pd.Timedelta(minutes=1)
        side = np.where(mine["is_short"], "SHORT_rank", "LONG_rank")
        assert min(predictions.loc[at, name] for at, name in zip(signal, side, strict=True)) >= 0.99
        # Three models, so one threshold would not do.
        least = [
            part.loc[part["LONG_rank"] >= 0.99, "LONG"].min()
            for _, part in predictions.groupby(predictions["date"].dt.floor("2D"))
        ]
        assert len(set(least)) > 1


@pytest.mark.parametrize(
    ("settings", "configured", "text"),
    [
        ({}, {"threshold_long": 0.36, "threshold_short": 0.36}, threshold_text),
        (
            COVERAGE,
            {"coverage_long": 0.01, "coverage_short": 0.01},
            "at most {:.2%} of each model's validation".format,
        ),
    ],
    ids=["thresholds", "shares"],
)
def test_hyperopt_searches_what_decides_without_training_and_its_file_decides(
    settings: dict[str, Any],
    configured: dict[str, float],
    text: Callable[[float], str],
    backtest: Run,
    tmp_path: Path,
) -> None:
    # freqtrade writes beside the strategy, so that this one is a copy.
    strategies = tmp_path / "searched"
    shutil.copytree(REPOSITORY / "strategies", strategies, ignore=shutil.ignore_patterns("*.json"))
    model = ["--freqaimodel", "DualWindowLSTM", "--strategy-path", str(strategies)]
    search = ["--spaces", "buy", "--hyperopt-loss", "ShortTradeDurHyperOptLoss", "-j", "1"]
    search += ["--random-state", "1"]
    one_slice = {"timerange": "20250613-20250615"}
    one_slice["exchange"] = {"pair_whitelist": ["BTC/USDT:USDT"]}
    overlay = merged(merged(SMALL, one_slice), of_model(settings))
    found = freqtrade(backtest.userdir, overlay, ["hyperopt", *model, *search, "--epochs", "3"])
    assert found.status == 0, found.output[-3000:]
    assert "Found backtesting prediction file" in found.output
    assert "Starting training" not in found.output
    epochs = max((backtest.userdir / "hyperopt_results").glob("*.fthypt"))
    tried = [json.loads(line) for line in epochs.read_text(encoding="utf-8").splitlines()]
    assert len(tried) == 3
    assert tried[0]["params_dict"] == configured
    best = next(epoch for epoch in reversed(tried) if epoch["is_best"])
    file = strategies / "DualWindowStrategy.json"
    params = json.loads(file.read_text(encoding="utf-8"))["params"]
    assert params["buy"] == pytest.approx(best["params_dict"])

    silent = {"confidence_threshold_long": 0.99, "confidence_threshold_short": 0.99}
    run = freqtrade(backtest.userdir, merged(overlay, of_model(silent)), ["backtesting", *model])
    assert run.status == 0, run.output[-3000:]
    values = {name.rpartition("_")[2]: text(value) for name, value in params["buy"].items()}
    said = (
        f"thresholds SHORT {values['short']} LONG {values['long']} (hyperopt's {file}), else HOLD"
    )
    assert run.output.count(said) == 1
    assert len(run.trades()) == best["results_metrics"]["total_trades"] > 0


def test_backtesting_analysis_groups_profit_by_confidence(backtest: Run) -> None:
    backtesting = ["backtesting", "--freqaimodel", "DualWindowLSTM", "--export", "signals"]
    exported = freqtrade(backtest.userdir, OVERLAY, backtesting)
    assert exported.status == 0
    analysis = ["backtesting-analysis", "--analysis-groups", "1"]
    run = freqtrade(backtest.userdir, OVERLAY, analysis)
    assert run.status == 0
    tags = set(exported.trades()["enter_tag"])
    assert tags
    assert all(tag in run.output for tag in tags)


def test_plot_dataframe_draws_probabilities_and_decision(backtest: Run) -> None:
    plot = ["plot-dataframe", "--freqaimodel", "DualWindowLSTM", "-p", "BTC/USDT:USDT"]
    run = freqtrade(backtest.userdir, OVERLAY, plot)
    assert run.status == 0, run.output[-3000:]
    (page,) = (backtest.userdir / "plot").glob("*BTC_USDT*.html")
    drawn = page.read_text(encoding="utf-8")
    assert all(f'"name":"{name}"' in drawn for name in ("SHORT", "HOLD", "LONG", "decision"))


def test_other_settings_under_the_same_identifier_are_refused(backtest: Run) -> None:
    before = sorted(backtest.models().rglob("*"))
    changed = merged(OVERLAY, of_model({"seed": 7}))
    run = freqtrade(backtest.userdir, changed)
    assert run.status == 2
    assert "seed: its models were made with 42, now it is 7" in run.output
    assert "set another freqai.identifier, or delete" in run.output
    assert sorted(backtest.models().rglob("*")) == before


def test_a_bot_that_cannot_trade_says_so_without_a_training_too(backtest: Run) -> None:
    high = {"confidence_threshold_long": 0.99, "confidence_threshold_short": 0.99}
    changed = merged(OVERLAY, of_model(high))
    run = freqtrade(backtest.userdir, changed)
    assert "Starting training" not in run.output
    for pair in TICK:
        for side in ("LONG", "SHORT"):
            assert f"{pair}: no {side} signal in 7,200 predicted candles" in run.output


def test_half_written_files_are_set_aside_and_made_anew(backtest: Run) -> None:
    predictions = sorted((backtest.models() / "backtesting_predictions").glob("cb_eth_*"))[0]
    before = pd.read_feather(predictions)
    predictions.write_bytes(predictions.read_bytes()[:1000])
    (backtest.models() / "pair_dictionary.json").write_text('{"BTC')
    run = freqtrade(backtest.userdir, OVERLAY)
    assert run.status == 0, run.output[-3000:]
    assert run.output.count("it was set aside as") == 2
    assert "Starting training" not in run.output
    pd.testing.assert_frame_equal(pd.read_feather(predictions), before, check_exact=False)


def test_a_model_whose_saving_was_cut_short_is_trained_anew(backtest: Run) -> None:
    folder = sorted(backtest.models().glob("sub-train-ETH_*"))[1]
    for name in ("metadata.json", "trained_dates_df.pkl"):
        (file,) = folder.glob(f"*_{name}")
        file.unlink()
    cached = sorted((backtest.models() / "backtesting_predictions").glob("cb_eth_*.feather"))[1]
    before = pd.read_feather(cached)
    cached.unlink()
    run = freqtrade(backtest.userdir, OVERLAY)
    assert run.status == 0, run.output[-3000:]
    assert run.output.count("Starting training ETH") == 1
    again = pd.read_feather(cached)
    # The same seed on the same candles gives the same model.
    pd.testing.assert_frame_equal(again, before, check_exact=False, atol=1e-6)


def test_a_damaged_model_is_refused_with_the_way_out(backtest: Run) -> None:
    # Without its cached predictions the model itself is needed.
    for file in (backtest.models() / "backtesting_predictions").glob("cb_btc_*"):
        file.unlink()
    model = sorted(backtest.models().glob("sub-train-BTC_*/*_model.zip"))[0]
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    run = freqtrade(backtest.userdir, OVERLAY)
    assert run.status == 2
    assert f"{model.name} is damaged" in run.output
    assert "delete the folder" in run.output
