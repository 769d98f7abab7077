"""The auxiliary head learns beside the network, alike however the work is shared."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.auxiliary_head import AuxiliaryHead
from dualwindow.compute_threads import ComputeThreads
from dualwindow.dataset import Dataset
from dualwindow.epoch_batches import Batch, epoch_batches
from dualwindow.epoch_order import EpochOrder
from dualwindow.errors import SettingsError
from dualwindow.mirror import mirror_of
from dualwindow.network import DualWindowNetwork, NetworkShape
from dualwindow.optimization import GradientStep, optimizer_of
from dualwindow.ranks import ALONE, Ranks
from dualwindow.return_targets import ReturnTargets
from dualwindow.settings import TrainingConfig
from dualwindow.split import split_dataset
from dualwindow.stream import ChunkSizes, WindowStream
from dualwindow.trainer import Trainer, TrainingResult
from tests.datasets import dataset_of

NAMES = ("close_change", "high_change", "low_change")
SETTINGS: dict[str, Any] = {
    "window_size": 8,
    "future_window": 20,
    "patch_size": 2,
    "lstm_units": [6],
    "dense_units": [5],
    "learning_rate": 0.01,
    "batch_size": 64,
    "epochs": 2,
    "auxiliary_weight": 2.0,
    "trend_head": True,
    "lstm_dropout": 0.25,
}


def config_of(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**SETTINGS, **changes})


def market(rows: int = 600) -> Dataset:
    """Drift that turns every 60 candles and that the changes of a window give away.

    The classes are drawn at random, so that the drift is learned from the returns or not at all.
    """
    generator = np.random.default_rng(3)
    drift = np.where(np.arange(rows) // 60 % 2, 1.0, -1.0)[:, None] * 0.001
    features = (drift + generator.normal(0, 0.001, (rows, len(NAMES)))).astype(np.float32)
    labels = generator.integers(0, 3, rows)
    labels[:7] = labels[-20:] = -1
    return replace(dataset_of(labels), names=NAMES, features=features)


DATA = market()


class Learning:
    """A network, its head and the batches of an epoch, without the rest of a trainer."""

    def __init__(
        self,
        threads: ComputeThreads | None = None,
        ranks: Ranks = ALONE,
        chunk: int | None = None,
        **changes: Any,
    ) -> None:
        self.config = config_of(**changes)
        self.ranks, self.chunk = ranks, chunk
        with torch.random.fork_rng():
            torch.manual_seed(1)
            scale = [0.001] * len(NAMES)
            shape = NetworkShape.of(self.config, NAMES)
            self.network = DualWindowNetwork(shape, [0.0] * len(NAMES), scale, mirror_of(NAMES))
        self.head = AuxiliaryHead.of(self.network, self.config)
        self.step = GradientStep(
            self.network,
            optimizer_of(self.network, self.config, self.head),
            class_weights=None,
            clip=self.config.gradient_clip,
            dtype=torch.float32,
            threads=threads,
            ranks=ranks,
            auxiliary=self.head,
        )

    def batches(self, epoch: int = 0, *, mirror: bool = True) -> list[Batch]:
        order = EpochOrder(DATA.labelled(), balance="none", mirror=mirror, seed=1, epoch=epoch)
        stream = WindowStream(DATA.features, 8, ChunkSizes(self.chunk))
        targets = ReturnTargets.of(DATA, self.config)
        generator = torch.Generator().manual_seed(epoch)
        found = epoch_batches(
            order, stream, self.network, generator, 64, ranks=self.ranks, targets=targets
        )
        return [replace(batch, windows=batch.windows.clone()) for batch in found]

    def learn(self, epochs: int) -> list[torch.Tensor]:
        """Every weight after some epochs, the head's last."""
        for epoch in range(epochs):
            for each in self.batches(epoch):
                self.step(each.windows, each.labels, each.dropout, each.total, each.targets)
        head = [] if self.head is None else list(self.head.parameters())
        return [each.detach() for each in [*self.network.parameters(), *head]]

    def loss(self) -> float:
        """Of the head on all windows as they are."""
        assert self.head is not None
        losses = []
        with torch.no_grad():
            for each in self.batches(mirror=False):
                assert each.targets is not None
                returns = self.head(self.network.hidden(each.windows))
                losses.append(self.head.losses(returns, each.targets))
        return torch.cat(losses).mean().item()


def test_a_planted_drift_is_learned() -> None:
    learning = Learning()
    nothing = torch.zeros(64, 2)
    assert learning.head is not None
    targets = [each.targets for each in learning.batches(mirror=False)]
    of_nothing = torch.cat(
        [learning.head.losses(nothing[: len(each)], each) for each in targets if each is not None]
    )
    start = learning.head.weight.detach().clone()
    learning.learn(12)
    assert not torch.equal(learning.head.weight, start)
    assert learning.loss() < 0.7 * of_nothing.mean().item()


def test_a_mirrored_window_has_the_return_turned_around() -> None:
    learning = Learning()
    pairs = zip(learning.batches(), learning.batches(mirror=False), strict=True)
    turned = 0
    for mirrored, plain in pairs:
        assert mirrored.targets is not None
        assert plain.targets is not None
        flipped = (mirrored.windows != plain.windows).any(dim=2).any(dim=1)
        signs = torch.where(flipped, -1.0, 1.0)[:, None]
        assert torch.equal(mirrored.targets, plain.targets * signs)
        turned += int(flipped.sum())
    assert 200 < turned < 400


def test_the_loss_is_the_weighted_huber_loss_and_an_unknown_target_costs_nothing() -> None:
    head = AuxiliaryHead(3, weight=2.0, seed=0)
    hidden = torch.ones(2, 3, requires_grad=True)
    returns = torch.tensor([[0.5, 4.0], [1.0, 9.0]]) + 0 * head(hidden)
    losses = head.losses(returns, torch.tensor([[0.0, 1.0], [0.0, float("nan")]]))
    # (0.125 + 2.5) / 2 and (0.5 + 0) / 2, twice.
    torch.testing.assert_close(losses, torch.tensor([2.625, 0.5]))
    losses.sum().backward()
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_the_gradient_is_that_of_both_losses_together() -> None:
    batch = Learning().batches()[0]
    plain = Learning()
    assert plain.head is not None
    assert batch.targets is not None
    hidden = plain.network.hidden(batch.windows, batch.dropout)
    loss = torch.nn.functional.cross_entropy(
        plain.network(batch.windows, batch.dropout), batch.labels
    )
    total = loss + plain.head.losses(plain.head(hidden), batch.targets).mean()
    total.backward()
    parameters = [*plain.network.parameters(), *plain.head.parameters()]
    with ComputeThreads(3) as threads:
        shared = Learning(threads)
        told = shared.step.gradients(
            batch.windows, batch.labels, batch.dropout, None, batch.targets
        )
    assert told.item() == pytest.approx(loss.item(), abs=1e-6)
    for one, other in zip(parameters, shared.step._parameters, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-5)


def test_the_clip_holds_for_the_head_and_the_network_together() -> None:
    learning = Learning(auxiliary_weight=10.0, gradient_clip=0.1)
    batch = learning.batches()[0]
    learning.step(batch.windows, batch.labels, batch.dropout, batch.total, batch.targets)
    assert learning.head is not None
    parameters = [*learning.network.parameters(), *learning.head.parameters()]
    norms = [each.grad.norm() for each in parameters if each.grad is not None]
    assert len(norms) == len(parameters)
    assert torch.stack(norms).norm().item() == pytest.approx(0.1, rel=1e-3)


def test_threads_and_chunks_give_the_same_weights() -> None:
    alone = Learning().learn(2)
    chunked = Learning(chunk=1).learn(2)
    assert all(torch.equal(one, other) for one, other in zip(alone, chunked, strict=True))
    with ComputeThreads(2) as threads:
        first = Learning(threads).learn(2)
        again = Learning(threads, chunk=100).learn(2)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    for one, other in zip(alone, first, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


class Pair(Ranks):
    """One of two ranks that are threads of this process."""

    def __init__(self, number: int, barrier: threading.Barrier, told: list[torch.Tensor]) -> None:
        super().__init__(number, 2)
        object.__setattr__(self, "_shared", (barrier, told))

    def add_up(self, values: torch.Tensor) -> None:
        barrier, told = self._shared  # type: ignore[attr-defined]
        told[self.number] = values.clone()
        barrier.wait(20)
        values.copy_(told[0] + told[1])
        barrier.wait(20)


def test_ranks_share_the_gradient_of_the_head_too() -> None:
    barrier, told = threading.Barrier(2), [torch.empty(0)] * 2
    learned: dict[int, list[torch.Tensor]] = {}
    learning = [Learning(ranks=Pair(number, barrier, told)) for number in range(2)]

    def learn(number: int) -> None:
        learned[number] = learning[number].learn(1)

    workers = [threading.Thread(target=learn, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(40)
    for first, second, alone in zip(learned[0], learned[1], Learning().learn(1), strict=True):
        assert torch.equal(first, second)
        torch.testing.assert_close(first, alone, atol=1e-5, rtol=1e-4)


def trained(data: Dataset = DATA, **changes: Any) -> TrainingResult:
    config = config_of(**changes)
    split = split_dataset(data, validation_fraction=0.2, future_window=config.future_window)
    return Trainer(data, split, config).fit()


def test_without_a_weight_nothing_of_it_is_there() -> None:
    learning = Learning(auxiliary_weight=0.0)
    assert learning.head is None
    assert all(batch.targets is None for batch in learning.batches())
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    AuxiliaryHead(4, weight=1.0, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_model_is_of_the_same_form_with_other_weights() -> None:
    without, beside = trained(auxiliary_weight=0.0), trained()
    plain, taught = without.network.state_dict(), beside.network.state_dict()
    assert {name: value.shape for name, value in plain.items()} == {
        name: value.shape for name, value in taught.items()
    }
    assert not all(torch.equal(plain[name], value) for name, value in taught.items())
    # Figures stay cross entropies, which random classes keep near log 3, whatever the weight.
    heavy = trained(auxiliary_weight=10.0)
    assert [each.train_loss for each in heavy.history] == pytest.approx([1.1, 1.1], abs=0.1)
    assert [each.validation_loss for each in heavy.history] == pytest.approx([1.1, 1.1], abs=0.1)


def test_a_training_without_the_feature_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs the feature close_change"):
        trained(replace(DATA, names=("a", "b", "c")), mirror="off")
