"""Features of a stream are those of the whole, in the order of the bot's hooks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import EXTENDED_FEATURES, SUMMARY_FEATURES, FeatureSet, candles_looked_at
from dualwindow.data.features import summary
from dualwindow.data.features.base import change_features
from dualwindow.data.features.feature_sets import FeatureStream, standard_features
from tests.makers.markets import cuts, random_candles
from tests.makers.slow_features import EXTENDED


@given(data=st.data(), seed=st.integers(0, 9), feature_set=st.sampled_from(["base", "extended"]))
@settings(max_examples=40)
def test_all_features_are_the_same_to_the_last_bit_wherever_the_candles_are_cut(
    data: st.DataObject, seed: int, feature_set: FeatureSet
) -> None:
    candles = random_candles(3100, seed, nan=[(40, 1)], flat=[(300, 200)])
    stream = FeatureStream((50, 1500), feature_set)
    parts = [
        stream.update(candles.iloc[a:b])
        for a, b in itertools.pairwise(data.draw(cuts(len(candles))))
    ]
    whole = FeatureStream((50, 1500), feature_set).update(candles)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert np.isfinite(whole[-1000:]).all()


@given(data=st.data(), seed=st.integers(0, 9))
@settings(max_examples=15)
def test_a_summary_is_the_same_to_the_last_bit_wherever_the_candles_are_cut(
    data: st.DataObject, seed: int
) -> None:
    rows = candles_looked_at("summary") + 700
    candles = random_candles(rows, seed, nan=[(40, 1), (rows - 300, 2)], flat=[(19_000, 200)])
    stream = FeatureStream((50, 1500), "summary")
    ends = data.draw(cuts(rows) | st.just([0, *range(rows - 40, rows + 1)]))
    parts = [stream.update(candles.iloc[a:b]) for a, b in itertools.pairwise(ends)]
    whole = FeatureStream((50, 1500), "summary").update(candles)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert np.isfinite(whole[-290:]).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "_ROWS_AT_ONCE", data.draw(st.integers(1000, 9000)))
        in_parts = FeatureStream((50, 1500), "summary").update(candles)
    assert in_parts.tobytes() == whole.tobytes()
    # Nor where they begin, as in a running bot.
    later = FeatureStream((50, 1500), "summary").update(candles.iloc[500:])
    wide = -len(SUMMARY_FEATURES)
    assert later[-200:, wide:].tobytes() == whole[-200:, wide:].tobytes()


@pytest.mark.parametrize(
    ("feature_set", "more"), [("extended", EXTENDED_FEATURES), ("summary", SUMMARY_FEATURES)]
)
def test_the_hooks_and_the_stream_make_the_same_features_in_the_same_order(
    feature_set: FeatureSet, more: tuple[str, ...]
) -> None:
    candles = random_candles(1700, 1)
    hooks = change_features(candles) | standard_features(candles, (50, 7), feature_set)
    stream = FeatureStream((50, 7), feature_set)
    assert stream.names == tuple(hooks)
    assert stream.names[8:] == more
    assert EXTENDED == EXTENDED_FEATURES
    table = np.column_stack(list(hooks.values())).astype(np.float32)
    assert stream.update(candles).tobytes() == table.tobytes()
