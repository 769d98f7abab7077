"""A trained model: what it predicts with, and how it is saved and loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualwindow import __version__
from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated, Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models.manifest import MODEL_FORMAT, write_manifest
from dualwindow.models.mirror import Mirror
from dualwindow.models.network import DualWindowNetwork, NetworkShape
from dualwindow.models.predict import predict_rows
from dualwindow.models.serialization import about_of, to_bytes
from dualwindow.runtime.device import prediction_device, resolve_device
from dualwindow.runtime.files import whole_file
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.settings.fields import RETIRED_SETTINGS

#: Of the quantiles among the saved tensors; models of earlier versions lack it.
_QUANTILES: Final = "validation.limits"


@dataclass(frozen=True)
class Prediction:
    """Probabilities of candles.

    Attributes:
        probabilities: (N, 3) float32 in the order SHORT, HOLD, LONG; NaN without a valid window.
        valid: (N,) true where the window was valid.
    """

    probabilities: NDArray[np.float32]
    valid: NDArray[np.bool_]


class TrainedModel:
    """Everything a prediction needs: weights, scaler, features and their order, settings, context.

    Args:
        network: on the CPU; its buffers hold the scaler and the mirror.
        config: settings it was trained with.
        context: the last P - 1 candles of training, so that a slice that follows is predicted
            from its first candle; their `names` are the features and their order.
        candle_seconds: seconds between two candles.
        quantiles: of its validation candles; None in models of versions that kept none.
        calibration: with a temperature; None likewise.
    """

    def __init__(
        self,
        network: DualWindowNetwork,
        config: TrainingConfig,
        context: CandleArrays,
        candle_seconds: int = 60,
        quantiles: ValidationQuantiles | None = None,
        *,
        calibration: Calibration | None = None,
    ) -> None:
        self.config = config
        self.quantiles = quantiles
        self.calibration = calibration
        self.context = context
        self.candle_seconds = candle_seconds
        self._device = prediction_device(config.device)
        self._network = network.to(self._device).eval()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Canonical feature names in the order of the network's inputs."""
        return self.context.names

    @property
    def mirrors(self) -> bool:
        """Whether a prediction averages a window with its mirror image."""
        return self._network.mirrors

    @property
    def trained_until(self) -> int:
        """Date of the last candle of training, seconds since 1970; 0 where there is no context."""
        return int(self.context.seconds[-1]) if len(self.context) else 0

    def with_confidence(
        self, quantiles: ValidationQuantiles | None, calibration: Calibration | None
    ) -> TrainedModel:
        """The same model with the quantiles and the calibration of its validation candles."""
        return TrainedModel(
            self._network,
            self.config,
            self.context,
            self.candle_seconds,
            quantiles,
            calibration=calibration,
        )

    def lacks(self, config: TrainingConfig) -> str | None:
        """What some settings need and the model does not have, with the way out; else None."""
        if config.coverage_sides and self.quantiles is None:
            return (
                "confidence_mode 'coverage' needs quantiles of the validation candles, which this "
                "model lacks because an earlier version made it; train it again, or choose another "
                "confidence_mode"
            )
        if config.calibration != "none" and self.calibration is None:
            return (
                f"calibration {config.calibration!r} needs what this model lacks because an "
                "earlier version made it; train it again, or set calibration to 'none'"
            )
        return None

    def thresholds(self, config: TrainingConfig) -> Thresholds:
        """What `decide` takes with some settings: in mode coverage the model's own.

        Raises:
            ModelFileError: when the model lacks what the settings need.
        """
        thresholds = config.thresholds
        if (lacking := self.lacks(config)) is not None:
            raise ModelFileError(lacking)
        if self.quantiles is None:
            return thresholds
        own = {
            code: self.quantiles.threshold(code, config.confidence_coverage)
            for code in config.coverage_sides
        }
        return replace(
            thresholds,
            short=own.get(SHORT, thresholds.short),
            long=own.get(LONG, thresholds.long),
        )

    def ranks(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) ranks of (N, 3) probabilities, see `ValidationQuantiles`; 0 without quantiles."""
        if self.quantiles is None:
            return np.zeros(probabilities.shape)
        return self.quantiles.levels(probabilities)

    def calibrated(self, probabilities: NDArray[np.floating], config: TrainingConfig) -> Calibrated:
        """(N, 3) of its probabilities as some settings see them; unknown where it `lacks` that."""
        sharpness, shifts = self.calibration_terms
        return Calibrated.from_probabilities(
            probabilities, config.calibration, sharpness, shifts, config.coverage_sides
        )

    @property
    def calibration_terms(self) -> tuple[float, NDArray[np.float64]]:
        """Sharpness, 0 without a calibration, and (2,) shifts of SHORT and LONG."""
        if self.calibration is None:
            return 0.0, np.zeros(2)
        return self.calibration.sharpness, self.calibration.shifts

    def predict(self, candles: CandleArrays, before: CandleArrays | None = None) -> Prediction:
        """Predict every candle whose window is valid.

        Args:
            candles: N rows.
            before: candles to put in front of them, so that the first have whole windows; None
                takes the last candles of training, where they are older.

        Raises:
            ModelFileError: when the features are not the model's.
        """
        self._require_features(candles.names)
        before = self.context if before is None else before
        self._require_features(before.names)
        whole = candles.after(before)
        added = len(whole) - len(candles)
        valid = whole.valid_windows(self.config, self.candle_seconds)
        valid[:added] = False
        rows = np.flatnonzero(valid).astype(np.int64)
        probabilities = np.full((len(whole), len(CLASS_NAMES)), np.nan, dtype=np.float32)
        probabilities[rows] = self.probabilities(whole.features, rows)
        return Prediction(probabilities[added:], valid[added:])

    def probabilities(
        self,
        features: NDArray[np.float32],
        rows: NDArray[np.int64],
        *,
        should_stop: Callable[[], bool] = lambda: False,
        threads: ComputeThreads | None = None,
    ) -> NDArray[np.float32]:
        """Predict the windows that end at some rows of flat features.

        Args:
            features: (N, F) in the model's order, C-contiguous; may be a mapped file.
            rows: (M,) last row of each window.
            should_stop: as in `predict_rows`, like the next.
            threads: likewise.

        Returns:
            (M, 3) in the order SHORT, HOLD, LONG.

        Raises:
            TrainingStoppedError: when `should_stop` said so.
        """
        sizes = ChunkSizes.from_settings(self.config)
        stream = WindowStream(features, self.config.window_size, sizes, device=self._device)
        return predict_rows(
            self._network, stream, rows, self._device, should_stop=should_stop, threads=threads
        )

    def on_device(self, name: str) -> TrainedModel:
        """The model with another setting `device`.

        Raises:
            SettingsError: when the device is not there.
        """
        resolve_device(name)
        network = self.network_of(self._network.shape)
        config = self.config.replace(device=name)
        return TrainedModel(
            network,
            config,
            self.context,
            self.candle_seconds,
            self.quantiles,
            calibration=self.calibration,
        )

    def network_of(self, shape: NetworkShape) -> DualWindowNetwork:
        """A copy of the network with its scaler and mirror, on the CPU, to be trained on.

        Args:
            shape: the network's; its dropouts alone may be others.
        """
        return _rebuild(shape, self._network.state_dict(), mirrors=self.mirrors)

    def _require_features(self, names: tuple[str, ...]) -> None:
        if names == self.feature_names:
            return
        missing = sorted(set(self.feature_names) - set(names))
        extra = sorted(set(names) - set(self.feature_names))
        difference = [f"missing {', '.join(missing)}"] if missing else []
        difference += [f"unexpected {', '.join(extra)}"] if extra else []
        raise ModelFileError(
            "the strategy's features are not those the model was trained with: "
            f"{'; '.join(difference) or 'another order'}; restore the features or set another "
            "freqai.identifier to train a new model"
        )

    def save(self, path: str | Path) -> None:
        """Write the model and its manifest, each whole or not at all."""
        path = Path(path)
        payload = self.to_bytes()
        content = {
            "pytrainer": CheckpointLoader(),
            "payload": payload,
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        with whole_file(path) as handle:
            torch.save(content, handle)
        write_manifest(path.parent, [path])

    def to_bytes(self) -> bytes:
        """The model as safetensors: weights on the CPU and everything else as JSON metadata."""
        tensors = {
            f"network.{name}": value.detach().cpu().contiguous()
            for name, value in self._network.state_dict().items()
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
            "features": self.feature_names,
            "shape": self._network.shape.to_dict(),
            "mirror": self._network.mirrors,
            "settings": self.config.to_dict(),
            "candle_seconds": self.candle_seconds,
            # Models of earlier versions lack it.
            "calibration": self.calibration.to_dict() if self.calibration else None,
        }
        return to_bytes(tensors, about)

    @classmethod
    def from_bytes(cls, payload: bytes) -> TrainedModel:
        """Load what `to_bytes` made.

        Raises:
            ModelFileError: when the bytes are damaged or of another format version.
        """
        try:
            about = about_of(payload)
        except ValueError as error:
            raise ModelFileError(f"the saved model is damaged: {error}") from None
        found = (about["format"], about["feature_code_version"], tuple(about["classes"]))
        expected = (MODEL_FORMAT, FEATURE_CODE_VERSION, CLASS_NAMES)
        if found != expected:
            raise ModelFileError(
                f"the model was made by dualwindow {about['version']} in another format (format, "
                f"feature code, classes: {found}, this version reads {expected}); train it again"
            )
        tensors = safetensors.torch.load(payload)
        state = {
            name.removeprefix("network."): value
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        context = CandleArrays(
            tuple(about["features"]),
            tensors["context.seconds"].numpy(),
            tensors["context.features"].numpy(),
            tensors["context.flat"].numpy(),
        )
        shape = NetworkShape.from_dict(about["shape"])
        # Settings of earlier versions do not speak of these two; their models had neither.
        lacking = {"trend_head": bool(shape.trend_spans), "lstm_dropout": shape.lstm_dropout}
        settings = lacking | about["settings"]
        settings = {name: settings[name] for name in settings if name not in RETIRED_SETTINGS}
        config = TrainingConfig.from_parameters(settings, source="the saved model")
        network = _rebuild(shape, state, mirrors=about["mirror"])
        limits = tensors.get(_QUANTILES)
        quantiles = None if limits is None else ValidationQuantiles(limits.numpy())
        calibration = about.get("calibration")
        return cls(
            network,
            config,
            context,
            int(about["candle_seconds"]),
            quantiles,
            calibration=None if calibration is None else Calibration.from_dict(calibration),
        )


class CheckpointLoader:
    """What FreqAI finds under `pytrainer` in a saved model and asks to load it."""

    def load_from_checkpoint(self, checkpoint: Mapping[str, Any]) -> TrainedModel:
        """Make the model from FreqAI's checkpoint.

        Raises:
            ModelFileError: when the payload is damaged.
        """
        payload: bytes = checkpoint["payload"]
        if hashlib.sha256(payload).hexdigest() != checkpoint["sha256"]:
            raise ModelFileError(
                "the saved model is damaged (its SHA-256 sum differs); delete its folder under "
                "user_data/models to train it again"
            )
        return TrainedModel.from_bytes(payload)


# The path that saved models name is a file format, wherever the class is defined.
CheckpointLoader.__module__ = "dualwindow.trained"


def _rebuild(
    shape: NetworkShape, state: Mapping[str, Tensor], *, mirrors: bool
) -> DualWindowNetwork:
    ones = [1.0] * shape.n_features
    # The real scaler and mirror come with the state; only their presence shapes the network.
    mirror = Mirror(tuple(range(shape.n_features)), tuple(ones)) if mirrors else None
    network = DualWindowNetwork(shape, ones, ones, mirror)
    network.load_state_dict(state)
    return network
