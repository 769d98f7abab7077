"""Check of a whole freqtrade configuration, without freqtrade and torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from dualwindow.data.candles.pairs import FUTURES, SPOT
from dualwindow.data.candles.timerange import timeframe_seconds
from dualwindow.errors import SettingsError
from dualwindow.settings.freqai import FreqaiSettings, read_freqai_config
from dualwindow.settings.root_settings import RootSettings

#: Groups that must be mappings.
_GROUPS: Final = (
    "exchange",
    "freqai",
    "freqai.feature_parameters",
    "freqai.data_split_parameters",
    "freqai.model_training_parameters",
)
_TEXTS: Final = ("exchange.name", "timeframe", "user_data_dir", "datadir")
_LISTS_OF_TEXTS: Final = (
    "exchange.pair_whitelist",
    "exchange.pair_blacklist",
    "freqai.feature_parameters.include_timeframes",
    "freqai.feature_parameters.include_corr_pairlist",
)


@dataclass(frozen=True)
class CheckedConfig:
    """Settings of a configuration, or all its problems, as sentences.

    `warnings` are sentences about values that work but may not be meant.
    """

    settings: FreqaiSettings | None = None
    root: RootSettings | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_config(content: Mapping[str, Any], *, cores: int) -> CheckedConfig:
    """Check a merged configuration as the bot does when it starts with this many `cores`."""
    if problems := shape_problems(content):
        return CheckedConfig(problems=tuple(problems))
    settings = root = None
    seconds: dict[str, int] = {}
    included = _value(content, "freqai.feature_parameters.include_timeframes") or []
    for timeframe in dict.fromkeys([content.get("timeframe") or "1m", *included]):
        with _collected(problems):
            seconds[timeframe] = timeframe_seconds(str(timeframe))
    with _collected(problems):
        root = RootSettings.from_config(content)
    with _collected(problems):
        settings = read_freqai_config(content, cores=cores, timeframe_seconds=seconds)
    if problems or settings is None:
        return CheckedConfig(problems=tuple(problems))
    return CheckedConfig(settings, root, warnings=settings.warnings)


def shape_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every value of the wrong JSON type; null counts as absent."""
    problems = []
    for path in _GROUPS:
        if (group := _value(content, path)) is not None and not isinstance(group, Mapping):
            problems.append(f"{path} {group!r} is not a group of settings ({{...}})")
    for path in _TEXTS:
        if (text := _value(content, path)) is not None and not isinstance(text, str):
            problems.append(f"{path} {text!r} is not a text")
    for path in _LISTS_OF_TEXTS:
        values = _value(content, path)
        if values is not None and not (
            isinstance(values, list) and all(isinstance(value, str) for value in values)
        ):
            problems.append(f"{path} {values!r} is not a list of texts ([...])")
    mode = content.get("trading_mode")
    if mode not in (None, SPOT, FUTURES):
        problems.append(f"trading_mode {mode!r} must be {SPOT} or {FUTURES}")
    return problems


@contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    """Add the problems of a SettingsError in the block to the list and go on."""
    try:
        yield
    except SettingsError as error:
        problems.extend(error.problems)


def _value(content: Mapping[str, Any], path: str) -> Any:
    """The value at a path of keys with dots between them; None if absent."""
    value: Any = content
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
