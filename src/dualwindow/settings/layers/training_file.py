"""The training settings in one configuration file, outside of a bot and of the command line."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dualwindow.errors import SettingsError
from dualwindow.runtime.files import write_json
from dualwindow.settings.layers.files import read_config_file
from dualwindow.settings.layers.places import TRAINING_GROUP, as_overlay, misplaced
from dualwindow.settings.layers.unread import hyperopts_epochs, unread_settings
from dualwindow.settings.messages import not_a_group, shown

logger = logging.getLogger(__name__)


def training_parameters(path: object) -> tuple[Mapping[str, Any], str]:
    """Settings of a file as they stand there, unchecked, and the file's name for messages.

    Names that are probably meant for settings, where nothing reads them, are logged.

    Raises:
        SettingsError: when the path is none, the file is missing or is not JSON, or settings stand
            in a wrong place.
    """
    file = _file(
        path,
        "from_config_file",
        "name one, or write TrainingConfig() for the defaults, or "
        "TrainingConfig.from_parameters({...}) for settings that are at hand",
    )
    content = as_overlay(read_config_file(file), str(file))
    if problems := misplaced(content):
        raise SettingsError(problems, str(file))
    for warning in (*unread_settings(content), *hyperopts_epochs(content)):
        logger.warning("%s: %s", file, warning)
    parameters: Any = content
    for level, key in enumerate(TRAINING_GROUP, 1):
        parameters = parameters.get(key, {})
        if not isinstance(parameters, Mapping):
            problem = not_a_group(".".join(TRAINING_GROUP[:level]), parameters)
            raise SettingsError([problem], str(file))
    return parameters, str(file)


def write_parameters(path: object, parameters: Mapping[str, Any]) -> None:
    """Write settings as an overlay of freqtrade's configuration, whole or not at all.

    Raises:
        SettingsError: when there can be no file at the path.
    """
    file = _file(path, "save_to_file", "name one, such as 'settings.json'")
    reason = "it is a folder"
    try:
        if not file.is_dir():
            write_json(file, {"freqai": {"model_training_parameters": dict(parameters)}})
            return
    except OSError as error:
        reason = str(error.strerror)
    except ValueError as error:
        reason = str(error)
    raise SettingsError(
        [f"path {shown(path)} cannot be written: {reason}; name a file in a folder that is there"],
        "save_to_file",
    )


def _file(path: object, method: str, way_out: str) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise SettingsError([f"path {shown(path)} is not the name of a file; {way_out}"], method)
    return Path(path)
