"""Promise 3: preparing and training hold the flat features, or a batch of them, plus one chunk."""

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
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from dualwindow.data.datasets.split import split_dataset
from dualwindow.data.features.windows import known_futures

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
    labels[~known_futures(seconds, flat, future_window=120, max_flat_candles=30)] = -1
    candles = CandleArrays(tuple("abcdefgh"), seconds, features, flat)
    dataset = Dataset.from_candles(candles, labels, TrainingConfig(), name="market")
    split = split_dataset(dataset, validation_fraction=0.15, future_window=120)
    order = EpochOrder(split.train, balance="undersample", mirror=True, seed=1, epoch=0)
    assert len(order) > 30_000
    for start in range(0, len(order), 16_384):
        order.part(start, start + 16_384)
    return labels

before = forget_peak()
prepare()
print(json.dumps(peak_mib() - before))
"""
)

STORE = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
import pyarrow as pa
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.settings import TrainingConfig

folder, pairs, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
names = ["date", "open", "high", "low", "close", "volume"]
sources = []
for pair in range(pairs):
    path = folder / f"COIN{pair}_USDT-1m.feather"
    close, writer = 100.0, None
    for first in range(0, rows, 65536):
        count = min(65536, rows - first)
        walk = close * np.exp(np.cumsum(random.normal(0, 0.0007, count)))
        close = walk[-1]
        dates = pa.array((60_000 * np.arange(first, first + count)).astype("datetime64[ms]"))
        prices = [pa.array(walk * factor) for factor in (1, 1.0004, 0.9996, 1)]
        columns = [dates.cast(pa.timestamp("ms", "UTC")), *prices, pa.array(np.ones(count))]
        batch = pa.record_batch(columns, names=names)
        writer = writer or pa.ipc.new_file(str(path), batch.schema)
        writer.write_batch(batch)
    writer.close()
    sources.append(CandleSource(f"COIN{pair}/USDT", path))

def anonymous_mib():
    # Pages of mapped files are not counted: the kernel takes them back when it needs them.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

peak, over = 0.0, threading.Event()

def watch():
    global peak
    while not over.wait(0.002):
        peak = max(peak, anonymous_mib())

thread = threading.Thread(target=watch)
before = anonymous_mib()
thread.start()
store = prepare_store(sources, TrainingConfig(), folder / "stores")
over.set()
thread.join()
assert len(store.dataset) == pairs * rows
print(json.dumps(peak - before))
"""

TRAIN = (
    MEASURE
    + """
import torch
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.settings import TrainingConfig
from dualwindow.training.train import train_model

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


def measured(code: str, *arguments: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
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


@linux_only
def test_preparing_ten_times_the_candles_takes_no_more_memory(tmp_path: Path) -> None:
    def extra(pairs: int) -> float:
        folder = tmp_path / str(pairs)
        folder.mkdir()
        return measured(STORE, str(folder), str(pairs), "300000")  # type: ignore[return-value]

    few, many = extra(1), extra(10)
    assert many < 150
    # The peak is sampled: a moment that one run's samples hit, another's may miss.
    assert many < few * 1.1 + 5
