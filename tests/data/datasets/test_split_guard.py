"""A split that leaks is refused by the product, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.datasets import split as training_split
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import Split, require_separate, split_dataset
from dualwindow.data.features.base import change_features
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from dualwindow.training.train import train_model
from tests.makers.bot import QUICK
from tests.makers.datasets import dataset_of
from tests.makers.markets import random_candles

FUTURE = 10


def without_purge(dataset: Dataset, **arguments: Any) -> Split:
    return split_dataset(dataset, **{**arguments, "future_window": 0})


def shuffled(dataset: Dataset, **arguments: Any) -> Split:
    rows = np.random.default_rng(1).permutation(len(dataset))
    cut = round(len(rows) * (1 - arguments["validation_fraction"]))
    return parts(dataset, rows[:cut], rows[cut:])


def overlapping(dataset: Dataset, **arguments: Any) -> Split:
    split = split_dataset(dataset, **arguments)
    return replace(split, train=dataset.labelled())


def turned_round(dataset: Dataset, **arguments: Any) -> Split:
    split = split_dataset(dataset, **arguments)
    return replace(split, train=split.validation, validation=split.train)


def parts(dataset: Dataset, train: np.ndarray, validation: np.ndarray) -> Split:
    def selection(rows: np.ndarray) -> Selection:
        return Selection(dataset, [range(row, row + 1) for row in sorted(rows.tolist())])

    return Split(selection(train), selection(validation), Selection(dataset, ()), 0)


@pytest.mark.parametrize("leak", [without_purge, shuffled, overlapping, turned_round])
def test_a_training_on_a_leaking_split_is_refused(
    leak: Callable[..., Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    # FreqAI's own shuffles are refused when the bot starts, see test_freqai_config.
    config = TrainingConfig.from_parameters({**QUICK, "epochs": 1})
    frame = random_candles(900)
    features = change_features(frame)
    table = np.stack(list(features.values()), axis=1).astype(np.float32)
    candles = CandleArrays(
        tuple(features),
        utc_seconds(frame["date"])[1:],
        np.ascontiguousarray(table[1:]),
        flat_candles(frame)[1:],
    )
    labels = label_frame(frame, config)[0][1:]
    monkeypatch.setattr(training_split, "split_dataset", leak)
    with pytest.raises(DataError, match=r"BTC: the split leaks: .* validation begins at"):
        train_model(candles, labels, config, name="BTC")


@given(
    usable=st.lists(st.booleans(), min_size=80, max_size=200),
    purge=st.integers(0, FUTURE + 2),
    tail_fraction=st.sampled_from([0.0, 0.2]),
    pairs=st.integers(1, 3),
)
def test_a_split_is_refused_exactly_when_a_future_reaches_into_a_later_part(
    usable: list[bool], purge: int, tail_fraction: float, pairs: int
) -> None:
    mask = np.array(usable)
    mask[[0, -1]] = True
    dataset = dataset_of(np.tile(np.where(mask, 1, -1), pairs), lengths=[len(mask)] * pairs)
    try:
        split = split_dataset(
            dataset, validation_fraction=0.3, future_window=purge, tail_fraction=tail_fraction
        )
    except DataError:
        return
    minutes = dataset.seconds // 60
    ends = [minutes[part.all_rows()] for part in (split.train, split.validation, split.tail)]
    leaks = any(
        len(later) and earlier.max() + FUTURE >= later.min()
        for number, earlier in enumerate(ends)
        for later in ends[number + 1 :]
    )
    if leaks:
        with pytest.raises(DataError, match="the split leaks"):
            require_separate(split, FUTURE)
    else:
        require_separate(split, FUTURE)


def test_the_message_names_the_candles_that_overlap() -> None:
    dataset = dataset_of(np.ones(100), minutes=np.arange(100))
    split = parts(dataset, np.arange(50), np.arange(55, 100))
    overlap = "until 1970-01-01 00:59, but validation begins at 1970-01-01 00:55"
    with pytest.raises(DataError, match=f"candle of 1970-01-01 00:49 looks 10 .* {overlap}"):
        require_separate(split, FUTURE)
