"""Starting from a model: its weights and scaler as they are, and no hindsight."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, ModelFileError, SettingsError
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.models import checkpoint
from dualwindow.models.model_files import EVALUATION_NAME, SPREAD_KEY, read_spread
from dualwindow.models.portable import PortableModel, load_portable, save_portable
from dualwindow.models.pretrained import (
    load_pretrained,
    origin_warnings,
    require_features,
    require_no_hindsight,
    require_timeframe,
    settings_from,
    unseen,
)
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.files import write_json
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import fit_reference
from dualwindow.training.hooks import EpochResult
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.train import train_dataset, train_model
from tests.makers.bot import QUICK
from tests.models.test_portable import ORIGIN
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "frame", "labels"]

#: Rows that the model was trained on; the rest is new.
SEEN = 1500
SHAPE = ("network", "ensemble", "lstm_units", "dense_units", "patch_size", "trend_head")
#: Another value for every setting that has to be the model's.
OTHER: dict[str, Any] = {
    "window_size": 120,
    "future_window": 40,
    "max_flat_candles": 10,
    "long_tp_pct": 0.003,
    "long_sl_pct": 0.0015,
    "short_tp_pct": 0.003,
    "short_sl_pct": 0.0015,
    "label_rule": "first_touch",
    "feature_set": "extended",
    "network": "gru",
    "ensemble": 2,
    "lstm_units": [8],
    "dense_units": [],
    "patch_size": 10,
    "trend_head": False,
    "mirror": "off",
}


def rows_of(whole: CandleArrays, first: int, stop: int) -> CandleArrays:
    return CandleArrays(
        whole.names,
        whole.seconds[first:stop],
        whole.features[first:stop],
        whole.flat[first:stop],
    )


@pytest.fixture(scope="module")
def start(
    candles: CandleArrays, labels: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> PortableModel:
    """A model of the first rows, as it comes from its folder."""
    seen = rows_of(candles, 0, SEEN)
    known = np.where(np.arange(SEEN) < SEEN - 30, labels[:SEEN], -1).astype(np.int8)
    model = train_model(seen, known, settings(epochs=1, seed=3), name="BTC")
    seconds = candles.seconds
    origin = replace(ORIGIN, first=int(seconds[0]), until=int(seconds[SEEN]))
    folder = tmp_path_factory.mktemp("models") / "quick"
    folder.mkdir()
    spread = FeatureSpread.of(seen.names, seen.features, 60)
    assert spread is not None
    write_json(folder / EVALUATION_NAME, {SPREAD_KEY: spread.to_dict()})
    save_portable(folder, model, origin)
    return load_portable(folder)


def config(**changes: Any) -> TrainingConfig:
    """Settings that leave the network's sizes to the model."""
    given = {name: value for name, value in QUICK.items() if name not in SHAPE}
    return TrainingConfig.from_parameters({**given, "pretrained": "quick", **changes})


def state(model: TrainedModel) -> dict[str, torch.Tensor]:
    return model._network.state_dict()


# --- used as it is ------------------------------------------------------------------------------


def test_without_epochs_it_predicts_as_the_model_does_to_the_last_bit(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    """With the end of the new candles before the first one that is asked about."""
    new, later = rows_of(candles, SEEN, 2200), rows_of(candles, 2200, len(candles))
    used = train_model(
        new, labels[SEEN:2200], config(epochs=0), name="BTC", session=TrainingSession(start=start)
    )
    found = used.predict(later)
    assert found.valid[0]
    expected = start.model.predict(later, before=new)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert used.trained_until == new.seconds[-1]
    for name, value in state(start.model).items():
        assert torch.equal(state(used)[name], value), name


def test_without_epochs_features_drift_from_the_models_own_training(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel, tmp_path: Path
) -> None:
    new = rows_of(candles, SEEN, 2200)
    session = TrainingSession(start=start, figures_path=tmp_path / EVALUATION_NAME)
    train_model(new, labels[SEEN:2200], config(epochs=0), name="BTC", session=session)
    assert start.spread is not None
    assert read_spread(tmp_path) == start.spread


def test_thresholds_are_the_bots_own(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    own = config(epochs=0, confidence_mode="conservative")
    used = train_model(candles, labels, own, name="BTC", session=TrainingSession(start=start))
    assert used.config.thresholds == own.thresholds != start.model.config.thresholds


@pytest.mark.parametrize("rows", [0, 1, 20, 400])
def test_however_few_the_candles_a_use_does_not_fail(
    rows: int, candles: CandleArrays, start: PortableModel
) -> None:
    few, unknown = rows_of(candles, 0, rows), np.full(rows, -1, dtype=np.int8)
    used = train_model(
        few,
        unknown,
        config(epochs=0),
        name="BTC",
        session=TrainingSession(start=start),
        facts=DatasetFacts(expected_candles=100_000),
    )
    context = start.model.config.window_size - 1
    assert len(used.context) == min(rows, context)
    valid = used.predict(rows_of(candles, rows, rows + 200)).valid
    assert valid.argmax() == max(context - rows, 0)


def test_no_epochs_leave_no_checkpoint(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel, tmp_path: Path
) -> None:
    path = tmp_path / "unfinished.checkpoint"
    train_model(
        candles,
        labels,
        config(epochs=0),
        name="BTC",
        session=TrainingSession(start=start, checkpoint_path=path),
    )
    assert not path.exists()


# --- fine-tuned ---------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", ["undersample", "none"])
def test_it_begins_with_the_models_weights(
    balance: str, candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    """A step so small that it changes nothing shows what a training began with."""
    still = config(epochs=1, learning_rate=1e-9, class_balance=balance, seed=9)
    tuned = train_model(candles, labels, still, name="BTC", session=TrainingSession(start=start))
    for name, value in state(start.model).items():
        torch.testing.assert_close(state(tuned)[name], value, rtol=0, atol=1e-6)


def test_it_changes_the_weights_and_keeps_the_scaler_and_the_mirror(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    before = {name: value.clone() for name, value in state(start.model).items()}
    new = rows_of(candles, SEEN, len(candles))
    tuned = train_model(
        new,
        labels[SEEN:],
        config(epochs=1, dropout=0.5),
        name="BTC",
        session=TrainingSession(start=start),
    )
    buffers = {name for name, _ in tuned._network.named_buffers()}
    assert buffers == {"center", "scale", "mirror_source", "mirror_sign"}
    for name, value in before.items():
        assert torch.equal(state(tuned)[name], value) == (name in buffers), name
        assert torch.equal(state(start.model)[name], value), "the model itself is left alone"
    assert tuned._network.shape.dropout == 0.5
    assert tuned.mirrors


def test_a_checkpoint_goes_on_from_its_own_model_alone(
    candles: CandleArrays,
    labels: np.ndarray,
    start: PortableModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)
    told: list[int] = []

    class Hook:
        def on_epoch(self, result: EpochResult) -> None:
            told.append(result.epoch)

    def train(start: PortableModel) -> list[int]:
        told.clear()
        path = tmp_path / "unfinished.checkpoint"
        session = TrainingSession(hooks=[Hook()], checkpoint_path=path, start=start)
        train_model(candles, labels, config(epochs=2), name="BTC", session=session)
        return list(told)

    assert train(start) == [1, 2]
    assert train(start) == [], "it had come to its end"
    assert train(replace(start, sha256="of another model")) == [1, 2]


def test_a_network_takes_the_models_sizes_where_none_are_given(start: PortableModel) -> None:
    agreed = settings_from(start, config())
    theirs = settings().to_dict()
    assert {name: agreed.to_dict()[name] for name in SHAPE} == {
        name: theirs[name] for name in SHAPE
    }
    # Given values that are the model's are no disagreement, and asking twice changes nothing.
    assert settings_from(start, settings(pretrained="quick")) == agreed
    assert settings_from(start, agreed) == agreed


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHER)
def test_settings_that_are_not_the_models_are_refused_with_both_values(
    name: str, start: PortableModel, candles: CandleArrays, labels: np.ndarray
) -> None:
    changed = config(**{name: OTHER[name]})
    with pytest.raises(SettingsError) as caught:
        settings_from(start, changed)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} {OTHER[name]!r}: ")
    theirs = "on" if name == "mirror" else QUICK.get(name, start.model.config.to_dict()[name])
    assert repr(theirs) in problem
    assert "'quick'" in str(caught.value)
    # Nobody gets round it by going straight to a training.
    with pytest.raises(SettingsError):
        train_model(candles, labels, changed, name="BTC", session=TrainingSession(start=start))


def test_all_disagreements_come_in_one_message(start: PortableModel) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from(start, config(**OTHER))
    assert len(caught.value.problems) == len(OTHER)


def test_other_features_are_refused_with_both_named(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    names = candles.names
    for other in (names[:-1], names[::-1], (*names, "rsi")):
        with pytest.raises(SettingsError) as caught:
            require_features(start, other)
        assert f"the features are {', '.join(other)}," in str(caught.value)
        assert f"the pretrained model's are {', '.join(names)};" in str(caught.value)
    require_features(start, names)
    renamed = replace(candles, names=("a", "b", "c", "d"))
    with pytest.raises(SettingsError, match="the features are a, b, c, d"):
        train_model(
            renamed, labels, config(epochs=0), name="BTC", session=TrainingSession(start=start)
        )


def test_candles_of_another_length_are_refused_with_both_named(start: PortableModel) -> None:
    require_timeframe(start, "1m")
    with pytest.raises(SettingsError, match=r"timeframe '5m': .* candles of '1m'"):
        require_timeframe(start, "5m")


def test_another_market_is_told_and_not_refused(start: PortableModel) -> None:
    assert origin_warnings(start, "binance", "futures") == []
    exchange, mode = origin_warnings(start, "kraken", "spot")
    assert "exchange 'kraken'" in exchange
    assert "'binance'" in exchange
    assert "trading_mode 'spot'" in mode
    assert "'futures'" in mode


def test_a_training_is_not_begun_without_the_model_that_its_settings_name(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="none was handed over"):
        train_model(candles, labels, config(), name="BTC")


# --- hindsight ----------------------------------------------------------------------------------


def test_predictions_of_what_it_has_seen_are_refused_with_the_dates_and_the_way_out(
    start: PortableModel,
) -> None:
    day = 1_735_689_600
    seen = replace(start, origin=replace(start.origin, until=day + 3600))
    require_no_hindsight(seen, day + 3600)
    with pytest.raises(DataError) as caught:
        require_no_hindsight(seen, day + 3599)
    message = str(caught.value)
    assert "until 2025-01-01 01:00" in message
    assert "from 2025-01-01 00:59:59" in message
    assert "--timerange 20250102- " in message
    # The tail had no part in the weights.
    require_no_hindsight(replace(seen, origin=replace(seen.origin, tail_from=day)), day)


def test_only_what_it_has_not_seen_is_evaluated_on(
    candles: CandleArrays,
    labels: np.ndarray,
    start: PortableModel,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    used = config(epochs=0, validation_fraction=0.5)
    dataset = Dataset.from_candles(candles, labels, used, name="BTC")
    with caplog.at_level(logging.INFO):
        finished = train_dataset(
            dataset,
            used,
            name="BTC",
            session=TrainingSession(start=start, figures_path=tmp_path / "figures.json"),
        )
    validation = finished.split.validation
    dates = dataset.seconds[validation.all_rows()]
    honest = int((dates >= start.origin.seen_until).sum())
    assert finished.evaluation is not None
    assert 0 < finished.evaluation.rows == honest < len(validation)
    assert finished.hindsight == len(validation) - honest
    assert f"{finished.hindsight} validation candles are not evaluated on" in caplog.text
    assert not len(finished.split.train)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["validation"]["rows"] == honest
    assert figures["not_evaluated_for_hindsight"] == finished.hindsight


def test_used_as_it_is_it_is_compared_with_the_baselines_of_its_own_training(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    used = config(epochs=0, validation_fraction=0.5)
    seen = Dataset.from_candles(rows_of(candles, 0, SEEN), labels[:SEEN], used, name="BTC")
    own = fit_reference(seen.labelled(), used, mirrored=True)
    dataset = Dataset.from_candles(candles, labels, used, name="BTC")
    for reference in (own, None):
        evaluated = replace(start, reference=reference)
        finished = train_dataset(
            dataset, used, name="BTC", session=TrainingSession(start=evaluated)
        )
        assert finished.evaluation is not None
        assert bool(finished.evaluation.forecast.skill) is (reference is not None)
        assert (finished.reference is None) is (reference is None)
    # One that is trained on has baselines of the rows that it was trained on last.
    tuned = train_dataset(
        dataset,
        config(epochs=1),
        name="BTC",
        session=TrainingSession(start=replace(start, reference=own)),
    )
    assert tuned.reference is not None
    assert tuned.reference.baselines != own.baselines


def test_where_it_has_seen_everything_no_figure_is_shown(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel, tmp_path: Path
) -> None:
    everything = replace(start, origin=replace(start.origin, until=int(candles.seconds[-1]) + 60))
    dataset = Dataset.from_candles(candles, labels, config(), name="BTC")
    figures = tmp_path / "figures.json"
    finished = train_dataset(
        dataset,
        config(epochs=1),
        name="BTC",
        session=TrainingSession(start=everything, figures_path=figures),
    )
    assert finished.evaluation is None
    assert finished.hindsight == len(finished.split.validation)
    assert len(finished.fitted.history) == 1
    assert json.loads(figures.read_text())["validation"] is None


def test_rows_that_are_unseen_are_those_from_the_moment_on_in_every_pair(
    candles: CandleArrays, labels: np.ndarray, start: PortableModel
) -> None:
    dataset = Dataset.from_candles(candles, labels, config(), name="BTC")
    rows = dataset.labelled()
    assert unseen(None, rows) is rows
    for until in (0, SEEN - 1, SEEN, SEEN + 1, len(candles) - 1):
        other = replace(start, origin=replace(start.origin, until=int(candles.seconds[until])))
        expected = [row for row in rows.all_rows() if row >= until]
        assert unseen(other, rows).all_rows().tolist() == expected


# --- where it lies ------------------------------------------------------------------------------


def test_a_relative_path_counts_from_here_then_from_the_models(
    start: PortableModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, models = tmp_path / "here", tmp_path / "models"
    here.mkdir()
    monkeypatch.chdir(here)
    named = config(pretrained="a/quick")
    with pytest.raises(ModelFileError) as caught:
        load_pretrained(named, models)
    assert f"there is no a/quick nor {models / 'a/quick'}" in str(caught.value)

    def found() -> str:
        loaded = load_pretrained(named, models)
        assert loaded is not None
        return loaded.origin.name

    save_portable(models / "a/quick", start.model, replace(start.origin, name="of the models"))
    assert found() == "of the models"
    save_portable(here / "a/quick", start.model, replace(start.origin, name="of here"))
    assert found() == "of here"
    (here / "a/quick/model.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"^pretrained 'a/quick': .*model.json is damaged"):
        load_pretrained(named, models)
    assert load_pretrained(settings(), models) is None
