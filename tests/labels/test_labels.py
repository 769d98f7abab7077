"""Labels of whole frames equal those of the row-by-row version, whatever the blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow import labels as labels_module
from dualwindow.columns import HOLD, LONG, SHORT, UNKNOWN
from dualwindow.labels import BothTouched, LabelRule, label_candles, label_candles_counted
from tests.makers.labelled import RULES, barriers, label
from tests.makers.markets import candle_frames, random_candles

# --- the slow, obviously right version ------------------------------------------------------------

NEVER = 10**9


def first(touches: list[bool]) -> int:
    return touches.index(True) if True in touches else NEVER


def slow_row(
    highs: list[float], lows: list[float], close: float, rule: str, pct: dict[str, float]
) -> tuple[int, bool, bool]:
    """Label of one row from its entry and the F candles after it, and whether both were touched."""
    if not all(math.isfinite(price) for price in [*highs, *lows, close]):
        return UNKNOWN, False, False
    long_profit = first([high >= close * (1 + pct["long_tp_pct"]) for high in highs])
    long_loss = first([low <= close * (1 - pct["long_sl_pct"]) for low in lows])
    short_profit = first([low <= close * (1 - pct["short_tp_pct"]) for low in lows])
    short_loss = first([high >= close * (1 + pct["short_sl_pct"]) for high in highs])
    long_both = rule == "first_touch" and long_profit == long_loss < NEVER
    short_both = rule == "first_touch" and short_profit == short_loss < NEVER
    if rule == "hybrid":
        is_long = long_profit < NEVER and long_loss == NEVER
        is_short = short_profit < NEVER and short_loss == NEVER
    else:
        is_long, is_short = long_profit < long_loss, short_profit < short_loss
    return LONG if is_long else SHORT if is_short else HOLD, long_both, short_both


def slow_labels(
    candles: pd.DataFrame, future: int, rule: str, pct: dict[str, float]
) -> tuple[list[int], BothTouched]:
    high, low, close = (candles[name].tolist() for name in ("high", "low", "close"))
    found = []
    long_both = short_both = 0
    for row in range(len(close)):
        window = slice(row + 1, row + 1 + future)
        if len(high[window]) < future:
            found.append(UNKNOWN)
            continue
        code, both_long, both_short = slow_row(high[window], low[window], close[row], rule, pct)
        found.append(code)
        long_both += both_long
        short_both += both_short
    return found, BothTouched(long_both, short_both)


# Prices lie on a grid of one half around 100: these barriers are met exactly, again and again.
on_grid = st.sampled_from([0.005, 0.01, 0.015, 0.02, 0.3])


@given(
    candles=candle_frames(max_rows=60, infinities=True),
    future=st.integers(1, 20),
    pct=st.builds(barriers, on_grid, on_grid, on_grid, on_grid),
    rule=st.sampled_from(RULES),
)
@settings(max_examples=500)
def test_labels_and_counts_equal_the_row_by_row_version(
    candles: pd.DataFrame, future: int, pct: dict[str, float], rule: LabelRule
) -> None:
    found, counts = label_candles_counted(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=future,
        rule=rule,
        **pct,  # type: ignore[arg-type]
    )
    wanted, wanted_counts = slow_labels(candles, future, rule, pct)
    assert found.dtype == np.int8
    assert found.tolist() == wanted
    assert counts == wanted_counts


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("future", [1, 2, 3, 7, 64, 119, 120, 127, 128, 129])
def test_any_window_length_equals_the_row_by_row_version(future: int, rule: LabelRule) -> None:
    candles = random_candles(400, 2, volatility=0.002, nan=[(250, 1)])
    wanted, _ = slow_labels(candles, future, rule, barriers())
    assert label(candles, future, rule).tolist() == wanted
    if future >= 7:
        assert {SHORT, HOLD, LONG, UNKNOWN} <= set(wanted)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "pct", [barriers(), barriers(0.003, 0.006, 0.004, 0.002)], ids=["default", "tp below sl"]
)
def test_labels_of_real_candles_equal_the_row_by_row_version(
    btc_futures: pd.DataFrame, rule: LabelRule, pct: dict[str, float]
) -> None:
    candles = btc_futures.iloc[20_000:23_000]
    wanted, wanted_counts = slow_labels(candles, 120, rule, pct)
    found, counts = label_candles_counted(
        candles["high"].to_numpy(),
        candles["low"].to_numpy(),
        candles["close"].to_numpy(),
        future_window=120,
        rule=rule,
        **pct,  # type: ignore[arg-type]
    )
    assert found.tolist() == wanted
    assert counts == wanted_counts
    assert set(wanted) == {SHORT, HOLD, LONG, UNKNOWN}


def test_one_candle_that_touches_both_is_counted_on_real_candles(
    btc_futures: pd.DataFrame,
) -> None:
    candles = btc_futures.iloc[20_000:23_000]
    pct = barriers(0.0005, 0.0005, 0.0005, 0.0005)
    _, wanted = slow_labels(candles, 30, "first_touch", pct)
    _, counts = label_candles_counted(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=30,
        rule="first_touch",
        **pct,  # type: ignore[arg-type]
    )
    assert counts == wanted
    assert counts.long > 100
    assert counts.short > 100


# --- blocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("block", [1, 7, 100, 369, 370, 371])
def test_blocks_leave_no_trace(
    monkeypatch: pytest.MonkeyPatch, block: int, rule: LabelRule
) -> None:
    candles = random_candles(400, 4, volatility=0.003, nan=[(90, 2)])
    columns = [candles[name] for name in ("high", "low", "close")]

    def found() -> tuple[list[int], BothTouched]:
        labels, counts = label_candles_counted(
            *columns,
            future_window=30,
            rule=rule,
            **barriers(0.004, 0.003, 0.002, 0.003),  # type: ignore[arg-type]
        )
        return labels.tolist(), counts

    assert labels_module.BLOCK_ROWS > 400
    whole = found()
    monkeypatch.setattr(labels_module, "BLOCK_ROWS", block)
    assert found() == whole


def test_labels_across_the_real_block_border_equal_those_of_a_cut_before_it(
    btc_futures: pd.DataFrame,
) -> None:
    border = labels_module.BLOCK_ROWS
    whole = label(btc_futures[: border + 600], 120, "first_touch")
    part = label(btc_futures[border - 500 : border + 600], 120, "first_touch")
    assert (whole[border - 500 :] == part).all()
    assert (part[:980] != UNKNOWN).all()


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"future_window": 0}, "at least 1 candle, not 0"),
        ({"future_window": -3}, "not -3"),
        ({"rule": "last_touch"}, "'last_touch'"),
        ({"high": [1.0]}, "1, 2, 2"),
        ({"low": [1.0] * 3}, "2, 3, 2"),
        ({"close": []}, "2, 2, 0"),
    ],
)
def test_what_cannot_be_labelled_is_refused_with_its_value(
    change: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {
        "high": [1.0, 1.0],
        "low": [1.0, 1.0],
        "close": [1.0, 1.0],
        "future_window": 1,
        **barriers(),
    }
    assert len(label_candles(**arguments)) == 2
    with pytest.raises(ValueError, match=words):
        label_candles(**{**arguments, **change})


def test_the_input_is_left_as_it_was() -> None:
    candles = random_candles(50)
    candles.loc[5, "high"] = math.inf
    before = candles.copy()
    label(candles, 5, "first_touch")
    pd.testing.assert_frame_equal(candles, before)
