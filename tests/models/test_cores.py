"""The cores by themselves: how far they look back, and how."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dualwindow.models.networks.contract import CoreSizes
from dualwindow.models.networks.tcn import TCNCore
from dualwindow.settings import TrainingConfig
from tests.makers.networks import NAMES, SETTINGS, P, built


@pytest.mark.parametrize("network", ["lstm", "gru", "tcn"])
@pytest.mark.parametrize(("patch_size", "layers"), [(1, (6,)), (3, (6, 4)), (2, (4, 4, 4, 4))])
def test_every_candle_of_the_window_is_looked_at(
    network: str, patch_size: int, layers: tuple[int, ...]
) -> None:
    config = TrainingConfig.from_parameters({**SETTINGS, "trend_head": False})
    changes = {"network": network, "patch_size": patch_size, "lstm_units": layers}
    window = torch.randn(1, P, len(NAMES)).requires_grad_()
    built(config, **changes)(window)[0, 0].backward()
    assert window.grad is not None
    assert bool((window.grad.abs().sum(dim=-1) > 0).all())


def slow_tcn(core: TCNCore, window: Tensor) -> Tensor:
    """The last state, step by step, with all steps of all layers."""
    x = window if core.patches is None else core.patches(window.transpose(1, 2)).transpose(1, 2)
    for number, (mix, norm) in enumerate(zip(core.mixes, core.norms, strict=True)):
        steps = []
        for step in range(x.shape[1]):
            back = [step - 2**number * tap for tap in (2, 1, 0)]
            read = [x[:, at] if at >= 0 else torch.zeros_like(x[:, 0]) for at in back]
            mixed = torch.relu(norm(mix(torch.cat(read, dim=1))))
            steps.append(mixed + x[:, step] if mixed.shape == x[:, step].shape else mixed)
        x = torch.stack(steps, dim=1)
    return x[:, -1]


@pytest.mark.parametrize(("candles", "patch"), [(2, 1), (7, 1), (12, 3), (50, 1), (180, 5)])
@pytest.mark.parametrize("layers", [(4,), (5, 4), (3,) * 9])
def test_a_tcn_computes_the_steps_that_reach_the_last(
    candles: int, patch: int, layers: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    core = TCNCore(CoreSizes(candles, 2, 0, 3, layers, (), patch))
    window = torch.randn(3, candles, 2)
    found = core.summed_up(window, ())
    torch.testing.assert_close(found, slow_tcn(core, window))
