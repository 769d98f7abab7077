"""A backtest's folder and the usual flags, turned into a walk-forward evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualwindow.cli.options.flags import SettingFlag, layered_config
from dualwindow.cli.options.folders import data_folder
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk, pooled_walk
from dualwindow.model_selection.walk_sources import WalkSettings, walk_of
from dualwindow.models.fingerprint import CACHED_PREDICTIONS
from dualwindow.report.predictions import WalkFacts


@dataclass(frozen=True)
class Walked:
    """What came of a backtest's predictions.

    Attributes:
        settings: None where they cannot be read.
        walks: pairs that were judged.
        problems: why others were not, a sentence each, with the way out.
    """

    settings: WalkSettings | None
    walks: list[PairWalk]
    problems: list[str]


def is_backtest(folder: Path) -> bool:
    """Whether a folder holds a backtest's predictions."""
    return (folder / CACHED_PREDICTIONS).is_dir()


def walked(options: argparse.Namespace, folder: Path, flags: tuple[SettingFlag, ...]) -> Walked:
    """Hold a backtest's predictions against the candles, as far as those are there.

    Args:
        options: parsed, with those of `add_config_flags`.
        folder: `user_data/models/<identifier>`.
        flags: those that were added to the parser.

    Raises:
        SettingsError: when a configuration that was named cannot be used.
    """
    content = layered_config(options, flags).content
    try:
        settings = WalkSettings.from_config(folder, content)
    except ModelFileError as error:
        return Walked(None, [], [str(error)])
    datadir = _datadir(content, folder, settings.exchange)
    walks, problems = [], []
    for base, pair in settings.pairs.items():
        try:
            walk = walk_of(folder, pair, base, settings, datadir)
        except DataError as error:
            problems.append(f"{pair} is not held against what happened: {error}")
            continue
        walks += [walk] if walk is not None else []
    return Walked(settings, walks, problems)


def walk_facts(found: Walked) -> WalkFacts:
    """As a report takes it."""
    pooled = None
    if found.walks and found.settings is not None:
        pooled = pooled_walk(found.walks, found.settings.terms)
    return WalkFacts(found.walks, pooled, found.problems)


def _datadir(content: Mapping[str, Any], folder: Path, exchange: str) -> Path:
    """The folder of candles that is named, else the one beside the models' folder."""
    if content.get("datadir"):
        return Path(content["datadir"])
    userdir = content.get("user_data_dir")
    return data_folder(Path(userdir) if userdir else folder.resolve().parents[1]) / exchange
