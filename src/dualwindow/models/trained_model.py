"""A trained model: its parts, its predictions, and how it is saved and loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.manifest import write_manifest
from dualwindow.models.model_confidence import ModelConfidence
from dualwindow.models.network import DualWindowNetwork, restored_network
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.predict import predict_rows
from dualwindow.models.serialization import ModelContent
from dualwindow.runtime.device import prediction_device, resolve_device
from dualwindow.runtime.files import whole_file
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class Prediction:
    """Probabilities of candles.

    Attributes:
        probabilities: (N, 3) float32 in the order SHORT, HOLD, LONG; NaN without a valid window.
        valid: (N,) true where the window was valid.
    """

    probabilities: NDArray[np.float32]
    valid: NDArray[np.bool_]


class TrainedModel(ModelConfidence):
    """Everything a prediction needs: weights, scaler, features and their order, settings, context.

    Args:
        network: on the CPU; its buffers hold the scaler and the mirror.
        config: settings it was trained with.
        context: the last P - 1 candles of training, so that a slice that follows is predicted
            from its first candle; their `names` are the features and their order.
        quantiles: as in `ModelConfidence`, like the calibration.
        link: place in a chain of trainings; None where it is of none.
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
        link: ChainLink | None = None,
    ) -> None:
        super().__init__(quantiles, calibration)
        self.config = config
        self.context = context
        self.candle_seconds = candle_seconds
        self.link = link
        self._device = prediction_device(config.device)
        self._network = network.to(self._device).eval()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Canonical feature names in the order of the network's inputs."""
        return self.context.names

    @property
    def shape(self) -> NetworkShape:
        """Sizes of the network."""
        return self._network.shape

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
        return self._of(replace(self._content, quantiles=quantiles, calibration=calibration))

    def predict(self, candles: CandleArrays, before: CandleArrays | None = None) -> Prediction:
        """Predict every candle whose window is valid.

        Args:
            candles: N rows.
            before: candles to put in front of them, so that the first have whole windows; None
                takes the last candles of training, where they are older.

        Raises:
            ModelFileError: when the features are not the model's.

        Example:
            >>> sizes = dict(window_size=4, patch_size=1, lstm_units=(2,), dense_units=(2,))
            >>> config, names = TrainingConfig(**sizes, device="cpu"), ("volume_change",)
            >>> shape = NetworkShape.from_settings(config, names)
            >>> network = DualWindowNetwork(shape, center=[0.0], scale=[1.0], mirror=None)
            >>> model = TrainedModel(network, config, CandleArrays.none(names))
            >>> features, flat = np.zeros((6, 1), np.float32), np.zeros(6, np.bool_)
            >>> candles = CandleArrays(names, 60 * np.arange(6), features, flat)
            >>> prediction = model.predict(candles)
            >>> prediction.valid.tolist(), prediction.probabilities.shape
            ([False, False, False, True, True, True], (6, 3))
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
        """Predict the windows that end at (M,) rows of (N, C) features in the model's order.

        The features are C-contiguous and may be a mapped file; `predict_rows` takes the rest.

        Returns:
            (M, 3) in the order SHORT, HOLD, LONG.

        Raises:
            TrainingStoppedError: when `should_stop` returned true.
        """
        sizes = ChunkSizes.from_settings(self.config)
        stream = WindowStream(
            features,
            self.config.window_size,
            sizes,
            device=self._device,
            roles=self._network.shape.roles,
        )
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
        return self._of(replace(self._content, network=network, config=config))

    def network_of(self, shape: NetworkShape) -> DualWindowNetwork:
        """A copy of network, scaler and mirror on the CPU, to train; only dropouts may differ."""
        return restored_network(shape, self._network.state_dict(), mirrors=self.mirrors)

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
        """The model as bytes that are read without pickle; see `ModelContent.to_bytes`."""
        return self._content.to_bytes()

    @classmethod
    def from_bytes(cls, payload: bytes) -> TrainedModel:
        """Load what `to_bytes` made.

        Raises:
            ModelFileError: when the bytes are damaged or of another format version.
        """
        return cls._of(ModelContent.from_bytes(payload))

    @property
    def _content(self) -> ModelContent:
        return ModelContent(
            self._network,
            self.config,
            self.context,
            self.candle_seconds,
            self.quantiles,
            self.calibration,
            self.link,
        )

    @classmethod
    def _of(cls, content: ModelContent) -> TrainedModel:
        return cls(
            content.network,
            content.config,
            content.context,
            content.candle_seconds,
            content.quantiles,
            calibration=content.calibration,
            link=content.link,
        )


class CheckpointLoader:
    """The object that FreqAI finds under `pytrainer` in a saved model and asks to load it."""

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
