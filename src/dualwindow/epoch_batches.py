"""The batches of an epoch on the device that trains: windows, classes, dropout masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from dualwindow.epoch_order import EpochOrder
from dualwindow.network import DualWindowNetwork, swap_sides
from dualwindow.stream import WindowStream

#: Windows whose order is worked out and whose classes are uploaded in one go.
PART_WINDOWS: Final = 16_384


@dataclass(frozen=True)
class Batch:
    """One step's worth of training.

    Attributes:
        windows: (B, P, F) unscaled, those that the epoch mirrors mirrored.
        labels: (B,) classes, swapped where the window is mirrored.
        dropout: (B, U) factors from `DualWindowNetwork.draw_dropout`.
    """

    windows: Tensor
    labels: Tensor
    dropout: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def epoch_batches(
    order: EpochOrder,
    stream: WindowStream,
    network: DualWindowNetwork,
    generator: torch.Generator,
    batch_size: int,
) -> Iterator[Batch]:
    """Yield the batches of one epoch.

    Args:
        order: of the epoch.
        stream: of the unscaled features, on the network's device.
        network: that is trained; it knows how to mirror a window and draws the dropout masks.
        generator: of the dropout masks.
        batch_size: windows a batch; the last batch may be smaller.

    Yields:
        Batches on the network's device. The next chunk may overwrite a batch's windows.
    """
    device = network.center.device
    # Whole batches, whatever the chunk: where a part ends must not change what a batch holds.
    part_windows = max(PART_WINDOWS // batch_size, 1) * batch_size
    if stream.holds_everything:
        part_windows = max(len(order), 1)
    for start in range(0, len(order), part_windows):
        part = order.part(start, start + part_windows)
        # Drawn and uploaded for many steps at once, so that no step waits for the host.
        labels = torch.from_numpy(part.labels).to(device)
        mirrored = torch.from_numpy(part.mirrored).to(device)
        dropout = _draw_dropout(network, len(labels), generator, batch_size).to(device)
        any_mirrored = bool(part.mirrored.any())
        for piece, windows in stream.batches(part.rows, batch_size):
            x, y = windows, labels[piece]
            if any_mirrored:
                flip = mirrored[piece]
                x = torch.where(flip[:, None, None], network.mirrored(x), x)
                y = torch.where(flip, swap_sides(y), y)
            yield Batch(x, y, dropout[piece])


def _draw_dropout(
    network: DualWindowNetwork, windows: int, generator: torch.Generator, batch_size: int
) -> Tensor:
    """(M, U) masks, drawn batch by batch so that they are the same however long a part is."""
    starts = range(0, windows, batch_size)
    return torch.cat(
        [network.draw_dropout(min(batch_size, windows - start), generator) for start in starts]
    )
