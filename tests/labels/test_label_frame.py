"""Labels of a frame are known where the future is whole, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.features.base import change_features
from dualwindow.data.features.windows import label_frame
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from tests.makers.impossible import slow_impossible
from tests.makers.markets import candle_frames, random_candles
from tests.makers.row_windows import futures_of, slow_future, slow_window, windows_of

CONFIG = TrainingConfig(future_window=6, max_flat_candles=2)


def slow_label_frame(candles: pd.DataFrame, config: TrainingConfig) -> list[int]:
    rows = {"seconds": utc_seconds(candles["date"]), "flat": flat_candles(candles)}
    labels = label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=config.future_window,
        long_tp_pct=config.long_tp_pct,
        long_sl_pct=config.long_sl_pct,
        short_tp_pct=config.short_tp_pct,
        short_sl_pct=config.short_sl_pct,
        rule=config.label_rule,
    )
    size, most_flat = config.future_window, config.max_flat_candles
    impossible = slow_impossible(candles)
    return [
        int(labels[row])
        if slow_future(rows, row, size, most_flat, 60) and not any(impossible[row : row + size + 1])
        else UNKNOWN
        for row in range(len(candles))
    ]


@given(
    candles=candle_frames(gaps=True),
    changes=st.fixed_dictionaries(
        {
            "future_window": st.integers(1, 10),
            "max_flat_candles": st.integers(0, 4),
            "label_rule": st.sampled_from(["hybrid", "first_touch"]),
            "long_tp_pct": st.sampled_from([0.01, 0.02]),
            "long_sl_pct": st.sampled_from([0.005, 0.03]),
            "short_tp_pct": st.sampled_from([0.01, 0.02]),
            "short_sl_pct": st.sampled_from([0.005, 0.03]),
        }
    ),
)
@settings(max_examples=200)
def test_the_labels_of_a_frame_are_known_where_the_future_is(
    candles: pd.DataFrame, changes: dict[str, Any]
) -> None:
    config = TrainingConfig.from_parameters(changes)
    labels, _ = label_frame(candles, config)
    assert labels.dtype == np.int8
    assert labels.tolist() == slow_label_frame(candles, config)


def test_a_missing_minute_makes_the_labels_before_it_unknown() -> None:
    whole, _ = label_frame(random_candles(60), CONFIG)
    candles = random_candles(60, missing=[(30, 1)])
    labels, _ = label_frame(candles, CONFIG)
    unknown = np.flatnonzero(labels == UNKNOWN).tolist()
    # Row 30 of the shorter frame is minute 31: the futures of rows 24 to 29 hold the jump.
    assert unknown == [*range(24, 30), *range(53, 59)]
    assert (labels[30:53] == whole[31:54]).all()


def test_candles_of_five_minutes_follow_each_other_by_five_minutes() -> None:
    candles = random_candles(60)
    wide = candles.assign(date=pd.date_range("2025-01-01", periods=60, freq="5min", tz="UTC"))
    expected, _ = label_frame(candles, CONFIG)
    np.testing.assert_array_equal(label_frame(wide, CONFIG, 300)[0], expected)
    assert (label_frame(wide, CONFIG, 60)[0] == UNKNOWN).all()


def test_touching_both_barriers_is_counted_in_a_frame() -> None:
    config = TrainingConfig.from_parameters({**CONFIG.to_dict(), "label_rule": "first_touch"})
    candles = random_candles(30, volatility=1e-6)
    candles.loc[10, ["high", "low"]] = [102.0, 98.0]
    _, counts = label_frame(candles, config)
    assert (counts.long, counts.short) == (6, 6)
    assert label_frame(candles, CONFIG)[1].long == 0


def test_touches_in_a_future_that_is_not_known_are_not_counted() -> None:
    config = TrainingConfig.from_parameters({**CONFIG.to_dict(), "label_rule": "first_touch"})
    candles = random_candles(31, volatility=1e-6, missing=[(8, 1)])
    candles.loc[9, ["high", "low"]] = [102.0, 98.0]
    labels, counts = label_frame(candles, config)
    # Row 9 is minute 10. Of the six rows before it, those before the jump have no known future.
    assert (labels[3:9] == UNKNOWN).tolist() == [True] * 5 + [False]
    assert (counts.long, counts.short) == (1, 1)


# --- a real outage --------------------------------------------------------------------------------


def test_a_real_outage_invalidates_what_lies_near_it_and_nothing_else(
    btc_gap_filled: pd.DataFrame,
) -> None:
    config = TrainingConfig()
    first = int(np.flatnonzero(flat_candles(btc_gap_filled))[0])
    near = btc_gap_filled.iloc[first - 500 : first + 700].reset_index(drop=True)
    features = np.column_stack(list(change_features(near).values())).astype(np.float32)
    rows = {"features": features, "seconds": utc_seconds(near["date"]), "flat": flat_candles(near)}
    valid = windows_of(rows, config.window_size, config.max_flat_candles)
    wanted = [slow_window(rows, row, 180, 30, 60) for row in range(len(near))]
    assert valid.tolist() == wanted
    # In place 500 + 30 the 31st flat candle closes; the last windows that hold 31 end 149 later.
    bad = np.flatnonzero(~valid)
    assert bad.tolist() == [*range(180), *range(530, 500 + 152 - 31 + 180)]

    labels, _ = label_frame(near, config)
    assert labels.tolist() == slow_label_frame(near, config)
    unknown = np.flatnonzero(labels == UNKNOWN)
    assert unknown.tolist() == [*range(410, 621), *range(1080, 1200)]


def test_an_outage_that_was_not_filled_is_found_by_its_dates(btc_gap: pd.DataFrame) -> None:
    seconds = utc_seconds(btc_gap["date"])
    (jump,) = np.flatnonzero(np.diff(seconds) != 60) + 1
    near = btc_gap.iloc[jump - 400 : jump + 400].reset_index(drop=True)
    features = np.zeros((len(near), 1), np.float32)
    # Flat candles are allowed here, so that the dates alone decide.
    rows = {"features": features, "seconds": utc_seconds(near["date"]), "flat": flat_candles(near)}
    valid = windows_of(rows, 180, 10_000)
    assert np.flatnonzero(~valid).tolist() == [*range(179), *range(400, 579)]
    known = futures_of(rows, 120, 10_000)
    assert np.flatnonzero(~known).tolist() == [*range(280, 400), *range(680, 800)]
