"""The price step is found in candles, whatever it is, and compared with the barriers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.data.candles.price_steps import StepSearch, price_step, smallest_barrier
from dualwindow.data.candles.quality_report import inspect_candles
from dualwindow.settings import TrainingConfig
from tests.makers.markets import PRICES, random_candles, stepped
from tests.makers.stores import PERIODS, settings, write

#: Price and step, with the step as a share of a barrier of half a percent.
MARKETS = [
    (1.8e-06, 1e-08, 1.1),
    (0.25, 0.0025, 2.0),
    (100.0, 0.5, 1.0),
    (61_000.0, 250.0, 0.8),
    (1.8e-05, 3e-08, 0.33),
    (0.0123, 1e-05, 0.16),
    (61_000.0, 0.1, 3.3e-04),
    (2345.6, 0.01, 8.5e-04),
    (100.0, 1e-12, 2e-12),
]


@pytest.mark.parametrize(("price", "step", "share"), MARKETS)
def test_the_step_of_any_market_is_found(price: float, step: float, share: float) -> None:
    frame = stepped(random_candles(3000, seed=1, volatility=2e-4, price=price), step)
    # A price in a hundred beside the step, as damage or an exchange's average leaves it.
    close = frame["close"].to_numpy().copy()
    close[::150] *= 1.000123456
    close[7] *= 1000.0
    close[[30, 40, 50]] = np.nan, np.inf, -1.0
    found = price_step(close)
    assert found is not None
    assert found.step == step
    assert found.share(TrainingConfig()) == pytest.approx(share, rel=0.1)


@pytest.mark.parametrize(
    "close",
    [np.empty(0), np.full(5000, 180e-8), np.tile(np.repeat([1.0, 2.0], 500), 5), [1.0, 2.0] * 9],
    ids=["none", "constant", "few changes", "few candles"],
)
def test_prices_that_hardly_change_show_no_step(close: list[float]) -> None:
    assert price_step(np.asarray(close)) is None


def test_the_coarsest_stretch_counts_whatever_the_parts() -> None:
    fine, coarse = (
        stepped(random_candles(90_000, seed=2, volatility=1e-5), step)["close"].to_numpy()
        for step in (0.01, 0.25)
    )
    close, seconds = np.concatenate([fine, coarse]), 60 * np.arange(180_000)
    found = []
    for size in (180_000, 65_536, 999):
        search = StepSearch()
        for start in range(0, len(close), size):
            search.add(close[start : start + size], seconds[start : start + size])
        search.end()
        assert search.largest is not None
        found.append((search.largest.step, search.first))
    assert found[0][0] == 0.25
    assert all(step == 0.25 and first >= 60 * 43_200 for step, first in found)


def test_the_smallest_of_the_four_barriers_counts() -> None:
    config = TrainingConfig(short_tp_pct=0.002)
    assert smallest_barrier(config) == ("short_tp_pct", 0.002)


def spike(factor: float) -> Callable[[pd.DataFrame], object]:
    def apply(frame: pd.DataFrame) -> None:
        frame.loc[700, PRICES] *= factor

    return apply


def jump(frame: pd.DataFrame) -> None:
    frame.loc[700:, PRICES] *= 1000.0


def ahead(frame: pd.DataFrame) -> None:
    frame["date"] += pd.Timedelta(days=36_500)


def wick(frame: pd.DataFrame) -> None:
    frame.loc[700, "low"] = 1e-9


def on_step(step: float) -> Callable[[pd.DataFrame], object]:
    def apply(frame: pd.DataFrame) -> None:
        frame[PRICES] = stepped(frame, step)[PRICES]

    return apply


SPRUNG = ["three times the close before", "2025-01-01 11:40"]


@pytest.mark.parametrize("rows_a_batch", [7, 700, 5000])
@pytest.mark.parametrize(
    ("fault", "verdict", "said"),
    [
        (spike(1000.0), "1 warning", ["2 candles", "up to 1,0", *SPRUNG]),
        (spike(1e6), "1 warning", ["2 candles", *SPRUNG]),
        (spike(0.3), "1 warning", ["2 candles", *SPRUNG]),
        (jump, "1 warning", ["1 candle", *SPRUNG]),
        (wick, "1 warning", ["1 candle", *SPRUNG]),
        (ahead, "1 warning", ["the candles end at 2124-12-09", "future of this machine's clock"]),
        (spike(2.5), "good", []),
        (on_step(0.01), "good", []),
        (on_step(0.1), "1 warning", ["steps of 0.1", "label_price_step", "(long_sl_pct 0.002)"]),
        (on_step(0.25), "refused", ["steps of 0.25", "end there", "barriers above 0.0"]),
    ],
)
def test_the_check_of_the_candles_finds_spikes_and_steps(
    fault: Callable[[pd.DataFrame], object],
    verdict: str,
    said: list[str],
    rows_a_batch: int,
    tmp_path: Path,
) -> None:
    frame = random_candles(2000)
    fault(frame)
    (source,) = write(tmp_path, [frame], rows_a_batch)
    config = settings(long_sl_pct=0.002, long_tp_pct=0.01, short_sl_pct=0.01, short_tp_pct=0.01)
    report = inspect_candles(source, config, periods=PERIODS)
    assert report.cells()[-1] == verdict
    found = "\n".join([*report.refusals, *report.warnings])
    for part in said:
        assert part in found
    rounded = inspect_candles(source, config.replace(label_price_step="candles"), periods=PERIODS)
    assert rounded.cells()[-1] == verdict
    assert "label_price_step" not in "".join(rounded.warnings)
