"""The real freqtrade command line against the demo exchange, with the network cut to loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 600

#: FreqAI's part of the preset: the network and the thresholds of the earlier training module.
CLASSIC: dict[str, Any] = json.loads(
    (REPOSITORY / "presets" / "classic.json").read_text(encoding="utf-8")
)["freqai"]
#: A network that trains in a second, on a week, retrained every two days.
SMALL: dict[str, Any] = {
    "freqai": {
        "identifier": "small",
        "train_period_days": 7,
        "backtest_period_days": 2,
        # Few steps warm up nothing; tests of chains turn it on.
        "continual_learning": False,
        "data_split_parameters": {"test_size": 0.15},
        "model_training_parameters": {
            # A week is too short for the network of config.json.
            **CLASSIC["model_training_parameters"],
            "epochs": 2,
            "patch_size": 10,
            "lstm_units": [16, 8],
            "dense_units": [8],
            "long_tp_pct": 0.004,
            "long_sl_pct": 0.002,
            "short_tp_pct": 0.004,
            "short_sl_pct": 0.002,
            "confidence_threshold_short": 0.36,
            "confidence_threshold_long": 0.36,
        },
    }
}


@cache
def cut_to_loopback() -> tuple[str, ...]:
    """Command prefix that leaves a process nothing but loopback; empty where not allowed."""
    up = 'ip link set lo up && exec "$@"'
    prefix = ("unshare", "--map-root-user", "--net", "sh", "-c", up, "sh")
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return prefix if tried.returncode == 0 else ()


@dataclass(frozen=True)
class Run:
    """A finished run of freqtrade."""

    status: int
    output: str
    userdir: Path

    def strategy_result(self) -> dict[str, Any]:
        """The newest backtest result of the strategy."""
        archive = sorted((self.userdir / "backtest_results").glob("*.zip"))[-1]
        with zipfile.ZipFile(archive) as content:
            name = f"{archive.stem}.json"
            result: dict[str, Any] = json.loads(content.read(name))
        return result["strategy"]["DualWindowStrategy"]

    def trades(self) -> pd.DataFrame:
        return pd.DataFrame(self.strategy_result()["trades"])

    def models(self, identifier: str = "small") -> Path:
        return self.userdir / "models" / identifier

    def predictions(self, base: str, identifier: str = "small") -> pd.DataFrame:
        folder = self.models(identifier) / "backtesting_predictions"
        files = sorted(folder.glob(f"cb_{base.lower()}_*_prediction.feather"))
        return pd.concat([pd.read_feather(file) for file in files], ignore_index=True)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` merged over it, as freqtrade merges configuration files."""
    result = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def freqtrade(
    userdir: Path,
    overlay: dict[str, Any],
    arguments: Sequence[str] = ("backtesting", "--freqaimodel", "DualWindowLSTM"),
    configs: Sequence[str] = ("config.json",),
) -> Run:
    """Run freqtrade from the repository's root on the candles in the user folder."""
    path = userdir / "overlay.json"
    path.write_text(json.dumps(overlay), encoding="utf-8")
    files = [part for name in (*configs, str(path)) for part in ("-c", name)]
    command = [sys.executable, "-m", "demo.offline", "--userdir", str(userdir), "--"]
    done = subprocess.run(
        [*cut_to_loopback(), *command, *arguments, *files],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return Run(done.returncode, unwrapped(done.stdout + done.stderr), userdir)


def unwrapped(output: str) -> str:
    """The log with its line breaks inside a message taken out again."""
    return " ".join(output.split())


def user_folder(folder: Path, candles: Path, only: Sequence[str] = ("*",)) -> Path:
    """A freqtrade user folder with a copy of recorded candles."""
    for pattern in only:
        for file in candles.rglob(f"{pattern}.feather"):
            target = folder / "data" / "binance" / file.relative_to(candles)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    return folder
