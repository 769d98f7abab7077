"""The pictures of the docs are what the code draws, small, and readable on light and dark pages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from demo import picture as demo_picture
from demo.running import REPOSITORY
from studies.pictures import COLORS, FOLDER, PICTURES
from tests.makers.contrast import contrast

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
    assert {path.name for path in FOLDER.iterdir()} == {*PICTURES, *demo_picture.PICTURES}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", COLORS)
def test_colors_stand_out_from_both_pages(name: str, page: str) -> None:
    """3 for lines, 4 for letters of this size."""
    assert contrast(COLORS[name], page) >= (4.0 if name == "text" else 3.0)
