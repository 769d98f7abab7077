"""What a trained model is judged by comes from its training rows, in memory or mapped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.columns import CLOSE_CHANGE, UNKNOWN
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.split import Split, split_dataset
from dualwindow.evaluation import Reference
from dualwindow.models.model_files import REFERENCE_KEY, read_reference
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import comparison_of, fit_reference, volatility_of
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset
from tests.makers.bot import QUICK
from tests.makers.datasets import dataset_of
from tests.makers.stores import write

CONFIG = TrainingConfig.from_parameters({**QUICK, "epochs": 1})


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame) -> Dataset:
    """Two pairs of the same days, mapped."""
    folder = tmp_path_factory.mktemp("stored")
    parts = [btc_futures.iloc[:3000], btc_futures.iloc[200:3200]]
    frames = [part.reset_index(drop=True) for part in parts]
    return prepare_store(write(folder, frames), CONFIG, folder, periods=(10, 200)).dataset


def split(dataset: Dataset, tail: float = 0.0) -> Split:
    return split_dataset(
        dataset,
        validation_fraction=CONFIG.validation_fraction,
        future_window=CONFIG.future_window,
        tail_fraction=tail,
    )


def relabelled(dataset: Dataset, rows: np.ndarray[Any, Any]) -> Dataset:
    """The dataset with the classes of some rows turned round."""
    labels = dataset.labels.copy()
    labels[rows] = np.where(labels[rows] == UNKNOWN, UNKNOWN, (labels[rows] + 1) % 3)
    return replace(dataset, labels=labels, index=ClassIndex(labels))


def test_the_volatility_of_a_row_is_that_of_its_own_window(stored: Dataset) -> None:
    rows = stored.labelled().all_rows()[::97]
    found = volatility_of(stored, rows, CONFIG)
    assert found is not None
    changes = stored.features[:, stored.names.index(CLOSE_CHANGE)].astype(np.float64)
    for row, value in zip(rows, found, strict=True):
        window = changes[row - CONFIG.window_size + 1 : row + 1]
        assert value == pytest.approx(np.std(window), rel=1e-6)
    in_memory = replace(stored, features=np.array(stored.features))
    np.testing.assert_array_equal(volatility_of(in_memory, rows, CONFIG), found)


def test_features_without_a_change_of_the_close_leave_the_volatility_out() -> None:
    dataset = dataset_of([1, 0, 2] * 20)
    train = dataset.labelled()
    assert volatility_of(dataset, train.all_rows(), CONFIG) is None
    found = fit_reference(train, CONFIG, mirrored=False).baselines
    assert set(found.probabilities(5, None)) == {"prior", "majority"}


@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_no_label_after_the_training_moves_a_baseline_or_a_prior(
    stored: Dataset, tail: float
) -> None:
    parts = split(stored, tail)
    expected = fit_reference(parts.train, CONFIG, mirrored=True)
    begin = min(int(stored.seconds[each.start]) for each in parts.validation.stretches)
    # Those of the purged rows too.
    after = stored.seconds >= begin - CONFIG.future_window * stored.candle_seconds
    later = relabelled(stored, np.flatnonzero(after))
    assert fit_reference(split(later, tail).train, CONFIG, mirrored=True) == expected
    # And the test would see it: a training label moves both.
    row = parts.train.all_rows()[:1]
    moved = fit_reference(split(relabelled(stored, row), tail).train, CONFIG, mirrored=True)
    assert moved.baselines.prior != expected.baselines.prior
    assert moved.calibration.class_prior != expected.calibration.class_prior


@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_a_training_keeps_what_it_was_judged_by(
    stored: Dataset, tail: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    path = tmp_path / "evaluation.json"
    session = TrainingSession(figures_path=path)
    finished = train_dataset(stored, CONFIG, name="BTC", session=session, tail_fraction=tail)
    assert finished.reference == read_reference(tmp_path)
    forecast = finished.evaluation.forecast
    temperature = finished.reference.calibration.temperature
    assert temperature == forecast.temperature
    assert set(forecast.skill["tempered"]) == {"prior", "volatility", "majority", "shuffled"}
    written = json.loads(path.read_text(encoding="utf-8"))
    part = "tail" if tail else "validation"
    assert written[part] == json.loads(json.dumps(finished.evaluation.to_dict()))
    assert "log loss: raw" in caplog.text
    assert "HOLD versus move" in caplog.text
    # The temperature comes from the validation rows, with a tail or without.
    rows = finished.split.validation.all_rows()
    probabilities = finished.model.probabilities(stored.features, rows)
    plain = replace(finished.reference.calibration, temperature=None)
    fitted = plain.fitted(stored.labels[rows], probabilities)
    assert temperature == pytest.approx(fitted.temperature)


def test_pairs_of_one_time_are_compared_in_one_block(stored: Dataset) -> None:
    parts = split(stored)
    rows = parts.validation.all_rows()
    reference = fit_reference(parts.train, CONFIG, mirrored=False)
    found = comparison_of(stored, rows, CONFIG, reference)
    np.testing.assert_array_equal(found.seconds, stored.seconds[rows])
    assert len(np.unique(found.seconds)) < len(rows), "the pairs share dates"
    assert found.future_seconds == CONFIG.future_window * 60


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"yardsticks": {}}', '{"yardsticks": {"baselines": []}}']
)
def test_figures_without_yardsticks_give_none(content: str, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    assert read_reference(tmp_path) is None
    path.write_text(content, encoding="utf-8")
    assert read_reference(tmp_path) is None


def test_the_plain_form_says_the_same(stored: Dataset) -> None:
    found = fit_reference(split(stored).train, CONFIG, mirrored=True)
    content = json.loads(json.dumps({REFERENCE_KEY: found.to_dict()}))
    assert Reference.from_dict(content[REFERENCE_KEY]) == found
