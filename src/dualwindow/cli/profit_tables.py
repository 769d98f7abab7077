"""What decisions would have earned, as a table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.figures import AfterFees
from dualwindow.report.tables import profit_table


def print_profit(console: Console, figures: AfterFees | None) -> None:
    """Show trades after fees beside other sides at the same entries; nothing without figures."""
    if figures is None:
        return
    content = profit_table(figures)
    if content is not None:
        table = Table(title="one position at a time, after fees, 95 % intervals")
        for at, head in enumerate(content.heads):
            table.add_column(head, justify="right" if at else "left")
        for row in content.rows:
            table.add_row(*row)
        console.print(table)
    lines = figures.lines()
    if figures.sides is not None:
        # The table has the profits.
        lines = [lines[0], figures.sides.lines()[-1], lines[-1]]
    for line in lines:
        console.print(line, markup=False)
