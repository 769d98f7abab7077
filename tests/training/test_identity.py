"""One sum stands for everything that a training's result depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.data.datasets.split import split_dataset
from dualwindow.errors import DataError
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training import identity as module
from dualwindow.training.identity import training_identity
from tests.makers.datasets import dataset_of
from tests.models.test_fingerprint import FREE, OTHER

LABELS = np.resize([0, 1, 2], 400)
CPU = torch.device("cpu")


def identity(
    dataset: Dataset,
    *,
    threads: int = 1,
    validation: float = 0.15,
    purge: int = 20,
    sha256: str | None = None,
    **changes: Any,
) -> str:
    config = TrainingConfig.from_parameters(changes)
    split = split_dataset(dataset, validation_fraction=validation, future_window=purge)
    return training_identity(dataset, split, config, device=CPU, threads=threads, pretrained=sha256)


@pytest.fixture
def dataset() -> Dataset:
    return dataset_of(LABELS)


def test_equal_trainings_have_one_identity_even_if_their_arrays_lie_otherwise(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = identity(dataset)
    assert expected == identity(dataset_of(LABELS))
    twice = np.stack([dataset.seconds, dataset.seconds], axis=1)
    assert identity(dataclasses.replace(dataset, seconds=twice[:, 0])) == expected
    # However many rows are summed in one go.
    monkeypatch.setattr(module, "_ROWS", 7)
    assert identity(dataset) == expected


def test_the_model_that_a_training_starts_from_counts_and_its_path_does_not(
    dataset: Dataset,
) -> None:
    of_a = identity(dataset, sha256="a", pretrained="here")
    assert len({of_a, identity(dataset, sha256="b"), identity(dataset)}) == 3
    assert of_a == identity(dataset, sha256="a", pretrained="there")


@pytest.mark.parametrize("name", OTHER)
def test_each_setting_that_a_model_depends_on_counts(name: str, dataset: Dataset) -> None:
    changes: dict[str, Any] = {name: OTHER[name]}
    assert identity(dataset, **changes) != identity(dataset)


@pytest.mark.parametrize("name", FREE)
def test_settings_of_confidence_memory_and_processes_do_not(name: str, dataset: Dataset) -> None:
    changes: dict[str, Any] = {name: FREE[name]}
    assert identity(dataset, **changes) == identity(dataset)


def _one_feature(dataset: Dataset, row: int) -> Dataset:
    features = dataset.features.copy()
    features[row] = np.nextafter(features[row], np.float32(np.inf))
    return dataclasses.replace(dataset, features=features)


def _one_label(dataset: Dataset, row: int) -> Dataset:
    labels = dataset.labels.copy()
    labels[row] = (labels[row] + 1) % 3
    return dataclasses.replace(dataset, labels=labels, index=ClassIndex(labels))


def _one_date(dataset: Dataset, row: int) -> Dataset:
    seconds = dataset.seconds.copy()
    seconds[row] += 1
    return dataclasses.replace(dataset, seconds=seconds)


@pytest.mark.parametrize("change", [_one_feature, _one_label, _one_date])
@pytest.mark.parametrize("row", [0, 200, 399])
def test_each_number_of_the_data_counts(
    change: Callable[[Dataset, int], Dataset], row: int, dataset: Dataset
) -> None:
    assert identity(change(dataset, row)) != identity(dataset)


def test_names_split_threads_and_versions_count(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = identity(dataset)
    assert identity(dataclasses.replace(dataset, names=("other",))) != expected
    assert identity(dataset, validation=0.3) != expected
    assert identity(dataset, purge=21) != expected
    split = split_dataset(dataset, validation_fraction=0.15, future_window=20)
    fewer = dataclasses.replace(split, validation=Selection(dataset, [range(350, 400)]))
    config = TrainingConfig()
    assert training_identity(dataset, split, config, device=CPU, threads=1) == expected
    assert training_identity(dataset, fewer, config, device=CPU, threads=1) != expected
    assert identity(dataset, threads=2) != expected
    for name in ("CHECKPOINT_FORMAT", "MODEL_FORMAT", "FEATURE_CODE_VERSION", "__version__"):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, "another")
            assert identity(dataset) != expected, name
    monkeypatch.setattr(torch, "__version__", "another")
    assert identity(dataset) != expected


def test_the_processor_s_instructions_count(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = identity(dataset)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    assert identity(dataset) != expected


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("device", "cuda", "other device than"),
        ("versions", ["another"], "other versions than"),
        ("candles", "another", "other candles than"),
        ("settings", {"seed": 7}, r"seed \(7, not 42\)"),
    ],
)
def test_a_rank_that_differs_is_named_with_what_differs(
    name: str, value: Any, said: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_another(_ranks: Ranks, make: Callable[[], Any], *, patiently: bool) -> list[Any]:
        arithmetic, about = make()
        changed = {**about[name], **value} if isinstance(value, dict) else value
        return [(arithmetic, about), (arithmetic, about | {name: changed})]

    monkeypatch.setattr(Ranks, "gathered", with_another)
    with pytest.raises(DataError, match=rf"rank 1 trains with .*{said}"):
        identity(dataset)
