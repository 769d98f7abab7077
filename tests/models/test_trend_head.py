"""The trend head: what it sums up, what it says, and that it stays out of the layers' way."""

from __future__ import annotations

import logging
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CHANGE_FEATURES, HOLD, LONG, SHORT
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.models.mirror import close_changes, mirror_of
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.inputs import SCALED_BOUND
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trend import TREND_GAIN
from dualwindow.settings import TrainingConfig
from tests.training.test_trainer import candles, frame, labels, settings, trainer_of

__all__ = ["candles", "frame", "labels"]

SIZE = 24
CLOSE = CHANGE_FEATURES.index("close_change")
OTHER = "close_change_ETH/USDTUSDT_1m"
NAMES = (*CHANGE_FEATURES, OTHER)
SCALE = [0.5, 0.5, 2.0, 1.0, 0.25]


def shape_of(names: tuple[str, ...] = NAMES, **settings: object) -> NetworkShape:
    sizes = {"window_size": SIZE, "lstm_units": [6], "dense_units": [5], "trend_head": True}
    return NetworkShape.from_settings(TrainingConfig.from_parameters({**sizes, **settings}), names)


def network(shape: NetworkShape | None = None, *, weights: bool = True) -> DualWindowNetwork:
    torch.manual_seed(0)
    made = DualWindowNetwork(shape or shape_of(), [0.1] * 5, SCALE, mirror_of(NAMES)).eval()
    if weights and made.trend is not None:
        torch.nn.init.normal_(made.trend)
    return made


def windows(count: int = 9, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, SIZE, 5, generator=torch.Generator().manual_seed(seed))


def added(model: DualWindowNetwork, given: torch.Tensor) -> torch.Tensor:
    """What the head adds to the logits of the layers."""
    return (model(given) - model.core(*model.scaled_parts(given))).detach()


def test_it_adds_up_the_newest_candles_as_a_loop_does() -> None:
    model, given = network(), windows()
    assert model.trend is not None
    for window, found in zip(given.tolist(), added(model, given).tolist(), strict=True):
        said = 0.0
        for row, feature in enumerate(model.shape.trend_features):
            changes = [
                max(min(candle[feature] / SCALE[feature], SCALED_BOUND), -SCALED_BOUND)
                for candle in window
            ]
            for column, span in enumerate(model.shape.trend_spans):
                newest = sum(changes[SIZE - span :]) / span**0.5
                said += TREND_GAIN * newest * model.trend[row, column].item()
        assert found[LONG] == pytest.approx(said, abs=1e-4)
        assert found[SHORT] == pytest.approx(-said, abs=1e-4)
        assert found[HOLD] == 0.0


def test_a_mirrored_window_says_the_opposite() -> None:
    model, given = network(), windows()
    torch.testing.assert_close(added(model, model.mirrored(given)), -added(model, given))


@given(
    feature=st.integers(0, 4),
    candle=st.integers(0, SIZE - 1),
    value=st.floats(-50, 50, allow_nan=False),
)
def test_only_changes_of_a_close_count(feature: int, candle: int, value: float) -> None:
    model = network()
    before = windows(1)
    after = before.clone()
    after[0, candle, feature] = value
    same = torch.equal(added(model, before), added(model, after))
    assert same or feature in (CLOSE, NAMES.index(OTHER))


def test_the_layers_begin_alike_with_and_without_it() -> None:
    having, lacking = network(weights=False), network(shape_of(trend_head=False))
    assert lacking.trend is None
    states = having.state_dict(), lacking.state_dict()
    assert states[0].keys() - states[1].keys() == {"trend"}
    assert all(torch.equal(value, states[0][name]) for name, value in states[1].items())
    torch.testing.assert_close(having(windows()), lacking(windows()), rtol=0, atol=0)


def test_a_gradient_moves_it_from_the_start() -> None:
    model = network(weights=False)
    labels = torch.tensor([SHORT, HOLD, LONG] * 3)
    torch.autograd.backward(torch.nn.functional.cross_entropy(model(windows()), labels))
    assert model.trend is not None
    assert model.trend.grad is not None
    assert (model.trend.grad != 0).all()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("high_change", "volume_change", "price_to_ma1440"), ()),
        (("close_change_5m", "close_change", "rms_change30"), (0, 1)),
        (("close_change_of_mine", "my_close_change", "x", "close_change_ETH/BTC_1h"), (3,)),
    ],
)
def test_features_are_found_by_their_names(names: tuple[str, ...], found: tuple[int, ...]) -> None:
    assert close_changes(names) == found
    shape = shape_of(names)
    assert shape.trend_features == found
    assert bool(shape.trend_spans) == bool(found)


@pytest.mark.parametrize("name", ["close_change", "rsi"])
def test_a_training_without_a_change_of_the_close_says_so(
    name: str, candles: CandleArrays, labels: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    names = tuple(name if each == "close_change" else each for each in candles.names)
    these = CandleArrays(names, candles.seconds, candles.features, candles.flat)
    with caplog.at_level(logging.DEBUG, logger="dualwindow"):
        having = trainer_of(these, labels, settings())._build_network().trend is not None
    assert having == (name == "close_change")
    assert ("training without a trend head" in caplog.text) != having


def test_the_default_window_has_round_spans() -> None:
    assert shape_of(window_size=180).trend_spans == (15, 30, 60, 120, 180)


@given(st.integers(2, 3000))
def test_spans_grow_and_fit_any_window(window_size: int) -> None:
    spans = shape_of(window_size=window_size, max_flat_candles=0).trend_spans
    assert spans[0] >= 1
    assert spans[-1] == window_size
    assert list(spans) == sorted(set(spans))


def test_a_shape_comes_back_from_plain_types_and_from_earlier_versions() -> None:
    shape = shape_of()
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(shape).items()
    }
    assert NetworkShape.from_dict(plain) == shape
    new = ("trend_features", "trend_spans", "lstm_dropout")
    earlier = {name: value for name, value in plain.items() if name not in new}
    assert NetworkShape.from_dict(earlier) == shape_of(trend_head=False, lstm_dropout=0.0)
