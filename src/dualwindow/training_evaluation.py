"""The evaluation that ends a training: baselines from its training rows, figures on other rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.balance import mirrored_counts
from dualwindow.columns import CLOSE_CHANGE
from dualwindow.compute_threads import ComputeThreads
from dualwindow.coverage import ValidationQuantiles
from dualwindow.dataset import Dataset, Selection
from dualwindow.evaluation import Comparison, Evaluation, Yardsticks, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.evaluation.calibration import Calibration, trained_prior
from dualwindow.evaluation.volatility import trailing_volatility
from dualwindow.judged_trades import TradeMarket, newest_rows, trade_rows
from dualwindow.ranks import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.trade_figures import AfterFees
from dualwindow.trained import TrainedModel

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
        yardsticks: with the temperature of rows after the training, so that they judge the model
            on any other candles; None where nothing was trained.
        quantiles: of the ranked rows, or those that the model had before; None without either.
        calibration: with the temperature of the tempering rows, else of those that are evaluated,
            else of the ranked ones; or the one that the model had before; None without either.
        after_fees: what the decisions would have earned; None where there are no prices.
    """

    evaluation: Evaluation | None
    yardsticks: Yardsticks | None
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
    market: TradeMarket | None = None,
    used: Yardsticks | None = None,
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
    yardsticks = yardsticks_of(train, config, mirrored=model.mirrors) if len(train) else used
    rows = evaluated.evenly_spaced(EVALUATION_ROWS)
    further = tempering.evenly_spaced(TEMPERING_ROWS)
    ranks_rows = model.quantiles is None and len(train) > 0
    # Without a tail the ranked rows are those that are evaluated.
    apart = RANKED_ROWS if ranks_rows and ranked is not evaluated else 0
    at_ranked = ranked.evenly_spaced(apart)
    # Of too many rows those that are evenly spaced cannot be traded.
    spaced = market is not None and len(evaluated) > len(rows)
    traded = newest_rows(evaluated, EVALUATION_ROWS if spaced else 0)
    every = np.concatenate([rows, further, at_ranked, traded])
    if not len(every):
        return Judgement(None, yardsticks, model.quantiles, model.calibration)
    predict = partial(
        model.probabilities,
        dataset.features,
        every[ranks.share(len(every))],
        should_stop=should_stop,
        threads=threads,
    )
    predicted = np.concatenate(ranks.gathered(predict))
    probabilities, of_further, of_ranked, of_traded = np.split(
        predicted, [len(rows), len(rows) + len(further), len(every) - len(traded)]
    )
    quantiles = model.quantiles
    if ranks_rows:
        known = _known_classes(train, mirrored=model.mirrors)
        quantiles = ValidationQuantiles.of(of_ranked if apart else probabilities, known)
    calibration = model.calibration
    if calibration is None and used is not None and yardsticks is used:
        calibration = used.calibration
    elif calibration is None and yardsticks is not None:
        fitted_on = (further, of_further) if len(further) else (rows, probabilities)
        at, own = fitted_on if len(fitted_on[0]) else (at_ranked, of_ranked)
        calibration = yardsticks.calibration.fitted(dataset.labels[at], own)
    if not len(rows):
        return Judgement(None, yardsticks, quantiles, calibration)
    comparison = None
    if yardsticks is not None:
        if len(further) and calibration is not None:
            yardsticks = replace(yardsticks, calibration=calibration)
        comparison = comparison_of(dataset, rows, config, yardsticks)
    whole = model.with_confidence(quantiles, calibration)
    thresholds = whole.thresholds(config)
    said = whole.calibrated(probabilities, config)
    evaluation = evaluate(dataset.labels[rows], probabilities, thresholds, comparison, said)
    if yardsticks is not None and calibration is not None:
        yardsticks = replace(yardsticks, calibration=calibration)
    earned = None
    if market is not None:
        if spaced:
            said = whole.calibrated(of_traded, config)
        else:
            traded = rows
        decisions = said.decide(thresholds)
        earned = ranks.from_first(lambda: trade_rows(dataset, traded, decisions, config, market))
    return Judgement(evaluation, yardsticks, quantiles, calibration, earned)


def _known_classes(train: Selection, *, mirrored: bool) -> NDArray[np.bool_]:
    """(3,) whether the network has seen windows of the class."""
    counts = train.counts
    return np.asarray((mirrored_counts(counts) if mirrored else counts) > 0)


def yardsticks_of(train: Selection, config: TrainingConfig, *, mirrored: bool) -> Yardsticks:
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
    return Yardsticks(baselines, Calibration(market=baselines.prior, trained=trained))


def comparison_of(
    dataset: Dataset, rows: NDArray[np.int64], config: TrainingConfig, yardsticks: Yardsticks
) -> Comparison:
    """What the judged rows of a dataset are compared with.

    Args:
        dataset: that the rows belong to.
        rows: (N,) rows with a class.
        config: window settings.
        yardsticks: of the model.
    """
    return Comparison(
        yardsticks=yardsticks,
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
