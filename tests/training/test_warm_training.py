"""A retraining that begins from the pair's last model: what it may have seen, and what it keeps."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.sums import SummedCandles
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan, Selection
from dualwindow.data.datasets.split import Split, require_separate, split_dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.models import checkpoint
from dualwindow.models.chain.former import Chain, FormerModel
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.portable import ModelOrigin, PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training import trainer
from dualwindow.training.hooks import EpochResult
from dualwindow.training.session import TrainingSession
from dualwindow.training.start import chain as chain_module
from dualwindow.training.start.chain import ChainTraining, worse
from dualwindow.training.train import train_model
from dualwindow.training.trainer import FittedNetwork, LossesBefore, Trainer
from tests.training.test_resumed_training import Asked
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "frame", "labels"]

#: Candles of a training and of the slice after it; the windows of `QUICK` are 60 and 30 long.
TRAINED, SLICE = 1800, 200
Train = Callable[..., TrainedModel]


@pytest.fixture
def train(candles: CandleArrays, labels: np.ndarray, frame: pd.DataFrame) -> Train:
    """Trains on the candles of a slice's training, numbered from 0."""

    def train(
        number: int, chain: Chain | None, config: TrainingConfig | None = None, **session: Any
    ) -> TrainedModel:
        part = slice(number * SLICE, number * SLICE + TRAINED)
        own = candles.features[part], candles.flat[part]
        if chain is not None and chain.candles is None:
            prices = frame.iloc[1:].iloc[part].reset_index(drop=True)
            chain = replace(chain, candles=SummedCandles(prices, 60))
        return train_model(
            CandleArrays(candles.names, candles.seconds[part], *own),
            labels[part],
            config or settings(),
            name="BTC",
            session=TrainingSession(chain=chain, **session),
        )

    return train


def sha256(model: TrainedModel) -> str:
    return hashlib.sha256(model.to_bytes()).hexdigest()


def former(model: TrainedModel) -> Chain:
    return Chain(FormerModel(model, sha256(model)))


def state(model: TrainedModel) -> dict[str, torch.Tensor]:
    return dict(model.network_of(model.shape).state_dict())


def same(one: TrainedModel, other: TrainedModel) -> bool:
    ours, theirs = state(one), state(other)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def link_of(model: TrainedModel) -> ChainLink:
    assert model.link is not None
    return model.link


class Epochs:
    """Notes the epochs of a training."""

    def __init__(self) -> None:
        self.results: list[EpochResult] = []

    def on_epoch(self, result: EpochResult) -> None:
        self.results.append(result)


@pytest.fixture
def accepting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every warm training: small networks on two days learn nothing."""
    monkeypatch.setattr(chain_module, "worse", lambda _warm: None)


# --- how a warm training goes ---------------------------------------------------------------------


@pytest.mark.usefixtures("accepting")
def test_a_warm_training_takes_one_epoch_from_the_last_models_weights_and_scaler(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(0, Chain())
    rates: list[float] = []
    begun: list[dict[str, torch.Tensor]] = []
    step = trainer.GradientStep.__call__

    def noted(self: Any, *arguments: Any) -> Any:
        if not rates:
            begun.append({key: v.clone() for key, v in self._network.state_dict().items()})
        rates.append(self.learning_rate)
        return step(self, *arguments)

    monkeypatch.setattr(trainer.GradientStep, "__call__", noted)
    epochs = Epochs()

    def begins(_time: object) -> None:
        # Steps that were measured beforehand are none of the epoch.
        rates.clear()
        begun.clear()

    second = train(1, former(first), hooks=[epochs], estimated=begins)
    assert [result.epoch for result in epochs.results] == [1]
    assert all(torch.equal(begun[0][name], value) for name, value in state(first).items())
    for name in ("center", "scale"):
        assert torch.equal(state(second)[name], state(first)[name])
    assert not same(first, second)
    # The step size falls to zero within the epoch.
    assert rates[0] == settings().learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] / len(rates)
    assert (link_of(second).retrainings, link_of(second).former) == (1, sha256(first))
    assert second.config == first.config


@pytest.mark.usefixtures("accepting")
def test_after_as_many_warm_retrainings_as_are_set_comes_a_full_one(train: Train) -> None:
    config = settings(warm_retrainings=2, epochs=1)
    chain, counts = Chain(), []
    for number in range(5 if TRAINED + 4 * SLICE <= 2500 else 4):
        epochs = Epochs()
        model = train(number, chain, config, hooks=[epochs])
        counts.append(link_of(model).retrainings)
        chain = former(model)
    assert counts == [0, 1, 2, 0]
    # A full one has no part of the models before it.
    assert link_of(model).former is None
    assert same(model, train(3, Chain(), config))


def test_a_chains_link_is_saved_with_its_model(train: Train) -> None:
    first = train(0, Chain())
    again = TrainedModel.from_bytes(first.to_bytes())
    assert again.link == first.link
    assert link_of(again).candles is not None
    assert again.to_bytes() == first.to_bytes()


def test_without_a_chain_nothing_is_set_apart(train: Train) -> None:
    assert train(0, None).link is None


@pytest.mark.usefixtures("accepting")
@pytest.mark.parametrize("stop_at", [2, 8, 15, 22])
def test_a_warm_training_that_was_stopped_goes_on_to_the_same_bits(
    stop_at: int, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)
    config = settings(warm_epochs=3, batch_size=128)
    first = train(0, Chain(), config)
    whole = train(1, former(first), config)
    path = tmp_path / "unfinished-1.checkpoint"
    with pytest.raises(TrainingStoppedError):
        train(
            1,
            former(first),
            config,
            checkpoint_path=path,
            should_stop=Asked(stop_at),
        )
    epochs = Epochs()
    resumed = train(1, former(first), config, checkpoint_path=path, hooks=[epochs])
    assert resumed.to_bytes() == whole.to_bytes()
    assert len(epochs.results) == 3 - (stop_at > 8) - (stop_at > 15)


@pytest.mark.usefixtures("accepting")
def test_a_checkpoint_of_another_former_model_is_not_gone_on_with(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)
    config, path = settings(), tmp_path / "unfinished-1.checkpoint"
    one, other = train(0, Chain(), config), train(0, Chain(), config.replace(seed=7))
    train(1, former(one), config, checkpoint_path=path)
    assert same(
        train(1, former(other), config, checkpoint_path=path), train(1, former(other), config)
    )


# --- when it is trained fully ---------------------------------------------------------------------


def changed(model: TrainedModel, **parts: Any) -> TrainedModel:
    return TrainedModel._of(replace(model._content, **parts))


def with_link(model: TrainedModel, **changes: Any) -> TrainedModel:
    return changed(model, link=replace(link_of(model), **changes))


def with_settings(model: TrainedModel, **changes: Any) -> TrainedModel:
    return changed(model, config=model.config.replace(**changes))


def renamed(model: TrainedModel) -> TrainedModel:
    names = ("other", *model.context.names[1:])
    return changed(model, context=replace(model.context, names=names))


def with_sums(model: TrainedModel) -> TrainedModel:
    sums = link_of(model).candles
    assert sums is not None
    return with_link(model, candles=replace(sums, sums="0" * len(sums.sums)))


#: A former model that is no start, and the reason in the log.
OBSTACLES: list[tuple[str, Callable[[TrainedModel], TrainedModel], str]] = [
    ("features", renamed, "other features"),
    ("timeframe", lambda m: changed(m, candle_seconds=300), "candles of another length"),
    ("label", lambda m: with_settings(m, label_rule="first_touch"), "another label_rule"),
    ("barrier", lambda m: with_settings(m, long_tp_pct=0.003), "another long_tp_pct"),
    ("future", lambda m: with_settings(m, future_window=31), "another future_window"),
    ("window", lambda m: with_settings(m, window_size=65), "another window_size"),
    ("no link", lambda m: changed(m, link=None), "not of a chain"),
    ("fitted", lambda m: with_link(m, fitted_until=2**31), "was trained on candles until"),
    ("chosen", lambda m: with_link(m, chosen_until=2**31), "was chosen by candles until"),
    ("often", lambda m: with_link(m, retrainings=11), "11 warm retrainings came after the last"),
    ("candles", with_sums, "are not those any more that its last model was trained on"),
]


@pytest.mark.parametrize(
    ("change", "reason"), [o[1:] for o in OBSTACLES], ids=[o[0] for o in OBSTACLES]
)
def test_a_model_that_is_no_start_is_named_and_trained_fully(
    change: Callable[[TrainedModel], TrainedModel],
    reason: str,
    train: Train,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = settings(epochs=1)
    first = train(0, Chain(), config)
    caplog.set_level(logging.INFO)
    model = train(1, former(change(first)), config)
    assert caplog.text.count("BTC: a full training, because") == 1
    assert reason in caplog.text
    assert link_of(model).retrainings == 0
    assert same(model, train(1, Chain(), config))


def test_other_network_sizes_are_no_start(train: Train, caplog: pytest.LogCaptureFixture) -> None:
    first = train(0, Chain(), settings(epochs=1, lstm_units=[8]))
    caplog.set_level(logging.INFO)
    train(1, former(first), settings(epochs=1))
    assert "a network of other sizes" in caplog.text


@pytest.mark.parametrize(("before", "now"), [(1, 2), (2, 1), (2, 3)])
def test_an_ensemble_of_another_size_is_trained_fully(
    before: int, now: int, train: Train, caplog: pytest.LogCaptureFixture
) -> None:
    first = train(0, Chain(), settings(epochs=1, ensemble=before))
    caplog.set_level(logging.INFO)
    model = train(1, former(first), settings(epochs=1, ensemble=now))
    assert f"because its last model has ensemble {before}, now it is {now}" in caplog.text
    assert link_of(model).retrainings == 0
    assert model.shape.ensemble == now


def test_a_model_that_cannot_be_used_is_named(
    train: Train, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    train(0, Chain(absent="its last model cannot be used: it is gone"), settings(epochs=1))
    assert "BTC: a full training, because its last model cannot be used" in caplog.text


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (0.89, None),
        (0.9 * (1 + chain_module.TOLERANCE), None),
        (0.92, "its last model 0.9000"),
        (1.11, "the class shares alone 1.1000"),
    ],
)
def test_a_warm_training_is_kept_where_it_is_no_worse(loss: float, reason: str | None) -> None:
    history = [EpochResult(1, 1.0, loss, 0.3, 0.001, 1.0)]
    network: Any = None
    fitted = FittedNetwork(network, history, 1, LossesBefore(former=0.9, prior=1.1))
    found = worse(fitted)
    assert (found is None) == (reason is None)
    assert (reason or "") in (found or "")


def test_a_worse_warm_training_leaves_no_trace_in_the_full_one(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = train(0, Chain())
    monkeypatch.setattr(chain_module, "worse", lambda _warm: "it is worse")
    caplog.set_level(logging.INFO)
    model = train(1, former(first), checkpoint_path=tmp_path / "unfinished-1.checkpoint")
    assert "a full training, because it is worse" in caplog.text
    assert same(model, train(1, Chain()))
    # A backtest that goes on sees that the model before it was tried.
    assert (link_of(model).former, link_of(model).retrainings) == (sha256(first), 0)


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_a_full_training_after_a_worse_warm_one_goes_on_where_it_was_stopped(
    share: float, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)
    monkeypatch.setattr(chain_module, "worse", lambda _warm: "it is worse")
    config, path = settings(epochs=3), tmp_path / "unfinished-1.checkpoint"
    first, asked = train(0, Chain(), config), Asked()
    whole = train(1, former(first), config, should_stop=asked)
    asked = Asked(round(share * asked.times))
    with pytest.raises(TrainingStoppedError):
        train(1, former(first), config, checkpoint_path=path, should_stop=asked)
    # Both keep their own: the warm one is over, the full one goes on.
    assert {file.name for file in tmp_path.iterdir()} >= {"unfinished-1-warm.checkpoint"}
    epochs = Epochs()
    resumed = train(1, former(first), config, checkpoint_path=path, hooks=[epochs])
    assert resumed.to_bytes() == whole.to_bytes()
    assert len(epochs.results) <= 3


def test_a_chain_begins_from_the_pretrained_model(
    train: Train, candles: CandleArrays, caplog: pytest.LogCaptureFixture
) -> None:
    """A retraining is warm once its validation lies after all that the pretrained has seen."""
    config = settings(epochs=1)
    model = train(0, None, config)
    splits = [int(candles.seconds[number * SLICE + TRAINED - 1]) for number in range(4)]

    def start(seen_until: int) -> PortableModel:
        origin = ModelOrigin(
            "start", ("BTC",), "binance", "futures", "1m", (30,), 0, until=seen_until
        )
        return PortableModel(model, origin, sha256(model))

    for seen_until, is_warm in ((int(candles.seconds[600]), True), (splits[1], False)):
        first = train(0, Chain(), config, start=start(seen_until))
        assert link_of(first).fitted_until >= seen_until - 1
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            train(1, former(first), config, start=start(seen_until))
        assert ("warm retraining 1 of 11" in caplog.text) == is_warm
        assert ("was trained on candles until" in caplog.text) != is_warm


# --- nothing that validates was seen --------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """What a model of a chain has seen: dates of rows, by their use."""

    trained: np.ndarray
    chosen: np.ndarray
    validated: np.ndarray


@examples(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 700),
    fraction=st.floats(0.02, 0.5),
    ahead=st.integers(1, 40),
    warm=st.integers(1, 5),
    holes=st.lists(st.tuples(st.integers(0, 2800), st.integers(1, 300)), max_size=3),
    grows=st.booleans(),
)
def test_no_row_that_validates_was_seen_by_a_model_of_the_chain(
    length: int,
    fraction: float,
    ahead: int,
    warm: int,
    holes: list[tuple[int, int]],
    grows: bool,
) -> None:
    """For slices of any length, with candles missing, and a history that grows at its beginning."""
    config = settings(
        validation_fraction=fraction, future_window=ahead, warm_retrainings=warm, epochs=1
    )
    rng = np.random.default_rng(length)
    known = np.ones(3000, np.bool_)
    for begin, size in holes:
        known[begin : begin + size] = False
    classes = np.where(known, rng.integers(0, 3, 3000), -1).astype(np.int8)
    chain, models = Chain(), list[Fitted]()
    for number, stop in enumerate(range(900, 3000, length)[:6]):
        first = stop - 900 if number % 2 == 0 or not grows else max(stop - 1400, 0)
        dataset = dataset_of(classes[first:stop], first)
        try:
            split = split_dataset(
                dataset,
                validation_fraction=fraction,
                future_window=ahead,
                chooses_apart=True,
            )
        except DataError:
            return
        require_separate(split, ahead)
        link = _link_of_training(dataset, split, config, chain)
        own = Fitted(*(dates(part) for part in (split.train, split.choosing, split.validation)))
        models = [*(models if link.is_warm else []), own]
        for model in models:
            # A label looks `ahead` candles further than its row.
            assert model.trained.max() + 60 * ahead < min(own.chosen.min(), own.validated.min())
            assert model.chosen.max() + 60 * ahead < own.validated.min()
        chain = Chain(FormerModel(_Stand(link, config), f"model {number}"))  # type: ignore[arg-type]


def dates(rows: Selection | None) -> np.ndarray:
    assert rows is not None
    return rows.dataset.seconds[rows.all_rows()]


def dataset_of(labels: np.ndarray, first: int) -> Dataset:
    seconds = 60 * np.arange(first, first + len(labels))
    pairs = (PairSpan("BTC", 0, len(labels)),)
    features = np.zeros((len(labels), 1), np.float32)
    return Dataset(("volume_change",), seconds, features, labels, pairs, 60, ClassIndex(labels))


class _Stand:
    """A model of which only its place in the chain counts."""

    def __init__(self, link: ChainLink, config: TrainingConfig) -> None:
        self.link, self.config = link, config


def _link_of_training(
    dataset: Dataset, split: Split, config: TrainingConfig, chain: Chain
) -> ChainLink:
    """The place of a training in the chain, without its epochs."""

    class Quick(Trainer):
        def __init__(self, *_arguments: Any) -> None:
            """Without a network."""

        def fit(self) -> FittedNetwork:
            network: Any = None
            return FittedNetwork(network, [], 0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chain_module, "Trainer", Quick)
        patched.setattr(chain_module, "worse", lambda _warm: None)
        patched.setattr("dualwindow.models.chain.obstacles._other_model", lambda *_: None)
        session = TrainingSession(chain=chain)
        link = ChainTraining(dataset, split, config, session, name="BTC").fit().link
    assert link is not None
    return link


def test_the_slices_of_a_chain_are_mostly_warm(train: Train) -> None:
    """The property above would hold of full trainings alone."""
    config, chain, warm = settings(), Chain(), []
    labels = np.random.default_rng(0).integers(0, 3, 3000).astype(np.int8)
    for stop in range(900, 3000, 50):
        dataset = dataset_of(labels[stop - 900 : stop], stop - 900)
        split = split_dataset(
            dataset, validation_fraction=0.15, future_window=30, chooses_apart=True
        )
        link = _link_of_training(dataset, split, config, chain)
        warm.append(link.is_warm)
        chain = Chain(FormerModel(_Stand(link, config), "model"))  # type: ignore[arg-type]
    assert warm == [number % 12 != 0 for number in range(len(warm))]


def test_seconds_of_the_frame_are_those_of_the_candles(
    frame: pd.DataFrame, candles: CandleArrays
) -> None:
    np.testing.assert_array_equal(utc_seconds(frame["date"])[1:], candles.seconds)
