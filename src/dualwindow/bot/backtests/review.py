"""Looks through the saved models and predictions of one pair: which are of the candles of now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dualwindow.bot.backtests.pair_candles import PairCandles
from dualwindow.data.candles.sums import changes_text
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import ModelFileError
from dualwindow.models.identifier.made_from import Change, Comparison, compare
from dualwindow.models.identifier.records import Record, Records
from dualwindow.models.manifest import sum_of
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)

_SAME: Final = Comparison(Change.NONE, {})


@dataclass(frozen=True)
class Slice:
    """A slice of a backtest: a training from `first` to `begin`, and the rows up to `stop`.

    All in seconds since 1970. `model` is the folder of the trained model, whose file is called
    `model_name`; `predictions` is the file of the slice's saved predictions.
    """

    model: Path
    model_name: str
    predictions: Path
    first: int
    begin: int
    stop: int

    @property
    def filename(self) -> str:
        """Beginning of the names of the model's files."""
        return self.model_name.removesuffix("_model.zip")


@dataclass(frozen=True)
class Found:
    """The saved files of a slice, compared with the candles of now; None where there are none.

    Attributes:
        begin: of the slice, seconds since 1970.
        predictions: of the slice.
        model: that predicted, or would predict, the slice.
    """

    begin: int
    predictions: Comparison | None
    model: Comparison | None

    @property
    def decisive(self) -> Comparison:
        """The comparison of what would be taken."""
        return self.predictions or self.model or _SAME


def review(part: Slice, records: Records, candles: PairCandles) -> Found:
    """Compare the saved files of a slice with the candles of now."""
    model = sum_of(part.model, part.model_name)
    return Found(
        part.begin,
        _of_predictions(part, model, records, candles),
        None if model is None else _of_model(part.model_name, model, records, candles),
    )


def _of_predictions(
    part: Slice, model: str | None, records: Records, candles: PairCandles
) -> Comparison | None:
    if not part.predictions.is_file():
        return None
    try:
        _, record = records.read(part.predictions)
    except ModelFileError:
        # Written by another process since damaged files were set aside.
        return Comparison(Change.RECORD, {})
    if record is None:
        return _SAME
    if None not in (model, record.model) and record.model != model:
        return Comparison(Change.MODEL, {})
    return _compared(record, candles)


def _of_model(name: str, sha256: str, records: Records, candles: PairCandles) -> Comparison:
    record = records.of(name, sha256)
    if record is None and records.has(name):
        return Comparison(Change.RECORD, {})
    return _SAME if record is None else _compared(record, candles)


def _compared(record: Record, candles: PairCandles) -> Comparison:
    if record.made_from is None:
        return _SAME
    return compare(record.made_from, candles.series, candles.rows)


def log_found(pair: str, found: Sequence[Found]) -> None:
    """Log in one line for each kind of change what is not taken as it was saved, and why."""
    for change in Change:
        alike = [each for each in found if each.decisive.change is change]
        if not alike or change is Change.NONE:
            continue
        begins = utc_text(min(each.begin for each in alike))
        amount = f"{len(alike)} of {counted(len(found), 'slice')}, the first from {begins} UTC,"
        verb = "is" if len(alike) == 1 else "are"
        if change is Change.CANDLES:
            logger.warning(
                "%s: %s are not the candles any more that its models and predictions were made "
                "from; %s %s trained or predicted again",
                pair,
                changes_text(each.decisive.where for each in alike),
                amount,
                verb,
            )
        elif change is Change.OLDER_CANDLES:
            logger.warning(
                "%s: older candles are there now, so that features are known which were not; %s "
                "%s trained or predicted again",
                pair,
                amount,
                verb,
            )
        elif change is Change.MODEL:
            logger.warning(
                "%s: models have been trained again since they predicted %s and predict again",
                pair,
                amount,
            )
        elif change is Change.RECORD:
            logger.warning(
                "%s: records of candles are damaged; %s %s trained or predicted again",
                pair,
                amount,
                verb,
            )
        else:
            logger.info(
                "%s: this command loads fewer candles than the backtest did; of %s the saved "
                "predictions are used as they are",
                pair,
                amount,
            )
