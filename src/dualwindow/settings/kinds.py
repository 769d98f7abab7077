"""Kinds of values that several settings have, their ranges and units, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, field_validator, model_validator

from dualwindow.confidence.measure import ConfidenceMeasure
from dualwindow.settings.earlier import is_retired
from dualwindow.settings.frozen import FrozenModel

Fraction = Annotated[float, Field(gt=0.0, lt=1.0, json_schema_extra={"unit": "fraction"})]
Probability = Annotated[float, Field(ge=0.0, le=1.0, json_schema_extra={"unit": "probability"})]
Candles = Annotated[int, Field(json_schema_extra={"unit": "candles"})]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
#: Windows or rows at a time: at most far more than any memory holds.
Rows = Annotated[int, Field(ge=1, le=1_000_000_000, json_schema_extra={"unit": "candles"})]
Width = Annotated[int, Field(ge=1, le=8192)]
FeatureName = Annotated[str, Field(min_length=1, max_length=200)]
FeatureNames = Annotated[tuple[FeatureName, ...], Field(max_length=1000)]

#: What `sample_every: 0` leaves an epoch, and the most candles of which it takes one.
EPOCH_WINDOWS: Final = 45_000
MOST_BETWEEN: Final = 10
#: Others are named `my_package.my_module:Net`.
NETWORKS: Final = ("lstm", "gru", "tcn", "linear")

NetworkName = Annotated[
    str,
    Field(
        max_length=200,
        pattern=rf"^({'|'.join(NETWORKS)}|[\w.]+:\w+)$",
        description="lstm, gru, tcn (dilated convolutions), linear (no look at the window: dense "
        "layers over the wide features, or over the last candle's where there are no wide ones), "
        "or `my_package.my_module:Net`, a class of your own.",
    ),
]

Ensemble = Annotated[
    int,
    Field(
        ge=1,
        le=100,
        description="Networks that are trained side by side from other initial weights, and whose "
        "probabilities are averaged. A training and a prediction take that many times as long; "
        "while a network is small, every core of the machine trains one.",
    ),
]
SampleEvery = Annotated[
    int,
    Field(
        ge=0,
        le=1_000_000,
        description="Of how many candles an epoch trains on one, each time others. Neighbouring "
        "windows share all candles but one: with 10, an epoch takes a tenth of the time and has "
        f"nearly the effect. 0: as many as leave {EPOCH_WINDOWS:,} windows, up to {MOST_BETWEEN}.",
    ),
]

Measure = Annotated[
    ConfidenceMeasure,
    Field(
        description="Of what mode coverage takes the highest share of candles. probability: that "
        "of the side, highest where the market moves most; lead: how much more probable the side "
        "is than the other one, which with equal barriers and class_balance none is what a trade "
        "is expected to earn before fees, up to a factor. Models are trained for one of them.",
    ),
]

#: Settings of which a configuration has a list.
_LISTS: Final = "lstm_units", "dense_units", "window_features", "wide_features"


class ReadSettings(FrozenModel):
    """Frozen, strict about types, closed to unknown names; reads lists where tuples are meant."""

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, values: Any) -> Any:
        """Leave out retired settings that hold the value of `earlier.RETIRED_SETTINGS`."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if not is_retired(name, value)}

    @field_validator(*_LISTS, mode="before", check_fields=False)
    @classmethod
    def _list_to_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


def is_own(network: str) -> bool:
    """Whether a network is a class of the user's own.

    Example:
        >>> is_own("gru"), is_own("my_networks:Net")
        (False, True)
    """
    return network not in NETWORKS
