"""Presets: overlays of the configuration that set how long, and on which dates, is trained.

A preset is a file that freqtrade reads too (`freqtrade -c config.json -c presets/quick.json`). It
has an identifier of its own, because FreqAI's model folder is bound to the settings, and one size
for streaming and worker chunks. Presets in the folder `presets` of the working directory replace
shipped ones of the same name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import SettingsError
from dualwindow.settings.layers.files import Layer, read_config_file, read_layers
from dualwindow.settings.layers.places import TRAINING_GROUP, as_overlay
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings
from dualwindow.settings.shipped import shipped_path
from dualwindow.settings.training_config import TrainingConfig

_SUFFIX: Final = ".json"


def preset_files() -> dict[str, Path]:
    """Files of the presets, by name."""
    folders = [shipped_path("presets"), Path("presets")]
    return {path.stem: path for folder in folders for path in sorted(folder.glob(f"*{_SUFFIX}"))}


def find_preset(name: str) -> Path:
    """The file of a preset; a name that ends in `.json` is a path.

    Raises:
        SettingsError: when there is no such preset; the message lists the existing ones.

    Example:
        >>> find_preset("quick").name
        'quick.json'
        >>> preset_settings(find_preset("quick"))["epochs"]
        5
    """
    if name.endswith(_SUFFIX):
        return Path(name)
    files = preset_files()
    if name in files:
        return files[name]
    near = difflib.get_close_matches(name, files, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "take one of those, or the path of a file"
    raise SettingsError(
        [f"there is no preset {name!r}, only {', '.join(sorted(files))}; {hint}"], "presets"
    )


def preset_settings(path: Path) -> dict[str, Any]:
    """Settings of a preset, name to value, in the order of the settings reference.

    Raises:
        SettingsError: when the file is missing or is no group of settings.
    """
    content = as_overlay(read_config_file(path), str(path))
    given = {**_group(content, ROOT_KEY), **_group(content, *TRAINING_GROUP)}
    names = [*RootSettings.model_fields, *TrainingConfig.model_fields]
    return {name: given[name] for name in names if name in given}


def preset_layers(name: str | None) -> list[Layer]:
    """Layers of a preset, after those of the files that it names; none for None.

    Raises:
        SettingsError: when there is no such preset, or a file is missing or no group of settings.
    """
    if name is None:
        return []
    path = find_preset(name)
    *further, own = read_layers([path])
    return [*further, Layer(f"preset {path.stem}", own.content)]


def _group(content: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = content.get(key)
        content = inner if isinstance(inner, Mapping) else {}
    return content
