"""Identity of a training: a sum over everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch

from dualwindow import __version__
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import Split
from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.errors import DataError
from dualwindow.models.checkpoint import CHECKPOINT_FORMAT
from dualwindow.models.fingerprint import model_settings
from dualwindow.models.manifest import MODEL_FORMAT
from dualwindow.models.networks.registry import code_sum
from dualwindow.runtime.device import arithmetic_of
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.settings.kinds import is_own

#: Rows summed in one go; bounds how much of a mapped file is touched at a time.
_ROWS: Final = 65_536


def training_identity(
    dataset: Dataset,
    split: Split,
    config: TrainingConfig,
    *,
    device: torch.device,
    threads: int,
    ranks: Ranks = ALONE,
    pretrained: str | None = None,
    former: str | None = None,
) -> str:
    """Hexadecimal SHA-256, equal for two trainings only if they give bit-identical weights.

    Args:
        dataset: all of its dates, features and labels count.
        split: its rows to train and validate on.
        config: of which the settings count that a model depends on.
        device: of the training.
        threads: that share a batch: gradients are summed, and another grouping rounds differently.
        ranks: that share it too; all return the same.
        pretrained: SHA-256 of the model that the training starts from.
        former: SHA-256 of the model that a warm training of a chain begins from.

    Raises:
        DataError: when ranks hold different data, settings or versions.
    """
    about = {
        "formats": [CHECKPOINT_FORMAT, MODEL_FORMAT, FEATURE_CODE_VERSION],
        "versions": [__version__, torch.__version__],
        "device": device.type,
        "settings": model_settings(config),
        "pretrained": pretrained,
        "features": dataset.names,
        "rows": len(dataset),
        "train": [[rows.start, rows.stop] for rows in split.train.stretches],
        "validation": [[rows.start, rows.stop] for rows in split.validation.stretches],
    }
    if is_own(config.network):
        about["network's code"] = code_sum(config.network)
    # Left out elsewhere, so that the checkpoints of earlier versions count.
    if split.choosing is not None:
        about["choosing"] = [[rows.start, rows.stop] for rows in split.choosing.stretches]
    if former is not None:
        about["former"] = former
    arithmetic = [arithmetic_of(device), threads]
    # Large data take long to sum, on a slow disk more so.
    by_rank = ranks.gathered(
        lambda: (arithmetic, about | {"candles": _sum_of(dataset)}), patiently=True
    )
    first = by_rank[0][1]
    for number, (_, other) in enumerate(by_rank):
        if differing := ", ".join(_differences(first, other)):
            raise DataError(
                f"rank {number} trains with other {differing} than the first rank; every machine "
                "needs the same candle files, settings and versions"
            )
    content = json.dumps([[how for how, _ in by_rank], first], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _sum_of(dataset: Dataset) -> str:
    total = hashlib.sha256()
    for column in (dataset.seconds, dataset.labels, dataset.features):
        for start in range(0, len(column), _ROWS):
            total.update(np.ascontiguousarray(column[start : start + _ROWS]).data)
    return total.hexdigest()


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names of what two ranks' trainings differ in; settings with their values."""
    differing = [name for name in one if name != "settings" and one[name] != other[name]]
    settings, others = one["settings"], other["settings"]
    names = sorted(settings.keys() | others.keys())
    return differing + [
        f"{name} ({others.get(name)}, not {settings.get(name)})"
        for name in names
        if settings.get(name) != others.get(name)
    ]
