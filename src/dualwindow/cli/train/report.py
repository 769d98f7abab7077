"""The report that ends a training of the command line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from dualwindow.cli.display.stages import StageFigures
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.errors import DualWindowError
from dualwindow.report.build import gather, label_weeks, run_versions, write_report
from dualwindow.report.schema import RunFacts, Stage

logger = logging.getLogger(__name__)


def report_files(
    folder: Path, dataset: Dataset, stages: Sequence[StageFigures]
) -> list[tuple[str, Path]]:
    """Write the report into the model folder; the model is whole whether that works or not.

    Args:
        folder: of the model, which is saved.
        dataset: that it was trained, validated and judged on.
        stages: what each cost.

    Returns:
        What each file is, and its path; none after a failure, which is logged.
    """
    run = RunFacts(
        stages=[
            Stage(each.name, each.seconds, each.peak_bytes, each.cpu_percent) for each in stages
        ],
        weeks=label_weeks(dataset),
        versions=run_versions(),
    )
    try:
        page, figures = write_report(gather(folder, run), folder)
    except DualWindowError as error:
        logger.warning("there is no report: %s; `dualwindow report` makes one", error)
        return []
    return [("report (open it in a browser)", page), ("its figures", figures)]
