"""Questions to `why` and `audit`: a folder, a pair, a candle or a stretch of time."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.options.configuration import layered_config, userdir_of
from dualwindow.data.candles.pairs import settled_stem, stem_of
from dualwindow.errors import SettingsError
from dualwindow.models.fingerprint import BINDING_NAME
from dualwindow.settings.checks.freqai_options import DEFAULT_IDENTIFIER
from dualwindow.settings.checks.shapes import group_at
from dualwindow.settings.pairs import base_coin
from dualwindow.settings.timeframes import DATE_FORMS, UNIT_SECONDS, parsed_date

_LAST: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_COMMAND: Final = "the command"
_USAGE: Final = (
    "ask like `dualwindow why BTC/USDT:USDT 2025-01-31T12:00`, or `dualwindow why --last 24h`; "
    "the folder of the identifier may stand before the pair"
)


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        folder: `user_data/models/<identifier>`.
        pair: as the user wrote it; None: all pairs.
        second: a moment within the candle, seconds since 1970; None with `last`.
        last: seconds of the newest candles that are counted.
        config: freqtrade's configuration; empty without one.
    """

    folder: Path
    pair: str | None
    second: int | None
    last: int | None
    config: Mapping[str, Any]

    @property
    def userdir(self) -> Path:
        """The user folder of freqtrade, in which the models lie."""
        return self.folder.resolve().parents[1]


def asked_of(options: argparse.Namespace, *, counts: bool = False) -> Asked:
    """Read the words of a question; with `counts` it is of all candles, not of one.

    Raises:
        SettingsError: when they cannot be read, or no folder of an identifier is there.
    """
    words: list[str] = list(options.words)
    config = layered_config(options, ()).content
    folder = None
    if words and (Path(words[0]).is_dir() or len(words) == 3):
        folder = Path(words.pop(0))
    if counts or options.last is not None:
        if len(words) > 1:
            raise SettingsError([f"{' '.join(words)!r} without a time: {_USAGE}"], _COMMAND)
        last = None if options.last is None else _duration(options.last)
        pair, second = words[0] if words else None, None
    else:
        if len(words) != 2:
            raise SettingsError([f"{' '.join(words)!r}: {_USAGE}"], _COMMAND)
        pair, second, last = words[0], _moment(words[1]), None
    return Asked(folder_of(folder, config), pair, second, last, config)


def folder_of(named: Path | None, config: Mapping[str, Any]) -> Path:
    """The folder of an identifier: that which was named, or that of the configuration.

    Raises:
        SettingsError: when it holds no models.
    """
    if named is None:
        userdir = userdir_of(argparse.Namespace(userdir=None), config)
        identifier = str(group_at(config, "freqai").get("identifier") or DEFAULT_IDENTIFIER)
        named = userdir / "models" / identifier
    if not (named / BINDING_NAME).is_file():
        raise SettingsError(
            [
                f"{named} is no folder of a freqai.identifier that a backtest or a bot of "
                "DualWindowLSTM has filled; name such a folder, or a configuration with -c"
            ],
            _COMMAND,
        )
    return named


def pair_among(written: str, pairs: Collection[str], trading_mode: str) -> str:
    """The pair that a user means among those of a folder.

    Raises:
        SettingsError: when it is none of them.

    Example:
        >>> pair_among("BTC/USDT", ["BTC/USDT:USDT", "ETH/USDT:USDT"], "futures")
        'BTC/USDT:USDT'
    """
    stem = settled_stem(written, trading_mode).casefold()
    for fits in (
        lambda pair: pair == written,
        lambda pair: stem_of(pair).casefold() == stem,
        lambda pair: base_coin(pair).casefold() == written.casefold(),
    ):
        found = [pair for pair in pairs if fits(pair)]
        if len(found) == 1:
            return found[0]
    raise SettingsError(
        [f"{written!r} is no pair of the folder; those are {_named(pairs)}"], _COMMAND
    )


def _named(pairs: Iterable[str]) -> str:
    return ", ".join(sorted(pairs)) or "none"


def _moment(text: str) -> int:
    try:
        moment = parsed_date(text)
    except ValueError:
        raise SettingsError([f"{text!r} is no time; {DATE_FORMS}"], _COMMAND) from None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def _duration(text: str) -> int:
    match = _LAST.fullmatch(text.strip())
    if match is None:
        raise SettingsError([f"--last {text!r} is no time; write it like 24h, 90m or 7d"], _COMMAND)
    return int(match[1]) * UNIT_SECONDS[match[2]]
