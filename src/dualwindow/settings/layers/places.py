"""Where settings stand in a configuration: flat files of them, and names in a wrong place.

freqtrade and FreqAI ignore names that they do not know, so a setting in a wrong place would have no
effect without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dualwindow.errors import SettingsError
from dualwindow.settings.earlier import EARLIER_NAMES, RETIRED_SETTINGS
from dualwindow.settings.fields import SettingFields
from dualwindow.settings.messages import nearest, plain_name
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: Path of the training settings in a freqtrade configuration.
TRAINING_GROUP: Final = ("freqai", "model_training_parameters")
#: At the root of a configuration it is the length of freqtrade's hyperopt.
_FREQTRADES_OWN: Final = "epochs"
#: freqtrade's copy of the configuration, in the configuration.
_COPY: Final = "original_config"
#: A root name as much like a setting is none of freqtrade's, as a test shows.
_LIKENESS: Final = 0.8
#: Most names in one message.
_NAMED: Final = 4

_TRAINING: Final = (*SettingFields.model_fields, *RETIRED_SETTINGS)
_ROOT: Final = tuple(RootSettings.model_fields)
_PLACE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_ROOT, (ROOT_KEY,)),
    **dict.fromkeys(_TRAINING, TRAINING_GROUP),
}
#: Path of a group to the settings that belong there.
_RIGHT_NAMES: Final = {ROOT_KEY: _ROOT, ".".join(TRAINING_GROUP): _TRAINING}
#: Groups at the root in which no setting stands for anything else.
_WATCHED_GROUPS: Final = (TRAINING_GROUP[0], ROOT_KEY)
_BY_PLAIN_NAME: Final = {plain_name(name): name for name in _PLACE_OF}


def is_flat(content: Mapping[str, Any]) -> bool:
    """Whether a file holds names of settings, in any case or mistyped, at its root and no group.

    Such are `json.dump(config.to_dict(), file)` and the files of the earlier training module.
    """
    if any(isinstance(value, Mapping) for value in content.values()):
        return False
    named = [
        name
        for name in content
        if plain_name(name) in EARLIER_NAMES or nearest(name, _PLACE_OF, likeness=_LIKENESS)
    ]
    return bool(named) and (named != [_FREQTRADES_OWN] or len(content) == 1)


def as_overlay(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The settings of a flat file in their groups, under their names; other files as they are.

    Names that are no settings are kept among the training settings, where they are refused.

    Raises:
        SettingsError: when a setting is given twice, in different cases.

    Example:
        >>> as_overlay({"WINDOW_SIZE": 90}, "old.json")
        {'freqai': {'model_training_parameters': {'window_size': 90}}}
    """
    return _overlay(list(content.items()), source) if is_flat(content) else dict(content)


def gathered(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """An overlay of the settings in a file, whichever group they stand in.

    Raises:
        SettingsError: when a setting is given twice.
    """
    if is_flat(content):
        return as_overlay(content, source)
    given = [(name, content[name]) for name in _settings_in(content, besides=_FREQTRADES_OWN)]
    for path, group in _groups(content):
        # FreqAI's groups hold more than settings; in the others no value may be lost.
        is_shared = path.startswith(TRAINING_GROUP[0]) and path not in _RIGHT_NAMES
        names = _settings_in(group) if is_shared else list(group)
        given += [(name, group[name]) for name in names if not isinstance(group[name], Mapping)]
    return _overlay(given, source)


def _overlay(given: list[tuple[str, Any]], source: str) -> dict[str, Any]:
    """Given names and values in their groups."""
    overlay: dict[str, Any] = {}
    before: dict[str, str] = {}
    for name, value in given:
        setting = name.casefold() if name.casefold() in _PLACE_OF else name
        if setting in before:
            problem = f"{before[setting]} and {name} are the same setting; remove one of them"
            raise SettingsError([problem], source)
        before[setting] = name
        group = overlay
        for key in _PLACE_OF.get(setting, TRAINING_GROUP):
            group = group.setdefault(key, {})
        group[setting] = value
    return overlay


def misplaced(content: Mapping[str, Any]) -> list[str]:
    """One sentence for the root, and for every group, where settings have no effect."""
    root = _settings_in(content, besides=_FREQTRADES_OWN)
    places = [("the root of the configuration", root)]
    for path, group in _groups(content):
        right = _RIGHT_NAMES.get(path, ())
        wrong = [name for name in _settings_in(group) if _setting(name) not in right]
        places.append((path, wrong))
    return [_sentence(path, names) for path, names in places if names]


def mistyped(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every name at the root that is hardly anything but a mistyped setting."""
    found = []
    for name, value in content.items():
        is_right = name == _FREQTRADES_OWN or plain_name(name) in _BY_PLAIN_NAME
        near = None if is_right else nearest(name, _PLACE_OF, likeness=_LIKENESS)
        path = ".".join((*_PLACE_OF[near], near)) if near else ""
        place, _, near = EARLIER_NAMES.get(plain_name(name), path).rpartition(".")
        if near and name not in _WATCHED_GROUPS and not isinstance(value, Mapping):
            found.append(f"{name} is not read; did you mean {near!r} in {place}?")
    return found


def hyperopts_epochs(content: Mapping[str, Any]) -> list[str]:
    """The sentence about `epochs` at the root, which may be meant for the training."""
    if _FREQTRADES_OWN not in content:
        return []
    return [
        f"{_FREQTRADES_OWN} {content[_FREQTRADES_OWN]!r} in the root of the configuration is the "
        f"length of freqtrade's hyperopt; that of a training is {_FREQTRADES_OWN} in "
        f"{'.'.join(TRAINING_GROUP)}"
    ]


def _sentence(path: str, names: list[str]) -> str:
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        listed += f" and {len(names) - _NAMED} more"
    places = dict.fromkeys(".".join(_PLACE_OF[_setting(name)]) for name in names)
    written = ", ".join(dict.fromkeys(_setting(name) for name in names[:_NAMED]))
    return (
        f"{listed} in {path} would have no effect; write {written} in {' and '.join(places)}, or "
        "let `dualwindow config convert FILE` move them"
    )


def _setting(name: str) -> str:
    return _BY_PLAIN_NAME[plain_name(name)]


def _settings_in(group: Mapping[str, Any], *, besides: str = "") -> list[str]:
    """Names in a group that are settings, whatever their case."""
    return [name for name in group if name != besides and plain_name(name) in _BY_PLAIN_NAME]


def _groups(
    content: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and content of FreqAI's groups, of ours, and of every other that is of settings."""
    for name, group in content.items():
        if not isinstance(group, Mapping) or name == _COPY:
            continue
        path = (*above, name)
        is_ours = path[0] in _WATCHED_GROUPS or name == TRAINING_GROUP[-1]
        if is_ours or _is_of_settings(group):
            yield ".".join(path), group
        yield from _groups(group, path)


def _is_of_settings(group: Mapping[str, Any]) -> bool:
    """Whether most values of a group are settings; a single word in small letters is anyone's."""
    plain = [name for name, value in group.items() if not isinstance(value, Mapping)]
    ours = {**dict.fromkeys(EARLIER_NAMES, "_"), **_BY_PLAIN_NAME}
    named = [name for name in plain if plain_name(name) in ours]
    return 2 * len(named) > len(plain) and any(
        "_" in ours[plain_name(name)] or name.isupper() for name in named
    )
