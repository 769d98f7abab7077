"""Reads the predictions that a backtest saved, as they were written or not at all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from dualwindow.errors import ModelFileError
from dualwindow.models.identifier.records import Records


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
