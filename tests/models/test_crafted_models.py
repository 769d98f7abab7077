"""A model that no training makes is refused when it is loaded, whatever its sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.serialization import about_of, to_bytes
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig

Tensors = dict[str, Tensor]
Change = Callable[[Tensors, dict[str, Any]], object]


@pytest.fixture(scope="module")
def payload() -> bytes:
    config = TrainingConfig(window_size=6, patch_size=2, lstm_units=(4, 3), dense_units=(2,))
    names = ("close_change", "volume_change")
    shape = NetworkShape.from_settings(config, names)
    network = DualWindowNetwork(shape, center=[0.0, 0.1], scale=[1.0, 2.0], mirror=None)
    random = np.random.default_rng(1)
    features = random.normal(size=(5, 2)).astype(np.float32)
    context = CandleArrays(names, 60 * np.arange(5), features, np.zeros(5, np.bool_))
    quantiles = ValidationQuantiles.from_probabilities(
        random.dirichlet([1.0, 1.0, 1.0], 100), np.full(3, True)
    )
    calibration = Calibration((0.2, 0.5, 0.3), (1 / 3, 1 / 3, 1 / 3), 1.2)
    model = TrainedModel(network, config, context, quantiles=quantiles, calibration=calibration)
    return model.to_bytes()


def tensor(name: str, make: Callable[[Tensor], Tensor]) -> Change:
    def apply(tensors: Tensors, _about: dict[str, Any]) -> None:
        assert name in tensors, sorted(tensors)
        tensors[name] = make(tensors[name]).contiguous()

    return apply


def about(*path: str, value: Any) -> Change:
    def apply(_tensors: Tensors, content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return apply


def weights(value: float) -> Change:
    def apply(tensors: Tensors, _about: dict[str, Any]) -> None:
        name = next(name for name in sorted(tensors) if "weight" in name)
        tensors[name].view(-1)[0] = value

    return apply


def tensors_more(tensors: Tensors, _about: dict[str, Any]) -> None:
    tensors["network.others.0.core.head.bias"] = torch.zeros(3)


def fewer_members(_tensors: Tensors, content: dict[str, Any]) -> None:
    for part in ("shape", "settings"):
        content[part]["ensemble"] = 100


LIMITS = "validation.limits"
CRAFTED: dict[str, Change] = {
    "NaN weight": weights(float("nan")),
    "infinite weight": weights(float("inf")),
    "scale 0": tensor("network.scale", torch.zeros_like),
    "negative scale": tensor("network.scale", torch.neg),
    "NaN center": tensor("network.center", lambda own: own * float("nan")),
    **{
        f"candle_seconds {value}": about("candle_seconds", value=value)
        for value in (0, -60, 0.5, None, "60", [60], {})
    },
    "quantiles rise": tensor(LIMITS, lambda own: own.flip(1)),
    "quantiles NaN": tensor(LIMITS, lambda own: own * float("nan")),
    "quantiles below 0": tensor(LIMITS, lambda own: own - 9.0),
    "quantiles short": tensor(LIMITS, lambda own: own[:, :7]),
    "quantiles of one side": tensor(LIMITS, lambda own: own[:1]),
    "quantiles flat": tensor(LIMITS, lambda own: own.view(-1)),
    "calibration above 1": about("calibration", "market", value=[2.0, 0.5, 0.3]),
    "calibration NaN": about("calibration", "trained", value=[float("nan"), 0.5, 0.5]),
    "calibration of two": about("calibration", "market", value=[0.5, 0.5]),
    "temperature 0": about("calibration", "temperature", value=0.0),
    "temperature NaN": about("calibration", "temperature", value=float("nan")),
    "calibration text": about("calibration", value="none"),
    "context shape": tensor("context.features", lambda own: own[:, :1]),
    "context rows": tensor("context.seconds", lambda own: own[:-1]),
    "context order": tensor("context.seconds", lambda own: own.flip(0)),
    "context type": tensor("context.features", lambda own: own.double()),
    "context dates": tensor("context.seconds", lambda own: own.float()),
    "flat rows": tensor("context.flat", lambda own: own[1:]),
    "features doubled": about("features", value=["close_change", "close_change"]),
    "features missing": about("features", value=["close_change"]),
    "features number": about("features", value=7),
    "other patch": about("settings", "patch_size", value=3),
    "unknown setting": about("settings", "epoch", value=3),
    "settings text": about("settings", value="x"),
    "huge network": about("shape", "lstm_units", value=[10**9, 3]),
    "other network": about("shape", "network", value="gru"),
    "network of all": about("shape", "network", value="os:system"),
    **{f"ensemble {size}": about("shape", "ensemble", value=size) for size in (0, 2, 1.5, "1")},
    "more members": tensors_more,
    "fewer members": fewer_members,
    "huge window": about("shape", "window_size", value=10**9),
    "negative network": about("shape", "dense_units", value=[-2]),
    "fraction network": about("shape", "dense_units", value=[2.5]),
    "patch 0": about("shape", "patch_size", value=0),
    "shape list": about("shape", value=[1, 2]),
    "shape more": about("shape", "depth", value=1),
    "trend place": about("shape", "trend_features", value=[99]),
    "no weights": lambda tensors, _: [tensors.pop(name) for name in [*tensors] if "weight" in name],
    "no context": lambda tensors, _: tensors.pop("context.seconds"),
    "no mirror": lambda _, content: content.pop("mirror"),
    "mirror": about("mirror", value="yes"),
    "mirror place": tensor("network.mirror_source", lambda own: own + 9),
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_what_no_training_makes_is_refused(crafted: str, payload: bytes) -> None:
    tensors, content = safetensors.torch.load(payload), about_of(payload)
    CRAFTED[crafted](tensors, content)
    with pytest.raises(ModelFileError, match=r"train it again"):
        TrainedModel.from_bytes(to_bytes(tensors, content))


def test_what_a_training_makes_is_loaded(payload: bytes) -> None:
    assert TrainedModel.from_bytes(payload).to_bytes() == payload


def test_damaged_bytes_are_an_error_of_the_model(payload: bytes) -> None:
    random = np.random.default_rng(30)
    header = 8 + int.from_bytes(payload[:8], "little")
    for _ in range(300):
        changed = bytearray(payload)
        changed[int(random.integers(0, header))] ^= 1 << int(random.integers(0, 8))
        cut = changed[: int(random.integers(0, len(changed)))]
        for damaged in (changed, cut):
            try:
                TrainedModel.from_bytes(bytes(damaged))
            except ModelFileError as error:
                assert str(error)  # noqa: PT017
