"""The evaluation that ends a training: baselines from its training rows, figures on other rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.dataset_trades import trade_rows
from dualwindow.columns import CLOSE_CHANGE
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import Split
from dualwindow.data.datasets.statistics import trained_prior
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.windows import trailing_volatility
from dualwindow.evaluation import Comparison, Evaluation, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.portable import PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training.evaluation_rows import (
    EvaluationPredictions,
    EvaluationRows,
    Predicted,
    predict_evaluation_rows,
)
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.start.network import seen_counts
from dualwindow.training.trainer import FittedNetwork

#: Most candles of a store, which may be larger than memory, whose features' spread is found.
_STORE_ROWS: Final = 300_000
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

    The train part of the split is empty where the session's pretrained model is used as it is; then
    reference, quantiles and calibration are that model's.

    Raises:
        TrainingStoppedError: when the session's `should_stop` returned true.
    """
    dataset, network = split.train.dataset, fitted.network
    rows = EvaluationRows.from_split(split, session.start, trades=facts.venue is not None)
    predicted = predict_evaluation_rows(network, dataset, rows, config, session)
    reference, quantiles, calibration = _confidence(
        network, split.train, config, session.start, predicted
    )
    context = CandleArrays.none(dataset.names) if facts.context is None else facts.context
    model = TrainedModel(
        network,
        config,
        context,
        dataset.candle_seconds,
        quantiles,
        calibration=calibration,
        link=fitted.link,
    )
    evaluation = after_fees = None
    if predicted.evaluated:
        uncalibrated = reference
        if reference is not None and calibration is not None:
            reference = replace(reference, calibration=calibration)
        # A temperature that was fitted on the evaluated rows would flatter them.
        compared = reference if predicted.is_out_of_sample else uncalibrated
        evaluation = _evaluation(model, dataset, predicted.evaluated, compared)
        if (venue := facts.venue) is not None:
            traded, probabilities = predicted.traded
            calibrated = model.calibrated(probabilities, config)
            decisions = calibrated.decide(model.thresholds(config))
            # The first rank alone has the prices.
            after_fees = session.ranks.from_first(
                lambda: trade_rows(dataset, traded, decisions, config, venue)
            )
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
        spread=_spread(split.train, session.start, _STORE_ROWS if facts.context is None else None),
    )


def _spread(
    train: Selection, start: PortableModel | None, most: int | None
) -> FeatureSpread | None:
    """Spread of the features of the training rows, labelled or not, or of `most` of them.

    Without a row, that of the model that is used as it is.
    """
    dataset = train.dataset
    parts = [dataset.features[own.start : own.stop] for own in train.stretches]
    if not parts:
        return None if start is None else start.spread
    return FeatureSpread.of_parts(dataset.names, parts, dataset.candle_seconds, most)


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
        quantiles = ValidationQuantiles.from_probabilities(
            predicted.quantiles.probabilities, known, config.confidence_measure
        )
    elif start is not None:
        reference = start.reference
        quantiles, calibration = start.model.quantiles, start.model.calibration
    if calibration is None and reference is not None:
        if reference.calibration.temperature is not None:
            calibration = reference.calibration
        elif predicted.temperature:
            rows, probabilities = predicted.temperature
            labels = train.dataset.labels[rows]
            calibration = reference.calibration.fitted(labels, probabilities)
    return reference, quantiles, calibration


def _evaluation(
    model: TrainedModel, dataset: Dataset, predicted: Predicted, reference: Reference | None
) -> Evaluation:
    rows, probabilities = predicted
    config = model.config
    return evaluate(
        dataset.labels[rows],
        probabilities,
        model.thresholds(config),
        comparison_of(dataset, rows, config, reference) if reference else None,
        model.calibrated(probabilities, config),
    )


def fit_reference(train: Selection, config: TrainingConfig, *, mirrored: bool) -> Reference:
    """Fit baselines and priors, without a temperature, on the training rows.

    `mirrored` tells whether half of the windows were mirrored.
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
    """Pair evaluated rows, (N,) with a class, with the reference to compare predictions with."""
    return Comparison(
        reference=reference,
        seconds=dataset.seconds[rows],
        volatility=volatility_of(dataset, rows, config),
        future_seconds=config.future_window * dataset.candle_seconds,
    )


def volatility_of(
    dataset: Dataset, rows: NDArray[np.int64], config: TrainingConfig
) -> NDArray[np.float64] | None:
    """(N,) trailing volatility over the windows of (N,) rows; None without `close_change`.

    The rows have a class, so that their windows are valid.
    """
    if CLOSE_CHANGE not in dataset.names:
        return None
    changes = dataset.features[:, dataset.names.index(CLOSE_CHANGE)]
    return trailing_volatility(changes, rows, config.window_size)
