"""Probabilities for windows, in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.errors import TrainingStoppedError
from dualwindow.network import DualWindowNetwork
from dualwindow.stream import WindowStream

#: Windows predicted at a time.
PREDICTION_BATCH: Final = 256


def predict_rows(
    network: DualWindowNetwork,
    stream: WindowStream,
    rows: NDArray[np.int64],
    device: torch.device,
    should_stop: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Predict the windows that end at `rows`, in fp32.

    Args:
        network: on `device`; left in evaluation mode.
        stream: of the unscaled features.
        rows: (M,) last row of each window.
        device: of the network.
        should_stop: asked before every batch.

    Returns:
        (M, 3) probabilities in the order SHORT, HOLD, LONG.

    Raises:
        TrainingStoppedError: when `should_stop` said so.
    """
    network.eval()
    probabilities = np.empty((len(rows), len(CLASS_NAMES)), dtype=np.float32)
    with torch.inference_mode():
        for part, windows in stream.batches(rows, PREDICTION_BATCH):
            if should_stop():
                raise TrainingStoppedError("the bot asked the training to stop")
            logs = network.log_probabilities(windows.to(device))
            probabilities[part] = logs.exp().cpu().numpy()
    return probabilities
