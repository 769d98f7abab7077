"""Settings without a place in FreqAI's configuration, under the root key `dualwindow`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from dualwindow.errors import SettingsError
from dualwindow.settings.frozen import FrozenModel
from dualwindow.settings.messages import not_a_group, shown
from dualwindow.settings.timeframes import DATE_FORMS, parsed_date

#: Name of the group.
ROOT_KEY: Final = "dualwindow"
#: The setting that lets entries wait for a verdict.
ON_EVIDENCE: Final = "trade_only_on_evidence"


class RootSettings(FrozenModel):
    """The strategy's leverage, the command line's date range, and the costs of trades.

    Example:
        >>> RootSettings.from_config({"dualwindow": {"train_days": 30.0}}).train_days
        30.0
    """

    leverage: float = Field(1.0, ge=1.0, le=125.0, description="Leverage of futures positions.")
    train_days: float | None = Field(
        None,
        gt=0.0,
        le=36_525.0,
        description="`dualwindow train`: the last days of candles before `train_to`.",
        json_schema_extra={"unit": "days"},
    )
    train_from: str | None = Field(
        None, description="`dualwindow train`: first day, as 2025-01-31, or moment (UTC)."
    )
    train_to: str | None = Field(
        None,
        description="`dualwindow train`: last day, as 2025-01-31 (the whole day), or the moment "
        "(UTC) before which candles are used; the newest candle unless given.",
    )
    tail_fraction: float = Field(
        0.1,
        ge=0.0,
        le=0.5,
        description="`dualwindow train`: newest share of the candles that only the final "
        "evaluation sees; 0: evaluate on the validation candles, which chose the best epoch.",
        json_schema_extra={"unit": "fraction"},
    )
    auto_configure: bool = Field(
        False,
        description="Choose process and chunk sizes for this machine or container, in place of "
        "those of files and presets; flags win. The log has the choice and its reason; no result "
        "depends on it.",
    )
    evaluation_fee: float | None = Field(
        None,
        ge=0.0,
        lt=0.1,
        description="Fee of one side of a trade in every figure after fees; unless given "
        "freqtrade's `fee`, else 0.0005 on futures and 0.001 on spot.",
        json_schema_extra={"unit": "fraction of the price"},
    )
    evaluation_slippage: float = Field(
        0.0,
        ge=0.0,
        lt=0.1,
        description="By how much every fill is worse than the price of freqtrade's backtest, in "
        "every figure after fees.",
        json_schema_extra={"unit": "fraction of the price"},
    )
    evaluation_funding: bool = Field(
        True,
        description="Include funding payments of futures in figures after fees, where freqtrade "
        "has downloaded rates and mark prices.",
    )

    leave_out_untrainable_pairs: bool = Field(
        False,
        description="Backtests: leave out a pair that cannot be trained, such as a new listing, "
        "with a warning; else it ends the backtest.",
    )

    trade_only_on_evidence: Literal[False, True, "strict"] = Field(
        False,
        description="Enter nothing while the bot's track record (`dualwindow track`) is `worse "
        "than promised`; `strict`: enter nothing until it is `edge found`. What is blocked is "
        "still predicted and scored. A backtest honours it with what was known at the time.",
    )

    @model_validator(mode="after")
    def _dates_can_be_read(self) -> Self:
        problems = []
        for name in ("train_from", "train_to"):
            text = getattr(self, name)
            try:
                if text is not None:
                    parsed_date(text)
            except ValueError:
                problems.append(f"{name} {shown(text)} is no date; {DATE_FORMS}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.train_days is not None and self.train_from is not None:
            raise ValueError(
                f"train_days {self.train_days:g} and train_from {self.train_from!r} both set the "
                "beginning of the date range; remove one of them"
            )
        return self

    @classmethod
    def from_config(cls, content: Mapping[str, Any]) -> Self:
        """Read the settings from a freqtrade configuration.

        Raises:
            SettingsError: with one sentence for every unknown key and bad value.
        """
        group = content.get(ROOT_KEY, {})
        if not isinstance(group, Mapping):
            raise SettingsError([not_a_group(ROOT_KEY, group)], ROOT_KEY)
        try:
            return cls.model_validate(group)
        except SettingsError as error:
            raise SettingsError(error.problems, ROOT_KEY) from None
