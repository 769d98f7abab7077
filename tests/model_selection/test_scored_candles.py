"""A part of the candles knows nothing of the others, and outages are not asked about."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from dualwindow.confidence.calibration import Calibrated
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan
from dualwindow.model_selection.scored_candles import pair_probabilities, part_of, score_candles
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles

CONFIG = TrainingConfig(window_size=10, future_window=5, max_flat_candles=3)
EVERY = SimpleNamespace(
    probabilities=lambda _features, rows, **_words: np.tile(
        np.float32([0.2, 0.3, 0.5]), (len(rows), 1)
    ),
    calibrated=lambda own, config: Calibrated.from_probabilities(
        own, config.calibration, 1.0, np.log([2.0, 4.0])
    ),
)


def test_every_row_with_a_full_window_is_scored_and_parts_end_where_they_end(
    tmp_path: Path,
) -> None:
    frame = random_candles(100)
    path = tmp_path / "BTC_USDT-1m.feather"
    # Eight minutes are missing, more than are allowed; freqtrade fills them in.
    frame.drop(index=range(40, 48)).reset_index(drop=True).to_feather(path)
    seconds = utc_seconds(frame["date"])
    source = CandleSource("BTC/USDT", path, DateRange(int(seconds[20]), int(seconds[-1]) + 60))
    # The store begins a window before the period.
    rows = seconds[11:]
    labels = np.ones(len(rows), np.int8)
    features = np.zeros((len(rows), 1), np.float32)
    span = PairSpan("BTC/USDT", 0, len(rows))
    dataset = Dataset(("f",), rows, features, labels, (span,), 60, ClassIndex(labels))
    found = pair_probabilities(EVERY, dataset, span, source, CONFIG, should_stop=lambda: False)
    prior = CONFIG.replace(calibration="prior")
    corrected = pair_probabilities(EVERY, dataset, span, source, prior, should_stop=lambda: False)
    # 0.4, 0.3 and 2, over their sum: thresholds are chosen on what the bot compares them with.
    expected = np.where(np.isnan(found), np.nan, np.array([0.4, 0.3, 2.0]) / 2.7)
    np.testing.assert_allclose(corrected, expected, rtol=1e-6)
    valid = ~np.isnan(found).any(axis=1)
    # Windows of ten: none before row 20, none with four flat candles of those from 40 to 47.
    wanted = [row >= 20 and not 43 <= row <= 53 for row in range(11, 100)]
    np.testing.assert_array_equal(valid, wanted)

    evaluated = score_candles(source, dataset, span, found, funding=True)
    np.testing.assert_array_equal(evaluated.candles.seconds, seconds[20:])
    np.testing.assert_array_equal(np.isnan(evaluated.probabilities[:, 0]), ~valid[9:])
    part = part_of(evaluated, DateRange(int(seconds[60]), int(seconds[80])), CONFIG.future_window)
    np.testing.assert_array_equal(part.candles.seconds, seconds[60:80])
    np.testing.assert_array_equal(part.candles.high, frame["high"].to_numpy()[60:80])
    assert part.labels.tolist() == [1] * 15 + [-1] * 5
    assert len(part.probabilities) == 20
