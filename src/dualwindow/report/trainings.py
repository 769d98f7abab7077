"""Read the figures that trainings wrote."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dualwindow.backtest.figures import AfterFees
from dualwindow.errors import DataError, ModelFileError
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.evidence.importance import Importances
from dualwindow.models.freqai_folders import find_models
from dualwindow.models.manifest import check_listed
from dualwindow.models.model_files import AFTER_FEES_KEY, EVALUATION_NAME, IMPORTANCE_NAME
from dualwindow.report.schema import TrainedWindow, TrainingFacts
from dualwindow.runtime.files import parse_json
from dualwindow.track.entries import EntryError
from dualwindow.track.figures import figures_of
from dualwindow.track.record_file import RECORD_NAME, RecordFile

logger = logging.getLogger(__name__)

#: Keys of evaluations, named after their rows, in order of preference.
_EVALUATED_ON: Final = ("tail", "validation")

_AFTER_FEES: Final = TypeAdapter(AfterFees)
_IMPORTANCE: Final = TypeAdapter(Importances)
_EVALUATION: Final = TypeAdapter(Evaluation | None)
_TRAINING: Final = TypeAdapter(TrainingFacts)


def read_window(path: Path, trained_until: int | None = None) -> TrainedWindow:
    """Read the `evaluation.json` of a training on candles up to a time, seconds since 1970.

    Raises:
        ModelFileError: when the file is not as the manifest beside it lists it, is damaged, or of a
            version with other figures.
    """
    check_listed(path, "copy the whole folder again, or train the model again")
    try:
        content: dict[str, Any] = parse_json(path.read_bytes())
        evaluated_on = next(name for name in _EVALUATED_ON if name in content)
        return TrainedWindow(
            name=str(content["name"]),
            trained_until=trained_until,
            version=str(content["version"]),
            training=_TRAINING.validate_python(content["training"]),
            evaluated_on=evaluated_on,
            hindsight=int(content["not_evaluated_for_hindsight"]),
            evaluation=_EVALUATION.validate_python(content[evaluated_on]),
        )
    except (OSError, ValueError, LookupError, TypeError, StopIteration) as error:
        raise ModelFileError(
            f"the figures in {path} cannot be read ({_short(error)}): they are damaged, or another "
            "version of dualwindow wrote them; train the model again"
        ) from None


def read_after_fees(path: Path) -> AfterFees | None:
    """Profits after fees in the `evaluation.json` of a training; None where it has none."""
    try:
        return _AFTER_FEES.validate_python(parse_json(path.read_bytes())[AFTER_FEES_KEY])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_importance(folder: Path, sha256: str | None) -> Importances | None:
    """Importance of the features of a model with this sum; None where it was not measured."""
    try:
        content = parse_json((folder / IMPORTANCE_NAME).read_bytes())
        return _IMPORTANCE.validate_python(content) if content["model"] == sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_track(folder: Path) -> dict[str, Any] | None:
    """The track record in `user_data/models/<identifier>`; None without one that can be read."""
    path = folder / RECORD_NAME
    if not path.is_file():
        return None
    try:
        file = RecordFile.for_reading(path)
        try:
            return figures_of(file, folder).to_dict()
        finally:
            file.close()
    except (sqlite3.Error, EntryError, DataError) as error:
        logger.warning(
            "the track record %s is left out of the report (%s); dualwindow track --verify names "
            "what is damaged",
            path,
            error,
        )
        return None


def read_windows(folder: Path) -> list[TrainedWindow]:
    """Read the figures of every retraining in `user_data/models/<identifier>`, by pair and time.

    Unfinished trainings have no figures. Figures that cannot be read are left out with a warning.
    """
    windows = []
    for model in find_models(folder):
        path = model.path / EVALUATION_NAME
        if not path.is_file():
            continue
        try:
            windows.append(read_window(path, model.trained_until))
        except ModelFileError as error:
            logger.warning("left out of the report: %s", error)
    return sorted(windows, key=lambda window: (window.name, window.trained_until or 0))


def _short(error: Exception) -> str:
    """An error in one line; those of pydantic have several lines per value."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return repr(error)
