"""Every shipped configuration is read by freqtrade and by the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwindow.bot.config_checks import read_settings
from dualwindow.settings import TrainingConfig
from dualwindow.settings.reference import settings_table
from tests.makers.bot import REPOSITORY, freqtrade_config


@pytest.mark.parametrize(
    "overlays", [[], ["config.spot.json"], ["demo/overlay.json"], ["demo/dry_run.json"]]
)
def test_it_is_read_without_a_problem(overlays: list[str], tmp_path: Path) -> None:
    settings = read_settings(freqtrade_config(tmp_path, *overlays))
    assert settings.training.window_size == 180
    assert settings.training.future_window == 120


def test_the_shipped_values_are_those_of_the_docs(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path)
    settings = read_settings(config)
    assert settings.training.patch_size == 5
    assert settings.training.confidence_mode == "coverage"
    assert settings.indicator_periods == (1440, 43200)
    assert settings.warnings == ()
    freqai = config["freqai"]
    assert freqai["train_period_days"] == 365
    assert freqai["backtest_period_days"] == 7
    assert freqai["live_retrain_hours"] == 24
    assert freqai["expiration_hours"] == 72
    assert freqai["purge_old_models"] == 2
    assert config["dry_run"] is True
    assert config["dualwindow"]["leverage"] == 1.0


def test_no_shipped_configuration_holds_a_secret() -> None:
    for path in (REPOSITORY / "config.json", REPOSITORY / "config.spot.json"):
        exchange = json.loads(path.read_text(encoding="utf-8")).get("exchange", {})
        assert not exchange.get("key")
        assert not exchange.get("secret")


def test_settings_given_in_the_file_differ_from_the_default_or_say_it_on_purpose() -> None:
    content = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    given = content["freqai"]["model_training_parameters"]
    assert set(given) <= set(TrainingConfig.model_fields)


def test_the_settings_reference_is_made_from_todays_code() -> None:
    written = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_table(), (
        "run python -m dualwindow.settings.reference > docs/settings.md"
    )


def test_the_shipped_configuration_trades_dry_and_at_once() -> None:
    """freqtrade starts a bot stopped unless it is told otherwise."""
    content = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    assert content["dry_run"] is True
    assert content["initial_state"] == "running"
