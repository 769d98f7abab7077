"""Entries of a whitelist: names of pairs, and patterns of names.

freqtrade reads every entry as a regular expression that has to match a whole name, in capitals or
not. A name without signs of expressions matches itself. Coins may hold hyphens, dots, underscores
and letters of any alphabet, and a contract may end on a date: `XYZ-TSLA/USDC:USDC`, `ETH2.S/USD`,
`BTC/USDT:USDT-261225`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

#: Inside a coin's name a dot stands for itself; at its end, as in `USD.`, for any character.
_COIN: Final = r"(?!\.)[^\s/:*+?|()\[\]{}^$\\]+(?<!\.)"
_NAME: Final = re.compile(rf"{_COIN}/{_COIN}(:{_COIN})?")


def is_pair(entry: str) -> bool:
    """Whether an entry of a whitelist is the name of one pair, and not a pattern of names.

    Example:
        >>> [is_pair(entry) for entry in ("XYZ-TSLA/USDC:USDC", "BTC/USDT:USDT-261225", ".*/USDT")]
        [True, True, False]
    """
    return _NAME.fullmatch(entry) is not None and ".." not in entry


def pairs_in(entries: Iterable[str]) -> list[str]:
    """The entries of a whitelist that are pairs, in their order."""
    return [entry for entry in entries if is_pair(entry)]


def matches(entry: str, pair: str) -> bool:
    """Whether freqtrade takes a pair for an entry of a whitelist; never for an invalid pattern."""
    try:
        return re.fullmatch(entry, pair, re.IGNORECASE) is not None
    except re.error:
        return False


def base_coin(pair: str) -> str:
    """The coin before the slash, by which FreqAI names the models of a pair."""
    return pair.split("/", maxsplit=1)[0]


def shared_bases(pairs: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that FreqAI would keep in the same models: the first of a base coin, and another."""
    first: dict[str, str] = {}
    for pair in pairs:
        first.setdefault(base_coin(pair), pair)
    found = ((first[base_coin(pair)], pair) for pair in dict.fromkeys(pairs))
    return [(one, other) for one, other in found if one != other]


def shared_models(pair: str) -> str:
    """Why another pair of the same base coin is refused, with the way out."""
    return (
        f"FreqAI names models by the base coin {base_coin(pair)} alone, so one would overwrite the "
        "other; keep one of them"
    )
