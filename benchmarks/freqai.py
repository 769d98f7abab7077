"""Our adapter beside FreqAI's stock torch classifier, and one live candle."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from freqtrade.configuration import Configuration, validate_config_consistency
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.prediction_models.PyTorchMLPClassifier import PyTorchMLPClassifier
from freqtrade.freqai.tensorboard.base_tensorboard import BaseTensorboardLogger
from freqtrade.freqai.torch.PyTorchModelTrainer import PyTorchModelTrainer
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from benchmarks.measure import interleaved
from benchmarks.results import Result, at_most, compared
from demo.market import MarketSpec, make_market
from demo.running import REPOSITORY
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.split import split_dataset
from dualwindow.training.batches import epoch_batches
from dualwindow.training.trainer import Trainer

PAIR = "BTC/USDT:USDT"
BATCH = 256
DAYS = 90


def _config(folder: Path, name: str, days: int) -> dict[str, Any]:
    paths = [str(REPOSITORY / "config.json")]
    arguments = {"config": paths, "user_data_dir": str(folder)}
    config: dict[str, Any] = Configuration(arguments, RunMode.BACKTEST).get_config()
    validate_config_consistency(config, preliminary=True)
    config["strategy_path"] = str(REPOSITORY / "strategies")
    config["freqaimodel_path"] = str(REPOSITORY / "freqaimodels")
    # No candle files are there: the candles are handed over.
    config["runmode"] = RunMode.OTHER
    config["freqai"] |= {"identifier": name, "train_period_days": days}
    return config


class Bots:
    """Our model and FreqAI's own on the same featured candles.

    Args:
        folder: a user folder that may be written to.
        days: of training.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self.config = _config(folder, "ours", days)
        self.strategy = StrategyResolver.load_strategy(self.config)
        self.ours: Any = FreqaiModelResolver.load_freqaimodel(self.config)
        stock = _config(folder, "stock", days)
        stock["freqai"]["model_training_parameters"] = {
            "trainer_kwargs": {"batch_size": BATCH, "n_epochs": 1}
        }
        self.stock_config = stock
        self.stock: Any = _StockWithoutNetwork(config=stock)
        self.stock.class_names = list(CLASS_NAMES)
        self.strategy.freqai = self.ours
        candles = make_market(MarketSpec(seed=3, days=days + 31)).candles
        kitchen = self.kitchen(self.config)
        frame = kitchen.use_strategy_to_populate_indicators(
            self.strategy, prediction_dataframe=candles, pair=PAIR
        )
        frame = kitchen.remove_special_chars_from_feature_names(frame)
        frame = self.strategy.set_freqai_targets(frame, {"pair": PAIR})
        self.frame: pd.DataFrame = frame.tail(days * 1440).reset_index(drop=True)

    def kitchen(self, config: dict[str, Any]) -> FreqaiDataKitchen:
        """A data kitchen for one training."""
        kitchen = FreqaiDataKitchen(config, False, PAIR)
        kitchen.set_paths(PAIR, 1)
        kitchen.set_new_model_names(PAIR, 1)
        return kitchen

    def prepare_ours(self) -> int:
        """Everything but the network in one of our trainings; windows delivered."""
        settings = self.ours._settings
        kitchen = self.kitchen(self.config)
        kitchen.find_features(self.frame)
        kitchen.find_labels(self.frame)
        data = self.ours._data_dictionary(self.frame, PAIR, kitchen)
        dataset = Dataset.from_candles(data["candles"], data["labels"], settings, name=PAIR)
        split = split_dataset(
            dataset,
            validation_fraction=settings.validation_fraction,
            future_window=settings.future_window,
        )
        trainer = Trainer(dataset, split, settings)
        network = trainer._build_network()
        order = EpochOrder(
            split.train,
            balance=settings.class_balance,
            mirror=network.mirrors,
            seed=settings.seed,
            epoch=0,
        )
        generator = torch.Generator().manual_seed(settings.seed)
        batches = epoch_batches(order, trainer._stream, network, generator, BATCH)
        return sum(map(len, batches))

    def prepare_stock(self) -> None:
        """Everything but the network in one of the stock classifier's trainings."""
        kitchen = self.kitchen(self.stock_config)
        frame = self.frame.copy()
        kitchen.find_features(frame)
        kitchen.find_labels(frame)
        self.stock.tb_logger = BaseTensorboardLogger(kitchen.data_path, False)
        self.stock.train(frame, PAIR, kitchen)


class _NoNetwork(PyTorchModelTrainer):  # type: ignore[misc]
    """FreqAI's trainer with the forward pass, the backward pass and the step left out."""

    def fit(self, data_dictionary: dict[str, pd.DataFrame], splits: list[str]) -> None:
        """Make the loaders and go over every batch of one epoch."""
        loaders = self.create_data_loaders_dictionary(data_dictionary, splits)
        for split in splits:
            for xb, yb in loaders[split]:
                xb.to(self.device), yb.to(self.device)


class _StockWithoutNetwork(PyTorchMLPClassifier):  # type: ignore[misc]
    """FreqAI's stock classifier whose trainer computes nothing."""

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **_kwargs: Any) -> Any:
        """As the stock classifier's, with the other trainer and no model."""
        class_names = self.get_class_names()
        self.convert_label_column_to_int(data_dictionary, dk, class_names)
        trainer = _NoNetwork(
            model=torch.nn.Linear(1, 1),
            optimizer=None,
            criterion=None,
            device=self.device,
            data_convertor=self.data_convertor,
            tb_logger=self.tb_logger,
            **self.trainer_kwargs,
        )
        trainer.model.train()
        trainer.fit(data_dictionary, self.splits)
        return trainer


def everything_but_the_network(days: int = DAYS, repeats: int = 3) -> list[Result]:
    """One training window, network left out on both sides."""
    with tempfile.TemporaryDirectory(prefix="dualwindow-bots-") as folder:
        bots = Bots(Path(folder), days)
        windows = bots.prepare_ours()
        ours, theirs = interleaved(repeats, bots.prepare_ours, bots.prepare_stock)
    note = f"one epoch's batches on both sides: {windows:,} windows here, single candles there"
    what = f"everything but the network in one {days}-day training"
    return [compared(what, "FreqAI's PyTorchMLPClassifier", (ours, theirs), "s", goal=2, note=note)]


def live_candle(calls: int) -> list[Result]:
    """The model's part of one live candle of one pair, after features."""
    with tempfile.TemporaryDirectory(prefix="dualwindow-bots-") as folder:
        bots = Bots(Path(folder), 2)
        bots.config["freqai"]["model_training_parameters"] |= {"epochs": 1}
        bots.ours._settings = bots.ours._settings.replace(epochs=1, early_stopping_patience=1)
        kitchen = bots.kitchen(bots.config)
        kitchen.find_features(bots.frame)
        kitchen.find_labels(bots.frame)
        bots.ours.tb_logger = BaseTensorboardLogger(kitchen.data_path, False)
        bots.ours.model = bots.ours.train(bots.frame, PAIR, kitchen)
        window = bots.frame.tail(bots.ours.CONV_WIDTH).drop(columns="&-side")
        seconds = []
        for _ in range(calls + 5):
            frame, one = window.copy(), bots.kitchen(bots.config)
            started = time.perf_counter()
            bots.ours.predict(frame, one)
            seconds.append(time.perf_counter() - started)
    half, slowest = np.percentile(np.array(seconds[5:]) * 1000, [50, 99])
    what = "one live candle of one pair, the model's part"
    note = f"{calls} calls, the network of config.json with its mirror image"
    return [
        at_most(f"{what}: median", float(half), "ms", None, note),
        at_most(f"{what}: 99th percentile", float(slowest), "ms", None),
    ]
