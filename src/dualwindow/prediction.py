"""Probabilities for windows, in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualwindow.columns import CLASS_NAMES
from dualwindow.compute_threads import ComputeThreads, prediction_threads
from dualwindow.errors import TrainingStoppedError
from dualwindow.network import DualWindowNetwork
from dualwindow.stream import WindowStream

#: Windows that a thread predicts at a time: more would leave the processor's cache.
PREDICTION_BATCH: Final = 64


def predict_rows(
    network: DualWindowNetwork,
    stream: WindowStream,
    rows: NDArray[np.int64],
    device: torch.device,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    threads: ComputeThreads | None = None,
) -> NDArray[np.float32]:
    """Predict the windows that end at `rows`, in fp32.

    Args:
        network: on `device`; left in evaluation mode.
        stream: of the unscaled features.
        rows: (M,) last row of each window.
        device: of the network.
        should_stop: asked before every batch.
        threads: that share a batch; None takes those that all predictions share.

    Returns:
        (M, 3) probabilities in the order SHORT, HOLD, LONG.

    Raises:
        TrainingStoppedError: when `should_stop` said so.
    """
    network.eval()
    probabilities = np.empty((len(rows), len(CLASS_NAMES)), dtype=np.float32)
    threads = threads or prediction_threads(device)

    def predict(windows: Tensor) -> Tensor:
        # Every thread has to say for itself that it wants no gradients.
        with torch.inference_mode():
            parts = torch.split(windows, PREDICTION_BATCH)
            return torch.cat([network.log_probabilities(part).exp().cpu() for part in parts])

    # A thread's share of a chunk is many batches long, so that threads seldom wait for each other.
    chunk = stream.chunk_of(PREDICTION_BATCH * threads.count, len(rows))
    for piece, windows in stream.batches(rows, chunk):
        if should_stop():
            raise TrainingStoppedError("the bot asked the training to stop")
        shares = threads.shares(len(windows))
        found = threads.run([partial(predict, windows[share].to(device)) for share in shares])
        probabilities[piece] = torch.cat(found).numpy()
    return probabilities
