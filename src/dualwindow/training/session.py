"""How a training runs and what is known of its candles: made once by the caller, handed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.labels import BothTouched
from dualwindow.models.portable import PortableModel
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.training.hooks import TrainingHook


def _never() -> bool:
    return False


def _ignored(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class TrainingSession:
    """How a training runs; without arguments alone, to its end, and quietly.

    Attributes:
        hooks: told after every epoch, on the first rank.
        should_stop: asked before every batch and every chunk of predictions; true on one rank ends
            the training on all of them with `TrainingStoppedError`.
        progress: told after every step how many of the epoch's windows are done, and how many
            there are, on the first rank.
        checkpoint_path: file that takes the state after an epoch, no more often than every few
            seconds, and whenever the training breaks off. A training with the same
            `training_identity` goes on from it and ends with the same weights, bit for bit; its
            hooks are told only of the epochs that it trains itself. The file stays, because the
            model is not saved yet: once it is, call `remove_checkpoint`. None writes none.
        spares_checkpoint: refuse where the checkpoint is of another training, which would be lost.
        figures_path: JSON file that takes the figures; None writes none.
        in_background: leave a core to the rest of the process and give way to it; the calling
            thread has to be one that only trains.
        ranks: that train together, all with the same data and settings. Each takes its share of
            every batch and of the evaluation, so that `batch_size` means the same as in one
            process, and all return the same. Only the first logs the result and writes files.
        start: model of the setting `pretrained` that the training starts from, with its scaler and
            mirror; None begins with random weights.
    """

    hooks: Sequence[TrainingHook] = ()
    should_stop: Callable[[], bool] = _never
    progress: Callable[[int, int], None] = _ignored
    checkpoint_path: Path | None = None
    spares_checkpoint: bool = False
    figures_path: Path | None = None
    in_background: bool = False
    ranks: Ranks = ALONE
    start: PortableModel | None = None


@dataclass(frozen=True)
class DatasetFacts:
    """What a caller knows of a dataset's candles that the dataset does not hold.

    Attributes:
        context: the candles before those that the model will predict first; None for a model that
            is to predict anything.
        touches: how often one candle touched both barriers of a side, to be reported.
        expected_candles: candles that the training period should hold; fewer usable ones earn a
            warning, far fewer are refused.
        venue: where the decisions on the evaluated rows are traded; None trades nothing.
    """

    context: CandleArrays | None = None
    touches: BothTouched | None = None
    expected_candles: int | None = None
    venue: TradeVenue | None = None


#: A training in this process that writes nothing and tells nobody.
QUIET: Final = TrainingSession()

NO_FACTS: Final = DatasetFacts()
