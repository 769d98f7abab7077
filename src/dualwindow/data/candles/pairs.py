"""Pairs: freqtrade's names, the stems of its file names, and what users write.

| pair | file | also written |
| --- | --- | --- |
| BTC/USDT | BTC_USDT-1m.feather | BTC_USDT, BTC-USDT |
| BTC/USDT:USDT | BTC_USDT_USDT-1m-futures.feather | BTC_USDT_USDT, and with futures BTC/USDT ... |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SPOT: Final = "spot"
FUTURES: Final = "futures"
#: Characters that freqtrade's `pair_to_filename` replaces.
_REPLACED: Final = re.compile(r"[/ .@$+:]")
#: A pair may have a date of delivery: BTC_USDT_USDT-250627. The part is what users add who split a
#: pair's candles: BTC_USDT-1m-2024.
_FILE: Final = re.compile(
    r"(?P<stem>[\w-]+?)-(?P<timeframe>\d+[a-zA-Z]{1,2})(-(?P<kind>[a-zA-Z_]+))?"
    r"(?P<part>[-_.]\d[\d_-]*)?"
)


@dataclass(frozen=True)
class CandleFileName:
    """A candle file's name: the pair's stem, a timeframe such as `1m`, the market, the part.

    The market is spot or futures. The part is empty in freqtrade's own files; users who split a
    pair's candles have added it.
    """

    stem: str
    timeframe: str
    market: str
    part: str

    @classmethod
    def parse(cls, name: str) -> CandleFileName | None:
        """Read a name without its suffix; None when it is not that of trades' candles."""
        match = _FILE.fullmatch(name)
        if match is None or match["kind"] not in (None, FUTURES):
            return None
        return cls(match["stem"], match["timeframe"], match["kind"] or SPOT, match["part"] or "")

    @property
    def pair(self) -> str:
        """The pair as freqtrade names it."""
        return pair_of(settled_stem(self.stem, self.market))


def pair_of(stem: str) -> str:
    """The pair of a stem, as freqtrade names it (its `rebuild_pair_from_filename`)."""
    return stem.replace("_", "/", 1).replace("_", ":", 1)


def stem_of(pair: str) -> str:
    """A pair as freqtrade writes it into the names of its files: `BTC_USDT_USDT`."""
    return _REPLACED.sub("_", pair)


def settled_stem(written: str, market: str) -> str:
    """The stem of a pair that is written in any of the forms above.

    In futures, a pair without a coin of settlement settles in its quote.
    """
    stem = stem_of(written.strip())
    stem = stem if "_" in stem else stem.replace("-", "_")
    if market == FUTURES and stem.count("_") == 1:
        return f"{stem}_{stem.partition('_')[2]}"
    return stem
