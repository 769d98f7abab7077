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
FREQTRADES_OWN: Final = "epochs"
#: freqtrade's copy of the configuration, in the configuration.
_COPY: Final = "original_config"
#: Groups and lists at the root in which freqtrade, its plugins or ccxt read names of their own,
#: single words such as the `seed` of a pairlist and the `leverage` of a message among them.
FREQTRADES_GROUPS: Final = frozenset(
    {
        *("add_config_files", "api_server", "ask_strategy", "backtest_breakdown", "bid_strategy"),
        *("coingecko", "discord", "dry_run_wallet", "edge", "entry_pricing", "exchange"),
        *("exit_pricing", "experimental", "external_message_consumer", "internals", "log_config"),
        *("minimal_roi", "order_time_in_force", "order_types", "orderflow", "pairlists"),
        *("protections", "spaces", "startup_candle", "telegram", "unfilledtimeout", "webhook"),
    }
)
#: A root name as much like a setting is none of freqtrade's, as a test shows.
LIKENESS: Final = 0.8
#: Most names in one message.
_NAMED: Final = 4

_TRAINING: Final = (*SettingFields.model_fields, *RETIRED_SETTINGS)
_ROOT: Final = tuple(RootSettings.model_fields)
PLACE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_ROOT, (ROOT_KEY,)),
    **dict.fromkeys(_TRAINING, TRAINING_GROUP),
}
#: Path of a group to the settings that belong there.
_RIGHT_NAMES: Final = {(ROOT_KEY,): _ROOT, TRAINING_GROUP: _TRAINING}
#: Groups at the root in which no setting stands for anything else.
WATCHED_GROUPS: Final = (TRAINING_GROUP[0], ROOT_KEY)
BY_PLAIN_NAME: Final = {plain_name(name): name for name in PLACE_OF}


def is_flat(content: Mapping[str, Any]) -> bool:
    """Whether a file holds names of settings, in any case or mistyped, at its root and no group.

    Such are `json.dump(config.to_dict(), file)` and the files of the earlier training module.
    """
    if any(isinstance(value, Mapping) for value in content.values()):
        return False
    named = [
        name
        for name in content
        if plain_name(name) in EARLIER_NAMES or nearest(name, PLACE_OF, likeness=LIKENESS)
    ]
    return bool(named) and (named != [FREQTRADES_OWN] or len(content) == 1)


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
    given = [(name, content[name]) for name in settings_in(content, besides=FREQTRADES_OWN)]
    for path, group in _groups(content):
        # FreqAI's groups hold more than settings; in the others no value may be lost.
        is_shared = path[0] == TRAINING_GROUP[0] and path not in _RIGHT_NAMES
        names = settings_in(group) if is_shared else list(group)
        given += [(name, group[name]) for name in names if not isinstance(group[name], Mapping)]
    return _overlay(given, source)


def _overlay(given: list[tuple[str, Any]], source: str) -> dict[str, Any]:
    """Given names and values in their groups."""
    overlay: dict[str, Any] = {}
    before: dict[str, str] = {}
    for name, value in given:
        setting = name.casefold() if name.casefold() in PLACE_OF else name
        if setting in before:
            problem = f"{before[setting]} and {name} are the same setting; remove one of them"
            raise SettingsError([problem], source)
        before[setting] = name
        group = overlay
        for key in PLACE_OF.get(setting, TRAINING_GROUP):
            group = group.setdefault(key, {})
        group[setting] = value
    return overlay


def misplaced(content: Mapping[str, Any]) -> list[str]:
    """One sentence for the root, and for every group, where settings have no effect."""
    root = settings_in(content, besides=FREQTRADES_OWN)
    places = [("the root of the configuration", root)]
    for path, group in _groups(content):
        right = _RIGHT_NAMES.get(path, ())
        named = [name for name in group if setting_of(name)]
        places.append((shown_path(path), [n for n in named if setting_of(n) not in right]))
    return [_sentence(path, names) for path, names in places if names]


def in_place(content: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose groups of settings lack what `misplaced` names in them."""
    freqai, training = TRAINING_GROUP
    kept = dict(content)
    if ROOT_KEY in kept:
        kept[ROOT_KEY] = _kept(kept[ROOT_KEY], _ROOT)
    if isinstance(kept.get(freqai), Mapping) and training in kept[freqai]:
        kept[freqai] = {**kept[freqai], training: _kept(kept[freqai][training], _TRAINING)}
    return kept


def _kept(group: object, right: tuple[str, ...]) -> object:
    if not isinstance(group, Mapping):
        return group
    return {name: value for name, value in group.items() if setting_of(name) in (None, *right)}


def _sentence(where: str, names: list[str]) -> str:
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        listed += f" and {len(names) - _NAMED} more"
    settings = [setting_of(name) or name for name in names]
    places = dict.fromkeys(".".join(PLACE_OF[setting]) for setting in settings)
    written = ", ".join(dict.fromkeys(settings[:_NAMED]))
    return (
        f"{listed} in {where} would have no effect; write {written} in {' and '.join(places)}, or "
        "let `dualwindow config convert FILE` move them"
    )


def setting_of(name: str) -> str | None:
    """The setting that a name stands for, in any case; those of the earlier module too."""
    plain = plain_name(name)
    place, _, earlier = EARLIER_NAMES.get(plain, "").rpartition(".")
    return BY_PLAIN_NAME.get(plain) or (earlier if place == ".".join(TRAINING_GROUP) else None)


def shown_path(path: tuple[str, ...]) -> str:
    """The keys of a path with dots between them."""
    return ".".join(f"{key!r} (one key with dots)" if "." in key else key for key in path)


def settings_in(group: Mapping[str, Any], *, besides: str = "") -> list[str]:
    """Names in a group that are settings, whatever their case."""
    return [name for name in group if name != besides and plain_name(name) in BY_PLAIN_NAME]


def _groups(
    content: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Path and content of FreqAI's groups, of ours, and of every other that is of settings."""
    for path, group in all_groups(content):
        if is_refused(path, group):
            yield path, group


def all_groups(
    content: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Path and content of every group in a configuration, also of those in lists."""
    for name, value in content.items():
        if name == _COPY and not above:
            continue
        inner = value if isinstance(value, list) else [value]
        for group in inner:
            if isinstance(group, Mapping):
                yield (*above, name), group
                yield from all_groups(group, (*above, name))


def is_refused(path: tuple[str, ...], group: Mapping[str, Any]) -> bool:
    """Whether settings in a group can only be meant as such; anywhere else they may be anyone's."""
    is_ours = path[0] in WATCHED_GROUPS or path[-1] == TRAINING_GROUP[-1]
    return is_ours or _is_of_settings(group, is_freqtrades=path[0] in FREQTRADES_GROUPS)


def _is_of_settings(group: Mapping[str, Any], *, is_freqtrades: bool) -> bool:
    """Whether most values of a group are settings; a single word in small letters is anyone's.

    In a group of freqtrade's a single word is freqtrade's in whatever case.
    """
    plain = [name for name, value in group.items() if not isinstance(value, Mapping)]
    ours = {**({} if is_freqtrades else dict.fromkeys(EARLIER_NAMES, "_")), **BY_PLAIN_NAME}
    named = [name for name in plain if plain_name(name) in ours]
    return 2 * len(named) > len(plain) and any(
        "_" in ours[plain_name(name)] or (name.isupper() and not is_freqtrades) for name in named
    )
