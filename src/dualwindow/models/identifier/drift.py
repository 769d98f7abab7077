"""Drift of a running bot's features against the training of its models."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from dualwindow.errors import ModelFileError
from dualwindow.evaluation.evidence.drift import Drift
from dualwindow.models.identifier.journal import read_bins
from dualwindow.models.model_files import read_spread

logger = logging.getLogger(__name__)

#: Candles that the newest ones may be spread over, where some were not predicted, by how many
#: are compared.
_STRETCHED: Final = 2


def drift_in(
    folder: Path, models: Mapping[str, str], candle_seconds: int
) -> dict[str, Drift | None]:
    """Pair to the drift of its features, from the journal of `user_data/models/<identifier>`.

    None where the model's training or too few of its candles are known.

    Args:
        folder: of the identifier.
        models: pair to the name of the folder of its model.
        candle_seconds: between two candles.
    """
    found: dict[str, Drift | None] = {}
    for pair, model in models.items():
        found[pair], spread = None, read_spread(folder / model)
        if spread is None:
            continue
        try:
            rows = read_bins(folder, pair, _STRETCHED * spread.candles * candle_seconds)
        except ModelFileError as error:
            logger.warning("the drift of %s is not known: %s", pair, error)
            continue
        own = [bins for bins in rows if len(bins) == len(spread.names)]
        table = np.frombuffer(b"".join(own), dtype=np.uint8).reshape(-1, len(spread.names))
        found[pair] = spread.drift(table)
    return found
