"""What a training needs of its rows and ranks."""

from __future__ import annotations

import logging

import numpy as np

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.data.datasets.dataset import Selection
from dualwindow.errors import DataError, SettingsError
from dualwindow.runtime.counts import counted
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)


def require_sides(train: Selection, config: TrainingConfig) -> None:
    """Refuse training rows of one class with `DataError`; warn of a class without rows."""
    counts = train.counts
    named = zip(CLASS_NAMES, counts, strict=True)
    described = ", ".join(f"{name} {count}" for name, count in named)
    if counts.sum() == counts[HOLD]:
        raise DataError(
            f"{counted(counts.sum(), 'training candle')} with no SHORT and no LONG ({described}): "
            f"no take profit of {config.long_tp_pct} (long) or {config.short_tp_pct} (short) was "
            f"reached within {config.future_window} candles without the stop loss of "
            f"{config.long_sl_pct} or {config.short_sl_pct}; lower the take profits, widen the "
            "stop losses, change future_window or train on more days"
        )
    if np.count_nonzero(counts) == 1:
        raise DataError(
            f"{counted(counts.sum(), 'training candle')} of one class ({described}), so there is "
            "nothing to tell apart; raise the take profits, shorten future_window or train on "
            "more days"
        )
    if (counts == 0).any():
        logger.warning(
            "the training candles lack a class (%s): the model cannot learn it", described
        )


def require_window_a_rank(ranks: Ranks, config: TrainingConfig) -> None:
    """Refuse batches that leave a rank without a window with `SettingsError`."""
    if config.batch_size < ranks.count:
        raise SettingsError(
            [
                f"batch_size {config.batch_size} is shared by {ranks.count} ranks, which need a "
                f"window each; use at least {ranks.count}, or start fewer processes"
            ]
        )
