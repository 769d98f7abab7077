"""Walk-forward evaluation of the predictions in a backtest's folder, as flags configure it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dualwindow.cli.options.configuration import data_folder, layered_config
from dualwindow.cli.options.flags import SettingFlag
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_forward import pooled_walk
from dualwindow.model_selection.walk_sources import WalkSettings, walk_of
from dualwindow.models.fingerprint import CACHED_PREDICTIONS
from dualwindow.report.predictions import WalkFacts


def is_backtest(folder: Path) -> bool:
    """Whether a folder holds a backtest's predictions."""
    return (folder / CACHED_PREDICTIONS).is_dir()


def evaluate_backtest(
    options: argparse.Namespace, folder: Path, flags: tuple[SettingFlag, ...]
) -> WalkFacts:
    """Compare a backtest's predictions with the candles, for all pairs whose candles exist.

    Args:
        options: parsed, with those of `add_config_flags`.
        folder: `user_data/models/<identifier>`.
        flags: those that were added to the parser.

    Returns:
        The evaluation of every pair and of all of them, and why pairs are missing from it.

    Raises:
        SettingsError: when a configuration that was named cannot be used.
    """
    content = layered_config(options, flags).content
    try:
        settings = WalkSettings.from_config(folder, content)
    except ModelFileError as error:
        return WalkFacts([], None, [str(error)])
    datadir = _datadir(content, folder, settings.exchange)
    walks, problems = [], []
    for base, pair in settings.pairs.items():
        try:
            walk = walk_of(folder, pair, base, settings, datadir)
        except DataError as error:
            problems.append(f"{pair} is not compared with its candles: {error}")
            continue
        if walk is not None:
            walks.append(walk)
    pooled = pooled_walk(walks, settings.terms) if walks else None
    return WalkFacts(walks, pooled, problems)


def _datadir(content: Mapping[str, Any], folder: Path, exchange: str) -> Path:
    """The configured folder of candles, else the one beside the folder of models."""
    if content.get("datadir"):
        return Path(content["datadir"])
    userdir = content.get("user_data_dir")
    return data_folder(Path(userdir) if userdir else folder.resolve().parents[1]) / exchange
