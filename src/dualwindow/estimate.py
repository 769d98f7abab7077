"""How long a training is likely to take, measured before it begins."""

from __future__ import annotations

import copy
import time
from typing import Final

import torch

from dualwindow.network import DualWindowNetwork

#: A prediction has no backward pass, which costs about twice as much as the forward pass.
_PREDICTION_SHARE: Final = 1 / 3


def epoch_seconds(
    network: DualWindowNetwork,
    *,
    window_size: int,
    batch_size: int,
    train_windows: int,
    validation_windows: int,
) -> float:
    """Estimate the duration of one epoch from one step on empty windows.

    Args:
        network: on its device; a copy does the step, so no weight and no random draw changes.
        window_size: P, candles.
        batch_size: windows a step.
        train_windows: windows an epoch trains on.
        validation_windows: windows an epoch validates on.

    Returns:
        Seconds.
    """
    sacrifice = copy.deepcopy(network)
    windows = torch.zeros(
        batch_size, window_size, network.shape.n_features, device=network.center.device
    )
    # The first step pays for what torch sets up once.
    torch.autograd.backward(sacrifice(windows).sum())
    started = time.perf_counter()
    torch.autograd.backward(sacrifice(windows).sum())
    window_seconds = (time.perf_counter() - started) / batch_size
    passes = 2 if network.mirrors else 1
    return window_seconds * (train_windows + validation_windows * passes * _PREDICTION_SHARE)
