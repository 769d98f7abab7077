"""From candles and labels to a trained, evaluated model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import split_for_training
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, RankLostError
from dualwindow.labels import BothTouched
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import require_features, settings_from, unseen, untrained_network
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.device import resolve_device
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.runtime.files import write_json
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import judge
from dualwindow.training.hooks import TrainingHook
from dualwindow.training.result import FinishedTraining, log_training, training_figures
from dualwindow.training.trainer import Trainer, TrainingResult

logger = logging.getLogger(__name__)


def train_model(
    candles: CandleArrays,
    labels: NDArray[np.int8],
    config: TrainingConfig,
    *,
    name: str,
    candle_seconds: int = 60,
    touches: BothTouched | None = None,
    expected_candles: int | None = None,
    figures_path: Path | None = None,
    hooks: Sequence[TrainingHook] = (),
    should_stop: Callable[[], bool] = lambda: False,
    in_background: bool = False,
    checkpoint_path: Path | None = None,
    start: PortableModel | None = None,
    market: TradeVenue | None = None,
) -> TrainedModel:
    """Train on one pair's candles in memory; the model keeps the last of them as its context.

    Args:
        candles: N rows in time order.
        labels: (N,) int8 classes, -1 where unknown.
        config: training settings.
        name: what the log and the errors call this training, such as the pair.
        candle_seconds: seconds between two candles.
        touches: as in `train_dataset`, like those that follow.
        expected_candles: likewise.
        figures_path: likewise.
        hooks: likewise.
        should_stop: likewise.
        in_background: likewise.
        checkpoint_path: likewise.
        start: likewise.
        market: likewise; the pair is called `name`.

    Raises:
        DataError: when the candles are too few or hold nothing to learn; the message begins with
            `name`.
    """
    if config.epochs and len(candles) < config.window_size + config.future_window:
        raise DataError(
            f"{name}: {len(candles)} candles are fewer than one window and one future "
            f"({config.window_size} + {config.future_window}); download more history or train on "
            "more days"
        )
    dataset = Dataset.from_candles(
        candles, labels, config, name=name, candle_seconds=candle_seconds
    )
    return train_dataset(
        dataset,
        config,
        name=name,
        context=candles.tail(config.window_size - 1),
        touches=touches,
        expected_candles=expected_candles,
        figures_path=figures_path,
        hooks=hooks,
        should_stop=should_stop,
        in_background=in_background,
        checkpoint_path=checkpoint_path,
        start=start,
        market=market,
    ).model


def train_dataset(
    dataset: Dataset,
    config: TrainingConfig,
    *,
    name: str,
    context: CandleArrays | None = None,
    touches: BothTouched | None = None,
    expected_candles: int | None = None,
    figures_path: Path | None = None,
    hooks: Sequence[TrainingHook] = (),
    should_stop: Callable[[], bool] = lambda: False,
    in_background: bool = False,
    checkpoint_path: Path | None = None,
    tail_fraction: float = 0.0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    ranks: Ranks = ALONE,
    start: PortableModel | None = None,
    spares_checkpoint: bool = False,
    market: TradeVenue | None = None,
) -> FinishedTraining:
    """Split, train, evaluate on rows not trained on, log the figures and write them.

    Args:
        dataset: one pair or many, in memory or mapped.
        config: training settings.
        name: what the log and the errors call this training.
        context: the candles before those that the model will predict first; none for a model that
            is to predict anything.
        touches: how often one candle touched both barriers of a side, to be reported.
        expected_candles: candles that the training period should hold; fewer usable ones earn a
            warning, far fewer are refused.
        figures_path: where the figures go as JSON; None writes none.
        hooks: told after every epoch.
        should_stop: true ends the training with `TrainingStoppedError`.
        in_background: train beside a running bot, see `Trainer`.
        checkpoint_path: file from which an interrupted training goes on, see `Trainer`. It stays:
            the model that is returned is not saved yet. Once it is, call `remove_checkpoint`.
        tail_fraction: newest share of the rows that is evaluated on and seen by nothing else; 0
            evaluates on the validation rows, which have chosen the best epoch.
        progress: told after every step windows of the epoch that are done, and windows in all.
        ranks: that train together, see `Trainer`. They share the evaluation too, and all return
            the same; only the first logs and writes figures.
        start: model of `config.pretrained` that the training starts from, see `load_pretrained`.
            With `epochs` 0 it is used as it is, however few the candles, and evaluated where it
            can be.
        spares_checkpoint: refuse where the checkpoint is of another training, which would be lost.
        market: where the decisions on the evaluated rows are traded; None trades nothing.

    Raises:
        SettingsError: when the settings or features are not those of `start`.
        DataError: when there are too few candles or nothing to learn; the message begins with
            `name`.
        MemoryLimitError: when even one batch does not fit.
        RankLostError: when another rank has ended; the message names the checkpoint.
    """
    if start is not None:
        require_features(start, dataset.names)
        config = settings_from(start, config)
    elif config.pretrained is not None:
        raise ValueError("the settings name a pretrained model, and none was handed over")
    try:
        split = split_for_training(dataset, config, tail_fraction, expected_candles)
        fit: Callable[[], TrainingResult]
        if start is not None and not config.epochs:
            fit = partial(_as_it_is, start, config)
        else:
            fit = Trainer(
                dataset,
                split,
                config,
                hooks=hooks,
                should_stop=should_stop,
                in_background=in_background,
                checkpoint=checkpoint_path,
                spares_checkpoint=spares_checkpoint,
                progress=progress,
                ranks=ranks,
                start=start,
            ).fit
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    if context is None:
        context = CandleArrays.none(dataset.names)
    device = resolve_device(config.device)
    with _naming_the_way_on(checkpoint_path):
        result = fit()
        model = TrainedModel(result.network, config, context, dataset.candle_seconds)
        if start is not None and not config.epochs:
            model = model.with_confidence(start.model.quantiles, start.model.calibration)
        with ComputeThreads.for_training(device, in_background=in_background) as threads:
            evaluated = split.tail if len(split.tail) else split.validation
            fresh = unseen(start, split.validation)
            rows = unseen(start, split.tail) if len(split.tail) else fresh
            none = Selection(dataset, ())
            judged = judge(
                model,
                split.train,
                rows,
                tempering=fresh if len(split.tail) else none,
                ranked=fresh if len(fresh) else split.validation,
                should_stop=should_stop,
                threads=threads,
                ranks=ranks,
                market=market,
                used=start.reference if start is not None else None,
            )
    model = model.with_confidence(judged.quantiles, judged.calibration)
    hindsight = len(evaluated) - len(rows)
    finished = FinishedTraining(
        model,
        split,
        result,
        judged.evaluation,
        hindsight,
        judged.reference,
        judged.after_fees,
    )
    if not ranks.is_first:
        return finished
    log_training(name, finished, start)
    if touches is not None:
        logger.info(
            "%s: take profit and stop loss lay in one candle for %d longs and %d shorts, which "
            "count as stopped",
            name,
            touches.long,
            touches.short,
        )
    if figures_path is not None:
        figures_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(figures_path, {"name": name, **training_figures(finished, touches)})
    return finished


@contextmanager
def _naming_the_way_on(checkpoint: Path | None) -> Iterator[None]:
    """Say how to go on when another rank is lost."""
    try:
        yield
    except RankLostError as error:
        way = "start again"
        if checkpoint is not None:
            way = (
                f"the checkpoint {checkpoint} of the epochs that had ended is kept, start again "
                "with --resume to go on from it"
            )
        raise RankLostError(f"{error}; {way}") from error


def _as_it_is(start: PortableModel, config: TrainingConfig) -> TrainingResult:
    return TrainingResult(untrained_network(start, config), [], 0)
