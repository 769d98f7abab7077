"""Figures of made-up trainings, and folders that hold them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dualwindow.backtest.figures import AfterFees, Percent, ProfitFigures, SideFigures
from dualwindow.columns import CLASS_NAMES, HOLD, LABEL_COLUMN, SHORT
from dualwindow.confidence import decide
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.thresholds import MODE_THRESHOLDS
from dualwindow.evaluation import Comparison, Evaluation, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from dualwindow.evaluation.skill import Skill, SkillFigure
from dualwindow.models.fingerprint import BINDING_NAME, fingerprint
from dualwindow.report.schema import TrainedWindow, TrainingFacts
from dualwindow.training.hooks import EpochResult
from tests.makers.evaluation_cases import random_case

PAIR = "BTC/USDT:USDT"
EVEN = (1 / 3, 1 / 3, 1 / 3)
MONDAY = 1_747_612_800
EPOCHS = [EpochResult(n, 1.1 / n, 1.2 / n, 0.1 * n, 0.002, 1.5) for n in (1, 2, 3)]
_TRAIN = random_case(7, 5000)
_BASELINES = Baselines.fit(_TRAIN.labels, _TRAIN.volatility, mixed_in=120)


def evaluated(
    seed: int = 0, rows: int = 2000, *, compared: bool = True, shorts: bool = True
) -> Evaluation:
    """An evaluation of probabilities that know nothing.

    Args:
        seed: of the case.
        rows: of it.
        compared: with baselines.
        shorts: whether SHORT ever comes.
    """
    case = random_case(seed, rows)
    labels = case.labels if shorts else np.where(case.labels == SHORT, HOLD, case.labels)
    comparison = Comparison(
        Reference(_BASELINES, Calibration(_BASELINES.prior, EVEN)),
        case.seconds,
        case.volatility,
        7200,
    )
    thresholds = MODE_THRESHOLDS["balanced"]
    return evaluate(labels, case.probabilities, thresholds, comparison if compared else None)


def with_skill(evaluation: Evaluation, **parts: tuple[float, float, float] | None) -> Evaluation:
    """The evaluation with made-up skills against every baseline.

    Args:
        evaluation: with baselines.
        parts: total, calm or direction to value, low and high; None is unknown.
    """
    figures = {name: SkillFigure(*(given or (None,) * 3)) for name, given in parts.items()}
    forecast = evaluation.forecast
    skill: dict[str, dict[str, Skill]] = {
        name: {baseline: replace(each, **figures) for baseline, each in against.items()}
        for name, against in forecast.skill.items()
    }
    return replace(evaluation, forecast=replace(forecast, skill=skill))


def earned(low: float | None = 0.01, high: float | None = 0.05) -> AfterFees:
    """Figures of some trades whose mean has this interval, percent."""
    mean, none = Percent(0.03, low, high), Percent(0.0, -0.01, 0.01)
    model = ProfitFigures(0.5, mean, Percent(3.0, None, None), 1.5)
    other = ProfitFigures(0.5, none, none, 1.5)
    return AfterFees(
        **dict.fromkeys(("turned", "held_pct", "fees_pct", "funding_pct"), 0),
        pairs=1,
        trades=100,
        days=7.5,
        turnover=200.0,
        turnover_a_day=27.0,
        fee_pct=0.05,
        slippage_pct=0.0,
        leverage=1.0,
        by_side={"SHORT": 50, "LONG": 50},
        by_reason={"roi": 100},
        sides=SideFigures(model, other, other, other, 20.0, Percent(0.02, 0.005, 0.04)),
    )


def window(
    evaluation: Evaluation | None, name: str = PAIR, trained_until: int | None = MONDAY, **more: Any
) -> TrainedWindow:
    training = TrainingFacts(1000, 120, dict.fromkeys(CLASS_NAMES, 300), 2, EPOCHS)
    about = {"evaluated_on": "validation", "hindsight": 0, **more}
    return TrainedWindow(name, trained_until, "0.1.0", training, evaluation=evaluation, **about)


def write_window(folder: Path, written: TrainedWindow) -> Path:
    """Write `evaluation.json` as a training does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "evaluation.json"
    content = {
        "name": written.name,
        "version": written.version,
        "training": {**asdict(written.training), "both_barriers_in_one_candle": None},
        "yardsticks": Reference(_BASELINES, Calibration(_BASELINES.prior, EVEN)).to_dict(),
        "not_evaluated_for_hindsight": written.hindsight,
        written.evaluated_on: asdict(written.evaluation) if written.evaluation else None,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def prediction_frame(rows: int, first: int = MONDAY, seed: int = 0) -> pd.DataFrame:
    """What FreqAI saves of a backtest's slice."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([2, 5, 2], rows)
    frame = pd.DataFrame(probabilities, columns=list(CLASS_NAMES))
    codes = decide(probabilities, MODE_THRESHOLDS["aggressive"])
    frame.insert(0, LABEL_COLUMN, np.array(CLASS_NAMES, dtype=object)[codes])
    dates = pd.to_datetime(first + 60 * np.arange(rows), unit="s", utc=True)
    frame.insert(0, "date", dates)
    frame["do_predict"] = (random.random(rows) > 0.1).astype(int)
    return frame


def write_candles(userdir: Path, rows: int, first: int = MONDAY) -> Path:
    """Candles of the pair where freqtrade keeps them: a random walk.

    Args:
        userdir: freqtrade's user folder.
        rows: candles from `first` on; 300 more lie before and 200 after.
        first: seconds since 1970.
    """
    random = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.0015, rows + 500)))
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) * 1.0002, np.minimum(opened, close) * 0.9998
    dates = pd.to_datetime(first + 60 * np.arange(-300, rows + 200), unit="s", utc=True)
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}
    path = userdir / "data" / "binance" / "futures" / "BTC_USDT_USDT-1m-futures.feather"
    path.parent.mkdir(parents=True)
    pd.DataFrame({"date": dates, **columns}).to_feather(path)
    return path


def write_binding(folder: Path, settings: dict[str, Any], pairs: dict[str, str]) -> None:
    """What the models of a folder are of, by base coin."""
    bound = {"fingerprint": fingerprint(settings), "settings": settings, "pairs": pairs}
    (folder / BINDING_NAME).write_text(json.dumps(bound), encoding="utf-8")


def backtest_folder(folder: Path, *, retrainings: int = 3, rows: int = 1440) -> Path:
    """FreqAI's folder of an identifier after a backtest of one pair."""
    settings = {"exchange": "binance", "trading_mode": "futures", "timeframe": "1m", "epochs": 3}
    folder.mkdir(parents=True, exist_ok=True)
    write_binding(folder, settings, {"BTC": PAIR})
    predictions = folder / "backtesting_predictions"
    predictions.mkdir()
    for number in range(retrainings):
        until = MONDAY + number * rows * 60
        write_window(folder / f"sub-train-BTC_{until}", window(evaluated(number)))
        frame = prediction_frame(rows, until, number)
        frame.to_feather(predictions / f"cb_btc_{until}_prediction.feather")
    return folder
