"""What FreqAI holds for a running bot: models, history and predictions, each of them whole."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.bot.live import prediction_archive
from dualwindow.models.trained_model import TrainedModel
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.candle_files import write_futures
from tests.makers.saved_models import NEWER, OLDER, save, trained

__all__ = ["trained"]

# --- models ---------------------------------------------------------------------------------------


def test_a_prediction_never_sees_half_a_publication(
    trained: tuple[Bot, TrainedModel], tmp_path: Path
) -> None:
    """Whoever looks a model up while another is being published waits, and gets all of it."""
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path, bot.config)
    found: list[FreqaiDataKitchen] = []
    waited: list[bool] = []

    def look() -> None:
        kitchen = bot.kitchen()
        kitchen.live = True
        drawer.load_data(PAIR, kitchen)
        found.append(kitchen)

    class Entry(dict[str, Any]):
        """FreqAI writes the name of the new model here, then its folder, then its metadata."""

        def __setitem__(self, name: str, value: Any) -> None:
            if name == "data_path":
                looker.start()
                looker.join(0.5)
                waited.append(looker.is_alive())
            super().__setitem__(name, value)

    save(bot, model, drawer, OLDER)
    drawer.pair_dict[PAIR] = Entry(drawer.pair_dict[PAIR])  # type: ignore[typeddict-item]
    looker = threading.Thread(target=look)
    save(bot, model, drawer, NEWER)
    looker.join()
    assert waited == [True]
    (kitchen,) = found
    assert kitchen.model_filename == kitchen.data["model_filename"] == f"cb_btc_{NEWER}"
    assert Path(kitchen.data["data_path"]) == kitchen.data_path


@pytest.mark.parametrize("fails", ["pair_dictionary.json", "manifest.json"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_model_that_cannot_be_saved_to_its_end_predicts_nothing(
    fails: str,
    is_first: bool,
    trained: tuple[Bot, TrainedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last whole one goes on, in memory as after a restart."""
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path, bot.config)
    if not is_first:
        save(bot, model, drawer, OLDER)
    other = model.with_confidence(None, None)
    real = Path.replace

    def full(path: Path, target: Path) -> Path:
        # The model's own manifest is written before that of all its files.
        if target.name == fails and len(list(target.parent.glob("cb_*"))) in (0, 6):
            raise OSError(28, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        save(bot, other, drawer, NEWER)
    kitchen = bot.kitchen()
    kitchen.live = True
    found = drawer.load_data(PAIR, kitchen)
    assert found is (None if is_first else model)
    assert drawer.pair_dict[PAIR]["model_filename"] == ("" if is_first else f"cb_btc_{OLDER}")


# --- history --------------------------------------------------------------------------------------


class Provider:
    """What the exchange says now."""

    def __init__(self, candles: pd.DataFrame) -> None:
        self.candles = candles

    def get_pair_dataframe(self, _pair: str, _timeframe: str) -> pd.DataFrame:
        return self.candles


def test_live_features_are_those_of_the_whole_history(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    """Candles that are late, doubled or corrected, and averages longer than what is seen."""
    bot = make_bot(tmp_path, periods=(30, 2000))
    whole = btc_futures.iloc[:4000].reset_index(drop=True)
    expected = bot.features(whole)
    averages = [name for name in expected.columns if "_to_ma" in name]
    assert len(averages) == 4
    assert bot.features(whole.iloc[-499:].reset_index(drop=True))[averages[2]].isna().all()

    drawer = DualWindowDrawer(tmp_path, bot.config)
    bot.model.dd = drawer
    drawer.historic_data = {PAIR: {"1m": whole.iloc[:3700].copy()}}
    kitchen = bot.kitchen()
    kitchen.live, kitchen.all_pairs = True, [PAIR]
    # Judged by today's date FreqAI would keep none of these candles.
    everything = TimeRange("date", "date", 0, 0)
    kitchen.check_if_new_training_required = lambda _stamp: (True, everything, everything)
    for end in range(3701, 4001, 13):
        newest = whole.iloc[end - 499 : end].reset_index(drop=True)
        if end % 2:
            newest.loc[480, ["close", "volume"]] = [1.0, 0.0]  # a stand-in, corrected next time
        strategy = bot.strategy
        strategy.dp = Provider(newest)
        for _twice in range(2):
            drawer.update_historic_data(strategy, kitchen)
    newest = whole.iloc[-499:].reset_index(drop=True)
    strategy.dp = Provider(newest)
    drawer.update_historic_data(strategy, kitchen)
    assert (drawer.historic_data[PAIR]["1m"]["date"] == whole["date"]).all()
    found = bot.features(newest)
    np.testing.assert_allclose(
        found[averages], expected[averages].tail(499), rtol=1e-10, atol=1e-12
    )


def test_a_start_with_a_model_that_is_not_due_loads_no_more_than_a_training_needs(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    """FreqAI then gives no dates, and would hold all that the disk has of every pair."""
    bot = make_bot(tmp_path)
    candles = btc_futures.iloc[:500]
    write_futures(Path(bot.config["datadir"]), PAIR, candles)
    bot.config["pairs"] = [PAIR]
    first, last = (int(candles["date"].iloc[row].timestamp()) for row in (300, 499))
    needed = TimeRange("date", "date", first, last)
    kitchen = bot.kitchen()
    kitchen.check_if_new_training_required = lambda _stamp: (True, needed, needed)
    untyped = TimeRange(None, None, first, last)
    for asked, count in ((TimeRange(), 200), (needed, 200), (untyped, 200)):
        drawer = DualWindowDrawer(tmp_path, bot.config)
        drawer.load_all_pair_histories(asked, kitchen)
        assert len(drawer.historic_data[PAIR]["1m"]) == count


def test_a_training_sees_no_candle_after_its_range(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    """One that goes on after a restart must not see more than it began with."""
    bot = make_bot(tmp_path, features={"include_corr_pairlist": ["ETH/USDT:USDT"]})
    drawer = DualWindowDrawer(tmp_path, bot.config)
    frame = btc_futures.iloc[:500]
    drawer.historic_data = {PAIR: {"1m": frame}, "ETH/USDT:USDT": {"1m": frame}}
    kitchen = bot.kitchen()
    kitchen.live = True
    first, end = (int(frame["date"].iloc[row].timestamp()) for row in (100, 300))
    loaded = TimeRange("date", "date", first, end + 1)
    correlated, base = drawer.get_base_and_corr_dataframes(loaded, PAIR, kitchen)
    for candles in (base["1m"], correlated["ETH/USDT:USDT"]["1m"]):
        assert list(candles["date"]) == list(frame["date"].iloc[100:301])


def test_a_hole_that_was_never_received_is_named_and_not_fatal(
    tmp_path: Path, btc_futures: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot(tmp_path)
    drawer = DualWindowDrawer(tmp_path, bot.config)
    kitchen = bot.kitchen()
    kitchen.live, kitchen.all_pairs = True, [PAIR]
    drawer.historic_data = {PAIR: {"1m": btc_futures.iloc[:100]}}
    drawer._append(PAIR, "1m", btc_futures.iloc[700:1199], btc_futures["date"].iloc[50])
    assert len(drawer.historic_data[PAIR]["1m"]) == 50 + 499
    assert "600 candles" in caplog.text
    assert drawer.incomplete == {PAIR}


def test_candles_without_a_beginning_are_no_history(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    """freqtrade goes on after a download that failed; the newest candles are not what it lacks."""
    drawer = DualWindowDrawer(tmp_path, make_bot(tmp_path).config)
    drawer.historic_data = {PAIR: {"1m": btc_futures.iloc[:0]}}
    newest, keep_from = btc_futures.iloc[700:1199], btc_futures["date"].iloc[50]
    drawer._append(PAIR, "1m", newest, keep_from)
    assert drawer.incomplete == {PAIR}
    assert len(drawer.historic_data[PAIR]["1m"]) == 499


# --- predictions ----------------------------------------------------------------------------------


def test_old_predictions_leave_memory_and_a_full_disk_does_not_stop_decisions(
    trained: tuple[Bot, TrainedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot, _ = trained
    drawer = DualWindowDrawer(tmp_path, bot.config)
    kitchen = bot.kitchen()
    kitchen.data |= {"extra_returns_per_train": {}}
    bot.model._describe_labels(kitchen)
    rows = prediction_archive.HELD + prediction_archive.FILED_AT_ONCE
    dates = pd.date_range("2026-01-01", periods=rows + 2, freq="min", tz="UTC", unit="ms")
    names = ["SHORT", "SHORT_mean", "SHORT_std", "do_predict"]
    names += ["high_price", "low_price", "close_price"]
    drawer.historic_predictions[PAIR] = pd.DataFrame(
        dict.fromkeys(names, 0.5), index=range(rows - 1)
    ).assign(date_pred=dates[: rows - 1])

    def predict(number: int) -> None:
        frame = pd.DataFrame({"date": dates[:number].to_series(index=range(number))})
        frame = frame.assign(high=1.0, low=1.0, close=1.0).tail(499)
        said = pd.DataFrame({"SHORT": [0.25]})
        drawer.append_model_predictions(PAIR, said, np.ones(1), kitchen, frame)

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        predict(rows)
    assert "old predictions cannot be written" in caplog.text
    assert len(drawer.historic_predictions[PAIR]) == rows
    predict(rows + 1)
    held = drawer.historic_predictions[PAIR]
    assert len(held) == prediction_archive.HELD
    assert held["date_pred"].iloc[-1] == dates[rows]
    drawer.save_historic_predictions_to_disk()
    again = DualWindowDrawer(tmp_path, {**bot.config, "freqai_backtest_live_models": True})
    assert list(again.historic_predictions[PAIR]["date_pred"]) == list(dates[: rows + 1])
