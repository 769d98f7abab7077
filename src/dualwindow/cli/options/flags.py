"""Flags that stand for settings; their kind, choices, default and help come from the settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dualwindow.cli.options.folders import add_config, config_files
from dualwindow.settings import TrainingConfig
from dualwindow.settings.files import Layer, LayeredConfig, read_layers
from dualwindow.settings.presets import preset_layers
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

_TRAINING: Final = ("freqai", "model_training_parameters")

_TYPES: Final = {"integer": int, "number": float, "string": str}

#: A threshold in a file says more than a mode, but a mode on the command line comes later.
_DROPPED_THRESHOLDS: Final = dict.fromkeys(
    f"confidence_threshold_{side}" for side in ("short", "long", "hold")
)


@dataclass(frozen=True)
class SettingFlag:
    """A flag and the setting that it sets.

    Attributes:
        flag: as the user writes it.
        setting: name in `TrainingConfig`.
        sets: the value when the flag takes none from the user.
        also: further settings that the flag implies.
        note: added to the help.
    """

    flag: str
    setting: str
    sets: Any = None
    also: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def destination(self) -> str:
        """Name of the parsed value."""
        return self.flag.strip("-").replace("-", "_")


#: In the order in which they are applied.
TRAINING_FLAGS: Final = (
    SettingFlag("--epochs", "epochs"),
    SettingFlag("--window-past", "window_size"),
    SettingFlag("--window-future", "future_window"),
    SettingFlag("--feature-set", "feature_set"),
    SettingFlag("--batch-size", "batch_size"),
    SettingFlag("--learning-rate", "learning_rate"),
    SettingFlag("--streaming-chunk-size", "streaming_chunk_size"),
    SettingFlag(
        "--n-processes", "n_processes", also={"use_multiprocessing": True}, note="Turns them on."
    ),
    SettingFlag("--chunk-size", "multiprocessing_chunk_size"),
    SettingFlag("--batch-extraction-size", "batch_extraction_size"),
    SettingFlag("--disable-multiprocessing", "use_multiprocessing", sets=False),
    SettingFlag("--disable-batch-extraction", "use_batch_extraction", sets=False),
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
    SettingFlag("--disable-confidence", "use_confidence_thresholding", sets=False),
    SettingFlag("--calibration", "calibration"),
)


def add_flags(parser: argparse.ArgumentParser, flags: tuple[SettingFlag, ...]) -> None:
    """Add the flags; none has a default of its own, so that a file's value is not overridden."""
    schema = TrainingConfig.model_json_schema()["properties"]
    defaults = TrainingConfig()
    for flag in flags:
        about = schema[flag.setting]
        default = getattr(defaults, flag.setting)
        if flag.sets is not None:
            parser.add_argument(
                flag.flag,
                dest=flag.destination,
                action="store_true",
                help=_escaped(f"{flag.setting} {flag.sets}: {about['description']}"),
            )
            continue
        options = [about, *about.get("anyOf", [])]
        kind = next(_TYPES[each["type"]] for each in options if each.get("type") in _TYPES)
        choices = next((each["enum"] for each in options if "enum" in each), None)
        words = [about["description"], flag.note, "" if default is None else f"Default {default}."]
        parser.add_argument(
            flag.flag,
            dest=flag.destination,
            type=kind,
            choices=choices,
            metavar=None if choices else flag.setting.upper(),
            help=_escaped(" ".join(word for word in words if word)),
        )


def _escaped(text: str) -> str:
    """Argparse takes a percent sign for a placeholder."""
    return text.replace("%", "%%")


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name files and folders."""
    add_config(parser)
    parser.add_argument(
        "--preset", metavar="NAME", help="see `dualwindow presets`, or a file like them"
    )
    parser.add_argument("--userdir", metavar="DIR", help="freqtrade's user folder")
    parser.add_argument("--datadir", metavar="DIR", help="folder of the exchange's candles")


def add_timerange_flags(
    parser: argparse.ArgumentParser, pairs: str = "The configuration's pair_whitelist"
) -> None:
    """Add the flags that name pairs and the period.

    Args:
        parser: of a command.
        pairs: what is taken where none is named, for the help.
    """
    parser.add_argument(
        "--pair",
        action="append",
        metavar="PAIR",
        help="BTC_USDT, BTC/USDT, BTC/USDT:USDT, or a pattern of those that are there, such as "
        f"'.*/USDT:USDT'; may be repeated. {pairs} unless given.",
    )
    parser.add_argument(
        "--date-from",
        metavar="DATE",
        help="first day, such as 2025-01-31, or moment (UTC); what averages need before it is "
        "loaded as well",
    )
    parser.add_argument(
        "--date-to",
        metavar="DATE",
        help="last day, all of it, or the moment (UTC) before which candles count; the newest "
        "candle unless given",
    )


def add_trade_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what trades are judged to cost."""
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
        help=_escaped(f"evaluation_funding False: {schema['evaluation_funding']['description']}"),
    )


def layered_config(
    options: argparse.Namespace,
    flags: tuple[SettingFlag, ...],
    *,
    below: Sequence[Layer] = (),
    above: Sequence[Layer] = (),
) -> LayeredConfig:
    """Configuration files, then the preset, then flags.

    Args:
        options: parsed arguments.
        flags: those that were added to the parser.
        below: layers that everything else beats.
        above: layers that beat everything else.

    Raises:
        SettingsError: when a file or the preset is not there or not readable.
    """
    files = read_layers(config_files(options))
    preset = preset_layers(options.preset)
    return LayeredConfig([*below, *files, *preset, *_flag_layers(options, flags), *above])


def _flag_layers(options: argparse.Namespace, flags: tuple[SettingFlag, ...]) -> list[Layer]:
    layers = []
    for name, path in (
        ("pair", ("exchange", "pair_whitelist")),
        ("userdir", ("user_data_dir",)),
        ("datadir", ("datadir",)),
        ("date_from", (ROOT_KEY, "train_from")),
        ("date_to", (ROOT_KEY, "train_to")),
        ("fee", (ROOT_KEY, "evaluation_fee")),
        ("slippage", (ROOT_KEY, "evaluation_slippage")),
        ("no_funding", (ROOT_KEY, "evaluation_funding")),
    ):
        value = getattr(options, name, None)
        if value is not None:
            layers.append(Layer(f"--{name.replace('_', '-')}", _at(path, value)))
    for flag in flags:
        value = getattr(options, flag.destination, None)
        if value is None or value is False:
            continue
        values = {**flag.also, flag.setting: value if flag.sets is None else flag.sets}
        layers.append(Layer(flag.flag, _at(_TRAINING, values)))
    return layers


def _at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)


#: Fewest trades of suggested thresholds unless another number is given; the mean of fewer is luck.
MIN_TRADES: Final = 30
#: Settings of a training that an evaluation may change.
EVALUATION_FLAGS = (
    *CONFIDENCE_FLAGS,
    SettingFlag("--n-processes", "n_processes", also={"use_multiprocessing": True}),
    SettingFlag("--disable-multiprocessing", "use_multiprocessing", sets=False),
    SettingFlag("--device", "device"),
)
