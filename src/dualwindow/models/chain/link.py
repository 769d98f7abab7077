"""The place of a model in a chain of trainings, and how far its weights have seen."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dualwindow.data.candles.sums import CandleSums


@dataclass(frozen=True)
class ChainLink:
    """Saved in a model of a chain.

    The two moments are those of the whole chain: of the last full training, of the warm ones after
    it, and of a pretrained model before it.

    Attributes:
        former: SHA-256 of the model that the training was to begin from, even where it was trained
            fully in the end; None where there was none to begin from.
        retrainings: warm ones since the last full training; 0 for a full one.
        fitted_until: last second that a label of the training rows looks at, seconds since 1970.
        chosen_until: last second that a label of the choosing rows looks at.
        candles: sums of the pair's own candles up to `fitted_until`; None where they are not known.
    """

    former: str | None
    retrainings: int
    fitted_until: int
    chosen_until: int
    candles: CandleSums | None = None

    @property
    def is_warm(self) -> bool:
        """Whether the training began from the former model."""
        return self.retrainings > 0

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where `to_dict` did not make the content."""
        former, candles = content["former"], content["candles"]
        if former is not None and not isinstance(former, str):
            raise TypeError(former)
        names = "retrainings", "fitted_until", "chosen_until"
        retrainings, fitted, chosen = (operator.index(content[name]) for name in names)
        if min(retrainings, fitted, chosen) < 0:
            raise ValueError(fitted, chosen)
        sums = None if candles is None else CandleSums.from_dict(candles)
        return cls(former, retrainings, fitted, chosen, sums)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "former": self.former,
            "retrainings": self.retrainings,
            "fitted_until": self.fitted_until,
            "chosen_until": self.chosen_until,
            "candles": None if self.candles is None else self.candles.to_dict(),
        }
