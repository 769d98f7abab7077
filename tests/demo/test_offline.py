"""What runs against the demo exchange writes into its own user folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from freqtrade.optimize.hyperopt_tools import HyperoptTools

from demo.offline import own_strategy
from tests.makers.bot import REPOSITORY, freqtrade_config

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
