"""Claims: what a model's validation promises, from the files beside it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.models.manifest import MANIFEST_NAME
from dualwindow.models.model_files import AFTER_FEES_KEY, EVALUATION_NAME
from dualwindow.runtime.files import parse_json, sha256_of
from dualwindow.track.entries import Claim, EntryError, unpacked
from dualwindow.track.record_file import RecordFile

logger = logging.getLogger(__name__)

#: Parts of a training's figures that it may be evaluated on, the best one first.
_PARTS: Final = ("tail", "validation")


@dataclass(frozen=True)
class Promise:
    """Figures of a training, None where they are not known; see `entries.Claim`."""

    firing: float | None = None
    precision: Mapping[str, float | None] | None = None
    profit: float | None = None
    interval: tuple[float, float] | None = None


def read_promise(folder: Path) -> Promise:
    """What the figures in a model's folder promise; nothing where they are missing or damaged."""
    try:
        content = parse_json((folder / EVALUATION_NAME).read_bytes())
        part = next((content[name] for name in _PARTS if content.get(name)), None)
        profit, interval = _profit(content.get(AFTER_FEES_KEY))
        if part is None:
            return Promise(profit=profit, interval=interval)
        return Promise(
            firing=float(part["thresholded"]["coverage"]),
            precision={
                CLASS_NAMES[side]: part["meaning"][CLASS_NAMES[side]]["above"]
                for side in (SHORT, LONG)
            },
            profit=profit,
            interval=interval,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.debug("%s promises nothing: %s", folder, error)
        return Promise()


def _profit(figures: Any) -> tuple[float | None, tuple[float, float] | None]:
    """Mean profit of a trade as a fraction of the price, and its interval."""
    if not figures or figures["sides"] is None:
        return None, None
    mean, leverage = figures["sides"]["model"]["mean_pct"], float(figures["leverage"])
    scale = 100.0 * leverage
    ends = None
    if mean["low"] is not None and mean["high"] is not None:
        ends = (mean["low"] / scale, mean["high"] / scale)
    return mean["value"] / scale, ends


def claimed_profits(path: Path) -> dict[str, list[tuple[int, float | None]]]:
    """Of every pair in a bot's record, the first candle of each claim and the profit it promised.

    Nothing where there is no record, or it cannot be read, which is logged.
    """
    found: dict[str, list[tuple[int, float | None]]] = {}
    if not path.is_file():
        return found
    try:
        file = RecordFile.for_reading(path)
        for _, content in file.marked():
            entry = unpacked(content)
            if isinstance(entry, Claim):
                found.setdefault(entry.pair, []).append((entry.seconds, entry.profit))
        file.close()
    except (sqlite3.Error, EntryError) as error:
        logger.info("the bot's claims in %s are not known: %s", path, error)
    return found


@dataclass(frozen=True)
class ClaimedModels:
    """Models that a record's claims are of, and that still lie beside it.

    Attributes:
        claimed: how many models the record names.
        there: how many of them lie beside it.
        changed: a sentence for each file that is not the one that was claimed.
    """

    claimed: int = 0
    there: int = 0
    changed: tuple[str, ...] = ()


def claimed_models(file: RecordFile, folder: Path) -> ClaimedModels:
    """Hold the models in a bot's folder against the sums that were written before they decided.

    Raises:
        sqlite3.Error, EntryError: when the record cannot be read.
    """
    entries = [unpacked(content) for _, content in file.marked()]
    last = {claim.model: claim for claim in entries if isinstance(claim, Claim)}
    there = {name: own for name, own in last.items() if (folder / name).is_dir()}
    changed = [
        f"{own.pair}: {name}/{part} is not the file that was claimed"
        for name, own in there.items()
        for part, found in model_sums(folder / name).items()
        if own.sums.get(part, found) != found
    ]
    return ClaimedModels(len(last), len(there), tuple(changed))


def model_sums(folder: Path) -> dict[str, str]:
    """SHA-256 of a model's manifest, which holds the sums of all its other files, and of figures.

    Empty where there is none.
    """
    names = (MANIFEST_NAME, EVALUATION_NAME)
    return {name: sha256_of(folder / name) for name in names if (folder / name).is_file()}
