"""Loss curves of a training of the command line, for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from torch.utils.tensorboard import SummaryWriter


class TensorBoardScalars:
    """Writes points of curves into a folder; a context manager.

    Args:
        folder: that TensorBoard is pointed at.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def log_scalar(self, tag: str, scalar_value: float, step: int) -> None:
        """Write one point of the curve `tag`."""
        self._writer.add_scalar(tag, scalar_value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()
