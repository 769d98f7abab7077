"""Tables for people: coloured on a terminal, plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH: Final = 10_000


def print_table(rows: Iterable[Sequence[str]], *, heads: Sequence[str] = ()) -> None:
    """Print columns side by side.

    Args:
        rows: cells, taken as they are.
        heads: of the columns; none is printed without them.
    """
    # Lines of a pipe have no end to be wrapped at: they are searched, or pasted into a report.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table(*heads, box=None, pad_edge=False, show_header=bool(heads))
    for row in rows:
        # Text is not searched for markup: a path may hold brackets.
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    with console.capture() as printed:
        console.print(table)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def size_text(size: float) -> str:
    """Bytes as a person reads them, such as 1.5 GiB."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
