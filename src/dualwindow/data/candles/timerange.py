"""Date ranges and timeframes: as users write them, and in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from dualwindow.errors import SettingsError
from dualwindow.settings.timeframes import DATE_FORMS, UNIT_SECONDS, parsed_date

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class DateRange:
    """A range of dates; a candle belongs to it when it opens in it.

    Attributes:
        first: its first second since 1970; None: as far back as there are candles.
        stop: the second after its last one; None: up to the newest candle.
    """

    first: int | None = None
    stop: int | None = None

    @classmethod
    def from_dates(
        cls,
        date_from: str | None,
        date_to: str | None,
        train_days: float | None,
        *,
        newest: int,
        candle_seconds: int = 60,
    ) -> DateRange:
        """The date range that a user asks for.

        Args:
            date_from: its first day or moment; times without an offset are UTC.
            date_to: its last day, which is part of it, or the moment at which it ends.
            train_days: its days; they end where `date_to` says, else with the newest candle.
            newest: date of the newest candle, seconds since 1970; see `sources.newest_candle`.
            candle_seconds: seconds between two candles.

        Raises:
            SettingsError: with every problem.

        Example:
            >>> newest = 1_735_776_000
            >>> str(DateRange.from_dates(None, "2025-01-01", 7, newest=newest))
            '2024-12-26 to 2025-01-02 (UTC)'
        """
        problems: list[str] = []
        first = _moment("--date-from", date_from, problems, whole_day=False)
        stop = _moment("--date-to", date_to, problems, whole_day=True)
        problems += _day_problems(train_days, date_from)
        end = newest + candle_seconds
        if not problems and train_days is not None:
            stop = end if stop is None else stop
            first = stop - round(train_days * DAY_SECONDS)
        if not problems and first is not None:
            problems += _order_problems(first, date_from or f"train_days {train_days:g}", stop, end)
        if problems:
            raise SettingsError(problems, "the period")
        return cls(first, stop)

    def begun_earlier(self, seconds: int) -> DateRange:
        """This date range with some seconds before it."""
        return self if self.first is None else DateRange(self.first - seconds, self.stop)

    def __contains__(self, second: int) -> bool:
        return (self.first is None or second >= self.first) and (
            self.stop is None or second < self.stop
        )

    def __str__(self) -> str:
        """Such as `2025-01-01 to 2025-02-01 (UTC)`, the end not included."""
        first = "the first candle" if self.first is None else utc_text(self.first)
        stop = "the newest candle" if self.stop is None else utc_text(self.stop)
        return f"{first} to {stop} (UTC)"


#: All candles there are.
EVERYTHING: Final = DateRange()


def utc_text(second: int) -> str:
    """A date, with the time of day unless that is midnight: `2025-01-31 12:00`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    if second % DAY_SECONDS == 0:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}" if second % 60 else f"{moment:%Y-%m-%d %H:%M}"


def timeframe_of(seconds: int) -> str:
    """The timeframe with so many seconds between two candles, in freqtrade's spelling: `1h`."""
    unit = max(
        (unit for unit, length in UNIT_SECONDS.items() if seconds % length == 0),
        key=lambda unit: UNIT_SECONDS[unit],
    )
    return f"{seconds // UNIT_SECONDS[unit]}{unit}"


def _moment(name: str, text: str | None, problems: list[str], *, whole_day: bool) -> int | None:
    """Seconds since 1970 of what a user wrote; what cannot be read becomes a problem."""
    if text is None:
        return None
    try:
        moment = parsed_date(text)
    except ValueError:
        problems.append(f"{name} {text!r} is no date; {DATE_FORMS}")
        return None
    if not isinstance(moment, datetime):
        return (moment.toordinal() - date(1970, 1, 1).toordinal() + whole_day) * DAY_SECONDS
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return math.ceil((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _day_problems(train_days: float | None, date_from: str | None) -> list[str]:
    if train_days is None:
        return []
    problems = []
    if not (math.isfinite(train_days) and 0 < train_days <= 36_525):
        problems.append(f"train_days {train_days} must be more than 0 days and at most 36525")
    if date_from is not None:
        problems.append(
            f"train_days {train_days} and --date-from {date_from!r} both say where the period "
            "begins; leave one of them out"
        )
    return problems


def _order_problems(first: int, given: str, stop: int | None, end: int) -> list[str]:
    if stop is not None and first >= stop:
        return [
            f"the period begins at {utc_text(first)} ({given}) and ends at {utc_text(stop)}; "
            "choose an earlier --date-from or a later --date-to"
        ]
    if first >= end:
        return [
            f"the period begins at {utc_text(first)} ({given}), after the newest candle, whose end "
            f"is {utc_text(end)}; choose an earlier --date-from, or download newer candles"
        ]
    return []
