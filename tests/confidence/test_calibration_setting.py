"""Calibration from the training to the entry: each candle by the calibration of its own model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from dualwindow.bot.hyperopt import search_parameters
from dualwindow.bot.thresholds import ChosenThresholds
from dualwindow.columns import CALIBRATION_COLUMNS, CLASS_NAMES, HOLD
from dualwindow.confidence import decide
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError, SettingsError
from dualwindow.models.pretrained import settings_from
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset
from tests.confidence.test_coverage_mode import portable
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.model_slices import featured, slices, whole
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "featured", "frame", "labels", "slices"]

PRIOR = {
    "calibration": "prior",
    "confidence_threshold_short": 0.31,
    "confidence_threshold_long": 0.26,
}


@pytest.fixture(scope="module")
def dataset(candles: CandleArrays, labels: np.ndarray) -> Dataset:
    return Dataset.from_candles(candles, labels, settings(), name="BTC")


@pytest.fixture(scope="module")
def finished(dataset: Dataset) -> TrainingOutcome:
    return train_dataset(
        dataset, settings(epochs=1, calibration="temperature"), name="BTC", tail_fraction=0.2
    )


@pytest.fixture(scope="module")
def model(finished: TrainingOutcome) -> TrainedModel:
    return finished.model


def test_a_silent_model_is_warned_of_unless_it_is_pretrained_and_used_as_it_is(
    finished: TrainingOutcome, caplog: pytest.LogCaptureFixture
) -> None:
    assert finished.evaluation is not None
    assert finished.evaluation.silent_sides() == ["SHORT", "LONG"]
    finished.log("BTC")
    assert "the thresholds let no SHORT and no LONG through" in caplog.text
    caplog.clear()
    as_it_is = replace(finished, fitted=replace(finished.fitted, history=[], best_epoch=0))
    with caplog.at_level("INFO"):
        as_it_is.log("BTC")
    assert "the pretrained model is used as it is" in caplog.text
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


# --- training and files --------------------------------------------------------------------------


def test_a_model_keeps_the_calibration_that_its_validation_rows_gave(
    finished: TrainingOutcome, dataset: Dataset
) -> None:
    model, evaluation, tail = finished.model, finished.evaluation, finished.split.tail
    assert model.calibration is not None
    assert evaluation is not None
    assert finished.reference is not None
    assert model.calibration == finished.reference.calibration
    rows = finished.split.validation.all_rows()
    fitted = model.calibration.fitted(
        dataset.labels[rows], model.probabilities(dataset.features, rows)
    )
    # The untouched tail takes no part.
    assert model.calibration.temperature == pytest.approx(fitted.temperature, rel=1e-3)
    # The tail is evaluated on the calibrated probabilities.
    calibrated = model.calibrated(
        model.probabilities(dataset.features, tail.all_rows()), model.config
    )
    expected = decide(
        model.calibration.temperature_scaled(calibrated.own), model.thresholds(model.config)
    )
    counts = {name: int((expected == code).sum()) for code, name in enumerate(CLASS_NAMES)}
    assert evaluation.thresholded.predicted == counts
    assert evaluation.calibration == "temperature"


def test_the_calibration_is_saved_and_models_without_one_still_load(model: TrainedModel) -> None:
    again = TrainedModel.from_bytes(model.to_bytes())
    assert again.calibration == model.calibration
    assert again.on_device("cpu").calibration == model.calibration
    old = TrainedModel.from_bytes(model.with_confidence(model.quantiles, None).to_bytes())
    assert old.calibration is None
    assert old.thresholds(settings()) == settings().thresholds
    for kind in ("prior", "temperature"):
        with pytest.raises(ModelFileError, match=rf"calibration '{kind}' needs .*train it again"):
            old.thresholds(settings(calibration=kind))


def test_a_pretrained_model_used_as_it_is_keeps_its_own(
    model: TrainedModel, dataset: Dataset, tmp_path: Path
) -> None:
    as_it_is = settings(epochs=0, pretrained="model", **PRIOR)
    start = portable(model, tmp_path / "model")
    done = train_dataset(dataset, as_it_is, name="BTC", session=TrainingSession(start=start))
    assert done.model.calibration == model.calibration
    assert done.evaluation is not None
    assert done.evaluation.calibration == "prior"
    old = portable(model.with_confidence(model.quantiles, None), tmp_path / "old")
    with pytest.raises(SettingsError, match=r"calibration 'prior': an earlier version made"):
        settings_from(old, as_it_is)
    settings_from(old, as_it_is.replace(epochs=1))
    settings_from(old, as_it_is.replace(calibration="none"))


def test_a_fine_tuned_model_has_one_even_where_the_start_has_seen_all_candles(
    model: TrainedModel, dataset: Dataset, tmp_path: Path
) -> None:
    start = portable(model, tmp_path / "model", until=int(dataset.seconds[-1]) + 60)
    config = settings(epochs=1, pretrained="model", **PRIOR)
    done = train_dataset(dataset, config, name="BTC", session=TrainingSession(start=start))
    assert done.evaluation is None
    assert done.model.calibration is not None
    assert done.model.calibration.temperature is not None


# --- bot -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("calibrated"), PRIOR)


def test_label_strategy_and_model_decide_alike(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    names = np.array(CLASS_NAMES)[bot.strategy._decisions(whole(slices))].tolist()
    assert names == whole(slices)["&-side"].tolist()
    assert set(names) == set(CLASS_NAMES)
    for model, predicted in slices:
        assert model.calibration is not None
        corrected = model.calibration.prior_corrected(predicted[list(CLASS_NAMES)].to_numpy())
        expected = np.array(CLASS_NAMES)[decide(corrected, model.config.thresholds)]
        assert predicted["&-side"].tolist() == expected.tolist()


def test_cached_predictions_are_decided_again_with_another_calibration(
    tmp_path: Path, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    found = {}
    for kind in ("none", "prior", "temperature"):
        strategy = make_bot(tmp_path / kind, {**PRIOR, "calibration": kind}).strategy
        found[kind] = strategy._decisions(whole(slices))
        expected = []
        for model, predicted in slices:
            rows = predicted[list(CLASS_NAMES)].to_numpy().astype(np.float32)
            expected.append(model.calibrated(rows, strategy._settings).decide(strategy.thresholds))
        np.testing.assert_array_equal(found[kind], np.concatenate(expected))
    assert len({tuple(each.tolist()) for each in found.values()}) == 3


def test_a_single_row_in_live_is_decided_as_in_the_backtest(
    bot: Bot, featured: pd.DataFrame, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    model, predicted = slices[-1]
    bot.model.model = model
    signals = np.flatnonzero(predicted["&-side"] != "HOLD")[-2:]
    for row in [*signals, len(predicted) - 1]:
        end = 800 + 1800 + int(row) + 1
        window = featured.iloc[end - model.config.window_size : end].reset_index(drop=True)
        newest, _ = bot.model.predict(window, bot.kitchen())
        columns = [*CLASS_NAMES, *CALIBRATION_COLUMNS]
        np.testing.assert_allclose(
            newest[columns].iloc[-1].to_numpy(float),
            predicted[columns].iloc[row].to_numpy(float),
            atol=1e-5,
        )
        assert newest["&-side"].iloc[-1] == predicted["&-side"].iloc[row]


def test_entry_tags_and_the_log_name_calibrated_probabilities(
    bot: Bot,
    slices: list[tuple[TrainedModel, pd.DataFrame]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    entered = bot.strategy.advise_entry(whole(slices), {"pair": PAIR})
    market = bot.strategy.decision_rule.probabilities(entered)
    for code, side in ((0, "short"), (2, "long")):
        rows = entered["decision"] == code - HOLD
        tags = entered.loc[rows, "enter_tag"].str.removeprefix(f"{side}_").astype(float)
        assert (abs(market[rows.to_numpy(), code] - tags - 0.025) <= 0.0251).all()
    bot.strategy._thresholds_logged = False
    bot.strategy.bot_start()
    assert "LONG 0.26 (confidence_threshold_long)" in caplog.messages[-1]
    assert caplog.messages[-1].endswith("(calibration prior)")


def test_earlier_models_are_refused_in_a_backtest_and_waited_for_in_a_bot(
    tmp_path: Path,
    slices: list[tuple[TrainedModel, pd.DataFrame]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    strategy = make_bot(tmp_path, PRIOR).strategy
    new = whole(slices).assign(do_predict=1)
    old = new.assign(**dict.fromkeys(CALIBRATION_COLUMNS, 0.0))
    with pytest.raises(OperationalException, match="calibration 'prior' needs calibration"):
        strategy.advise_entry(old.copy(), {"pair": PAIR})
    with pytest.raises(OperationalException, match="delete backtesting_predictions"):
        strategy.advise_entry(new.drop(columns=list(CALIBRATION_COLUMNS)), {"pair": PAIR})
    strategy.config["runmode"] = RunMode.DRY_RUN
    for _ in range(3):
        entered = strategy.advise_entry(old.copy(), {"pair": PAIR})
        assert (entered["decision"] == 0).all()
    warned = [line for line in caplog.messages if "has no calibration for calibration" in line]
    assert len(warned) == 1
    strategy.advise_entry(pd.concat([old, new], ignore_index=True), {"pair": PAIR})


def test_an_earlier_model_in_a_running_bot_decides_hold(
    bot: Bot, featured: pd.DataFrame, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    model, predicted = slices[-1]
    bot.model.model = model.with_confidence(model.quantiles, None)
    rows = featured.iloc[2600:3000].reset_index(drop=True)
    found, _ = bot.model.predict(rows, bot.kitchen())
    assert (found["&-side"] == "HOLD").all()
    assert (found[list(CALIBRATION_COLUMNS)] == 0).all(axis=None)
    assert found["LONG"].tolist() == pytest.approx(predicted["LONG"].tolist(), abs=1e-5)


def test_hyperopt_searches_lower_thresholds_and_keeps_the_calibration() -> None:
    config = TrainingConfig.from_parameters(PRIOR)
    chosen = ChosenThresholds.from_settings(
        config, {"file": {"threshold_long": 0.5}}, can_short=True
    )
    assert chosen.rule.calibration == "prior"
    assert chosen.rule.thresholds.long == 0.5
    low, plain = (
        search_parameters(each, can_short=True)["threshold_long"].low
        for each in (config, config.replace(calibration="none"))
    )
    assert low < 0.1 < plain
