"""Settings as rows of a table: name, value and origin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from dualwindow.cli.options.flags import TRAINING_GROUP
from dualwindow.settings import TrainingConfig
from dualwindow.settings.files import LayeredConfig
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: Titles of the columns.
HEADS: Final = ("setting", "value", "from")

DEFAULT: Final = "default"

#: Setting to FreqAI's own name for the same thing.
_TWINS: Final = {"validation_fraction": ("freqai", "data_split_parameters", "test_size")}


def setting_rows(
    merged: LayeredConfig, root: RootSettings, training: TrainingConfig
) -> Iterator[tuple[str, str, str]]:
    """A row for every setting; `training` may be lowered to what a machine has."""
    for name, value in root.model_dump(mode="json").items():
        yield value_row(merged, f"{ROOT_KEY}.{name}", value)
    for name, value in training.to_dict().items():
        yield name, json.dumps(value), _origin(merged, name, value)


def value_row(merged: LayeredConfig, path: str, value: Any) -> tuple[str, str, str]:
    """A row for one value of plain JSON types, at a path of keys with dots between them."""
    return path, json.dumps(value), merged.origin(*path.split(".")) or DEFAULT


def _origin(merged: LayeredConfig, name: str, value: Any) -> str:
    """Layer that a training setting's value comes from."""
    layer = merged.origin(*TRAINING_GROUP, name)
    if layer is not None:
        freqai, parameters = TRAINING_GROUP
        given = merged.content[freqai][parameters][name]
        # Only whole numbers are ever lowered.
        lowered = isinstance(given, int) and given != value
        return f"{layer} ({given}, lowered to what this machine has)" if lowered else layer
    twin = _TWINS.get(name)
    layer = None if twin is None else merged.origin(*twin)
    return DEFAULT if twin is None or layer is None else f"{layer} ({twin[-1]})"
