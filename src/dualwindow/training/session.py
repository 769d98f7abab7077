"""How a training runs, and facts about its candles: created once by the caller, passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.labels import BothTouched
from dualwindow.models.chain.former import Chain
from dualwindow.models.portable import PortableModel
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.training.hooks import TrainingHook


@dataclass(frozen=True)
class TrainingTime:
    """What a training is of, and how long it may take.

    Attributes:
        epoch: seconds of an epoch.
        evaluation: seconds of the evaluation after the last one.
        window: seconds of a predicted window.
        text: of what it is and how long it takes at most, in words.
    """

    epoch: float
    evaluation: float
    window: float
    text: str = ""


@dataclass(frozen=True)
class TrainingSession:
    """How a training runs; without arguments alone, to its end, and without writing anything.

    Attributes:
        hooks: called after every epoch, on the first rank.
        should_stop: asked before every batch and every chunk of predictions; true on one rank ends
            the training on all of them with `TrainingStoppedError`.
        progress: called on the first rank after every step with the windows of the epoch that are
            done, and their number.
        estimated: called before the first epoch with the time that the training may take.
        checkpoint_path: file for the state after an epoch, written no more often than every few
            seconds, and whenever the training breaks off. A training with the same
            `training_identity` resumes from it and ends with bit-identical weights; its hooks see
            only its own epochs. The file stays, because the model is not saved yet: once it is,
            call `remove_checkpoint`. None writes none.
        spares_checkpoint: refuse where the checkpoint is of another training, which would be lost.
        figures_path: JSON file for the metrics; None writes none.
        in_background: leave a core to the rest of the process and give way to it; the calling
            thread has to be one that only trains.
        ranks: processes that train together with the same data and settings. All take a share of
            every batch and of the evaluation, so that `batch_size` means the same as in one
            process, and return the same. Only the first logs the result and writes files.
        start: model of the setting `pretrained` that the training starts from, with its scaler and
            mirror; None starts from random weights.
        chain: begins from the former model where it may, and sets choosing rows apart from those of
            validation; None trains fully.

    Example:
        >>> from dataclasses import replace
        >>> from dualwindow.training.hooks import LogHook
        >>> session = TrainingSession(hooks=[LogHook()], figures_path=Path("evaluation.json"))
        >>> session.should_stop()
        False
        >>> replace(session, in_background=True).figures_path.name
        'evaluation.json'
    """

    hooks: Sequence[TrainingHook] = ()
    should_stop: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda _done, _total: None
    estimated: Callable[[TrainingTime], None] = lambda _time: None
    checkpoint_path: Path | None = None
    spares_checkpoint: bool = False
    figures_path: Path | None = None
    in_background: bool = False
    ranks: Ranks = ALONE
    start: PortableModel | None = None
    chain: Chain | None = None


@dataclass(frozen=True)
class DatasetFacts:
    """Facts about a dataset's candles that the dataset does not hold.

    Attributes:
        context: the candles before those that the model predicts first; None for a model of any
            candles.
        touches: how often one candle touched both barriers of a side, for the log.
        expected_candles: candles that the training period should hold; fewer usable ones give a
            warning, far fewer are refused.
        venue: where the decisions on the evaluated rows are traded; None trades nothing.
    """

    context: CandleArrays | None = None
    touches: BothTouched | None = None
    expected_candles: int | None = None
    venue: TradeVenue | None = None


#: A training in this process, without hooks or files.
QUIET: Final = TrainingSession()
NO_FACTS: Final = DatasetFacts()
