"""Damaged candle files, in all formats: refused by name, or read as freqtrade reads them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType

from dualwindow.backtest.price_files import read_candle_frame
from dualwindow.data.candles.quality_report import inspect_candles
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.table_files import SUFFIXES
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import Store
from dualwindow.errors import DataError
from tests.fuzz.damage import damaged, found_before
from tests.makers.markets import random_candles
from tests.makers.stores import PERIODS, in_memory, settings

COUNT: Final = 300
PAIR: Final = "BTC/USDT"
_PRICES: Final = ("open", "high", "low", "close")


def stored(folder: Path, frame: pd.DataFrame, form: str) -> Path:
    """The file that freqtrade writes of a frame."""
    handler = get_datahandler(folder, form)
    handler.ohlcv_store(PAIR, "1m", frame, CandleType.SPOT)
    path: Path = handler._pair_data_filename(folder, PAIR, "1m", CandleType.SPOT)
    return path


def _swap_rows(frame: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    order = list(range(len(frame)))
    drawn.shuffle(order)
    return frame.iloc[order].reset_index(drop=True)


def _repeat_rows(frame: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    row = drawn.randrange(len(frame))
    return pd.concat([frame.iloc[: row + 1], frame.iloc[row:]], ignore_index=True)


def _shift_dates(frame: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    by = pd.Timedelta(drawn.choice((1, -7, 86_400 * 365 * 20, -86_400 * 365 * 60)), "s")
    dates = frame["date"].copy()
    row = drawn.randrange(len(frame))
    dates.iloc[row:] = dates.iloc[row:] + by
    return frame.assign(date=dates)


def _wild_values(frame: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    wild = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 5e-324, -0.0)
    frame = frame.copy()
    for _ in range(drawn.choice((1, 1, 5, 100))):
        column = drawn.choice((*_PRICES, "volume"))
        frame.loc[drawn.randrange(len(frame)), column] = drawn.choice(wild)
    return frame


def _few_rows(frame: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    return frame.iloc[: drawn.randrange(4)]


_FRAMES: Final[tuple[Callable[[pd.DataFrame, random.Random], pd.DataFrame], ...]] = (
    *(_swap_rows, _repeat_rows, _shift_dates, _wild_values, _wild_values, _few_rows),
)


def spoilt(folder: Path, form: str, drawn: random.Random) -> Path:
    """A file with damaged bytes, or a sound file of candles that cannot be."""
    frame = random_candles(300, seed=drawn.randrange(10), missing=[(50, 3)])
    if drawn.random() < 0.4:
        return stored(folder, drawn.choice(_FRAMES)(frame, drawn), form)
    path = stored(folder, frame, form)
    path.write_bytes(damaged(path.read_bytes(), drawn))
    return path


def refusal_of(read: Callable[[], object], path: Path) -> str | None:
    """The message of a refusal, which names the file or the pair; None where it is read."""
    try:
        read()
    except DataError as error:
        message = str(error)
        assert str(path) in message or PAIR in message, message
        return message
    return None


def try_all_readers(path: Path, folder: Path) -> bool:
    """Whether a file is read; all readers agree about it, and a store is what the file holds."""
    source = CandleSource(PAIR, path)
    report = inspect_candles(source, settings(), periods=PERIODS)
    frames: list[pd.DataFrame] = []
    stores: list[Store] = []
    refusal = refusal_of(lambda: frames.append(read_candle_frame(source)), path)
    made = refusal_of(
        lambda: stores.append(
            prepare_store([source], settings(), folder / "stores", periods=PERIODS)
        ),
        path,
    )
    if refusal is not None:
        assert report.refusals
        assert made is not None
    # What the inspection lets pass can be trained on.
    if not report.refusals:
        assert (refusal, made) == (None, None)
    if stores:
        dataset, expected = stores[0].dataset, in_memory(frames[0], settings())
        np.testing.assert_array_equal(dataset.seconds, expected.seconds)
        np.testing.assert_array_equal(dataset.labels, expected.labels)
        np.testing.assert_array_equal(dataset.features, expected.features)
    return refusal is None


@pytest.mark.parametrize("form", sorted(SUFFIXES))
def test_a_damaged_file_is_refused_by_its_name_or_read(form: str, tmp_path: Path) -> None:
    read = 0
    for number in range(COUNT // len(SUFFIXES)):
        drawn = random.Random(f"{form} {number}")
        folder = tmp_path / str(number)
        folder.mkdir()
        read += try_all_readers(spoilt(folder, form, drawn), folder)
    # Damage of both kinds is among them.
    assert 0 < read < COUNT // len(SUFFIXES)


def test_what_once_showed_a_fault_shows_none(tmp_path: Path) -> None:
    assert found_before("candles-feather")
    for form, suffix in SUFFIXES.items():
        for number, content in enumerate(found_before(f"candles-{form}")):
            path = tmp_path / f"BTC_USDT-{number}m{suffix}"
            path.write_bytes(content)
            try_all_readers(path, tmp_path / f"{form}-{number}")
