"""Read freqtrade's configuration into `TrainingConfig` and refuse options that break windows.

FreqAI has keys with the same meaning as ours (twins), which are derived from the settings or
checked against them, and options that shuffle, cut or rewrite rows, which are refused by name. All
problems come in one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dualwindow.columns import BASE, candles_looked_at
from dualwindow.errors import SettingsError
from dualwindow.runtime.counts import counted
from dualwindow.runtime.machine import Machine, reason_for
from dualwindow.settings.checks.freqai_options import (
    FEATURES,
    MOST_DAYS,
    REFUSED_FEATURES,
    REFUSED_FREQAI,
    REFUSED_SPLIT,
    SPLIT,
    TRAINING,
    WITHOUT_OFF,
    chain_problems,
    option_problems,
)
from dualwindow.settings.checks.shapes import group_at, listed_twice, value_at
from dualwindow.settings.layers.places import in_place, misplaced
from dualwindow.settings.messages import Checked, shown
from dualwindow.settings.pairs import pairs_in, shared_bases, shared_models
from dualwindow.settings.root_settings import ROOT_KEY
from dualwindow.settings.training_config import USUAL_PERIODS, TrainingConfig

#: FreqAI multiplies the longest period by this when it downloads history for a live bot.
_DOWNLOAD_MARGIN: Final = 1.5
_DEFAULT_CONV_WIDTH: Final = 1
#: Folders in it get names of their own; systems allow 255 bytes.
_LONGEST_IDENTIFIER: Final = 200
#: Ten years of minutes.
_LONGEST_PERIOD: Final = 5_256_000
_MOST_PERIODS: Final = 100
RECOMMENDED_TRAIN_DAYS: Final = 90


@dataclass(frozen=True)
class FreqaiSettings:
    """Checked settings, periods of the moving averages (candles), lines to be logged once."""

    training: TrainingConfig
    indicator_periods: tuple[int, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_freqai_config(
    config: Mapping[str, Any], *, cores: int, timeframe_seconds: Mapping[str, int]
) -> FreqaiSettings:
    """Read and check freqtrade's whole configuration, for a bot on this many processor `cores`.

    `timeframe_seconds` has the seconds of every timeframe in `include_timeframes`.

    Raises:
        SettingsError: with every problem.
    """
    training, periods = check_freqai_config(config, timeframe_seconds=timeframe_seconds)
    notes: tuple[str, ...] = ()
    if auto_configures(config):
        machine = Machine.detect(cores=cores)
        sizes = training.sizes_for(machine)
        training, notes = training.replace(**asdict(sizes)), (reason_for(machine, sizes),)
    clamped, lowered = training.clamped_to_machine(cores)
    warnings = _warnings(clamped, group_at(config, "freqai"), periods, lowered)
    return FreqaiSettings(clamped, periods, tuple(warnings), notes)


def auto_configures(config: Mapping[str, Any]) -> bool:
    """Whether a configuration has sizes chosen for the machine; another value is refused later."""
    return value_at(config, f"{ROOT_KEY}.auto_configure") is True


def check_freqai_config(
    config: Mapping[str, Any], *, timeframe_seconds: Mapping[str, int]
) -> tuple[TrainingConfig, tuple[int, ...]]:
    """As `read_freqai_config`, whatever the machine: settings and periods (candles) alone.

    Raises:
        SettingsError: with every problem.
    """
    problems = misplaced(config)
    config = in_place(config)
    freqai = group_at(config, "freqai")
    features, split = group_at(freqai, FEATURES), group_at(freqai, SPLIT)
    parameters = dict(group_at(freqai, TRAINING))
    problems += _take_test_size(split, parameters)
    checked = TrainingConfig.check(parameters)
    problems += checked.problems
    problems += _identifier(freqai.get("identifier"))
    refused = {
        **_refused(freqai, REFUSED_FREQAI, "freqai"),
        **_refused(features, REFUSED_FEATURES, f"freqai.{FEATURES}"),
        **_refused(split, REFUSED_SPLIT, f"freqai.{SPLIT}"),
    }
    problems += refused.values()
    problems += option_problems(config.get("freqai"), refused)
    trains = "epochs" in checked.bad or checked.config.epochs > 0
    problems += chain_problems(freqai, trains=trains)
    problems += _shared_bases(value_at(config, "exchange.pair_whitelist"))
    periods, period_problems = _indicator_periods(features)
    problems += period_problems
    problems += _twins(checked, freqai, features)
    if not checked.bad & {"window_size", "max_history_days"}:
        problems += _history(checked.config, freqai, periods, timeframe_seconds)
    if problems:
        raise SettingsError(problems, "the configuration")
    return checked.config, periods


def _take_test_size(split: Mapping[str, Any], parameters: dict[str, Any]) -> list[str]:
    """Derive validation_fraction from FreqAI's test_size, or check that they agree."""
    if "test_size" not in split:
        return []
    given = parameters.setdefault("validation_fraction", split["test_size"])
    if given == split["test_size"]:
        return []
    return [
        f"validation_fraction {shown(given)} and data_split_parameters.test_size "
        f"{shown(split['test_size'])} differ; remove one of them"
    ]


def _identifier(name: Any) -> list[str]:
    """Problems of the identifier, which names a folder under user_data/models."""
    if (
        isinstance(name, str)
        and name.isprintable()
        and name.strip() == name
        and name not in ("", ".", "..")
        and not set(name) & set("/\\:")
        and len(name.encode()) <= _LONGEST_IDENTIFIER
    ):
        return []
    return [
        f"freqai.identifier {shown(name)} must be the plain name of a folder, such as "
        f"'dualwindow', of at most {_LONGEST_IDENTIFIER} letters"
    ]


def _refused(content: Mapping[str, Any], options: Mapping[str, str], group: str) -> dict[str, str]:
    """Problems of options that must be off, by their path."""
    return {
        f"{group}.{name}": f"{group}.{name} {shown(content[name])}: {reason}; remove it"
        for name, reason in options.items()
        if content.get(name) or (name in content and name in WITHOUT_OFF)
    }


def _twins(
    checked: Checked[TrainingConfig], freqai: Mapping[str, Any], features: Mapping[str, Any]
) -> list[str]:
    width, future = freqai.get("conv_width"), features.get("label_period_candles")
    twins = (
        # freqtrade writes its default into the configuration when the key is absent.
        ("conv_width", None if width == _DEFAULT_CONV_WIDTH else width, "window_size"),
        ("feature_parameters.label_period_candles", future, "future_window"),
    )
    return [
        f"freqai.{name} {shown(value)} must equal {own} {getattr(checked.config, own)}; remove it, "
        "it is derived"
        for name, value, own in twins
        # A value of another type is a problem of its own.
        if type(value) is int and own not in checked.bad and value != getattr(checked.config, own)
    ]


def _indicator_periods(features: Mapping[str, Any]) -> tuple[tuple[int, ...], list[str]]:
    name = "freqai.feature_parameters.indicator_periods_candles"
    periods = features.get("indicator_periods_candles")
    if periods is None or periods == []:
        return (), [f"{name} is missing; the usual value is {list(USUAL_PERIODS)}"]
    if not isinstance(periods, list) or len(periods) > _MOST_PERIODS:
        return (), [
            f"{name} {shown(periods)} must be a list of at most {_MOST_PERIODS} periods; the usual "
            f"value is {list(USUAL_PERIODS)}"
        ]
    if any(type(period) is not int or not 2 <= period <= _LONGEST_PERIOD for period in periods):
        return (), [
            f"{name} {shown(periods)}: every period must be a whole number of at least 2 candles "
            f"and at most {_LONGEST_PERIOD:,}"
        ]
    if listed_twice(periods):
        return (), [f"{name} {shown(periods)}: a period is listed twice"]
    return tuple(periods), []


def _history(
    training: TrainingConfig,
    freqai: Mapping[str, Any],
    periods: Sequence[int],
    timeframe_seconds: Mapping[str, int],
) -> list[str]:
    """The problem of a live bot that would download more history than allowed, if there is one."""
    if not periods or not timeframe_seconds:
        return []
    days = freqai.get("train_period_days", 0)
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        return []
    longest = max(*periods, training.window_size)
    slowest = max(timeframe_seconds, key=lambda timeframe: timeframe_seconds[timeframe])
    seconds = longest * _DOWNLOAD_MARGIN * timeframe_seconds[slowest]
    total = seconds / 86_400 + days
    if total <= training.max_history_days:
        return []
    return [
        f"FreqAI would download {counted(round(total), 'day')} of history, {days} of "
        f"train_period_days and the rest for a period of {counted(longest, 'candle')} in the "
        f"timeframe {slowest}, more than max_history_days {training.max_history_days}; remove the "
        "timeframe, shorten indicator_periods_candles, window_size or train_period_days, or raise "
        "max_history_days"
    ]


def _shared_bases(whitelist: Any) -> list[str]:
    """Problems of the pairs that are named; a bot looks at those of patterns when it meets them."""
    entries = whitelist if isinstance(whitelist, list) else ()
    named = pairs_in(entry for entry in entries if isinstance(entry, str))
    return [
        f"exchange.pair_whitelist has {one} and {other}: {shared_models(one)}"
        for one, other in shared_bases(named)
    ]


def _warnings(
    training: TrainingConfig,
    freqai: Mapping[str, Any],
    periods: Sequence[int],
    notes: Sequence[str],
) -> list[str]:
    warnings = []
    if notes:
        warnings.append(f"settings lowered to what this machine has: {', '.join(notes)}")
    days = freqai.get("train_period_days", 0)
    if training.epochs and days < RECOMMENDED_TRAIN_DAYS:
        warnings.append(
            f"train_period_days {days} is less than three months ({RECOMMENDED_TRAIN_DAYS} days): "
            "a model trained on so few days has hardly seen more than one regime"
        )
    expiration, retrain = freqai.get("expiration_hours", 0), freqai.get("live_retrain_hours", 0)
    if 0 < expiration <= retrain:
        warnings.append(
            f"freqai.expiration_hours {expiration} is not above live_retrain_hours {retrain}: a "
            "model expires before the bot trains the next one, and until then it does not trade "
            "the pair; raise expiration_hours, or set it to 0 for models that do not expire"
        )
    looked_at = candles_looked_at(training.feature_set)
    # An average of one candle less needs as many before it as a change does.
    if training.feature_set != BASE and max(periods) < looked_at - 1:
        usual = next(period for period in USUAL_PERIODS if period >= looked_at - 1)
        warnings.append(
            f"feature_set {training.feature_set!r} looks back {looked_at} candles, but the longest "
            f"of indicator_periods_candles is {max(periods)}, so FreqAI loads too little before "
            f"the first training, whose first {looked_at - 1} candles will have no features; add a "
            f"longer period, such as {usual}"
        )
    shortest = min(training.window_size, training.future_window)
    if training.max_flat_candles >= shortest:
        warnings.append(
            f"max_flat_candles {training.max_flat_candles} is not below window_size "
            f"{training.window_size} and future_window {training.future_window}: an outage cannot "
            "show in the shorter one; lower max_flat_candles"
        )
    if training.use_streaming and training.streaming_chunk_size < training.batch_size:
        warnings.append(
            f"streaming_chunk_size {training.streaming_chunk_size} is below batch_size "
            f"{training.batch_size}: a chunk holds at least one batch"
        )
    if training.use_multiprocessing:
        warnings.append("use_multiprocessing has no effect inside the bot in this version")
    return warnings
