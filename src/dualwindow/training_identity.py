"""What tells one training from another: a sum over everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from typing import Final

import numpy as np
import torch

from dualwindow import __version__
from dualwindow.checkpoint import CHECKPOINT_FORMAT
from dualwindow.dataset import Dataset
from dualwindow.device import arithmetic_of
from dualwindow.features import FEATURE_CODE_VERSION
from dualwindow.fingerprint import model_settings
from dualwindow.settings import TrainingConfig
from dualwindow.split import Split
from dualwindow.trained import MODEL_FORMAT

#: Rows summed in one go; bounds how much of a mapped file is touched at a time.
_ROWS: Final = 65_536


def training_identity(
    dataset: Dataset,
    split: Split,
    config: TrainingConfig,
    *,
    device: torch.device,
    threads: int,
) -> str:
    """Equal for two trainings only if they give the same weights, bit for bit.

    Args:
        dataset: all of its dates, features and labels count.
        split: its rows to train and validate on.
        config: those of its settings that a model depends on.
        device: that trains.
        threads: that share a batch; their gradients are summed, and another grouping rounds
            differently.

    Returns:
        Hexadecimal SHA-256.
    """
    about = {
        "formats": [CHECKPOINT_FORMAT, MODEL_FORMAT, FEATURE_CODE_VERSION],
        "versions": [__version__, torch.__version__],
        "arithmetic": [device.type, arithmetic_of(device), threads],
        "settings": model_settings(config),
        "features": dataset.names,
        "rows": len(dataset),
        "train": [[each.start, each.stop] for each in split.train.stretches],
        "validation": [[each.start, each.stop] for each in split.validation.stretches],
    }
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for column in (dataset.seconds, dataset.labels, dataset.features):
        for start in range(0, len(column), _ROWS):
            total.update(np.ascontiguousarray(column[start : start + _ROWS]).data)
    return total.hexdigest()
