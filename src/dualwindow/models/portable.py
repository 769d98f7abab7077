"""A self-contained model folder: what `dualwindow train` writes and `pretrained` names.

| file | what it holds |
| --- | --- |
| model.safetensors | weights, scaler, mirror, settings, feature names and their order |
| model.json | where the model comes from, to be read by people and programs |
| manifest.json | SHA-256 sums of these and of what else belongs to the model; written last |

Nothing in it is unpickled, so that a model may come from somebody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import safetensors

from dualwindow import __version__
from dualwindow.errors import DualWindowError, ModelFileError
from dualwindow.evaluation import Reference
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.models.manifest import MANIFEST_NAME, check_manifest, is_listed, write_manifest
from dualwindow.models.model_files import (
    ABOUT_NAME,
    WEIGHTS_NAME,
    is_portable,
    read_reference,
    read_spread,
)
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.files import parse_json, whole_file, write_json

#: Raised whenever the folder's files change; folders of another format are refused.
PORTABLE_FORMAT: Final = 1
_WANTED: Final = "give a folder that `dualwindow train` has written"
_MAKE_ONE: Final = "make a model folder with `dualwindow train`"


@dataclass(frozen=True)
class ModelOrigin:
    """Origin of a model, and what it has seen.

    Attributes:
        periods: of the moving averages, candles.
        first: date of the first candle that was trained on, seconds since 1970.
        until: the second after the training's last candle, the untouched tail included.
        validation_from: date of the first validation row, seconds since 1970.
        tail_from: date of the untouched tail's first row; None without one.
        pretrained: SHA-256 of the model that it was fine-tuned from; None: begun from nothing.
        pretrained_seen_until: that model's `seen_until`.
    """

    name: str
    pairs: tuple[str, ...]
    exchange: str
    trading_mode: str
    timeframe: str
    periods: tuple[int, ...]
    first: int
    until: int
    validation_from: int | None = None
    tail_from: int | None = None
    pretrained: str | None = None
    pretrained_seen_until: int | None = None

    @property
    def seen_until(self) -> int:
        """The first second whose candles had no part in the weights, seconds since 1970.

        Labels are known only where their whole future lies in the training, so that no candle from
        this moment on was looked at; predictions before it would be hindsight.
        """
        own = self.until if self.tail_from is None else self.tail_from
        return max(own, self.pretrained_seen_until or 0)


@dataclass(frozen=True)
class PortableModel:
    """A model with its origin, the SHA-256 of its weights file, and what it was compared with.

    Reference, and spread of the features that it was trained on, are None where the folder does not
    hold them.
    """

    model: TrainedModel
    origin: ModelOrigin
    sha256: str
    reference: Reference | None = None
    spread: FeatureSpread | None = None


def save_portable(
    folder: Path, model: TrainedModel, origin: ModelOrigin, extra: Sequence[str] = ()
) -> None:
    """Write a model folder; killed at any moment, it leaves a whole model or none.

    A model that is there is replaced. `extra` are names of further files that are in the folder
    already and belong to the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Without its manifest nothing in the folder counts as a model.
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    payload = model.to_bytes()
    with whole_file(folder / WEIGHTS_NAME) as handle:
        handle.write(payload)
    about = {
        "format": PORTABLE_FORMAT,
        "dualwindow": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights_sha256": hashlib.sha256(payload).hexdigest(),
        "origin": asdict(origin),
        "dates": _dates(origin),
        "features": model.feature_names,
        "settings": model.config.to_dict(),
    }
    write_json(folder / ABOUT_NAME, about)
    files = [folder / name for name in (WEIGHTS_NAME, ABOUT_NAME, *extra)]
    write_manifest(folder, files)


def load_portable(folder: Path) -> PortableModel:
    """Load a model folder.

    Raises:
        ModelFileError: when it is no model folder, damaged, or of another format; with the way
            out.
    """
    if not is_listed(folder, WEIGHTS_NAME):
        raise ModelFileError(f"{folder} {_not_a_model(folder)}")
    way_out = "copy the whole folder again, or train the model again"
    check_manifest(folder, way_out)
    about_path = folder / ABOUT_NAME
    try:
        weights = (folder / WEIGHTS_NAME).read_bytes()
        about: dict[str, Any] = parse_json(about_path.read_bytes())
        found, made_by = about["format"], about["dualwindow"]
        if found != PORTABLE_FORMAT:
            raise ModelFileError(
                f"{folder} was made by dualwindow {made_by} in format {found}, this version "
                f"({__version__}) reads {PORTABLE_FORMAT}; train the model again, or install the "
                "version that made it"
            )
        if about["weights_sha256"] != (sha256 := hashlib.sha256(weights).hexdigest()):
            raise ModelFileError(
                f"{folder / WEIGHTS_NAME} does not belong to {about_path}; {way_out}"
            )
        return PortableModel(
            TrainedModel.from_bytes(weights),
            _origin(about["origin"]),
            sha256,
            read_reference(folder),
            read_spread(folder),
        )
    except DualWindowError as error:
        raise ModelFileError(f"the model in {folder} cannot be used: {error}") from error
    except OSError as error:
        raise ModelFileError(f"the model in {folder} cannot be read: {error}; {way_out}") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        safetensors.SafetensorError,
    ) as error:
        raise ModelFileError(f"the model in {folder} is damaged ({error!r}); {way_out}") from error


def _dates(origin: ModelOrigin) -> dict[str, str]:
    """The moments of an origin in ISO 8601, for people."""
    moments = {
        name: getattr(origin, name)
        for name in ("first", "validation_from", "tail_from", "until", "seen_until")
    }
    return {
        name: datetime.fromtimestamp(moment, UTC).isoformat()
        for name, moment in moments.items()
        if moment is not None
    }


def _origin(content: dict[str, Any]) -> ModelOrigin:
    lists = {name: tuple(content[name]) for name in ("pairs", "periods")}
    return ModelOrigin(**{**content, **lists})


def _not_a_model(folder: Path) -> str:
    """Why a path is no model folder, and what to do."""
    if not folder.exists():
        return f"is not there; {_WANTED}, such as user_data/models/dualwindow-quick-BTC_USDT_USDT"
    if not folder.is_dir():
        return f"is a file; {_WANTED}, not a file in it"
    if any((folder / name).exists() for name in (WEIGHTS_NAME, "unfinished.checkpoint")):
        return (
            f"holds no whole model, for {MANIFEST_NAME} does not list it: either its training has "
            "not come to its end (go on with `dualwindow train --resume`), or it was not copied as "
            "a whole"
        )
    return _other_content(folder)


def _other_content(folder: Path) -> str:
    """Content of a folder that is no model's, and the way out."""
    if folder.name.startswith("sub-train-"):
        return (
            "is a model that a bot has trained for itself, which cannot be loaded without pickle; "
            f"{_MAKE_ONE}"
        )
    if any(folder.glob("sub-train-*")) or (folder / "pair_dictionary.json").is_file():
        return (
            "is FreqAI's folder of a freqai.identifier, with models that a bot has trained for "
            f"itself; {_MAKE_ONE}"
        )
    inside = sorted(path.name for path in folder.iterdir() if is_portable(path))
    if inside:
        return f"holds model folders and is none itself; give one of them: {', '.join(inside)}"
    return f"holds no model; {_WANTED}"
