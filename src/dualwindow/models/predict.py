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
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.errors import TrainingStoppedError
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.inputs import parted
from dualwindow.runtime.threads import ComputeThreads, prediction_threads

#: LSTM steps that a thread computes at a time (windows times steps a window): more would leave the
#: processor's cache, fewer would leave its arithmetic units waiting.
PREDICTION_STEPS: Final = 11_520
#: Windows a thread that a chunk is a multiple of.
_SHARE: Final = 64


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
        should_stop: asked before every chunk.
        threads: that share a chunk; None takes the threads that all predictions share.

    Returns:
        (M, 3) probabilities in the order SHORT, HOLD, LONG.

    Raises:
        TrainingStoppedError: when `should_stop` returned true.
    """
    network.eval()
    probabilities = np.empty((len(rows), len(CLASS_NAMES)), dtype=np.float32)
    threads = threads or prediction_threads(device)

    def predict(windows: Tensor) -> Tensor:
        # Inference mode is a thread's own.
        with torch.inference_mode():
            return network.log_probabilities(windows.to(device)).exp().cpu()

    # A chunk is many batches long, so that threads seldom wait for each other.
    chunk = stream.chunk_of(_SHARE * threads.count, len(rows))
    for piece, windows in stream.batches(rows, chunk):
        if should_stop():
            raise TrainingStoppedError("the bot asked the training to stop")
        candles = parted(windows, network.shape.roles)[0].shape[1]
        steps = len(windows) * (candles // network.shape.patch_size)
        batches = -(-steps // PREDICTION_STEPS) if device.type == "cpu" else 1
        # Whichever thread is free takes the next batch, so none waits for one that was held up. All
        # threads get as many batches, so that none is left over at the end.
        shares = len(threads.shares(len(windows)))
        count = -(-batches // shares) * shares
        parts = threads.run([partial(predict, part) for part in torch.chunk(windows, count)])
        probabilities[piece] = torch.cat(parts).numpy()
    return probabilities
