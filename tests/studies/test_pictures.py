"""The pictures of the docs are what the code draws, small, and readable on light and dark pages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from demo.running import REPOSITORY
from studies.pictures import COLORS, FOLDER, PICTURES

#: Pages on which they are shown.
PAGES = ("#ffffff", "#0d1117")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_code_draws(name: str) -> None:
    drawn, kept = PICTURES[name](), (FOLDER / name).read_text(encoding="utf-8")
    # Another processor may round another way.
    numbers = re.compile(r"-?\d+\.\d+")
    assert numbers.sub("", drawn) == numbers.sub("", kept)
    pairs = zip(numbers.findall(drawn), numbers.findall(kept), strict=True)
    assert all(abs(float(one) - float(other)) <= 0.2 for one, other in pairs)
    ElementTree.fromstring(kept)
    assert len(kept.encode()) < 50_000


def test_every_picture_is_shown_and_every_shown_one_is_drawn() -> None:
    page = (REPOSITORY / "docs" / "track-record.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(pictures/(\S+)\)", page)) == set(PICTURES)
    assert {path.name for path in FOLDER.iterdir()} == set(PICTURES)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", COLORS)
def test_colors_stand_out_from_both_pages(name: str, page: str) -> None:
    """Contrast as WCAG 2 defines it: 3 for lines, 4 for letters of this size."""
    light, dark = sorted((luminance(COLORS[name]), luminance(page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= (4.0 if name == "text" else 3.0)


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
