"""Windows of rows: which are valid, which have a known future, and how far the price moved in them.

The last row r is the newest closed candle. Its input is rows r-P+1 ... r, its label looks at rows
r+1 ... r+F. `valid_windows` and `known_futures` are the only place that decides; training,
validation, backtest and live all ask here, and the answer for row r depends on nothing outside
those rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import Candles, flat_candles, utc_seconds
from dualwindow.data.candles.impossible import impossible_candles
from dualwindow.labels import BothTouched, label_candles_counted
from dualwindow.settings import TrainingConfig

#: Values copied out of the features at a time: 8 MiB in double precision.
_VALUES_IN_MEMORY: Final = 2**20


def valid_windows(
    features: NDArray[np.floating],
    seconds: NDArray[np.int64],
    flat: NDArray[np.bool_],
    *,
    window_size: int,
    max_flat_candles: int,
    candle_seconds: int = 60,
) -> NDArray[np.bool_]:
    """Rows whose window can be used.

    A window is valid when its P rows exist, follow one another in time without a gap, hold no NaN
    or infinity, and no run of more than `max_flat_candles` flat zero-volume candles.

    Args:
        features: (N, C) unscaled features.
        seconds: (N,) candle dates in seconds since 1970.
        flat: (N,) from `flat_candles`.
        window_size: P, candles.
        max_flat_candles: longest run of flat candles that is allowed.
        candle_seconds: seconds between two candles.

    Returns:
        (N,) bool; row r stands for rows r-P+1 ... r.

    Example:
        >>> seconds, flat = 60 * np.array([0, 1, 2, 4, 5]), np.zeros(5, np.bool_)
        >>> limits = dict(window_size=2, max_flat_candles=1)
        >>> valid_windows(np.ones((5, 1)), seconds, flat, **limits).tolist()
        [False, True, True, False, True]
    """
    rows = len(features)
    valid = np.zeros(rows, dtype=np.bool_)
    if rows < window_size:
        return valid
    broken = ~np.isfinite(features).all(axis=1)
    valid[window_size - 1 :] = True
    valid &= ~_any_in_last(broken, window_size)
    # The step into the window's first row is not part of the window.
    valid &= ~_any_in_last(_jumps(seconds, candle_seconds), window_size - 1)
    valid &= ~_holds_outage(flat, window_size, max_flat_candles)
    return valid


def known_futures(
    seconds: NDArray[np.int64],
    flat: NDArray[np.bool_],
    *,
    future_window: int,
    max_flat_candles: int,
    candle_seconds: int = 60,
    impossible: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Rows whose F following candles exist, follow without a gap, and hold no outage.

    Dates, flat candles and limits are those of `valid_windows`, F is `future_window` candles. Of
    the (N,) `impossible` candles, the row itself and its future hold none.

    Returns:
        (N,) bool; row r stands for the steps and candles r+1 ... r+F.

    Example:
        >>> seconds, flat = 60 * np.array([0, 1, 2, 4, 5]), np.zeros(5, np.bool_)
        >>> known_futures(seconds, flat, future_window=1, max_flat_candles=1).tolist()
        [True, True, False, True, False]
    """
    rows = len(seconds)
    known = np.zeros(rows, dtype=np.bool_)
    if rows <= future_window:
        return known
    bad = _any_in_last(_jumps(seconds, candle_seconds), future_window)
    bad |= _holds_outage(flat, future_window, max_flat_candles)
    known[: rows - future_window] = ~bad[future_window:]
    if impossible is not None:
        known &= ~reaches_any(impossible, future_window)
    return known


def reaches_any(candles: NDArray[np.bool_], future_window: int) -> NDArray[np.bool_]:
    """Rows that are among some candles, (N,) bool, or whose next `future_window` candles hold one.

    Example:
        >>> reaches_any(np.array([False, False, True, False]), 1).tolist()
        [False, True, True, False]
    """
    return _any_in_last(candles[::-1], future_window + 1)[::-1]


def label_frame(
    candles: pd.DataFrame, config: TrainingConfig, candle_seconds: int = 60
) -> tuple[NDArray[np.int8], BothTouched]:
    """Label every candle of a frame in time order, unknown where its future has a hole.

    Neither the candle nor one of its future is impossible where the label is known.

    Returns:
        (N,) int8 as `label_candles`, and how often one candle touched both barriers of a side.
    """
    seconds = utc_seconds(candles["date"])
    return label_rows(candles, seconds, flat_candles(candles), config, candle_seconds)


def label_rows(
    candles: Candles,
    seconds: NDArray[np.int64],
    flat: NDArray[np.bool_],
    config: TrainingConfig,
    candle_seconds: int,
) -> tuple[NDArray[np.int8], BothTouched]:
    """Like `label_frame`, from the columns, the (N,) dates in seconds since 1970, and flat."""
    known = known_futures(
        seconds,
        flat,
        future_window=config.future_window,
        max_flat_candles=config.max_flat_candles,
        candle_seconds=candle_seconds,
        impossible=impossible_candles(candles),
    )
    return label_candles_counted(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=config.future_window,
        long_tp_pct=config.long_tp_pct,
        long_sl_pct=config.long_sl_pct,
        short_tp_pct=config.short_tp_pct,
        short_sl_pct=config.short_sl_pct,
        rule=config.label_rule,
        price_step=config.label_price_step,
        known=known,
    )


def trailing_volatility(
    changes: NDArray[np.floating], rows: NDArray[np.int64], window_size: int
) -> NDArray[np.float64]:
    """Standard deviation of the changes in the window that ends at each row: a fraction, (M,).

    Row r looks at rows r-P+1 ... r alone, all of which are known at its candle's close.

    Args:
        changes: (N,) change of the close over the candle before, a column of the flat features;
            may be a mapped file.
        rows: (M,) last row of each window, in any order, with a valid window each.
        window_size: P, candles.

    Raises:
        ValueError: when a window begins before the first row.
    """
    if not len(rows):
        return np.empty(0)
    if rows.min() < window_size - 1:
        raise ValueError(f"row {rows.min()} has no window of {window_size} candles")
    windows = np.lib.stride_tricks.sliding_window_view(changes, window_size)
    deviations = np.empty(len(rows))
    step = max(_VALUES_IN_MEMORY // window_size, 1)
    for first in range(0, len(rows), step):
        part = windows[rows[first : first + step] - (window_size - 1)]
        deviations[first : first + step] = part.std(axis=1, dtype=np.float64)
    return deviations


def _any_in_last(mask: NDArray[np.bool_], span: int) -> NDArray[np.bool_]:
    """(N,) true where at least one of the last `span` values, this one included, is true."""
    counts = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
    ends = np.arange(1, len(mask) + 1)
    return np.asarray(counts[ends] > counts[np.maximum(ends - max(span, 0), 0)])


def _holds_outage(flat: NDArray[np.bool_], span: int, max_flat_candles: int) -> NDArray[np.bool_]:
    """(N,) true where the last `span` rows hold a run of more than `max_flat_candles` flat rows.

    Only the part of a run inside the span counts, so that rows outside it cannot matter.
    """
    positions = np.arange(1, len(flat) + 1)
    run_lengths = positions - np.maximum.accumulate(np.where(flat, 0, positions))
    return _any_in_last(run_lengths > max_flat_candles, span - max_flat_candles)


def _jumps(seconds: NDArray[np.int64], candle_seconds: int) -> NDArray[np.bool_]:
    """(N,) true where a row does not follow the one before it in time; the first never does."""
    return np.concatenate([[True], np.diff(seconds) != candle_seconds])
