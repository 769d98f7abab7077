"""Slow, obviously right versions of every feature."""

from __future__ import annotations

import itertools
import math

import pandas as pd

from tests.makers.impossible import slow_impossible

CHANGES = ("high_change", "low_change", "close_change", "volume_change")
EXTENDED = (
    "rms_change30", "rms_change120", "rms_change1440",
    "volume_ma15_to_ma1440", "volume_ma60_to_ma1440",
    "time_of_day_sin", "time_of_day_cos",
)  # fmt: skip


def slow_ratio(value: float, reference: float) -> float:
    """Relative change; NaN where it is no number."""
    if math.isnan(value) or math.isnan(reference) or reference == 0:
        return math.nan
    return value / reference - 1


def slow_mean(values: list[float], row: int, timerange: int) -> float:
    if row + 1 < timerange:
        return math.nan
    return math.fsum(values[row + 1 - timerange : row + 1]) / timerange


def slow_volume_change(now: float, before: float) -> float:
    if math.isnan(now) or math.isnan(before):
        return math.nan
    if before == 0:
        return 0.0 if now == 0 else 10.0
    return min(max(now / before - 1, -1.0), 10.0)


def slow_volume_to_mean(volume: float, mean: float) -> float:
    if mean == 0:
        return 0.0
    return min(max(slow_ratio(volume, mean), -1.0), 20.0) if not math.isnan(mean) else math.nan


def slow_features(candles: pd.DataFrame, timerange: int, first: int = 0) -> dict[str, list[float]]:
    high, low, close, volume = (
        candles[name].tolist() for name in ("high", "low", "close", "volume")
    )
    result: dict[str, list[float]] = {
        name: []
        for name in (*CHANGES, f"price_to_ma{timerange}", f"volume_to_ma{timerange}", *EXTENDED)
    }
    squares = [slow_ratio(now, before) ** 2 for before, now in itertools.pairwise(close)]
    squares = [math.nan, *squares][: len(close)]
    impossible = slow_impossible(candles)
    for row in range(first, len(candles)):
        before = close[row - 1] if row else math.nan
        result["high_change"].append(slow_ratio(high[row], before))
        result["low_change"].append(slow_ratio(low[row], before))
        result["close_change"].append(slow_ratio(close[row], before))
        volume_before = volume[row - 1] if row else math.nan
        result["volume_change"].append(slow_volume_change(volume[row], volume_before))
        if any(impossible[max(row - 1, 0) : row + 1]):
            for name in CHANGES:
                result[name][-1] = math.nan
        mean = slow_mean(close, row, timerange)
        result[f"price_to_ma{timerange}"].append(slow_ratio(close[row], mean))
        mean = slow_mean(volume, row, timerange)
        result[f"volume_to_ma{timerange}"].append(slow_volume_to_mean(volume[row], mean))
        for span in (30, 120, 1440):
            result[f"rms_change{span}"].append(math.sqrt(slow_mean(squares, row, span)))
        day = slow_mean(volume, row, 1440)
        for span in (15, 60):
            mean = slow_mean(volume, row, span)
            result[f"volume_ma{span}_to_ma1440"].append(slow_volume_to_mean(mean, day))
        date = candles["date"][row]
        turn = 2 * math.pi * (60 * date.hour + date.minute) / 1440
        result["time_of_day_sin"].append(math.sin(turn))
        result["time_of_day_cos"].append(math.cos(turn))
    return result
