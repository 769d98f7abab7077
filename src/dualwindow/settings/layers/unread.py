"""Names in a configuration that are probably meant for settings, where nothing reads them.

They are warned of and not refused, as `dualwindow.settings.layers.places` refuses names that can
be meant for nothing else: here the names may be freqtrade's, or those of a user's other programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dualwindow.settings.earlier import EARLIER_NAMES
from dualwindow.settings.layers.places import (
    BY_PLAIN_NAME,
    FREQTRADES_GROUPS,
    FREQTRADES_OWN,
    LIKENESS,
    PLACE_OF,
    TRAINING_GROUP,
    WATCHED_GROUPS,
    all_groups,
    is_refused,
    setting_of,
    shown_path,
)
from dualwindow.settings.messages import nearest, plain_name

#: What separates the keys of a path: a dot, or freqtrade's two underscores.
_SEPARATOR: Final = re.compile(r"\.|__")


def unread_settings(content: Mapping[str, Any]) -> list[str]:
    """One sentence for every name that is probably a setting's, and is not read where it is."""
    return [*_mistyped(content), *_in_other_groups(content), *_paths(content)]


def hyperopts_epochs(content: Mapping[str, Any]) -> list[str]:
    """The sentence about `epochs` at the root, which may be meant for the training."""
    if FREQTRADES_OWN not in content:
        return []
    return [
        f"{FREQTRADES_OWN} {content[FREQTRADES_OWN]!r} in the root of the configuration is the "
        f"length of freqtrade's hyperopt; that of a training is {FREQTRADES_OWN} in "
        f"{'.'.join(TRAINING_GROUP)}"
    ]


def _mistyped(content: Mapping[str, Any]) -> Iterator[str]:
    """Names at the root that are hardly anything but a mistyped setting."""
    for name, value in content.items():
        is_right = name == FREQTRADES_OWN or plain_name(name) in BY_PLAIN_NAME
        near = None if is_right else nearest(name, PLACE_OF, likeness=LIKENESS)
        path = ".".join((*PLACE_OF[near], near)) if near else ""
        place, _, near = EARLIER_NAMES.get(plain_name(name), path).rpartition(".")
        if near and name not in WATCHED_GROUPS and not isinstance(value, Mapping):
            yield f"{name} is not read; did you mean {near!r} in {place}?"


def _in_other_groups(content: Mapping[str, Any]) -> Iterator[str]:
    """Names of settings in groups of freqtrade's or of the user's own."""
    for path, group in all_groups(content):
        for name in () if is_refused(path, group) else group:
            setting = setting_of(_SEPARATOR.split(name)[-1])
            if setting and ("_" in setting or path[0] not in FREQTRADES_GROUPS):
                yield _not_read(name, shown_path(path), setting)


def _paths(content: Mapping[str, Any]) -> Iterator[str]:
    """Paths of keys in place of groups, at the root: `training.epochs`."""
    for name, value in content.items():
        *above, last = _SEPARATOR.split(name)
        if above and not isinstance(value, Mapping) and (setting := setting_of(last)):
            yield _not_read(name, "the root of the configuration", setting)


def _not_read(name: str, where: str, setting: str) -> str:
    return (
        f"{name} in {where} is not read by the model; if it is meant for it, write {setting} in "
        f"{'.'.join(PLACE_OF[setting])}"
    )
