"""The network before its first step."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.statistics import mirrored_counts, robust_scaling
from dualwindow.errors import SettingsError
from dualwindow.models.mirror import Mirror
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import untrained_network
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import size_problems

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
    seen, wide = len(shape.roles.window), len(shape.roles.wide)
    if problems := size_problems(config, seen, training_memory(), n_wide=wide):
        raise SettingsError(problems, "the settings of the network")
    if config.trend_head and not shape.trend_spans:
        logger.debug("training without a trend head: no feature is a change of the close")
    center, scale = robust_scaling(train)
    network = DualWindowNetwork(shape, center, scale, mirror)
    if config.class_balance == "none":
        # The bias starts at the class prior, which the network would otherwise learn first.
        counts = torch.from_numpy(seen_counts(train, mirrored=mirror is not None)).float()
        network.begin_at(counts.clamp(min=1.0) / counts.sum())
    return network
