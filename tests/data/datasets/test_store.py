"""A store serves again while it is what was asked for, and whole."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualwindow.data.datasets import store
from dualwindow.data.datasets.class_index import count_classes
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import Store, StoreHeader, clear_stores, store_sizes
from dualwindow.errors import DataError
from tests.makers.markets import random_candles
from tests.makers.stores import PERIODS, asked_for, assert_same, in_memory, left_in, settings, write


def test_a_store_is_used_again_until_settings_or_candles_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    folder = tmp_path / "stores"

    def prepare(**changes: Any) -> tuple[Path, int]:
        made = prepare_store(sources, settings(**changes), folder, periods=PERIODS)
        return made.path, made.path.stat().st_mtime_ns

    first = prepare()
    with caplog.at_level(logging.INFO, logger="dualwindow"):
        # What the content does not depend on.
        assert prepare(epochs=3, streaming_chunk_size=7, confidence_mode="balanced") == first
    assert "prepared before" in caplog.text
    others = [prepare(window_size=8), prepare(future_window=5), prepare(label_rule="first_touch")]
    others.append(prepare(long_tp_pct=0.003))
    whole, sources = sources, [asked_for(sources[0], 100, None)]
    others.append(prepare())
    sources = [asked_for(sources[0], 100, 400)]
    others.append(prepare())
    sources = whole
    write(tmp_path, [random_candles(500, seed=9)])
    others.append(prepare())
    assert len({path for path, _ in [first, *others]}) == 8


@pytest.mark.parametrize("damage", ["truncated", "empty", "noise", "another format"])
def test_a_store_that_cannot_be_trusted_is_made_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = random_candles(500, seed=1)
    sources = write(tmp_path, [frame])
    path = prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS).path
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[:-100])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "noise":
        path.write_bytes(os.urandom(5000))
    else:
        made = Store(path)
        columns = store.StoreColumns(
            made.dataset.features, made.dataset.labels, made.dataset.seconds
        )
        header = replace(made.header, format=store.STORE_FORMAT + 1)
        store.write_store(path, header, columns, count_classes(columns.labels))
    made = prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS)
    assert "is not used" in caplog.text
    assert_same(made, [in_memory(frame, settings())])


def test_stores_are_counted_and_cleared_and_other_files_stay(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    folder = tmp_path / "stores"
    made = [
        prepare_store(sources, settings(window_size=size), folder, periods=PERIODS)
        for size in (6, 7)
    ]
    (folder / "mine.arrow").write_bytes(b"mine")
    sizes = store_sizes(folder)
    assert sizes == {each.path: each.size for each in made}
    assert clear_stores(folder) == sum(sizes.values())
    assert left_in(folder) == ["mine.arrow"]
    # What was open stays readable.
    assert np.isfinite(made[0].dataset.features[20:]).all()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"5", b'{"pairs": [], "names": [], "x": 1}'])
def test_a_header_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        StoreHeader.from_bytes(content)


def test_a_store_that_cannot_be_deleted_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"abc{store.SUFFIX}"
    path.write_bytes(bytes(10))

    def refuses(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuses)
    with pytest.raises(DataError, match=rf"{path.name} cannot be deleted: .*Permission denied"):
        clear_stores(tmp_path)
