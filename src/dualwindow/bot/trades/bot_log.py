"""Entries that freqtrade refused, from a bot's log."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from dualwindow.errors import DataError

_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) - [\w.]+ - \w+ - (.*)")
_REFUSED: Final = re.compile(
    r"Unable to create trade for (?P<pair>\S+): (?P<why>.*)"
    r"|(?P<denied>User denied entry for (?P<of>\S+?)\.?)$"
    r"|(?P<stake>(?:Adjusted s|S)take amount for pair (?P<small>\S+) is .*ignoring trade\.)"
)
_REMOVED: Final = re.compile(
    r"order fully cancelled\. Removing Trade\(id=\d+, pair=(?P<pair>[^,]+),"
)
_OF_STAKE: Final = ("stake", "balance", "funds")


@dataclass(frozen=True)
class Refusal:
    """An entry that came to nothing: when, seconds since 1970, and in freqtrade's words.

    `kind` is `stake`, `refused` or `unfilled`.
    """

    when: float
    kind: str
    words: str


class BotLog:
    """The refusals in a log, by pair."""

    def __init__(self, path: Path) -> None:
        self._found: dict[str, list[Refusal]] = {}
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for pair, refusal in _refusals(lines):
                    self._found.setdefault(pair, []).append(refusal)
        except OSError as error:
            raise DataError(f"the log {path} cannot be read ({error}); name another") from None
        for refusals in self._found.values():
            refusals.sort(key=lambda refusal: refusal.when)

    def first(self, pair: str, begin: float, end: float, kind: str | None = None) -> Refusal | None:
        """The first refusal of a pair, of any kind, in a stretch of time, seconds since 1970."""
        refusals = [
            refusal for refusal in self._found.get(pair, []) if kind in (None, refusal.kind)
        ]
        at = bisect_left(refusals, begin, key=lambda refusal: refusal.when)
        return refusals[at] if at < len(refusals) and refusals[at].when < end else None


def _refusals(lines: Iterator[str]) -> Iterator[tuple[str, Refusal]]:
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        text = match[3].strip()
        removed, refused = _REMOVED.search(text), _REFUSED.search(text)
        if removed is not None:
            yield removed["pair"], Refusal(_moment(match), "unfilled", text)
        elif refused is not None:
            words = refused["why"] or refused["denied"] or refused["stake"]
            pair = refused["pair"] or refused["of"] or refused["small"]
            is_stake = refused["denied"] is None and any(
                word in words.lower() for word in _OF_STAKE
            )
            yield pair, Refusal(_moment(match), "stake" if is_stake else "refused", words)


def _moment(line: re.Match[str]) -> float:
    # Python's logging writes the time of the machine's own zone.
    return datetime.fromisoformat(line[1]).timestamp() + int(line[2]) / 1000
