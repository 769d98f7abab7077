"""Tries a core of the user's own on a few windows, before hours of training are spent on it."""

from __future__ import annotations

import copy
from typing import Final

import torch
from torch import Tensor, nn

from dualwindow.models.networks.contract import CoreSizes, Factors, dropped_widths

#: Windows of a trial.
_WINDOWS: Final = 4
#: Rounding may differ with the batch, by this much of a logit.
_TOLERANCE: Final = 1e-4


def trial_inputs(sizes: CoreSizes, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Scaled windows (4, P, C) and wide features (4, W), the same at every call."""
    generator = torch.Generator().manual_seed(17)
    window = torch.randn(_WINDOWS, sizes.candles, sizes.features, generator=generator)
    wide = torch.randn(_WINDOWS, sizes.wide_features, generator=generator)
    return window.to(device), wide.to(device)


def trial_logits(core: nn.Module, sizes: CoreSizes) -> Tensor:
    """(4, 3) logits on the CPU that a core gives for the inputs of a trial."""
    device = next((weights.device for weights in core.parameters()), None)
    window, wide = trial_inputs(sizes, device)
    with torch.no_grad():
        logits: Tensor = core.eval()(window, wide, ())
    return logits.float().cpu()


def trial_problem(core: nn.Module, sizes: CoreSizes) -> str:
    """The sentence of what breaks the contract; empty when nothing does."""
    state = core.state_dict()
    if any(not isinstance(value, Tensor) for value in state.values()):
        return "its state holds what is no tensor"
    if shared := _shared(state):
        return f"its weights {' and '.join(shared)} share memory, so they cannot be saved"
    widths = dropped_widths(core)
    if not all(isinstance(width, int) and width > 0 for width in widths):
        return f"its dropped widths {widths} must be whole numbers above 0"
    window, wide = trial_inputs(sizes)
    factors = [torch.ones(_WINDOWS, width) for width in widths]
    # Layers such as BatchNorm change as they are used.
    copied = copy.deepcopy(core).train()
    try:
        with torch.no_grad():
            whole = copied(window, wide, factors)
            alone = copied(window[:1], wide[:1], [factor[:1] for factor in factors])
            silent = copied.eval()(window, wide, ())
    except Exception as error:
        return f"it fails on windows of the sizes {sizes}: {error!r}"
    return _problem_of((whole, silent), alone, sizes)


def _problem_of(found: Factors, alone: Tensor, sizes: CoreSizes) -> str:
    shape = (_WINDOWS, sizes.classes)
    for logits in found:
        if not isinstance(logits, Tensor) or tuple(logits.shape) != shape:
            given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            return f"it returns {given} for {_WINDOWS} windows, instead of logits of shape {shape}"
        if not logits.dtype.is_floating_point or not bool(torch.isfinite(logits).all()):
            return "its logits are not finite numbers"
    if not torch.allclose(found[0][:1], alone, atol=_TOLERANCE):
        return (
            "its logits of a window depend on chance or on the other windows of a batch; draw no "
            "dropout in it (name its widths in `dropped`, multiply by the factors), and normalise "
            "a window by itself (LayerNorm)"
        )
    return ""


def _shared(state: dict[str, Tensor]) -> list[str]:
    """Names of two tensors in the same memory; none when all have their own."""
    owners: dict[int, str] = {}
    for name, value in state.items():
        if value.numel() and (owner := owners.setdefault(value.data_ptr(), name)) != name:
            return [owner, name]
    return []
