"""Counts in messages, in the singular where there is one."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with the words for it; `many` where the plural takes more than an `s`.

    Example:
        >>> counted(1, "candle"), counted(1200, "candle"), counted(1, "trade is", "trades are")
        ('1 candle', '1,200 candles', '1 trade is')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
