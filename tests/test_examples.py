"""The examples in the docstrings run, and every public entry point has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from functools import reduce
from types import ModuleType

import pytest

import dualwindow

#: Public entry points: what a user of the package calls, by module.
ENTRY_POINTS = (
    "backtest.after_fees:after_fees",
    "backtest.exits:hold_position",
    "backtest.terms:TradeTerms",
    "backtest.trades:trade_decisions",
    "columns:canonical_feature_name",
    "confidence.calibration:Calibration",
    "confidence.coverage:ValidationQuantiles",
    "confidence.thresholds:Thresholds",
    "confidence.thresholds:decide",
    "data.candles.sources:CandleSource",
    "data.candles.timerange:DateRange.from_dates",
    "data.datasets.dataset:Dataset.from_candles",
    "data.datasets.sampler:EpochOrder",
    "data.datasets.split:split_dataset",
    "data.features.base:moving_mean",
    "data.features.base:change_features",
    "data.features.candle_arrays:CandleArrays",
    "data.features.windows:valid_windows",
    "data.features.windows:known_futures",
    "errors:SettingsError",
    "evaluation.baselines:Baselines.fit",
    "evaluation.bootstrap:interval_of",
    "evaluation.figures:evaluate",
    "evaluation.reliability:Reliability",
    "labels:label_candles",
    "model_selection.threshold_search:candidate_thresholds",
    "model_selection.threshold_search:choose_thresholds",
    "model_selection.walk_forward:walk_pair",
    "data.features.feature_code:code_fingerprint",
    "models.mirror:mirror_for",
    "models.networks.shape:NetworkShape.from_settings",
    "models.trained_model:TrainedModel.predict",
    "report.verdict:verdict_of",
    "runtime.files:whole_file",
    "runtime.memory:MemoryGauge",
    "settings.layers.files:LayeredConfig",
    "settings.layers.presets:find_preset",
    "settings.root_settings:RootSettings",
    "settings.training_config:TrainingConfig",
    "settings.training_config:TrainingConfig.thresholds",
    "settings.training_config:TrainingConfig.apply_confidence_mode",
    "settings.training_config:TrainingConfig.replace",
    "training.evaluation_rows:EvaluationRows.from_split",
    "training.hooks:TrainingHook",
    "training.session:TrainingSession",
    "training.train:train_model",
)


def modules() -> list[str]:
    names = [each.name for each in pkgutil.walk_packages(dualwindow.__path__, "dualwindow.")]
    return [name for name in names if not name.endswith("__main__")]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name: str) -> None:
    for test in examples(importlib.import_module(name)):
        report: list[str] = []
        result = doctest.DocTestRunner().run(test, out=report.append)
        assert not result.failed, "".join(report)


@pytest.mark.parametrize("path", ENTRY_POINTS)
def test_an_entry_point_shows_an_example(path: str) -> None:
    module, _, qualified = path.partition(":")
    thing = reduce(getattr, qualified.split("."), importlib.import_module(f"dualwindow.{module}"))
    assert ">>>" in (thing.__doc__ or ""), f"{path} has no example"
