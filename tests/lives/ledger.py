"""What a life knows beside the bot: models that were whole, decisions that were made."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dualwindow.models.freqai_folders import find_models
from dualwindow.track.entries import Entry
from dualwindow.track.record_file import RECORD_NAME
from tests.lives.training import zip_sum

if TYPE_CHECKING:
    from tests.lives.bot import Analysis
    from tests.lives.life import Life


@dataclass
class Ledger:
    """Facts that later steps are held against.

    Attributes:
        refused: why the last start was refused; empty where it was not.
        sums: identifier and model folder to the sum of the model that was saved there.
        newest: identifier to base coin to the end of the training of its newest whole model.
        damaged_models: identifiers and folders of models that the life has damaged.
        heads: file of a track record to its head as it was last read.
        entries: of the record, where it has changed in the last step.
        decided: pairs and rows that the record held after the last step.
        predictions: pair to how many were on the disk when the bot was killed.
    """

    refused: str = ""
    sums: dict[tuple[str, str], str] = field(default_factory=dict)
    newest: dict[str, dict[str, int]] = field(default_factory=dict)
    damaged_models: set[tuple[str, str]] = field(default_factory=set)
    heads: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] | None = None
    decided: set[tuple[str, int]] = field(default_factory=set)
    predictions: dict[str, int] = field(default_factory=dict)
    _looked_at: set[tuple[int, str, Path]] = field(default_factory=set)

    def take_over(self, life: Life) -> None:
        """Note the models that a life begins with."""
        for model in find_models(life.folder):
            self.sums[life.folder.name, model.path.name] = zip_sum(model.path)

    def is_new(self, found: Analysis) -> bool:
        """Whether a bot predicts with this model for the first time."""
        assert found.folder is not None
        key = (id(found.bot), found.pair, found.folder)
        is_new = key not in self._looked_at
        self._looked_at.add(key)
        return is_new

    def killed(self, life: Life) -> None:
        """Note what a killed bot has left on the disk."""
        self._looked_at.clear()
        try:
            held = pickle.loads((life.folder / "historic_predictions.pkl").read_bytes())
            self.predictions = {pair: len(frame) for pair, frame in held.items()}
        except FileNotFoundError:
            self.predictions = {}

    def damaged(self, life: Life, file: Path) -> None:
        """Expect nothing more of what the life has damaged itself."""
        inside = file.relative_to(life.folder)
        if inside.parts[0].startswith("sub-train-"):
            self.damaged_models.add((life.folder.name, inside.parts[0]))
            base = inside.parts[0].removeprefix("sub-train-").rpartition("_")[0]
            self.newest.get(life.folder.name, {}).pop(base, None)
        elif inside.name == "dualwindow.json":
            self.newest.pop(life.folder.name, None)
        elif inside.name.startswith(RECORD_NAME):
            self.heads.pop(str(life.folder / RECORD_NAME), None)
            self.decided.clear()
