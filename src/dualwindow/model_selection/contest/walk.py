"""Walks a contest's contenders through every window of every pair; finished cells are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dualwindow.backtest.terms import TradeTerms
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.model_selection.contest.cells import Cell, KeptCells
from dualwindow.model_selection.contest.forecasts import (
    PRIOR_NAME,
    TABLE_NAME,
    Contender,
    prior,
    volatility_table,
)
from dualwindow.model_selection.contest.market import Fold, Market
from dualwindow.model_selection.contest.rivals import (
    LIGHTGBM_NAME,
    LOGISTIC_NAME,
    lightgbm,
    lightgbm_problem,
    logistic,
)
from dualwindow.model_selection.contest.scoring import scored
from dualwindow.settings import TrainingConfig
from dualwindow.settings.training_config import ROW_SETTINGS

BASELINES: Final[Mapping[str, Contender]] = {PRIOR_NAME: prior, TABLE_NAME: volatility_table}
RIVALS: Final[Mapping[str, Contender]] = {LOGISTIC_NAME: logistic, LIGHTGBM_NAME: lightgbm}
#: Settings that baselines and rivals depend on.
_SHARED_SETTINGS: Final = (
    *ROW_SETTINGS,
    *("validation_fraction", "sample_every", "mirror", "confidence_measure"),
)


def rivals_here() -> tuple[dict[str, Contender], list[str]]:
    """The rivals that can take part, and a sentence on one that cannot."""
    problem = lightgbm_problem()
    missing = {LIGHTGBM_NAME} if problem else set()
    present = {name: rival for name, rival in RIVALS.items() if name not in missing}
    return present, [problem] if problem else []


@dataclass(frozen=True)
class ContestPlan:
    """Who takes part, and on which windows.

    Attributes:
        networks: settings by name of the contender.
        contenders: of the same names.
        rivals: others, fitted once each.
        days: lengths of training, the first of them that of the configuration or the user.
        step_days: that follow every training and are evaluated.
        seeds: of each network.
        terms: of the trades.
        temperature: whether one is fitted for every contender.
    """

    networks: Mapping[str, TrainingConfig]
    contenders: Mapping[str, Contender]
    rivals: Mapping[str, Contender]
    days: tuple[int, ...]
    step_days: int
    seeds: tuple[int, ...]
    terms: TradeTerms
    temperature: bool

    @property
    def everybody(self) -> dict[str, tuple[Contender, tuple[int, ...]]]:
        """Every contender with its seeds, baselines first."""
        once = {**BASELINES, **self.rivals}
        return {
            **{name: (contender, self.seeds[:1]) for name, contender in once.items()},
            **{name: (contender, self.seeds) for name, contender in self.contenders.items()},
        }

    def windows(self, market: Market) -> range:
        """The row after every training window of a pair: the same for all lengths of training.

        Raises:
            DataError: when there is none.
        """
        stops = market.stops(max(self.days), self.step_days)
        if not stops:
            raise DataError(
                f"{market.name}: a contest needs {max(self.days)} days to train on and "
                f"{self.step_days} to evaluate, and {market.usable_days:.1f} can be used; "
                "give fewer --days or --step-days, an earlier --date-from, or download more"
            )
        return stops


@dataclass(frozen=True)
class Scored:
    """One contender on one window of one pair.

    Attributes:
        pair: name of the pair.
        contender: name of the contender.
        days: of training.
        stop: date of the first candle after the training, seconds since 1970.
        seed: of the contender.
        cell: its figures, those of `scored` with the `seconds` of fitting and predicting.
    """

    pair: str
    contender: str
    days: int
    stop: int
    seed: int
    cell: Cell

    @property
    def what(self) -> str:
        """Names it to who is waiting."""
        return (
            f"{self.pair}, {self.days} days until {utc_text(self.stop)}, {self.contender}, "
            f"seed {self.seed}"
        )


def walk(
    markets: Sequence[Market],
    plan: ContestPlan,
    cells: KeptCells,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    made: Callable[[Scored, int, int], None] = lambda _scored, _done, _total: None,
) -> list[Scored]:
    """Score every contender on every window, each with its seeds, or take what is kept.

    Args:
        markets: pairs.
        plan: of the contest.
        cells: where finished ones are kept.
        should_stop: asked before every cell.
        made: called after every cell with the number of those that are done, and of all.

    Raises:
        DataError: when a pair has too few candles, before anything is fitted; or when a cell
            cannot be kept.
        TrainingStoppedError: when `should_stop` returned true; finished cells are kept.
    """
    stops = {market.name: plan.windows(market) for market in markets}
    everybody = plan.everybody
    trainings = sum(len(seeds) for _, seeds in everybody.values())
    total = trainings * len(plan.days) * sum(map(len, stops.values()))
    found: list[Scored] = []
    for market in markets:
        for fold, days in _folds(market, stops[market.name], plan):
            content = fold.content_key()
            for name, (contender, seeds) in everybody.items():
                for seed in seeds:
                    if should_stop():
                        raise TrainingStoppedError("the contest was asked to stop")
                    cell = _cell(fold, content, (name, contender, seed), plan, cells)
                    stop = int(market.dataset.seconds[fold.stop])
                    found.append(Scored(market.name, name, days, stop, seed, cell))
                    made(found[-1], len(found), total)
    return found


def _folds(market: Market, stops: range, plan: ContestPlan) -> Iterator[tuple[Fold, int]]:
    """Window after window with the days of its training; one at a time is held."""
    for stop in stops:
        for days in plan.days:
            yield market.fold(stop, days, plan.step_days), days


def _cell(
    fold: Fold,
    content: str,
    who: tuple[str, Contender, int],
    plan: ContestPlan,
    cells: KeptCells,
) -> Cell:
    name, contender, seed = who
    # What is no network is ranked as the configured ones are, so that their edges compare.
    config = plan.networks.get(name, fold.market.config)
    settings, measure = config.to_dict(), config.confidence_measure
    if name not in plan.networks:
        settings = {key: settings[key] for key in _SHARED_SETTINGS}
    inputs = {
        "contender": name,
        "seed": seed,
        "settings": settings,
        "content": content,
        "terms": asdict(plan.terms),
        "temperature": plan.temperature,
    }

    def make() -> dict[str, Any]:
        started = time.monotonic()
        forecast = contender(fold, seed)
        seconds = time.monotonic() - started
        return {
            **scored(fold, forecast, plan.terms, temperature=plan.temperature, measure=measure),
            "seconds": seconds,
        }

    kept = cells.find(inputs)
    if kept is not None:
        return kept
    try:
        return cells.make(inputs, make)
    except OSError as error:
        raise DataError(
            f"the contest cannot keep what is finished: {error}; make room on the disk, or give "
            "another --output"
        ) from None
