"""One contract for every network: those that there are, and the one of the user guide."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import TrainingStoppedError
from dualwindow.models import checkpoint
from dualwindow.models.network import DualWindowNetwork, restored_network
from dualwindow.models.networks import registry
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.device import autocast
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import count_weights
from dualwindow.settings.kinds import NETWORKS, is_own
from dualwindow.training.session import TrainingSession
from tests.makers.bot import make_bot
from tests.makers.messages_in_code import REPOSITORY
from tests.makers.networks import (
    CANDLES,
    NAMES,
    ROWS,
    SETTINGS,
    WIDE,
    P,
    built,
    candles_of,
    labels_of,
    trained,
)

STRANGER: Final = "guide_networks:Net"


@pytest.fixture(scope="module", autouse=True)
def guide_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The class of the user guide, as a module in a user folder."""
    guide = (REPOSITORY / "docs" / "user-guide.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(import torch\n.*?class Net\(.*?)^```$", guide, re.M | re.S)
    folder = tmp_path_factory.mktemp("user_data")
    (folder / "guide_networks.py").write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(registry, "_FOLDERS", [])
        registry.require_network(STRANGER, folder)
        yield
    del sys.modules["guide_networks"]


#: Every network, and an ensemble of one.
CONTENDERS: Final[list[dict[str, Any]]] = [
    *({"network": name} for name in (*NETWORKS, STRANGER)),
    {"network": "lstm", "ensemble": 2},
]


@pytest.fixture(scope="module", params=CONTENDERS, ids=lambda own: "-".join(map(str, own.values())))
def config(request: pytest.FixtureRequest) -> TrainingConfig:
    return TrainingConfig.from_parameters({**SETTINGS, **WIDE, **request.param})


@pytest.fixture(scope="module")
def model(config: TrainingConfig) -> TrainedModel:
    return trained(config)


@pytest.fixture(scope="module")
def network(model: TrainedModel) -> DualWindowNetwork:
    return model.network_of(model._network.shape).eval()


def inputs_of(rows: int, seed: int = 3) -> Tensor:
    return torch.randn(rows, P * 4 + 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("wide", [WIDE, {}])
@pytest.mark.parametrize("patch_size", [1, 4, P])
@pytest.mark.parametrize("dense_units", [(5,), ()])
def test_any_sizes_give_logits_and_the_weights_that_are_counted(
    config: TrainingConfig, dense_units: tuple[int, ...], patch_size: int, wide: dict[str, Any]
) -> None:
    changes = {"dense_units": dense_units, "patch_size": patch_size, "trend_head": False}
    features = {"window_features": None, "wide_features": None} | wide
    given = config.replace(**changes, **features)
    made = built(given)
    inputs = inputs_of(4) if wide else torch.randn(4, P, len(NAMES))
    drawn = made.draw_dropout(4, torch.Generator().manual_seed(1))
    for logits in (made(inputs), made(inputs, drawn)):
        assert logits.shape == (4, 3)
        assert bool(torch.isfinite(logits).all())
    if not is_own(config.network):
        weights = sum(weights.numel() for weights in made.parameters())
        assert count_weights(given, 4 if wide else 6, 2 if wide else 0) == weights


def test_no_answer_depends_on_a_later_candle(model: TrainedModel) -> None:
    before = model.predict(CANDLES).probabilities
    for row in (P + 1, 500, ROWS - 2):
        features = CANDLES.features.copy()
        features[row:] = 7.0
        after = model.predict(replace(CANDLES, features=features)).probabilities
        np.testing.assert_array_equal(after[:row], before[:row])
        assert not np.array_equal(after[row:], before[row:])


def test_the_answer_depends_on_no_other_window_of_a_batch(network: DualWindowNetwork) -> None:
    inputs = inputs_of(96)
    with torch.inference_mode():
        whole = network.log_probabilities(inputs).exp()
        order = torch.randperm(96, generator=torch.Generator().manual_seed(1))
        shuffled = network.log_probabilities(inputs[order]).exp()
        alone = torch.cat([network.log_probabilities(row[None]).exp() for row in inputs])
    torch.testing.assert_close(shuffled, whole[order], rtol=0, atol=1e-6)
    torch.testing.assert_close(alone, whole, rtol=0, atol=1e-6)


def test_a_candle_alone_gets_the_answer_of_the_backtest(model: TrainedModel) -> None:
    slice_ = model.predict(CANDLES).probabilities
    for last in (P, 400, ROWS):
        part = slice(last - P, last)
        seconds, features, flat = (
            column[part] for column in (CANDLES.seconds, CANDLES.features, CANDLES.flat)
        )
        live = model.predict(CandleArrays(NAMES, seconds, features, flat)).probabilities
        np.testing.assert_allclose(live[-1], slice_[last - 1], rtol=0, atol=1e-5)


def test_a_bot_trains_it_and_predicts_live_as_in_a_backtest(
    config: TrainingConfig, btc_futures: pd.DataFrame, tmp_path: Path
) -> None:
    own = {"network": config.network, "ensemble": config.ensemble}
    bot = make_bot(tmp_path, {**own, "epochs": 1})
    featured = bot.features(btc_futures.iloc[:2000].reset_index(drop=True))
    bot.train(featured.iloc[:1800])
    probabilities, _, usable = bot.predict(featured.iloc[1800:])
    assert usable[-1] == 1
    live, _, _ = bot.predict(featured.iloc[-bot.model.CONV_WIDTH :])
    np.testing.assert_allclose(live[-1], probabilities[-1], rtol=0, atol=1e-5)


def test_windows_of_a_chunk_are_the_most_that_it_sees(
    config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    forward = DualWindowNetwork.forward

    def counted(self: DualWindowNetwork, inputs: Tensor, *others: Any) -> Tensor:
        seen.append(len(inputs))
        return forward(self, inputs, *others)

    monkeypatch.setattr(DualWindowNetwork, "forward", counted)
    trained(config.replace(epochs=1)).predict(CANDLES)
    assert max(seen) <= 2 * config.streaming_chunk_size
    assert sum(seen) > ROWS


def test_an_interrupted_training_ends_with_the_same_bits(
    config: TrainingConfig, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)
    # An epoch has eight batches.
    stops: Iterator[bool] = (number == 12 for number in range(10**6))
    session = TrainingSession(
        should_stop=lambda: next(stops), checkpoint_path=tmp_path / "unfinished.checkpoint"
    )
    with pytest.raises(TrainingStoppedError):
        trained(config, session)
    epochs: list[int] = []

    class Told:
        def on_epoch(self, result: Any) -> None:
            epochs.append(result.epoch)

    resumed = trained(config, replace(session, should_stop=lambda: False, hooks=[Told()]))
    assert epochs == [2]
    assert resumed.to_bytes() == model.to_bytes()


def test_it_is_saved_and_loaded_without_pickle_bit_by_bit(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("pickle")

    for name in ("dumps", "loads", "dump", "load", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refused)
    payload = model.to_bytes()
    loaded = TrainedModel.from_bytes(payload)
    assert loaded.to_bytes() == payload
    before, after = (each.predict(CANDLES).probabilities for each in (model, loaded))
    np.testing.assert_array_equal(after, before)


def test_it_is_a_start_for_another_training(model: TrainedModel) -> None:
    own = model._network
    shape = replace(own.shape, dropout=0.7, lstm_dropout=0.1)
    copied = restored_network(shape, own.state_dict(), mirrors=True).eval()
    inputs = inputs_of(8)
    assert torch.equal(copied.log_probabilities(inputs), own.log_probabilities(inputs))


def test_sides_of_a_mirrored_window_are_swapped(network: DualWindowNetwork) -> None:
    assert network.mirrors
    inputs = inputs_of(16)
    direct = network.log_probabilities(inputs).exp()
    turned = network.log_probabilities(network.mirrored(inputs)).exp()
    torch.testing.assert_close(turned, direct.flip(-1))


def test_random_labels_teach_it_nothing(config: TrainingConfig) -> None:
    model = trained(config.replace(mirror="off", learning_rate=0.003))
    rows = 6000
    found = model.predict(candles_of(rows, seed=8)).probabilities[P - 1 :]
    labels = labels_of(rows, seed=9)[P - 1 :]
    shares = np.bincount(labels, minlength=3) / len(labels)
    chosen = np.arange(len(labels)), labels
    gain = np.log(found[chosen]) - np.log(shares[labels])
    assert gain.mean() <= 3 * gain.std() / np.sqrt(len(gain))
    assert abs(found.mean(axis=0) - [0.2, 0.5, 0.3]).max() < 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_gives_numbers(network: DualWindowNetwork, dtype: torch.dtype) -> None:
    # The largest inputs that there are: those at the bounds of the clipping.
    inputs = inputs_of(16) * 1000
    with torch.no_grad(), autocast(torch.device("cpu"), dtype):
        assert bool(torch.isfinite(network(inputs)).all())
    assert bool(torch.isfinite(network.log_probabilities(inputs)).all())


def test_dropout_is_drawn_outside_and_follows_its_generator(config: TrainingConfig) -> None:
    made, inputs = built(config, dropout=0.5).train(), inputs_of(9)
    assert torch.equal(made(inputs), made(inputs))
    drawn, again = (made.draw_dropout(9, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(drawn, again)
    assert not torch.allclose(made(inputs, drawn), made(inputs))
    assert torch.allclose(made(inputs, torch.ones_like(drawn)), made(inputs))
