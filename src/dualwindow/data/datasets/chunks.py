"""Sizes of chunks: bounded by the settings, halved where memory is short."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Final

from dualwindow.errors import MemoryLimitError
from dualwindow.runtime.memory import MIB, MemoryUse, memory_use
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)
#: Share of what may be used from which on a chunk is halved.
NEAR: Final = 0.9


@dataclass
class AdaptiveChunk:
    """A chunk size that halves when memory runs short.

    Attributes:
        size: to begin with, and as it is now.
        smallest: never smaller than this.
        unit: of the size, for messages.
        max_usage_pct: share of the limit that may be used, percent.
        adaptive: whether to halve at all.
        monitor: whether to look at memory before every chunk.
        read: the memory in use; `memory_use` unless given.
    """

    size: int
    _: KW_ONLY
    smallest: int
    unit: str
    max_usage_pct: float
    adaptive: bool
    monitor: bool = True
    read: Callable[[], MemoryUse] | None = None

    @classmethod
    def from_settings(
        cls, config: TrainingConfig, size: int, *, smallest: int, unit: str
    ) -> AdaptiveChunk:
        """A chunk that shrinks as the settings allow."""
        return cls(
            size,
            smallest=smallest,
            unit=unit,
            max_usage_pct=config.max_memory_usage_pct,
            adaptive=config.adaptive_chunk_size,
            monitor=config.enable_memory_monitoring,
        )

    def next(self) -> int:
        """The size of the next chunk, halved when memory is near what may be used.

        Raises:
            MemoryLimitError: when more is used than may be, and the chunk cannot be halved.
        """
        if not self.monitor:
            return self.size
        use = (self.read or memory_use)()
        if use.percent < NEAR * self.max_usage_pct:
            return self.size
        reason = (
            f"{use.used / MIB:.0f} of {use.limit / MIB:.0f} MiB of {use.source} are used, "
            f"{use.percent:.0f} % where max_memory_usage_pct allows {self.max_usage_pct:g}"
        )
        if self.adaptive and self.size > self.smallest:
            self._shrink(reason)
        elif use.percent > self.max_usage_pct:
            raise MemoryLimitError(
                f"{reason}, with a chunk of {self.size} {self.unit}; {self._way}"
            )
        return self.size

    def halve(self, cause: BaseException) -> None:
        """Halve the size, because an allocation failed.

        Raises:
            MemoryLimitError: when the chunk cannot be halved.
        """
        if not self.adaptive or self.size <= self.smallest:
            raise MemoryLimitError(
                f"a chunk of {self.size} {self.unit} does not fit into memory ({cause}); "
                f"{self._way}"
            ) from cause
        self._shrink(f"an allocation failed ({cause})")

    def _shrink(self, reason: str) -> None:
        before, self.size = self.size, max(self.size // 2, self.smallest)
        logger.warning("memory: %s: chunk %d -> %d %s", reason, before, self.size, self.unit)

    @property
    def _way(self) -> str:
        if not self.adaptive and self.size > self.smallest:
            return "set adaptive_chunk_size to true, choose a smaller chunk, or give more memory"
        return "give more memory, raise max_memory_usage_pct, or train on fewer pairs or days"


@dataclass(frozen=True)
class ChunkSizes:
    """Windows in memory at a time (None: all, in one chunk), and windows gathered in one go."""

    windows: int | None = 1000
    extraction: int = 1000

    @classmethod
    def from_settings(cls, config: TrainingConfig) -> ChunkSizes:
        """The sizes that the settings ask for."""
        return cls(
            windows=config.streaming_chunk_size if config.use_streaming else None,
            extraction=config.batch_extraction_size if config.use_batch_extraction else 1,
        )
