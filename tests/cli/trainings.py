"""A freqtrade folder with a few days of candles and settings that train within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from dualwindow.portable import load_portable
from tests.bot import QUICK, REPOSITORY

PAIR = "BTC/USDT:USDT"
SETTINGS: dict[str, Any] = {**QUICK, "epochs": 3, "deterministic": True, "device": "cpu"}

#: The command line, in a process that can be stopped at a chosen batch of a chosen epoch.
_CHILD = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from dualwindow import checkpoint, trainer
from dualwindow.cli.main import main

checkpoint.SECONDS_BETWEEN_WRITES = 0.0
at, number = (int(word) for word in sys.argv[1:3])
batches = 0
step = trainer.GradientStep.__call__

def counted(self, *arguments):
    global batches
    batches += 1
    if batches == at:
        os.kill(os.getpid(), number)
    return step(self, *arguments)

trainer.GradientStep.__call__ = counted
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


def killed(folder: Path, *words: str, batch: int, number: int) -> subprocess.CompletedProcess[str]:
    """Run `dualwindow` in a process that gets a signal as it begins a batch; 0 sends none."""
    command = [sys.executable, "-c", _CHILD, str(batch), str(int(number)), *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def weights(folder: Path) -> bytes:
    """The saved model, to the last bit."""
    return load_portable(folder).model.to_bytes()
