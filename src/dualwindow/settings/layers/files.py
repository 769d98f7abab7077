"""Freqtrade's configuration files: JSON with comments; later files overlay earlier ones."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rapidjson

from dualwindow.errors import SettingsError
from dualwindow.settings.layers.places import as_overlay
from dualwindow.settings.messages import not_a_group

logger = logging.getLogger(__name__)

#: Key of the files that a file overlays; their paths are relative to it.
_FURTHER_FILES: Final = "add_config_files"
#: Levels of files that name files; freqtrade has the same limit.
_DEEPEST: Final = 5
#: Levels of groups and lists in a file, far more than freqtrade has.
_DEEPEST_GROUP: Final = 100
_OFFSET: Final = re.compile(r"at offset (\d+)")
#: Groups of more than one setting that the package reads.
_GROUPS: Final = (
    *(("exchange",), ("dualwindow",), ("freqai",)),
    *(("freqai", f"{name}_parameters") for name in ("feature", "data_split", "model_training")),
)
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

    Raises:
        SettingsError: when one layer has a group of `_GROUPS` and another one something else for
            it, which would drop the rest of the group.

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
                if not _is_empty_group(value) or self._at(path) is None:
                    self._set(path, value, layer.name)

    def origin(self, *path: str) -> str | None:
        """Name of the layer that set a value; None where no layer did."""
        return self._origins.get(path)

    def _at(self, path: tuple[str, ...]) -> Any:
        value: Any = self.content
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _set(self, path: tuple[str, ...], value: Any, name: str) -> None:
        group = self.content
        for level, key in enumerate(path[:-1], 1):
            inner = group.get(key)
            origin = self._origins.pop(path[:level], name)
            if not isinstance(inner, dict):
                _require_group(path[:level], inner, origin)
                inner = group[key] = {}
            group = inner
        if isinstance(group.get(path[-1]), dict):
            _require_group(path, value, name)
            for known in [known for known in self._origins if known[: len(path)] == path]:
                del self._origins[known]
        # Later layers add to a group, which is not to change the layer that it is from.
        group[path[-1]] = {} if _is_empty_group(value) else value
        self._origins[path] = name


def _require_group(path: tuple[str, ...], value: Any, name: str) -> None:
    """Refuse something else than a group, or null, in the place of a group that is read."""
    if path in _GROUPS and value is not None and not isinstance(value, Mapping):
        raise SettingsError([not_a_group(".".join(path), value)], name)


def _leaves(
    content: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that is no group, or an empty one, after the keys that lead to it."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _is_empty_group(value: object) -> bool:
    """Whether a value is a group that adds nothing to what an earlier layer has."""
    return isinstance(value, Mapping) and not value


def read_layers(files: Sequence[Path], *, as_freqtrade: bool = False) -> list[Layer]:
    """Read configuration files, each after the files that it names in `add_config_files`.

    The settings of a flat file (see `dualwindow.settings.layers.places`) are put into their groups,
    except where files are read `as_freqtrade` reads them.

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

    A name that is there twice is logged: the last one counts, for freqtrade too.

    Raises:
        SettingsError: when the file is missing or is no JSON group.
    """
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        decode = _Decoder(parse_mode=rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS)
        content = decode(text)
    except FileNotFoundError:
        raise SettingsError(
            [f"there is no file {str(file)!r}; check the path"], str(file)
        ) from None
    except OSError as error:
        raise SettingsError([f"it cannot be read: {error.strerror}"], str(file)) from None
    except RecursionError:
        raise SettingsError(
            ["not valid JSON: its groups lie too deep in each other; correct it"], str(file)
        ) from None
    except ValueError as error:
        # JSON that cannot be read, text that is not UTF-8, or a path that can be none.
        raise SettingsError([f"not valid JSON: {error}{_place(text, error)}"], str(file)) from None
    if not isinstance(content, dict):
        raise SettingsError(["it is not a group of settings ({...})"], str(file))
    if _depth(content) > _DEEPEST_GROUP:
        raise SettingsError(
            ["not valid JSON: its groups lie too deep in each other; correct it"], str(file)
        )
    if decode.twice:
        logger.warning(
            "%s: %s there twice in one group, of which the last one counts, with all that is in "
            "it: join them",
            file,
            " and ".join(decode.twice) + (" is" if len(decode.twice) == 1 else " are"),
        )
    return content


class _Decoder(rapidjson.Decoder):
    """Reads JSON, and remembers the names that a group holds twice."""

    def __init__(self, **_options: Any) -> None:
        # The base class takes its options when it is made.
        self.twice: list[str] = []

    def start_object(self) -> list[tuple[str, Any]]:
        """Have the pairs of a group collected in a list."""
        return []

    def end_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """The group of the pairs."""
        group = dict(pairs)
        if len(group) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            self.twice += [name for name, count in counts.items() if count > 1]
        return group


def _place(text: str, error: ValueError) -> str:
    """Where in a text its JSON ends, and what is known to be wrong there."""
    if text.startswith("\ufeff"):
        return "; it begins with a byte order mark, save it as UTF-8 without one"
    if isinstance(error, UnicodeDecodeError):
        return "; save it as UTF-8"
    offset = _OFFSET.search(str(error))
    if offset is None:
        return ""
    line = text.encode()[: int(offset[1])].count(b"\n") + 1
    return f" (line {line})"


def _depth(value: object) -> int:
    """Levels of groups and lists in each other."""
    deepest, pending = 0, [(value, 1)]
    while pending and deepest <= _DEEPEST_GROUP:
        inner, level = pending.pop()
        deepest = max(deepest, level)
        if isinstance(inner, dict | list):
            values = inner.values() if isinstance(inner, dict) else inner
            pending += [(within, level + 1) for within in values]
    return deepest
