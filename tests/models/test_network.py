from __future__ import annotations

import pytest
import torch

from dualwindow.columns import CHANGE_FEATURES
from dualwindow.models.mirror import Mirror
from dualwindow.models.network import DualWindowNetwork, swap_sides
from dualwindow.models.networks.inputs import SCALED_BOUND
from dualwindow.models.networks.lstm import LSTMCore
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.settings import TrainingConfig

NAMES = ("high_change", "low_change", "volume_change")
MIRROR = Mirror(source=(1, 0, 2), sign=(-1.0, -1.0, 1.0))


def network(mirror: Mirror | None = None, **settings: object) -> DualWindowNetwork:
    config = TrainingConfig.from_parameters(
        {"window_size": 20, "lstm_units": [8, 6], "dense_units": [5], **settings}
    )
    torch.manual_seed(0)
    return DualWindowNetwork(
        NetworkShape.from_settings(config, NAMES), [0.0, 0.1, 0.2], [1.0, 2.0, 0.5], mirror
    ).eval()


def core_of(model: DualWindowNetwork) -> LSTMCore:
    assert isinstance(model.core, LSTMCore)
    return model.core


@pytest.mark.parametrize("patch_size", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("dense_units", [[], [4], [7, 3]])
def test_any_sizes_give_three_logits(patch_size: int, dense_units: list[int]) -> None:
    logits = network(patch_size=patch_size, dense_units=dense_units)(torch.randn(4, 20, 3))
    assert logits.shape == (4, 3)


def test_the_default_is_the_network_of_the_design() -> None:
    shape = NetworkShape.from_settings(TrainingConfig(), CHANGE_FEATURES)
    model = DualWindowNetwork(shape, [0.0] * 4, [1.0] * 4, None)
    layers = core_of(model)
    assert [lstm.hidden_size for lstm in layers.recurrent] == [128, 64, 32]
    assert [norm.normalized_shape for norm in layers.norms] == [(128,), (64,), (32,)]
    assert [dense.out_features for dense in layers.dense] == [32, 16]
    assert layers.patches is None
    assert model.trend is not None
    assert shape.trend_spans == (15, 30, 60, 120, 180)


def test_features_are_scaled_by_median_and_range_then_clipped() -> None:
    seen: list[torch.Tensor] = []
    model = network()
    core_of(model).recurrent[0].register_forward_pre_hook(
        lambda _layer, inputs: seen.append(inputs[0])
    )
    windows = torch.tensor([3.0, -4.1, 100.0]).expand(1, 20, 3)
    model(windows)
    torch.testing.assert_close(seen[0][0, 0], torch.tensor([3.0, -2.1, SCALED_BOUND]))


def test_a_window_and_its_mirror_image_get_mirrored_answers() -> None:
    model = network(MIRROR)
    windows = torch.randn(16, 20, 3)
    direct = model.log_probabilities(windows)
    mirrored = model.log_probabilities(model.mirrored(windows))
    torch.testing.assert_close(mirrored, direct[:, [2, 1, 0]])
    torch.testing.assert_close(direct.exp().sum(dim=1), torch.ones(16))


def test_mirroring_is_done_before_scaling() -> None:
    model = network(MIRROR)
    windows = torch.tensor([2.0, -3.0, 0.7]).expand(1, 20, 3)
    torch.testing.assert_close(model.mirrored(windows)[0, 0], torch.tensor([3.0, -2.0, 0.7]))


def test_without_a_mirror_the_answer_is_the_softmax() -> None:
    model = network()
    windows = torch.randn(5, 20, 3)
    expected = torch.softmax(model(windows), dim=1)
    torch.testing.assert_close(model.log_probabilities(windows).exp(), expected)


def test_dropout_masks_keep_the_mean_and_follow_their_generator() -> None:
    model = network(dropout=0.25, lstm_dropout=0.25)
    mask = model.draw_dropout(4000, torch.Generator().manual_seed(3))
    assert sorted(mask.unique().tolist()) == pytest.approx([0.0, 4 / 3])
    assert mask.mean().item() == pytest.approx(1.0, abs=0.02)
    torch.testing.assert_close(mask, model.draw_dropout(4000, torch.Generator().manual_seed(3)))


def test_only_given_dropout_masks_change_the_answer() -> None:
    model = network(dropout=0.5).train()
    windows = torch.randn(5, 20, 3)
    torch.testing.assert_close(model(windows), model(windows))
    mask = model.draw_dropout(5, torch.Generator())
    mask[:, -core_of(model).head.in_features :] = 0
    torch.testing.assert_close(model(windows, mask), core_of(model).head.bias.expand(5, 3))


def test_swapping_sides_leaves_hold() -> None:
    assert swap_sides(torch.tensor([0, 1, 2])).tolist() == [2, 1, 0]


def with_factors(
    model: DualWindowNetwork, windows: torch.Tensor, factors: torch.Tensor
) -> torch.Tensor:
    """The logits as one writes them layer by layer."""
    layers = core_of(model)
    widths = [*model.shape.lstm_units[:-1], core_of(model).head.in_features]
    *between, last = factors.split(widths, dim=1)
    x = ((windows - model.center) / model.scale).clamp(-SCALED_BOUND, SCALED_BOUND).transpose(0, 1)
    for index, (lstm, norm) in enumerate(zip(layers.recurrent, layers.norms, strict=True)):
        x = norm(lstm(x)[0])
        if index < len(between):
            x = torch.stack([step * between[index] for step in x])
    x = x[-1]
    for layer in layers.dense:
        x = torch.relu(layer(x))
    logits: torch.Tensor = core_of(model).head(x * last)
    return logits


def test_units_between_lstm_layers_are_dropped_in_all_steps_of_a_window() -> None:
    model = network(lstm_units=[8, 6, 4], lstm_dropout=0.5, dropout=0.25)
    factors = model.draw_dropout(7, torch.Generator().manual_seed(1))
    assert factors.shape == (7, 8 + 6 + 5)
    assert set(factors[:, :14].unique().tolist()) == {0.0, 2.0}
    assert factors[:, 14:].unique().tolist() == pytest.approx([0.0, 4 / 3])
    windows = torch.randn(7, 20, 3)
    torch.testing.assert_close(model(windows, factors), with_factors(model, windows, factors))


@pytest.mark.parametrize("settings", [{"lstm_dropout": 0.0}, {"lstm_units": [8]}])
def test_without_layers_to_drop_only_the_last_hidden_layer_has_factors(
    settings: dict[str, object],
) -> None:
    model = network(**settings)
    factors = model.draw_dropout(3, torch.Generator().manual_seed(1))
    assert factors.shape == (3, core_of(model).head.in_features)
    windows = torch.randn(3, 20, 3)
    expected = core_of(model).head(core_of(model).hidden(*model.scaled_parts(windows)) * factors)
    torch.testing.assert_close(model(windows, factors), expected)
