"""The network: a shell of scaler, mirror, dropout and trend head around its cores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.models.mirror import Mirror
from dualwindow.models.networks.inputs import mirrored, parted, scaled
from dualwindow.models.networks.member import Member
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trend import trend_logit

_SWAPPED: Final = [LONG, HOLD, SHORT]
#: Layers of the core as earlier versions named them, and as `networks.lstm` does.
_EARLIER_LAYERS: Final = {
    "patches": "patches",
    "lstms": "recurrent",
    "norms": "norms",
    "dense": "dense",
    "head": "head",
}


class DualWindowNetwork(Member):
    """From unscaled inputs to logits (B, 3) in the order SHORT, HOLD, LONG.

    Inputs are windows (B, P, C), or with a wide path tables, see `networks.inputs`. The wide path
    goes into the core beside the window, and is mapped straight to the logits (Cheng et al. 2016,
    Wide and deep learning, arXiv:1606.07792).

    The core is the setting `network`, see `networks.contract`; beside it stands the trend head, see
    `networks.trend`.

    With the setting `ensemble` there are several members, whose probabilities are averaged. They
    share inputs and their scaling, and differ in their weights and in what is dropped in training.
    The first is the network itself, so that its weights are called as those of one alone.

    Args:
        shape: sizes of the layers.
        center: (C,) median of each feature over the training rows.
        scale: (C,) interquartile range of each feature over the training rows.
        mirror: mirror image of the features, or None for no mirroring.

    Raises:
        NetworkError: when a core of the user's own cannot be used.
    """

    center: Tensor
    scale: Tensor
    mirror_source: Tensor
    mirror_sign: Tensor

    def __init__(
        self,
        shape: NetworkShape,
        center: Sequence[float],
        scale: Sequence[float],
        mirror: Mirror | None,
    ) -> None:
        super().__init__(shape)
        self.mirrors = mirror is not None
        self.register_buffer("center", torch.tensor(center, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        source = mirror.source if mirror else range(shape.n_features)
        sign = mirror.sign if mirror else [1.0] * shape.n_features
        self.register_buffer("mirror_source", torch.tensor(list(source), dtype=torch.int64))
        self.register_buffer("mirror_sign", torch.tensor(list(sign), dtype=torch.float32))

        self.others = nn.ModuleList(Member(shape) for _ in range(shape.ensemble - 1))

    @property
    def members(self) -> list[Member]:
        """The networks whose probabilities are averaged; the first is this one."""
        return [self, *(cast(Member, other) for other in self.others)]

    def weights_of(self, member: int) -> list[nn.Parameter]:
        """The parameters of a member alone."""
        if member:
            return [*self.members[member].parameters()]
        named = self.named_parameters()
        return [weights for name, weights in named if not name.startswith("others.")]

    def mirrored(self, inputs: Tensor) -> Tensor:
        """Mirror images of unscaled inputs, of their shape."""
        return mirrored(inputs, self.shape.roles, self.mirror_source, self.mirror_sign)

    def draw_dropout(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw the factors (B, D) by which hidden layers are multiplied in training.

        One factor a unit and window, the same in all steps (Gal and Ghahramani 2016,
        arXiv:1512.05287). D is the width of all members' dropped layers, one after another.
        """
        widths = [width for member in self.members for width in member.drawn_widths]
        rates = [rate for member in self.members for rate in member.drawn_rates]
        if not widths:
            return torch.empty(batch, 0)
        drawn = torch.split(torch.rand(batch, sum(widths), generator=generator), widths, dim=1)
        factors = [
            (part < 1.0 - rate).float() / (1.0 - rate)
            for part, rate in zip(drawn, rates, strict=True)
        ]
        return torch.cat(factors, dim=1)

    def forward(self, inputs: Tensor, dropout: Tensor | None = None, member: int = 0) -> Tensor:
        """(B, 3) logits of a member for unscaled inputs.

        In training units are dropped by the factors of `draw_dropout`, which are all members'.
        """
        own = self.members[member]
        if dropout is not None:
            parts = [sum(each.drawn_widths) for each in self.members]
            dropout = torch.split(dropout, parts, dim=1)[member]
        logits = own.logits(*self.scaled_parts(inputs), dropout)
        if own.trend is None:
            return logits
        predicted = self._trend_logit(inputs, own.trend)
        # SHORT, HOLD, LONG: of how likely HOLD is, a trend knows nothing.
        return logits + torch.stack([-predicted, torch.zeros_like(predicted), predicted], dim=-1)

    def begin_at(self, shares: Tensor) -> None:
        """Set the bias of every member's head to the logarithm of (3,) class shares."""
        super().begin_at(shares)
        for member in self.members[1:]:
            member.begin_at(shares)

    def scaled_parts(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled and clipped windows (B, P, C) and wide features (B, W): what the core sees."""
        roles = self.shape.roles
        windows, wide = parted(inputs, roles)
        return (
            scaled(windows, roles.window, self.center, self.scale),
            scaled(wide, roles.wide, self.center, self.scale),
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Earlier versions had the core's weights among the network's own."""
        for name in [*state_dict]:
            layer, dot, rest = name.removeprefix(prefix).partition(".")
            if name.startswith(prefix) and layer in _EARLIER_LAYERS:
                state_dict[f"{prefix}core.{_EARLIER_LAYERS[layer]}{dot}{rest}"] = state_dict.pop(
                    name
                )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _trend_logit(self, inputs: Tensor, weights: Tensor) -> Tensor:
        roles, at = self.shape.roles, self.shape.trend_features
        windows, _ = parted(inputs, roles)
        scale = self.scale[[roles.window[position] for position in at]]
        changes = torch.stack([windows[..., position] for position in at], dim=-1)
        return trend_logit(changes, scale, self.shape.trend_spans, weights)

    def log_probabilities(self, inputs: Tensor) -> Tensor:
        """Log probabilities (B, 3) in float32, of the mean over the members' probabilities.

        Those of a member are averaged with the mirror image where the network has one.
        """
        turned = self.mirrored(inputs) if self.mirrors else None
        found = [self._of_member(number, inputs, turned) for number in range(self.shape.ensemble)]
        if len(found) == 1:
            return found[0]
        return torch.logsumexp(torch.stack(found), dim=0) - math.log(len(found))

    def _of_member(self, number: int, inputs: Tensor, turned: Tensor | None) -> Tensor:
        direct = torch.log_softmax(self(inputs, None, number).float(), dim=-1)
        if turned is None:
            return direct
        mirror = torch.log_softmax(self(turned, None, number).float(), dim=-1)
        return torch.log_softmax((direct + mirror[:, _SWAPPED]) / 2, dim=-1)


def restored_network(
    shape: NetworkShape, state: Mapping[str, Tensor], *, mirrors: bool
) -> DualWindowNetwork:
    """A network on the CPU with the weights, the scaler and the mirror of another one's state."""
    ones = [1.0] * shape.n_features
    # The real scaler and mirror come with the state; only their presence shapes the network.
    mirror = Mirror(tuple(range(shape.n_features)), tuple(ones)) if mirrors else None
    network = DualWindowNetwork(shape, ones, ones, mirror)
    network.load_state_dict(state)
    return network


def swap_sides(labels: Tensor) -> Tensor:
    """Classes of mirrored windows: SHORT becomes LONG and LONG becomes SHORT, (B,) to (B,)."""
    return (SHORT + LONG) - labels
