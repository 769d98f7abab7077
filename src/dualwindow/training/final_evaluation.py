"""The evaluation that ends a training: baselines from its training rows, figures on other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.dataset_trades import TradeVenue, newest_rows, trade_rows
from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLASS_NAMES, CLOSE_CHANGE
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.statistics import mirrored_counts, trained_prior
from dualwindow.data.features.volatility import trailing_volatility
from dualwindow.evaluation import Comparison, Evaluation, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.distributed import Ranks
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig

#: Most rows that an evaluation predicts, evenly spaced.
EVALUATION_ROWS: Final = 200_000

#: Most training rows that the baselines are fitted on, evenly spaced.
BASELINE_ROWS: Final = 100_000

#: Most rows that a temperature is fitted on beside those that are evaluated, evenly spaced.
TEMPERING_ROWS: Final = 4096

#: Most rows that a model keeps the quantiles of beside those that are evaluated, evenly spaced.
RANKED_ROWS: Final = 20_000


@dataclass(frozen=True)
class Judgement:
    """A model's evaluation, and what it was judged by.

    Attributes:
        evaluation: None where there were no rows to evaluate on.
        reference: with the temperature of rows after the training, so that they judge the model
            on any other candles; None where nothing was trained.
        quantiles: of the ranked rows, or those that the model had before; None without either.
        calibration: with the temperature of the tempering rows, else of those that are evaluated,
            else of the ranked ones; or the one that the model had before; None without either.
        after_fees: what the decisions would have earned; None where there are no prices.
    """

    evaluation: Evaluation | None
    reference: Reference | None
    quantiles: ValidationQuantiles | None
    calibration: Calibration | None
    after_fees: AfterFees | None = None


def judge(
    model: TrainedModel,
    train: Selection,
    evaluated: Selection,
    *,
    tempering: Selection,
    ranked: Selection,
    should_stop: Callable[[], bool],
    threads: ComputeThreads,
    ranks: Ranks,
    market: TradeVenue | None = None,
    used: Reference | None = None,
) -> Judgement:
    """Evaluate a model on rows that it was not trained on.

    Args:
        model: as trained.
        train: rows of its training; may be empty, then it is compared by `used`.
        evaluated: rows to evaluate on.
        tempering: further rows that the temperature is fitted on; where there are none, those that
            are evaluated give it to each other.
        ranked: rows whose probabilities a trained model is to keep the quantiles of.
        should_stop: true ends it with `TrainingStoppedError`.
        threads: that predict.
        ranks: that each predict a share of the rows; all return the same.
        market: where the decisions on the evaluated rows are traded, the newest of them where
            they are too many; None trades nothing.
        used: what a model was judged by that is used as it is; None where nobody knows.
    """
    dataset, config = train.dataset, model.config
    reference = fit_reference(train, config, mirrored=model.mirrors) if len(train) else used
    rows = evaluated.evenly_spaced(EVALUATION_ROWS)
    is_ranked = model.quantiles is None and len(train) > 0
    # Without a tail the ranked rows are those that are evaluated.
    apart = is_ranked and ranked is not evaluated
    # Of too many rows those that are evenly spaced cannot be traded.
    spaced = market is not None and len(evaluated) > len(rows)
    parts = (
        rows,
        tempering.evenly_spaced(TEMPERING_ROWS),
        ranked.evenly_spaced(RANKED_ROWS if apart else 0),
        newest_rows(evaluated, EVALUATION_ROWS if spaced else 0),
    )
    predicted, further, of_ranked, newest = _predicted(
        model, dataset, parts, should_stop=should_stop, threads=threads, ranks=ranks
    )
    quantiles = model.quantiles
    if is_ranked and (len(rows) or len(of_ranked.rows)):
        known = _known_classes(train, mirrored=model.mirrors)
        quantiles = ValidationQuantiles.from_probabilities(
            (of_ranked if apart else predicted).probabilities, known
        )
    calibration = model.calibration
    if calibration is None and reference is not None:
        calibration = _fitted(reference.calibration, dataset, (further, predicted, of_ranked))
    if not len(rows):
        return Judgement(None, reference, quantiles, calibration)
    whole = model.with_confidence(quantiles, calibration)
    calibrated = reference
    if reference is not None and calibration is not None:
        calibrated = replace(reference, calibration=calibration)
    comparison = None
    if reference is not None and calibrated is not None:
        # Rows that gave the temperature are not judged by it.
        judging = calibrated if len(further.rows) else reference
        comparison = comparison_of(dataset, rows, config, judging)
    thresholds = whole.thresholds(config)
    evaluation = evaluate(
        dataset.labels[rows],
        predicted.probabilities,
        thresholds,
        comparison,
        whole.calibrated(predicted.probabilities, config),
    )
    earned = None
    if market is not None:
        traded = newest if spaced else predicted
        decisions = whole.calibrated(traded.probabilities, config).decide(thresholds)
        earned = ranks.from_first(
            lambda: trade_rows(dataset, traded.rows, decisions, config, market)
        )
    return Judgement(evaluation, calibrated, quantiles, calibration, earned)


class _Predicted(NamedTuple):
    """What a model says: (M,) rows and (M, 3) probabilities."""

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def _predicted(
    model: TrainedModel,
    dataset: Dataset,
    parts: Sequence[NDArray[np.int64]],
    *,
    should_stop: Callable[[], bool],
    threads: ComputeThreads,
    ranks: Ranks,
) -> list[_Predicted]:
    """Predict some parts' rows at once, each rank its share."""
    every = np.concatenate(parts)
    if not len(every):
        return [_Predicted(part, np.empty((0, len(CLASS_NAMES)), np.float32)) for part in parts]
    predict = partial(
        model.probabilities,
        dataset.features,
        every[ranks.share(len(every))],
        should_stop=should_stop,
        threads=threads,
    )
    predicted = np.concatenate(ranks.gathered(predict))
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return [_Predicted(*each) for each in zip(parts, np.split(predicted, ends), strict=True)]


def _fitted(
    calibration: Calibration, dataset: Dataset, parts: Sequence[_Predicted]
) -> Calibration | None:
    """A calibration with the temperature of the first part that has rows, unless it has one."""
    if calibration.temperature is not None:
        return calibration
    for rows, probabilities in parts:
        if len(rows):
            return calibration.fitted(dataset.labels[rows], probabilities)
    return None


def _known_classes(train: Selection, *, mirrored: bool) -> NDArray[np.bool_]:
    """(3,) whether the network has seen windows of the class."""
    counts = train.counts
    return np.asarray((mirrored_counts(counts) if mirrored else counts) > 0)


def fit_reference(train: Selection, config: TrainingConfig, *, mirrored: bool) -> Reference:
    """Fit baselines and priors on the training rows; there is no temperature yet.

    Args:
        train: the training rows.
        config: training settings.
        mirrored: whether half of the windows were mirrored.
    """
    rows = train.evenly_spaced(BASELINE_ROWS)
    baselines = Baselines.fit(
        train.dataset.labels[rows],
        volatility_of(train.dataset, rows, config),
        mixed_in=config.future_window,
    )
    trained = trained_prior(train.counts, config.class_balance, mirrored=mirrored)
    return Reference(baselines, Calibration(class_prior=baselines.prior, trained=trained))


def comparison_of(
    dataset: Dataset, rows: NDArray[np.int64], config: TrainingConfig, reference: Reference
) -> Comparison:
    """What the judged rows of a dataset are compared with.

    Args:
        dataset: that the rows belong to.
        rows: (N,) rows with a class.
        config: window settings.
        reference: of the model.
    """
    return Comparison(
        reference=reference,
        seconds=dataset.seconds[rows],
        volatility=volatility_of(dataset, rows, config),
        future_seconds=config.future_window * dataset.candle_seconds,
    )


def volatility_of(
    dataset: Dataset, rows: NDArray[np.int64], config: TrainingConfig
) -> NDArray[np.float64] | None:
    """(N,) trailing volatility over the window of each row; None without `close_change`.

    Args:
        dataset: in memory or mapped.
        rows: (N,) rows with a class, so that their windows are valid.
        config: window settings.
    """
    if CLOSE_CHANGE not in dataset.names:
        return None
    changes = dataset.features[:, dataset.names.index(CLOSE_CHANGE)]
    return trailing_volatility(changes, rows, config.window_size)
