"""Promise 1: nothing at candle r depends on a candle after r."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import CLASS_NAMES, SUMMARY, SUMMARY_FEATURES, candles_looked_at
from dualwindow.data.datasets.split import split_dataset
from dualwindow.data.features.windows import label_frame
from tests.makers.bot import FEATURE_SETS, Bot, make_bot
from tests.makers.datasets import dataset_of

TRAIN_ROWS = 3000
SLICE_ROWS = 700
CHANGES = ("double", "halve", "nan", "no volume", "later")


@pytest.fixture(scope="module", params=FEATURE_SETS)
def bot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("leakage"), {"feature_set": request.param})


@pytest.fixture(scope="module")
def summary_bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("summary"), {"feature_set": SUMMARY})


@pytest.fixture(scope="module")
def real(btc_futures: pd.DataFrame) -> pd.DataFrame:
    return btc_futures.iloc[: TRAIN_ROWS + SLICE_ROWS].reset_index(drop=True)


@pytest.fixture(scope="module")
def outage(btc_gap_filled: pd.DataFrame) -> pd.DataFrame:
    """The training ends before an outage, the slice holds it."""
    middle = int(np.flatnonzero(btc_gap_filled["date"] == pd.Timestamp("2023-03-24 12:40Z"))[0])
    first = middle - TRAIN_ROWS - 200
    return btc_gap_filled.iloc[first : first + TRAIN_ROWS + SLICE_ROWS].reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted(bot: Bot, real: pd.DataFrame) -> Bot:
    bot.train(bot.features(real).iloc[:TRAIN_ROWS])
    return bot


def change(candles: pd.DataFrame, rows: slice, how: str) -> pd.DataFrame:
    changed = candles.copy()
    prices = ["open", "high", "low", "close"]
    if how == "nan":
        changed.loc[rows, [*prices, "volume"]] = np.nan
    elif how == "no volume":
        changed.loc[rows, "volume"] = 0.0
        changed.loc[rows, prices] = float(changed.loc[rows.start, "close"])
    elif how == "later":
        changed.loc[rows.start :, "date"] += pd.Timedelta(minutes=90)
    else:
        changed.loc[rows, prices] *= 2.0 if how == "double" else 0.5
        changed.loc[rows, "volume"] *= 3.0
    return changed


@given(
    at=st.integers(1, TRAIN_ROWS + SLICE_ROWS - 1),
    length=st.integers(1, 200),
    how=st.sampled_from(CHANGES),
    market=st.sampled_from(["real", "outage"]),
)
@settings(max_examples=25)
def test_no_feature_before_a_changed_candle_changes(
    at: int, length: int, how: str, market: str, bot: Bot, request: pytest.FixtureRequest
) -> None:
    candles: pd.DataFrame = request.getfixturevalue(market)
    before = bot.features(candles)
    after = bot.features(change(candles, slice(at, at + length - 1), how))
    columns = [name for name in before if name.startswith("%")]
    assert columns
    pd.testing.assert_frame_equal(
        before.loc[: at - 1, columns], after.loc[: at - 1, columns], check_exact=True
    )


@given(
    at=st.integers(candles_looked_at(SUMMARY) - 2000, candles_looked_at(SUMMARY) + 999),
    length=st.integers(1, 200),
    how=st.sampled_from(CHANGES),
)
@settings(max_examples=8)
def test_no_feature_of_a_summary_changes_before_a_changed_candle(
    at: int, length: int, how: str, summary_bot: Bot, btc_futures: pd.DataFrame
) -> None:
    candles = btc_futures.iloc[: candles_looked_at(SUMMARY) + 1000].reset_index(drop=True)
    before = summary_bot.features(candles)
    after = summary_bot.features(change(candles, slice(at, at + length - 1), how))
    columns = [name for name in before if name.startswith("%-")]
    assert tuple(name[2:] for name in columns if name[2:] in SUMMARY_FEATURES) == SUMMARY_FEATURES
    assert before[columns].iloc[-1].notna().all()
    pd.testing.assert_frame_equal(
        before.loc[: at - 1, columns], after.loc[: at - 1, columns], check_exact=True
    )


@given(
    at=st.integers(1, SLICE_ROWS - 1),
    length=st.integers(1, 100),
    how=st.sampled_from(CHANGES),
    market=st.sampled_from(["real", "outage"]),
)
@settings(max_examples=30)
def test_no_prediction_before_a_changed_candle_changes(
    at: int, length: int, how: str, market: str, fitted: Bot, request: pytest.FixtureRequest
) -> None:
    candles: pd.DataFrame = request.getfixturevalue(market)
    row = TRAIN_ROWS + at
    before = fitted.features(candles).iloc[TRAIN_ROWS:]
    changed = change(candles, slice(row, row + length - 1), how)
    after = fitted.features(changed).iloc[TRAIN_ROWS:]
    probabilities, decisions, usable = fitted.predict(before)
    new_probabilities, new_decisions, new_usable = fitted.predict(after)
    np.testing.assert_array_equal(usable[:at], new_usable[:at])
    # Rows after the change may leave the batch, which moves the last bits of those before.
    np.testing.assert_allclose(new_probabilities[:at], probabilities[:at], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(decisions[:at], new_decisions[:at])


def test_a_prediction_does_depend_on_its_own_candle(fitted: Bot, real: pd.DataFrame) -> None:
    row = TRAIN_ROWS + 300
    before = fitted.features(real).iloc[TRAIN_ROWS:]
    after = fitted.features(change(real, slice(row, row), "double")).iloc[TRAIN_ROWS:]
    probabilities, _, _ = fitted.predict(before)
    changed, _, _ = fitted.predict(after)
    assert np.abs(changed[300] - probabilities[300]).max() > 1e-4


@given(end=st.integers(200, SLICE_ROWS))
@settings(max_examples=20)
def test_no_training_label_looks_past_the_end_of_training(
    end: int, bot: Bot, outage: pd.DataFrame
) -> None:
    cut = bot.strategy.set_freqai_targets(outage.iloc[TRAIN_ROWS : TRAIN_ROWS + end].copy(), {})
    whole = bot.strategy.set_freqai_targets(outage.iloc[TRAIN_ROWS:].copy(), {})
    future_window = bot.model._settings.future_window
    assert cut["&-side"].iloc[-future_window:].isna().all()
    known = cut["&-side"].notna().to_numpy()
    np.testing.assert_array_equal(
        cut["&-side"].to_numpy()[known], whole["&-side"].to_numpy()[:end][known]
    )


def test_the_adapter_labels_as_the_package_does(bot: Bot, real: pd.DataFrame) -> None:
    labels, _ = label_frame(real, bot.model._settings)
    frame = bot.strategy.set_freqai_targets(real.copy(), {})
    expected = [CLASS_NAMES[code] if code >= 0 else None for code in labels]
    assert frame["&-side"].tolist() == expected


@given(
    usable=st.lists(st.booleans(), min_size=80, max_size=300),
    fraction=st.floats(0.05, 0.5),
    future_window=st.integers(1, 30),
)
def test_no_training_future_reaches_into_validation(
    usable: list[bool], fraction: float, future_window: int
) -> None:
    mask = np.array(usable)
    mask[[0, -1]] = True
    dataset = dataset_of(np.where(mask, 1, -1))
    split = split_dataset(dataset, validation_fraction=fraction, future_window=future_window)
    train, validation = split.train.all_rows(), split.validation.all_rows()
    assert train.max() + future_window < validation.min()
    # Nothing is thrown away but what the purge must take.
    dropped = np.setdiff1d(np.flatnonzero(mask), np.concatenate([train, validation]))
    assert (dropped + future_window >= validation.min()).all()
    assert len(dropped) == split.purged
