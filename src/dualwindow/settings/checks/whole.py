"""The check of a whole configuration: one function for the bot and for `config validate`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dualwindow.errors import SettingsError
from dualwindow.settings.checks.costs import (
    FUTURES,
    SPOT,
    cost_problems,
    cost_warnings,
    fee_of,
    leverage_problems,
    threshold_warnings,
)
from dualwindow.settings.checks.freqai_options import (
    DEFAULT_IDENTIFIER,
    FEATURES,
    FeatureOptions,
    FreqaiOptions,
    group_problems,
    missing_options,
)
from dualwindow.settings.checks.shapes import (
    group_at,
    left_out_pairs,
    listed_twice,
    null_problems,
    pair_problems,
    path_problems,
    shape_problems,
    value_at,
)
from dualwindow.settings.checks.sizes import least_features, period_problems, size_problems
from dualwindow.settings.freqai import FreqaiSettings, read_freqai_config
from dualwindow.settings.layers.places import in_place
from dualwindow.settings.layers.unread import hyperopts_epochs, unread_settings
from dualwindow.settings.messages import collected, plain_name, shown
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings
from dualwindow.settings.timeframes import timeframe_seconds

_TIMEFRAMES: Final = f"freqai.{FEATURES}.include_timeframes"
#: Where none is set, freqtrade compares FreqAI's timeframes with this one.
_UNSET_TIMEFRAME: Final = "5m"
#: The strategy's exits; freqtrade would put the configuration's in their place.
STRATEGY: Final = "DualWindowStrategy"
OWN_EXITS: Final[Mapping[str, Any]] = {
    "minimal_roi": {"0": 100.0},
    "stoploss": -0.99,
    "trailing_stop": False,
    "use_exit_signal": True,
    "use_custom_stoploss": True,
    "ignore_roi_if_entry_signal": False,
}


@dataclass(frozen=True)
class CheckedConfig:
    """Settings of a configuration, or all its problems, as sentences.

    `warnings` are sentences about values that work but may not be meant.
    """

    settings: FreqaiSettings | None = None
    root: RootSettings | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def required(self, name: str = "the configuration") -> tuple[FreqaiSettings, RootSettings]:
        """The settings.

        Raises:
            SettingsError: with every problem, in a message about what has this name.
        """
        if self.settings is None or self.root is None:
            raise SettingsError(self.problems, name)
        return self.settings, self.root


def check_config(
    content: Mapping[str, Any], *, cores: int, memory: float = float("inf"), in_bot: bool = False
) -> CheckedConfig:
    """Check a merged configuration.

    Args:
        content: freqtrade's configuration, of any JSON types.
        cores: processor cores of this machine.
        memory: bytes that a training may use.
        in_bot: freqtrade has loaded the configuration, which has refused and filled in a part of
            what is checked here otherwise; the strategy checks its exits itself.
    """
    problems = shape_problems(content)
    if not in_bot:
        problems += null_problems(content)
    freqai = content.get("freqai", {})
    if not isinstance(freqai, Mapping):
        # Whatever belongs into the group would be missing.
        problems += group_problems(freqai)
        return CheckedConfig(problems=tuple(problems))
    if not in_bot:
        problems += [*pair_problems(content), *exit_problems(content), *missing_options(freqai)]
        content = {**content, "freqai": {"identifier": DEFAULT_IDENTIFIER, **freqai}}
    seconds = _timeframes(content, problems)
    settings = root = None
    with collected(problems):
        root = RootSettings.from_config(in_place(content))
    with collected(problems):
        settings = read_freqai_config(content, cores=cores, timeframe_seconds=seconds)
    mode = value_at(content, "trading_mode") or SPOT
    with collected(problems):
        fee = fee_of(root or RootSettings(), content, str(mode))
    # In a running bot freqtrade itself puts hyperopt's length there.
    warnings = [*unread_keys(content), *left_out_pairs(content)]
    warnings += [] if in_bot else hyperopts_epochs(content)
    if settings is not None:
        if settings.training.pretrained is not None:
            problems += path_problems("pretrained", settings.training.pretrained)
        problems += size_problems(
            settings.training, _features(content, settings, len(seconds)), memory
        )
        main = value_at(content, "timeframe") or "1m"
        if isinstance(main, str) and main in seconds:
            days = freqai.get("train_period_days")
            problems += period_problems(settings.training, days, main, seconds[main])
        if root is not None:
            problems += leverage_problems(settings.training, root)
    if problems or settings is None or root is None:
        return CheckedConfig(problems=tuple(dict.fromkeys(problems)))
    training, can_short = settings.training, mode == FUTURES
    if unearning := cost_problems(training, root, fee, can_short=can_short):
        return CheckedConfig(problems=tuple(unearning))
    warnings += cost_warnings(training, root, fee, can_short=can_short)
    warnings += threshold_warnings(training, can_short=can_short)
    settings = replace(settings, warnings=(*settings.warnings, *warnings))
    return CheckedConfig(settings, root, warnings=settings.warnings)


def exit_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every key that replaces an exit of the shipped strategy."""
    if content.get("strategy", STRATEGY) != STRATEGY:
        return []
    return [
        f"{key} {shown(content[key])} replaces the strategy's own exit ({own!r}); remove it, or "
        f"set it in a strategy derived from {STRATEGY}"
        for key, own in OWN_EXITS.items()
        if key in content and not same_exit(content[key], own)
    ]


def same_exit(value: Any, own: Any) -> bool:
    """Whether an exit is the same; a ROI table may have its minutes as texts."""
    if isinstance(value, Mapping) and isinstance(own, Mapping):
        return {str(key): ratio for key, ratio in value.items()} == {
            str(key): ratio for key, ratio in own.items()
        }
    return bool(value == own)


def unread_keys(content: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for every key that is not read, and is mistyped for one that is."""
    for path, options in (("freqai", FreqaiOptions), (f"freqai.{FEATURES}", FeatureOptions)):
        known = [*options.model_fields, "identifier", FEATURES, "indicator_periods_candles"]
        plain = {plain_name(name): name for name in known}
        for key in group_at(content, path):
            near = difflib.get_close_matches(plain_name(key), plain, 1, 0.85)
            if key not in known and near:
                yield f"{path}.{key} is not read; did you mean {plain[near[0]]!r}?"
    yield from unread_settings(content)
    for key in content:
        near = difflib.get_close_matches(key.lower().replace("_", ""), ("freqai", ROOT_KEY), 1, 0.8)
        if near and key not in near:
            yield f"{key} is not read; did you mean {near[0]!r}?"


def _timeframes(content: Mapping[str, Any], problems: list[str]) -> dict[str, int]:
    """Seconds of the timeframes that can be read; those that cannot become problems."""
    main = value_at(content, "timeframe")
    included = value_at(content, _TIMEFRAMES)
    names = included if isinstance(included, list) else []
    names = [name for name in names if isinstance(name, str)]
    seconds: dict[str, int] = {}
    first = [main] if isinstance(main, str) else ["1m"] if main is None else []
    for name in dict.fromkeys([*first, *names]):
        unread: list[str] = []
        with collected(unread):
            seconds[name] = timeframe_seconds(name)
        problems += unread if name in first else [f"{_TIMEFRAMES}: {text}" for text in unread]
    problems += [
        f"{_TIMEFRAMES}: {shown(name)} is listed twice; remove one" for name in listed_twice(names)
    ]
    least = seconds.get(main if isinstance(main, str) else "")
    if main is None:
        least = timeframe_seconds(_UNSET_TIMEFRAME)
    problems += [
        f"{_TIMEFRAMES} has {shown(name)}, which is shorter than the timeframe "
        f"{main or f'that freqtrade takes where none is set, {_UNSET_TIMEFRAME}'}; set timeframe "
        "to the shortest"
        for name in names
        if least is not None and seconds.get(name, least) < least
    ]
    return seconds


def _features(content: Mapping[str, Any], settings: FreqaiSettings, timeframes: int) -> int:
    """Features of a candle that the strategy's own hooks make, at least."""
    correlated = value_at(content, f"freqai.{FEATURES}.include_corr_pairlist") or ()
    return least_features(settings.indicator_periods, max(timeframes, 1), 1 + len(correlated))
