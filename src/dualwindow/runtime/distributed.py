"""Processes that train one network together: torch's own distribution, started by torchrun.

Every rank holds the whole network and the same data, works on its share of each batch, and takes
the same decisions. Messages between ranks go over gloo, which notices at once that a process
has ended; gradients on GPUs go over NCCL.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from dualwindow.errors import DualWindowError, RankLostError, SettingsError, TrainingStoppedError
from dualwindow.runtime.counts import counted
from dualwindow.runtime.device import resolve_device

logger = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")

#: How long a rank waits for the others in a step. A process that ends is noticed at once; this is
#: for a machine that is cut off. Longer than any step, hook or checkpoint takes.
STEP_TIMEOUT: Final = timedelta(minutes=10)
#: How long ranks wait while one of them prepares candles.
PREPARATION_TIMEOUT: Final = timedelta(hours=24)
#: Seconds between two looks whether the others have arrived; signals are handled in between.
_PATIENCE: Final = 0.05
_TORCHRUN: Final = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"
)  # fmt: skip


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; one alone by default.

    Every method is called by all ranks, in the same order, or they wait for each other.

    Attributes:
        number: of this rank, from 0.
        count: ranks in all.
        local_number: of this rank among those on this machine, from 0.
    """

    number: int = 0
    count: int = 1
    local_number: int = 0
    _patient: dist.ProcessGroup | None = field(default=None, repr=False)

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes."""
        return self.number == 0

    def share(self, length: int) -> slice:
        """This rank's contiguous part of `length` things; no rank's is longer by more than one."""
        size, left = divmod(length, self.count)
        start = self.number * size + min(self.number, left)
        return slice(start, start + size + (self.number < left))

    def add_up(self, values: Tensor) -> None:
        """Sum over all ranks, in place; a GPU is not waited for.

        Raises:
            RankLostError: when a rank has ended or cannot be reached, as in all methods.
        """
        if self.count > 1:
            with _reaching_all():
                dist.all_reduce(values)

    def any_true(self, yes: bool) -> bool:
        """Whether `yes` is true on at least one rank: the same answer on all of them.

        A GPU is not asked, and this is how a rank learns of another's end before it waits for a
        GPU that waits for the other's.
        """
        if self.count == 1:
            return yes
        vote = torch.tensor([yes], dtype=torch.int32)
        with _reaching_all():
            dist.all_reduce(vote, dist.ReduceOp.MAX)
        return bool(vote.item())

    def gathered(self, make: Callable[[], ResultT], *, patiently: bool = False) -> list[ResultT]:
        """Results of `make` on all ranks, in their order.

        An error of this package on one rank is raised on all; `patiently`, one's may take hours.
        """
        if self.count == 1:
            return [make()]
        mine = _Outcome.from_call(make)
        if patiently:
            self._wait_for_all()
        every: list[Any] = [None] * self.count
        with _reaching_all():
            dist.all_gather_object(every, mine.told_by(self.number))
        mine.result()
        return [outcome.result() for outcome in every]

    def from_first(self, make: Callable[[], ResultT]) -> ResultT:
        """The result of `make` on the first rank, or its error of this package."""
        if self.count == 1:
            return make()
        mine = _Outcome.from_call(make) if self.is_first else None
        told = [mine.told_by(self.number) if mine else None]
        with _reaching_all():
            dist.broadcast_object_list(told, src=0)
        outcome = mine or told[0]
        assert outcome is not None
        return outcome.result()

    def first_of_machine_then_all(self, make: Callable[[], ResultT]) -> ResultT:
        """Run `make` on the first rank of each machine, and when all those are done on the others.

        For what the first leaves on its machine's disk and the others find there. It may take
        hours; what it raises of this package's errors on one rank is raised on all.
        """
        results: list[ResultT] = []

        def take_turn(mine: bool) -> None:
            if mine:
                results.append(make())

        for first in (True, False):
            turn = partial(take_turn, first == (self.local_number == 0))
            self.gathered(turn, patiently=True)
        return results[0]

    def _wait_for_all(self) -> None:
        with _reaching_all():
            arrived = dist.all_reduce(torch.zeros(1), group=self._patient, async_op=True)
            while not arrived.is_completed():
                time.sleep(_PATIENCE)
            arrived.wait()


#: One process that trains by itself.
ALONE: Final = Ranks()


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started, for the block; `ALONE` when it started none.

    On a machine with GPUs each rank gets one, in the order of their numbers. Torch's current device
    is set, so that the setting `device` stays as it is: auto, cpu or cuda; a GPU by its number only
    for one rank a machine.

    Raises:
        SettingsError: when the device does not suit the ranks.
        RankLostError: when the others do not come.
        DualWindowError: when torchrun's variables are incomplete.
    """
    numbers = _numbers(os.environ)
    if numbers is None:
        yield ALONE
        return
    rank_device = _device_of_rank(device, numbers)
    if rank_device.type == "cuda":
        torch.cuda.set_device(rank_device)
    # CPU tensors go over gloo, GPU tensors over NCCL.
    on_gpu = rank_device.type == "cuda" and dist.is_nccl_available()
    try:
        with _reaching_all():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=STEP_TIMEOUT
            )
            patient = dist.new_group(backend="gloo", timeout=PREPARATION_TIMEOUT)
        ranks = Ranks(numbers["RANK"], numbers["WORLD_SIZE"], numbers["LOCAL_RANK"], patient)
        logger.info("rank %d of %d trains on %s", ranks.number, ranks.count, rank_device)
        yield ranks
    except BaseException:
        if on_gpu and dist.is_initialized():
            # An orderly end would wait for what the GPUs can no longer tell each other.
            dist.distributed_c10d._abort_process_group()
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _numbers(environment: Mapping[str, str]) -> dict[str, int] | None:
    """Torchrun's variables that are numbers; None for a process by itself."""
    if "RANK" not in environment and environment.get("WORLD_SIZE", "1") == "1":
        return None
    missing = [name for name in _TORCHRUN if name not in environment]
    try:
        numbers = {name: int(environment[name]) for name in _TORCHRUN[:4] if name not in missing}
    except ValueError as error:
        raise DualWindowError(f"one of torchrun's variables is no number: {error}") from None
    if missing:
        raise DualWindowError(
            f"of torchrun's variables some are missing: {', '.join(missing)}; start with "
            "`torchrun --nproc-per-node=N -m dualwindow train`, or unset RANK and WORLD_SIZE to "
            "train in one process"
        )
    return numbers if numbers["WORLD_SIZE"] > 1 else None


def _device_of_rank(name: str, numbers: Mapping[str, int]) -> torch.device:
    device = resolve_device(name)
    here, numbered = numbers["LOCAL_WORLD_SIZE"], ":" in name
    if device.type == "cpu" or (device.type == "cuda" and numbered and here == 1):
        return device
    if device.type != "cuda" or numbered:
        raise SettingsError(
            [
                f"device {name!r} cannot be shared by the {here} processes that torchrun started "
                "on this machine; use 'auto', 'cuda' or 'cpu'"
            ]
        )
    count = torch.cuda.device_count()
    if here > count:
        raise SettingsError(
            [
                f"device {name!r}: torchrun started {counted(here, 'process', 'processes')} "
                f"on this machine, where torch sees {counted(count, 'GPU')}; use "
                f"--nproc-per-node={count}, or device 'cpu'"
            ]
        )
    return torch.device("cuda", numbers["LOCAL_RANK"])


@contextmanager
def _reaching_all() -> Iterator[None]:
    """Raise this package's error when a rank is gone; torch has a RuntimeError for it."""
    try:
        yield
    except RuntimeError as error:
        # Without the place in torch's source, and without the advice that follows.
        reason = re.sub(r"^\[[^\]]*\] ", "", str(error).split("\n")[0]).split(". ")[0]
        raise RankLostError(
            f"a rank of this training ended or cannot be reached ({reason}); its own log tells why"
        ) from error


@dataclass(frozen=True)
class _Outcome(Generic[ResultT]):
    """The value that a rank made, or the error of this package that it ended in."""

    value: ResultT | None = None
    error: DualWindowError | None = None

    @classmethod
    def from_call(cls, make: Callable[[], ResultT]) -> _Outcome[ResultT]:
        try:
            return cls(value=make())
        except DualWindowError as error:
            return cls(error=error)

    def told_by(self, rank: int) -> _Outcome[ResultT]:
        """As the other ranks see it."""
        if self.error is None:
            return self
        # Plain, because not every error survives being sent.
        if isinstance(self.error, TrainingStoppedError):
            return _Outcome(error=TrainingStoppedError(str(self.error)))
        return _Outcome(error=DualWindowError(f"rank {rank}: {self.error}"))

    def result(self) -> ResultT:
        if self.error is not None:
            raise self.error
        return cast(ResultT, self.value)
