"""`dualwindow contest`: prepare the candles, walk all contenders through them, show the league."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Final

from rich.console import Console

from dualwindow import __version__
from dualwindow.backtest.prices import TradeCandles
from dualwindow.cli.display.console import console_of, figure_table, log_to, print_warning
from dualwindow.cli.display.progress import run_progress
from dualwindow.cli.display.stages import StageWatch
from dualwindow.cli.evaluate.contest_request import ContestRequest
from dualwindow.cli.options.candles import check_candles, find_candles, venue_of
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import store_folder
from dualwindow.errors import TrainingStoppedError
from dualwindow.model_selection.contest.cells import KeptCells
from dualwindow.model_selection.contest.league import league_of
from dualwindow.model_selection.contest.market import Market
from dualwindow.model_selection.contest.networks import networks
from dualwindow.model_selection.contest.notes import notes_of
from dualwindow.model_selection.contest.walk import ContestPlan, Scored, rivals_here, walk
from dualwindow.report.contest_page import HEADS, league_table, write_contest
from dualwindow.runtime.counts import counted

#: Folder of finished cells, in that of the results.
CELLS: Final = "cells"


def run_contest(request: ContestRequest) -> int:
    """Run or continue a contest, write its files and show its league table.

    The status is 0, or 128 and the number of the signal that stopped it.

    Raises:
        DualWindowError: when the candles cannot be used, or nothing can be written.
    """
    console = console_of(sys.stderr)
    log_to(console, logging.INFO)
    rivals, left_out = rivals_here()
    for sentence in left_out:
        print_warning(console, sentence)
    with StopSignals() as signals:
        try:
            sources = find_candles(request.settings)
            markets = _markets(request, sources, console, signals)
            plan = ContestPlan(
                networks=request.networks,
                contenders=networks(request.networks, signals.requested),
                rivals=rivals,
                days=request.days,
                step_days=request.step_days,
                seeds=request.seeds,
                terms=request.settings.terms,
                temperature=request.settings.training.calibration == "temperature",
            )
            cells = KeptCells(request.output / CELLS, __version__)
            with _quiet_trainings():
                found = walk(
                    markets,
                    plan,
                    cells,
                    should_stop=signals.requested,
                    made=_Progress(console).made,
                )
        except TrainingStoppedError:
            console.print(
                f"stopped; what is finished is kept in {request.output / CELLS}: the same command "
                "goes on",
                markup=False,
                soft_wrap=True,
            )
            return signals.exit_status
    content = {
        **_about(request, sources, plan),
        **league_of(found, plan),
        "notes": [*left_out, *notes_of(plan, markets)],
    }
    files = write_contest(content, request.output)
    _show(content)
    for name, path in zip(("page", "figures"), files, strict=True):
        console_of(sys.stdout).print(f"{name}: {path}", markup=False, soft_wrap=True)
    return 0


def _markets(
    request: ContestRequest,
    sources: Sequence[CandleSource],
    console: Console,
    signals: StopSignals,
) -> list[Market]:
    """Every pair of the store; its rows are mapped, and one pair's prices are held at a time."""
    settings = request.settings
    config = next(iter(request.networks.values()))
    check_candles(sources, settings, console, signals.requested)
    with run_progress(console, 0, StageWatch().memory) as progress:
        store = prepare_store(
            sources,
            config,
            store_folder(settings.user_data),
            periods=settings.periods,
            candle_seconds=settings.candle_seconds,
            should_stop=signals.requested,
            progress=progress.prepared,
        )
    venue = venue_of(settings, sources)

    @lru_cache(maxsize=1)
    def prices(pair: str, timerange: DateRange) -> TradeCandles:
        return venue.prices(pair, timerange)

    markets = []
    for span in store.dataset.pairs:
        own = _pair_of(store.dataset, span)
        end = int(own.seconds[-1]) + own.candle_seconds
        read = partial(prices, span.name, DateRange(int(own.seconds[0]), end))
        markets.append(Market(span.name, own, read, config))
    return markets


def _pair_of(dataset: Dataset, span: PairSpan) -> Dataset:
    """One pair of a dataset, its arrays not copied."""
    part = slice(span.start, span.stop)
    labels = dataset.labels[part]
    return Dataset(
        dataset.names,
        dataset.seconds[part],
        dataset.features[part],
        labels,
        (PairSpan(span.name, 0, len(span)),),
        dataset.candle_seconds,
        ClassIndex(labels),
    )


class _Progress:
    """A line for every finished cell, with the time that is left."""

    def __init__(self, console: Console) -> None:
        self._console, self._started, self._kept = console, time.monotonic(), 0

    def made(self, scored: Scored, done: int, total: int) -> None:
        """Show a cell, the number of finished ones and of all."""
        self._kept += scored.cell.kept
        spent = time.monotonic() - self._started
        took = "kept" if scored.cell.kept else f"{scored.cell.seconds:.1f} s"
        left = spent / max(done - self._kept, 1) * (total - done)
        self._console.print(
            f"{done} of {total}: {scored.what}: {took}; about {left / 60:.0f} min left",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@contextmanager
def _quiet_trainings() -> Iterator[None]:
    """Leave out what every single training logs."""
    logger = logging.getLogger("dualwindow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _about(
    request: ContestRequest, sources: Sequence[CandleSource], plan: ContestPlan
) -> dict[str, Any]:
    settings = request.settings
    return {
        "version": __version__,
        "pairs": [source.pair for source in sources],
        "exchange": settings.exchange,
        "trading_mode": settings.trading_mode,
        "timeframe": settings.timeframe,
        "period": str(sources[0].timerange),
        "days": list(plan.days),
        "step_days": plan.step_days,
        "seeds": list(plan.seeds),
        "fee": plan.terms.fee,
        "slippage": plan.terms.slippage,
        "networks": {name: config.to_dict() for name, config in plan.networks.items()},
    }


def _show(content: Mapping[str, Any]) -> None:
    console = console_of(sys.stdout)
    unit = "weeks" if content["blocks"] == "week" else "days"
    title = (
        f"{', '.join(content['pairs'])}, {counted(content['windows'], 'window')}, "
        f"{counted(content['candles'], 'candle')}, 95 % intervals over {unit}"
    )
    console.print(figure_table(title, HEADS, league_table(content).rows))
    for line in (*content["verdict"], *content["notes"]):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
