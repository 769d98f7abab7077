"""Rows that the evaluation at the end of a training needs, by purpose, and their predictions."""

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

#: Most rows that an evaluation predicts, evenly spaced.
EVALUATION_ROWS: Final = 200_000

#: Most rows that a temperature is fitted on beside those that are evaluated, evenly spaced.
TEMPERATURE_ROWS: Final = 4096

#: Most rows that a model keeps the quantiles of beside those that are evaluated, evenly spaced.
QUANTILE_ROWS: Final = 20_000


@dataclass(frozen=True)
class EvaluationRows:
    """Rows of a dataset by purpose: each (M,) int64, ascending, none of them a training row.

    Attributes:
        evaluated: those that the figures are of: of the untouched tail where there is one, else of
            validation; only such as a pretrained model has not seen.
        temperature: validation rows that the temperature is fitted on; empty without a tail, then
            the evaluated rows serve.
        quantiles: validation rows that the model keeps the quantiles of; empty where the evaluated
            rows serve, and where nothing was trained.
        traded: the newest rows to evaluate, one after another; empty where nothing is traded, and
            where the evaluated rows are complete and serve.
        hindsight: number of rows not evaluated because the pretrained model has seen them.
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
        """Choose the rows.

        Args:
            split: of the training; its train part is empty where nothing was trained.
            start: model that the training started from.
            trades: whether decisions are traded.
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
            # Evenly spaced rows are not one after another, as trades need it.
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
        """In the order of the attributes."""
        return self.evaluated, self.temperature, self.quantiles, self.traded


class Predicted(NamedTuple):
    """(M,) rows and the network's (M, 3) probabilities of them."""

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __bool__(self) -> bool:
        """Whether there are rows."""
        return len(self.rows) > 0


@dataclass(frozen=True)
class EvaluationPredictions:
    """Predictions of `EvaluationRows`, by purpose.

    Attributes:
        evaluated: may be empty.
        temperature: of the rows apart, else the evaluated ones, else those of the quantiles; empty
            where all are.
        quantiles: of the rows apart, else the evaluated ones.
        traded: of the rows apart, else the evaluated ones.
        is_out_of_sample: whether the temperature is of other rows than the evaluated ones.
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
        """Let other rows serve where a purpose has none of its own."""
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
    """Predict all rows in one go, each rank its share; all ranks return the same.

    Args:
        network: as trained; it is moved to the device that predicts.
        dataset: that the rows belong to.
        rows: of the evaluation.
        config: device, window and chunk settings.
        session: whose `should_stop` is asked before every chunk.

    Raises:
        SettingsError: when the device is not there.
        TrainingStoppedError: when `should_stop` asked for it, on this rank or another.
    """
    parts = rows.parts
    everything = np.concatenate(parts)
    probabilities = np.empty((0, len(CLASS_NAMES)), np.float32)
    device, ranks = resolve_device(config.device), session.ranks
    if len(everything):
        sizes = ChunkSizes.from_settings(config)
        background = session.in_background
        with ComputeThreads.for_training(device, in_background=background) as threads:
            predict = partial(
                predict_rows,
                network.to(device),
                WindowStream(dataset.features, config.window_size, sizes, device=device),
                everything[ranks.share(len(everything))],
                device,
                should_stop=session.should_stop,
                threads=threads,
            )
            probabilities = np.concatenate(ranks.gathered(predict))
    ends = np.cumsum([len(part) for part in parts])[:-1]
    split = np.split(probabilities, ends)
    return EvaluationPredictions.from_parts(*map(Predicted, parts, split))
