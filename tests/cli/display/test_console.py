"""Plain tables and sizes: cells are printed unchanged."""

from __future__ import annotations

import sys

import pytest

from dualwindow.cli.display.console import console_of, figure_table, print_table, size_text


def test_a_cell_is_neither_markup_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table([("[bold]pair[/bold]", "1"), (long, "2")], heads=("what", "count"))
    printed = capsys.readouterr().out
    assert "[bold]pair[/bold]" in printed
    assert printed.count("x") == 300


def test_a_figure_in_brackets_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets with words alone, which markup would take for a style and drop."""
    rows = [("model", "+0.128 % [too few days]", "-10.00% [unknown]")]
    console_of(sys.stdout).print(figure_table("[until now]", ("sides", "[a]", "skill"), rows))
    printed = capsys.readouterr().out
    for text in ("[until now]", "[a]", "+0.128 % [too few days]", "-10.00% [unknown]"):
        assert text in printed


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (3 * 2**40, "3.0 TiB"),
        (5000 * 2**40, "5000.0 TiB"),
    ],
)
def test_sizes_are_read_at_a_glance(size: float, text: str) -> None:
    assert size_text(size) == text
