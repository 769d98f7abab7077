"""`dualwindow evaluate --importance`: what the model loses without each feature."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from dualwindow.backtest.dataset_trades import TradeVenue, side_profits
from dualwindow.cli.display.console import figure_table
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.errors import DataError
from dualwindow.evaluation.evidence.importance import (
    Importances,
    WindowRows,
    importances,
    places_of,
)
from dualwindow.models.model_files import IMPORTANCE_NAME
from dualwindow.models.portable import PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.report.tables import importance
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import write_json

logger = logging.getLogger(__name__)

#: Most windows, evenly spaced: they are held in memory, and predicted some dozens of times.
ROWS: Final = 2000


def measure_importance(
    model: TrainedModel,
    loaded: PortableModel,
    dataset: Dataset,
    venue: TradeVenue,
    period: str,
    *,
    should_stop: Callable[[], bool],
) -> Importances:
    """Importance of every feature and part of the window on the labelled candles of a dataset.

    Args:
        model: `loaded` on its device.
        loaded: the model with the calibration of its probabilities.
        dataset: candles of the model's features.
        venue: prices and terms of the edge.
        period: of the candles, in words.
        should_stop: asked between batches.

    Raises:
        DataError: when a pair has candles of one day alone.
        TrainingStoppedError: when `should_stop` returned true.
    """
    config = model.config
    rows = dataset.labelled().evenly_spaced(ROWS)
    pair = np.searchsorted([span.stop for span in dataset.pairs], rows, side="right")
    _require_days(dataset, rows, pair)
    profit = side_profits(dataset, rows, config, venue)
    candles = rows[:, None] + np.arange(1 - config.window_size, 1)
    looked_at = WindowRows(
        windows=np.ascontiguousarray(dataset.features[candles], np.float32),
        labels=dataset.labels[rows],
        seconds=dataset.seconds[rows],
        pair=pair,
        profit=profit,
    )

    def predict(windows: NDArray[np.float32]) -> NDArray[np.floating]:
        count, size, features = windows.shape
        flat = windows.reshape(count * size, features)
        ends = np.arange(1, count + 1, dtype=np.int64) * size - 1
        probabilities = model.probabilities(flat, ends, should_stop=should_stop)
        if loaded.reference is None:
            return probabilities
        return loaded.reference.calibration.prior_corrected(probabilities)

    places = places_of(dataset.names, model.shape.roles.window, config.window_size)
    logger.info("importance: %s, each predicted again", counted(len(places), "replacement"))
    return importances(looked_at, predict, places, period=period)


def _require_days(dataset: Dataset, rows: NDArray[np.int64], pair: NDArray[np.int64]) -> None:
    """Refuse candles in which no other day can stand in."""
    for number, span in enumerate(dataset.pairs):
        days = len(np.unique(dataset.seconds[rows[pair == number]] // 86_400))
        if days == 1:
            raise DataError(
                f"--importance puts candles of other days into the windows, and {span.name} has "
                "labelled candles of one day alone; choose a longer date range"
            )


def show_importance(console: Console, folder: Path, found: Importances, sha256: str) -> None:
    """Show the figures, and keep them for the report beside the model with this sum.

    A folder that cannot be written is only logged.
    """
    content = importance(found)
    title = (
        f"importance: {counted(found.rows, 'window')} of {counted(found.days, 'day')}, each "
        "feature or part of the window replaced by that of other days"
    )
    console.print(figure_table(title, content.heads, content.rows, texts=2))
    path = folder / IMPORTANCE_NAME
    try:
        write_json(path, {"model": sha256, **asdict(found)})
    except OSError as error:
        logger.warning("the importance is not kept for the report, %s: %s", path, error)
        return
    console.print(f"importance, for `dualwindow report`: {path}", markup=False, soft_wrap=True)
