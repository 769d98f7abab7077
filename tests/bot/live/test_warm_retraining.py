"""`freqai.continual_learning` in a running bot: a retraining begins from the pair's last model."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.training.start import chain as chain_module
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.live_bot import save_model

#: Candles of a training, and of the time until the next one: far fewer than validate.
TRAINED, LATER = 2500, 120


def bot_in(folder: Path, **parameters: Any) -> Bot:
    def configure(config: dict[str, Any]) -> None:
        config["freqai"]["continual_learning"] = True

    return make_bot(folder, {"epochs": 1, **parameters}, configure=configure)


def train(bot: Bot, featured: pd.DataFrame, number: int) -> Any:
    """Train and save as a running bot does, `number` retrainings after the first training."""
    part = featured.iloc[number * LATER : number * LATER + TRAINED].reset_index(drop=True)
    model = bot.train(part)
    save_model(bot, model, featured, int(part["date"].iloc[-1].timestamp()))
    return model


def sha256(model: Any) -> str:
    return hashlib.sha256(model.to_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def accepting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every warm training: two days teach a small network nothing."""
    monkeypatch.setattr(chain_module, "worse", lambda _warm: None)


@pytest.fixture
def featured(tmp_path: Path, btc_futures: pd.DataFrame) -> pd.DataFrame:
    return bot_in(tmp_path / "features").features(btc_futures.iloc[:3500].reset_index(drop=True))


def test_a_retraining_begins_from_the_last_model_after_a_restart_too(
    tmp_path: Path, featured: pd.DataFrame
) -> None:
    bot = bot_in(tmp_path / "bot")
    models = [train(bot, featured, number) for number in range(3)]
    assert [model.link.retrainings for model in models] == [0, 1, 2]
    assert [model.link.former for model in models] == [None, *map(sha256, models[:2])]

    restarted = bot_in(tmp_path / "other")
    for number in range(2):
        train(restarted, featured, number)
    restarted = bot_in(tmp_path / "other")
    restarted.model.dd.load_drawer_from_disk()
    assert train(restarted, featured, 2).to_bytes() == models[2].to_bytes()


def test_the_last_model_is_no_start_once_its_candles_have_changed(
    tmp_path: Path, featured: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    bot = bot_in(tmp_path / "bot")
    train(bot, featured, 0)
    newest = featured.copy()
    # The candles that validate may be corrected: the last model was not trained on them.
    newest.loc[newest.index[TRAINED - 1], "volume"] += 1.0
    assert train(bot, newest, 1).link.retrainings == 1
    changed = featured.copy()
    changed.loc[changed.index[1000], "volume"] += 1.0
    caplog.set_level("INFO")
    assert train(bot, changed, 2).link.retrainings == 0
    assert caplog.text.count(f"{PAIR}: a full training, because candles between ") == 1


@pytest.mark.parametrize("damaged", [False, True], ids=["purged", "damaged"])
def test_without_its_last_model_the_bot_trains_fully(
    damaged: bool, tmp_path: Path, featured: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    bot = bot_in(tmp_path / "bot")
    train(bot, featured, 0)
    folder = Path(bot.model.dd.pair_dict[PAIR]["data_path"])
    if damaged:
        (model,) = folder.glob("*_model.zip")
        model.write_bytes(b"")
    else:
        shutil.rmtree(folder)
    caplog.set_level("INFO")
    assert train(bot, featured, 1).link.retrainings == 0
    assert caplog.text.count(f"{PAIR}: a full training, because its last model cannot") == 1


def test_the_figures_beside_a_warm_model_tell_its_one_epoch(
    tmp_path: Path, featured: pd.DataFrame
) -> None:
    bot = bot_in(tmp_path / "bot", epochs=3)
    for number in range(2):
        train(bot, featured, number)
    # Both were trained in the kitchen's folder.
    content = json.loads(Path(bot.kitchen().data_path, "evaluation.json").read_text())
    assert len(content["training"]["epochs"]) == 1
    assert content["training"]["chain"]["retrainings"] == 1
