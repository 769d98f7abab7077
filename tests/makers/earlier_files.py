"""Makes the files of tests/fixtures/earlier: `python -m tests.makers.earlier_files FOLDER`.

It goes by command lines and by import paths that stay, so that it runs on any commit. Every command
runs in the folder itself, so that the paths that FreqAI saves are relative.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from demo.config import exchange_overlay
from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.running import REPOSITORY, running_exchange
from dualwindow import __version__
from dualwindow.trained import CheckpointLoader
from tests.makers.freqtrade import Run, unwrapped

PAIR, IDENTIFIER = "BTC/USDT:USDT", "earlier"
USERDIR = Path("user_data")
MODELS, STORES = USERDIR / "models", USERDIR / "dualwindow"
BOUND, PORTABLE, STOPPED = (MODELS / name for name in (IDENTIFIER, "portable", "stopped"))
CONFIGS = ("config.json", "overlay.json")
CONFIG_WORDS = [word for name in CONFIGS for word in ("-c", name)]
#: The rest of the candles is there to evaluate on.
TRAIN = ["train", *CONFIG_WORDS, "--date-from", "2025-01-01", "--date-to", "2025-01-02T04:00"]
#: How torch rounds, and with how many threads, is a part of what a checkpoint belongs to. These are
#: there on every processor.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default", "COLUMNS": "200"}
#: Probabilities kept of every model: of the newest candles.
ROWS = 200
#: Another processor rounds differently, which may not decide about a trade.
MARGIN = 1e-3
THRESHOLD = 0.485
#: What of a user folder is kept.
KEPT = ("data", "models", "dualwindow")
#: The pattern that is planted is strong, and prices go both ways within the hours of a slice.
MARKET = MarketSpec(
    seed=1,
    days=2,
    start=datetime(2025, 1, 1, 10, tzinfo=UTC),
    drift_strength=0.4,
    regime_hours=1.0,
)
CANDLES = 32 * 60
OVERLAY: dict[str, Any] = {
    # The last six hours, in two slices.
    "timerange": "1735819200-1735840800",
    "exchange": {"pair_whitelist": [PAIR]},
    "freqai": {
        "identifier": IDENTIFIER,
        "train_period_days": 1,
        "backtest_period_days": 0.125,
        "feature_parameters": {"indicator_periods_candles": [10, 50]},
        "model_training_parameters": {
            "window_size": 30,
            "future_window": 10,
            "long_tp_pct": 0.002,
            "long_sl_pct": 0.001,
            "short_tp_pct": 0.002,
            "short_sl_pct": 0.001,
            "epochs": 8,
            "batch_size": 16,
            "patch_size": 5,
            "lstm_units": [8, 4],
            "dense_units": [4],
            "device": "cpu",
            "confidence_threshold_short": THRESHOLD,
            "confidence_threshold_long": THRESHOLD,
        },
    },
}


def make(folder: Path) -> None:
    """Make everything in a folder that is not there yet."""
    folder.mkdir(parents=True)
    candles = make_market(MARKET).candles.iloc[:CANDLES]
    write_candles(folder / USERDIR / "data" / "binance", PAIR, candles)
    shutil.copyfile(REPOSITORY / CONFIGS[0], folder / CONFIGS[0])
    _write_json(folder / CONFIGS[1], OVERLAY)
    run = _backtest(folder)
    _succeed(dualwindow(folder, *TRAIN, "--output", str(PORTABLE)))
    _stop_a_training(folder)
    content = expected(folder, run)
    found = probabilities(folder)
    _remove_the_rest(folder)
    _write_json(folder / "expected.json", content)
    np.savez_compressed(folder / "expected.npz", **found)
    _require_margin(run)
    _require_nothing_of_this_machine(folder)


def dualwindow(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    command = [sys.executable, "-m", "dualwindow", *words]
    return subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )


def expected(folder: Path, run: Run) -> dict[str, Any]:
    """What the tests expect of the files; the folder stays as it is.

    Args:
        folder: with all models.
        run: of the backtest.
    """
    with tempfile.TemporaryDirectory() as temporary:
        copied = shutil.copytree(folder, Path(temporary) / "copied")
        resumed = dualwindow(copied, *TRAIN, "--output", str(STOPPED), "--resume")
        _succeed(resumed)
        if _weights(copied / STOPPED) != _weights(folder / PORTABLE):
            raise RuntimeError("resumed, the training ended with other weights")
        return {
            "versions": versions(),
            "features": json.loads((folder / BOUND / "dualwindow.json").read_bytes())["features"],
            "trades": trades(run),
            "resumed_after": resumed_after(resumed.stderr),
            "losses": losses(copied / STOPPED),
            **{path.name: evaluated(copied, path) for path in (BOUND, PORTABLE)},
        }


def versions() -> dict[str, str]:
    """Of what some files belong to."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, "torch": torch.__version__, "dualwindow": __version__}


def trades(run: Run) -> list[list[Any]]:
    """Of a backtest, in its order."""
    names = ["open_date", "close_date", "is_short", "exit_reason", "profit_ratio", "profit_abs"]
    return [[trade[name] for name in names] for trade in run.strategy_result()["trades"]]


def resumed_after(log: str) -> int:
    """The epoch after which a training went on."""
    return int(re.findall(r"training resumed after epoch (\d+)", log)[0])


def losses(model: Path) -> list[list[float]]:
    """Training and validation loss of every epoch."""
    epochs = json.loads((model / "evaluation.json").read_bytes())["training"]["epochs"]
    return [[epoch["train_loss"], epoch["validation_loss"]] for epoch in epochs]


def evaluated(folder: Path, model: Path) -> dict[str, float]:
    """What `dualwindow evaluate` finds, in figures that are few and say it all."""
    words = ["evaluate", str(model), *CONFIG_WORDS, "--output", "figures.json"]
    _succeed(dualwindow(folder, *words))
    content = json.loads((folder / "figures.json").read_bytes())
    return key_figures(content.get("figures") or content["evaluation"], content["after_fees"])


def key_figures(evaluation: dict[str, Any], after_fees: dict[str, Any]) -> dict[str, float]:
    return {
        "rows": evaluation["rows"],
        "log_loss": evaluation["forecast"]["losses"]["raw"]["log_loss"],
        "trades": after_fees["trades"],
        "mean_pct": after_fees["sides"]["model"]["mean_pct"]["value"],
    }


def loaded(folder: Path) -> dict[str, Any]:
    """Every model by the name of its folder, loaded as FreqAI loads one."""
    models = {}
    for path in sorted((folder / BOUND).glob("sub-train-*/*_model.zip")):
        content = torch.load(path, weights_only=False)
        models[path.parent.name] = content["pytrainer"].load_from_checkpoint(content)
    # What `dualwindow train` writes is what stands inside FreqAI's zip.
    payload = _weights(folder / PORTABLE)
    content = {"payload": payload, "sha256": hashlib.sha256(payload).hexdigest()}
    models[PORTABLE.name] = CheckpointLoader().load_from_checkpoint(content)
    return models


def probabilities(folder: Path) -> dict[str, np.ndarray]:
    """(ROWS, 3) of every model for the newest candles of the store, whose windows are whole."""
    names, columns = read_store(folder)
    rows = np.arange(len(columns["label"]) - ROWS, len(columns["label"]))
    found = {}
    for name, model in loaded(folder).items():
        order = [names.index(each) for each in model.feature_names]
        features = np.ascontiguousarray(columns["features"][:, order])
        found[name] = model.probabilities(features, rows)
    return found


def read_store(folder: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the features, and the columns: features (N, F), label (N,) and date (N,)."""
    (path,) = (folder / STORES).glob("*.arrow")
    batch = pa.ipc.open_file(path).get_batch(0)
    names = json.loads(batch.schema.metadata[b"dualwindow"])["names"]
    columns = {name: batch.column(name).to_numpy() for name in ("label", "date")}
    features = batch.column("features").values.to_numpy().reshape(-1, len(names))
    return names, {"features": features, **columns}


def _weights(model: Path) -> bytes:
    return (model / "model.safetensors").read_bytes()


def _environment() -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT}


def _backtest(folder: Path) -> Run:
    adapters = ["--strategy-path", str(REPOSITORY / "strategies")]
    adapters += ["--freqaimodel-path", str(REPOSITORY / "freqaimodels")]
    command = ["backtesting", "--freqaimodel", "DualWindowLSTM", *adapters]
    data = folder.resolve() / USERDIR / "data" / "binance"
    with running_exchange(["--datadir", str(data)]) as port:
        _write_json(folder / USERDIR / "exchange.json", exchange_overlay(port))
        files = [*CONFIG_WORDS, "-c", str(USERDIR / "exchange.json")]
        done = subprocess.run(
            [sys.executable, "-m", "freqtrade", *command, "--userdir", str(USERDIR), *files],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    _succeed(done)
    return Run(done.returncode, unwrapped(done.stdout + done.stderr), folder / USERDIR)


def _stop_a_training(folder: Path) -> None:
    """Leave the checkpoint of a training that got SIGTERM in the middle of its third epoch."""
    command = [sys.executable, "-m", "dualwindow", *TRAIN, "--output", str(STOPPED)]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        assert training.stderr is not None
        for line in training.stderr:
            if "epoch 2 of " in line:
                training.send_signal(signal.SIGTERM)
    if training.returncode != 128 + signal.SIGTERM:
        raise RuntimeError(f"the training ended by itself: {training.returncode}")


def _remove_the_rest(folder: Path) -> None:
    """Remove what is no format of this project's: results of freqtrade, event files, pages."""
    for path in (folder / USERDIR).iterdir():
        if path.is_file():
            path.unlink()
        elif path.name not in KEPT:
            shutil.rmtree(path)
    # Event files carry the name of the machine.
    for path in [*(folder / MODELS).rglob("tensorboard")]:
        shutil.rmtree(path)
    for path in (folder / MODELS).rglob("report.*"):
        path.unlink()


def _require_margin(run: Run) -> None:
    sides = run.predictions("BTC", IDENTIFIER)[["SHORT", "LONG"]].to_numpy()
    nearest = float(np.abs(sides - THRESHOLD).min())
    if nearest < MARGIN:
        raise RuntimeError(f"a probability is {nearest} from its threshold; take another seed")


def _require_nothing_of_this_machine(folder: Path) -> None:
    names = [str(each) for each in (folder.resolve(), REPOSITORY, Path.home())]
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if found := [name for name in names if name.encode() in content]:
            raise RuntimeError(f"{path} holds {found}")


def _succeed(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"{done.args} ended with {done.returncode}: {done.stderr[-3000:]}")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    (folder,) = arguments
    make(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
