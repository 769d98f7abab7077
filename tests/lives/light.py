"""Two of freqtrade's functions in quick versions, so that a life takes less time.

`tests/lives/test_light.py` compares both with freqtrade's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import pandas as pd
from freqtrade.data.converter import converter
from freqtrade.exchange import exchange, timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from dualwindow.data.candles.frames import utc_seconds

COLUMNS: Final = ["open", "high", "low", "close", "volume"]
_merged: Final = FreqaiDataKitchen.merge_features


def clean(
    dataframe: pd.DataFrame,
    timeframe: str,
    _pair: str,
    *,
    fill_missing: bool,
    drop_incomplete: bool,
    candle_type: Any = None,
) -> pd.DataFrame:
    """freqtrade's `clean_ohlcv_dataframe`: each date once, in order, without holes."""
    unit = dataframe["date"].dt.unit
    dates = utc_seconds(dataframe["date"])
    values = dataframe[COLUMNS].to_numpy(np.float64)
    order = np.argsort(dates, kind="stable")
    dates, values = dates[order], values[order]
    dates, values = _once(dates, values)
    if drop_incomplete:
        dates, values = dates[:-1], values[:-1]
    if fill_missing and len(dates):
        dates, values = _filled(dates, values, timeframe_to_seconds(timeframe))
    found = pd.DataFrame(values, columns=COLUMNS)
    index = pd.DatetimeIndex(dates.astype("datetime64[s]")).tz_localize("UTC").as_unit(unit)
    found.insert(0, "date", index)
    return found


def _once(dates: Any, values: Any) -> tuple[Any, Any]:
    """Candles of the same date as one: first open, highest high, lowest low, last close."""
    first = np.flatnonzero(np.append(True, np.diff(dates) != 0)) if len(dates) else np.empty(0, int)
    if len(first) == len(dates):
        return dates, values
    rows = []
    for start, stop in zip(first.tolist(), [*first[1:].tolist(), len(dates)], strict=True):
        own = values[start:stop]
        known = [own[~np.isnan(own[:, column]), column] for column in range(5)]
        pick = (lambda of: of[0], np.max, np.min, lambda of: of[-1], np.max)
        rows.append([f(of) if len(of) else np.nan for f, of in zip(pick, known, strict=True)])
    return dates[first], np.array(rows)


def _filled(dates: Any, values: Any, step: int) -> tuple[Any, Any]:
    """With the missing ones at the last price, without a volume."""
    size = int((dates[-1] - dates[0]) // step) + 1
    whole = np.full((size, 5), np.nan)
    whole[(dates - dates[0]) // step] = values
    close = pd.Series(whole[:, 3]).ffill().to_numpy()
    whole[:, :4] = np.where(np.isnan(whole[:, :4]), close[:, None], whole[:, :4])
    whole[:, 4] = np.nan_to_num(whole[:, 4], nan=0.0, posinf=np.inf, neginf=-np.inf)
    return dates[0] + step * np.arange(size), whole


def merge_features(
    kitchen: Any, df_main: Any, df_to_merge: Any, tf: str, timeframe_inf: str, suffix: str
) -> pd.DataFrame:
    """FreqAI's, where both frames hold the same dates and no columns are merged twice."""
    dates, others = df_main["date"].to_numpy(), df_to_merge["date"].to_numpy()
    if tf != timeframe_inf or len(dates) != len(others) or (dates != others).any():
        return _merged(kitchen, df_main, df_to_merge, tf, timeframe_inf, suffix)
    added = df_to_merge[[name for name in df_to_merge if name not in ("date", *COLUMNS)]]
    added = added.set_axis(df_main.index).add_suffix(f"_{suffix}")
    return pd.concat([df_main, added], axis=1)


@contextmanager
def quick() -> Iterator[None]:
    """Both in the place of freqtrade's."""
    with (
        patch.object(converter, "clean_ohlcv_dataframe", clean),
        patch.object(exchange, "clean_ohlcv_dataframe", clean),
        patch.object(FreqaiDataKitchen, "merge_features", merge_features),
    ):
        yield
