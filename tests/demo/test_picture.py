"""The demo's picture is well formed, legible in both themes, and nothing in it overlaps."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.curves import Curves
from demo.picture import COLORS, NARROW, PICTURES, WIDE, Layout, Panel, Theme, apart, picture
from demo.running import REPOSITORY
from tests.makers.contrast import contrast

FOLDER = REPOSITORY / "docs" / "pictures"
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}
#: A letter's width and height in a wide font, as shares of its size.
LETTER = (0.6, 0.75)


def curves(model: float, coin: float, oracle: float) -> Curves:
    days = np.linspace(0.0, 30.0, 31)
    share = days / days[-1]
    band = np.sqrt(share) * 20.0
    return Curves(
        days=days,
        model=model * share,
        low=coin * share - band,
        mean=coin * share,
        high=coin * share + band,
        oracle=oracle * share,
        oracle_trades=round(abs(oracle)),
    )


def panels(*ends: tuple[float, float, float]) -> list[Panel]:
    return [
        Panel(
            "Market without a drift",
            "Not enough data to tell",
            is_found=False,
            figures="-0.12 % a trade [-0.21, -0.04], 1,336 trades",
            curves=curves(*own),
        )
        for own in ends
    ]


percents = st.tuples(st.floats(-150.0, 200.0), st.floats(-60.0, 20.0), st.floats(0.0, 400.0))


@given(st.lists(percents, min_size=2, max_size=2), st.sampled_from([WIDE, NARROW]))
def test_no_words_overlap_or_leave_the_picture(
    ends: list[tuple[float, float, float]], layout: Layout
) -> None:
    root = ElementTree.fromstring(picture(panels(*ends), "light", layout))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [box(element, layout) for element in root.findall("svg:text", NAMESPACE)]
    for words, left, top, right, bottom in boxes:
        assert 0.0 <= left <= right <= width, words
        assert 0.0 <= top <= bottom <= height, words
    for one, other in combinations(boxes, 2):
        apart_across = one[3] <= other[1] or other[3] <= one[1]
        apart_down = one[4] <= other[2] or other[4] <= one[2]
        assert apart_across or apart_down, (one, other)


def box(element: ElementTree.Element, layout: Layout) -> tuple[str, float, float, float, float]:
    """Words and the rectangle that they take: left, top, right, bottom."""
    words = element.text or ""
    scale = {"title": 1.15, "good": 1.5, "bad": 1.5}.get(element.attrib["class"], 1.0)
    size = layout.size * scale
    width = len(words) * size * LETTER[0]
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[element.attrib["text-anchor"]]
    return words, left, y - size * LETTER[1], left + width, y


def test_the_axes_of_both_panels_are_equal() -> None:
    drawn = picture(panels((60.0, -10.0, 160.0), (-40.0, -30.0, 0.0)), "light", WIDE)
    ticks = re.findall(r'x="([\d.]+)" y="([\d.]+)" text-anchor="end">(\S+ %)<', drawn)
    left = [(y, name) for x, y, name in ticks if float(x) < WIDE.width / 2]
    right = [(y, name) for x, y, name in ticks if float(x) > WIDE.width / 2]
    assert left == right
    assert [name for _, name in left if name.startswith("0")] == ["0 %"]


@given(
    st.lists(st.floats(0.0, 300.0), min_size=1, max_size=5).map(sorted),
    st.floats(1.0, 40.0),
)
def test_names_keep_their_distance_and_move_no_further_than_they_must(
    wanted: list[float], room: float
) -> None:
    places = apart(wanted, room, (-1000.0, 1000.0))
    assert all(after - before >= room - 1e-6 for before, after in pairwise(places))
    if all(after - before >= room for before, after in pairwise(wanted)):
        assert places == pytest.approx(wanted)
    inside = apart(wanted, room, (50.0, 250.0))
    assert min(inside) >= 50.0
    assert max(inside) <= 250.0
    assert all(after - before >= room - 1e-6 for before, after in pairwise(inside))


@pytest.mark.parametrize("theme", COLORS)
def test_letters_and_curves_stand_out_from_the_page(theme: Theme) -> None:
    colors = COLORS[theme]
    for name in ("text", "muted", "model", "oracle", "coin", "good", "bad"):
        assert contrast(colors[name], colors["page"]) >= 4.5, name


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_docs_show_both_verdicts(name: str) -> None:
    kept = (FOLDER / name).read_bytes()
    assert len(kept) < 200_000
    ElementTree.fromstring(kept)
    words = kept.decode()
    assert "Market with a drift: Edge found" in words
    assert "Market without a drift: No edge worth the fees" in words
    assert name in (REPOSITORY / "README.md").read_text(encoding="utf-8")
