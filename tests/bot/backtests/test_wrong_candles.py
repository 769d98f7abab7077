"""Candles that a backtest cannot use: the message names whose they are and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from tests.makers.backtests import BASE, OTHER_PAIR, Backtests, market
from tests.makers.bot import PAIR
from tests.makers.markets import PRICES

SERIES = [(PAIR, "1m"), (PAIR, "5m"), (OTHER_PAIR, "1m"), (OTHER_PAIR, "5m")]
#: Candles that are out of order, in the middle of those that a backtest loads.
DISORDER: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "doubled": lambda frame: pd.concat([frame, frame.iloc[[-9]]]).sort_values("date"),
    "doubled block": lambda frame: pd.concat([frame, frame[len(frame) // 2 :]]).sort_values("date"),
    "swapped": lambda frame: pd.concat([frame[:-9], frame[-4:], frame[-9:-4]]),
    "reversed": lambda frame: frame[::-1],
}


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("kind", DISORDER)
def test_candles_out_of_order_are_blamed_on_their_own_series(
    kind: str, series: tuple[str, str], tmp_path: Path
) -> None:
    # One slice, at the end of the candles: what is loaded ends with them.
    frames = market(2.25)
    frames[series] = DISORDER[kind](frames[series]).reset_index(drop=True)
    with pytest.raises(OperationalException, match="not in time order, or doubled, at 2025") as got:
        Backtests(tmp_path, frames).run(slices=1)
    assert str(got.value).startswith(" ".join(series))


@pytest.mark.parametrize(
    ("rows", "count"), [(slice(None), "1,440 of 1,440"), (slice(None, None, 40), "72 of 1,440")]
)
def test_impossible_candles_are_counted_and_no_earlier_start_is_advised(
    rows: slice, count: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = market(2.25)
    spoilt = frames[BASE].copy()
    spoilt.loc[spoilt.index[rows], PRICES] = 1e301
    with pytest.raises(OperationalException) as got:
        Backtests(tmp_path, frames | {BASE: spoilt}).run(slices=1)
    text = str(got.value)
    assert f"{count} candles are impossible" in text
    assert "earlier start" not in text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("series", SERIES[1:])
def test_other_candles_that_are_off_their_grid_are_named(
    series: tuple[str, str], tmp_path: Path
) -> None:
    frames = market(2.25)
    shifted = frames[series].assign(date=frames[series]["date"] + pd.Timedelta(days=9))
    with pytest.raises(OperationalException) as got:
        Backtests(tmp_path, frames | {series: shifted}).run(slices=1)
    text = str(got.value)
    assert series[1] in text
    assert "earlier start" not in text
