"""Metrics of a network after an epoch, on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.statistics import class_counts, class_weights
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.evaluation import trading_f1
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.predict import predict_rows
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig

#: Validation rows used after every epoch, evenly spaced; the final evaluation takes all.
VALIDATION_ROWS: Final = 4096


class Validation:
    """Evaluates a network on validation rows, with their natural class shares.

    For a balanced training the loss weighs all classes alike, because early stopping watches the
    overfitting of that objective. Every rank predicts a share of the rows.
    """

    def __init__(
        self,
        selection: Selection,
        config: TrainingConfig,
        stream: WindowStream,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self._ranks = ranks
        self._rows = selection.evenly_spaced(VALIDATION_ROWS)
        self._labels = selection.dataset.labels[self._rows]
        self._stream = stream
        self._device = device
        self._class_weights = None
        if config.class_balance != "none":
            self._class_weights = torch.from_numpy(class_weights(class_counts(self._labels)))

    def __len__(self) -> int:
        return len(self._rows)

    def __call__(
        self,
        network: DualWindowNetwork,
        *,
        should_stop: Callable[[], bool],
        threads: ComputeThreads,
    ) -> tuple[float, float]:
        """Loss (nats) and Trading F1, over the rows of all ranks.

        Raises:
            TrainingStoppedError: when `should_stop` returned true, on this rank or another.
        """
        # Chunks follow the memory of a rank, so it asks `should_stop` for itself.
        predict = partial(
            predict_rows,
            network,
            self._stream,
            self._rows[self._ranks.share(len(self))],
            self._device,
            should_stop=should_stop,
            threads=threads,
        )
        probabilities = np.concatenate(self._ranks.gathered(predict))
        return self._loss(probabilities), trading_f1(self._labels, probabilities.argmax(axis=1))

    def predict(self, network: DualWindowNetwork, windows: int, threads: ComputeThreads) -> None:
        """Predict so many of the rows on this rank, to see how long it takes."""
        rows = self._rows[:windows]
        predict_rows(network, self._stream, rows, self._device, threads=threads)

    def loss_of_shares(self, shares: tuple[float, ...]) -> float:
        """Loss (nats) of (3,) class shares as the prediction of every row."""
        constant = np.array(shares, dtype=np.float32)
        return self._loss(np.broadcast_to(constant, (len(self), len(shares))).copy())

    def _loss(self, probabilities: NDArray[np.float32]) -> float:
        loss = nn.functional.nll_loss(
            torch.from_numpy(probabilities).clamp_min(1e-12).log(),
            torch.from_numpy(self._labels.astype(np.int64)),
            weight=self._class_weights,
        )
        return loss.item()
