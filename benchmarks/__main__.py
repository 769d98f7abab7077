"""Measures every stage beside its baseline: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import delivering, freqai, live, networks, preparing, whole_run
from benchmarks.results import Result, report, table, write
from demo.running import REPOSITORY

JSON_PATH: Final = REPOSITORY / "benchmarks" / "latest.json"
PAGE_PATH: Final = REPOSITORY / "docs" / "benchmarks.md"
#: Where figures go that are not of all groups in full size, so that they replace none of those.
PARTIAL: Final = REPOSITORY / "benchmarks" / "partial"

#: Groups of rows by name; the argument says whether sizes are to be small.
GROUPS: Final[dict[str, Callable[[bool], Iterable[Result]]]] = {
    "labels": lambda quick: preparing.label_rules(3_000 if quick else 500_000),
    "pipelines": lambda quick: preparing.pipelines(2_000 if quick else 500_000),
    "delivery": lambda quick: delivering.delivery(2_000 if quick else 100_000),
    "training": lambda quick: networks.training(1 if quick else 15),
    "prediction": lambda quick: networks.prediction(*((300, 20, 1) if quick else (2048, 200, 9))),
    "freqai": lambda quick: freqai.everything_but_the_network(*((3, 1) if quick else (90, 5))),
    "live": lambda quick: freqai.live_candle(20 if quick else 500),
    "decisions": lambda quick: live.deciding(live.SMALL if quick else live.FULL),
    "backtest": lambda quick: whole_run.split_of_a_backtest(quick=quick),
    "scaling": lambda quick: preparing.scaling(
        [(1, 50_000), (2, 50_000)] if quick else preparing.SIZES
    ),
}


def page_of(content: dict[str, Any]) -> str:
    """The page for the documentation."""
    machine = ", ".join(f"{name} {value}" for name, value in content["machine"].items())
    versions = ", ".join(f"{name} {value}" for name, value in content["versions"].items())
    epochs, days = live.FULL.plan.epochs, live.FULL.train_days
    return f"""# Benchmarks

Made by `make bench` on {content["date"]} in {content["minutes"]} minutes, from
`benchmarks/latest.json`; do not edit. Every ratio was measured side by side in one run, medians of
interleaved calls where a call is short. Machines differ and are shared, so a ratio travels further
than a second.

- machine: {machine}
- versions: {versions}

{table(content)}
{_missing_lines(content)}
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
  those of the median candle. First no training is due; then one of {epochs} epochs runs all
  the time in FreqAI's second thread. The models are of one epoch on {days} days.

Rows without another side are figures to plan with; extra memory is anonymous memory above what was
held before, because the pages of mapped files go back to the system when it needs them.
"""


def _missing_lines(content: dict[str, Any]) -> str:
    lines = [f"- {name}: {reason}" for name, reason in content["missing"].items()]
    if not lines:
        return ""
    return "\n".join(["", "Not measured, or not wholly:", "", *lines, ""])


class Book:
    """Figures of one run, on disk as soon as each was measured.

    Args:
        names: of the groups that are measured.
        json_path: of the figures.
        page_path: of the page.
    """

    def __init__(self, names: Sequence[str], json_path: Path, page_path: Path) -> None:
        self._results: list[Result] = []
        self._missing = {
            name: "not yet measured" if name in names else "not asked for" for name in GROUPS
        }
        self._paths = json_path, page_path
        self._started = time.monotonic()
        for path in self._paths:
            path.parent.mkdir(parents=True, exist_ok=True)

    def measure(self, name: str, quick: bool) -> str | None:
        """Measure a group; the reason when it fails, after which another one can be measured."""
        try:
            for result in GROUPS[name](quick):
                self._results.append(result)
                self._write()
        # freqtrade ends what it refuses with SystemExit.
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            self._missing[name] = " ".join(f"{type(error).__name__}: {error}".split())
        else:
            del self._missing[name]
        self._write()
        return self._missing.get(name)

    def content(self) -> dict[str, Any]:
        """The run until now, as plain JSON types."""
        minutes = round((time.monotonic() - self._started) / 60, 1)
        return report(self._results, {"minutes": minutes, "missing": self._missing})

    def _write(self) -> None:
        content = self.content()
        write(content, *self._paths, page_of(content))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write every figure at once, print the table; 1 when a group failed, 0 when none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help=f"default {_shown(JSON_PATH)}, {_ELSE}")
    parser.add_argument("--page", type=Path, help=f"default {_shown(PAGE_PATH)}, {_ELSE}")
    options = parser.parse_args(arguments)
    names = list(dict.fromkeys(options.only))
    whole = not options.quick and set(names) == set(GROUPS)
    json_path = options.json or (JSON_PATH if whole else PARTIAL / JSON_PATH.name)
    page_path = options.page or (PAGE_PATH if whole else PARTIAL / PAGE_PATH.name)
    logging.disable(logging.INFO)
    book = Book(names, json_path, page_path)
    failures = []
    for name in names:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        if reason := book.measure(name, options.quick):
            failures.append(f"failed: {name}: {reason}")
    content = book.content()
    print(table(content))
    missed = sum(result["met"] is False for result in content["results"])
    print(f"\n{missed} goals missed; the figures are in {json_path}")
    print("\n".join(failures), end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


def _shown(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


_ELSE: Final = f"with --only or --quick in {_shown(PARTIAL)}"


if __name__ == "__main__":
    sys.exit(main())
