"""Live predictions stay bounded in memory, and none is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.live.prediction_archive import FOLDER, file_oldest, with_filed


def predictions(first: int, rows: int) -> pd.DataFrame:
    """Predictions of some candles as FreqAI holds them: 0 stands where the bot was off."""
    numbers = np.arange(first, first + rows)
    dates = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(numbers, unit="min")
    sides = [0 if number % 7 == 0 else "LONG" for number in numbers]
    return pd.DataFrame(
        {
            "&-side": pd.Series(sides, dtype=object),
            "LONG": numbers / 1000,
            "do_predict": (numbers % 2).astype(float),
            "date_pred": pd.Series(dates).dt.as_unit("ms"),
        }
    )


@given(rows=st.integers(1, 400), held=st.integers(5, 60), at_once=st.integers(1, 40))
def test_memory_is_bounded_and_every_prediction_is_found_again(
    rows: int, held: int, at_once: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("models")
    kept = predictions(0, 1)
    for number in range(1, rows):
        kept = pd.concat([kept, predictions(number, 1)], ignore_index=True)
        kept = file_oldest(kept, folder, "BTC", held=held, rows=at_once)
        assert len(kept) < held + at_once
    whole = with_filed(kept, folder, "BTC")
    expected = predictions(0, rows)
    pd.testing.assert_frame_equal(whole.drop(columns="&-side"), expected.drop(columns="&-side"))
    assert (whole["&-side"].astype(str) == expected["&-side"].astype(str)).all()


def test_nothing_is_written_before_there_is_enough(tmp_path: Path) -> None:
    kept = predictions(0, 14)
    assert file_oldest(kept, tmp_path, "BTC", held=10, rows=5) is kept
    assert not (tmp_path / FOLDER).exists()


def test_a_bot_killed_after_it_wrote_a_file_counts_no_candle_twice(tmp_path: Path) -> None:
    before = predictions(0, 15)
    file_oldest(before, tmp_path, "BTC", held=10, rows=5)
    # The saved predictions are those from before, and some candles later they are filed again.
    again = pd.concat([before, predictions(15, 3)], ignore_index=True)
    left = file_oldest(again, tmp_path, "BTC", held=10, rows=5)
    whole = with_filed(left, tmp_path, "BTC")
    assert list(whole["date_pred"]) == list(predictions(0, 18)["date_pred"])
    assert len(list((tmp_path / FOLDER).glob("*.feather"))) == 1


def test_another_coin_has_files_of_its_own(tmp_path: Path) -> None:
    file_oldest(predictions(0, 15), tmp_path, "BTC", held=10, rows=5)
    other = predictions(50, 3)
    assert with_filed(other, tmp_path, "ETH") is other


@pytest.mark.parametrize("other", ["BTC_X", "BTC_202601010000", "BTC_", "BTCDOM", "1BTC", "BT"])
@pytest.mark.parametrize("pair", ["BTC", "BTC/USDT", "BTC/USDT:USDT"])
def test_a_coin_whose_name_begins_or_ends_alike_has_files_of_its_own(
    other: str, pair: str, tmp_path: Path
) -> None:
    file_oldest(predictions(0, 15), tmp_path, pair.replace("BTC", other), held=10, rows=5)
    kept = predictions(50, 3)
    assert with_filed(kept, tmp_path, pair) is kept
    left = file_oldest(predictions(20, 15), tmp_path, pair, held=10, rows=5)
    whole = with_filed(left, tmp_path, pair)
    assert list(whole["LONG"]) == list(predictions(20, 15)["LONG"])


@pytest.mark.parametrize("pair", ["[BTC]/USDT", "*/USDT", "A.B/USDT", "XYZ-TSLA/USDT", "币安/USDT"])
def test_coins_of_every_name_find_their_files(pair: str, tmp_path: Path) -> None:
    left = file_oldest(predictions(0, 15), tmp_path, pair, held=10, rows=5)
    assert len(with_filed(left, tmp_path, pair)) == 15
    left = predictions(30, 3)
    assert with_filed(left, tmp_path, "AXB/USDT") is left


def test_predictions_of_another_pair_of_the_coin_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file_oldest(predictions(0, 15), tmp_path, "BTC/USDC:USDC", held=10, rows=5)
    kept = predictions(10, 5)
    assert with_filed(kept, tmp_path, "BTC/USDT:USDT") is kept
    assert "holds predictions of BTC/USDC:USDC" in caplog.text


def filed(folder: Path) -> tuple[Path, pd.DataFrame]:
    """Two files of ten predictions each, the path of the first, and what stayed in memory."""
    kept = file_oldest(predictions(0, 20), folder, "BTC", held=10, rows=10)
    kept = pd.concat([kept, predictions(20, 10)], ignore_index=True)
    kept = file_oldest(kept, folder, "BTC", held=10, rows=10)
    return min((folder / FOLDER).glob("*.feather")), kept


def is_without_the_first_file(whole: pd.DataFrame, file: Path, text: str) -> bool:
    dates = list(predictions(10, 20)["date_pred"])
    named = text.count(str(file)) == 1 and "is damaged" in text and "put back a copy" in text
    return list(whole["date_pred"]) == dates and named


@pytest.mark.parametrize("damage", ["empty", "cut", "magic", *range(12)])
def test_a_damaged_file_is_named_and_its_days_are_left_out(
    damage: str | int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, kept = filed(tmp_path)
    content = bytearray(file.read_bytes())
    if isinstance(damage, int):
        # One bit; many of them change a value and nothing else.
        content[(damage + 1) * len(content) // 14] ^= 1 << damage % 8
    else:
        content = {"empty": b"", "cut": content[: len(content) // 2], "magic": b"no feather"}[
            damage
        ]
    file.write_bytes(content)
    # Every backtest has the warning, and a bot that runs beside it keeps its file.
    for _ in range(2):
        caplog.clear()
        whole = with_filed(kept, tmp_path, "BTC")
        assert is_without_the_first_file(whole, file, caplog.text)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.drop(columns="date_pred"),
        lambda frame: frame.assign(date_pred="never"),
        lambda frame: frame.assign(date_pred=1.0),
        lambda frame: frame.assign(date_pred=[[1]] * len(frame)),
    ],
)
def test_a_file_of_an_earlier_version_without_dates_is_named(
    change: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, kept = filed(tmp_path)
    (tmp_path / FOLDER / "state_sums.json").unlink()
    change(pd.read_feather(file)).to_feather(file)
    assert is_without_the_first_file(with_filed(kept, tmp_path, "BTC"), file, caplog.text)


@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize(
    "written",
    [
        lambda dates: dates.dt.tz_localize(None),
        lambda dates: dates.astype(str),
        lambda dates: dates.dt.as_unit("ns"),
        lambda dates: dates.dt.tz_convert("Europe/Warsaw"),
    ],
)
def test_dates_in_whatever_form_are_the_same_candles(
    written: Any, in_file: bool, tmp_path: Path
) -> None:
    file, kept = filed(tmp_path)
    (tmp_path / FOLDER / "state_sums.json").unlink()
    if in_file:
        frame = pd.read_feather(file)
        frame.assign(date_pred=written(frame["date_pred"])).to_feather(file)
    else:
        kept = kept.assign(date_pred=written(kept["date_pred"]))
    whole = with_filed(pd.concat([kept, kept.tail(3)], ignore_index=True), tmp_path, "BTC")
    assert list(whole["date_pred"]) == list(predictions(0, 30)["date_pred"])
