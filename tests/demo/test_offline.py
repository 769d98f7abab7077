"""What runs against the demo exchange writes into its own user folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from freqtrade.optimize.hyperopt_tools import HyperoptTools

from demo.datadir import write_candles
from demo.offline import main, own_strategy
from tests.makers.bot import REPOSITORY, freqtrade_config
from tests.makers.markets import random_candles

RUN = ["hyperopt", "-c", "config.json", "-c", str(REPOSITORY / "demo" / "overlay.json")]


def test_hyperopt_writes_beside_the_strategy_of_the_user_folder(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path) | own_strategy(tmp_path, RUN)
    path = HyperoptTools.get_strategy_filename(config, "DualWindowStrategy")
    assert path == tmp_path.resolve() / "strategies" / "DualWindowStrategy.py"
    # A later run keeps what was found.
    found = path.with_suffix(".json")
    found.write_text("{}", encoding="utf-8")
    own_strategy(tmp_path, RUN)
    assert found.is_file()


@pytest.mark.parametrize("how", ["flag", "file"])
def test_a_path_that_is_named_counts(how: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps({"strategy_path": "elsewhere"} if how == "file" else {}))
    named = ["--strategy-path", "elsewhere"] if how == "flag" else ["-c", str(overlay)]
    assert own_strategy(tmp_path, [*RUN, *named]) == {}
    assert not (tmp_path / "strategies").exists()


@pytest.mark.parametrize("damaged", [False, True])
def test_without_an_exchange_its_own_message_is_all_that_is_shown(
    damaged: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    datadir = tmp_path / "data" / "binance"
    if damaged:
        path = write_candles(datadir, "BTC/USDT", random_candles(300))
        path.write_bytes(path.read_bytes()[:-20])
    assert main(["--userdir", str(tmp_path), "--", "list-pairs"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert str(datadir) in line
