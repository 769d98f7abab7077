"""The wide path: features of a window's last candle, past the LSTM layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from dualwindow.columns import CHANGE_FEATURES, SUMMARY_FEATURES, TIME_FEATURES
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.errors import DataError
from dualwindow.models.mirror import mirror_for
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.inputs import SCALED_BOUND, joined, parted
from dualwindow.models.networks.lstm import LSTMCore
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import count_weights

#: Two that are each other's image, one of each sign, and one that a user has made.
NAMES: Final = (*CHANGE_FEATURES, "price_to_ma30", "mine")
CENTER: Final = [0.1, -0.2, 0.3, 0.5, -0.4, 2.0]
SCALE: Final = [1.0, 2.0, 0.5, 3.0, 1.5, 0.7]
P: Final = 10


def settings(**changes: Any) -> TrainingConfig:
    sizes = {"window_size": P, "lstm_units": (6, 4), "dense_units": (5,)}
    return TrainingConfig.from_parameters({**sizes, **changes})


def network(
    config: TrainingConfig, names: Sequence[str] = NAMES, seed: int = 1
) -> DualWindowNetwork:
    torch.manual_seed(seed)
    shape, mirror = NetworkShape.from_settings(config, names), mirror_for(config, names)
    made = DualWindowNetwork(shape, CENTER[: len(names)], SCALE[: len(names)], mirror).eval()
    for path in (made.wide, made.trend):
        if path is not None:
            nn.init.normal_(path)
    return made


def slow_inputs(table: np.ndarray, rows: Sequence[int], roles: ColumnRoles) -> list[list[float]]:
    """Every window's inputs, number by number."""
    return [
        [
            *(table[at, column] for at in range(row - P + 1, row + 1) for column in roles.window),
            *(table[row, column] for column in roles.wide),
        ]
        for row in rows
    ]


ROLES = st.tuples(
    st.sets(st.integers(0, 5), min_size=1), st.sets(st.integers(0, 5), min_size=1)
).map(lambda both: ColumnRoles(tuple(sorted(both[0])), tuple(sorted(both[1]))))


@given(roles=ROLES, chunk=st.integers(1, 40), extraction=st.integers(1, 9), batch=st.integers(1, 9))
def test_inputs_are_those_of_the_slow_way_whatever_the_chunks(
    roles: ColumnRoles, chunk: int, extraction: int, batch: int
) -> None:
    random = np.random.default_rng(3)
    table = random.normal(size=(60, 6)).astype(np.float32)
    rows = random.permutation(np.arange(P - 1, 60))[:23]
    stream = WindowStream(table, P, ChunkSizes(chunk, extraction), roles=roles)
    found = torch.cat([inputs.clone() for _, inputs in stream.batches(rows, batch)])
    np.testing.assert_array_equal(found.numpy(), slow_inputs(table, rows.tolist(), roles))
    windows, wide = parted(found, roles)
    assert windows.shape == (23, P, len(roles.window))
    assert torch.equal(joined(windows, wide), found)


@pytest.mark.parametrize(
    ("given", "window", "wide"),
    [
        ({}, (0, 1, 2, 3, 4, 5), ()),
        ({"wide_features": ["mine"]}, (0, 1, 2, 3, 4, 5), (5,)),
        ({"wide_features": ["mine"], "window_features": ["*_change"]}, (0, 1, 2, 3), (5,)),
        ({"wide_features": ["price_*", "mine"], "window_features": ["*"]}, tuple(range(6)), (4, 5)),
        ({"window_features": ["close_change"]}, (2,), ()),
    ],
)  # fmt: skip
def test_columns_go_where_they_are_named(
    given: dict[str, Any], window: tuple[int, ...], wide: tuple[int, ...]
) -> None:
    assert ColumnRoles.of(settings(**given), NAMES) == ColumnRoles(window, wide)


def test_summary_columns_are_wide_where_they_are_a_set_of_their_own() -> None:
    names = (*CHANGE_FEATURES, *SUMMARY_FEATURES)
    roles = ColumnRoles.of(settings(feature_set="summary"), names)
    assert roles == ColumnRoles(tuple(range(4)), tuple(range(4, len(names))))
    # Those of the clock are among the features of `extended` too.
    extended = ColumnRoles.of(settings(feature_set="extended"), (*CHANGE_FEATURES, *TIME_FEATURES))
    assert extended == ColumnRoles(tuple(range(6)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"wide_features": ["mien"]}, "wide_features: 'mien' is the name of no feature"),
        ({"window_features": ["rsi*"]}, r"window_features: 'rsi\*' is .*mine"),
        ({"window_features": []}, "needs a feature in its window"),
    ],
)
def test_names_of_no_feature_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        ColumnRoles.of(settings(**given), NAMES)


WIDE: Final = {"wide_features": ["mine", "price_to_ma30"], "window_features": ["*_change"]}


def inputs_of(config: TrainingConfig, rows: int = 7) -> Tensor:
    torch.manual_seed(5)
    roles = ColumnRoles.of(config, NAMES)
    return joined(torch.randn(rows, P, len(roles.window)), torch.randn(rows, len(roles.wide)))


@pytest.mark.parametrize("dense_units", [(5,), ()])
@pytest.mark.parametrize("patch_size", [1, 5])
def test_the_path_joins_the_dense_layers_and_the_logits(
    dense_units: tuple[int, ...], patch_size: int
) -> None:
    config = settings(**WIDE, dense_units=dense_units, patch_size=patch_size, trend_head=False)
    model, inputs = network(config), inputs_of(config)
    _, wide = parted(inputs, model.shape.roles)
    scaled = (wide - torch.tensor([-0.4, 2.0])) / torch.tensor([1.5, 0.7])
    scaled = scaled.clamp(-SCALED_BOUND, SCALED_BOUND)
    # The last state of the LSTM layers, which wide features do not reach.
    seen: list[Tensor] = []
    core = model.core
    assert isinstance(core, LSTMCore)
    core.norms[-1].register_forward_hook(lambda _m, _given, out: seen.append(out))
    logits = model(inputs)
    x = torch.cat([seen[0], scaled], dim=1)
    for layer in core.dense:
        x = torch.relu(layer(x))
    assert model.wide is not None
    torch.testing.assert_close(logits, core.head(x) + scaled @ model.wide.T)
    changed = inputs.clone()
    changed[:, -2:] += 1.0
    model(changed)
    assert torch.equal(seen[0], seen[1])


def test_without_wide_features_nothing_is_added() -> None:
    model = network(settings())
    assert model.wide is None
    assert model.shape.wide_features == ()


@pytest.mark.parametrize("given", [WIDE, {}, {"wide_features": ["close_change", "volume_change"]}])
def test_the_mirror_turns_windows_and_wide_features(given: dict[str, Any]) -> None:
    names = NAMES[:5]
    if "window_features" in given:
        given = {**given, "wide_features": ["price_to_ma30"]}
    config = settings(**given, mirror="on")
    model = network(config, names)
    roles = ColumnRoles.of(config, names)
    torch.manual_seed(5)
    windows, wide = torch.randn(7, P, len(roles.window)), torch.randn(7, len(roles.wide))
    turned_windows, turned_wide = parted(model.mirrored(joined(windows, wide)), roles)
    signs = {"volume_change": 1.0}
    partner = {"high_change": "low_change", "low_change": "high_change"}
    for features, before, after in (
        (roles.window, windows, turned_windows),
        (roles.wide, wide, turned_wide),
    ):
        for at, position in enumerate(features):
            name = names[position]
            source = features.index(names.index(partner.get(name, name)))
            expected = signs.get(name, -1.0) * before[..., source]
            torch.testing.assert_close(after[..., at], expected)
    probabilities = model.log_probabilities(joined(windows, wide))
    turned = model.log_probabilities(model.mirrored(joined(windows, wide)))
    torch.testing.assert_close(turned, probabilities.flip(-1))


def test_a_window_without_a_features_image_is_not_mirrored() -> None:
    config = settings(window_features=["high_change", "close_change"])
    assert mirror_for(config, NAMES[:5]) is None
    with pytest.raises(DataError, match="window_features"):
        mirror_for(config.replace(mirror="on"), NAMES[:5])


@pytest.mark.parametrize("dense_units", [(5, 3), ()])
def test_its_weights_are_counted(dense_units: tuple[int, ...]) -> None:
    config = settings(**WIDE, dense_units=dense_units, trend_head=False)
    made = sum(weights.numel() for weights in network(config).parameters())
    assert count_weights(config, 4, 2) == made


def test_it_changes_nothing_of_how_the_layers_begin() -> None:
    with_path, without = (
        network(settings(wide_features=names, window_features=["*_change"], dense_units=()))
        for names in (["mine"], [])
    )
    for name in ("core.recurrent.0.weight_ih_l0", "core.recurrent.1.weight_hh_l0"):
        assert torch.equal(with_path.state_dict()[name], without.state_dict()[name])
