"""Settings of a run in a few lines: those that differ from the defaults, by their origin."""

from __future__ import annotations

import json
from typing import Any, Final

from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings
from dualwindow.settings.training_config import USUAL_PERIODS

_PERIODS: Final = "freqai.feature_parameters.indicator_periods_candles"


def settings_lines(settings: RunSettings) -> list[str]:
    """What is trained on, and a line for every origin of settings that differ from the defaults."""
    defaults = _defaults()
    changed: dict[str, list[str]] = {}
    for name, value, origin in settings.rows():
        if name in defaults and json.loads(value) != defaults[name]:
            short = name.removeprefix(f"{ROOT_KEY}.").removeprefix("freqai.feature_parameters.")
            changed.setdefault(origin, []).append(f"{short} {value}")
    pairs = ", ".join(settings.pairs)
    venue = f"{settings.exchange} {settings.trading_mode}, {settings.timeframe}"
    lines = [f"pairs {pairs}; {venue}; candles in {settings.data_folder}"]
    lines += [f"settings of {origin}: {', '.join(values)}" for origin, values in changed.items()]
    rest = "all others are" if changed else "every setting is"
    return [*lines, f"{rest} the default; --print-config shows them"]


def _defaults() -> dict[str, Any]:
    """Name of every setting, as `RunSettings.rows` has it, to its default in plain JSON types."""
    root = RootSettings().model_dump(mode="json")
    return {
        **{f"{ROOT_KEY}.{name}": value for name, value in root.items()},
        _PERIODS: list(USUAL_PERIODS),
        **TrainingConfig().to_dict(),
    }
