"""The state of a training after an epoch, on disk, so that an interrupted training goes on.

The file is the SHA-256 of all that follows, then safetensors bytes: the tensors, and everything
else as JSON metadata. Nothing in it is unpickled.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import safetensors
import safetensors.torch
from torch import Tensor

from dualwindow.errors import DataError
from dualwindow.models.model_files import remove_checkpoint
from dualwindow.models.serialization import about_of, to_bytes
from dualwindow.runtime.files import whole_file

logger = logging.getLogger(__name__)

#: Raised whenever what is saved changes; checkpoints of another version are not resumed from.
CHECKPOINT_FORMAT: Final = 1
#: Seconds between two writes at least, so that short epochs do not keep the disk busy.
SECONDS_BETWEEN_WRITES: Final = 5.0
_SUM_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True)
class TrainingState:
    """All that the epochs to come depend on: tensors, and values of plain JSON types.

    The tensors are on the CPU, contiguous, and shared with nothing that a training changes.
    """

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


class CheckpointFile:
    """The checkpoint of one training, known by its identity; a context manager around its epochs.

    A state that was kept but is not on disk yet is written when the block raises, be it because
    the training was stopped. A disk that is full or gone costs the checkpoint, not the training.
    With `spares_others`, a checkpoint of another training is an error instead of overwritten.
    """

    def __init__(self, path: Path, identity: str, *, spares_others: bool = False) -> None:
        self._path = path
        self._identity = identity
        self._spares_others = spares_others
        self._unwritten: TrainingState | None = None
        self._last_write = time.monotonic()

    def read(self) -> TrainingState | None:
        """The state on disk; None when there is none, or none of this training.

        A damaged file is removed.

        Raises:
            DataError: when it is of another training and to be spared.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("the checkpoint %s cannot be read: %s", self._path, error)
            return None
        try:
            identity, state = _unpacked(content)
        except ValueError as error:
            logger.warning("the checkpoint %s is damaged and removed: %s", self._path, error)
            remove_checkpoint(self._path)
            return None
        if identity != self._identity:
            if self._spares_others:
                raise DataError(
                    f"the checkpoint {self._path} is of other candles, settings or versions, or of "
                    "another device or number of threads or ranks, and a training cannot go on "
                    "with others; train where it was begun, or begin again elsewhere"
                )
            logger.info(
                "the checkpoint %s is of other data, settings or versions and not used", self._path
            )
            return None
        return state

    def keep(self, state: TrainingState) -> None:
        """Take the state after an epoch in the place of the last; write it unless one just was."""
        self._unwritten = state
        if time.monotonic() - self._last_write >= SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write the newest state, whole or not at all, unless it is on disk already."""
        if self._unwritten is None:
            return
        content = _packed(self._identity, self._unwritten)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self._path) as handle:
                handle.write(content)
        except OSError as error:
            kept = "the one before it stays" if self._path.is_file() else "there is none before it"
            logger.warning(
                "the checkpoint %s cannot be written: %s; %s, and a new one needs %.1f MB more",
                self._path,
                error,
                kept,
                len(content) / 1e6,
            )
        else:
            self._unwritten = None
        self._last_write = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.write()


def _packed(identity: str, state: TrainingState) -> bytes:
    payload = to_bytes(state.tensors, {"identity": identity, "values": state.values})
    return hashlib.sha256(payload).digest() + payload


def _unpacked(content: bytes) -> tuple[str, TrainingState]:
    """Identity and state; whatever is wrong with the bytes is a ValueError."""
    payload = content[_SUM_BYTES:]
    if hashlib.sha256(payload).digest() != content[:_SUM_BYTES]:
        raise ValueError("its SHA-256 sum differs")
    about = about_of(payload)
    try:
        tensors = safetensors.torch.load(payload)
        # Copies in memory of their own, aligned as torch's own tensors are.
        owned = {name: value.clone() for name, value in tensors.items()}
        return about["identity"], TrainingState(owned, about["values"])
    except (KeyError, safetensors.SafetensorError) as error:
        raise ValueError(str(error)) from error
