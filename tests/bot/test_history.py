"""A live bot's features are those of the whole history, however little it is handed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.converter import ohlcv_fill_up_missing_data
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.bot import history as live_history
from dualwindow.bot.history import features_with_history, joined_history
from dualwindow.columns import EXTENDED_FEATURES, SUMMARY_FEATURES, FeatureSet, candles_looked_at
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import impossible_candles
from dualwindow.data.features.feature_sets import standard_features
from tests.makers.impossible import IMPOSSIBLE, as_missing, planted
from tests.makers.markets import random_candles

PERIODS = (7, 40)
LONG_AGO = pd.Timestamp("2000-01-01", tz="UTC")


def candles_of(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, rows)))
    return pd.DataFrame(
        {
            "date": pd.date_range("2026-01-01", periods=rows, freq="min", tz="UTC"),
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "volume": rng.exponential(5.0, rows),
        }
    )


def whole_features(candles: pd.DataFrame) -> dict[str, np.ndarray]:
    return standard_features(candles, PERIODS, "extended")


def assert_same_end(found: dict[str, np.ndarray], whole: dict[str, np.ndarray], rows: int) -> None:
    assert list(found) == list(whole)
    for name, values in found.items():
        assert len(values) == rows
        np.testing.assert_allclose(values, whole[name][-rows:], rtol=1e-12, atol=1e-13)


@given(
    rows=st.integers(1, 150),
    handed=st.integers(1, 150),
    overlap=st.integers(0, 150),
    seed=st.integers(0, 9),
)
def test_the_newest_candles_have_the_features_of_the_whole_history(
    rows: int, handed: int, overlap: int, seed: int
) -> None:
    whole = candles_of(rows, seed)
    handed = min(handed, rows)
    newest = whole.iloc[-handed:].reset_index(drop=True)
    history = whole.iloc[: rows - handed + min(overlap, handed)]
    found = features_with_history(newest, history, PERIODS, "extended")
    assert_same_end(found, whole_features(whole), handed)


@pytest.mark.parametrize(("handed", "before"), [(499, 1440), (499, 3000), (20, 1440), (1, 1440)])
def test_a_day_that_was_not_handed_over_comes_from_the_history(handed: int, before: int) -> None:
    whole = candles_of(handed + before)
    newest, history = whole.iloc[before:], whole.iloc[: before + 10]
    found = features_with_history(newest, history, PERIODS, "extended")
    assert all(np.isfinite(values).all() for values in found.values())
    assert_same_end(found, whole_features(whole), handed)
    short = features_with_history(newest, history.iloc[1:], (7,), "extended")
    assert np.isnan(short["rms_change1440"][0]) == (before == 1440)


def test_a_history_that_ends_after_the_candles_changes_none_of_their_features() -> None:
    # As when the newest candles are taken away to see whether a feature looks ahead.
    whole = candles_of(2200)
    found = features_with_history(whole.iloc[1700:1800], whole, PERIODS, "extended")
    expected = {name: values[:1800] for name, values in whole_features(whole).items()}
    assert_same_end(found, expected, 100)


@pytest.mark.parametrize("feature_set", ["base", "extended", "summary"])
def test_each_set_has_its_features(feature_set: FeatureSet) -> None:
    whole = candles_of(50)
    found = features_with_history(whole, None, (7,), feature_set)
    more = {"base": (), "extended": EXTENDED_FEATURES, "summary": SUMMARY_FEATURES}
    assert tuple(found) == ("price_to_ma7", "volume_to_ma7", *more[feature_set])
    assert tuple(features_with_history(whole[:0], whole, (7,), feature_set)) == tuple(found)


@pytest.mark.parametrize("dtype", ["datetime64[ms, UTC]", "datetime64[us, UTC]", object])
def test_the_dates_may_be_of_any_type(dtype: str | type) -> None:
    whole = candles_of(100)
    history = whole.iloc[:80].assign(date=whole["date"].iloc[:80].astype(dtype))
    found = features_with_history(whole.iloc[60:], history, PERIODS, "extended")
    assert_same_end(found, whole_features(whole), 40)


def test_dates_of_a_file_and_of_a_running_bot_are_joined_without_python_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Feather files have this kind of time zone, freqtrade's live candles the other and this unit.
    whole = candles_of(100)
    dates = whole["date"].dt.tz_convert(ZoneInfo("UTC")).dt.as_unit("ms")
    history = whole.assign(date=dates).iloc[:80]
    newest = whole.assign(date=whole["date"].dt.as_unit("us")).iloc[60:]
    seen = []

    def watched(given: pd.Series) -> np.ndarray:
        seen.append(given.dtype)
        return utc_seconds(given)

    monkeypatch.setattr(live_history, "utc_seconds", watched)
    found = features_with_history(newest, history, PERIODS, "extended")
    assert seen
    assert object not in seen
    assert_same_end(found, whole_features(whole), 40)
    joined = joined_history(history, newest, LONG_AGO)
    assert str(joined["date"].dtype) == "datetime64[ms, UTC]"


@given(missing=st.sets(st.integers(1, 118), max_size=60), handed=st.integers(1, 60))
def test_missing_minutes_count_as_freqtrade_fills_them(missing: set[int], handed: int) -> None:
    whole = candles_of(120).drop(index=sorted(missing)).reset_index(drop=True)
    filled = ohlcv_fill_up_missing_data(whole, "1m", "BTC/USDT")
    expected = whole_features(filled)
    rows = filled["date"].isin(whole["date"].iloc[-handed:]).to_numpy()
    found = features_with_history(whole.iloc[-handed:], whole.iloc[:-handed], PERIODS, "extended")
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name][rows], rtol=1e-12, atol=1e-13)


@given(
    missing=st.sets(st.integers(1, 21_000), max_size=300),
    impossible=st.dictionaries(
        st.integers(1, 21_160), st.sampled_from(sorted(IMPOSSIBLE)), max_size=5
    ),
    unknown_start=st.integers(0, 9),
    handed=st.integers(1, 500),
    overlap=st.integers(0, 500),
)
@settings(max_examples=15, deadline=None)
def test_a_summary_is_that_of_the_whole_history_to_the_last_bit(
    missing: set[int], impossible: dict[int, str], unknown_start: int, handed: int, overlap: int
) -> None:
    # More candles than are looked at, so that the history is cut, before impossible ones too.
    looked_at = candles_looked_at("summary")
    market = random_candles(looked_at + 1000)
    given_ = market.index.drop(sorted(missing))
    cut = max(len(given_) - handed - looked_at, 1)
    impossible |= dict.fromkeys(given_[cut : cut + unknown_start], "prices of 0")
    whole = planted(market, impossible).loc[given_]
    history = whole.iloc[: len(whole) - handed + min(overlap, handed)]
    found = features_with_history(whole.iloc[-handed:], history, PERIODS, "summary")
    filled = as_missing(market, sorted({*missing, *impossible}))
    expected = standard_features(filled, PERIODS, "summary")
    unknown = impossible_candles(whole)
    unknown[1:] |= unknown[:-1].copy()
    for name in SUMMARY_FEATURES:
        wanted = np.where(unknown, np.nan, expected[name][whole.index])[-handed:]
        # As every model reads it.
        assert found[name].tobytes() == wanted.astype(np.float32).tobytes(), name


def test_without_a_history_the_first_candles_have_no_average() -> None:
    candles = candles_of(50)
    for history in (None, candles.iloc[:0], candles):
        assert_same_end(
            features_with_history(candles, history, PERIODS, "extended"),
            whole_features(candles),
            50,
        )


def test_a_candle_that_came_late_replaces_the_one_that_stood_in_for_it() -> None:
    whole = candles_of(100)
    history = whole.copy()
    history.loc[70, ["close", "volume"]] = [1.0, 0.0]
    joined = joined_history(history, whole.iloc[50:], LONG_AGO)
    pd.testing.assert_frame_equal(joined.drop(columns="date"), whole.drop(columns="date"))
    assert (joined["date"] == whole["date"]).all()


@given(cut=st.integers(1, 99), start=st.integers(0, 99), kept=st.integers(0, 99))
def test_joining_leaves_no_candle_twice_and_none_too_old(cut: int, start: int, kept: int) -> None:
    whole = candles_of(100)
    start = min(start, cut)
    joined = joined_history(whole.iloc[:cut], whole.iloc[start:], whole["date"].iloc[kept])
    assert joined["date"].is_monotonic_increasing
    assert joined["date"].is_unique
    assert str(joined["date"].dtype) == "datetime64[ms, UTC]"
    # What the exchange just delivered is never dropped.
    first = min(start, kept)
    assert (joined["date"].to_numpy() == whole["date"].iloc[first:].to_numpy()).all()


def test_joining_to_nothing_gives_the_newest() -> None:
    whole = candles_of(10)
    assert len(joined_history(whole.iloc[:0], whole, LONG_AGO)) == 10
