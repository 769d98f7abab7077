"""GRU layers in the place of LSTM layers: three gates instead of four (Cho et al. 2014)."""

from __future__ import annotations

from torch import nn

from dualwindow.models.networks.lstm import LSTMCore


class GRUCore(LSTMCore):
    """As `LSTMCore`, with a quarter less weights in its recurrent layers."""

    kind = nn.GRU
