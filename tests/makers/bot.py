"""The adapters in one process: freqtrade's resolvers and FreqAI's hooks, no command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import Configuration
from freqtrade.configuration.config_validation import validate_config_consistency
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.tensorboard.base_tensorboard import BaseTensorboardLogger
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.columns import BASE, CLASS_NAMES, EXTENDED

REPOSITORY = Path(__file__).resolve().parents[2]
PAIR = "BTC/USDT:USDT"

FEATURE_SETS = (BASE, EXTENDED)

#: A network that trains in a second; windows and barriers small enough to meet every class.
QUICK: dict[str, Any] = {
    "window_size": 60,
    "future_window": 30,
    "long_tp_pct": 0.002,
    "long_sl_pct": 0.001,
    "short_tp_pct": 0.002,
    "short_sl_pct": 0.001,
    "epochs": 2,
    "patch_size": 5,
    "lstm_units": [12, 8],
    "dense_units": [8],
    "confidence_mode": "aggressive",
}


@dataclass
class Bot:
    """Strategy and model as freqtrade would load them."""

    config: dict[str, Any]
    strategy: Any
    model: Any

    def kitchen(self, pair: str = PAIR) -> FreqaiDataKitchen:
        kitchen = FreqaiDataKitchen(self.config, False, pair)
        kitchen.set_paths(pair, 1)
        kitchen.set_new_model_names(pair, 1)
        return kitchen

    def features(self, candles: pd.DataFrame, pair: str = PAIR) -> pd.DataFrame:
        """Candles with the feature columns that FreqAI's hooks make."""
        kitchen = self.kitchen(pair)
        frame = kitchen.use_strategy_to_populate_indicators(
            self.strategy, prediction_dataframe=candles, pair=pair
        )
        return kitchen.remove_special_chars_from_feature_names(frame)

    def train(self, featured: pd.DataFrame, pair: str = PAIR) -> Any:
        """Label and train as a backtest does."""
        kitchen = self.kitchen(pair)
        frame = self.strategy.set_freqai_targets(featured.copy(), {"pair": pair})
        kitchen.find_features(frame)
        kitchen.find_labels(frame)
        self.model.tb_logger = BaseTensorboardLogger(kitchen.data_path, False)
        self.model.model = self.model.train(frame, pair, kitchen)
        return self.model.model

    def predict(
        self, featured: pd.DataFrame, pair: str = PAIR
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities (N, 3), decisions (N,) and do_predict (N,) of a slice."""
        frame, do_predict = self.model.predict(featured, self.kitchen(pair))
        decisions = frame["&-side"].to_numpy()
        return frame[list(CLASS_NAMES)].to_numpy(np.float64), decisions, do_predict


def freqtrade_config(userdir: Path, *files: str) -> dict[str, Any]:
    """The shipped configuration as freqtrade reads it, with its own user folder."""
    userdir.mkdir(parents=True, exist_ok=True)
    paths = [str(REPOSITORY / name) for name in ("config.json", *files)]
    arguments = {"config": paths, "user_data_dir": str(userdir)}
    config: dict[str, Any] = Configuration(arguments, RunMode.BACKTEST).get_config()
    # Also writes freqtrade's own defaults into the configuration, as the command line does.
    validate_config_consistency(config, preliminary=True)
    config["strategy_path"] = str(REPOSITORY / "strategies")
    config["freqaimodel_path"] = str(REPOSITORY / "freqaimodels")
    return config


def make_bot(
    userdir: Path,
    parameters: dict[str, Any] | None = None,
    periods: tuple[int, ...] = (30, 240),
    spot: bool = False,
    features: dict[str, Any] | None = None,
    configure: Callable[[dict[str, Any]], None] | None = None,
) -> Bot:
    """Load strategy and model with a quick network and short averages."""
    config = freqtrade_config(userdir, *(["config.spot.json"] if spot else []))
    freqai = config["freqai"]
    freqai["train_period_days"] = 1
    # Few steps warm up nothing; tests of chains turn it on.
    freqai["continual_learning"] = False
    freqai["data_split_parameters"] = {"test_size": 0.15}
    freqai["model_training_parameters"] = {**QUICK, **(parameters or {})}
    freqai["feature_parameters"] |= {"indicator_periods_candles": list(periods), **(features or {})}
    if configure is not None:
        configure(config)
    # These bots are handed their candles by the test, so no file is looked for.
    config["runmode"] = RunMode.OTHER
    # The near barriers of `QUICK` earn nothing after the usual fee of a spot market.
    config["dualwindow"]["evaluation_fee"] = 0.0005
    strategy = StrategyResolver.load_strategy(config)
    model = FreqaiModelResolver.load_freqaimodel(config)
    strategy.freqai = model
    return Bot(config, strategy, model)
