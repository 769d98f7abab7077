"""What freqtrade itself would refuse is refused by its name before a bot starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.bot.config_checks import (
    freqtrade_problems,
    missing_classes,
    read_settings,
    read_strategy_settings,
)
from tests.makers.bot import REPOSITORY, freqtrade_config


def shipped(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REPOSITORY / "config.json").read_text("utf-8"))
    return {**content, **changes}


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """A configuration whose strategy lies in a folder below that of the strategies."""
    folder = tmp_path / "strategies" / "mine"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text("class Mine(IStrategy):\n    pass\n", encoding="utf-8")
    return {
        "user_data_dir": tmp_path,
        "strategy": "Mine",
        "freqaimodel": "DualWindowLSTM",
        "freqaimodel_path": str(REPOSITORY / "freqaimodels"),
    }


def test_strategies_in_folders_below_are_found_where_freqtrade_looks_for_them(
    content: dict[str, Any],
) -> None:
    (problem,) = missing_classes(content)
    assert problem.startswith("strategy 'Mine' is in no Python file in ")
    assert "set strategy_path to its folder" in problem
    assert missing_classes({**content, "recursive_strategy_search": True}) == []


def test_of_a_file_that_cannot_be_read_freqtrade_has_the_last_word(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_path: Path, *_arguments: Any) -> str:
        raise PermissionError(13, "Permission denied")

    (Path(content["user_data_dir"]) / "strategies" / "other.py").touch()
    monkeypatch.setattr(Path, "read_text", refuses)
    assert missing_classes(content) == []


def test_what_freqtrade_finds_inconsistent_is_told_in_its_own_words() -> None:
    assert freqtrade_problems(shipped()) == []
    trailing = {
        "trailing_stop": True,
        "trailing_only_offset_is_reached": True,
        "trailing_stop_positive_offset": 0.0,
        "stoploss": -0.1,
    }
    (problem,) = freqtrade_problems(shipped(**trailing))
    assert problem.startswith("freqtrade refuses the configuration: ")
    assert "trailing_stop_positive_offset" in problem


def test_a_leverage_that_is_liquidated_before_the_labels_stop_loss_is_refused(
    tmp_path: Path,
) -> None:
    config = freqtrade_config(tmp_path)
    training = read_settings(config).training
    assert read_strategy_settings(config, training).leverage == 1.0
    config["dualwindow"] = {"leverage": 125.0}
    with pytest.raises(OperationalException, match="leverage 125"):
        read_strategy_settings(config, training)
