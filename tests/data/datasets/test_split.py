from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.columns import average_features
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import Split, split_dataset, split_for_training
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from tests.makers.datasets import START, dataset_of

some_rows = st.lists(st.sampled_from([True, True, False]), min_size=50, max_size=90).map(
    lambda flags: np.array(flags, np.bool_)
)


@dataclass(frozen=True)
class Rows:
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    purged: int


def split_rows(usable: NDArray[np.bool_], fraction: float, future: int) -> Rows:
    """The split of one pair whose rows marked here have a class."""
    labels = np.where(usable, np.arange(len(usable)) % 3, -1)
    split = split_dataset(dataset_of(labels), validation_fraction=fraction, future_window=future)
    for part in (split.train, split.validation):
        assert len(part) == len(part.all_rows()) == part.counts.sum()
    return Rows(split.train.all_rows(), split.validation.all_rows(), split.purged)


def split_or_skip(usable: NDArray[np.bool_], fraction: float, future: int) -> Rows:
    try:
        return split_rows(usable, fraction, future)
    except DataError:
        assume(False)
        raise


@given(usable=some_rows, fraction=st.floats(0.01, 0.5), future=st.integers(1, 15))
def test_no_training_labels_future_reaches_into_validation(
    usable: NDArray[np.bool_], fraction: float, future: int
) -> None:
    split = split_or_skip(usable, fraction, future)
    looked_at = {int(row) + step for row in split.train for step in range(future + 1)}
    assert not looked_at & set(split.validation.tolist())
    assert max(looked_at) < split.validation[0]


@given(usable=some_rows, fraction=st.floats(0.01, 0.5), future=st.integers(1, 15))
def test_every_usable_row_trains_validates_or_is_purged_for_its_future(
    usable: NDArray[np.bool_], fraction: float, future: int
) -> None:
    split = split_or_skip(usable, fraction, future)
    rows = np.flatnonzero(usable)
    kept = np.concatenate([split.train, split.validation])
    assert (np.diff(kept) > 0).all()
    assert kept.dtype == np.int64
    dropped = sorted(set(rows.tolist()) - set(kept.tolist()))
    assert set(kept.tolist()) <= set(rows.tolist())
    assert len(dropped) == split.purged
    # Only what must go goes.
    first = split.validation[0]
    assert all(first - future <= row < first for row in dropped)


@given(usable=some_rows, fraction=st.floats(0.01, 0.5))
def test_validation_is_the_newest_share_of_the_usable_rows(
    usable: NDArray[np.bool_], fraction: float
) -> None:
    split = split_or_skip(usable, fraction, 1)
    rows = np.flatnonzero(usable)
    count = max(round(len(rows) * fraction), 1)
    assert split.validation.tolist() == rows[-count:].tolist()


def test_a_known_split() -> None:
    split = split_rows(np.ones(100, np.bool_), 0.2, 5)
    assert split.validation.tolist() == list(range(80, 100))
    # Row 74 looks at rows 75 to 79, row 75 would look at row 80.
    assert split.train.tolist() == list(range(75))
    assert split.purged == 5


def test_a_hole_before_validation_is_purge_enough() -> None:
    usable = np.ones(100, np.bool_)
    usable[70:80] = False
    split = split_rows(usable, 20 / 90, 10)
    assert split.validation[0] == 80
    assert split.train.tolist() == list(range(70))
    assert split.purged == 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_are_refused_with_their_number(count: int) -> None:
    usable = np.zeros(50, np.bool_)
    usable[:count] = True
    with pytest.raises(DataError, match=f"only {count} candles? .* train on more days"):
        split_rows(usable, 0.15, 5)


def test_a_purge_that_leaves_nothing_is_refused_with_the_setting() -> None:
    with pytest.raises(DataError, match=r"none of 40 .* future_window 60 .* more days"):
        split_rows(np.ones(50, np.bool_), 0.2, 60)


@st.composite
def market_of_pairs(draw: st.DrawFn) -> tuple[NDArray[np.int8], list[int], NDArray[np.int64]]:
    """Labels, rows a pair and dates (minutes) of pairs that begin and end at different times."""
    lengths = draw(st.lists(st.integers(0, 60), min_size=1, max_size=4))
    first = draw(st.lists(st.integers(0, 80), min_size=len(lengths), max_size=len(lengths)))
    minutes = [START + at + np.arange(length) for at, length in zip(first, lengths, strict=True)]
    seed = draw(st.integers(0, 2**16))
    labels = np.random.default_rng(seed).integers(-1, 3, sum(lengths)).astype(np.int8)
    return labels, lengths, np.concatenate(minutes)


@given(market=market_of_pairs(), fraction=st.floats(0.01, 0.5), future=st.integers(1, 15))
def test_one_moment_divides_all_pairs_and_no_future_reaches_it(
    market: tuple[NDArray[np.int8], list[int], NDArray[np.int64]], fraction: float, future: int
) -> None:
    labels, lengths, minutes = market
    dataset = dataset_of(labels, lengths=lengths, minutes=minutes)
    split: Split
    try:
        split = split_dataset(dataset, validation_fraction=fraction, future_window=future)
    except DataError:
        assume(False)
    train, validation = split.train.all_rows(), split.validation.all_rows()
    moment = minutes[validation].min()
    assert (minutes[train] + future < moment).all()
    usable = np.flatnonzero(labels >= 0)
    # Validation is everything from the moment on, and the smallest such part that is big enough.
    np.testing.assert_array_equal(validation, usable[minutes[usable] >= moment])
    wanted = max(round(len(usable) * fraction), 1)
    assert len(validation) >= wanted
    assert (minutes[usable] > moment).sum() < wanted
    # Only what must go goes.
    before = usable[minutes[usable] < moment]
    np.testing.assert_array_equal(train, before[minutes[before] + future < moment])
    assert split.purged == len(before) - len(train)


def some_selection() -> tuple[Selection, NDArray[np.int8], NDArray[np.int64]]:
    labels = np.random.default_rng(3).integers(-1, 3, 2000).astype(np.int8)
    stretches = [range(3, 600), range(700, 700), range(900, 901), range(1000, 1990)]
    rows = np.concatenate([np.arange(each.start, each.stop) for each in stretches])
    return Selection(dataset_of(labels), stretches), labels, rows[labels[rows] >= 0]


def test_a_selection_finds_the_rows_of_its_stretches_alone() -> None:
    selection, labels, rows = some_selection()
    np.testing.assert_array_equal(selection.all_rows(), rows)
    assert selection.counts.tolist() == np.bincount(labels[rows]).tolist()
    for code in range(3):
        of_class = rows[labels[rows] == code]
        ordinals = np.random.default_rng(code).permutation(len(of_class))
        np.testing.assert_array_equal(selection.rows(code, ordinals), of_class[ordinals])


@pytest.mark.parametrize("code", [None, 0])
def test_a_number_beyond_the_selection_is_refused(code: int | None) -> None:
    selection, *_ = some_selection()
    most = len(selection) if code is None else int(selection.counts[code])
    for ordinal in (-1, most):
        with pytest.raises(IndexError, match=f"there are {most}"):
            selection.rows(code, np.array([ordinal]))
    assert len(selection.rows(code, np.array([], np.int64))) == 0


def test_evenly_spaced_rows_begin_and_end_with_the_selection() -> None:
    selection, _, rows = some_selection()
    np.testing.assert_array_equal(selection.evenly_spaced(10_000), rows)
    some = selection.evenly_spaced(100)
    assert len(set(some.tolist())) == 100
    assert (some[0], some[-1]) == (rows[0], rows[-1])
    gaps = np.diff(np.searchsorted(rows, some))
    assert gaps.max() - gaps.min() <= 1


@given(
    market=market_of_pairs(),
    fraction=st.floats(0.01, 0.5),
    tail=st.floats(0.01, 0.5),
    future=st.integers(1, 15),
)
def test_no_future_of_training_or_validation_reaches_the_untouched_tail(
    market: tuple[NDArray[np.int8], list[int], NDArray[np.int64]],
    fraction: float,
    tail: float,
    future: int,
) -> None:
    labels, lengths, minutes = market
    dataset = dataset_of(labels, lengths=lengths, minutes=minutes)
    try:
        split = split_dataset(
            dataset, validation_fraction=fraction, future_window=future, tail_fraction=tail
        )
    except DataError:
        assume(False)
        raise
    train, validation, kept = (
        part.all_rows() for part in (split.train, split.validation, split.tail)
    )
    moment = minutes[kept].min()
    usable = np.flatnonzero(labels >= 0)
    np.testing.assert_array_equal(kept, usable[minutes[usable] >= moment])
    assert len(kept) >= max(round(len(usable) * tail), 1)
    assert (minutes[validation] + future < moment).all()
    assert (minutes[train] + future < minutes[validation].min()).all()
    assert len(train) + len(validation) + len(kept) + split.purged == len(usable)
    # Validation is the newest of what lies before the tail's purge.
    before = usable[minutes[usable] + future < moment]
    assert len(validation) >= max(round(len(before) * fraction), 1)
    np.testing.assert_array_equal(validation, before[minutes[before] >= minutes[validation].min()])


def test_without_a_tail_nothing_is_kept_untouched() -> None:
    split = split_dataset(dataset_of(np.arange(100) % 3), validation_fraction=0.2, future_window=5)
    assert len(split.tail) == 0


@pytest.mark.parametrize(
    ("periods", "step", "advice"),
    [
        ((30, 240), 60, "training days + 1 before the time range for a 240-candle average"),
        ((1440, 43200), 60, "training days + 30 before the time range for a 43,200-candle average"),
        ((7, 2000), 300, "training days + 7 before the time range for a 2,000-candle average"),
    ],
)
def test_the_history_that_is_missing_is_that_of_the_configured_averages(
    periods: tuple[int, int], step: int, advice: str
) -> None:
    names = ("high_change", *(name for period in periods for name in average_features(period)))
    features = np.zeros((60, len(names)), np.float32)
    features[:, -1] = np.nan
    assert advice in refusal(names, features, step)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("high_change", "60 of 60 candles are impossible"),
        ("high_change_ETH/USDTUSDT_1m", "another pair's or timeframe's candles"),
        ("close_change_5m", "another pair's or timeframe's candles"),
        ("rsi", "feature_engineering"),
        ("rms_change1440", "a 1,440-candle average"),
        ("log_rms_same_time14d", "it looks back 20,160 candles"),
    ],
)
def test_a_feature_that_needs_no_history_asks_for_none(name: str, advice: str) -> None:
    features = np.full((60, 1), np.nan, np.float32)
    text = refusal((name,), features, 60)
    assert f"the feature {name} is known for only 0 of them" in text
    assert advice in text
    assert "43,200" not in text


def refusal(names: tuple[str, ...], features: NDArray[np.float32], step: int) -> str:
    seconds, flat = step * np.arange(len(features)), np.zeros(len(features), np.bool_)
    config = TrainingConfig(window_size=8, future_window=5, epochs=1)
    dataset = Dataset.from_candles(
        CandleArrays(names, seconds, features, flat),
        (np.arange(len(features)) % 3).astype(np.int8),
        config,
        name="BTC/USDT",
        candle_seconds=step,
    )
    with pytest.raises(DataError) as refused:
        split_for_training(dataset, config, 0.0, len(features))
    return str(refused.value)


@given(usable=some_rows, fraction=st.floats(0.1, 0.5), future=st.integers(1, 8))
def test_rows_that_choose_apart_are_the_older_half_of_those_that_validate_otherwise(
    usable: NDArray[np.bool_], fraction: float, future: int
) -> None:
    whole = split_or_skip(usable, fraction, future)
    dataset = dataset_of(np.where(usable, np.arange(len(usable)) % 3, -1))
    try:
        split = split_dataset(
            dataset, validation_fraction=fraction, future_window=future, chooses_apart=True
        )
    except DataError:
        assume(False)
        raise
    assert split.choosing is not None
    train, chosen, validated = (
        part.all_rows() for part in (split.train, split.chosen_by, split.validation)
    )
    assert train.tolist() == whole.train.tolist()
    kept = np.concatenate([chosen, validated])
    assert set(kept.tolist()) <= set(whole.validation.tolist())
    assert len(validated) == max(len(whole.validation) // 2, 1)
    # Only what must go goes: no label of a choosing row looks at a validating one.
    dropped = sorted(set(whole.validation.tolist()) - set(kept.tolist()))
    assert all(validated[0] - future <= row < validated[0] for row in dropped)
    assert chosen[-1] + future < validated[0]
    assert split.purged == whole.purged + len(dropped)


def test_too_few_rows_to_choose_and_validate_are_refused() -> None:
    with pytest.raises(DataError, match="the 4 newest candles are too few to choose by one half"):
        split_dataset(
            dataset_of(np.arange(20) % 3),
            validation_fraction=0.2,
            future_window=3,
            chooses_apart=True,
        )
