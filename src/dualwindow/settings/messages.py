"""Validation errors of the settings as sentences that tell users what to do."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dualwindow.errors import SettingsError
from dualwindow.settings.earlier import EARLIER_NAMES, RETIRED_SETTINGS

ConfigT = TypeVar("ConfigT")

#: Pydantic's name for the problem of an unknown name.
UNKNOWN: Final = "extra_forbidden"
#: Least likeness, 0 to 1, of a name to the setting that it is taken for.
_LIKENESS: Final = 0.6

#: Pydantic's names for values of a wrong type, and what they must be.
_LIST: Final = "must be a list ([...])"
_TYPES: Final = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_too_short": "must not be empty",
}
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_BOOLEANS: Final = ("true", "false")
#: Pydantic's name for a list with too few entries, among which bad ones do not count.
_TOO_SHORT: Final = "too_short"

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120
_SHORT.maxlong = 60
_SHORT.maxlist = _SHORT.maxtuple = 12
_SHORT.maxdict = 4
_SHORT.maxlevel = 4


@dataclass(frozen=True)
class Checked(Generic[ConfigT]):
    """The good values, with defaults in place of the bad ones, and the names of the bad.

    There is one sentence per problem, disagreements between good values included.
    """

    config: ConfigT
    bad: frozenset[str]
    problems: list[str]


@contextmanager
def collected(problems: list[str]) -> Iterator[None]:
    """Add the problems of a SettingsError in the block to the list and go on."""
    try:
        yield
    except SettingsError as error:
        problems.extend(error.problems)


def shown(value: object) -> str:
    """A value as a message shows it: its `repr`, shortened where it is long.

    Example:
        >>> shown([1440, "x"]), len(shown("x" * 5000))
        ("[1440, 'x']", 120)
    """
    try:
        return _SHORT.repr(value)
    except ValueError:
        # Python refuses to write whole numbers of thousands of digits.
        return "a number of thousands of digits"


def not_a_group(path: str, value: object) -> str:
    """The sentence about something else in the place of a group."""
    return f"{path} {shown(value)} is not a group of settings ({{...}}); correct it, or remove it"


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence per problem: the setting, its value, the rule that it breaks, the way out."""
    problems: list[str] = []
    details = error.errors()
    bad_entries = {detail["loc"][0] for detail in details if len(detail["loc"]) > 1}
    for detail in details:
        if detail["type"] == _TOO_SHORT and detail["loc"][0] in bad_entries:
            continue
        location = [str(part) for part in detail["loc"]]
        if not location and "error" in detail.get("ctx", {}):
            # A cross-field check raises one ValueError with one line per problem.
            problems.extend(str(detail["ctx"]["error"]).splitlines())
        elif not location:
            problems.append(not_a_group("settings", detail["input"]))
        elif location[0] not in model.model_fields and detail["type"] != UNKNOWN:
            problems.append(f"{location[0]} is not the name of a setting; remove it")
        elif detail["type"] == UNKNOWN:
            problems.append(unknown_name(location[0], model.model_fields))
        else:
            name = location[0]
            description = (model.model_fields[name].description or "").rstrip(".")
            problems.append(bad_value(name, detail, description))
    return problems


def unknown_name(name: str, names: Iterable[str]) -> str:
    """The sentence about a name that is none of the `names` of settings."""
    if name in RETIRED_SETTINGS:
        return f"{name!r} is not a setting any more; remove it"
    known = list(names)
    place = EARLIER_NAMES.get(plain_name(name))
    if place is not None and place.rpartition(".")[2] not in known:
        return f"{name!r} is not a setting; write {place}, or give the command its flag"
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else "remove it or check the settings reference"
    return f"{name!r} is not a setting; {hint}"


def bad_value(name: str, detail: ErrorDetails, description: str) -> str:
    """A sentence of a bad value: its name, the value, the rule that it breaks, what it is for."""
    inside = detail["loc"][1:]
    place = f"{name} (entry {'.'.join(map(str, inside))})" if inside else name
    value, message = detail["input"], detail["msg"]
    rule = _TYPES.get(detail["type"])
    if rule is None:
        rule = f"{message[0].lower()}{message[1:]}".replace("tuple should", "list must")
    meaning = f" ({description})" if description else ""
    shown_value = shown(list(value) if isinstance(value, tuple) else value)
    return f"{place} {shown_value}: {rule}{_instead(detail)}{meaning}"


def _instead(detail: ErrorDetails) -> str:
    """What to write in place of a value of a wrong type, where that is plain."""
    value, rule = detail["input"], _TYPES.get(detail["type"])
    if rule is None:
        return ""
    if value is None or value == "":
        return "; remove it for the default" if len(detail["loc"]) == 1 else "; remove it"
    text = str(value)
    is_number = not isinstance(value, bool) and _NUMBER.fullmatch(text) is not None
    if rule == _LIST and is_number and "." not in text:
        return f"; write [{text}]"
    if isinstance(value, str):
        is_boolean = rule == _TYPES["bool_type"] and text in _BOOLEANS
        return f"; write {text} without quotes" if is_number or is_boolean else ""
    return ""


def plain_name(name: str) -> str:
    """A name without case and separators, in which `WINDOW_SIZE` and `windowSize` are the same."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def nearest(name: str, names: Iterable[str], *, likeness: float = _LIKENESS) -> str | None:
    """The one of some `names` that is most like a mistyped one; None when it is like none of them.

    Case, separators and the order of words do not count, and words may be missing.

    Example:
        >>> nearest("FUTURE_WINDOWS", ["window_size", "future_window"])
        'future_window'
        >>> nearest("window-future", ["window_size", "future_window"])
        'future_window'
    """
    plain, words = plain_name(name), _words(name)
    known = list(names)
    if (other := EARLIER_NAMES.get(plain, "").rpartition(".")[2]) in known:
        return other
    # All its words are in the setting's name: only some are missing, or in another order.
    whole = [each for each in known if len(words) > 1 and words <= _words(each)]
    by_plain = {plain_name(each): each for each in whole or known}
    near = difflib.get_close_matches(plain, by_plain, n=1, cutoff=0.0 if whole else likeness)
    return by_plain[near[0]] if near else None


def _words(name: str) -> set[str]:
    """The words of a name in lower case: of `tpLongPct` tp, long and pct."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z0-9]+", apart.casefold()))
