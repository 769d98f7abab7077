"""Several networks in one model: members that train as they would alone, and are averaged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dualwindow.models.mirror import mirror_of
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks import registry
from dualwindow.models.networks.contract import CoreSizes
from dualwindow.models.networks.registry import NetworkError, core_of
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import count_weights, size_problems
from dualwindow.training.gradient_step import GradientStep, optimizer_of
from tests.makers.networks import NAMES, SETTINGS, WIDE, P, trained

SCALE = [1.0 + 0.1 * number for number in range(len(NAMES))]


def config_of(ensemble: int, **changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**SETTINGS, "ensemble": ensemble, **changes})


def made(config: TrainingConfig, *, mirrors: bool = True) -> DualWindowNetwork:
    torch.manual_seed(4)
    shape = NetworkShape.from_settings(config, NAMES)
    mirror = mirror_of(NAMES) if mirrors else None
    return DualWindowNetwork(shape, [0.1] * len(NAMES), SCALE, mirror).eval()


def alone(network: DualWindowNetwork, member: int, config: TrainingConfig) -> DualWindowNetwork:
    """A network of its own with the weights of a member."""
    own = made(config.replace(ensemble=1), mirrors=network.mirrors)
    with torch.no_grad():
        for weights, theirs in zip(own.weights_of(0), network.weights_of(member), strict=True):
            weights.copy_(theirs)
    return own


def moved(network: DualWindowNetwork) -> DualWindowNetwork:
    """With weights everywhere, where a training begins with zeros too."""
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.1 * torch.randn(weights.shape))
    return network


def inputs_of(rows: int, config: TrainingConfig) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    if config.wide_features:
        return torch.randn(rows, P * 4 + 2, generator=generator)
    return torch.randn(rows, P, len(NAMES), generator=generator)


@pytest.mark.parametrize("network", ["lstm", "gru", "tcn", "linear"])
def test_the_first_member_begins_as_a_network_alone_and_others_elsewhere(network: str) -> None:
    several, single = (made(config_of(number, network=network)) for number in (3, 1))
    own, other = several.state_dict(), single.state_dict()
    assert {name for name in own if not name.startswith("others.")} == other.keys()
    assert all(torch.equal(own[name], value) for name, value in other.items())
    heads = [member.core.head.weight for member in several.members]
    assert len({tuple(head.flatten().tolist()) for head in heads}) == 3


@pytest.mark.parametrize("mirrors", [True, False])
@pytest.mark.parametrize("features", [{}, WIDE], ids=["window", "wide"])
@pytest.mark.parametrize("ensemble", [1, 2, 5])
def test_a_prediction_is_the_mean_of_the_members_probabilities(
    ensemble: int, features: dict[str, Any], mirrors: bool
) -> None:
    config = config_of(ensemble, **features)
    network = moved(made(config, mirrors=mirrors))
    inputs = inputs_of(20, config)
    with torch.no_grad():
        found = network.log_probabilities(inputs).exp()
        single = [
            alone(network, member, config).log_probabilities(inputs).exp()
            for member in range(ensemble)
        ]
    torch.testing.assert_close(found, torch.stack(single).mean(dim=0))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(20))


def step_of(
    network: DualWindowNetwork, config: TrainingConfig, threads: ComputeThreads
) -> GradientStep:
    return GradientStep(
        network,
        optimizer_of(network, config),
        class_weights=torch.tensor([2.0, 0.5, 1.0]),
        # Small enough to be reached.
        clip=0.05,
        dtype=torch.float32,
        threads=threads,
    )


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("ensemble", [2, 3])
def test_every_member_learns_as_it_would_alone(ensemble: int, threads: int) -> None:
    config = config_of(ensemble, **WIDE, dropout=0.3, lstm_dropout=0.4)
    network = moved(made(config)).train()
    single = [alone(network, member, config).train() for member in range(ensemble)]
    inputs = inputs_of(50, config)
    labels = torch.randint(0, 3, (50,), generator=torch.Generator().manual_seed(1))
    with ComputeThreads(threads) as several, ComputeThreads(1) as one:
        step = step_of(network, config, several)
        steps = [step_of(own, config, one) for own in single]
        for number in range(3):
            dropout = network.draw_dropout(50, torch.Generator().manual_seed(number))
            parts = torch.chunk(dropout, ensemble, dim=1)
            assert not torch.equal(parts[0], parts[1])
            loss = step(inputs, labels, dropout)
            losses = [own(inputs, labels, part) for own, part in zip(steps, parts, strict=True)]
            torch.testing.assert_close(loss, torch.stack(losses).mean())
    for member, own in enumerate(single):
        pairs = zip(network.weights_of(member), own.weights_of(0), strict=True)
        for weights, theirs in pairs:
            torch.testing.assert_close(weights, theirs, atol=1e-5, rtol=1e-4)


def test_members_have_all_weights_and_every_one_once() -> None:
    network = made(config_of(4, **WIDE))
    found = [weights for member in range(4) for weights in network.weights_of(member)]
    assert sorted(map(id, found)) == sorted(map(id, network.parameters()))


def test_all_members_begin_at_the_class_prior() -> None:
    model = trained(config_of(3, learning_rate=1e-9, epochs=1))
    biases = [member.core.head.bias for member in model._network.members]
    assert len(biases) == 3
    assert all(torch.allclose(bias, biases[0], atol=1e-5) for bias in biases)
    assert float(biases[0].detach().exp().sum()) == pytest.approx(1, abs=1e-4)


def test_the_weights_of_all_members_have_to_fit_into_memory() -> None:
    config = TrainingConfig(lstm_units=(64,), trend_head=False)
    one = count_weights(config, 6)
    assert count_weights(config.replace(ensemble=7), 6) == 7 * one
    memory = 20.0 * one * 5
    assert size_problems(config, 6, memory) == []
    (problem,) = size_problems(config.replace(ensemble=7), 6, memory)
    assert "7 times (ensemble)" in problem


def test_the_weights_of_all_members_of_a_users_own_network_have_to_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Own(nn.Module):
        def __init__(self, sizes: CoreSizes) -> None:
            super().__init__()
            self.head = nn.Linear(sizes.features, sizes.classes)

        def forward(self, window: Tensor, _wide: Tensor, _factors: Any) -> Tensor:
            logits: Tensor = self.head(window[:, -1])
            return logits

    monkeypatch.setattr(registry, "_class_of", lambda _name: Own)
    # Six weights, of 20 bytes in a training.
    monkeypatch.setattr(registry, "training_memory", lambda: 3 * 6 * 20)
    sizes = CoreSizes(4, 1, 0, 3, (), (), 1)
    core_of("own:Own", sizes, 3)
    with pytest.raises(NetworkError, match="GiB of memory"):
        core_of("own:Own", sizes, 4)
