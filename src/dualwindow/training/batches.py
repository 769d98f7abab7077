"""The batches of an epoch on the device that trains: windows, classes, dropout masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.models.network import DualWindowNetwork, swap_sides
from dualwindow.runtime.distributed import ALONE, Ranks

#: Windows whose order is worked out and whose classes are uploaded in one go.
PART_WINDOWS: Final = 16_384


@dataclass(frozen=True)
class Batch:
    """One rank's share of the batch of a training step.

    Attributes:
        windows: inputs of B windows, unscaled, some of them mirrored.
        labels: (B,) classes, swapped where the window is mirrored.
        dropout: (B, D) factors from `DualWindowNetwork.draw_dropout`.
        total: windows of the batch over all ranks; B where one trains alone.
    """

    windows: Tensor
    labels: Tensor
    dropout: Tensor
    total: int

    def __len__(self) -> int:
        return len(self.labels)


def epoch_batches(
    order: EpochOrder,
    stream: WindowStream,
    network: DualWindowNetwork,
    generator: torch.Generator,
    batch_size: int,
    *,
    ranks: Ranks = ALONE,
    most: int | None = None,
) -> Iterator[Batch]:
    """Yield this rank's share of every batch of one epoch.

    Args:
        order: of the epoch.
        stream: of unscaled features, on the network's device.
        network: mirrors the windows and draws the dropout masks.
        generator: of the masks; every rank draws those of all ranks, as one alone would.
        batch_size: windows a batch over all ranks, at least one a rank; the last batch may be
            smaller, and a rank's share of it empty.
        ranks: that train together.
        most: windows of the epoch, its first; None yields all.

    Yields:
        As many batches on every rank, on the network's device. The next chunk may overwrite a
        batch's windows.
    """
    device = network.center.device
    wanted = len(order) if most is None else min(most, len(order))
    # Whole batches, whatever the chunk: where a part ends must not change what a batch holds.
    part_windows = max(PART_WINDOWS // batch_size, 1) * batch_size
    if stream.holds_everything:
        part_windows = max(wanted, 1)
    nothing = slice(0, 0), network.center.new_empty(0, 0, len(network.center))
    for start in range(0, wanted, part_windows):
        positions = range(wanted)[start : start + part_windows]
        batches = [
            positions[first : first + batch_size] for first in range(0, len(positions), batch_size)
        ]
        shares = [batch[ranks.share(len(batch))] for batch in batches]
        part = order.at(np.concatenate([np.asarray(share, dtype=np.int64) for share in shares]))
        # Drawn and uploaded for many steps at once, so that no step waits for the host.
        labels = torch.from_numpy(part.labels).to(device)
        mirrored = torch.from_numpy(part.mirrored).to(device)
        # Masks are drawn batch by batch, so that they are the same however long a part is.
        drawn = [network.draw_dropout(len(batch), generator) for batch in batches]
        dropout = torch.cat([masks[ranks.share(len(masks))] for masks in drawn]).to(device)
        any_mirrored = bool(part.mirrored.any())
        # No share is larger than the one before it, so pieces of the first's length are the shares.
        pieces = stream.batches(part.rows, len(shares[0]))
        for batch in batches:
            piece, windows = next(pieces, nothing)
            x, y = windows, labels[piece]
            if any_mirrored and len(y):
                flip = mirrored[piece]
                x = torch.where(flip.view(-1, *[1] * (x.ndim - 1)), network.mirrored(x), x)
                y = torch.where(flip, swap_sides(y), y)
            yield Batch(x, y, dropout[piece], len(batch))
