"""Summary of a finished training on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from dualwindow.cli.display.console import figure_table
from dualwindow.cli.display.evaluation_output import print_figures, print_verdict
from dualwindow.cli.display.progress import mib_text
from dualwindow.cli.display.stages import StageFigures
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.statistics import drawn_counts, sampling_interval
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.counts import counted
from dualwindow.training.result import TrainingOutcome


def print_summary(
    console: Console,
    finished: TrainingOutcome,
    stages: Sequence[StageFigures],
    files: Sequence[tuple[str, Path]],
    *,
    verbose: bool,
) -> None:
    """Show the evaluation, the files by their descriptions, and last the verdict.

    If `verbose`, also the cost by stage and the classes.
    """
    if verbose:
        console.print(stage_table(stages, read_cores().usable))
        console.print(_class_table(finished))
    print_figures(
        console, finished.evaluation, finished.after_fees, finished.evaluated_on, verbose=verbose
    )
    console.print(_epochs_text(finished))
    for name, path in files:
        # Not wrapped, so that the path can be copied.
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)
    print_verdict(console, finished.after_fees)


def _epochs_text(finished: TrainingOutcome) -> str:
    """The epoch that was kept, and windows per second, with validation included."""
    fitted, config = finished.fitted, finished.model.config
    counts = finished.split.train.counts
    every = sampling_interval(config, counts)
    windows = int(drawn_counts(counts, config.class_balance, every).sum())
    seconds = median(epoch.seconds for epoch in fitted.history)
    return (
        f"kept epoch {fitted.best_epoch} of {len(fitted.history)}; "
        f"{counted(windows, 'window')} an epoch, {windows / max(seconds, 1e-9):,.0f} windows/s"
    )


def stage_table(stages: Sequence[StageFigures], cores: int) -> Table:
    """Time, memory, cores that were kept busy and balance of the work, by stage.

    `cores` is the number of those that this process may use.
    """
    rows = [
        (
            stage.name,
            _duration(stage.seconds),
            mib_text(stage.peak_bytes),
            f"{stage.cpu_percent / 100.0:.1f} of {cores}",
            f"{stage.balance:.0%}",
        )
        for stage in stages
    ]
    return figure_table("stages", ("stage", "time", "peak memory", "busy cores", "balance"), rows)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _class_table(finished: TrainingOutcome) -> Table:
    split = finished.split
    parts = {"training": split.train, "validation": split.validation, "tail": split.tail}
    rows = [
        [name, *(f"{count:,} ({count / len(part):.1%})" for count in part.counts)]
        for name, part in parts.items()
        if len(part)
    ]
    purged = ("purged between them", f"{split.purged:,}", "", "")
    return figure_table("classes", ("candles", *CLASS_NAMES), (*rows, purged))
