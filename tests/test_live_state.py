"""A restarted bot resumes with the last whole model; what is damaged is set aside, never loaded."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import torch
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow import prediction_archive
from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.compute_threads import ComputeThreads
from dualwindow.freqai_files import set_aside_damaged
from dualwindow.model_folders import find_models, recover_models
from dualwindow.trained import TrainedModel
from tests.bot import PAIR, Bot, freqtrade_config, make_bot

OLDER, NEWER = 1_700_000_000, 1_700_003_600


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "truncated": truncate,
    "empty": lambda _content: b"",
    "flipped": flip,
}


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame
) -> tuple[Bot, TrainedModel]:
    bot = make_bot(tmp_path_factory.mktemp("live"))
    model = bot.train(bot.features(btc_futures.iloc[:3000].reset_index(drop=True)))
    return bot, model


def save(bot: Bot, model: TrainedModel, drawer: DualWindowDrawer, stamp: int) -> Path:
    """Save a model as FreqAI does after a live training."""
    kitchen = bot.kitchen()
    kitchen.full_path = drawer.full_path
    kitchen.live = True
    kitchen.set_new_model_names(PAIR, stamp)
    kitchen.training_features_list = list(model.feature_names)
    kitchen.label_list = ["&-side"]
    empty = pd.DataFrame()
    kitchen.data_dictionary = {"train_features": empty, "train_dates": empty}
    drawer.get_pair_dict_info(PAIR)
    drawer.pair_dict[PAIR]["trained_timestamp"] = stamp
    drawer.save_data(model, PAIR, kitchen)
    return Path(kitchen.data_path)


@pytest.fixture
def folder(trained: tuple[Bot, TrainedModel], tmp_path: Path) -> Path:
    """A model folder after two live trainings."""
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path, bot.config)
    for stamp in (OLDER, NEWER):
        save(bot, model, drawer, stamp)
    drawer.historic_predictions[PAIR] = pd.DataFrame({"LONG": [0.25]})
    drawer.save_historic_predictions_to_disk()
    drawer.save_global_metadata_to_disk({"start_dry_live_date": OLDER})
    return tmp_path


def restart(folder: Path, bot: Bot) -> tuple[dict[str, Any], Any]:
    """What a started bot knows of the pair, and the model it would predict with."""
    set_aside_damaged(folder)
    recover_models(folder, [PAIR])
    drawer = DualWindowDrawer(folder, bot.config)
    entry = dict(drawer.pair_dict.get(PAIR, {}))
    if not entry:
        return entry, None
    kitchen = bot.kitchen()
    kitchen.live = True
    return entry, drawer.load_data(PAIR, kitchen)


def model_files() -> list[str]:
    return [
        "model.zip",
        "metadata.json",
        "feature_pipeline.pkl",
        "label_pipeline.pkl",
        "trained_df.pkl",
        "trained_dates_df.pkl",
    ]


def test_a_whole_folder_is_left_as_it_is(folder: Path, trained: tuple[Bot, TrainedModel]) -> None:
    before = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == NEWER
    assert isinstance(model, TrainedModel)
    assert {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", [*model_files(), "manifest.json"])
def test_a_damaged_model_is_set_aside_and_the_one_before_it_resumes(
    name: str,
    damage: str,
    folder: Path,
    trained: tuple[Bot, TrainedModel],
    caplog: pytest.LogCaptureFixture,
) -> None:
    newest = folder / f"sub-train-BTC_{NEWER}"
    file = newest / (name if name == "manifest.json" else f"cb_btc_{NEWER}_{name}")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == OLDER
    assert isinstance(model, TrainedModel)
    assert not newest.exists()
    assert newest.with_name(f"{newest.name}.damaged").is_dir()
    assert "set aside" in caplog.text


def test_with_no_whole_model_left_the_pair_is_trained_anew(
    folder: Path, trained: tuple[Bot, TrainedModel], caplog: pytest.LogCaptureFixture
) -> None:
    for model in find_models(folder):
        file = model.path / f"{model.filename}_model.zip"
        file.write_bytes(truncate(file.read_bytes()))
    entry, model_found = restart(folder, trained[0])
    assert (entry, model_found) == ({}, None)
    assert "trained anew" in caplog.text


@pytest.mark.parametrize("stage", [*model_files()[1:], "manifest.json"])
def test_a_bot_killed_while_saving_resumes_with_the_model_before(
    stage: str, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    # FreqAI had not yet noted the new model, and everything from `stage` on was never written.
    unfinished = folder / f"sub-train-BTC_{NEWER}"
    order = [*model_files(), "manifest.json"]
    for name in order[order.index(stage) :]:
        if name == "manifest.json":
            continue  # the model's own, written with it
        (unfinished / f"cb_btc_{NEWER}_{name}").unlink()
    dictionary = json.loads((folder / "pair_dictionary.json").read_text())
    whole = next(each for each in find_models(folder) if each.trained_until == OLDER)
    dictionary[PAIR] = whole.entry()
    (folder / "pair_dictionary.json").write_text(json.dumps(dictionary))
    (folder / "state_sums.json").unlink()
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == OLDER
    assert isinstance(model, TrainedModel)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["pair_dictionary.json", "global_metadata.json"])
def test_a_damaged_state_file_is_set_aside_and_the_newest_model_resumes(
    name: str, damage: str, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    file = folder / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    entry, model = restart(folder, trained[0])
    assert (folder / f"{name}.damaged").is_file()
    assert entry["trained_timestamp"] == NEWER
    assert isinstance(model, TrainedModel)


@pytest.mark.parametrize(
    ("damage", "known"),
    # Without a sum a pickle does not show a flipped value.
    [("truncated", True), ("empty", True), ("flipped", True), ("truncated", False)],
)
def test_damaged_predictions_are_restored_from_their_copy(
    damage: str, known: bool, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    if not known:
        (folder / "state_sums.json").unlink()
    file = folder / "historic_predictions.pkl"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    restart(folder, trained[0])
    assert cloudpickle.loads(file.read_bytes())[PAIR]["LONG"].tolist() == [0.25]


def test_predictions_damaged_together_with_their_copy_begin_anew(
    folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    for name in ("historic_predictions.pkl", "historic_predictions.backup.pkl"):
        (folder / name).write_bytes(b"")
    _, model = restart(folder, trained[0])
    assert isinstance(model, TrainedModel)
    assert not (folder / "historic_predictions.pkl").exists()


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


@pytest.mark.parametrize("live", [False, True])
def test_a_live_training_leaves_a_core_to_the_candle_loop(
    live: bool, tmp_path: Path, btc_futures: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot(tmp_path)
    bot.model._live = live
    asked: list[bool] = []
    real = ComputeThreads.for_training

    def recorded(device: torch.device, *, in_background: bool = False) -> ComputeThreads:
        asked.append(in_background)
        return real(device)  # this test's own thread goes on as before

    monkeypatch.setattr(ComputeThreads, "for_training", recorded)
    bot.train(bot.features(btc_futures.iloc[:3000].reset_index(drop=True)))
    assert asked == [live] * 2  # to train and to evaluate


def test_a_started_dry_run_recovers_before_freqai_looks(
    trained: tuple[Bot, TrainedModel], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path / "models" / "dualwindow", bot.config)
    config = freqtrade_config(tmp_path)
    config["runmode"] = RunMode.DRY_RUN
    FreqaiModelResolver.load_freqaimodel(config)  # binds the folder
    older, newer = (save(bot, model, drawer, stamp) for stamp in (OLDER, NEWER))
    file = newer / f"cb_btc_{NEWER}_metadata.json"
    file.write_bytes(truncate(file.read_bytes()))
    started = FreqaiModelResolver.load_freqaimodel(config)
    assert isinstance(started.dd, DualWindowDrawer)
    assert started.dd.pair_dict[PAIR]["data_path"] == str(older)
    assert "set aside" in caplog.text


def test_a_copy_of_the_predictions_alone_restores_nothing(
    folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    # Whoever deletes the predictions to begin anew is not given them back.
    (folder / "historic_predictions.pkl").unlink()
    (folder / "global_metadata.json").write_bytes(b"")
    restart(folder, trained[0])
    assert not (folder / "historic_predictions.pkl").exists()


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
