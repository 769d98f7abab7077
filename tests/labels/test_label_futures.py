"""A label depends on its entry and the candles of its future alone."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT, UNKNOWN
from dualwindow.labels import LabelRule, label_candles_counted
from tests.makers.labelled import RULES, barriers, label
from tests.makers.markets import candle_frames

FUTURE = 9


@given(
    data=st.data(),
    candles=candle_frames(min_rows=FUTURE + 1),
    rule=st.sampled_from(RULES),
    value=st.sampled_from([math.nan, math.inf, 0.0, 1e9]),
)
def test_a_label_never_changes_with_candles_outside_its_future(
    data: st.DataObject, candles: pd.DataFrame, rule: LabelRule, value: float
) -> None:
    row = data.draw(st.integers(0, len(candles) - 1 - FUTURE))
    changed = candles.copy()
    changed.loc[: row - 1, ["open", "high", "low", "close", "volume"]] = value
    changed.loc[row, ["open", "high", "low", "volume"]] = value
    changed.loc[row + 1 :, ["open", "close", "volume"]] = value
    changed.loc[row + FUTURE + 1 :, ["high", "low"]] = value
    assert label(changed, FUTURE, rule)[row] == label(candles, FUTURE, rule)[row]


@given(candles=candle_frames(min_rows=FUTURE + 1), rule=st.sampled_from(RULES))
def test_a_label_is_the_same_in_a_frame_of_its_own_candles_alone(
    candles: pd.DataFrame, rule: LabelRule
) -> None:
    whole = label(candles, FUTURE, rule)
    for row in range(len(candles) - FUTURE):
        alone = candles.iloc[row : row + FUTURE + 1]
        assert label(alone, FUTURE, rule)[0] == whole[row]


def calm(rows: int = 30) -> pd.DataFrame:
    """Candles that never move: every known label is HOLD."""
    return pd.DataFrame({"high": 100.0, "low": 100.0, "close": 100.0}, index=range(rows))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("column", "price", "side"), [("high", 101.5, LONG), ("low", 98.5, SHORT)])
@pytest.mark.parametrize("offset", range(FUTURE + 3))
def test_a_touch_counts_from_the_next_candle_to_the_last_of_the_future(
    rule: LabelRule, column: str, price: float, side: int, offset: int
) -> None:
    candles = calm()
    row = 10
    candles.loc[row + offset, column] = price
    expected = side if 1 <= offset <= FUTURE else HOLD
    assert label(candles, FUTURE, rule)[row] == expected


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("column", ["high", "low"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("offset", range(FUTURE + 3))
def test_a_hole_in_the_future_makes_the_label_unknown_and_one_after_it_does_not(
    rule: LabelRule, column: str, value: float, offset: int
) -> None:
    candles = calm()
    row = 10
    candles.loc[row + offset, column] = value
    known = label(candles, FUTURE, rule)[row] != UNKNOWN
    assert known == (not 1 <= offset <= FUTURE)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_hole_in_the_entry_makes_the_label_unknown(rule: LabelRule, value: float) -> None:
    candles = calm()
    candles.loc[10, "close"] = value
    unknown = np.flatnonzero(label(candles, FUTURE, rule) == UNKNOWN)
    assert unknown.tolist() == [10, *range(30 - FUTURE, 30)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("rows", [0, 1, FUTURE, FUTURE + 1, FUTURE + 2])
def test_the_last_rows_are_unknown_never_hold(rule: LabelRule, rows: int) -> None:
    found = label(calm(rows), FUTURE, rule).tolist()
    known = max(rows - FUTURE, 0)
    assert found == [HOLD] * known + [UNKNOWN] * (rows - known)


def test_a_future_that_is_known_by_its_dates_is_unknown_where_a_price_is_missing() -> None:
    candles = calm()
    candles.loc[12, "high"] = math.nan
    found, _ = label_candles_counted(
        *(candles[name] for name in ("high", "low", "close")),
        future_window=2,
        known=np.arange(30) != 20,
        **barriers(),
    )
    assert np.flatnonzero(found == UNKNOWN).tolist() == [10, 11, 20, 28, 29]
