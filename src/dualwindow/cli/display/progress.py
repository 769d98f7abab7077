"""Progress of a run: bars on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from dualwindow.runtime.memory import MIB
from dualwindow.training.hooks import EpochResult

logger = logging.getLogger(__name__)


def run_progress(
    console: Console, epochs: int, memory: Callable[[], int], *, quiet: bool = False
) -> RunProgress:
    """Progress of at most `epochs` on the console of the log; `memory` returns bytes in use.

    No bars where it is `quiet`, because another process draws them.
    """
    if console.is_terminal and not quiet:
        return BarProgress(console, epochs, memory)
    return LineProgress(epochs, memory)


class LineProgress:
    """Context manager around a run: a log line per epoch, with rate, remaining time, memory."""

    def __init__(self, epochs: int, memory: Callable[[], int]) -> None:
        self._epochs = epochs
        self._memory = memory
        self._windows = 0
        self._spent: list[float] = []

    def prepared(self, done: int, total: int) -> None:
        """Nothing: the preparation logs a line for each pair."""

    def trained(self, _done: int, total: int) -> None:
        """Remember the number of windows in an epoch."""
        self._windows = total

    def on_epoch(self, result: EpochResult) -> None:
        """Log the figures of an epoch."""
        self._spent.append(result.seconds)
        left = sum(self._spent) / len(self._spent) * (self._epochs - result.epoch)
        logger.info(
            "epoch %d of %d: %s, %s windows/s, %s left at most, memory %s",
            result.epoch,
            self._epochs,
            figures_text(result),
            f"{self._windows / max(result.seconds, 1e-9):,.0f}",
            timedelta(seconds=round(left)),
            mib_text(self._memory()),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class BarProgress:
    """Context manager around a run: bars for the preparation and all epochs, on a terminal."""

    def __init__(self, console: Console, epochs: int, memory: Callable[[], int]) -> None:
        self._epochs = epochs
        self._memory = memory
        self._epoch = 0
        self._figures = ""
        self._progress = Progress(
            TextColumn("{task.description}"),
            # All the width that the figures leave.
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def prepared(self, done: int, total: int) -> None:
        """Move the bar of the preparation."""
        self._move("preparing", "candles", done, total, mib_text(self._memory()))

    def trained(self, done: int, total: int) -> None:
        """Move the bar of all epochs."""
        done_before, all_epochs = self._epoch * total, total * self._epochs
        self._move("training", "windows", done_before + done, all_epochs, self._text())
        name = f"epoch {min(self._epoch + 1, self._epochs)} of {self._epochs}"
        self._progress.update(self._tasks["training"], description=name)

    def on_epoch(self, result: EpochResult) -> None:
        """Show an epoch's figures beside the bar and in a log line above it."""
        self._epoch = result.epoch
        self._figures = f"loss {result.validation_loss:.4f}  F1 {result.trading_f1:.3f}"
        if "training" in self._tasks:
            # No batch follows the last epoch, whose figures would never be shown.
            self._progress.update(self._tasks["training"], figures=self._text())
        logger.info("epoch %d of %d: %s", result.epoch, self._epochs, figures_text(result))

    def _text(self) -> str:
        """Figures of the last epoch that has ended, and memory."""
        return f"{self._figures}  {mib_text(self._memory())}".strip()

    def _move(self, name: str, unit: str, done: int, total: int, figures: str) -> None:
        if name not in self._tasks:
            # Work done before a resume must not count as speed.
            self._tasks[name] = self._progress.add_task(
                name, total=total, completed=done, unit=unit, figures=""
            )
        self._progress.update(self._tasks[name], completed=done, total=total, figures=figures)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


RunProgress = LineProgress | BarProgress


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        """Such as `12,345 windows/s`."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {task.fields['unit']}/s")


def figures_text(result: EpochResult) -> str:
    """The figures of an epoch."""
    return (
        f"train loss {result.train_loss:.4f}, validation loss {result.validation_loss:.4f}, "
        f"Trading F1 {result.trading_f1:.3f}, learning rate {result.learning_rate:.2g}, "
        f"{result.seconds:.1f} s"
    )


def mib_text(count: float) -> str:
    """Bytes as MiB, or GiB from 10 on."""
    mib = count / MIB
    return f"{mib:,.0f} MiB" if mib < 10_240 else f"{mib / 1024:,.1f} GiB"
