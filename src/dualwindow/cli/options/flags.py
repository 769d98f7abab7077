"""Flags that set settings; their type, choices, default and help come from the settings' schema."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings

#: Default of `--min-trades`: the mean of fewer trades is mostly luck.
MIN_TRADES: Final = 30
_TYPES: Final = {"integer": int, "number": float, "string": str}

#: A threshold in a file overrides a mode, except one that the command line names.
_DROPPED_THRESHOLDS: Final = dict.fromkeys(
    f"confidence_threshold_{side}" for side in ("short", "long", "hold")
)


@dataclass(frozen=True)
class SettingFlag:
    """A flag, with its dashes, and the setting in `TrainingConfig` that it sets.

    If it `turns_off`, it takes no argument and sets the setting to false. `also` are further
    settings that it implies, `note` is added to the help.
    """

    flag: str
    setting: str
    turns_off: bool = False
    also: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def destination(self) -> str:
        """Name of the parsed value."""
        return self.flag.strip("-").replace("-", "_")


#: In the order in which they are applied; a later flag overrides an earlier one.
TRAINING_FLAGS: Final = (
    SettingFlag("--epochs", "epochs"),
    SettingFlag("--window-past", "window_size"),
    SettingFlag("--window-future", "future_window"),
    SettingFlag("--feature-set", "feature_set"),
    SettingFlag("--network", "network"),
    SettingFlag("--ensemble", "ensemble"),
    SettingFlag("--batch-size", "batch_size"),
    SettingFlag("--learning-rate", "learning_rate"),
    SettingFlag("--streaming-chunk-size", "streaming_chunk_size"),
    SettingFlag(
        "--n-processes",
        "n_processes",
        also={"use_multiprocessing": True},
        note="Turns on use_multiprocessing.",
    ),
    SettingFlag("--chunk-size", "multiprocessing_chunk_size"),
    SettingFlag("--batch-extraction-size", "batch_extraction_size"),
    SettingFlag("--disable-multiprocessing", "use_multiprocessing", turns_off=True),
    SettingFlag("--disable-batch-extraction", "use_batch_extraction", turns_off=True),
    SettingFlag("--seed", "seed"),
    SettingFlag("--device", "device"),
    SettingFlag("--precision", "precision"),
)
CONFIDENCE_FLAGS: Final = (
    SettingFlag("--confidence-mode", "confidence_mode", also=_DROPPED_THRESHOLDS),
    SettingFlag("--confidence-coverage", "confidence_coverage"),
    SettingFlag("--confidence-short", "confidence_threshold_short"),
    SettingFlag("--confidence-long", "confidence_threshold_long"),
    SettingFlag("--confidence-hold", "confidence_threshold_hold"),
    SettingFlag("--confidence-fallback", "confidence_fallback"),
    SettingFlag("--disable-confidence", "use_confidence_thresholding", turns_off=True),
    SettingFlag("--calibration", "calibration"),
)
#: Settings that a contest may override: those of a training, and how all are calibrated.
CONTEST_FLAGS: Final = (
    *TRAINING_FLAGS,
    *(flag for flag in CONFIDENCE_FLAGS if flag.setting == "calibration"),
)
#: Training settings that an evaluation may override.
EVALUATION_FLAGS: Final = (
    *CONFIDENCE_FLAGS,
    *(
        flag
        for flag in TRAINING_FLAGS
        if flag.setting in ("n_processes", "use_multiprocessing", "device")
    ),
)


def add_flags(parser: argparse.ArgumentParser, flags: tuple[SettingFlag, ...]) -> None:
    """Add flags of settings, without defaults: those would override the configuration's values."""
    schema = TrainingConfig.model_json_schema()["properties"]
    defaults = TrainingConfig()
    for flag in flags:
        about = schema[flag.setting]
        default = getattr(defaults, flag.setting)
        if flag.turns_off:
            parser.add_argument(
                flag.flag,
                dest=flag.destination,
                action="store_true",
                help=_turns_off(flag.setting, about["description"]),
            )
            continue
        kinds = [about, *about.get("anyOf", [])]
        choices = next((kind["enum"] for kind in kinds if "enum" in kind), None)
        words = [about["description"], flag.note, "" if default is None else f"Default {default}."]
        parser.add_argument(
            flag.flag,
            dest=flag.destination,
            type=next(_TYPES[kind["type"]] for kind in kinds if kind.get("type") in _TYPES),
            choices=choices,
            metavar=None if choices else flag.setting.upper(),
            help=_escaped(" ".join(word for word in words if word)),
        )


def _turns_off(setting: str, description: str) -> str:
    return _escaped(f"Turns off {setting} ({description.rstrip('.')}).")


def _escaped(text: str) -> str:
    """Double percent signs, which argparse takes for placeholders."""
    return text.replace("%", "%%")


def add_timerange_flags(parser: argparse.ArgumentParser, pairs: str) -> None:
    """Add the flags of pairs and dates; `pairs` describes those of a run without `--pair`."""
    parser.add_argument(
        "--pair",
        action="append",
        metavar="PAIR",
        help="BTC_USDT, BTC/USDT, BTC/USDT:USDT, or a pattern of downloaded pairs such as "
        f"'.*/USDT:USDT'; may be repeated. Default: {pairs}.",
    )
    parser.add_argument(
        "--date-from",
        metavar="DATE",
        help="first day, such as 2025-01-31, or a moment (UTC); the earlier candles that averages "
        "need are loaded as well",
    )
    parser.add_argument(
        "--date-to",
        metavar="DATE",
        help="last day, included, or the moment (UTC) at which the date range ends. Default: the "
        "newest candle.",
    )


def add_trade_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of what a trade costs: fee, slippage and funding."""
    schema = RootSettings.model_json_schema()["properties"]
    for flag in ("fee", "slippage"):
        parser.add_argument(
            f"--{flag}",
            type=float,
            metavar="FRACTION",
            help=_escaped(schema[f"evaluation_{flag}"]["description"]),
        )
    parser.add_argument(
        "--no-funding",
        action="store_const",
        const=False,
        help=_turns_off("evaluation_funding", schema["evaluation_funding"]["description"]),
    )
