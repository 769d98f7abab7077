"""Pairs as freqtrade names them, as they stand in the names of its files, and as users write them.

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

#: What freqtrade's `pair_to_filename` replaces.
_REPLACED: Final = re.compile(r"[/ .@$+:]")

#: A pair may have a date of delivery: BTC_USDT_USDT-250627. The part is what users add who split a
#: pair's candles: BTC_USDT-1m-2024.
_FILE: Final = re.compile(
    r"(?P<stem>[\w-]+?)-(?P<timeframe>\d+[a-zA-Z]{1,2})(-(?P<kind>[a-zA-Z_]+))?"
    r"(?P<part>[-_.]\d[\d_-]*)?"
)


@dataclass(frozen=True)
class CandleFileName:
    """What the name of a candle file says.

    Attributes:
        stem: the pair as it stands in the name.
        timeframe: such as `1m`.
        market: spot or futures.
        part: what a user has added who split the pair's candles; empty for freqtrade's own files.
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
        return settled_stem(self.stem, self.market).pair


@dataclass(frozen=True)
class PairStem:
    """A pair as it stands in the names of files, with its coin of settlement if it has one."""

    stem: str

    @property
    def pair(self) -> str:
        """As freqtrade names it (its `rebuild_pair_from_filename`)."""
        return self.stem.replace("_", "/", 1).replace("_", ":", 1)


def stem_of(pair: str) -> str:
    """A pair as freqtrade writes it into the names of its files: `BTC_USDT_USDT`."""
    return _REPLACED.sub("_", pair)


def settled_stem(written: str, market: str) -> PairStem:
    """The pair that a user or a file's name means in a market.

    Args:
        written: in any of the forms above.
        market: with futures, a pair without a coin of settlement settles in its quote.
    """
    stem = stem_of(written.strip())
    stem = stem if "_" in stem else stem.replace("-", "_")
    if market == FUTURES and stem.count("_") == 1:
        stem = f"{stem}_{stem.partition('_')[2]}"
    return PairStem(stem)
