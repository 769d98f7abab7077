"""Finds features that know the future: they change when later candles are taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import FEATURE_PREFIX
from dualwindow.errors import DataError

#: Differences up to this share of a column's largest value are rounding.
ROUNDING: Final = 1e-6
#: Columns that a message names.
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class ChangedFeature:
    """A feature column whose values before the cut depend on candles after it.

    The date is that of the first candle that differs.
    """

    name: str
    date: pd.Timestamp


def changed_features(whole: pd.DataFrame, cut: pd.DataFrame) -> list[ChangedFeature]:
    """Compare the features of a frame with those made while its last candles were not there.

    Args:
        whole: candles with a date and feature columns.
        cut: the same candles but for the last ones, with features made of these alone.

    Returns:
        The columns that differ at a date that both have, in their order.
    """
    later = cut.set_index("date")
    earlier = whole.set_index("date").reindex(later.index)
    changed = []
    for name in (column for column in whole if str(column).startswith(FEATURE_PREFIX)):
        if name not in later.columns:
            changed.append(ChangedFeature(str(name), later.index[0]))
            continue
        differs = _differs(_numbers(earlier[name]), _numbers(later[name]))
        if differs.any():
            changed.append(ChangedFeature(str(name), later.index[int(differs.argmax())]))
    return changed


def require_no_lookahead(whole: pd.DataFrame, cut: pd.DataFrame, pair: str) -> None:
    """Refuse features that look ahead: those that `changed_features` finds for a pair.

    Raises:
        DataError: naming the columns and the first candle of each column that differs.
    """
    changed = changed_features(whole, cut)
    if not changed:
        return
    named = ", ".join(
        f"{feature.name} (first at {feature.date:%Y-%m-%d %H:%M})"
        for feature in changed[:_MOST_NAMED]
    )
    more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    raise DataError(
        f"{pair}: features look ahead: {named}{more} change when later candles are taken away, so "
        "the model would learn from a future that it does not have when it trades; in the "
        "strategy's feature_engineering_* methods use no shift by a negative number, no centred "
        "window and no mean, deviation or rank over the whole frame, but rolling ones"
    )


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    return numbers


def _differs(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
    finite = np.abs(after[np.isfinite(after)])
    largest = float(finite.max()) if len(finite) else 0.0
    return ~np.isclose(before, after, rtol=ROUNDING, atol=ROUNDING * largest, equal_nan=True)
