"""Read freqtrade's configuration into `TrainingConfig` and refuse options that break windows.

FreqAI has keys with the same meaning as ours (twins), which are derived from the settings or
checked against them, and options that shuffle, cut or rewrite rows, which are refused by name. All
problems come in one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dualwindow.columns import EXTENDED, candles_looked_at
from dualwindow.errors import SettingsError
from dualwindow.settings.messages import Checked
from dualwindow.settings.pairs import pairs_in, shared_bases, shared_models
from dualwindow.settings.training_config import USUAL_PERIODS, TrainingConfig

#: FreqAI multiplies the longest period by this when it downloads history for a live bot.
_DOWNLOAD_MARGIN: Final = 1.5
_DEFAULT_CONV_WIDTH: Final = 1
RECOMMENDED_TRAIN_DAYS: Final = 90

#: Options that must be off (absent, false or 0), with the reason.
_REFUSED_FEATURES: Final = {
    "shuffle_after_split": "shuffles rows, so windows would be made of unrelated candles",
    "reverse_train_test_order": "would validate on candles before the training",
    "buffer_train_data_candles": "cuts the candles between training and backtest",
    "principal_component_analysis": "replaces the features that the model scales and mirrors",
    "DI_threshold": "removes single rows, which leaves holes in windows",
    "use_SVM_to_remove_outliers": "removes single rows, which leaves holes in windows",
    "use_DBSCAN_to_remove_outliers": "removes single rows, which leaves holes in windows",
    "noise_standard_deviation": "adds noise to the features before they are scaled",
    "weight_factor": "weighs rows, which this model does not do",
    "include_shifted_candles": "repeats candles that are in the window anyway",
}
_REFUSED_FREQAI: Final = {
    "continual_learning": "starts a training from weights with another scaler",
    "keras": "is for Keras models",
}
_REFUSED_SPLIT: Final = {
    "shuffle": "shuffles rows, so validation would see the training's future",
    "train_size": "is decided by validation_fraction",
    "stratify": "would draw validation rows from among the training rows",
}


@dataclass(frozen=True)
class FreqaiSettings:
    """Checked settings, periods of the moving averages (candles), warnings to be logged once."""

    training: TrainingConfig
    indicator_periods: tuple[int, ...]
    warnings: tuple[str, ...]


def read_freqai_config(
    config: Mapping[str, Any], *, cores: int, timeframe_seconds: Mapping[str, int]
) -> FreqaiSettings:
    """Read and check freqtrade's whole configuration, for a bot on this many processor `cores`.

    `timeframe_seconds` has the seconds of every timeframe in `include_timeframes`.

    Raises:
        SettingsError: with every problem.
    """
    training, periods = check_freqai_config(config, timeframe_seconds=timeframe_seconds)
    clamped, notes = training.clamped_to_machine(cores)
    return FreqaiSettings(
        clamped, periods, tuple(_warnings(clamped, config.get("freqai") or {}, periods, notes))
    )


def check_freqai_config(
    config: Mapping[str, Any], *, timeframe_seconds: Mapping[str, int]
) -> tuple[TrainingConfig, tuple[int, ...]]:
    """As `read_freqai_config`, whatever the machine: settings and periods (candles) alone.

    Raises:
        SettingsError: with every problem.
    """
    freqai = config.get("freqai") or {}
    features = freqai.get("feature_parameters") or {}
    split = freqai.get("data_split_parameters") or {}
    parameters = dict(freqai.get("model_training_parameters") or {})
    problems = _take_test_size(split, parameters)
    checked = TrainingConfig.check(parameters)
    problems += checked.problems
    problems += _identifier(freqai.get("identifier"))
    problems += _refused(features, _REFUSED_FEATURES, "feature_parameters.")
    problems += _refused(freqai, _REFUSED_FREQAI, "")
    problems += _refused(split, _REFUSED_SPLIT, "data_split_parameters.")
    problems += _shared_bases((config.get("exchange") or {}).get("pair_whitelist") or [])
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
        f"validation_fraction {given} and data_split_parameters.test_size {split['test_size']} "
        "differ; remove one of them"
    ]


def _identifier(name: Any) -> list[str]:
    """Problems of the identifier, which names a folder under user_data/models."""
    if isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\:"):
        return []
    return [f"freqai.identifier {name!r} must be the plain name of a folder, such as 'dualwindow'"]


def _refused(content: Mapping[str, Any], options: Mapping[str, str], prefix: str) -> list[str]:
    return [
        f"freqai.{prefix}{name} {content[name]!r}: {reason}; remove it"
        for name, reason in options.items()
        if content.get(name)
    ]


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
        f"freqai.{name} {value!r} must equal {own} {getattr(checked.config, own)}; remove it, "
        "it is derived"
        for name, value, own in twins
        if value is not None and own not in checked.bad and value != getattr(checked.config, own)
    ]


def _indicator_periods(features: Mapping[str, Any]) -> tuple[tuple[int, ...], list[str]]:
    name = "freqai.feature_parameters.indicator_periods_candles"
    periods = features.get("indicator_periods_candles")
    if not periods:
        return (), [f"{name} is missing; the usual value is {list(USUAL_PERIODS)}"]
    if any(not isinstance(period, int) or period < 2 for period in periods):
        return (), [
            f"{name} {periods!r}: every period must be a whole number of at least 2 candles"
        ]
    if len(set(periods)) < len(periods):
        return (), [f"{name} {periods!r}: a period is listed twice"]
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
    longest = max(*periods, training.window_size)
    slowest = max(timeframe_seconds, key=lambda timeframe: timeframe_seconds[timeframe])
    seconds = longest * _DOWNLOAD_MARGIN * timeframe_seconds[slowest]
    days = seconds / 86_400 + freqai.get("train_period_days", 0)
    if days <= training.max_history_days:
        return []
    return [
        f"FreqAI would download {days:.0f} days of history for a period of {longest} candles in "
        f"the timeframe {slowest}, more than max_history_days {training.max_history_days}; remove "
        "the timeframe, shorten indicator_periods_candles or raise max_history_days"
    ]


def _shared_bases(whitelist: Sequence[Any]) -> list[str]:
    """Problems of the pairs that are named; a bot looks at those of patterns when it meets them."""
    named = pairs_in(entry for entry in whitelist if isinstance(entry, str))
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
    looked_at = candles_looked_at(training.feature_set)
    # An average of one candle less needs as many before it as a change does.
    if training.feature_set == EXTENDED and max(periods) < looked_at - 1:
        warnings.append(
            f"feature_set {training.feature_set!r} looks back {looked_at} candles, but the longest "
            f"of indicator_periods_candles is {max(periods)}, so FreqAI loads too little before "
            "the first training, whose first day will have no features; add a longer period, such "
            f"as {USUAL_PERIODS[0]}"
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
