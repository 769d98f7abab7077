"""Models and checkpoints as the bytes of one safetensors file, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import safetensors.torch
import torch
from torch import Tensor

from dualwindow import __version__
from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models.manifest import MODEL_FORMAT
from dualwindow.models.network import DualWindowNetwork, NetworkShape, restored_network
from dualwindow.settings import TrainingConfig
from dualwindow.settings.messages import RETIRED_SETTINGS

#: Key of the plain values in the file's metadata.
_KEY: Final = "dualwindow"
#: Beginning of the names of the network's tensors.
_NETWORK: Final = "network."
#: Of the quantiles among the saved tensors; models of earlier versions lack it.
_QUANTILES: Final = "validation.limits"


def to_bytes(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Pack tensors (CPU, contiguous, no shared memory) with plain JSON values as metadata.

    Infinity and NaN are kept too.
    """
    return bytes(safetensors.torch.save(dict(tensors), {_KEY: json.dumps(about)}))


def about_of(payload: bytes) -> dict[str, Any]:
    """The values that `to_bytes` packed.

    Raises:
        ValueError: when the header is damaged.
    """
    length = int.from_bytes(payload[:8], "little")
    try:
        header = json.loads(payload[8 : 8 + length])
        content: dict[str, Any] = json.loads(header["__metadata__"][_KEY])
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return content


@dataclass(frozen=True)
class ModelContent:
    """All that a model consists of, see `TrainedModel`.

    The network is on the CPU when it was loaded. Models of earlier versions lack quantiles and
    calibration.
    """

    network: DualWindowNetwork
    config: TrainingConfig
    context: CandleArrays
    candle_seconds: int
    quantiles: ValidationQuantiles | None
    calibration: Calibration | None

    def to_bytes(self) -> bytes:
        """The model as safetensors: weights on the CPU and everything else as JSON metadata."""
        tensors = {
            f"{_NETWORK}{name}": value.detach().cpu().contiguous()
            for name, value in self.network.state_dict().items()
        }
        tensors["context.seconds"] = torch.from_numpy(self.context.seconds.copy())
        tensors["context.features"] = torch.from_numpy(self.context.features.copy())
        tensors["context.flat"] = torch.from_numpy(self.context.flat.copy())
        if self.quantiles is not None:
            tensors[_QUANTILES] = torch.from_numpy(self.quantiles.limits.copy())
        about = {
            "format": MODEL_FORMAT,
            "version": __version__,
            "feature_code_version": FEATURE_CODE_VERSION,
            "classes": CLASS_NAMES,
            "features": self.context.names,
            "shape": self.network.shape.to_dict(),
            "mirror": self.network.mirrors,
            "settings": self.config.to_dict(),
            "candle_seconds": self.candle_seconds,
            # Models of earlier versions lack it.
            "calibration": self.calibration.to_dict() if self.calibration else None,
        }
        return to_bytes(tensors, about)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Load what `to_bytes` made.

        Raises:
            ModelFileError: when the bytes are damaged or of another format version.
        """
        try:
            about = about_of(payload)
        except ValueError as error:
            raise ModelFileError(f"the saved model is damaged: {error}") from None
        _require_readable(about)
        tensors = safetensors.torch.load(payload)
        state = {
            name.removeprefix(_NETWORK): value
            for name, value in tensors.items()
            if name.startswith(_NETWORK)
        }
        shape = NetworkShape.from_dict(about["shape"])
        context = CandleArrays(
            tuple(about["features"]),
            tensors["context.seconds"].numpy(),
            tensors["context.features"].numpy(),
            tensors["context.flat"].numpy(),
        )
        limits = tensors.get(_QUANTILES)
        calibration = about.get("calibration")
        return cls(
            restored_network(shape, state, mirrors=about["mirror"]),
            _settings(about["settings"], shape),
            context,
            int(about["candle_seconds"]),
            None if limits is None else ValidationQuantiles(limits.numpy()),
            None if calibration is None else Calibration.from_dict(calibration),
        )


def _require_readable(about: Mapping[str, Any]) -> None:
    """Refuse a model of another format, with other features, or with other classes."""
    found = (about["format"], about["feature_code_version"], tuple(about["classes"]))
    expected = (MODEL_FORMAT, FEATURE_CODE_VERSION, CLASS_NAMES)
    if found != expected:
        raise ModelFileError(
            f"the model was made by dualwindow {about['version']} in another format (format, "
            f"feature code, classes: {found}, this version reads {expected}); train it again"
        )


def _settings(saved: Mapping[str, Any], shape: NetworkShape) -> TrainingConfig:
    # Settings of earlier versions lack these two; their models had neither.
    lacking = {"trend_head": bool(shape.trend_spans), "lstm_dropout": shape.lstm_dropout}
    settings = {
        name: value
        for name, value in (lacking | dict(saved)).items()
        if name not in RETIRED_SETTINGS
    }
    return TrainingConfig.from_parameters(settings, source="the saved model")
