"""A freqtrade folder with a few days of candles and settings that train within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from dualwindow.models.portable import load_portable
from tests.makers.bot import QUICK, REPOSITORY

PAIR = "BTC/USDT:USDT"
#: The real candles begin on 2025-05-04 at 15:33.
PERIOD = ("--date-from", "2025-05-05", "--date-to", "2025-05-06")
SETTINGS: dict[str, Any] = {**QUICK, "epochs": 3, "deterministic": True, "device": "cpu"}

#: The command line, in a process that can be stopped as it begins a batch; of several ranks the
#: second one.
_CHILD = """
import os, sys
import torch
torch.set_num_threads(1)
from dualwindow.models import checkpoint
from dualwindow.training import trainer
from dualwindow.cli.main import main

checkpoint.SECONDS_BETWEEN_WRITES = 0.0
at, number = (int(word) for word in sys.argv[1:3])
batches = 0
begin = trainer.Schedule.begin_batch

def counted(self, done):
    global batches
    batches += 1
    if batches == at and os.environ.get("RANK", "1") == "1":
        os.kill(os.getpid(), number)
    return begin(self, done)

trainer.Schedule.begin_batch = counted
sys.exit(main(sys.argv[3:]))
"""


def write_candles(folder: Path, frame: pd.DataFrame, pair: str = PAIR) -> Path:
    """Write candles where freqtrade would; returns the file."""
    path = folder / "user_data" / "data" / "binance" / "futures"
    path.mkdir(parents=True, exist_ok=True)
    file = path / f"{pair.replace('/', '_').replace(':', '_')}-1m-futures.feather"
    frame.reset_index(drop=True).to_feather(file)
    return file


def write_config(folder: Path, root: dict[str, Any] | None = None, **changes: Any) -> None:
    """Write a configuration that trains within seconds.

    Args:
        folder: of the file.
        root: settings under the root key.
        changes: training settings.
    """
    content = {
        "dualwindow": root or {},
        "trading_mode": "futures",
        "exchange": {"name": "binance", "pair_whitelist": [PAIR]},
        "freqai": {
            "feature_parameters": {"indicator_periods_candles": [10, 200]},
            "model_training_parameters": {**SETTINGS, **changes},
        },
    }
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def killed(
    folder: Path, *words: str, batch: int, number: int, ranks: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run `dualwindow` in a process that gets a signal as it begins a batch; 0 sends none.

    Args:
        folder: current one of the process.
        words: arguments.
        batch: from 1.
        number: of the signal.
        ranks: processes that torchrun starts; 1 does without it.
    """
    script = folder / "command_line.py"
    script.write_text(_CHILD, encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *(torchrun if ranks > 1 else []), script.name, str(batch)]
    return subprocess.run(
        [*command, str(int(number)), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def unsignalled(folder: Path, *words: str, ranks: int = 1) -> subprocess.CompletedProcess[str]:
    """Run `dualwindow` in a process of its own, or in those that torchrun starts."""
    return killed(folder, *words, batch=0, number=0, ranks=ranks)


def weights(folder: Path) -> bytes:
    """The saved model, to the last bit."""
    return load_portable(folder).model.to_bytes()


def losses(folder: Path) -> list[tuple[float, float]]:
    """Training and validation loss of every epoch."""
    content = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    epochs = content["training"]["epochs"]
    return [(epoch["train_loss"], epoch["validation_loss"]) for epoch in epochs]
