"""The files of a model folder: their names, and what is read or removed without loading the model.

Everything that looks at folders imports this module, so it imports no torch.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from dualwindow.errors import ModelFileError
from dualwindow.evaluation import Reference
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.models.manifest import check_listed, is_listed
from dualwindow.runtime.files import leftovers, parse_json
from dualwindow.settings.messages import shown

logger = logging.getLogger(__name__)
#: Weights, scaler and settings of a model that `dualwindow train` made.
WEIGHTS_NAME: Final = "model.safetensors"
#: Origin of such a model, for people and programs.
ABOUT_NAME: Final = "model.json"
#: The figures of a training, beside every model.
EVALUATION_NAME: Final = "evaluation.json"
#: What the model loses without each of its features, beside a model that was asked for it.
IMPORTANCE_NAME: Final = "importance.json"
#: Key of the reference that the model was compared with in its figures.
REFERENCE_KEY: Final = "yardsticks"
#: Key of the earnings of its decisions in its figures.
AFTER_FEES_KEY: Final = "after_fees"
#: Key of the spread of its training's features in its figures.
SPREAD_KEY: Final = "features"


def is_portable(folder: Path) -> bool:
    """Whether a folder holds a model that `portable.save_portable` wrote to its end."""
    return all(
        (folder / name).is_file() and is_listed(folder, name) for name in (WEIGHTS_NAME, ABOUT_NAME)
    )


def find_pretrained(name: str, models: Path) -> Path:
    """The folder that the setting `pretrained` names, from here or from freqtrade's `models`.

    Raises:
        ModelFileError: when there is none.
    """
    try:
        given = Path(name).expanduser()
        candidates = list(dict.fromkeys([given, models / given]))
        folder = next((path for path in candidates if path.exists()), None)
    except (OSError, RuntimeError) as error:
        # A name that is too long for the system, or of a user who is not there.
        raise ModelFileError(
            f"pretrained {shown(name)} can be no folder ({error}); correct it"
        ) from error
    if folder is None:
        tried = " nor ".join(str(path) for path in candidates)
        raise ModelFileError(
            f"pretrained {name!r}: there is no {tried}; give a folder that `dualwindow train` has "
            "written"
        )
    return folder


def read_reference(folder: Path) -> Reference | None:
    """The reference that a model was compared with, from its training's figures.

    None when the file is missing, damaged, or of a version that fitted none.
    """
    try:
        check_listed(folder / EVALUATION_NAME, "train the model again")
        content = parse_json((folder / EVALUATION_NAME).read_bytes())
        return Reference.from_dict(content[REFERENCE_KEY])
    except ModelFileError as error:
        logger.warning("the model is compared with nothing: %s", error)
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_spread(folder: Path) -> FeatureSpread | None:
    """The spread of the features that a model was trained on; None where it is not known."""
    try:
        return FeatureSpread.from_dict(
            parse_json((folder / EVALUATION_NAME).read_bytes())[SPREAD_KEY]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.debug("%s tells nothing of its features: %s", folder, error)
        return None


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint, and what processes that were killed while they wrote it have left.

    For the caller of a training, once the model is saved. A file that cannot be deleted is named
    in the log; one that is not there is fine.
    """
    for file in [path, *leftovers(path)]:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("the checkpoint %s cannot be deleted: %s", file, error)
