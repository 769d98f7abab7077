"""Puts a report's two files into a folder, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from dualwindow.errors import DataError
from dualwindow.report.facts import Report
from dualwindow.report.page import page_of
from dualwindow.report.sources import FIGURES_NAME, PAGE_NAME
from dualwindow.runtime.files import whole_file, write_json


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write the page and its figures.

    Args:
        report: to be written.
        folder: made when it is not there; earlier files of the same names are replaced.

    Returns:
        Paths of the page and of the figures.

    Raises:
        DataError: when the folder cannot be written.
    """
    page, figures = folder / PAGE_NAME, folder / FIGURES_NAME
    content = page_of(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(figures, report.to_dict())
        with whole_file(page) as handle:
            handle.write(content.encode())
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}; give another --output") from None
    return page, figures
