"""The report at the end of `dualwindow train`."""

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
    """Write the report into a saved model's folder.

    Args:
        folder: of the model.
        dataset: that it was trained, validated and evaluated on.
        stages: cost of the stages.

    Returns:
        Description and path of the files; empty after a failure, which is logged, because the
        model is whole without its report.
    """
    run = RunFacts(
        stages=[
            Stage(stage.name, stage.seconds, stage.peak_bytes, stage.cpu_percent)
            for stage in stages
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
