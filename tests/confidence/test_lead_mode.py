"""Mode coverage by lead, from the training to the entry, and models of the other measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError, SettingsError
from dualwindow.models.fingerprint import fingerprint, model_settings
from dualwindow.models.pretrained import settings_from
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset
from tests.confidence.test_coverage_mode import COVERAGE, portable
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.model_slices import featured, slices, whole
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "featured", "frame", "labels", "slices"]

LEAD = {**COVERAGE, "confidence_measure": "lead"}


@pytest.fixture(scope="module")
def dataset(candles: CandleArrays, labels: np.ndarray) -> Dataset:
    return Dataset.from_candles(candles, labels, settings(), name="BTC")


@pytest.fixture(scope="module")
def finished(dataset: Dataset) -> TrainingOutcome:
    return train_dataset(dataset, settings(epochs=1, **LEAD), name="BTC")


def leads(probabilities: np.ndarray) -> np.ndarray:
    table = probabilities.astype(np.float64)
    lead = (table[:, SHORT] - table[:, LONG]).astype(np.float32)
    return np.stack([lead, -lead])


def test_a_training_lets_through_the_share_that_leads_most(
    finished: TrainingOutcome, dataset: Dataset
) -> None:
    evaluation, model = finished.evaluation, finished.model
    assert evaluation is not None
    rows = finished.split.validation.all_rows()
    own = leads(model.probabilities(dataset.features, rows))
    limits = model.thresholds(model.config)
    for place, (name, limit) in enumerate((("SHORT", limits.short), ("LONG", limits.long))):
        allowed = len(rows) // 10
        assert evaluation.fired[name] == int((own[place] >= limit).sum()) == allowed
        assert np.sort(own[place])[-allowed] >= limit > np.sort(own[place])[-allowed - 1]
    assert evaluation.leads == ("SHORT", "LONG")
    assert any("more probable than" in line for line in evaluation.lines())


def test_a_saved_model_keeps_its_measure(finished: TrainingOutcome) -> None:
    model = finished.model
    again = TrainedModel.from_bytes(model.to_bytes())
    assert again.quantiles is not None
    assert again.quantiles.measure == "lead"
    assert again.thresholds(again.config) == model.thresholds(model.config)


def test_the_measure_is_of_the_model_and_earlier_models_are_of_probabilities() -> None:
    plain, lead = TrainingConfig(), TrainingConfig(confidence_measure="lead")
    assert "confidence_measure" not in model_settings(plain)
    assert fingerprint(model_settings(plain)) != fingerprint(model_settings(lead))


@pytest.mark.parametrize("trained", ["probability", "lead"])
def test_a_model_of_the_other_measure_is_refused_with_the_way_out(
    finished: TrainingOutcome, dataset: Dataset, tmp_path: Path, trained: str
) -> None:
    config = settings(epochs=1, **{**LEAD, "confidence_measure": trained})
    model = finished.model
    if trained != "lead":
        model = train_dataset(dataset, config, name="BTC").model
    other = {"lead": "probability", "probability": "lead"}[trained]
    wanted = config.replace(confidence_measure=other)
    with pytest.raises(ModelFileError, match=f"confidence_measure '{other}'.*'{trained}'; set"):
        model.thresholds(wanted)
    # Without a side that is decided by a share it does not matter.
    assert model.lacks(wanted.replace(confidence_mode="balanced")) is None

    start = portable(model, tmp_path / "model")
    as_it_is = wanted.replace(epochs=0, pretrained="model")
    with pytest.raises(SettingsError, match=rf"confidence_measure '{other}'.*'{trained}'; set it"):
        settings_from(start, as_it_is)
    assert settings_from(start, wanted).confidence_measure == other
    balanced = as_it_is.replace(confidence_mode="balanced")
    used = train_dataset(dataset, balanced, name="BTC", session=TrainingSession(start=start)).model
    again = TrainedModel.from_bytes(used.to_bytes())
    for kept in (used, again):
        assert kept.quantiles is not None
        assert kept.quantiles.measure == kept.config.confidence_measure == trained


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("lead"), LEAD)


def test_the_strategy_decides_each_candle_as_its_own_model_does(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    frame = whole(slices)
    decisions = bot.strategy._decisions(frame)
    assert np.array(CLASS_NAMES)[decisions].tolist() == frame["&-side"].tolist()
    assert {"SHORT", "LONG"} <= set(frame["&-side"])
    for model, predicted in slices:
        own = predicted[list(CLASS_NAMES)].to_numpy().astype(np.float32)
        expected = model.calibrated(own, model.config).decide(model.thresholds(model.config))
        rows = predicted["do_predict"] == 1
        names = np.array(CLASS_NAMES)[expected][rows]
        assert predicted.loc[rows, "&-side"].tolist() == names.tolist()
    entered = bot.strategy.advise_entry(frame.copy(), {"pair": PAIR})
    longs = entered[entered["enter_long"] == 1]
    # The tag is the bucket of the probability, not of the lead.
    buckets = np.floor(longs["LONG"] * 20 + 1e-6) / 20
    assert longs["enter_tag"].tolist() == [f"long_{bucket:.2f}" for bucket in buckets]


def test_a_silent_side_is_told_of_with_its_quantile_and_not_with_a_probability(
    bot: Bot,
    slices: list[tuple[TrainedModel, pd.DataFrame]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    frame = whole(slices)
    frame["LONG_rank"] = frame["LONG_rank"].clip(upper=0.5)
    runmode = bot.strategy.config["runmode"]
    bot.strategy.config["runmode"] = "backtest"
    try:
        bot.strategy.advise_entry(frame, {"pair": PAIR})
    finally:
        bot.strategy.config["runmode"] = runmode
    (text,) = (line for line in caplog.messages if "no LONG signal" in line)
    assert "the highest quantile of its lead is 0.5000 of 0.9000" in text
    assert "confidence_coverage" in text
    assert "probability" not in text
