"""Timeframes and dates: as users write them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from dualwindow.errors import SettingsError
from dualwindow.settings.messages import shown

#: Unit of a timeframe to its seconds.
UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIMEFRAME: Final = re.compile(r"([1-9][0-9]{0,3})([smhdw])")


DATE_FORMS: Final = "write it like 2025-01-31, 20250131 or 2025-01-31T12:00 (UTC)"
#: Years whose dates can be calculated with; candles are of far fewer.
_YEARS: Final = range(1970, 2200)


def parsed_date(text: str) -> date:
    """A day, or a moment as a `datetime`, which has its offset from UTC where one is written.

    Raises:
        ValueError: when it is no date, or far from any candle.

    Example:
        >>> parsed_date("2025-01-31"), parsed_date("2025-01-31T12:00")
        (datetime.date(2025, 1, 31), datetime.datetime(2025, 1, 31, 12, 0))
    """
    try:
        parsed: date = date.fromisoformat(text.strip())
    except ValueError:
        parsed = datetime.fromisoformat(text.strip())
    if parsed.year not in _YEARS:
        raise ValueError(f"no candle is of the year {parsed.year}")
    return parsed


def timeframe_seconds(timeframe: object) -> int:
    """Seconds between two candles.

    Raises:
        SettingsError: when it is no timeframe of constant length.
    """
    match = _TIMEFRAME.fullmatch(timeframe) if isinstance(timeframe, str) else None
    if match is None:
        raise SettingsError(
            [
                f"timeframe {shown(timeframe)} is none with candles of equal length; use one such "
                "as '1m'"
            ]
        )
    return int(match[1]) * UNIT_SECONDS[match[2]]
