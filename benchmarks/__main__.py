"""Measures every stage beside its baseline: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import delivering, freqai, live, networks, preparing, whole_run
from benchmarks.live_bot import Plan
from benchmarks.results import Result, report, table, write
from demo.running import REPOSITORY

JSON_PATH: Final = REPOSITORY / "benchmarks" / "latest.json"
PAGE_PATH: Final = REPOSITORY / "docs" / "benchmarks.md"

#: Groups of rows by name; the argument says whether sizes are to be small.
GROUPS: Final[dict[str, Callable[[bool], list[Result]]]] = {
    "labels": lambda quick: preparing.label_rules(20_000 if quick else 500_000),
    "pipelines": lambda quick: preparing.pipelines(5_000 if quick else 500_000),
    "delivery": lambda quick: delivering.delivery(2_000 if quick else 100_000),
    "training": lambda quick: networks.training(1 if quick else 15),
    "prediction": lambda quick: networks.prediction(*((300, 20, 1) if quick else (2048, 200, 9))),
    "freqai": lambda quick: freqai.everything_but_the_network(*((3, 1) if quick else (90, 5))),
    "live": lambda quick: freqai.live_candle(20 if quick else 500),
    "decisions": lambda quick: live.deciding(
        *((2, Plan(1, 1)) if quick else (len(live.COINS), Plan()))
    ),
    "backtest": lambda _quick: whole_run.split_of_a_backtest(),
    "scaling": lambda quick: preparing.scaling(
        [(1, 50_000), (2, 50_000)] if quick else preparing.SIZES
    ),
}


def page_of(content: dict[str, object]) -> str:
    """The page for the documentation."""
    machine = ", ".join(f"{name} {value}" for name, value in dict(content["machine"]).items())  # type: ignore[call-overload]
    versions = ", ".join(f"{name} {value}" for name, value in dict(content["versions"]).items())  # type: ignore[call-overload]
    return f"""# Benchmarks

Made by `make bench` on {content["date"]} in {content["minutes"]} minutes, from
`benchmarks/latest.json`; do not edit. Every ratio was measured side by side in one run, medians of
interleaved calls where a call is short. Machines differ and are shared, so a ratio travels further
than a second.

- machine: {machine}
- versions: {versions}

{table(content)}

## What stands on the other side

- **A numpy loop over rows**: each row's maximum and minimum over its next 120 candles, one by one.
- **Windows one by one**: the pipeline that the earlier training module documents. Every window and
  label is made in a loop, 1,000 at a time go into a compressed file, all files are read back and
  joined, and the classes are undersampled. `benchmarks/naive.py` is that pipeline; both sides draw
  the same number of windows of every class, and the run stops when they do not.
- **Copying the same bytes**: all windows are there already as one array, and chunks of 1,000 are
  copied into a kept buffer. Nothing that gathers windows can be faster than memory.
- **FreqAI's WindowDataset and DataLoader**: those of its transformer, batch 256, no workers.
- **The same layers trained plainly**: `nn.LSTM`, `nn.LayerNorm`, `nn.Linear` in a plain loop with
  torch's own threads; the gradients are compared, too.
- **FreqAI's PyTorchMLPClassifier**: its whole training of one window with the network's passes and
  the optimizer's step taken out, against our whole training with the same taken out. It has no
  windows: its batches are single candles, ours 180 of them.
- **A plain batched forward**: the same layers, batch 256, `inference_mode`, torch's own threads.
- **FreqAI's loop**: how its transformer predicts a backtest slice, one window at a time.
- **Without a training**: the same bot in the same process. `freqtrade trade` runs against the demo
  exchange on the real clock and is timed from outside, on the thread that decides; the parts are
  those of the median candle. First no training is due; then one of {Plan.epochs} epochs runs all
  the time in FreqAI's second thread. The models are of one epoch on {live.TRAIN_DAYS} days.

Rows without another side are figures to plan with; extra memory is anonymous memory above what was
held before, because the pages of mapped files go back to the system when it needs them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files; return how many goals were missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, default=JSON_PATH)
    parser.add_argument("--page", type=Path, default=PAGE_PATH)
    options = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    started = time.monotonic()
    results: list[Result] = []
    for name in options.only:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        results += GROUPS[name](options.quick)
    minutes = round((time.monotonic() - started) / 60, 1)
    content = report(results, {"minutes": minutes})
    write(content, options.json, options.page, page_of(content))
    print(table(content))
    missed = sum(result.met is False for result in results)
    print(f"\n{missed} goals missed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
