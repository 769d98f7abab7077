"""Progress: bars where somebody watches, lines where a file does."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from dualwindow.cli.display.console import log_to
from dualwindow.cli.display.progress import BarProgress, LineProgress, mib_text, run_progress
from dualwindow.runtime.memory import MIB
from dualwindow.training.hooks import EpochResult


def epoch(number: int) -> EpochResult:
    return EpochResult(number, 1.1, 0.9, 0.33, 0.002, 2.0)


def memory() -> int:
    return 500 * MIB


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a log file gets; the handlers of before come back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    log_to(Console(file=stream, force_terminal=False), logging.INFO)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def test_without_a_terminal_each_epoch_is_a_line_with_all_that_matters(log: io.StringIO) -> None:
    progress = run_progress(Console(file=log, force_terminal=False), 5, memory)
    assert isinstance(progress, LineProgress)
    with progress:
        progress.prepared(1, 2)
        progress.trained(500, 1000)
        progress.on_epoch(epoch(1))
    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    for text in (
        "epoch 1 of 5",
        "validation loss 0.9000",
        "Trading F1 0.330",
        "500 windows/s",
        "0:00:08 left at most",
        "memory 500 MiB",
    ):
        assert text in lines[0]
    assert "\x1b" not in log.getvalue()


def test_on_a_terminal_bars_show_rate_figures_and_memory() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    progress = run_progress(console, 2, memory)
    assert isinstance(progress, BarProgress)
    with progress:
        progress.prepared(500, 1000)
        progress.trained(100, 100)
        progress.on_epoch(epoch(1))
        progress.trained(50, 100)
    shown = stream.getvalue()
    for text in ("preparing", "epoch 2 of 2", "loss 0.9000", "F1 0.330", "500 MiB", "75%"):
        assert text in shown


@pytest.mark.parametrize("ended", [1, 3])
@pytest.mark.parametrize("resumed_after", [0, 2])
def test_the_last_bar_shows_the_figures_of_the_last_epoch(ended: int, resumed_after: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    # Early stopping may end it before its last epoch.
    with run_progress(console, resumed_after + 3, memory) as progress:
        for number in range(resumed_after + 1, resumed_after + ended + 1):
            progress.trained(100, 100)
            progress.on_epoch(replace(epoch(number), validation_loss=number / 7))
    last = stream.getvalue().rpartition("epoch ")[2]
    assert f"loss {(resumed_after + ended) / 7:.4f}" in last


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 MiB"), (1500 * MIB, "1,500 MiB"), (20_480 * MIB, "20.0 GiB")]
)
def test_memory_is_written_in_the_unit_that_fits(count: int, text: str) -> None:
    assert mib_text(count) == text
