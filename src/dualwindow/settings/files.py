"""Freqtrade's configuration files: JSON with comments; later files overlay earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rapidjson

from dualwindow.errors import SettingsError
from dualwindow.settings.places import as_overlay

#: Key of the files that a file overlays; their paths are relative to it.
_FURTHER_FILES: Final = "add_config_files"
#: Levels of files that name files; freqtrade has the same limit.
_DEEPEST: Final = 5
#: A key, and the other key of an earlier layer that it replaces.
_INSTEAD_OF: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("dualwindow", "train_days"): ("dualwindow", "train_from"),
    ("dualwindow", "train_from"): ("dualwindow", "train_days"),
}


@dataclass(frozen=True)
class Layer:
    """A part of freqtrade's configuration, named after its origin: a file, a preset, a flag."""

    name: str
    content: Mapping[str, Any]


class LayeredConfig:
    """Layers merged as freqtrade merges its files: groups by key, anything else replaced.

    Later layers win; `content` is the merged configuration.

    Example:
        >>> below = Layer("config.json", {"freqai": {"a": 1, "b": 2}})
        >>> config = LayeredConfig([below, Layer("preset quick", {"freqai": {"b": 3}})])
        >>> config.content, config.origin("freqai", "b")
        ({'freqai': {'a': 1, 'b': 3}}, 'preset quick')
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.content: dict[str, Any] = {}
        self._origins: dict[tuple[str, ...], str] = {}
        for layer in layers:
            for path, value in _leaves(layer.content):
                other = _INSTEAD_OF.get(path)
                if other is not None and value is not None and other in self._origins:
                    self._set(other, None, layer.name)
                self._set(path, value, layer.name)

    def origin(self, *path: str) -> str | None:
        """Name of the layer that set a value; None where no layer did."""
        return self._origins.get(path)

    def _set(self, path: tuple[str, ...], value: Any, name: str) -> None:
        group = self.content
        for key in path[:-1]:
            inner = group.get(key)
            if not isinstance(inner, dict):
                inner = group[key] = {}
            group = inner
        group[path[-1]] = value
        self._origins[path] = name


def _leaves(
    content: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that is no group, after the keys that lead to it."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def read_layers(files: Sequence[Path], *, as_freqtrade: bool = False) -> list[Layer]:
    """Read configuration files, each after the files that it names in `add_config_files`.

    The settings of a flat file (see `dualwindow.settings.places`) are put into their groups, except
    where files are read `as_freqtrade` reads them.

    Raises:
        SettingsError: when a file is missing or is no JSON group.
    """
    layers = [layer for file in files for layer in _with_further(file, 0)]
    if as_freqtrade:
        return layers
    return [Layer(layer.name, as_overlay(layer.content, layer.name)) for layer in layers]


def _with_further(file: Path, depth: int) -> list[Layer]:
    content = read_config_file(file)
    further = content.pop(_FURTHER_FILES, None) or []
    if not (isinstance(further, list) and all(isinstance(name, str) for name in further)):
        raise SettingsError([f"{_FURTHER_FILES} {further!r} is not a list of files"], str(file))
    if depth >= _DEEPEST and further:
        raise SettingsError([f"{_FURTHER_FILES} {further!r} go in a circle"], str(file))
    below = [
        layer
        for name in further
        for layer in _with_further(file.resolve().parent / name, depth + 1)
    ]
    return [*below, Layer(str(file), content)]


def read_config_file(file: Path) -> dict[str, Any]:
    """Read one configuration file; comments and trailing commas are allowed.

    Raises:
        SettingsError: when the file is missing or is no JSON group.
    """
    try:
        content = rapidjson.loads(
            file.read_text(encoding="utf-8"),
            parse_mode=rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS,
        )
    except FileNotFoundError:
        raise SettingsError(
            [f"there is no file {str(file)!r}; check the path"], str(file)
        ) from None
    except OSError as error:
        raise SettingsError([f"it cannot be read: {error.strerror}"], str(file)) from None
    except (rapidjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"not valid JSON: {error}"], str(file)) from None
    if not isinstance(content, dict):
        raise SettingsError(["it is not a group of settings ({...})"], str(file))
    return content
