"""Promise 3, first half: preparing and training hold the flat features plus one chunk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# VmHWM is the process's peak; writing 5 to clear_refs sets it back to what is held now (Linux).
MEASURE = """
import json, sys
import numpy as np

def peak_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return peak_mib()
"""

PREPARE = (
    MEASURE
    + """
from dualwindow.balance import draw_epoch
from dualwindow.labels import label_candles
from dualwindow.split import split_rows
from dualwindow.windows import known_futures, valid_windows

rows = 500_000
random = np.random.default_rng(0)
close = 100 * np.exp(np.cumsum(random.normal(0, 0.0007, rows)))
high, low = close * 1.0004, close * 0.9996
features = random.normal(size=(rows, 8)).astype(np.float32)
seconds = np.arange(rows) * 60
flat = np.zeros(rows, dtype=bool)
rule = sys.argv[1]

def prepare():
    labels = label_candles(
        high, low, close, future_window=120, long_tp_pct=0.01, long_sl_pct=0.005,
        short_tp_pct=0.01, short_sl_pct=0.005, rule=rule,
    )
    usable = valid_windows(features, seconds, flat, window_size=180, max_flat_candles=30)
    usable &= known_futures(seconds, flat, future_window=120, max_flat_candles=30)
    split = split_rows(usable & (labels >= 0), validation_fraction=0.15, future_window=120)
    sample = draw_epoch(
        split.train, labels[split.train], balance="undersample", mirror=True, seed=1, epoch=0
    )
    assert len(sample.rows) > 30_000
    return labels

before = forget_peak()
prepare()
print(json.dumps(peak_mib() - before))
"""
)

TRAIN = (
    MEASURE
    + """
import torch
from dualwindow.candles import CandleArrays
from dualwindow.settings import TrainingConfig
from dualwindow.training import train_model

torch.set_num_threads(1)
rows = int(sys.argv[1])
random = np.random.default_rng(0)
names = ("high_change", "low_change", "close_change", "volume_change")
names += tuple(f"user_feature{n}" for n in range(12))
features = random.normal(size=(rows, len(names))).astype(np.float32)
labels = random.choice(np.array([0, 1, 2], np.int8), size=rows, p=[0.004, 0.992, 0.004])
candles = CandleArrays(names, np.arange(rows) * 60, features, np.zeros(rows, dtype=bool))
config = TrainingConfig(
    epochs=1, lstm_units=(4,), dense_units=(), patch_size=60, validation_fraction=0.02
)
small = candles.tail(5000)
train_model(small, np.resize(np.array([0, 1, 2], np.int8), 5000), config, name="warm up")
before = forget_peak()
train_model(candles, labels, config, name="measured")
print(json.dumps({"extra": peak_mib() - before, "flat": features.nbytes / 2**20,
                  "windows": rows * 180 * len(names) * 4 / 2**20}))
"""
)

linux_only = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc"
)


def measured(code: str, argument: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", code, argument], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@linux_only
@pytest.mark.parametrize("rule", ["hybrid", "first_touch"])
def test_label_index_and_balance_of_half_a_million_rows_take_less_than_50_mb(rule: str) -> None:
    assert measured(PREPARE, rule) < 50  # type: ignore[operator]


@linux_only
def test_training_never_holds_the_windows() -> None:
    figures = measured(TRAIN, "200000")
    assert isinstance(figures, dict)
    # One copy of the flat features (the scaler's), one chunk and torch's own working memory. All
    # windows at once would be some 2,200 MiB.
    assert figures["windows"] > 2000
    assert figures["extra"] < 4 * figures["flat"] + 60
