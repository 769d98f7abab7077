"""Consoles, log lines and plain tables: coloured on a terminal, plain text in a pipe."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Final

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table
from rich.text import Text

#: Columns of a table with borders in a file.
_FILE_WIDTH: Final = 160
#: Columns of a plain table in a pipe: its lines are searched, or pasted into a report.
_PIPE_WIDTH: Final = 10_000


def console_of(file: IO[str]) -> Console:
    """A console on a file; wide enough for tables if the file is no terminal."""
    return Console(file=file, width=None if file.isatty() else _FILE_WIDTH)


def log_to(console: Console, level: int) -> None:
    """Send log lines to the console: above progress bars on a terminal, plain elsewhere."""
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, rich_tracebacks=False)
        form = "%(message)s"
    else:
        handler = logging.StreamHandler(console.file)
        form = "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def figure_table(
    title: str, heads: Iterable[str], rows: Iterable[Iterable[str]], *, texts: int = 1
) -> Table:
    """A table with borders; its first `texts` columns are aligned left, the figures right."""
    # A figure without an interval has words in brackets, which markup would take for a style.
    table = Table(title=escape(title))
    for at, head in enumerate(heads):
        table.add_column(escape(head), justify="right" if at >= texts else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def print_warning(console: Console, text: str) -> None:
    """Print a warning of a run, as it is."""
    console.print(f"warning: {text}", style="yellow", markup=False)


def print_table(rows: Iterable[Sequence[str]], *, heads: Sequence[str] = ()) -> None:
    """Print rows of cells as columns, with a line of titles if there are `heads`."""
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table(*heads, box=None, pad_edge=False, show_header=bool(heads))
    for row in rows:
        # A Text is not parsed as markup: a path may contain brackets.
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    with console.capture() as printed:
        console.print(table)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def size_text(size: float) -> str:
    """Bytes in the largest unit of at least one, such as 1.5 GiB."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
