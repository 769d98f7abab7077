"""The folder that `dualwindow train` writes, and the search for an unfinished one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from dualwindow.data.candles.pairs import stem_of
from dualwindow.errors import DataError, SettingsError
from dualwindow.models.model_files import (
    ABOUT_NAME,
    EVALUATION_NAME,
    WEIGHTS_NAME,
    is_portable,
    remove_checkpoint,
)
from dualwindow.runtime.files import FileLockedError, locked_folder, parse_json, write_json
from dualwindow.settings.earlier import LATER_SETTINGS

CHECKPOINT_NAME: Final = "unfinished.checkpoint"
TENSORBOARD_NAME: Final = "tensorboard"
_RECORD_NAME: Final = "training.json"
_RECORD_FORMAT: Final = 1
#: Most pairs in the name of a folder; of more, it has the number.
_NAMED_PAIRS: Final = 2


class TrainingFolder:
    """The model folder of one training: its state and its files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """File with the state of an unfinished training."""
        return self.path / CHECKPOINT_NAME

    @property
    def is_finished(self) -> bool:
        """Whether it holds a whole model."""
        return is_portable(self.path)

    @property
    def is_unfinished(self) -> bool:
        """Whether a training was begun here and has not written its model yet."""
        return (self.path / _RECORD_NAME).is_file() and not self.is_finished

    def make(self) -> bool:
        """Create the folder; False if it exists already.

        Raises:
            DataError: when it cannot be created.
        """
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._not_writable(error) from None
        return True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other trainings out of the folder for the block.

        Raises:
            DataError: when another training is at work in it, or it cannot be written.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked_folder(self.path))
            except FileLockedError:
                raise DataError(
                    f"another training is at work in {self.path}; wait for its end, or train into "
                    "another --output"
                ) from None
            except OSError as error:
                raise self._not_writable(error) from None
            yield

    def begin(self, record: Mapping[str, Any]) -> None:
        """Create the folder and write the record of the training; see `TrainingRequest.record`.

        Raises:
            DataError: when the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.path / _RECORD_NAME, {"format": _RECORD_FORMAT, **record})
        except OSError as error:
            raise self._not_writable(error) from None

    def recorded(self) -> dict[str, Any]:
        """The record of the training here, as flat JSON.

        Raises:
            DataError: when the record is damaged.
        """
        path = self.path / _RECORD_NAME
        try:
            content: dict[str, Any] = parse_json(path.read_bytes())
            if content.pop("format") != _RECORD_FORMAT:
                raise ValueError("another format")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path} is damaged ({error}), so it is not known what the training was begun "
                "with; start it again without --resume"
            ) from None
        return content

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """One sentence for each value of a new record that differs from the one here.

        Raises:
            DataError: when the record here is damaged.
        """
        recorded = {**LATER_SETTINGS, **self.recorded()}
        now = {**LATER_SETTINGS, **json.loads(json.dumps(record))}
        return [
            f"{name}: the training there has {recorded.get(name)!r}, now it is {value!r}"
            for name, value in now.items()
            if recorded.get(name) != value
        ]

    def end(self) -> None:
        """Remove the checkpoint, which a finished training no longer needs."""
        remove_checkpoint(self.checkpoint)

    def abandon(self) -> None:
        """Remove the files of a training that cannot be resumed."""
        with suppress(OSError):
            for name in (_RECORD_NAME, EVALUATION_NAME, WEIGHTS_NAME, ABOUT_NAME):
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.path / TENSORBOARD_NAME, ignore_errors=True)
            # Files of the user stay, and with them the folder.
            self.path.rmdir()

    def _not_writable(self, error: OSError) -> DataError:
        return DataError(f"{self.path} cannot be written: {error}; give another --output")


def folder_name(preset: str | None, pairs: Sequence[str]) -> str:
    """Such as `dualwindow-quick-BTC_USDT_USDT`; `preset` is its name or file."""
    names = [stem_of(pair) for pair in pairs]
    if len(pairs) > _NAMED_PAIRS:
        names = [f"{len(pairs)}-pairs"]
    return "-".join(["dualwindow", *([Path(preset).stem] if preset else []), *names])


def require_free(output: Path | None) -> None:
    """Refuse a folder of `--output` that is not empty.

    Raises:
        SettingsError: with the way out.
    """
    if output is None or not output.exists():
        return
    if not output.is_dir() or any(output.iterdir()):
        raise SettingsError(
            [
                f"{output} holds something already; give another folder, or delete it; an "
                "unfinished training there goes on with --resume"
            ],
            "--output",
        )


def new_folder(models: Path, name: str, output: Path | None) -> TrainingFolder:
    """Create the folder of a new training in `models`; those of earlier ones stay as they are.

    From the second one on a number is added to the name. `output` is the folder itself, if the
    user names it.

    Raises:
        SettingsError: when `output` is not empty.
        DataError: when the folder cannot be created.
    """
    require_free(output)
    if output is not None:
        named = TrainingFolder(output)
        named.make()
        return named
    numbered = (f"{name}-{number}" for number in count(2))
    folders = (TrainingFolder(models / path) for path in chain([name], numbered))
    return next(folder for folder in folders if folder.make())


def unfinished_folder(models: Path, name: str, output: Path | None) -> TrainingFolder | None:
    """The newest folder of that name in which a training was begun, or None.

    It may be finished: a training may be killed after it has written its model.
    """
    if output is not None:
        named = TrainingFolder(output)
        return named if named.is_finished or named.is_unfinished else None
    numbered = re.compile(rf"{re.escape(name)}(?:-(\d+))?")
    begun: dict[int, TrainingFolder] = {}
    for path in models.glob(f"{name}*"):
        match, folder = numbered.fullmatch(path.name), TrainingFolder(path)
        if match is not None and (folder.is_finished or folder.is_unfinished):
            begun[int(match[1] or 1)] = folder
    return begun[max(begun)] if begun else None
