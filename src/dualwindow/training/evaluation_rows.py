"""Rows of the evaluation at the end of a training, by purpose, and their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.dataset_trades import newest_rows
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import Split
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.portable import PortableModel
from dualwindow.models.predict import predict_rows
from dualwindow.models.pretrained import unseen
from dualwindow.runtime.device import resolve_device
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingSession

#: Most rows, evenly spaced, of an evaluation.
EVALUATION_ROWS: Final = 200_000
#: Most rows, evenly spaced, for a temperature, beside the evaluated ones.
TEMPERATURE_ROWS: Final = 4096
#: Most rows, evenly spaced, for a model's quantiles, beside the evaluated ones.
QUANTILE_ROWS: Final = 20_000


@dataclass(frozen=True)
class EvaluationRows:
    """Rows of a dataset by purpose: arrays (M,) int64, ascending, without training rows.

    Attributes:
        evaluated: rows for the metrics: of the untouched tail where there is one, else of
            validation, without those that a pretrained model has seen.
        temperature: validation rows to fit the temperature on; empty without a tail, then the
            evaluated rows serve.
        quantiles: validation rows whose quantiles the model keeps; empty where the evaluated rows
            serve, and where nothing was trained.
        traded: the newest rows, consecutive; empty where nothing is traded, and where the
            evaluated rows are complete and serve.
        hindsight: number of rows left out because the pretrained model has seen them.
    """

    evaluated: NDArray[np.int64]
    temperature: NDArray[np.int64]
    quantiles: NDArray[np.int64]
    traded: NDArray[np.int64]
    hindsight: int

    @classmethod
    def from_split(
        cls, split: Split, start: PortableModel | None, *, trades: bool
    ) -> EvaluationRows:
        """Choose the rows of a split, whose train part is empty where nothing was trained.

        `start` is the model that the training started from.

        Example:
            >>> import numpy as np
            >>> from dualwindow.data.datasets.class_index import ClassIndex
            >>> from dualwindow.data.datasets.dataset import Dataset, PairSpan, Selection
            >>> labels, seconds = np.ones(10, np.int8), 60 * np.arange(10)
            >>> features, pairs = np.zeros((10, 1), np.float32), (PairSpan("BTC/USDT", 0, 10),)
            >>> dataset = Dataset(("x",), seconds, features, labels, pairs, 60, ClassIndex(labels))
            >>> stretches = range(5), range(5, 8), range(8, 10)
            >>> parts = [Selection(dataset, [stretch]) for stretch in stretches]
            >>> rows = EvaluationRows.from_split(Split(*parts, purged=0), None, trades=False)
            >>> rows.evaluated, rows.temperature
            (array([8, 9]), array([5, 6, 7]))
        """
        has_tail, was_trained = len(split.tail) > 0, len(split.train) > 0
        validation = unseen(start, split.validation)
        candidates = split.tail if has_tail else split.validation
        evaluated = unseen(start, split.tail) if has_tail else validation
        temperature = quantiles = traded = np.empty(0, np.int64)
        if has_tail:
            temperature = validation.evenly_spaced(TEMPERATURE_ROWS)
        if was_trained and (has_tail or not len(validation)):
            # Quantiles of seen rows are better than none.
            known = validation if len(validation) else split.validation
            quantiles = known.evenly_spaced(QUANTILE_ROWS)
        if trades and len(evaluated) > EVALUATION_ROWS:
            # Trades need consecutive rows; evenly spaced ones are not.
            traded = newest_rows(evaluated, EVALUATION_ROWS)
        return cls(
            evaluated.evenly_spaced(EVALUATION_ROWS),
            temperature,
            quantiles,
            traded,
            hindsight=len(candidates) - len(evaluated),
        )

    @property
    def parts(self) -> tuple[NDArray[np.int64], ...]:
        """All rows, in the order of the attributes."""
        return self.evaluated, self.temperature, self.quantiles, self.traded


class Predicted(NamedTuple):
    """(M,) rows and the network's (M, 3) probabilities; false without rows."""

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __bool__(self) -> bool:
        return len(self.rows) > 0


@dataclass(frozen=True)
class EvaluationPredictions:
    """Predictions of `EvaluationRows`, by purpose; other rows serve a purpose without its own.

    `is_out_of_sample` tells whether the temperature is of other rows than the evaluated ones.
    """

    evaluated: Predicted
    temperature: Predicted
    quantiles: Predicted
    traded: Predicted
    is_out_of_sample: bool

    @classmethod
    def from_parts(
        cls, evaluated: Predicted, temperature: Predicted, quantiles: Predicted, traded: Predicted
    ) -> EvaluationPredictions:
        """Let the evaluated rows serve a purpose without rows; the temperature may take others."""
        return cls(
            evaluated,
            temperature or evaluated or quantiles,
            quantiles or evaluated,
            traded or evaluated,
            is_out_of_sample=bool(temperature),
        )


def predict_evaluation_rows(
    network: DualWindowNetwork,
    dataset: Dataset,
    rows: EvaluationRows,
    config: TrainingConfig,
    session: TrainingSession,
) -> EvaluationPredictions:
    """Predict all rows in one go, a share on every rank; all ranks return the same.

    The network is moved to the configured device. `should_stop` is asked before every chunk.

    Raises:
        SettingsError: when the device is not there.
        TrainingStoppedError: when `should_stop` returned true, on this rank or another.
    """
    parts = rows.parts
    everything = np.concatenate(parts)
    probabilities = np.empty((0, len(CLASS_NAMES)), np.float32)
    device, ranks = resolve_device(config.device), session.ranks
    if len(everything):
        sizes, background = ChunkSizes.from_settings(config), session.in_background
        with ComputeThreads.for_training(device, in_background=background) as threads:
            predict = partial(
                predict_rows,
                network.to(device),
                WindowStream(
                    dataset.features,
                    config.window_size,
                    sizes,
                    device=device,
                    roles=network.shape.roles,
                ),
                everything[ranks.share(len(everything))],
                device,
                should_stop=session.should_stop,
                threads=threads,
            )
            probabilities = np.concatenate(ranks.gathered(predict))
    by_part = np.split(probabilities, np.cumsum([len(part) for part in parts])[:-1])
    return EvaluationPredictions.from_parts(*map(Predicted, parts, by_part))
