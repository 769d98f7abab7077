"""The beginning of a training: checks of its rows, and the network before any step."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.statistics import mirrored_counts, robust_scaling
from dualwindow.errors import DataError, SettingsError
from dualwindow.models.mirror import Mirror
from dualwindow.models.network import DualWindowNetwork, NetworkShape
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import untrained_network
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)


def seen_counts(train: Selection, *, mirrored: bool) -> NDArray[np.float64]:
    """(3,) class counts of the training rows; expected ones when half of them are mirrored."""
    return mirrored_counts(train.counts) if mirrored else train.counts.astype(np.float64)


def initial_network(
    train: Selection, config: TrainingConfig, mirror: Mirror | None, start: PortableModel | None
) -> DualWindowNetwork:
    """The network before its first step, on the CPU; its scaler is fitted on the training rows.

    Without a `mirror` it trains without mirrored windows. A model to start from gives weights,
    scaler and mirror; None draws the weights.
    """
    if start is not None:
        return untrained_network(start, config)
    shape = NetworkShape.from_settings(config, train.dataset.names)
    if config.trend_head and not shape.trend_spans:
        logger.info("training without a trend head: no feature is a change of the close")
    center, scale = robust_scaling(train)
    network = DualWindowNetwork(shape, center, scale, mirror)
    if config.class_balance == "none":
        # The bias starts at the class prior, which the network would otherwise learn first.
        with torch.no_grad():
            counts = torch.from_numpy(seen_counts(train, mirrored=mirror is not None)).float()
            network.head.bias.copy_(torch.log(counts.clamp(min=1.0) / counts.sum()))
    return network


def require_sides(train: Selection, config: TrainingConfig) -> None:
    """Refuse training rows that are all HOLD with `DataError`; warn of a class without rows."""
    counts = train.counts
    described = ", ".join(
        f"{name} {count}" for name, count in zip(CLASS_NAMES, counts, strict=True)
    )
    if counts.sum() == counts[HOLD]:
        raise DataError(
            f"the {counts.sum()} training candles hold no SHORT and no LONG ({described}): no "
            f"take profit of {config.long_tp_pct} (long) or {config.short_tp_pct} (short) was "
            f"reached within {config.future_window} candles; lower the take profits, lengthen "
            "future_window or train on more days"
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
