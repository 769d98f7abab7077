"""Candles are judged before a training: refused where it would learn something wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.quality import CandleFacts
from dualwindow.data.candles.quality_report import (
    REPORT_HEADER,
    CandleReport,
    inspect_candles,
    require_usable,
)
from dualwindow.data.candles.sources import CandleSource, find_sources
from dualwindow.data.candles.timerange import EVERYTHING, DateRange
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from tests.makers.markets import PRICES, START, candle_frames, random_candles
from tests.makers.stores import PERIODS, settings, write

MINUTE = 60
T0 = int(START.timestamp())


def report_of(
    frame: pd.DataFrame, folder: Path, timerange: DateRange = EVERYTHING, rows_a_batch: int = 65_536
) -> CandleReport:
    (source,) = write(folder, [frame], rows_a_batch)
    asked = CandleSource(source.pair, source.path, timerange)
    return inspect_candles(asked, settings(), periods=PERIODS)


def slow_facts(frame: pd.DataFrame, timerange: DateRange, most_flat: int) -> dict[str, Any]:
    """The obvious version: one candle after another, the missing ones put in one by one."""
    found: dict[str, Any] = dict.fromkeys(
        ["doubled", "unordered", "unknown", "impossible", "outside", "silent", "present"], 0
    )
    newest: int | None = None
    missing: list[int] = []
    flat = ""
    for second, row in zip(
        utc_seconds(frame["date"]).tolist(), frame.to_dict("records"), strict=True
    ):
        prices = [row[name] for name in PRICES]
        bad = any(np.isinf([*prices, row["volume"]])) or row["high"] < row["low"]
        bad = bad or np.nanmin([*prices, 1.0]) <= 0.0 or row["volume"] < 0
        found["impossible"] += bad
        found["unknown"] += bool(np.isnan([*prices, row["volume"]]).any())
        ends = (row["open"], row["close"])
        found["outside"] += not bad and any(p > row["high"] or p < row["low"] for p in ends)
        found["silent"] += row["volume"] == 0 or np.isnan(row["volume"])
        if newest is not None and second <= newest:
            found["doubled" if second == newest else "unordered"] += 1
            continue
        gap = 0 if newest is None else (second - newest) // MINUTE - 1
        missing += [gap] if gap else []
        idle = np.isnan(row["close"]) or (row["volume"] == 0 and len(set(prices)) == 1)
        flat += "f" * gap + ("f" if idle else "t")
        found["present"] += second in timerange
        newest = second
    runs = [len(run) for run in flat.split("t")]
    found |= {"gaps": len(missing), "missing": sum(missing), "longest": max(missing, default=0)}
    found |= {"flat": max(runs), "outages": sum(run > most_flat for run in runs)}
    return found


@given(
    frame=candle_frames(min_rows=1, gaps=True, infinities=True),
    order=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=3),
    sizes=st.integers(1, 50),
    first=st.integers(-5, 100),
)
def test_whatever_the_batches_everything_is_counted(
    frame: pd.DataFrame, order: list[tuple[int, int]], sizes: int, first: int
) -> None:
    rows = list(range(len(frame)))
    for at, what in order:
        # A candle that stands at a second place.
        rows.insert(min(at, len(rows)), what % len(frame))
    frame = frame.iloc[rows].reset_index(drop=True)
    timerange = DateRange(T0 + first * MINUTE, None)
    parts = [frame.iloc[at : at + sizes] for at in range(0, len(frame), sizes)]
    facts = CandleFacts.from_batches(map(batch_of, parts), timerange, MINUTE, 2)
    found: dict[str, Any] = {
        name: getattr(facts, name).count
        for name in ("doubled", "unordered", "unknown", "impossible", "outside", "silent")
    }
    found |= {"present": facts.present, "gaps": facts.gaps.count, "missing": facts.gaps.candles}
    found |= {"longest": facts.gaps.longest, "flat": facts.outages.longest}
    assert {**found, "outages": facts.outages.count} == slow_facts(frame, timerange, 2)


def batch_of(frame: pd.DataFrame) -> Any:
    from dualwindow.data.candles.feather import CandleBatch

    columns = {name: frame[name].to_numpy(np.float64) for name in (*PRICES, "volume")}
    return CandleBatch(utc_seconds(frame["date"]), columns)


def change(row: int, column: str, value: float) -> Callable[[pd.DataFrame], object]:
    def apply(frame: pd.DataFrame) -> None:
        frame.loc[row, column] = value

    return apply


def late(frame: pd.DataFrame) -> None:
    frame.loc[1:, "date"] += pd.Timedelta(seconds=30)


def swapped_columns(frame: pd.DataFrame) -> None:
    frame["close"] = frame["high"] * 2


def five_minutes(frame: pd.DataFrame) -> None:
    frame["date"] = START + pd.to_timedelta(5 * np.arange(len(frame)), unit="min")


def untraded(frame: pd.DataFrame) -> None:
    frame["volume"] = 0.0


def volume_unknown(frame: pd.DataFrame) -> None:
    frame["volume"] = np.where(frame.index % 2, np.nan, 0.0)


def again(frame: pd.DataFrame) -> None:
    dates = frame["date"].to_numpy().copy()
    dates[1000:1500] = dates[700:1200]
    frame["date"] = pd.to_datetime(dates, utc=True)


def twice(frame: pd.DataFrame) -> None:
    frame.loc[20, "date"] = frame["date"][19]
    frame.loc[30, "date"] = frame["date"][29]


@pytest.mark.parametrize("rows_a_batch", [7, 5000])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (twice, ["2 candles are there twice, the first of 2025-01-01 00:19"]),
        (again, ["299 candles are older than one", "1 candle is there twice", "2025-01-01 11:40"]),
        (late, ["1,999 candles are between two candles of the timeframe", "2025-01-01 00:01:30"]),
        (change(9, "low", 0.0), ["1 candle is impossible", "2025-01-01 00:09"]),
        (change(9, "high", np.inf), ["impossible"]),
        (change(9, "high", 1.0), ["impossible"]),
        (change(9, "volume", -1.0), ["impossible"]),
        (swapped_columns, ["2,000 candles opened or closed outside"]),
        (five_minutes, ["2,000 of 9,996 candles can be found", "of this timeframe"]),
        (untraded, ["no candle has a volume"]),
        (volume_unknown, ["no candle has a volume"]),
    ],
)
def test_candles_that_would_teach_something_wrong_are_refused(
    fault: Callable[[pd.DataFrame], object], said: list[str], rows_a_batch: int, tmp_path: Path
) -> None:
    frame = random_candles(2000)
    fault(frame)
    report = report_of(frame, tmp_path, rows_a_batch=rows_a_batch)
    refusals = "\n".join(report.refusals)
    for part in [*said, "COIN0/USDT: ", "COIN0_USDT-1m.feather"]:
        assert part in refusals
    assert report.cells()[-1] == "refused"
    with pytest.raises(DataError, match=r"problem.* in the candles:\n  - COIN0/USDT: "):
        require_usable([report])


def test_a_few_candles_between_two_others_are_warned_of(tmp_path: Path) -> None:
    frame = random_candles(2000)
    frame.loc[[900, 950], "date"] += pd.Timedelta(milliseconds=14_789)
    report = report_of(frame, tmp_path)
    assert not report.refusals
    assert report.warnings == (
        "COIN0/USDT: 2 candles are between two candles of the timeframe, the first of "
        "2025-01-01 15:00:14; put into the earlier of both, as freqtrade does",
    )


def test_what_is_refused_when_rows_are_written_is_refused_before(tmp_path: Path) -> None:
    for number, fault in enumerate([twice, again]):
        frame = random_candles(2000)
        fault(frame)
        folder = tmp_path / str(number)
        folder.mkdir()
        assert report_of(frame, folder).refusals
        with pytest.raises(DataError):
            prepare_store(write(folder, [frame]), settings(), folder, periods=PERIODS)


@given(
    frame=candle_frames(min_rows=25, max_rows=80, gaps=True, infinities=True),
    first=st.integers(-3, 90),
)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_candles_that_pass_can_be_prepared(frame: pd.DataFrame, first: int, tmp_path: Path) -> None:
    (source,) = write(tmp_path, [frame])
    asked = CandleSource(source.pair, source.path, DateRange(T0 + first * MINUTE, None))
    if not inspect_candles(asked, settings(), periods=PERIODS).refusals:
        prepare_store([asked], settings(), tmp_path / "stores", periods=PERIODS)


def test_every_refusal_of_every_pair_is_in_one_message(tmp_path: Path) -> None:
    frame = random_candles(500)
    twice(frame)
    bad, good = write(tmp_path, [frame, random_candles(500)])
    gone = CandleSource("GONE/USDT", tmp_path / "gone.feather")
    ended = CandleSource(good.pair, good.path, DateRange(T0 + 10**6, None))
    reports = [
        inspect_candles(source, settings(), periods=PERIODS) for source in (bad, good, gone, ended)
    ]
    with pytest.raises(DataError) as caught:
        require_usable(reports)
    said = str(caught.value)
    assert said.startswith("3 problems in the candles:\n")
    assert "no candle file" in said
    assert "its candles go from 2025-01-01 to 2025-01-01 08:19" in said
    assert all(len(report.cells()) == len(REPORT_HEADER) for report in reports)
    require_usable([reports[1]])


def test_what_is_only_odd_is_told(tmp_path: Path) -> None:
    frame = random_candles(
        2000, missing=[(300, 5), (700, 1)], flat=[(298, 2)], nan=[(1200, 1), (1210, 1)]
    )
    frame.loc[900, "open"] = frame["high"][900] * 1.001
    report = report_of(frame, tmp_path)
    assert report.refusals == ()
    warnings = "\n".join(report.warnings)
    for said in (
        "6 candles missing in 2 gaps, the longest of 5 from 2025-01-01 05:00",
        "1 time more than max_flat_candles 2 candles without a trade, the longest 7 from "
        "2025-01-01 04:58",
        "2 candles are unknown in part",
        "1 candle opened or closed outside",
    ):
        assert said in warnings
    cells = dict(zip(REPORT_HEADER, report.cells(), strict=True))
    assert cells["pair"] == "COIN0/USDT"
    assert (cells["from"], cells["to"]) == ("2025-01-01", "2025-01-02 09:19")
    assert (cells["candles"], cells["of"]) == ("1,994", "2,000 (99.7%)")
    assert (cells["gaps"], cells["missing"], cells["longest flat"]) == ("2", "6", "7")
    assert cells["verdict"] == "4 warnings"


def test_a_period_that_the_candles_do_not_cover_is_told(tmp_path: Path) -> None:
    timerange = DateRange(T0 - 3 * 86_400, T0 + 2 * 86_400)
    report = report_of(random_candles(2000), tmp_path, timerange)
    warnings = "\n".join(report.warnings)
    assert report.refusals == ()
    assert "the candles begin at 2025-01-01, 3.0 days after the period" in warnings
    assert "the candles end at 2025-01-02 09:19, 14.7 hours before" in warnings
    # Eleven candles of an average and six of a window, this one included.
    assert "the first 15 minutes cannot be trained on" in warnings
    assert "freqtrade download-data --pairs COIN0/USDT" in warnings
    assert "--timerange 20241228- --prepend" in warnings
    cells = dict(zip(REPORT_HEADER, report.cells(), strict=True))
    assert (cells["of"], cells["buffer"]) == ("7,200 (27.8%)", "0 of 1 days")


@pytest.mark.parametrize(
    ("seconds", "timeframe"), [(60, "1m"), (300, "5m"), (3600, "1h"), (5400, "90m"), (86_400, "1d")]
)
def test_the_download_that_it_names_is_of_this_market_and_timeframe(
    seconds: int, timeframe: str, tmp_path: Path
) -> None:
    frame = random_candles(300)
    frame["date"] = START + pd.to_timedelta(np.arange(300) * seconds, unit="s")
    (source,) = write(tmp_path, [frame])
    for pair, market in (("COIN/USDT", "spot"), ("COIN/USDT:USDT", "futures")):
        asked = CandleSource(pair, source.path, DateRange(T0, None))
        report = inspect_candles(asked, settings(), periods=PERIODS, candle_seconds=seconds)
        said = f"--pairs {pair} --timeframes {timeframe} --trading-mode {market} "
        assert said in "\n".join([*report.refusals, *report.warnings])


def test_a_complete_buffer_is_no_warning_and_an_incomplete_one_counts_in_candles(
    tmp_path: Path,
) -> None:
    frame = random_candles(2000)
    assert report_of(frame, tmp_path, DateRange(T0 + 15 * MINUTE, None)).warnings == ()
    (said,) = report_of(frame, tmp_path, DateRange(T0 + 14 * MINUTE, None)).warnings
    assert "the first 1 minute cannot be trained on" in said


@pytest.mark.parametrize(("rows", "refused"), [(19, True), (20, False)])
def test_too_few_candles_for_one_window_and_its_future_are_refused(
    rows: int, refused: bool, tmp_path: Path
) -> None:
    # 15 before the first complete window's last candle, that one, and four of future.
    report = report_of(random_candles(rows), tmp_path)
    assert bool(report.refusals) == refused
    dataset = prepare_store(
        write(tmp_path, [random_candles(rows)]), settings(), tmp_path, periods=PERIODS
    ).dataset
    assert bool(len(dataset.labelled())) != refused


@pytest.mark.parametrize(
    ("folder", "mode", "pair", "first", "remarks"),
    [
        ("binance-futures-2025-05-04_2025-06-24", "futures", "BTC_USDT", "2025-06-10", 0),
        ("binance-spot-2025-05-20_2025-08-18", "spot", "ETH_USDT", None, 0),
        ("binance-spot-2023-03-16_2023-05-05-gap80", "spot", "BTC_USDT", "2023-04-20", 2),
        ("binance-spot-2023-03-16_2023-05-05-gap80", "spot", "ETH_USDT", None, 2),
    ],
)
def test_real_candles_pass(
    folder: str, mode: str, pair: str, first: str | None, remarks: int, shared_data: Path
) -> None:
    timerange = DateRange.from_dates(first, None, None, newest=2**31)
    (source,) = find_sources([pair], shared_data / folder, trading_mode=mode, timerange=timerange)
    report = inspect_candles(source, TrainingConfig())
    require_usable([report])
    assert len(report.warnings) == remarks
    if remarks:
        assert "80 candles missing in 1 gap" in report.warnings[0]
        assert "the longest 152 from 2023-03-24 11:28" in report.warnings[1]
