"""The file of a training's figures: its name, and what others than the report look for in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from dualwindow.evaluation import Reference

#: Beside every model.
EVALUATION_NAME: Final = "evaluation.json"

#: Under which stands what the model was judged by.
REFERENCE_KEY: Final = "yardsticks"

#: Under which stands what its decisions would have earned.
AFTER_FEES_KEY: Final = "after_fees"


def read_reference(folder: Path) -> Reference | None:
    """Find in the figures of a training what its model was judged by.

    Args:
        folder: of the model.

    Returns:
        None when the file is missing, or of a version that fitted none.
    """
    try:
        content = json.loads((folder / EVALUATION_NAME).read_bytes())
        return Reference.from_dict(content[REFERENCE_KEY])
    except (OSError, ValueError, KeyError, TypeError):
        return None
