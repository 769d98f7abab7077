"""The demo: two synthetic markets, one with a planted drift, freqtrade's backtests, one picture."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from demo.curves import Curves, curves_of
from demo.picture import MINUS, PICTURES, Panel, picture
from demo.running import REPOSITORY
from demo.stopping import interrupt_on_signals
from demo.two_markets import (
    LOG_NAME,
    SPEC,
    TABLES_NAME,
    Backtested,
    UnfinishedError,
    backtest_all,
    two_markets,
)
from dualwindow.backtest.figures import AfterFees, Percent
from dualwindow.backtest.terms import TradeTerms
from dualwindow.errors import DualWindowError
from dualwindow.evaluation.evidence.verdict import EDGE, Outcome
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import write_json
from dualwindow.settings import TrainingConfig

USERDIR: Final = REPOSITORY / "user_data" / "demo"
FIGURES_NAME: Final = "figures.json"
#: Lines of a log that are shown where a backtest failed.
_LAST_LINES: Final = 15


@dataclass(frozen=True)
class Found:
    """What the demo found in a market, in percent a trade after fees.

    Attributes:
        market: its name.
        title: the market for readers.
        verdict: of the report.
        days: that were traded.
        trades: that the verdict rests on.
        profit: mean of the model's trades.
        edge: the same beyond a coin flip at the same entries.
        oracle: mean of who knows the drift; 0 where it does not trade.
        oracle_trades: how many it made.
    """

    market: str
    title: str
    verdict: Outcome
    days: int
    trades: int
    profit: Percent
    edge: Percent
    oracle: float
    oracle_trades: int

    @classmethod
    def of(cls, backtested: Backtested, earned: AfterFees, curves: Curves) -> Found:
        """The figures of a report beside those of the oracle."""
        if earned.sides is None:
            raise DualWindowError(f"the model made no trade {backtested.market.title}")
        return cls(
            market=backtested.market.name,
            title=backtested.market.title,
            verdict=backtested.report.verdict.outcome,
            days=round(earned.days),
            trades=earned.trades,
            profit=earned.sides.model.mean_pct,
            edge=earned.sides.edge_pct,
            oracle=curves.oracle_profit,
            oracle_trades=curves.oracle_trades,
        )

    def lines(self) -> list[str]:
        """The figures for a terminal, below the verdict."""
        oracle = "stays out: there is nothing to know"
        if self.oracle_trades:
            made = counted(self.oracle_trades, "trade")
            oracle = f"{self.oracle:+.2f} % a trade after fees, {made}"
        made = f"{counted(self.trades, 'trade')} on {counted(self.days, 'day')}"
        return [
            f"Market {self.title}: {self.verdict.upper()}",
            f"  model   {self.profit.text(2)} a trade after fees, {made}",
            f"  edge    {self.edge.text(2)} a trade beyond a coin flip",
            f"  oracle  {oracle}",
        ]

    def panel(self, curves: Curves) -> Panel:
        """The market's part of the picture."""
        low, high = self.profit.low or 0.0, self.profit.high or 0.0
        figures = f"{self.profit.value:+.2f} % a trade [{low:+.2f}, {high:+.2f}]"
        return Panel(
            market=f"Market {self.title}",
            verdict=self.verdict.capitalize(),
            is_found=self.verdict == EDGE,
            figures=f"{figures.replace('-', MINUS)}, {counted(self.trades, 'trade')}",
            curves=curves,
        )


def found_in(backtested: Backtested, config: TrainingConfig) -> tuple[Found, Curves]:
    """Figures and curves of a market.

    Raises:
        DualWindowError: when the model made no trade.
    """
    earned = backtested.report.after_fees
    if earned is None:
        raise DualWindowError(f"there are no profits after fees {backtested.market.title}")
    terms = TradeTerms(fee=earned.fee_pct / 100, slippage=earned.slippage_pct / 100)
    has_drift = backtested.market.has_drift
    curves = curves_of(backtested.walk, backtested.made, config, terms, has_drift=has_drift)
    return Found.of(backtested, earned, curves), curves


def write_pictures(folder: Path, panels: Sequence[Panel]) -> None:
    """Write the picture for every theme and width."""
    for name, (theme, layout) in PICTURES.items():
        (folder / name).write_text(picture(panels, theme, layout), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from nothing; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    parser.add_argument("--userdir", type=Path, default=USERDIR, help="emptied, then filled")
    parser.add_argument("--seed", type=int, default=SPEC.seed, help="of the markets")
    parser.add_argument(
        "--config", type=Path, action="append", default=[], help="settings above those of the demo"
    )
    options = parser.parse_args(arguments)
    userdir: Path = options.userdir
    interrupt_on_signals()
    # Only the demo's own folder: other files of user_data stay.
    shutil.rmtree(userdir, ignore_errors=True)
    userdir.mkdir(parents=True)
    markets = two_markets(options.seed)
    print(_INTRODUCTION.format(days=markets[0].spec.days, log=_shown(userdir / "*" / LOG_NAME)))
    try:
        all_backtested = backtest_all(
            userdir, markets, options.config, say=lambda line: print(line, flush=True)
        )
        config = TrainingConfig.from_config_file(REPOSITORY / "config.json")
        results = [found_in(backtested, config) for backtested in all_backtested]
    except UnfinishedError as error:
        lines = error.log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join([*lines[-_LAST_LINES:], str(error)]), file=sys.stderr)
        return error.status
    except DualWindowError as error:
        print(error, file=sys.stderr)
        return 1
    write_pictures(userdir, [found.panel(curves) for found, curves in results])
    write_json(userdir / FIGURES_NAME, [asdict(found) for found, _ in results])
    for backtested, (found, _) in zip(all_backtested, results, strict=True):
        print("", *found.lines(), backtested.table(), sep="\n")
    print(_END.format(folder=_shown(userdir), tables=TABLES_NAME, log=LOG_NAME))
    return 0


_INTRODUCTION: Final = """\
Two made-up markets of {days} days, minute by minute. In one the price drifts up or
down and changes its mind every 20 hours or so; the other is the same without the
drift. freqtrade backtests DualWindowLSTM on both, with the same settings: two
trainings on 90 days each, and the 60 days after them to trade. That takes one to
three minutes on 2 cores. The log is in {log}
"""
_END: Final = """
The prices are made up: the result holds for no real market. The oracle knows the
sign of the drift at every candle, and trades all the time.

  picture    {folder}/demo-light.svg and demo-dark.svg, for the browser
  reports    {folder}/*/models/*/report.html
  trainings  {folder}/*/models/*/sub-train-*/evaluation.json
  tables     {folder}/*/{tables}
  log        {folder}/*/{log}

Next: your own candles, see "Start" in README.md."""


def _shown(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
