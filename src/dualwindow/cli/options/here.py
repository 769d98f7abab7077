"""What else a bot refuses: values that freqtrade checks, and what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.options.configuration import USERDIR
from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.models.fingerprint import BINDING_NAME, model_dependencies, require_binding
from dualwindow.models.model_files import is_portable
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.freqai_options import DEFAULT_IDENTIFIER
from dualwindow.settings.checks.shapes import group_at
from dualwindow.settings.checks.whole import STRATEGY
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.kinds import is_own
from dualwindow.settings.messages import collected

#: Values of `device` and `precision` that every machine has.
_EVERYWHERE: Final = ("auto", "cpu", "fp32")
#: The class whose folders are bound to settings.
_MODEL: Final = "DualWindowLSTM"


def problems_here(
    settings: FreqaiSettings, content: Mapping[str, Any], userdir: Path | None = None
) -> list[str]:
    """One sentence for every value, device, model, network and folder that a bot would refuse.

    Args:
        settings: checked.
        content: the configuration that they are from.
        userdir: freqtrade's user folder; that of the configuration unless given.
    """
    # Importing freqtrade takes a second, importing torch another, which help need not wait for.
    from dualwindow.bot.config_checks import freqtrade_problems, missing_classes  # noqa: PLC0415

    problems = freqtrade_problems(content)
    training = settings.training
    if not {training.device, training.precision} <= set(_EVERYWHERE):
        from dualwindow.runtime.device import resolve_device, training_dtype  # noqa: PLC0415

        with collected(problems):
            training_dtype(training.precision, resolve_device(training.device))
    # A backtest's dates are asked for when it starts.
    content = {name: value for name, value in content.items() if name != "timerange"}
    folder = userdir or Path(content.get("user_data_dir") or USERDIR)
    content["user_data_dir"] = folder
    content["freqai"] = {"identifier": DEFAULT_IDENTIFIER, **group_at(content, "freqai")}
    if not problems:
        problems += missing_classes(content)
    models = folder / "models" / content["freqai"]["identifier"]
    sha256 = None
    if training.pretrained or is_own(training.network) or is_portable(models):
        from dualwindow.bot.start_model import read_start  # noqa: PLC0415

        try:
            start = read_start({"timeframe": "1m", **content}, settings)
            training, sha256 = start.settings, start.sha256
        except SettingsError as error:
            return [*problems, *error.problems]
        except DualWindowError as error:
            return [*problems, str(error)]
    return problems or _binding_problems(models, content, training, sha256)


def _binding_problems(
    folder: Path, content: Mapping[str, Any], training: TrainingConfig, sha256: str | None
) -> list[str]:
    """What a bot refuses of a model folder that is bound to other settings."""
    from dualwindow.bot.config_checks import as_loaded, named_pairs  # noqa: PLC0415

    is_ours = (content.get("freqaimodel") or _MODEL) == _MODEL or (folder / BINDING_NAME).is_file()
    if not is_ours or (content.get("timeframe") is None and content.get("strategy") != STRATEGY):
        # Another model has rules of its own, and a strategy that is not read may set the timeframe.
        return []
    config = as_loaded({"timeframe": "1m", **content})
    try:
        require_binding(folder, model_dependencies(training, config, sha256), named_pairs(config))
    except SettingsError as error:
        return [f"freqai.identifier {folder.name!r}: {'; '.join(error.problems)}"]
    return []
