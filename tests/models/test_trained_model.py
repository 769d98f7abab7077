from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models import serialization
from dualwindow.models.manifest import check_manifest
from dualwindow.models.serialization import about_of, to_bytes
from dualwindow.models.trained_model import CheckpointLoader, TrainedModel
from dualwindow.training.train import train_model
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "frame", "labels"]

#: The network of earlier versions, whose settings did not speak of either.
BARE = {"trend_head": False, "lstm_dropout": 0.0}


@pytest.fixture(scope="module")
def model(candles: CandleArrays, labels: np.ndarray) -> TrainedModel:
    return train_model(candles, labels, settings(epochs=1), name="BTC")


@pytest.mark.parametrize("beside", [BARE, {"lstm_dropout": 0.4}], ids=str)
def test_what_stands_beside_the_layers_is_trained_and_comes_back(
    beside: dict[str, Any], candles: CandleArrays, labels: np.ndarray
) -> None:
    made = train_model(candles, labels, settings(epochs=1, **beside), name="BTC")
    trend = made._network.trend
    assert (trend is not None and bool((trend != 0).all())) == made.config.trend_head
    again = TrainedModel.from_bytes(made.to_bytes())
    assert again.config == made.config
    np.testing.assert_array_equal(
        again.predict(candles).probabilities, made.predict(candles).probabilities
    )


def test_a_model_of_an_earlier_version_says_what_it_said(
    candles: CandleArrays, labels: np.ndarray
) -> None:
    model = train_model(candles, labels, settings(epochs=1, **BARE), name="BTC")
    payload = model.to_bytes()
    about = about_of(payload)
    for name in ("trend_features", "trend_spans", "lstm_dropout"):
        del about["shape"][name]
    for name in ("trend_head", "lstm_dropout"):
        del about["settings"][name]
    earlier = TrainedModel.from_bytes(to_bytes(safetensors.torch.load(payload), about))
    assert earlier.config == model.config
    np.testing.assert_array_equal(
        earlier.predict(candles).probabilities, model.predict(candles).probabilities
    )


@pytest.mark.parametrize("value", [0.0, 0.5, None])
def test_a_model_that_was_trained_with_a_retired_setting_is_loaded(
    value: float | None, model: TrainedModel, candles: CandleArrays
) -> None:
    payload = model.to_bytes()
    about = about_of(payload)
    about["settings"]["auxiliary_weight"] = value
    earlier = TrainedModel.from_bytes(to_bytes(safetensors.torch.load(payload), about))
    assert earlier.config == model.config
    np.testing.assert_array_equal(
        earlier.predict(candles).probabilities, model.predict(candles).probabilities
    )


def test_bytes_hold_everything_a_prediction_needs(
    model: TrainedModel, candles: CandleArrays
) -> None:
    again = TrainedModel.from_bytes(model.to_bytes())
    assert again.config == model.config
    assert again.feature_names == model.feature_names
    assert again.candle_seconds == model.candle_seconds
    np.testing.assert_array_equal(again.context.features, model.context.features)
    np.testing.assert_array_equal(
        again.predict(candles).probabilities, model.predict(candles).probabilities
    )


def test_the_context_is_one_row_short_of_a_window(model: TrainedModel) -> None:
    assert len(model.context) == model.config.window_size - 1


def test_it_loads_without_pickle(model: TrainedModel) -> None:
    # safetensors: a length, a JSON header, raw numbers.
    payload = model.to_bytes()
    length = int.from_bytes(payload[:8], "little")
    about = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["dualwindow"])
    assert about["classes"] == ["SHORT", "HOLD", "LONG"]
    assert about["features"] == list(model.feature_names)


def test_freqai_finds_a_loader_and_plain_data(model: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "cb_btc_1_model.zip"
    model.save(path)
    content = torch.load(path, weights_only=False)
    assert isinstance(content["pytrainer"], CheckpointLoader)
    assert type(content["payload"]) is bytes
    check_manifest(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "manifest.json"]


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.97])
def test_a_flipped_bit_is_found_before_the_model_is_used(
    at: float, model: TrainedModel, tmp_path: Path
) -> None:
    path = tmp_path / "model.zip"
    model.save(path)
    damaged = bytearray(path.read_bytes())
    damaged[int(len(damaged) * at)] ^= 0x10
    path.write_bytes(damaged)
    with pytest.raises(ModelFileError, match=r"model\.zip is damaged.*delete the folder"):
        check_manifest(tmp_path)


def test_a_damaged_payload_is_refused_without_the_manifest_too(model: TrainedModel) -> None:
    payload = bytearray(model.to_bytes())
    content = {"payload": bytes(payload), "sha256": "0" * 64}
    with pytest.raises(ModelFileError, match="damaged"):
        CheckpointLoader().load_from_checkpoint(content)


@pytest.mark.parametrize("name", ["MODEL_FORMAT", "FEATURE_CODE_VERSION"])
def test_another_version_is_refused(
    name: str, model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = model.to_bytes()
    monkeypatch.setattr(serialization, name, 99)
    with pytest.raises(ModelFileError, match=r"another format.*train it again"):
        TrainedModel.from_bytes(payload)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("high_change", "low_change", "close_change", "rsi"), "missing volume_change.*rsi"),
        (("low_change", "high_change", "close_change", "volume_change"), "another order"),
    ],
)
def test_other_features_are_refused_by_name(
    names: tuple[str, ...], message: str, model: TrainedModel, candles: CandleArrays
) -> None:
    other = CandleArrays(names, candles.seconds, candles.features, candles.flat)
    with pytest.raises(ModelFileError, match=message):
        model.predict(other)


def test_a_failed_save_leaves_the_old_file(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.zip"
    model.save(path)
    before = path.read_bytes()

    def full_disk(_content: object, handle: object) -> None:
        handle.write(b"half")  # type: ignore[attr-defined]
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        model.save(path)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["manifest.json", "model.zip"]


def test_loading_needs_neither_freqtrade_nor_the_adapters(
    model: TrainedModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.zip")
    code = (
        "import sys, torch\n"
        "content = torch.load(sys.argv[1], weights_only=False)\n"
        "content['pytrainer'].load_from_checkpoint(content)\n"
        "assert not [name for name in sys.modules if name.startswith('freqtrade')]\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.zip")], check=True)


def test_candles_after_a_gap_wait_for_a_whole_window(
    model: TrainedModel, candles: CandleArrays
) -> None:
    part = candles.tail(200)
    later = CandleArrays(part.names, part.seconds + 86_400, part.features, part.flat)
    valid = model.predict(later).valid
    width = model.config.window_size
    assert not valid[: width - 1].any()
    assert valid[width - 1 :].all()


def test_an_empty_slice_gives_an_empty_answer(model: TrainedModel, candles: CandleArrays) -> None:
    prediction = model.predict(candles.tail(0))
    assert prediction.probabilities.shape == (0, 3)


def test_a_model_outlives_its_gpu(
    model: TrainedModel, candles: CandleArrays, caplog: pytest.LogCaptureFixture
) -> None:
    payload = model.to_bytes().replace(b'\\"device\\": \\"auto\\"', b'\\"device\\": \\"cuda\\"')
    assert payload != model.to_bytes()
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    again = TrainedModel.from_bytes(payload)
    assert "predicting on the CPU" in caplog.text
    np.testing.assert_array_equal(
        again.predict(candles).probabilities, model.predict(candles).probabilities
    )
