"""What else a bot refuses: values that freqtrade checks, devices and models that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.options.configuration import USERDIR
from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.models.model_files import is_portable
from dualwindow.settings.checks.freqai_options import DEFAULT_IDENTIFIER
from dualwindow.settings.checks.shapes import group_at
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.messages import collected

#: Values of `device` and `precision` that every machine has.
_EVERYWHERE: Final = ("auto", "cpu", "fp32")


def problems_here(
    settings: FreqaiSettings, content: Mapping[str, Any], userdir: Path | None = None
) -> list[str]:
    """One sentence for every value, device and model that a bot would refuse here.

    Args:
        settings: checked.
        content: the configuration that they are from.
        userdir: freqtrade's user folder; that of the configuration unless given.
    """
    # Importing freqtrade takes a second, importing torch another, which help need not wait for.
    from dualwindow.bot.config_checks import freqtrade_problems  # noqa: PLC0415

    problems = freqtrade_problems(content)
    training = settings.training
    if not {training.device, training.precision} <= set(_EVERYWHERE):
        from dualwindow.runtime.device import resolve_device, training_dtype  # noqa: PLC0415

        with collected(problems):
            training_dtype(training.precision, resolve_device(training.device))
    # A backtest's dates are asked for when it starts.
    content = {name: value for name, value in content.items() if name != "timerange"}
    content.setdefault("timeframe", "1m")
    folder = userdir or Path(content.get("user_data_dir") or USERDIR)
    content["user_data_dir"] = folder
    content["freqai"] = {"identifier": DEFAULT_IDENTIFIER, **group_at(content, "freqai")}
    if training.pretrained or is_portable(folder / "models" / content["freqai"]["identifier"]):
        from dualwindow.bot.start_model import read_start  # noqa: PLC0415

        try:
            read_start(content, settings)
        except SettingsError as error:
            problems += error.problems
        except DualWindowError as error:
            problems.append(str(error))
    return problems
