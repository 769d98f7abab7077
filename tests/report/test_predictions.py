from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CALIBRATION_COLUMNS, CLASS_NAMES, LABEL_COLUMN
from dualwindow.confidence.calibration import Calibration
from dualwindow.report.predictions import Predictions, read_predictions, thinned, weekly
from tests.makers.reports import MONDAY, PAIR, prediction_frame


@given(
    rows=st.integers(1, 300),
    most=st.integers(1, 40),
    holes=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_thinning_keeps_peaks_and_counts_whatever_the_history(
    rows: int, most: int, holes: int, seed: int
) -> None:
    frame = prediction_frame(rows, seed=seed)
    # A hole of days is a stretch without candles, not a point of its own.
    frame.loc[frame.index >= rows // 2, "date"] += pd.Timedelta(days=holes)
    found = thinned(PAIR, Predictions.from_frame(frame), most)
    assert 1 <= len(found.begin) <= most
    assert {len(each) for each in (found.short, found.long, found.usable)} == {len(found.begin)}
    usable = frame[frame["do_predict"] == 1]
    assert found.candles == rows
    assert found.unusable == rows - len(usable)
    assert sum(found.usable) == len(usable)
    assert sum(found.said_short) == (usable[LABEL_COLUMN] == "SHORT").sum()
    assert sum(found.said_long) == (usable[LABEL_COLUMN] == "LONG").sum()
    for side, values in (("SHORT", found.short), ("LONG", found.long)):
        peaks = [value for value in values if value is not None]
        assert bool(peaks) == bool(len(usable))
        if peaks:
            assert max(peaks) == pytest.approx(usable[side].max(), abs=1e-4)
    assert np.all(np.diff(found.begin) > 0)


def test_probabilities_are_shown_as_the_thresholds_beside_them_see_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = prediction_frame(50)
    model = Calibration((0.1, 0.8, 0.1), (0.3, 0.4, 0.3), 1.5)
    terms = dict(zip(CALIBRATION_COLUMNS, (model.sharpness, *model.shifts), strict=True))
    frame.assign(**terms).to_feather(tmp_path / "cb_btc_1_prediction.feather")
    own = frame[list(CLASS_NAMES)].to_numpy()
    for kind, expected in (
        ("none", own),
        ("prior", model.prior_corrected(own)),
        ("temperature", model.temperature_scaled(own)),
    ):
        found = read_predictions(tmp_path, kind)["btc"]
        np.testing.assert_allclose(found.probabilities, expected)
    frame.to_feather(tmp_path / "cb_eth_1_prediction.feather")
    assert set(read_predictions(tmp_path)) == {"btc", "eth"}
    assert set(read_predictions(tmp_path, "prior")) == {"btc"}
    assert "cb_eth_1_prediction.feather is left out" in caplog.text


@given(
    offsets=st.lists(st.tuples(st.integers(0, 60 * 86_400), st.integers(-1, 2)), max_size=40),
    parts=st.integers(1, 4),
)
def test_weeks_are_those_of_the_calendar(offsets: list[tuple[int, int]], parts: int) -> None:
    expected: dict[int, list[int]] = {}
    for offset, code in offsets:
        if code >= 0:
            day = datetime.fromtimestamp(MONDAY + offset, UTC).replace(hour=0, minute=0, second=0)
            monday = int((day - timedelta(days=day.weekday())).timestamp())
            expected.setdefault(monday, [0, 0, 0])[code] += 1
    seconds = np.array([MONDAY + offset for offset, _ in offsets], np.int64)
    codes = np.array([code for _, code in offsets], np.int8)
    split = zip(np.array_split(seconds, parts), np.array_split(codes, parts), strict=True)
    found = weekly("labels", split)
    if not expected:
        assert found is None
        return
    assert found is not None
    assert found.begin == sorted(expected)
    for code, name in enumerate(CLASS_NAMES):
        assert found.counts[name] == [expected[week][code] for week in found.begin]


def test_slices_are_joined_and_what_cannot_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = prediction_frame(20)
    # The null frame of an early version: no class, and some slices overlap.
    frame[LABEL_COLUMN] = frame[LABEL_COLUMN].astype(object)
    frame.iloc[10:].to_feather(tmp_path / "cb_btc_2_prediction.feather")
    older = frame.iloc[:12].reset_index(drop=True).assign(LONG=0.5)
    older.to_feather(tmp_path / "cb_btc_1_prediction.feather")
    (tmp_path / "cb_eth_1_prediction.feather").write_bytes(b"ARROW1 half a file")
    (tmp_path / "other.feather").write_bytes(b"")
    found = read_predictions(tmp_path)
    assert list(found) == ["btc"]
    assert found["btc"].seconds.tolist() == [MONDAY + 60 * row for row in range(20)]
    # Where slices overlap, that of the newer model counts.
    assert (found["btc"].probabilities[:, 2] == 0.5).nonzero()[0].tolist() == list(range(10))
    assert "cb_eth_1_prediction.feather" in caplog.text
    assert read_predictions(tmp_path / "nothing") == {}
