"""The file that `--output` names, for figures as JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from dualwindow.cli.display.progress import console_of
from dualwindow.errors import DataError
from dualwindow.runtime.files import write_json


def require_writable(output: Path | None) -> None:
    """Refuse at once what would be refused when all is done.

    Raises:
        DataError: when the file could not be written.
    """
    if output is not None and (output.is_dir() or not os.access(output.parent, os.W_OK)):
        reason = "it is a folder" if output.is_dir() else f"{output.parent} is none to write into"
        raise DataError(f"--output {output} cannot be written: {reason}; give another file")


def write_figures(output: Path, content: dict[str, Any]) -> None:
    """Write what was found, and say where.

    Raises:
        DataError: when the file cannot be written.
    """
    try:
        write_json(output, content)
    except OSError as error:
        raise DataError(f"--output {output} cannot be written: {error}") from None
    console_of(sys.stdout).print(f"figures: {output}", markup=False, soft_wrap=True)
