"""The trend head: a linear map of the window's trailing returns, straight to the sides.

It is the autoregressive path of LSTNet (Lai et al. 2018, arXiv:1703.07015). An LSTM has to learn to
add up, and learns the market's hours by heart before; a trend is found by a handful of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from dualwindow.models.networks.inputs import SCALED_BOUND

#: Factor of the trend head's output. AdamW moves each weight by about the step size, whatever it
#: is for, and a handful of weights that begin at 0 have farther to go than those of the layers.
TREND_GAIN: Final = 5.0


def trend_logit(changes: Tensor, scale: Tensor, spans: Sequence[int], weights: Tensor) -> Tensor:
    """The trend's logit for LONG and against SHORT, (B,); its mirror image is the opposite.

    Not centred, unlike what the layers see, so that it is odd in the changes.

    Args:
        changes: (B, P, K) unscaled.
        scale: (K,) interquartile ranges.
        spans: candles of each of S trailing sums.
        weights: (K, S).
    """
    changes = (changes / scale).clamp(-SCALED_BOUND, SCALED_BOUND)
    # By the root of their length, so that the sums of a random walk are of one size.
    sums = [changes[:, -span:].sum(dim=1) / span**0.5 for span in spans]
    return TREND_GAIN * (torch.stack(sums, dim=-1) * weights).sum(dim=(1, 2))
