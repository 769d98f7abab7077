"""What is trained on outside the bot has the bot's features, for the same candles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.data.history import load_pair_history
from freqtrade.enums import CandleType

from dualwindow.columns import (
    BASE,
    EXTENDED,
    EXTENDED_FEATURES,
    SUMMARY,
    SUMMARY_FEATURES,
    FeatureSet,
    candles_looked_at,
)
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.timerange import DateRange, utc_text
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.features.candle_arrays import read_candles
from dualwindow.settings import TrainingConfig
from dualwindow.settings.lookback import buffer_seconds
from tests.makers.bot import FEATURE_SETS, make_bot

PERIODS = (1440, 43200)
OUTAGE = "binance-spot-2023-03-16_2023-05-05-gap80"
#: Folder of real candles, trading mode, pair, averages, and two days after these are complete.
MARKETS = [
    ("binance-futures-2025-05-04_2025-06-24", "futures", "BTC/USDT:USDT", PERIODS, "2025-06-15"),
    # The outage lies in the buffer.
    (OUTAGE, "spot", "BTC/USDT", PERIODS, "2023-04-20"),
    # In the period.
    (OUTAGE, "spot", "BTC/USDT", (1440,), "2023-03-24"),
]


@pytest.mark.parametrize("history", ["the buffer", "everything"])
@pytest.mark.parametrize(("folder", "mode", "pair", "periods", "first_day"), MARKETS)
@pytest.mark.parametrize("feature_set", [*FEATURE_SETS, SUMMARY])
def test_features_of_a_period_are_those_of_the_bots_hooks(
    folder: str,
    mode: str,
    pair: str,
    periods: tuple[int, ...],
    first_day: str,
    feature_set: FeatureSet,
    history: str,
    shared_data: Path,
    tmp_path: Path,
) -> None:
    if feature_set == SUMMARY and max(periods) < candles_looked_at(SUMMARY):
        first_day = "2023-04-20"
    config = TrainingConfig(feature_set=feature_set)
    first = DateRange.from_dates(first_day, None, None, newest=2**31).first
    assert first is not None
    timerange = DateRange(first, first + 2 * 86_400)
    sources = find_sources([pair], shared_data / folder, trading_mode=mode, timerange=timerange)
    dataset = prepare_store(sources, config, tmp_path / "stores", periods=periods).dataset

    begin = first - buffer_seconds(config, periods, 60) if history == "the buffer" else 0
    loaded = load_pair_history(
        pair,
        "1m",
        shared_data / folder,
        timerange=TimeRange("date" if begin else None, "date", begin, first + 2 * 86_400),
        data_format="feather",
        candle_type=CandleType.FUTURES if mode == "futures" else CandleType.SPOT,
    )
    bot = make_bot(
        tmp_path / "user", {"feature_set": feature_set}, periods=periods, spot=mode == "spot"
    )
    frame = bot.features(loaded, pair)
    columns = [column for column in frame.columns if column.startswith("%-")]
    candles = read_candles(frame, columns, pair, "1m")
    at = np.searchsorted(candles.seconds, dataset.seconds)
    np.testing.assert_array_equal(candles.seconds[at], dataset.seconds)
    assert candles.names == dataset.names
    more = {BASE: 0, EXTENDED: len(EXTENDED_FEATURES), SUMMARY: len(SUMMARY_FEATURES)}
    assert len(dataset.names) == 4 + 2 * len(periods) + more[feature_set]
    assert np.isfinite(dataset.features).all(), utc_text(first)
    np.testing.assert_allclose(dataset.features, candles.features[at], atol=1e-6)
    # Everything in the period with a future is trained on, and nothing before it.
    rows = dataset.labelled().all_rows()
    assert dataset.seconds[rows[0]] == first
    silent = (loaded["volume"].to_numpy() == 0)[np.searchsorted(candles.seconds, dataset.seconds)]
    assert silent.any() == (first_day == "2023-03-24")
    if not silent.any():
        assert len(rows) == 2880 - config.future_window
