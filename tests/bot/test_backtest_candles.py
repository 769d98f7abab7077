"""A backtest without its candles is refused before its first training, or leaves pairs out."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from dualwindow.bot.backtest_candles import BacktestCandles, UntrainablePairError
from dualwindow.settings import TrainingConfig
from tests.makers.bot import QUICK, freqtrade_config

GOOD, BAD = "BTC/USDT:USDT", "XYZ-TSLA/USDT:USDT"
#: The time range is June 11 to 14, the training has three days, the average 240 candles.
WHOLE = ("2025-06-07", "2025-06-14")
#: What is wrong, the candles' dates, and what the message says.
SPANS = {
    "delisted in the range": (
        ("2025-06-07", "2025-06-12 23:00"),
        "candles end at 2025-06-12 22:59",
    ),
    "delisted before it": (("2025-06-01", "2025-06-09"), "candles end at 2025-06-08 23:59"),
    "listed within the training": (("2025-06-10", "2025-06-14"), "begin at 2025-06-10"),
    "listed in the range": (("2025-06-12 12:00", "2025-06-14"), "begin at 2025-06-12 12:00"),
    "listed after it": (("2025-06-20", "2025-06-22"), "begin at 2025-06-20"),
    "no candle": (("2025-06-07", "2025-06-07"), "no 1m candles"),
}


def write(datadir: Path, pair: str, span: tuple[str, str], timeframe: str = "1min") -> None:
    dates = pd.date_range(*span, freq=timeframe, inclusive="left", tz="UTC", unit="ms")
    prices = {name: np.ones(len(dates)) for name in ("open", "high", "low", "close", "volume")}
    stem = pair.replace("/", "_").replace(":", "_").replace(".", "_")
    name = timeframe.replace("min", "m")
    path = datadir / "futures" / f"{stem}-{name}-futures.feather"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"date": dates, **prices}).to_feather(path)


def config_of(folder: Path, *whitelist: str, **root: Any) -> dict[str, Any]:
    config = freqtrade_config(folder)
    config |= {"timerange": "20250611-20250614", "runmode": RunMode.BACKTEST, "dualwindow": root}
    config["datadir"] = folder / "data"
    config["exchange"]["pair_whitelist"] = list(whitelist)
    config["freqai"] |= {"train_period_days": 3, "backtest_period_days": 1}
    config["freqai"]["feature_parameters"]["include_timeframes"] = ["1m"]
    return config


def check(config: dict[str, Any], *whitelist: str, **settings: Any) -> BacktestCandles:
    training = TrainingConfig(**{**QUICK, **settings})
    candles = BacktestCandles(config, training, (30, 240))
    candles.require_files()
    named = list(whitelist) or config["exchange"]["pair_whitelist"]
    candles.require_range(SimpleNamespace(dp=SimpleNamespace(current_whitelist=lambda: named)))  # type: ignore[arg-type]
    return candles


def test_candles_that_reach_over_the_range_pass(tmp_path: Path) -> None:
    config = config_of(tmp_path, GOOD, BAD)
    for pair in (GOOD, BAD):
        write(tmp_path / "data", pair, WHOLE)
    assert check(config).left_out == {}


@pytest.mark.parametrize("kind", SPANS)
@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT, RunMode.UTIL_NO_EXCHANGE])
def test_a_pair_that_does_not_is_refused_with_its_dates_and_the_way_out(
    kind: str, runmode: RunMode, tmp_path: Path
) -> None:
    span, said = SPANS[kind]
    config = config_of(tmp_path, GOOD, BAD) | {"runmode": runmode}
    write(tmp_path / "data", GOOD, WHOLE)
    write(tmp_path / "data", BAD, span)
    with pytest.raises(OperationalException) as refused:
        check(config)
    text = str(refused.value)
    assert said in text
    assert f"{BAD}: " in text
    assert f"{GOOD}: " not in text
    assert "leave_out_untrainable_pairs" in text


@pytest.mark.parametrize("kind", SPANS)
def test_it_is_left_out_with_one_warning_where_that_is_wanted(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    span, said = SPANS[kind]
    config = config_of(tmp_path, GOOD, BAD, leave_out_untrainable_pairs=True)
    write(tmp_path / "data", GOOD, WHOLE)
    write(tmp_path / "data", BAD, span)
    candles = check(config)
    assert set(candles.left_out) == {BAD}
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert BAD in line.getMessage()
    assert said in line.getMessage()


@pytest.mark.parametrize("values", [[0.0001, np.inf], [0.0001, 70.0], ["a", "b"]])
def test_funding_that_freqtrade_would_pay_by_mistake_is_refused(
    values: list[Any], tmp_path: Path
) -> None:
    config = config_of(tmp_path, GOOD)
    write(tmp_path / "data", GOOD, WHOLE)
    dates = pd.date_range("2025-06-12", periods=2, freq="8h", tz="UTC", unit="ms")
    path = tmp_path / "data" / "futures" / "BTC_USDT_USDT-1h-funding_rate.feather"
    pd.DataFrame({"date": dates, "funding_rate": values}).to_feather(path)
    with pytest.raises(
        OperationalException, match=r"1h-funding_rate\.feather .* download the pair"
    ):
        check(config)


def store_funding(folder: Path, factors: list[float], days: int = 7) -> None:
    """Rates and marks of every eight hours beside the candles, whose prices are 1."""
    dates = pd.date_range("2025-06-07", periods=3 * days, freq="8h", tz="UTC", unit="ms")
    marks = np.ones(len(dates))
    marks[12 : 12 + len(factors)] = factors
    stem = folder / "data" / "futures" / "BTC_USDT_USDT-1h"
    pd.DataFrame({"date": dates, "funding_rate": 1e-4}).to_feather(f"{stem}-funding_rate.feather")
    pd.DataFrame({"date": dates, "open": marks}).to_feather(f"{stem}-mark.feather")


@pytest.mark.parametrize(
    ("factors", "outcome"),
    [
        ([1e9] * 9, "refused"),
        ([1e-9] * 9, "refused"),
        ([3.0] * 9, "refused"),
        ([1.0, 1e9], "refused"),
        ([1.0, 3.0, 0.4], "warned"),
        ([1.5, 0.6], "silent"),
    ],
)
def test_marks_of_another_market_are_refused_and_few_far_ones_named(
    factors: list[float], outcome: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, GOOD)
    write(tmp_path / "data", GOOD, WHOLE)
    store_funding(tmp_path, factors)
    if outcome == "refused":
        with pytest.raises(OperationalException, match=r"mark\.feather .* another scale"):
            check(config)
        return
    check(config)
    assert caplog.text.count("mark prices more than 2 times") == (outcome == "warned")


@pytest.mark.parametrize(
    ("days", "named"), [(7, ""), (6, "2025-06-13"), (5, "06-12 to 2025-06-13")]
)
def test_days_of_the_time_range_without_funding_are_named_at_the_start(
    days: int, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, GOOD)
    write(tmp_path / "data", GOOD, WHOLE)
    store_funding(tmp_path, [], days)
    check(config)
    lines = [record.getMessage() for record in caplog.records if "funding" in record.getMessage()]
    assert len(lines) == bool(named)
    assert all(named in line and GOOD in line for line in lines)


@pytest.mark.parametrize(
    ("end", "warned"),
    [("2025-06-14", False), ("2025-06-13 23:59", True), ("2025-06-13 06:00", True)],
)
def test_a_last_slice_that_is_predicted_in_part_is_warned_of(
    end: str, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, GOOD)
    write(tmp_path / "data", GOOD, ("2025-06-07", end))
    assert check(config).left_out == {}
    assert ("before the time range does" in caplog.text) == warned


@pytest.mark.parametrize("pair", [GOOD, BAD])
@pytest.mark.parametrize(
    ("timeframe", "end", "last"),
    [
        ("1m", "2025-06-13 06:00", "2025-06-13 05:59"),
        ("1m", "2025-06-13 23:59", "2025-06-13 23:58"),
        ("5m", "2025-06-13 12:00", "2025-06-13 11:55"),
        ("5m", "2025-06-13 23:55", "2025-06-13 23:50"),
        ("1h", "2025-06-13 23:00", "2025-06-13 22:00"),
        ("5m", "2025-06-14", ""),
        ("1h", "2025-06-14", ""),
        ("1m", "2025-06-14", ""),
    ],
)
def test_an_early_end_of_a_correlated_pair_or_another_timeframe_is_named(
    pair: str, timeframe: str, end: str, last: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, GOOD)
    features = config["freqai"]["feature_parameters"]
    features |= {"include_timeframes": ["1m", "5m", "1h"], "include_corr_pairlist": [BAD]}
    for other in (GOOD, BAD):
        for name, frequency in (("1m", "1min"), ("5m", "5min"), ("1h", "1h")):
            span = ("2025-06-07", end if (other, name) == (pair, timeframe) else "2025-06-14")
            write(tmp_path / "data", other, span, frequency)
    check(config)
    lines = [
        line for record in caplog.records if "before the time" in (line := record.getMessage())
    ]
    assert len(lines) == bool(last)
    for line in lines:
        assert f"{pair}: its {timeframe} candles end at {last}" in line
        assert ("of any pair" in line) == (pair == BAD)


@pytest.mark.parametrize(("pair", "timeframe"), [(GOOD, "1m"), (BAD, "1m"), (GOOD, "5m")])
@pytest.mark.parametrize("price", [1e301, -5.0, np.inf, np.nan])
def test_impossible_candles_are_counted_at_the_start(
    pair: str, timeframe: str, price: float, tmp_path: Path
) -> None:
    config = config_of(tmp_path, GOOD)
    features = config["freqai"]["feature_parameters"]
    features |= {"include_timeframes": ["1m", "5m"], "include_corr_pairlist": [BAD]}
    for other in (GOOD, BAD):
        for name in ("1min", "5min"):
            write(tmp_path / "data", other, WHOLE, name)
    path = next((tmp_path / "data" / "futures").glob(f"{pair[:3]}*-{timeframe}-futures.feather"))
    frame = pd.read_feather(path)
    frame[["open", "high", "low", "close"]] = price
    frame.to_feather(path)
    count = f"{6 * 1440 // int(timeframe[0]):,}"
    with pytest.raises(OperationalException, match=f"{count} of {count} .* impossible, the first"):
        check(config)


def test_a_model_without_training_needs_no_history(tmp_path: Path) -> None:
    config = config_of(tmp_path, GOOD)
    write(tmp_path / "data", GOOD, ("2025-06-10 12:00", "2025-06-14"))
    with pytest.raises(OperationalException, match="begin at 2025-06-10 12:00"):
        check(config)
    assert check(config, epochs=0, pretrained="model.zip").left_out == {}


def test_nothing_is_left_to_backtest(tmp_path: Path) -> None:
    config = config_of(tmp_path, BAD, leave_out_untrainable_pairs=True)
    write(tmp_path / "data", BAD, SPANS["delisted before it"][0])
    with pytest.raises(UntrainablePairError, match="no pair is left"):
        check(config)


def test_a_correlated_pair_is_needed_whatever_is_left_out(tmp_path: Path) -> None:
    config = config_of(tmp_path, GOOD, leave_out_untrainable_pairs=True)
    config["freqai"]["feature_parameters"]["include_corr_pairlist"] = [BAD]
    write(tmp_path / "data", GOOD, WHOLE)
    with pytest.raises(OperationalException, match=f"no candles for {BAD} 1m"):
        check(config)
    write(tmp_path / "data", BAD, SPANS["delisted in the range"][0])
    with pytest.raises(OperationalException, match=f"{BAD} of include_corr_pairlist: its 1m"):
        check(config)


@pytest.mark.parametrize("pair", [BAD, "BTC/USDT:USDT-261225", "A.B/USDT:USDT", "币安/USDT:USDT"])
def test_names_of_every_form_are_looked_for(pair: str, tmp_path: Path) -> None:
    config = config_of(tmp_path, pair)
    with pytest.raises(OperationalException, match=f"no candles for {pair} 1m"):
        check(config)
    write(tmp_path / "data", pair, WHOLE)
    assert check(config).left_out == {}


def test_of_a_pattern_the_pairs_with_a_file_are_checked(tmp_path: Path) -> None:
    config = config_of(tmp_path, ".*/USDT:USDT")
    write(tmp_path / "data", GOOD, WHOLE)
    # freqtrade leaves out the hundreds of which nothing was downloaded.
    assert check(config, GOOD, "SOL/USDT:USDT").left_out == {}
    write(tmp_path / "data", "SOL/USDT:USDT", SPANS["listed in the range"][0])
    with pytest.raises(OperationalException, match="SOL/USDT:USDT: its 1m candles begin"):
        check(config, GOOD, "SOL/USDT:USDT")


def test_two_pairs_of_a_pattern_with_one_base_are_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path, "BTC/.*")
    with pytest.raises(OperationalException, match="holds BTC/USDT:USDT and BTC/USDT:USDT-261225"):
        check(config, GOOD, "BTC/USDT:USDT-261225")
