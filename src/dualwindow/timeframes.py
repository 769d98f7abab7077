"""Timeframes as freqtrade writes them: 1m, 5m, 1h, 1d."""

from __future__ import annotations

import re
from typing import Final

from dualwindow.errors import SettingsError

_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIMEFRAME: Final = re.compile(r"([1-9]\d*)([smhdw])")


def timeframe_seconds(timeframe: str) -> int:
    """Seconds between two candles.

    Raises:
        SettingsError: when it is no timeframe of constant length.
    """
    match = _TIMEFRAME.fullmatch(timeframe)
    if match is None:
        raise SettingsError(
            [f"timeframe {timeframe!r} is none with candles of equal length; use one such as '1m'"]
        )
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def timeframe_of(seconds: int) -> str:
    """The timeframe with so many seconds between two candles, in freqtrade's spelling: `1h`."""
    unit = max(
        (unit for unit, length in _UNIT_SECONDS.items() if seconds % length == 0),
        key=lambda unit: _UNIT_SECONDS[unit],
    )
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"
