"""The notebooks run: `python -m tests.docs.notebooks` stores what their cells print now."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from demo.running import REPOSITORY

NOTEBOOKS: Final = sorted((REPOSITORY / "examples").glob("*.ipynb"))
LIMIT_SECONDS: Final = 300


def read(path: Path) -> Any:
    """A notebook."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def run(path: Path) -> Any:
    """A notebook with the outputs of all cells, run beside its file."""
    notebook = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=LIMIT_SECONDS, resources=resources).execute()
    return notebook


def printed(cell: Any) -> str:
    """What a cell has printed; a notebook of this project shows nothing else."""
    return "".join(output["text"] for output in cell.get("outputs", ()))


def store() -> None:
    """Run all notebooks and write their outputs into the files, without times and numbers."""
    for path in NOTEBOOKS:
        notebook = run(path)
        for cell in notebook.cells:
            cell.metadata.clear()
            if cell.cell_type == "code":
                cell.execution_count = None
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    store()
