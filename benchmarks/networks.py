"""Training steps and predictions, against plain torch and FreqAI's loop."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.measure import interleaved
from benchmarks.results import Result, at_most, compared
from dualwindow.columns import CHANGE_FEATURES, CLOSE_CHANGE, average_features
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.lstm import LSTMCore
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.networks.trend import TREND_GAIN
from dualwindow.models.predict import predict_rows
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.sizes import CHANNELS_PER_FEATURE
from dualwindow.training.gradient_step import GradientStep, optimizer_of

BATCH: Final = 256
NAMES: Final = (
    *CHANGE_FEATURES,
    *(name for period in (1440, 43200) for name in average_features(period)),
)
FEATURES: Final = len(NAMES)
CPU: Final = torch.device("cpu")


class PlainNetwork(nn.Module):
    """The same layers as one writes them in torch: LSTMs, LayerNorms, dense layers, trend head."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = FEATURES
        self.patches: nn.Conv1d | None = None
        if config.patch_size > 1:
            width *= CHANNELS_PER_FEATURE
            self.patches = nn.Conv1d(FEATURES, width, config.patch_size, config.patch_size)
        for units in config.lstm_units:
            layers += [nn.LSTM(width, units, batch_first=True), nn.LayerNorm(units)]
            width = units
        self.recurrent = nn.ModuleList(layers)
        dense: list[nn.Module] = []
        for units in config.dense_units:
            dense += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.dense = nn.Sequential(*dense)
        self.head = nn.Linear(width, 3)
        self.dropped = [*(config.lstm_units[:-1] if config.lstm_dropout else ()), width]
        self.spans = NetworkShape.from_settings(config, NAMES).trend_spans
        self.trend = nn.Parameter(torch.zeros(1, len(self.spans))) if self.spans else None

    def forward(self, windows: Tensor, dropout: Tensor | None = None) -> Tensor:
        """(B, P, F) scaled windows to (B, 3) logits."""
        x = windows
        if self.patches is not None:
            x = self.patches(x.transpose(1, 2)).transpose(1, 2)
        factors = [] if dropout is None else [*torch.split(dropout, self.dropped, dim=1)]
        for layer in self.recurrent:
            x = layer(x)[0] if isinstance(layer, nn.LSTM) else layer(x)
            if isinstance(layer, nn.LayerNorm) and len(factors) > 1:
                x = x * factors.pop(0)[:, None]
        x = self.dense(x[:, -1])
        logits: Tensor = self.head(x * factors[-1] if factors else x)
        if self.trend is None:
            return logits
        change = windows[..., NAMES.index(CLOSE_CHANGE)]
        sums = [change[:, -span:].sum(dim=1) / span**0.5 for span in self.spans]
        trend = TREND_GAIN * torch.stack(sums, dim=1) @ self.trend[0]
        return logits + torch.stack([-trend, torch.zeros_like(trend), trend], dim=1)


def network_of(config: TrainingConfig) -> DualWindowNetwork:
    """Our network without mirroring, whose scaler changes nothing."""
    torch.manual_seed(config.seed)
    shape = NetworkShape.from_settings(config, NAMES)
    return DualWindowNetwork(shape, [0.0] * FEATURES, [1.0] * FEATURES, None)


def plain_twin(network: DualWindowNetwork, config: TrainingConfig) -> PlainNetwork:
    """A plain network with the same weights."""
    plain = PlainNetwork(config)
    pairs = zip(plain.parameters(), _in_order(network), strict=True)
    with torch.no_grad():
        for own, other in pairs:
            own.copy_(other)
    return plain


def _in_order(network: DualWindowNetwork) -> list[nn.Parameter]:
    found = [] if network.trend is None else [network.trend]
    core = network.core
    assert isinstance(core, LSTMCore)
    found += core.patches.parameters() if core.patches else ()
    for lstm, norm in zip(core.recurrent, core.norms, strict=True):
        found += [*lstm.parameters(), *norm.parameters()]
    return [*found, *core.dense.parameters(), *core.head.parameters()]


def _batch(network: DualWindowNetwork, config: TrainingConfig) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    windows = torch.randn(BATCH, config.window_size, FEATURES, generator=generator)
    labels = torch.randint(0, 3, (BATCH,), generator=generator)
    return windows, labels, network.draw_dropout(BATCH, generator)


def training(repeats: int) -> list[Result]:
    """A training step in fp32 on the processor, plain and with patches."""
    config = TrainingConfig(mirror="off")
    network = network_of(config)
    plain = plain_twin(network, config)
    patched_config = config.replace(patch_size=5)
    patched = network_of(patched_config)
    batch = _batch(network, config)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=config.learning_rate)

    def plain_step() -> None:
        windows, labels, dropout = batch
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(plain(windows, dropout), labels))
        nn.utils.clip_grad_norm_(plain.parameters(), config.gradient_clip)
        optimizer.step()

    with ComputeThreads.for_training(CPU) as threads:

        def step_of(model: DualWindowNetwork) -> GradientStep:
            return GradientStep(
                model, optimizer_of(model, config), class_weights=None, clip=config.gradient_clip,
                dtype=torch.float32, threads=threads,
            )  # fmt: skip

        difference = _gradient_difference(copy.deepcopy(network), copy.deepcopy(plain), threads)
        step, patched_step = step_of(network), step_of(patched)
        theirs, ours, patches = interleaved(
            repeats, plain_step, lambda: step(*batch), lambda: patched_step(*batch)
        )
        count = threads.count
    what = f"training step, fp32, batch {BATCH}, {count} threads"
    return [
        compared(what, "the same layers trained plainly", (ours, theirs), "s", goal=1.15),
        at_most(f"{what}: largest difference of a gradient", difference, "", 1e-6),
        compared("training step with patch_size 5", "patch_size 1", (patches, ours), "s", goal=4),
    ]


def _gradient_difference(
    network: DualWindowNetwork, plain: PlainNetwork, threads: ComputeThreads
) -> float:
    config = TrainingConfig()
    windows, labels, dropout = _batch(network, config)
    torch.autograd.backward(nn.functional.cross_entropy(plain(windows, dropout), labels))
    GradientStep(
        network, optimizer_of(network, config), class_weights=None, clip=1.0,
        dtype=torch.float32, threads=threads,
    ).gradients(windows, labels, dropout)  # fmt: skip
    pairs = zip(plain.parameters(), _in_order(network), strict=True)
    differences = [
        (own.grad - other.grad).abs().max().item()
        for own, other in pairs
        if own.grad is not None and other.grad is not None
    ]
    return max(differences)


def prediction(windows: int, looped: int, repeats: int) -> Iterator[Result]:
    """A backtest slice, without mirroring on either side, for the default and the shipped patch."""
    for patch_size in (1, 5):
        config = TrainingConfig(mirror="off", patch_size=patch_size)
        yield from _predicted(config, windows, looped, repeats)


def _predicted(config: TrainingConfig, windows: int, looped: int, repeats: int) -> list[Result]:
    network = network_of(config).eval()
    plain = plain_twin(network, config).eval()
    size = config.window_size
    random = np.random.default_rng(0)
    features = random.normal(size=(windows + size - 1, FEATURES)).astype(np.float32)
    rows = np.arange(size - 1, len(features))
    tensor = torch.from_numpy(features)

    def ours() -> NDArray[np.float32]:
        return predict_rows(network, WindowStream(features, size), rows, CPU)

    def batched() -> Tensor:
        with torch.inference_mode():
            views = tensor.unfold(0, size, 1).transpose(1, 2)
            parts = [
                torch.softmax(plain(views[at : at + BATCH]), dim=-1)
                for at in range(0, windows, BATCH)
            ]
            return torch.cat(parts)

    def one_by_one() -> Tensor:
        # As FreqAI's PyTorchTransformerRegressor.predict: gradients are not switched off there.
        x = tensor.unsqueeze(0)
        found = torch.empty(0)
        for at in range(looped):
            found = torch.cat((found, plain(x[:, at : at + size, :])), dim=0)
        return found

    if not np.allclose(ours(), batched().numpy(), atol=1e-5):
        raise AssertionError("the two predictions differ")
    our_seconds, batched_seconds = interleaved(repeats, ours, batched)
    (loop_seconds,) = interleaved(1, one_by_one)
    what = f"predict {windows:,} candles of a backtest slice, fp32, patch_size {config.patch_size}"
    looped_seconds = loop_seconds * windows / looped
    note = f"the loop ran over {looped:,}"
    return [
        compared(what, "a plain batched forward", (our_seconds, batched_seconds), "s", goal=1.4),
        compared(
            what,
            "FreqAI's loop, one window at a time",
            (our_seconds, looped_seconds),
            "s",
            goal=9,
            note=note,
        ),
    ]
