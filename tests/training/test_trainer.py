from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import Split, split_dataset
from dualwindow.data.features.base import change_features
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import (
    DataError,
    DualWindowError,
    MemoryLimitError,
    SettingsError,
    TrainingStoppedError,
)
from dualwindow.labels import BothTouched
from dualwindow.models.network import DualWindowNetwork
from dualwindow.settings import TrainingConfig
from dualwindow.training import trainer
from dualwindow.training.hooks import EpochResult
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.train import train_model
from dualwindow.training.trainer import FittedNetwork, Trainer, seen_counts
from tests.makers.bot import QUICK

ROWS = 2500


def settings(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**QUICK, **changes})


@pytest.fixture(scope="module")
def frame(btc_futures: pd.DataFrame) -> pd.DataFrame:
    return btc_futures.iloc[: ROWS + 1].reset_index(drop=True)


@pytest.fixture(scope="module")
def candles(frame: pd.DataFrame) -> CandleArrays:
    features = change_features(frame)
    table = np.stack(list(features.values()), axis=1).astype(np.float32)
    return CandleArrays(
        tuple(features),
        utc_seconds(frame["date"])[1:],
        np.ascontiguousarray(table[1:]),
        flat_candles(frame)[1:],
    )


@pytest.fixture(scope="module")
def labels(frame: pd.DataFrame) -> np.ndarray:
    return label_frame(frame, settings())[0][1:]


def trainer_of(
    candles: CandleArrays, labels: np.ndarray, config: TrainingConfig, **arguments: Any
) -> Trainer:
    dataset = Dataset.from_candles(candles, labels, config, name="BTC")
    session = TrainingSession(**arguments)
    return Trainer(dataset, split_of(candles, labels, config), config, session)


def split_of(candles: CandleArrays, labels: np.ndarray, config: TrainingConfig) -> Split:
    return split_dataset(
        Dataset.from_candles(candles, labels, config, name="BTC"),
        validation_fraction=config.validation_fraction,
        future_window=config.future_window,
    )


def fit(
    candles: CandleArrays, labels: np.ndarray, config: TrainingConfig, **arguments: Any
) -> FittedNetwork:
    return trainer_of(candles, labels, config, **arguments).fit()


def weights(result: FittedNetwork) -> dict[str, torch.Tensor]:
    return result.network.state_dict()


def same(first: FittedNetwork, second: FittedNetwork) -> bool:
    pairs = zip(weights(first).values(), weights(second).values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_the_same_seed_gives_bit_identical_weights(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    first = fit(candles, labels, settings())
    # Whatever else draws from torch's generator in between must not matter.
    torch.rand(17)
    assert same(first, fit(candles, labels, settings()))
    assert not same(first, fit(candles, labels, settings(seed=43)))


@pytest.mark.parametrize(
    "streaming",
    [
        {"streaming_chunk_size": 1},
        {"streaming_chunk_size": 700},
        {"use_streaming": False},
        {"use_batch_extraction": False},
    ],
)
def test_chunks_do_not_change_a_weight(
    streaming: dict[str, Any], candles: CandleArrays, labels: np.ndarray
) -> None:
    assert same(fit(candles, labels, settings()), fit(candles, labels, settings(**streaming)))


def test_a_training_leaves_torchs_generator_as_it_was(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(candles, labels, settings(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_the_best_epoch_is_restored(candles: CandleArrays, labels: np.ndarray) -> None:
    seen: list[tuple[float, dict[str, torch.Tensor]]] = []
    config = settings(epochs=10, learning_rate=0.01, early_stopping_patience=10)
    trainer = trainer_of(candles, labels, config)
    validate = trainer._validate

    def remember(network: DualWindowNetwork) -> tuple[float, float]:
        loss, f1 = validate(network)
        seen.append((loss, {name: value.clone() for name, value in network.state_dict().items()}))
        return loss, f1

    trainer._validate = remember  # type: ignore[method-assign]
    result = trainer.fit()
    losses = [loss for loss, _ in seen]
    assert result.best_epoch == int(np.argmin(losses)) + 1
    # If the last epoch were the best, this test would prove nothing.
    assert result.best_epoch < len(losses)
    best = seen[result.best_epoch - 1][1]
    assert all(torch.equal(best[name], value) for name, value in weights(result).items())


def test_training_stops_after_patience_epochs_without_improvement(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    config = settings(epochs=50, learning_rate=0.05, early_stopping_patience=2)
    result = fit(candles, labels, config)
    assert len(result.history) < 50
    assert len(result.history) - result.best_epoch == 2


def test_hooks_see_every_epoch_in_order(candles: CandleArrays, labels: np.ndarray) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.results: list[EpochResult] = []

        def on_epoch(self, result: EpochResult) -> None:
            self.results.append(result)

    recorder = Recorder()
    result = fit(candles, labels, settings(epochs=3), hooks=[recorder])
    assert recorder.results == result.history
    assert [each.epoch for each in recorder.results] == [1, 2, 3]


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_both_schedules_lower_the_step_size(
    schedule: str, candles: CandleArrays, labels: np.ndarray
) -> None:
    config = settings(
        epochs=16, learning_rate=0.05, learning_rate_schedule=schedule, early_stopping_patience=16
    )
    rates = [each.learning_rate for each in fit(candles, labels, config).history]
    assert rates[0] == 0.05
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05


def test_a_stop_is_seen_at_the_next_batch(candles: CandleArrays, labels: np.ndarray) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    with pytest.raises(TrainingStoppedError):
        fit(candles, labels, settings(epochs=50), should_stop=should_stop)
    assert asked == 3


def test_a_loss_that_is_no_number_ends_the_training(
    candles: CandleArrays, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = DualWindowNetwork.forward

    def broken(self: DualWindowNetwork, windows: torch.Tensor, *others: Any) -> Any:
        return forward(self, windows, *others) * float("nan")

    monkeypatch.setattr(DualWindowNetwork, "forward", broken)
    with pytest.raises(DualWindowError, match=r"learning_rate 0\.0005"):
        fit(candles, labels, settings())


@pytest.mark.parametrize("balance", ["undersample", "weights", "none"])
def test_every_balance_trains(balance: str, candles: CandleArrays, labels: np.ndarray) -> None:
    result = fit(candles, labels, settings(class_balance=balance, epochs=3))
    assert np.isfinite([each.validation_loss for each in result.history]).all()


def test_without_balance_the_bias_starts_at_the_log_prior(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    config = settings(class_balance="none", mirror="off")
    network = trainer_of(candles, labels, config)._build_network()
    train = split_of(candles, labels, config).train
    shares = train.counts / len(train)
    np.testing.assert_allclose(network.core.head.bias.detach().exp().numpy(), shares, rtol=1e-5)


def test_the_scaler_sees_training_rows_only(candles: CandleArrays, labels: np.ndarray) -> None:
    config = settings()
    before = trainer_of(candles, labels, config)._build_network()
    louder = candles.features.copy()
    louder[split_of(candles, labels, config).train.all_rows()[-1] + 1 :] *= 50
    changed = CandleArrays(candles.names, candles.seconds, louder, candles.flat)
    after = trainer_of(changed, labels, config)._build_network()
    assert torch.equal(before.center, after.center)
    assert torch.equal(before.scale, after.scale)


def test_candles_without_a_side_are_refused(candles: CandleArrays, labels: np.ndarray) -> None:
    hold = np.where(labels >= 0, 1, labels).astype(np.int8)
    # A stop loss too near leaves no side either, whatever was reached.
    said = r"BTC.*no SHORT and no LONG.*0\.002.*30 candles without the stop loss of 0\.001"
    with pytest.raises(DataError, match=said):
        train_model(candles, hold, settings(), name="BTC")


@pytest.mark.parametrize("only", [0, 2])
def test_candles_of_one_class_are_refused(
    candles: CandleArrays, labels: np.ndarray, only: int
) -> None:
    alone = np.where(labels >= 0, only, labels).astype(np.int8)
    with pytest.raises(DataError, match=r"BTC: [\d,]+ training candles of one class"):
        train_model(candles, alone, settings(), name="BTC")


def test_a_missing_class_warns_and_trains(
    candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    no_short = np.where(labels == 0, 1, labels).astype(np.int8)
    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        fit(candles, no_short, settings(epochs=1, mirror="off"))
    assert "SHORT 0" in caplog.text


def test_too_few_candles_are_refused_with_the_numbers(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    with pytest.raises(DataError, match=r"89 candles .*60 \+ 30"):
        train_model(candles.tail(89), labels[-89:], settings(), name="BTC")
    with pytest.raises(DataError, match="more days"):
        train_model(candles.tail(91), labels[-91:], settings(), name="BTC")


def test_a_feature_full_of_holes_is_named(candles: CandleArrays, labels: np.ndarray) -> None:
    broken = candles.features.copy()
    broken[:, 2] = np.nan
    holey = CandleArrays(candles.names, candles.seconds, broken, candles.flat)
    with pytest.raises(DataError, match=f"{candles.names[2]} is known for only 0"):
        train_model(holey, labels, settings(), name="BTC")


def test_a_model_that_cannot_trade_says_so_once(
    candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(epochs=1, confidence_threshold_short=0.99, confidence_threshold_long=0.99)
    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        train_model(candles, labels, config, name="BTC")
    warnings = [record.message for record in caplog.records]
    assert len(warnings) == 1
    assert "no SHORT and no LONG" in warnings[0]


def test_mirroring_is_auto_on_off(
    candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    def mirrors(config: TrainingConfig, these: CandleArrays = candles) -> bool:
        return trainer_of(these, labels, config)._build_network().mirrors

    assert mirrors(settings())
    assert not mirrors(settings(mirror="off"))
    with caplog.at_level(logging.DEBUG, logger="dualwindow"):
        assert not mirrors(settings(long_tp_pct=0.003))
    assert "without mirrored windows: the barriers differ" in caplog.text
    unknown = CandleArrays(
        (*candles.names[:3], "rsi"), candles.seconds, candles.features, candles.flat
    )
    assert not mirrors(settings(), unknown)
    with pytest.raises(DataError, match="rsi"):
        mirrors(settings(mirror="on"), unknown)


def test_half_precision_is_refused_on_a_cpu(candles: CandleArrays, labels: np.ndarray) -> None:
    with pytest.raises(SettingsError, match=r"precision 'fp16': cpu cannot train in it"):
        fit(candles, labels, settings(device="cpu", precision="fp16"))


def test_a_device_that_is_not_there_is_refused(candles: CandleArrays, labels: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="cuda:7"):
        fit(candles, labels, settings(device="cuda:7"))


def test_candles_that_touch_both_barriers_are_reported(
    candles: CandleArrays,
    labels: np.ndarray,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "model" / "evaluation.json"
    with caplog.at_level(logging.DEBUG, logger="dualwindow"):
        train_model(
            candles,
            labels,
            settings(epochs=1),
            name="BTC",
            session=TrainingSession(figures_path=path),
            facts=DatasetFacts(touches=BothTouched(long=7, short=3)),
        )
    assert "in one candle for 7 longs and 3 shorts" in caplog.text
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["training"]["both_barriers_in_one_candle"] == {"long": 7, "short": 3}
    assert [each["epoch"] for each in written["training"]["epochs"]] == [1]
    assert written["validation"]["rows"] > 0


def test_a_training_period_with_few_usable_candles_warns_and_with_hardly_any_is_refused(
    candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    def train(expected: int) -> None:
        facts = DatasetFacts(expected_candles=expected)
        train_model(candles, labels, settings(epochs=1), name="BTC", facts=facts)

    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        train(ROWS)
        assert "only" not in caplog.text
        train(int(ROWS * 1.3))
        assert "of the 3160 candles that the training period should give" in caplog.text
    with pytest.raises(DataError, match="begin too late"):
        train(ROWS * 3)


def test_mirrored_windows_are_weighed_by_mirrored_counts(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    config = settings(class_balance="weights")
    trainer = trainer_of(candles, labels, config)
    train = split_of(candles, labels, config).train
    short, hold, long = train.counts
    sides = (short + long) / 2
    counts = np.array([sides, hold, sides])
    np.testing.assert_allclose(seen_counts(train, mirrored=True), counts)
    weights = trainer._class_weights()
    assert weights is not None
    mass = weights.numpy() * counts
    np.testing.assert_allclose(mass, mass.mean(), rtol=1e-6)


def test_an_epoch_that_a_rare_class_empties_warns(
    candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    rare = np.where(labels == 0, 1, labels).astype(np.int8)
    train = split_of(candles, labels, settings()).train.all_rows()
    rare[train[labels[train] == 0][:3]] = 0
    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        fit(candles, rare, settings(epochs=1))
    assert "a rare class leaves only 9 of" in caplog.text


def test_progress_is_told_after_every_step_of_every_epoch(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    told: list[tuple[int, int]] = []
    config = settings(batch_size=200, epochs=2, class_balance="none")
    split = split_of(candles, labels, config)
    fit(candles, labels, config, progress=lambda done, total: told.append((done, total)))
    windows = len(split.train)
    steps = [*range(200, windows, 200), windows]
    assert told == [(done, windows) for done in steps] * 2


def test_a_gpu_without_enough_memory_is_told_with_the_way_out(
    candles: CandleArrays, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer.GradientStep, "__call__", full)
    with pytest.raises(MemoryLimitError, match="batch of 256 windows; lower batch_size"):
        fit(candles, labels, settings())
