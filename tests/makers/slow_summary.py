"""Slow, obviously right versions of the features of set `summary`."""

from __future__ import annotations

import itertools
import math

import pandas as pd

#: Rates of change and shares of volume below these count as these.
STILLNESS, LOWEST_VOLUME = 1e-5, 0.01


def slow_summary(candles: pd.DataFrame, row: int) -> dict[str, float]:
    """Features of one candle by name, NaN where earlier candles are missing."""
    x, high, low = (
        [math.log(price) for price in candles[name].tolist()[: row + 1]]
        for name in ("close", "high", "low")
    )
    volume = candles["volume"].tolist()[: row + 1]
    changes = [math.nan, *(now - before for before, now in itertools.pairwise(x))]
    longer = [math.nan] * 5 + [x[i] - x[i - 5] for i in range(5, len(x))]
    day = rms(changes, row, 1440)
    found = {}
    for p in (5, 15, 30, 60, 120, 240, 480, 1440):
        found[f"log_rms_change{p}"] = log(rms(changes, row, p))
    for p in (60, 240, 1440):
        found[f"log_rms_change_of5_over{p}"] = log(rms(longer, row, p))
    heights = [top - bottom for top, bottom in zip(high, low, strict=True)]
    for p in (15, 60, 240, 1440):
        found[f"log_parkinson{p}"] = log(rms(heights, row, p) / math.sqrt(4 * math.log(2)))
    for p in (60, 240, 1440):
        found[f"log_range{p}"] = most(high, row, p) + most([-value for value in low], row, p)
    for p in (5, 15, 60, 240):
        ratio = share(mean(volume, row, p), mean(volume, row, 1440))
        found[f"log_volume_ma{p}_to_ma1440"] = math.log(larger(ratio, LOWEST_VOLUME))
    date = candles["date"].iloc[row]
    turn = 2 * math.pi * (60 * date.hour + date.minute) / 1440
    for name, angle in (("time_of_day", turn), ("half_day", 2 * turn)):
        found[f"{name}_sin"], found[f"{name}_cos"] = math.sin(angle), math.cos(angle)
    for p in (5, 15, 30, 60, 120, 240, 480, 1440):
        before = x[row - p] if row >= p else math.nan
        found[f"scaled_return{p}"] = (x[row] - before) / (larger(day, STILLNESS) * math.sqrt(p))
    for p in (60, 240, 1440):
        top, bottom = most(high, row, p), -most([-value for value in low], row, p)
        place = 0.0 if top == bottom else 2 * (x[row] - bottom) / (top - bottom) - 1
        found[f"range_position{p}"] = place if math.isnan(place) else min(max(place, -1.0), 1.0)
    for p in (60, 240, 1440):
        distance = x[row] - mean(x, row, p)
        found[f"scaled_log_price_to_ma{p}"] = distance / (larger(day, STILLNESS) * math.sqrt(p))
    for days in (1, 3, 7, 14):
        after = [rms(changes, row - 1440 * k + 120, 120) ** 2 for k in range(1, days + 1)]
        found[f"log_rms_same_time{days}d"] = log(math.sqrt(sum(after) / days))
    return found


def window(values: list[float], row: int, p: int) -> list[float]:
    return values[row + 1 - p : row + 1] if row + 1 >= p else [math.nan]


def mean(values: list[float], row: int, p: int) -> float:
    return math.fsum(window(values, row, p)) / p


def rms(values: list[float], row: int, p: int) -> float:
    return math.sqrt(mean([value**2 for value in window(values, row, p)], p - 1, p))


def most(values: list[float], row: int, p: int) -> float:
    part = window(values, row, p)
    return math.nan if any(map(math.isnan, part)) else max(part)


def share(value: float, whole: float) -> float:
    return 1.0 if whole == 0 else value / whole


def larger(value: float, least: float) -> float:
    return value if math.isnan(value) else max(value, least)


def log(volatility: float) -> float:
    return math.log(larger(volatility, STILLNESS))
