"""A trained model, saved as a running bot saves it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.models.trained_model import TrainedModel
from tests.makers.bot import PAIR, Bot, make_bot

OLDER, NEWER = 1_700_000_000, 1_700_003_600


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
