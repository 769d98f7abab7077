"""The predictions that FreqAI saves in a backtest: which are meant, and as they were written."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.data.candles.timerange import EVERYTHING, DateRange
from dualwindow.errors import ModelFileError
from dualwindow.models.identifier.records import Records
from dualwindow.settings.pairs import base_coin

_NAME: Final = re.compile(r"cb_(?P<base>.+)_(?P<stamp>\d+)_prediction\.feather")


@dataclass(frozen=True)
class SavedPredictions:
    """A file with the predictions of one model.

    Attributes:
        path: of the file.
        base: base coin in lower case.
        trained_until: end of the model's training, seconds since 1970.
    """

    path: Path
    base: str
    trained_until: int


@dataclass(frozen=True)
class Extent:
    """Some of a folder's predictions, such as those of one backtest; None is no limit.

    Attributes:
        pairs: as freqtrade names them.
        trained_until: ends of the trainings, seconds since 1970.
        dates: of the predicted candles.
    """

    pairs: tuple[str, ...] | None = None
    trained_until: frozenset[int] | None = None
    dates: DateRange = EVERYTHING

    def has_base(self, base: str) -> bool:
        """Whether the predictions of a base coin, in any case, are meant."""
        names = None if self.pairs is None else {base_coin(pair).lower() for pair in self.pairs}
        return names is None or base.lower() in names

    def has_model(self, base: str, trained_until: int) -> bool:
        """Whether those of a base coin's model are meant."""
        known = self.trained_until is None or trained_until in self.trained_until
        return known and self.has_base(base)

    def rows(self, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) whether candles of (N,) dates, seconds since 1970, are meant."""
        first, stop = self.dates.first, self.dates.stop
        inside = np.ones(len(seconds), np.bool_) if first is None else seconds >= first
        return np.asarray(inside if stop is None else inside & (seconds < stop))


#: All predictions of a folder.
ALL: Final = Extent()


def find_predictions(folder: Path, extent: Extent = ALL) -> list[SavedPredictions]:
    """Files of predictions in FreqAI's folder of them, by base coin and training.

    The folder need not exist; files of other names are not looked at.
    """
    found = []
    for path in folder.glob("*.feather"):
        match = _NAME.fullmatch(path.name)
        if match and extent.has_model(match["base"], int(match["stamp"])):
            found.append(SavedPredictions(path, match["base"], int(match["stamp"])))
    return sorted(found, key=lambda saved: (saved.base, saved.trained_until))


def read_saved(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Saved predictions of a slice; the file lies in a folder of the identifier's.

    Args:
        path: of the file.
        columns: that are wanted; None for all.

    Raises:
        ModelFileError: when the file is not as it was written, or cannot be read.
    """
    content, _ = Records(path.parents[1]).read(path)
    try:
        wanted = None if columns is None else list(columns)
        return pd.read_feather(io.BytesIO(content), columns=wanted)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from None
