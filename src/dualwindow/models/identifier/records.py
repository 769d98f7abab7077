"""Records of the models and saved predictions of an identifier: their sums, and their candles.

They lie in a folder of their own beside them: one file for each model and each saved prediction.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import ModelFileError
from dualwindow.models.fingerprint import CACHED_PREDICTIONS, fingerprint
from dualwindow.models.identifier.made_from import MadeFrom
from dualwindow.runtime.files import parse_json, sha256_of, whole_file, write_json

logger = logging.getLogger(__name__)

FOLDER: Final = "records"
_FORMAT: Final = 1


@dataclass(frozen=True)
class Record:
    """The record of one file.

    Attributes:
        sha256: of the file.
        model: SHA-256 of the model that predicted; None for a model, and where it was not saved.
        made_from: the candles; None for files of earlier versions, until they are used again.
    """

    sha256: str
    model: str | None = None
    made_from: MadeFrom | None = None


class Records:
    """Records in the folder of one identifier, `user_data/models/<identifier>`."""

    def __init__(self, folder: Path) -> None:
        self._models = folder
        self.folder = folder / FOLDER

    def exist(self) -> bool:
        """Whether a version that writes records has opened the folder."""
        return self.folder.is_dir()

    def adopt(self) -> int:
        """Note the sums of saved predictions that an earlier version left; return their number."""
        files = sorted((self._models / CACHED_PREDICTIONS).glob("*.feather"))
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            self._write(file.name, [Record(sha256_of(file))])
        return len(files)

    def of(self, name: str, sha256: str) -> Record | None:
        """The record of a file with this name and SHA-256; None where there is none."""
        return next((record for record in self._read(name) if record.sha256 == sha256), None)

    def has(self, name: str) -> bool:
        """Whether there is a record of a file with this name, readable or not."""
        return self._path(name).is_file()

    def save(self, file: Path, content: bytes, record: Record) -> None:
        """Write a file and its record; at any moment the file that is there has its record."""
        kept = [self.of(file.name, sha256_of(file))] if file.is_file() else []
        before = [other for other in kept if other is not None and other.sha256 != record.sha256]
        self._write(file.name, [*before, record])
        with whole_file(file) as handle:
            handle.write(content)
        if before:
            self._write(file.name, [record])

    def note(self, name: str, record: Record) -> None:
        """Write the record of a file that is there."""
        self._write(name, [record])

    def read(self, file: Path) -> tuple[bytes, Record | None]:
        """The content of a saved prediction with its record.

        In a folder without any records, which an earlier version filled, the record is None.

        Raises:
            ModelFileError: when the content is not that which was written, or cannot be read.
        """
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ModelFileError(f"{file} cannot be read: {error}") from None
        if not self.exist():
            return content, None
        record = self.of(file.name, hashlib.sha256(content).hexdigest())
        if record is None:
            raise ModelFileError(
                f"{file} is damaged or was changed by hand (its SHA-256 is not in "
                f"{self._path(file.name)})"
            )
        return content, record

    def _path(self, name: str) -> Path:
        return self.folder / f"{Path(name).stem}.json"

    def _write(self, name: str, records: list[Record]) -> None:
        content = {"format": _FORMAT, "file": name, "records": [_plain(each) for each in records]}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._path(name), {**content, "sha256": fingerprint(content)})

    def _read(self, name: str) -> list[Record]:
        try:
            content = parse_json(self._path(name).read_bytes())
            own_sum = content.pop("sha256")
            if own_sum != fingerprint(content) or content["format"] != _FORMAT:
                return []
            return [_record(entry) for entry in content["records"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []


def _plain(record: Record) -> dict[str, Any]:
    made = record.made_from
    return {
        "sha256": record.sha256,
        "model": record.model,
        "made_from": None if made is None else made.to_dict(),
    }


def _record(content: Mapping[str, Any]) -> Record:
    made = content["made_from"]
    return Record(
        str(content["sha256"]),
        content["model"],
        None if made is None else MadeFrom.from_dict(made),
    )
