"""The demo: a synthetic market, an exchange on loopback, a backtest of DualWindowLSTM, a report."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.offline import run_freqtrade
from demo.running import REPOSITORY
from demo.stopping import interrupt_on_signals
from dualwindow.cli.main import main as dualwindow

USERDIR = REPOSITORY / "user_data" / "demo"
OVERLAY = REPOSITORY / "demo" / "overlay.json"
#: 20 days of training, the 14 that the features look back before them, and 10 to trade.
_BTC = MarketSpec(seed=1, start=datetime(2024, 12, 20, tzinfo=UTC), days=48, outages=True)
MARKETS = {
    "BTC/USDT:USDT": _BTC,
    "ETH/USDT:USDT": replace(_BTC, seed=2, first_price=2500.0, tick=0.01, volume=900.0),
}


def make_markets(userdir: Path, markets: dict[str, MarketSpec] = MARKETS) -> None:
    """Write a synthetic market for every pair into a freqtrade user folder."""
    for pair, spec in markets.items():
        write_candles(userdir / "data" / "binance", pair, make_market(spec).candles)
        print(f"made {spec.days} days of synthetic 1-minute candles for {pair}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from nothing; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    parser.add_argument("--userdir", type=Path, default=USERDIR, help="emptied, then filled")
    userdir: Path = parser.parse_args(arguments).userdir
    interrupt_on_signals()
    # Only the demo's own folder: other files of user_data stay.
    shutil.rmtree(userdir, ignore_errors=True)
    make_markets(userdir)
    backtesting = ["backtesting", "--freqaimodel", "DualWindowLSTM"]
    configs = ["-c", str(REPOSITORY / "config.json"), "-c", str(OVERLAY)]
    status = run_freqtrade(userdir, [*backtesting, *configs])
    # freqtrade ends some refusals with status 0, so only its result file shows success.
    results = sorted((userdir / "backtest_results").glob("backtest-result-*.zip"))
    if status or not results:
        print("the backtest did not finish; the reason is in its last lines above", file=sys.stderr)
        return status or 1
    models = userdir / "models" / "demo"
    print(f"\ndualwindow report {models}", *configs)
    if status := dualwindow(["report", str(models), *configs]):
        return status
    folder = userdir.relative_to(REPOSITORY) if userdir.is_relative_to(REPOSITORY) else userdir
    print(
        f"""
The prices were synthetic, with a planted pattern: the result holds for no real market.

  report        {folder}/models/demo/report.html
  models        {folder}/models/demo/sub-train-*/
  figures       {folder}/models/demo/sub-train-*/evaluation.json
  predictions   {folder}/models/demo/backtesting_predictions/
  result        {folder}/backtest_results/{results[-1].name}
  candles       {folder}/data/binance/futures/
  TensorBoard   .venv/bin/tensorboard --logdir {folder}/models/demo"""
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
