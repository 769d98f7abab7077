"""Processes and chunk sizes that suit a machine, as measured: docs/hardware.md has the figures."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Final, Self

from dualwindow.errors import SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.counts import counted
from dualwindow.runtime.memory import MemoryGauge

#: Windows in memory at a time: windows are delivered fastest with about as many.
_FASTEST_CHUNK: Final = 1000
#: Rows that a worker process prepares at a time; it takes twice as long with 5,000.
_FASTEST_WORKER_CHUNK: Final = 65_536
#: Most worker processes.
_MOST_PROCESSES: Final = 8
#: Most of the memory that a chunk of windows may take.
_CHUNK_SHARE: Final = 0.01
_GIB: Final = 2**30
#: More GiB, and more cores, than any machine has.
_BEYOND: Final = 1_000_000


@dataclass(frozen=True)
class Machine:
    """Cores that can work at the same time, and memory that may be used, of a container if in one.

    `source` is whose memory it is, for a message.
    """

    cores: int
    memory_gib: float
    source: str

    @classmethod
    def detect(cls, *, memory_gib: float | None = None, cores: int | None = None) -> Self:
        """This machine, or the container that this process is in; given values are taken as such.

        Raises:
            SettingsError: when a given value can be that of no machine.
        """
        problems = []
        if memory_gib is not None and not _is_between(memory_gib, Real):
            problems.append(
                f"memory_gib {memory_gib!r} is no memory in GiB: give a number above 0, or leave "
                "it out to have it detected"
            )
        if cores is not None and not _is_between(cores, Integral):
            problems.append(
                f"cores {cores!r} is no number of cores: give a whole number above 0, or leave it "
                "out to have it detected"
            )
        if problems:
            raise SettingsError(problems, "auto_configure")
        limit = MemoryGauge().smallest()
        source = limit.source
        if memory_gib is not None:
            source = "as given"
        return cls(
            read_cores().usable if cores is None else int(cores),
            limit.limit / _GIB if memory_gib is None else float(memory_gib),
            source,
        )


def _is_between(value: object, kind: type) -> bool:
    """Whether a value is a number of a kind, above 0 and not beyond all machines."""
    return (
        isinstance(value, kind) and not isinstance(value, bool) and 0 < float(value) <= _BEYOND  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class MachineSizes:
    """Settings of processes and chunks for a machine; the names are those of `TrainingConfig`.

    None of them changes a result.
    """

    use_multiprocessing: bool
    n_processes: int
    multiprocessing_chunk_size: int
    streaming_chunk_size: int
    batch_extraction_size: int


def sizes_for(machine: Machine, *, window_bytes: int, batch_size: int) -> MachineSizes:
    """The fastest sizes that were measured, lowered where memory is small.

    Worker processes stay off: preparing took longer with them in every measurement.
    """
    fitting = int(_CHUNK_SHARE * machine.memory_gib * _GIB) // window_bytes
    chunk = max(min(_FASTEST_CHUNK, fitting), batch_size)
    return MachineSizes(
        use_multiprocessing=False,
        n_processes=min(machine.cores, _MOST_PROCESSES),
        multiprocessing_chunk_size=_FASTEST_WORKER_CHUNK,
        streaming_chunk_size=chunk,
        batch_extraction_size=min(chunk, _FASTEST_CHUNK),
    )


def reason_for(machine: Machine, sizes: MachineSizes) -> str:
    """One sentence: what was chosen, for what machine, and why."""
    chunk = sizes.streaming_chunk_size
    why = "larger chunks are no faster"
    if chunk < _FASTEST_CHUNK:
        why = "more would not fit into a hundredth of the memory"
    elif chunk > _FASTEST_CHUNK:
        why = "a chunk holds at least one batch"
    return (
        f"auto_configure for {counted(machine.cores, 'core')} and {machine.memory_gib:.1f} GiB of "
        f"memory ({machine.source}): chunks of {counted(chunk, 'window')}, because {why}, and one "
        "process, because preparing candles in several was slower wherever it was measured"
    )
