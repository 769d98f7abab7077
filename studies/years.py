"""The settings of config.json after one training on a year, like `dualwindow contest`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import pandas as pd

from dualwindow.backtest.terms import TradeTerms
from dualwindow.data.candles.pairs import SPOT
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange
from dualwindow.model_selection.contest.league import league_of, verdict_of
from dualwindow.model_selection.contest.networks import networks
from dualwindow.model_selection.contest.notes import notes_of
from dualwindow.model_selection.contest.walk import RIVALS, ContestPlan, Scored, walk
from dualwindow.report.contest_page import HEADS, league_table
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import USUAL_FEES
from dualwindow.settings.lookback import look_back
from studies.markets import recipe
from studies.part import Progress
from studies.real_market import CandleMarket, data_folder, periods_of, source_of

__all__ = ("FULL", "NAME", "SMALL", "TITLE", "lines", "run")

NAME: Final = "years"
TITLE: Final = "Half a year after a year"
OURS: Final = "config.json"
_BITFINEX: Final = "bitfinex-spot-2017-01-01_2019-12-31"
_BINANCE: Final = "binance-spot-5m-2017-08-17_2020-12-31"
#: Days, evaluated after one training.
_HALF_YEAR: Final = 182


@dataclass(frozen=True)
class Walk:
    """One league table: contenders on windows of one market.

    Attributes:
        name: heading on the page.
        pair: as the table calls it.
        file: its candles, below the folder of all candles.
        first: date from which on candles are evaluated.
        step_days: that are evaluated after every training.
        windows: at most so many.
        days: of training.
        networks: contender to settings beyond those of config.json.
        preset: settings of a preset above those of config.json.
        candle_seconds: seconds between two candles.
        seeds: of every network; None takes those of the scale.
        rivals: whether logistic regression and LightGBM take part.
    """

    name: str
    pair: str
    file: str
    first: str
    step_days: int
    windows: int
    days: tuple[int, ...] = (365,)
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {OURS: {}})
    preset: str | None = None
    candle_seconds: int = 60
    seeds: tuple[int, ...] | None = None
    rivals: bool = True


@dataclass(frozen=True)
class Scale:
    """What is studied: walks, and seeds of every network."""

    walks: tuple[Walk, ...]
    seeds: tuple[int, ...] = (1, 2, 3)
    limits: Mapping[str, Any] = field(default_factory=dict)


def bitfinex(name: str, coin: str, first: str, step: int, windows: int, **more: Any) -> Walk:
    """A walk through Bitfinex's candles of BTC or ETH; `more` are fields of `Walk`."""
    file = f"{_BITFINEX}/{coin}_USD-1m.feather"
    return Walk(name, f"{coin}/USD", file, first, step, windows, **more)


def _five_minutes(coin: str) -> Walk:
    return Walk(
        f"{coin}, 5-minute candles, 26 weeks from 2020-07-01, one training",
        f"{coin}/USDT",
        f"{_BINANCE}/{coin}_USDT-5m.feather",
        "2020-07-01",
        _HALF_YEAR,
        1,
        networks={OURS: {"window_size": 36, "future_window": 24, "patch_size": 1}},
        candle_seconds=300,
    )


_WEEKS: Final = "26 weeks from 2019-07-01, one training"
#: Settings were chosen on weeks before 2019-07-01 alone.
FULL: Final = Scale(
    (
        bitfinex(f"BTC, {_WEEKS}", "BTC", "2019-07-01", _HALF_YEAR, 1, days=(365, 90, 30)),
        bitfinex(f"ETH, {_WEEKS}", "ETH", "2019-07-01", _HALF_YEAR, 1),
        bitfinex(
            f"BTC, {_WEEKS}: other networks",
            *("BTC", "2019-07-01", _HALF_YEAR, 1),
            networks={name: {"network": name} for name in ("gru", "tcn", "linear")},
            rivals=False,
        ),
        bitfinex(
            f"BTC, {_WEEKS} of the preset classic",
            *("BTC", "2019-07-01", _HALF_YEAR, 1),
            days=(90,),
            networks={"classic": {}},
            preset="classic",
            seeds=(1,),
            rivals=False,
        ),
        _five_minutes("BTC"),
        _five_minutes("ETH"),
    )
)
SMALL: Final = Scale(
    (
        bitfinex("a day", "BTC", "2018-03-01", 1, 1, days=(3, 2)),
        replace(_five_minutes("BTC"), step_days=1, days=(3,), first="2018-03-01"),
    ),
    (1, 2),
    {"epochs": 1, "lstm_units": (8,), "dense_units": (8,), "patch_size": 36},
)


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Walk through every market; figures by walk.

    Raises:
        DataError: when the candles are missing.
    """
    data_folder()
    found = {}
    for of in scale.walks:
        plan, market = _plan(of, scale), _market(of, scale)

        def made(scored: Scored, done: int, total: int, name: str = of.name) -> None:
            if scored.cell.kept:
                progress.seconds_kept += scored.cell.seconds
            progress.say(f"{name}: {done} of {total}: {scored.what}: {scored.cell.seconds:.0f} s")

        cells = walk([market], plan, progress.cells, made=made)
        found[of.name] = {**league_of(cells, plan), "notes": notes_of(plan, [market])}
    return {"scale": json.loads(json.dumps(asdict(scale))), "walks": found}


def _plan(of: Walk, scale: Scale) -> ContestPlan:
    configs = _configs(of, scale)
    return ContestPlan(
        networks=configs,
        contenders=networks(configs),
        rivals=RIVALS if of.rivals else {},
        days=of.days,
        step_days=of.step_days,
        seeds=of.seeds or scale.seeds,
        # Shorts count on spot too: it is skill that is looked at.
        terms=TradeTerms(fee=USUAL_FEES[SPOT]),
        temperature=False,
    )


def _configs(of: Walk, scale: Scale) -> dict[str, TrainingConfig]:
    settings = recipe(*([of.preset] if of.preset else []))
    return {
        name: TrainingConfig.from_parameters(settings | dict(own) | dict(scale.limits))
        for name, own in of.networks.items()
    }


def _market(of: Walk, scale: Scale) -> CandleMarket:
    """The candles of the walk, with those that the longest training and its averages look at."""
    first = int(pd.Timestamp(of.first, tz="UTC").timestamp())
    config = next(iter(_configs(of, scale).values()))
    warm_up = look_back(config, periods_of(of.candle_seconds)) * of.candle_seconds
    start = first - max(of.days) * DAY_SECONDS - warm_up
    # Labels of the last day look into the next one.
    stop = first + (of.windows * of.step_days + 1) * DAY_SECONDS
    source = source_of(of.pair, data_folder() / of.file)
    cut = replace(source, timerange=DateRange(start, stop))
    return CandleMarket.read(cut, config, of.candle_seconds)


def lines(figures: dict[str, Any]) -> list[str]:
    """Markdown of the part, from figures as they come back from JSON."""
    seeds = len(figures["scale"]["seeds"])
    found = [
        "Candles of Bitfinex (1 minute) and Binance (5 minutes), in the folder that "
        "`DUALWINDOW_STUDY_DATA` names or in `../shared/data`. The network has the settings of "
        f"`config.json` and {seeds} seeds unless told otherwise. They were chosen on the weeks "
        "from 2018-07-01 to 2019-06-30, so that what comes after those chose nothing. "
        "All contenders have the same rows, features and labels; 95 % intervals over whole weeks. "
        "Over the table: share of the volatility table's log loss that is saved. Times are of a "
        "busy machine.",
    ]
    for name, league in figures["walks"].items():
        table = league_table(league)
        errors = [f"{row['calibration_error']:.3f}" for row in league["league"]]
        found += [
            *("", f"### {name}", ""),
            f"{counted(league['windows'], 'window')}, {counted(league['weeks'], 'week')}, "
            f"{counted(league['candles'], 'candle')}.",
            *(f"- {sentence}" for sentence in verdict_of(league)),
            "",
            f"| {' | '.join([*HEADS, 'calibration error'])} |",
            f"| {' | '.join(['---'] * (len(HEADS) + 1))} |",
            *(
                f"| {' | '.join([*row, error])} |"
                for row, error in zip(table.rows, errors, strict=True)
            ),
        ]
    notes = next(iter(figures["walks"].values()))["notes"]
    return [*found, "", *(f"- {note}" for note in notes[1:])]
