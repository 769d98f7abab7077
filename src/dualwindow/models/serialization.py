"""Models and checkpoints as the bytes of one safetensors file, without pickle."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from dualwindow import __version__
from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError, SettingsError
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.manifest import MODEL_FORMAT
from dualwindow.models.network import DualWindowNetwork, restored_network
from dualwindow.models.networks.registry import NetworkError
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trial import trial_logits
from dualwindow.runtime.files import parse_json
from dualwindow.settings import TrainingConfig
from dualwindow.settings.earlier import RETIRED_SETTINGS
from dualwindow.settings.kinds import is_own

#: Key of the plain values in the file's metadata.
_KEY: Final = "dualwindow"
#: Beginning of the names of the network's tensors.
_NETWORK: Final = "network."
#: Errors of reading bytes that are no model.
_DAMAGED: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    OverflowError,
    SettingsError,
    safetensors.SafetensorError,
)
_WAY_OUT: Final = "copy the whole model again, or train it again"
#: Of the quantiles among the saved tensors; models of earlier versions lack it.
_QUANTILES: Final = "validation.limits"
#: Answers of a user's own network in a trial; others show that its class has changed.
_TRIAL: Final = "trial.logits"
#: How far the answers of two machines may differ.
_ROUNDING: Final = 1e-3


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
        header = parse_json(payload[8 : 8 + length])
        content: dict[str, Any] = parse_json(header["__metadata__"][_KEY])
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
    link: ChainLink | None = None

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
        if is_own(self.network.shape.network):
            tensors[_TRIAL] = trial_logits(self.network.core, self.network.shape.core)
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
        if self.link is not None:
            about["chain"] = self.link.to_dict()
        return to_bytes(tensors, about)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Load what `to_bytes` made.

        Raises:
            ModelFileError: when the bytes are damaged or of another format version, or hold what no
                training makes; sums tell nothing of a model that was edited before it was summed.
        """
        try:
            content = cls._unpacked(payload)
        except _DAMAGED as error:
            raise ModelFileError(f"the saved model is damaged: {error!r}; {_WAY_OUT}") from None
        if problems := list(_problems(content)):
            raise ModelFileError(
                f"the saved model holds what no training makes: {'; '.join(problems)}; {_WAY_OUT}"
            )
        return content

    @classmethod
    def _unpacked(cls, payload: bytes) -> Self:
        about = about_of(payload)
        _require_readable(about)
        tensors = safetensors.torch.load(payload)
        state = {
            name.removeprefix(_NETWORK): value
            for name, value in tensors.items()
            if name.startswith(_NETWORK)
        }
        # Models of earlier versions have the window in their settings alone.
        window_size = about["settings"]["window_size"]
        shape = NetworkShape.from_dict({"window_size": window_size} | dict(about["shape"]))
        config = _settings(about["settings"], shape)
        built = shape.network, shape.window_size, shape.ensemble
        if built != (config.network, config.window_size, config.ensemble):
            raise ValueError("network {!r} for {} candles, ensemble {}".format(*built))
        _require_size(shape, state)
        context = CandleArrays(
            tuple(about["features"]),
            tensors["context.seconds"].numpy(),
            tensors["context.features"].numpy(),
            tensors["context.flat"].numpy(),
        )
        limits = tensors.get(_QUANTILES)
        calibration, link = about.get("calibration"), about.get("chain")
        return cls(
            _restored(shape, state, tensors.get(_TRIAL), mirrors=_flag(about["mirror"])),
            config,
            context,
            operator.index(about["candle_seconds"]),
            # Those of earlier versions are of probabilities, the default of their settings.
            None
            if limits is None
            else ValidationQuantiles(limits.numpy(), config.confidence_measure),
            None if calibration is None else Calibration.from_dict(calibration),
            None if link is None else ChainLink.from_dict(link),
        )


def _restored(
    shape: NetworkShape, state: Mapping[str, Tensor], trial: Tensor | None, *, mirrors: bool
) -> DualWindowNetwork:
    """The network of a saved state; a class of the user's own has to be the one that was saved.

    Raises:
        ModelFileError: when it is not, or cannot be used.
    """
    if not is_own(shape.network):
        return restored_network(shape, state, mirrors=mirrors)
    changed = f"the class of its network {shape.network!r} is not the one that it was trained with"
    way_out = "restore the class, or train the model again"
    try:
        network = restored_network(shape, state, mirrors=mirrors)
    except NetworkError as error:
        raise ModelFileError(f"the saved model needs its {error.problems[0]}; {way_out}") from error
    except RuntimeError as error:
        raise ModelFileError(f"{changed}: {error}; {way_out}") from error
    answer = trial_logits(network.core, shape.core)
    if trial is None or not torch.allclose(answer, trial, rtol=_ROUNDING, atol=_ROUNDING):
        raise ModelFileError(f"{changed}: it answers otherwise; {way_out}")
    return network


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


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _require_size(shape: NetworkShape, state: Mapping[str, Tensor]) -> None:
    """Refuse sizes that the weights do not have, before a network of them fills the memory."""
    largest = max((max(value.shape, default=0) for value in state.values()), default=0)
    sizes: tuple[int, ...] = (shape.n_features,)
    # What the linear one does not use, and what a user's own does with sizes, shows in no weight.
    if not is_own(shape.network):
        sizes += shape.dense_units
    if shape.network in ("lstm", "gru", "tcn"):
        sizes += (*shape.lstm_units, shape.patch_size)
    if not all(0 < operator.index(size) <= largest for size in sizes):
        raise ValueError(f"a network of sizes {sizes} for weights of at most {largest}")
    others = {name.split(".")[1] for name in state if name.startswith("others.")}
    if len(others) != shape.ensemble - 1:
        raise ValueError(f"weights of {len(others) + 1} networks for an ensemble {shape.ensemble}")
    roles = shape.roles
    for seen, features in (
        (roles.window, shape.n_features),
        (roles.wide, shape.n_features),
        (shape.trend_features, len(roles.window)),
    ):
        if not set(seen) <= set(range(features)) or list(seen) != sorted(set(seen)):
            raise ValueError(f"the network sees the features {seen} of {features}")
    source = state["mirror_source"].tolist()
    if sorted(source) != list(range(len(source))):
        raise ValueError(f"a mirror that takes its features from {source}")


def _problems(content: ModelContent) -> Iterator[str]:
    """What no training makes, though each part can be read."""
    for name, value in content.network.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            yield f"{name} is not finite"
    if not bool((content.network.scale > 0).all()):
        yield "a scale is not above 0"
    if content.candle_seconds <= 0:
        yield f"candle_seconds {content.candle_seconds} is not above 0"
    shape, config, context = content.network.shape, content.config, content.context
    if shape.patch_size != config.patch_size:
        yield f"patch_size {shape.patch_size} of the network is {config.patch_size} in the settings"
    features = len(set(context.names))
    if not features == len(context.names) == shape.n_features:
        yield f"{len(context.names)} features for a network of {shape.n_features}"
    rows = len(context.seconds)
    if (
        context.seconds.shape != (rows,)
        or context.features.shape != (rows, len(context.names))
        or context.flat.shape != (rows,)
        or context.seconds.dtype != np.int64
        or context.features.dtype != np.float32
        or context.flat.dtype != np.bool_
        or not bool((np.diff(context.seconds) > 0).all())
    ):
        yield "the candles before it are not in order, or of another shape"
    if content.quantiles is not None and not content.quantiles.are_sound:
        yield "the quantiles of its validation candles do not fall, or are out of range"
    if content.calibration is not None and not content.calibration.is_sound:
        yield "its calibration has shares or a temperature that cannot be"
