from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow import labels as labels_module
from dualwindow.columns import HOLD, LONG, SHORT, UNKNOWN
from dualwindow.labels import BothTouched, LabelRule, label_candles, label_candles_counted
from tests.markets import candle_frames, random_candles

RULES: list[LabelRule] = ["hybrid", "first_touch"]
NEVER = 10**9


def barriers(
    long_tp: float = 0.01, long_sl: float = 0.005, short_tp: float = 0.01, short_sl: float = 0.005
) -> dict[str, float]:
    return {
        "long_tp_pct": long_tp,
        "long_sl_pct": long_sl,
        "short_tp_pct": short_tp,
        "short_sl_pct": short_sl,
    }


def label(candles: pd.DataFrame, future: int, rule: LabelRule, **pct: float) -> NDArray[np.int8]:
    return label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=future,
        rule=rule,
        **(pct or barriers()),  # type: ignore[arg-type]
    )


# --- the slow, obviously right version -----------------------------------------------------------


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


# --- what a label depends on -----------------------------------------------------------------

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


# --- exactness -----------------------------------------------------------------------------------

prices = st.floats(1e-7, 1e6)
fractions = st.sampled_from([0.01, 0.005, 0.0075, 0.003, 0.02]) | st.floats(0.001, 0.2)


def one_candle(close: float, high: float, low: float, **pct: float) -> int:
    found = label_candles(
        [close, high],
        [close, low],
        [close, close],
        future_window=1,
        rule="hybrid",
        **pct,  # type: ignore[arg-type]
    )
    return int(found[0])


@given(close=prices, profit=fractions)
@example(close=100.0, profit=0.01)
@settings(max_examples=200)
def test_a_price_on_the_take_profit_counts_and_the_next_float_before_it_does_not(
    close: float, profit: float
) -> None:
    up, down = close * (1 + profit), close * (1 - profit)
    # The stops are out of the way of a price that stays at the entry.
    pct = barriers(profit, 0.5, profit, 0.5)
    assert one_candle(close, up, close, **pct) == LONG
    assert one_candle(close, np.nextafter(up, 0), close, **pct) == HOLD
    assert one_candle(close, close, down, **pct) == SHORT
    assert one_candle(close, close, np.nextafter(down, np.inf), **pct) == HOLD


@given(close=prices, loss=fractions)
@settings(max_examples=200)
def test_a_price_on_the_stop_loss_counts_and_the_next_float_before_it_does_not(
    close: float, loss: float
) -> None:
    up, down = close * (1 + loss), close * (1 - loss)
    far_up, far_down = close * 1.5, close * 0.5
    long_only = barriers(0.3, loss, 0.9, 0.9)
    assert one_candle(close, far_up, down, **long_only) == HOLD
    assert one_candle(close, far_up, np.nextafter(down, np.inf), **long_only) == LONG
    short_only = barriers(0.9, 0.9, 0.3, loss)
    assert one_candle(close, up, far_down, **short_only) == HOLD
    assert one_candle(close, np.nextafter(up, 0), far_down, **short_only) == SHORT


def test_prices_of_single_precision_are_compared_in_double() -> None:
    close = np.float32(30_000.1)
    barrier = float(close) * 1.01
    below = np.nextafter(np.float32(barrier), np.float32(0))
    assert float(below) < barrier
    found = label_candles(
        np.array([close, below]),
        np.array([close, close]),
        np.array([close, close]),
        future_window=1,
        **barriers(),  # type: ignore[arg-type]
    )
    assert found[0] == HOLD


# --- the rules apart -----------------------------------------------------------------------------


def after(*candles: tuple[float, float]) -> pd.DataFrame:
    """An entry at 100 and the (high, low) of the candles that follow."""
    highs, lows = zip(*candles, strict=True)
    return pd.DataFrame({"high": [100.0, *highs], "low": [100.0, *lows], "close": 100.0})


UP, DOWN, CALM, BOTH = (101.0, 100.0), (100.0, 99.0), (100.0, 100.0), (101.0, 99.0)


@pytest.mark.parametrize(
    ("candles", "hybrid", "first_touch"),
    [
        ([CALM, UP], LONG, LONG),
        ([CALM, DOWN], SHORT, SHORT),
        ([UP, DOWN], HOLD, LONG),
        ([DOWN, UP], HOLD, SHORT),
        ([BOTH, CALM], HOLD, HOLD),
        ([UP, BOTH], HOLD, LONG),
        ([BOTH, UP], HOLD, HOLD),
        ([CALM, CALM], HOLD, HOLD),
    ],
)
def test_the_rules_differ_only_in_what_came_first(
    candles: list[tuple[float, float]], hybrid: int, first_touch: int
) -> None:
    frame = after(*candles)
    assert label(frame, 2, "hybrid")[0] == hybrid
    assert label(frame, 2, "first_touch")[0] == first_touch


def test_long_wins_when_both_sides_do() -> None:
    # Stops so wide that neither is hit: both sides reach their profit.
    found = label(after(UP, DOWN), 2, "hybrid", **barriers(0.01, 0.02, 0.01, 0.02))
    assert found[0] == LONG


@pytest.mark.parametrize(
    ("candles", "pct", "counts"),
    [
        ([BOTH, CALM], barriers(), BothTouched(1, 1)),
        ([CALM, BOTH], barriers(), BothTouched(1, 1)),
        ([UP, BOTH], barriers(), BothTouched(0, 0)),
        ([BOTH, CALM], barriers(long_tp=0.02), BothTouched(0, 1)),
        ([BOTH, CALM], barriers(short_sl=0.02), BothTouched(1, 0)),
        ([BOTH, (math.nan, 100.0)], barriers(), BothTouched(0, 0)),
    ],
)
def test_a_first_touch_of_both_in_one_candle_is_counted_by_side(
    candles: list[tuple[float, float]], pct: dict[str, float], counts: BothTouched
) -> None:
    frame = after(*candles)
    arguments: dict[str, Any] = {"future_window": 2, **pct}
    columns = [frame["high"], frame["low"], frame["close"]]
    assert label_candles_counted(*columns, rule="first_touch", **arguments)[1] == counts
    assert label_candles_counted(*columns, rule="hybrid", **arguments)[1] == BothTouched(0, 0)


def test_hybrid_is_the_rule_unless_another_is_asked_for() -> None:
    frame = after(UP, DOWN)
    columns = [frame["high"], frame["low"], frame["close"]]
    found = label_candles(*columns, future_window=2, **barriers())  # type: ignore[arg-type]
    assert found[0] == HOLD


# --- refusals ------------------------------------------------------------------------------------


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
