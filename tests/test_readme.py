"""README is short, begins with what no other model has, and quotes figures that are measured."""

from __future__ import annotations

import re
from typing import Final

import pytest

from demo.picture import PICTURES
from demo.running import REPOSITORY

README: Final = (REPOSITORY / "README.md").read_text(encoding="utf-8")
MOST_WORDS: Final = 900
#: Figures by the page that they are quoted from, as they are written there.
QUOTED: Final = {
    "results": (
        ("4.1 % [3.2, 5.1]", "better by +4.1 % [+3.2, +5.1] than the volatility table"),
        ("22 of 22 months", "| 22 of 22 | +0.064 % [+0.046, +0.082] |"),
        ("+0.064 % [0.046, 0.082]", "+0.064 % [+0.046, +0.082] | -0.125 % [-0.144, -0.106] |"),
        ("0.125 %", "-0.125 % [-0.144, -0.106]"),
        ("0.10 % a side", "after 0.1 % fee and 0 % slippage a side"),
        ("240 markets without direction", "240 markets of the kinds"),
    ),
    "benchmarks": (("26 million candles takes 133 MiB", "a network of 4 units, 214 s) | 133 MiB"),),
    "hardware": (("3.5 minutes and 4.2 GB", "at most 4.2 GB (measured once, 3.5 minutes"),),
}


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= MOST_WORDS


def test_that_backtest_and_live_agree_stands_first() -> None:
    promises = re.findall(r"^\d\. \*\*(.+?)\.\*\*", README, re.MULTILINE)
    assert promises == ["Backtest = live, proved", "No leakage", "Bounded memory", "Honest numbers"]


def test_the_picture_is_there_for_every_theme_and_width() -> None:
    shown = re.findall(r'src(?:set)?="docs/pictures/(.+?)"', README)
    assert sorted(shown) == sorted(PICTURES)
    assert README.index("<picture>") < README.index("## ")


@pytest.mark.parametrize(
    ("page", "quote", "source"),
    [(page, *pair) for page, pairs in QUOTED.items() for pair in pairs],
)
def test_figures_are_those_of_the_pages(page: str, quote: str, source: str) -> None:
    assert quote in " ".join(README.split())
    assert source in (REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8")


def test_false_alarms_are_those_of_the_study() -> None:
    """Of all lengths, before fees and after them."""
    text = " ".join(README.split())
    results = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    part = results.split("### Where there is nothing to find")[1]
    rows = re.findall(r"^\| \d+ \| \d+ \| .+?% \| (\d+) of 240 \| .+?% \| (\d+) \|", part, re.M)
    assert len(rows) == 5
    before, after = (sum(int(row[at]) for row in rows) for at in (0, 1))
    assert f"five lengths each, {after} false alarm after fees, {before} before" in text
