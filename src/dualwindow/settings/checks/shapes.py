"""Types of what is read of a freqtrade configuration outside of its settings and FreqAI's options.

freqtrade refuses null where it wants a value; the command line, which needs less, counts null as
absent (`without_nulls`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final, TypeVar

from dualwindow.settings.checks.costs import FUTURES, SPOT
from dualwindow.settings.messages import not_a_group, shown
from dualwindow.settings.pairs import is_pair
from dualwindow.settings.root_settings import ROOT_KEY

_Value = TypeVar("_Value", bound=Hashable)

_TEXTS: Final = ("timeframe", "exchange.name")
_FOLDERS: Final = ("user_data_dir", "datadir")
_PAIRS: Final = ("exchange.pair_whitelist", "exchange.pair_blacklist")
#: Most characters of a path and of a part of it; systems allow at least as many.
_LONGEST_PATH: Final = 4095
_LONGEST_NAME: Final = 255
#: freqtrade takes another list of pairs than the whitelist's where one is configured.
_WHITELISTED: Final = "StaticPairList"
#: Names that it takes: `expand_pairlist` in freqtrade's `plugins/pairlist/pairlist_helpers.py`.
_LISTED: Final = re.compile(r"(?:[^\W_]|[:/-])+")


def shape_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every value of the wrong JSON type, and every path that is none.

    Null counts as absent.
    """
    problems = []
    exchange = content.get("exchange")
    if exchange is not None and not isinstance(exchange, Mapping):
        problems.append(not_a_group("exchange", exchange))
    for path in _TEXTS:
        if (text := value_at(content, path)) is not None and not isinstance(text, str):
            problems.append(f"{path} {shown(text)} is not a text")
    for path in _FOLDERS:
        # freqtrade, too, counts an empty one as not set.
        if folder := value_at(content, path):
            problems += path_problems(path, folder)
    for path in _PAIRS:
        pairs = value_at(content, path)
        if pairs is not None and not _are_texts(pairs):
            problems.append(f"{path} {shown(pairs)} is not a list of texts ([...])")
    mode = content.get("trading_mode")
    if mode not in (None, SPOT, FUTURES):
        problems.append(f"trading_mode {shown(mode)} must be {SPOT} or {FUTURES}")
    return problems


def null_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every null that freqtrade refuses."""
    freqai = group_at(content, "freqai")
    paths = [
        *("exchange", "timeframe", "trading_mode", "fee", "exchange.name", *_PAIRS, "freqai"),
        *(f"freqai.{name}" for name in freqai if name.endswith("_parameters")),
    ]
    return [
        f"{path} is null, which freqtrade refuses; set it, or remove it"
        for path in paths
        if is_given(content, path) and value_at(content, path) is None
    ]


def path_problems(name: str, value: object) -> list[str]:
    """The problem of a text that can be no path of a file or folder, if there is one."""
    if not isinstance(value, str | os.PathLike):
        return [f"{name} {shown(value)} is not a text"]
    text = os.fspath(value)
    parts = (part.encode("utf-8", "replace") for part in text.split("/"))
    if (
        not text.strip()
        or not text.isprintable()
        or len(text) > _LONGEST_PATH
        or any(len(part) > _LONGEST_NAME for part in parts)
    ):
        return [
            f"{name} {shown(text)} can be no path: it is empty, too long, or has characters that "
            "cannot be printed; correct it"
        ]
    return []


def pair_problems(content: Mapping[str, Any]) -> list[str]:
    """What freqtrade refuses of an exchange's pairs when a bot starts."""
    problems = []
    if not value_at(content, "exchange.name"):
        problems.append("exchange.name is missing; set it, such as to 'binance'")
    for path in _PAIRS:
        pairs = value_at(content, path)
        if _are_texts(pairs):
            problems += [
                f"{path}: {shown(pair)} is listed twice; remove one" for pair in listed_twice(pairs)
            ]
    if _reads_whitelist(content) and value_at(content, "exchange.pair_whitelist") in (None, []):
        problems.append("exchange.pair_whitelist is empty; name the pairs to trade")
    return problems


def left_out_pairs(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every pair of the whitelist that freqtrade leaves out without a word."""
    pairs = value_at(content, "exchange.pair_whitelist")
    if not _are_texts(pairs) or not _reads_whitelist(content):
        return []
    return [
        f"exchange.pair_whitelist names {pair}, which freqtrade's {_WHITELISTED} leaves out "
        "without a word, as every pair with a dot or an underscore in its name: no backtest can "
        "trade it, a bot only from another pairlist, such as VolumePairList"
        for pair in pairs
        if is_pair(pair) and not _LISTED.fullmatch(pair)
    ]


def _reads_whitelist(content: Mapping[str, Any]) -> bool:
    lists = content.get("pairlists")
    first = lists[0] if isinstance(lists, list) and lists else {"method": _WHITELISTED}
    return isinstance(first, Mapping) and first.get("method") == _WHITELISTED


def without_nulls(content: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without its nulls, but for settings, for which null may be a value."""
    kept = {}
    for name, value in content.items():
        if name in (ROOT_KEY, "model_training_parameters") and value is not None:
            kept[name] = value
        elif isinstance(value, Mapping):
            kept[name] = without_nulls(value)
        elif value is not None:
            kept[name] = value
    return kept


def value_at(content: Mapping[str, Any], path: str) -> Any:
    """The value at a path of keys with dots between them; None if absent."""
    value: Any = content
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def is_given(content: Mapping[str, Any], path: str) -> bool:
    """Whether a configuration has the path, be it with null."""
    above, _, name = path.rpartition(".")
    group = value_at(content, above) if above else content
    return isinstance(group, Mapping) and name in group


def group_at(content: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The group at a path; empty where there is none, or something else."""
    value = value_at(content, path)
    return value if isinstance(value, Mapping) else {}


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) and value for value in values)


def listed_twice(values: Iterable[_Value]) -> list[_Value]:
    """Values that are there more than once, in order."""
    seen: dict[_Value, int] = {}
    for value in values:
        seen[value] = seen.get(value, 0) + 1
    return [value for value, count in seen.items() if count > 1]
