"""What a training gets of its rows: how many are enough, and what is left without a training."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import (
    Split,
    fewest_candles,
    require_separate,
    split_dataset,
    split_for_training,
)
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from tests.makers.datasets import dataset_of

CONFIG = TrainingConfig(window_size=8, future_window=5, validation_fraction=0.25, epochs=1)
UNTRAINED = CONFIG.replace(epochs=0, pretrained="some/model")
#: Candles of a training period that cannot have a window and a future.
BESIDE = CONFIG.window_size + CONFIG.future_window


def labelled(count: int) -> Dataset:
    return dataset_of(np.arange(count) % 3)


def rows(part: Selection | None) -> list[int]:
    assert part is not None
    return [int(row) for row in part.all_rows()]


# --- enough rows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tail", [0.0, 0.1])
@pytest.mark.parametrize(
    ("usable", "outcome"), [(100, ""), (90, ""), (89, "warned"), (50, "warned"), (49, "refused")]
)
def test_a_training_warns_below_nine_tenths_of_its_candles_and_is_refused_below_half(
    usable: int, outcome: str, tail: float, apart: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    config = CONFIG.replace(validation_fraction=0.5)
    found = f"only {usable} of the 100 candles that the training period should give can be used"

    def split() -> Split:
        return split_for_training(labelled(usable), config, tail, 100 + BESIDE, chooses_apart=apart)

    if outcome == "refused":
        with pytest.raises(DataError, match=found):
            split()
    else:
        split()
    assert (found in caplog.text) == (outcome == "warned")


@pytest.mark.parametrize("expected", [None, 0, BESIDE - 1, BESIDE])
def test_a_period_that_is_not_known_or_too_short_for_a_window_is_not_counted(
    expected: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    split_for_training(labelled(40), CONFIG, 0.0, expected)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("most", "seconds", "fewest"),
    [(1000, 60, 500), (86_400, 60, 43_200), (200_000, 60, 43_200), (200_000, 300, 8640)],
)
def test_thirty_days_are_enough_of_any_period(most: int, seconds: int, fewest: float) -> None:
    assert fewest_candles(most, seconds) == fewest


# --- nothing is trained ---------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_without_epochs_the_same_rows_validate_and_none_train(tail: float, apart: bool) -> None:
    data = labelled(100)
    trained = split_for_training(data, CONFIG, tail, None, chooses_apart=apart)
    direct = split_dataset(
        data, validation_fraction=0.25, future_window=5, tail_fraction=tail, chooses_apart=apart
    )
    untrained = split_for_training(data, UNTRAINED, tail, 10**6, chooses_apart=apart)
    for split in (trained, untrained):
        assert rows(split.validation) == rows(direct.validation)
        assert rows(split.tail) == rows(direct.tail)
        assert (split.choosing is not None) == apart
    assert rows(trained.train) == rows(direct.train)
    assert trained.purged == direct.purged > 0
    assert rows(untrained.train) == []
    assert untrained.train.dataset is data
    assert untrained.purged == 0


@pytest.mark.parametrize("count", [0, 1, 6])
def test_without_epochs_any_number_of_rows_will_do(count: int) -> None:
    data = labelled(count)
    with pytest.raises(DataError):
        split_for_training(data, CONFIG, 0.0, None)
    split = split_for_training(data, UNTRAINED, 0.0, None)
    for part in (split.train, split.validation, split.tail):
        assert part.dataset is data
        assert rows(part) == []
    assert split.purged == 0
    assert split.choosing is None


# --- known parts ----------------------------------------------------------------------------------


def test_a_known_split_into_all_four_parts() -> None:
    split = split_dataset(
        labelled(100),
        validation_fraction=0.25,
        future_window=5,
        tail_fraction=0.2,
        chooses_apart=True,
    )
    assert rows(split.tail) == [*range(80, 100)]
    # A quarter of the 75 rows before the tail and its purge, and of these the newer half.
    assert rows(split.validation) == [*range(66, 75)]
    assert rows(split.choosing) == [*range(56, 61)]
    assert rows(split.train) == [*range(51)]
    assert split.purged == 5 + 5 + 5


def test_the_smallest_shares_are_one_row() -> None:
    split = split_dataset(
        labelled(20), validation_fraction=0.001, future_window=1, tail_fraction=0.001
    )
    assert (rows(split.tail), rows(split.validation)) == ([19], [17])
    split = split_dataset(
        labelled(20), validation_fraction=0.15, future_window=1, chooses_apart=True
    )
    assert (rows(split.choosing), rows(split.validation)) == ([17], [19])


def test_one_row_to_train_and_one_to_validate_are_enough() -> None:
    labels = np.full(50, -1)
    labels[[0, 49]] = 1
    split = split_dataset(dataset_of(labels), validation_fraction=0.3, future_window=5)
    assert (rows(split.train), rows(split.validation)) == ([0], [49])


def test_an_empty_tail_is_a_selection_of_the_dataset() -> None:
    data = labelled(30)
    assert split_dataset(data, validation_fraction=0.3, future_window=5).tail.dataset is data


@pytest.mark.parametrize(
    ("earlier", "after"),
    [
        ("training", "choosing"),
        ("training", "validation"),
        ("training", "tail"),
        ("choosing", "validation"),
        ("choosing", "tail"),
        ("validation", "tail"),
    ],
)
def test_a_leak_between_any_two_parts_is_named_by_both(earlier: str, after: str) -> None:
    data = labelled(100)
    names = {"train": 0, "choosing": 20, "validation": 40, "tail": 60}
    parts = {name: Selection(data, (range(at, at + 10),)) for name, at in names.items()}
    split = Split(**parts, purged=0)
    require_separate(split, 10)
    of_split = {"training": "train"}.get(earlier, earlier)
    # Its last label looks exactly at the first row of the later part.
    reaching = range(names[after] - 5, names[after] - 4)
    leaking = replace(split, **{of_split: Selection(data, (reaching,))})
    others = {name for name in names if name not in (of_split, after)}
    leaking = replace(leaking, **dict.fromkeys(others, Selection(data, ())))
    require_separate(leaking, 4)
    with pytest.raises(DataError, match=rf"label of the {earlier} candle .* but {after} begins"):
        require_separate(leaking, 5)
