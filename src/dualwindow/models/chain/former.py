"""The model that a training of a chain begins from, as FreqAI's folder holds it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import torch

from dualwindow.data.candles.sums import SummedCandles
from dualwindow.errors import ModelFileError
from dualwindow.models.freqai_folders import is_saved
from dualwindow.models.manifest import check_manifest
from dualwindow.models.trained_model import TrainedModel

#: Errors of loading a file that is no model.
_UNREADABLE: Final = (
    OSError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    pickle.PickleError,
)


@dataclass(frozen=True)
class FormerModel:
    """A saved model with the SHA-256 of its content."""

    model: TrainedModel
    sha256: str

    @classmethod
    def load(cls, folder: Path, filename: str) -> Self:
        """Load the model whose files in a folder begin with `filename`.

        Raises:
            ModelFileError: when it is not there, not whole, or damaged.
        """
        path = folder / f"{filename}_model.zip"
        if not path.is_file() or not is_saved(folder, filename):
            raise ModelFileError(f"there is no whole model in {folder}")
        check_manifest(folder)
        try:
            # FreqAI loads the same file in the same way.
            content = torch.load(path, weights_only=False)
            return cls(content["pytrainer"].load_from_checkpoint(content), content["sha256"])
        except _UNREADABLE as error:
            raise ModelFileError(f"{path} cannot be loaded: {error}") from error


@dataclass(frozen=True)
class Chain:
    """How a training of a chain begins: from a model, or fully, with the reason for the log.

    The reason is None for the first training of a pair. `candles` are the pair's own as they are
    now; None where they are not known, and then they are not compared.
    """

    former: FormerModel | None = None
    absent: str | None = None
    candles: SummedCandles | None = None


def chain_from(folder: Path, filename: str) -> Chain:
    """Begin from the model whose files in a folder begin with `filename`, or say why not."""
    try:
        return Chain(FormerModel.load(folder, filename))
    except ModelFileError as error:
        return Chain(absent=f"its last model cannot be used: {error}")
