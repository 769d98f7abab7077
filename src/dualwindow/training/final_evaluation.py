"""The evaluation that ends a training: baselines from its training rows, figures on other rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.dataset_trades import TradeVenue, trade_rows
from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLOSE_CHANGE
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import Split
from dualwindow.data.datasets.statistics import trained_prior
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.volatility import trailing_volatility
from dualwindow.evaluation import Comparison, Evaluation, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.portable import PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.evaluation_rows import (
    EvaluationPredictions,
    EvaluationRows,
    Predicted,
    predict_evaluation_rows,
)
from dualwindow.training.initial_network import seen_counts
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.trainer import FittedNetwork

#: Most training rows that the baselines are fitted on, evenly spaced.
BASELINE_ROWS: Final = 100_000


def evaluate_training(
    fitted: FittedNetwork,
    split: Split,
    config: TrainingConfig,
    facts: DatasetFacts,
    session: TrainingSession,
) -> TrainingOutcome:
    """Make the model of a network and evaluate it on rows that it was not trained on.

    Args:
        fitted: the network.
        split: rows of the training; its train part is empty where the session's pretrained model
            is used as it is, then reference, quantiles and calibration are that model's.
        config: training settings.
        facts: the context that the model keeps, and where its decisions are traded.
        session: of the training.

    Raises:
        TrainingStoppedError: when the session's `should_stop` asked for it.
    """
    dataset, network = split.train.dataset, fitted.network
    rows = EvaluationRows.from_split(split, session.start, trades=facts.venue is not None)
    predicted = predict_evaluation_rows(network, dataset, rows, config, session)
    reference, quantiles, calibration = _confidence(
        network, split.train, config, session.start, predicted
    )
    context = CandleArrays.none(dataset.names) if facts.context is None else facts.context
    model = TrainedModel(
        network, config, context, dataset.candle_seconds, quantiles, calibration=calibration
    )
    evaluation = after_fees = None
    if predicted.evaluated:
        uncalibrated = reference
        if reference is not None and calibration is not None:
            reference = replace(reference, calibration=calibration)
        # A temperature that was fitted on the evaluated rows would flatter them.
        compared = reference if predicted.is_out_of_sample else uncalibrated
        evaluation = _evaluation(model, dataset, predicted.evaluated, compared)
        if facts.venue is not None:
            after_fees = _after_fees(model, dataset, predicted.traded, facts.venue, session.ranks)
    return TrainingOutcome(
        model,
        split,
        fitted,
        evaluation,
        reference=reference,
        after_fees=after_fees,
        hindsight=rows.hindsight,
        touches=facts.touches,
        start=session.start,
    )


def _confidence(
    network: DualWindowNetwork,
    train: Selection,
    config: TrainingConfig,
    start: PortableModel | None,
    predicted: EvaluationPredictions,
) -> tuple[Reference | None, ValidationQuantiles | None, Calibration | None]:
    """Reference, without a temperature where it was fitted here, quantiles and calibration."""
    reference, quantiles, calibration = None, None, None
    if len(train):
        reference = fit_reference(train, config, mirrored=network.mirrors)
        known = seen_counts(train, mirrored=network.mirrors) > 0
        quantiles = ValidationQuantiles.from_probabilities(predicted.quantiles.probabilities, known)
    elif start is not None:
        reference = start.reference
        quantiles, calibration = start.model.quantiles, start.model.calibration
    if calibration is None and reference is not None:
        calibration = _with_temperature(reference.calibration, train.dataset, predicted.temperature)
    return reference, quantiles, calibration


def _with_temperature(
    calibration: Calibration, dataset: Dataset, predicted: Predicted
) -> Calibration | None:
    """The calibration, fitted unless it has a temperature; None where there are no rows to fit."""
    if calibration.temperature is not None:
        return calibration
    rows, probabilities = predicted
    return calibration.fitted(dataset.labels[rows], probabilities) if predicted else None


def _evaluation(
    model: TrainedModel, dataset: Dataset, predicted: Predicted, reference: Reference | None
) -> Evaluation:
    rows, probabilities = predicted
    config, comparison = model.config, None
    if reference is not None:
        comparison = comparison_of(dataset, rows, config, reference)
    return evaluate(
        dataset.labels[rows],
        probabilities,
        model.thresholds(config),
        comparison,
        model.calibrated(probabilities, config),
    )


def _after_fees(
    model: TrainedModel, dataset: Dataset, predicted: Predicted, venue: TradeVenue, ranks: Ranks
) -> AfterFees | None:
    """Trade the model's decisions on the first rank, which has the prices, and tell all."""
    rows, probabilities = predicted
    config = model.config
    decisions = model.calibrated(probabilities, config).decide(model.thresholds(config))
    return ranks.from_first(lambda: trade_rows(dataset, rows, decisions, config, venue))


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
    """Pair evaluated rows of a dataset with the reference that their predictions are compared with.

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
