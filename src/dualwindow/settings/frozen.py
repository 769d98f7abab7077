"""A frozen model whose errors name what to write instead of a change in place."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dualwindow.errors import SettingsError
from dualwindow.settings.messages import UNKNOWN, nearest, sentences, shown, unknown_name

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


#: Methods of dictionaries, which a config is not, and what to write.
_OF_DICTIONARIES: Final = {
    "get": "config.NAME, such as config.epochs",
    **{name: f"dict(config).{name}()" for name in ("keys", "values", "items")},
    **dict.fromkeys(("update", "setdefault", "pop"), "config = config.replace(...)"),
}


@contextmanager
def _as_settings_error(model: type[BaseModel]) -> Iterator[None]:
    """Raise pydantic's error in the block as one of ours."""
    try:
        yield
    except ValidationError as error:
        raise SettingsError(sentences(error, model), model.__name__) from None


class _SettingsClass(ModelMetaclass):
    """A class whose calls raise our error, and that itself takes no settings.

    The earlier training module kept its settings in the class, where they would change no config.
    """

    if not TYPE_CHECKING:  # a type checker would take every result for Any

        def __call__(self, *values: Any, **settings: Any) -> Any:
            if values:
                raise SettingsError(
                    [
                        f"{shown(values[0])}: settings are given by their names; write "
                        f"{self.__name__}(NAME=VALUE), or {self.__name__}(**SETTINGS)"
                    ],
                    self.__name__,
                )
            with _as_settings_error(self):
                return super().__call__(**settings)

    def __setattr__(self, name: str, value: Any) -> None:
        if known := self._setting(name):
            raise SettingsError(
                [
                    f"{self.__name__}.{name} = {value!r}: the class holds no settings; "
                    f"write config = {self.__name__}({known}={value!r})"
                ],
                self.__name__,
            )
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            if known := self._setting(name):
                raise AttributeError(
                    f"{self.__name__} has no {name!r}, the class holds no settings; write "
                    f"{self.__name__}().{known}",
                    name=name,
                    obj=self,
                )
            return super().__getattr__(name)

    def _setting(self, name: str) -> str | None:
        """The setting that a name which the class itself does not have stands for."""
        if name.startswith(("_", "model_")) or any(name in base.__dict__ for base in self.__mro__):
            return None
        return nearest(name, self.__dict__.get("__pydantic_fields__", {}))


class FrozenModel(BaseModel, metaclass=_SettingsClass):
    """Frozen, strict about types, closed to unknown names.

    Names in another case, such as those of the earlier training module, are unknown: one setting
    has one name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _explain_unknown_names(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Have pydantic's error propose the name that was meant."""
        try:
            return handler(values)
        except ValidationError as error:
            details = [_explained(detail, cls) for detail in error.errors()]
        raise ValidationError.from_exception_data(cls.__name__, details)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a config of plain values.

        Raises:
            SettingsError: with every problem, as the constructor does.
        """
        with _as_settings_error(cls):
            return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Make a config of JSON, as `model_validate` does of plain values."""
        with _as_settings_error(cls):
            return super().model_validate_json(json_data, **options)

    def replace(self, **changes: Any) -> Self:
        """A new, checked config with some values changed; values that were not given stay unset.

        Raises:
            SettingsError: with every problem of the new values.

        Example:
            >>> from dualwindow.settings import TrainingConfig
            >>> TrainingConfig(epochs=3).replace(seed=7).model_fields_set == {"epochs", "seed"}
            True
        """
        changed = self.model_copy(update=changes)
        require_kept("replace", "config = config.replace(...)")
        return changed

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy; one with changes is checked as a new config is."""
        if not update:
            return super().model_copy(deep=deep)
        given = self.model_dump(mode="json", exclude_unset=True)
        return self.model_validate({**given, **update})

    if not TYPE_CHECKING:  # pydantic's own, which it has replaced by `model_copy`

        def copy(self, *, update: Any = None, deep: bool = False) -> Self:
            """As `model_copy`."""
            return self.model_copy(update=update, deep=deep)

    def __contains__(self, name: object) -> bool:
        return name in type(self).model_fields

    def __getitem__(self, name: Any) -> NoReturn:
        known = nearest(str(name), type(self).model_fields) or "NAME"
        raise SettingsError(
            [f"config[{name!r}]: a config is no dictionary; write config.{known}"],
            type(self).__name__,
        )

    def __setitem__(self, name: Any, value: Any) -> NoReturn:
        raise self._in_place(f"config[{name!r}] = {value!r}", str(name), repr(value))

    def __delitem__(self, name: Any) -> NoReturn:
        raise self._in_place(f"del config[{name!r}]", str(name), "...")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise self._in_place(f"{name} = {value!r}", name, repr(value))

    def __delattr__(self, name: str) -> NoReturn:
        raise self._in_place(f"del {name}", name, "...")

    def _in_place(self, attempt: str, name: str, value: str) -> SettingsError:
        fields = type(self).model_fields
        known = nearest(name, fields)
        if known is None:
            return SettingsError([unknown_name(name, fields)], type(self).__name__)
        return SettingsError(
            [
                f"{attempt}: a config cannot be changed; write config = "
                f"config.replace({known}={value})"
            ],
            type(self).__name__,
        )

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            if name in _OF_DICTIONARIES:
                raise AttributeError(
                    f"a config is no dictionary and has no {name!r}; write "
                    f"{_OF_DICTIONARIES[name]}",
                    name=name,
                    obj=self,
                )
            known = None if name.startswith("_") else nearest(name, type(self).model_fields)
            if known is None:
                return super().__getattr__(name)
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}; did you mean {known!r}?",
                name=name,
                obj=self,
            )


def _explained(detail: Any, model: type[BaseModel]) -> InitErrorDetails:
    kind = detail["type"]
    if kind == UNKNOWN:
        sentence = unknown_name(str(detail["loc"][0]), model.model_fields)
        kind = PydanticCustomError(UNKNOWN, "{sentence}", {"sentence": sentence})
    return InitErrorDetails(
        type=kind, loc=detail["loc"], input=detail["input"], ctx=detail.get("ctx", {})
    )


def require_kept(method: str, way_out: str) -> None:
    """Refuse a call of a config's method whose result is dropped: it would change nothing.

    Called by the method itself, after its own checks. A call is a statement of its own where the
    interpreter throws the result away in the next instruction; where that cannot be seen, as in a
    call from C, the call is let through.

    Raises:
        SettingsError: with the `way_out`.
    """
    frame = sys._getframe(2)
    after = (each for each in dis.get_instructions(frame.f_code) if each.offset > frame.f_lasti)
    following = next(after, None)
    if following is not None and following.opname == "POP_TOP":
        raise SettingsError(
            [
                f"{method} leaves the config as it is and returns a new one, which is dropped "
                f"here; write {way_out}"
            ],
            "TrainingConfig",
        )
