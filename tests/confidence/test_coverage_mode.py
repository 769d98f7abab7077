"""Mode coverage from the training to the entry: each candle by the quantiles of its own model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, HOLD, LONG, SHORT
from dualwindow.confidence import decide
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError, SettingsError
from dualwindow.models.portable import PortableModel, load_portable, save_portable
from dualwindow.models.pretrained import settings_from
from dualwindow.models.trained_model import TrainedModel
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.model_slices import featured, slices, whole
from tests.models.test_portable import ORIGIN
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "featured", "frame", "labels", "slices"]

COVERAGE = {"confidence_mode": "coverage", "confidence_coverage": 0.1}


@pytest.fixture(scope="module")
def dataset(candles: CandleArrays, labels: np.ndarray) -> Dataset:
    return Dataset.from_candles(candles, labels, settings(), name="BTC")


@pytest.fixture(scope="module")
def finished(dataset: Dataset) -> TrainingOutcome:
    return train_dataset(dataset, settings(epochs=1, **COVERAGE), name="BTC")


@pytest.fixture(scope="module")
def model(finished: TrainingOutcome) -> TrainedModel:
    return finished.model


def fired_on(rows: np.ndarray, model: TrainedModel, share: float) -> np.ndarray:
    """(2,) candles of some rows on which SHORT and LONG fire."""
    thresholds = model.thresholds(settings(**{**COVERAGE, "confidence_coverage": share}))
    return np.array(thresholds.reached(rows).sum(axis=0)[[SHORT, LONG]])


# --- training and files --------------------------------------------------------------------------


def test_a_training_lets_the_share_through_on_its_validation_rows(
    finished: TrainingOutcome, dataset: Dataset
) -> None:
    evaluation = finished.evaluation
    assert evaluation is not None
    rows = len(finished.split.validation)
    allowed = rows // 10
    # Equal probabilities could pull it below; a network's are all different.
    assert evaluation.fired["SHORT"] == evaluation.fired["LONG"] == allowed
    assert evaluation.thresholded.coverage <= 0.2
    predicted = finished.model.probabilities(dataset.features, finished.split.validation.all_rows())
    for share in (0.01, 0.03, 0.5):
        assert (fired_on(predicted, finished.model, share) == int(share * rows + 1e-9)).all()


def test_an_untouched_tail_takes_no_part_in_the_thresholds(dataset: Dataset) -> None:
    done = train_dataset(dataset, settings(epochs=1, **COVERAGE), name="BTC", tail_fraction=0.2)
    rows = done.split.validation.all_rows()
    predicted = done.model.probabilities(dataset.features, rows)
    assert (fired_on(predicted, done.model, 0.1) == len(rows) // 10).all()
    assert done.evaluation is not None
    assert done.evaluation.rows == len(done.split.tail)
    own = done.model.thresholds(done.model.config)
    assert done.evaluation.thresholds == dict(zip(CLASS_NAMES, own.by_class(), strict=True))


def test_a_side_without_a_label_in_training_is_never_predicted(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    config = settings(epochs=1, mirror="off", **COVERAGE)
    without = np.where(labels == LONG, HOLD, labels).astype(np.int8)
    data = Dataset.from_candles(candles, without, config, name="BTC")
    done = train_dataset(data, config, name="BTC")
    assert done.evaluation is not None
    assert done.evaluation.fired["LONG"] == 0 < done.evaluation.fired["SHORT"]
    assert done.evaluation.silent_sides() == ["LONG"]


def test_quantiles_are_saved_and_models_without_them_still_load(model: TrainedModel) -> None:
    again = TrainedModel.from_bytes(model.to_bytes())
    assert again.thresholds(again.config) == model.thresholds(model.config)
    old = TrainedModel.from_bytes(model.with_confidence(None, model.calibration).to_bytes())
    assert old.quantiles is None
    assert old.thresholds(settings(confidence_mode="balanced")).short == 0.55
    given = {f"confidence_threshold_{side}": 0.4 for side in ("short", "long")}
    assert old.thresholds(settings(**COVERAGE, **given)).long == 0.4
    with pytest.raises(ModelFileError, match=r"'coverage' needs quantiles.*train it again"):
        old.thresholds(old.config)


def portable(model: TrainedModel, folder: Path, until: int = ORIGIN.until) -> PortableModel:
    save_portable(folder, model, replace(ORIGIN, until=until))
    return load_portable(folder)


def test_a_pretrained_model_used_as_it_is_keeps_its_own(
    model: TrainedModel, dataset: Dataset, tmp_path: Path
) -> None:
    as_it_is = settings(epochs=0, pretrained="model", **COVERAGE)
    start = portable(model, tmp_path / "model")
    used = train_dataset(dataset, as_it_is, name="BTC", session=TrainingSession(start=start)).model
    assert used.thresholds(used.config) == model.thresholds(model.config)
    old = portable(model.with_confidence(None, model.calibration), tmp_path / "old")
    with pytest.raises(SettingsError, match="without the quantiles of its validation candles"):
        settings_from(old, as_it_is)
    settings_from(old, as_it_is.replace(epochs=1))
    without_level = as_it_is.replace(confidence_mode="balanced")
    assert (
        train_dataset(
            dataset, without_level, name="BTC", session=TrainingSession(start=old)
        ).model.quantiles
        is None
    )


def test_a_fine_tuned_model_gets_its_own_even_where_the_start_has_seen_all_candles(
    model: TrainedModel, dataset: Dataset, tmp_path: Path
) -> None:
    start = portable(model, tmp_path / "model", until=int(dataset.seconds[-1]) + 60)
    config = settings(epochs=1, pretrained="model", **COVERAGE)
    done = train_dataset(dataset, config, name="BTC", session=TrainingSession(start=start))
    assert done.evaluation is None
    assert done.model.quantiles is not None
    assert done.model.thresholds(config) != model.thresholds(config)


# --- bot -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("coverage"), COVERAGE)


def test_the_strategy_decides_each_candle_as_its_own_model_does(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    decisions = bot.strategy._decisions(whole(slices))
    names = np.array(CLASS_NAMES)[decisions].tolist()
    assert names == whole(slices)["&-side"].tolist()
    assert {"SHORT", "LONG"} <= set(names)
    thresholds = [model.thresholds(model.config) for model, _ in slices]
    assert thresholds[0] != thresholds[1]
    for (_, predicted), own in zip(slices, thresholds, strict=True):
        expected = np.array(CLASS_NAMES)[decide(predicted[list(CLASS_NAMES)], own)]
        assert predicted["&-side"].tolist() == expected.tolist()


def test_another_share_is_taken_from_the_same_predictions(
    tmp_path: Path, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    less = make_bot(tmp_path, {**COVERAGE, "confidence_coverage": 0.02})
    decisions = less.strategy._decisions(whole(slices))
    expected = [
        decide(predicted[list(CLASS_NAMES)], model.thresholds(less.strategy._settings))
        for model, predicted in slices
    ]
    np.testing.assert_array_equal(decisions, np.concatenate(expected))


def test_given_thresholds_win_over_the_share(
    tmp_path: Path, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    frame = whole(slices)
    given = make_bot(tmp_path, {**COVERAGE, "confidence_threshold_short": 1.0}).strategy
    found = given._decisions(frame)
    assert not (found == SHORT).any()
    assert (found == LONG).any()
    # What hyperopt tries goes before both.
    given.coverage_long.in_space = given.threshold_short.in_space = True
    given.coverage_long.value, given.threshold_short.value = 0.5, 1.0
    more = given._decisions(frame)
    assert not (more == SHORT).any()
    assert (more == LONG).sum() > (found == LONG).sum()
    given.threshold_short.value = 0.0
    assert (given._decisions(frame) == SHORT).all()


def test_every_column_has_what_freqai_looks_up_in_live(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    kitchen = bot.kitchen()
    bot.model._describe_labels(kitchen)
    numbers = set(slices[0][1].columns) - {"&-side", "do_predict"}
    assert numbers == {*CLASS_NAMES, *CONFIDENCE_COLUMNS}
    assert numbers <= kitchen.data["labels_mean"].keys() & kitchen.data["labels_std"].keys()


def test_predictions_of_an_earlier_version_are_refused_in_a_backtest_with_the_way_out(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]]
) -> None:
    frame = whole(slices)
    # FreqAI joins the slices and fills what one of them lacks with zeros.
    frame.loc[:9, ["SHORT_rank", "LONG_rank"]] = 0.0
    for old in (frame, frame.drop(columns=["SHORT_rank", "LONG_rank"])):
        with pytest.raises(OperationalException, match=r"delete backtesting_predictions"):
            bot.strategy.advise_entry(old.copy(), {"pair": PAIR})
    unusable = frame.assign(do_predict=np.where(frame.index < 10, 0, frame["do_predict"]))
    bot.strategy.advise_entry(unusable, {"pair": PAIR})


def test_a_running_bot_with_an_old_model_warns_once_that_it_waits(
    tmp_path: Path,
    slices: list[tuple[TrainedModel, pd.DataFrame]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    strategy = make_bot(tmp_path, COVERAGE).strategy
    strategy.config["runmode"] = RunMode.DRY_RUN
    new = whole(slices).assign(do_predict=1)
    old = new.assign(SHORT_rank=0.0, LONG_rank=0.0)

    def warnings() -> int:
        return sum("nothing is entered until its next training" in line for line in caplog.messages)

    for _ in range(3):
        entered = strategy.advise_entry(old.copy(), {"pair": PAIR})
        assert (entered["decision"] == 0).all()
    assert warnings() == 1
    # Old candles of the frame keep their levels unknown, whatever the newest has.
    mixed = pd.concat([old, new], ignore_index=True)
    assert (strategy.advise_entry(mixed, {"pair": "ETH/USDT:USDT"})["decision"] != 0).any()
    assert warnings() == 1


def test_an_entry_names_its_level_and_the_start_the_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    strategy = make_bot(tmp_path, {**COVERAGE, "confidence_threshold_short": 0.6}).strategy
    strategy.bot_start()
    assert (
        "thresholds SHORT 0.60 (confidence_threshold_short), LONG at most 10.00% of each model's "
        "validation (confidence_mode coverage), else HOLD, whatever its threshold "
        "(confidence_fallback hold)"
    ) in caplog.messages
    row = {"SHORT": 0.1, "HOLD": 0.5, "LONG": 0.4, "SHORT_rank": 0.5, "LONG_rank": 0.9876}
    newest = pd.DataFrame({"date": [datetime(2026, 1, 1, tzinfo=UTC)], **row})
    monkeypatch.setitem(strategy._newest, PAIR, newest)
    strategy.config["runmode"] = RunMode.DRY_RUN
    now = newest["date"].iloc[0]
    strategy.confirm_trade_entry(PAIR, "limit", 1.0, 1.0, "GTC", now, None, "long")
    said = "SHORT 0.100 HOLD 0.500 LONG 0.400 (thresholds 0.60 none quantile 0.9876 of 0.9000)"
    assert caplog.messages[-1].endswith(said)


def test_predictions_that_a_bot_of_an_earlier_version_held_get_the_new_columns(
    bot: Bot, slices: list[tuple[TrainedModel, pd.DataFrame]], tmp_path: Path
) -> None:
    drawer = DualWindowDrawer(tmp_path, bot.config)
    kitchen = bot.kitchen()
    kitchen.data |= {"extra_returns_per_train": {}}
    bot.model._describe_labels(kitchen)
    dates = pd.date_range("2026-01-01", periods=4, freq="min", tz="UTC")
    predicted = slices[0][1].drop(columns="do_predict").iloc[:1]
    names = [f"{name}{kind}" for name in CLASS_NAMES for kind in ("", "_mean", "_std")]
    prices = ["high_price", "low_price", "close_price"]
    old = pd.DataFrame(dict.fromkeys([*names, *prices, "do_predict"], 0.25), index=range(3))
    old.insert(0, "&-side", pd.Series(["HOLD"] * 3, dtype=object))
    drawer.historic_predictions[PAIR] = old.assign(date_pred=dates[:3])
    candles = pd.DataFrame({"date": dates}).assign(high=1.0, low=1.0, close=1.0)
    drawer.append_model_predictions(PAIR, predicted, np.ones(1), kitchen, candles)
    held = drawer.historic_predictions[PAIR]
    assert held["LONG_rank"].tolist() == [0.0, 0.0, 0.0, predicted["LONG_rank"].iloc[0]]
