"""A frozen model whose errors name what to write instead of a change in place."""

from __future__ import annotations

import dis
import sys
from typing import TYPE_CHECKING, Any, NoReturn, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dualwindow.errors import SettingsError
from dualwindow.settings.messages import UNKNOWN, nearest, unknown_name

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _SettingsClass(ModelMetaclass):
    """A class that takes no settings: an attribute of it would change no config.

    The earlier training module kept its settings there.
    """

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
