"""Settings as rows of a table: name, value, and where the value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from dualwindow.settings import TrainingConfig
from dualwindow.settings.files import LayeredConfig
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: Of the columns.
HEADS: Final = ("setting", "value", "from")

DEFAULT: Final = "default"

_TRAINING: Final = ("freqai", "model_training_parameters")

#: Settings that FreqAI has a name of its own for.
_TWINS: Final = {"validation_fraction": ("freqai", "data_split_parameters", "test_size")}


def setting_rows(
    merged: LayeredConfig, root: RootSettings, training: TrainingConfig
) -> Iterator[tuple[str, str, str]]:
    """A row for every setting.

    Args:
        merged: the configuration that they come from.
        root: settings of the root key.
        training: the training settings, which may be lowered to what a machine has.
    """
    for name, value in root.model_dump(mode="json").items():
        yield value_row(merged, f"{ROOT_KEY}.{name}", value)
    for name, value in training.to_dict().items():
        yield name, json.dumps(value), _origin(merged, name, value)


def value_row(merged: LayeredConfig, path: str, value: Any) -> tuple[str, str, str]:
    """A row for one value.

    Args:
        merged: the configuration.
        path: keys with dots between them.
        value: plain JSON types.
    """
    return path, json.dumps(value), merged.origin(*path.split(".")) or DEFAULT


def _origin(merged: LayeredConfig, name: str, value: Any) -> str:
    """Where the value of a training setting comes from."""
    found = merged.origin(*_TRAINING, name)
    if found is not None:
        given = merged.content[_TRAINING[0]][_TRAINING[1]][name]
        # This happens to whole numbers alone.
        lowered = isinstance(given, int) and given != value
        return f"{found} ({given}, lowered to what this machine has)" if lowered else found
    twin = _TWINS.get(name)
    found = None if twin is None else merged.origin(*twin)
    return DEFAULT if twin is None or found is None else f"{found} ({twin[-1]})"
