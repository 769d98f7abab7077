"""Probabilities as the setting `calibration` makes them, and what is decided with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.confidence import CalibrationKind, Thresholds, decide_reached
from dualwindow.evaluation.calibration import calibrated


@dataclass(frozen=True)
class Calibrated:
    """What models say of some candles.

    Attributes:
        kind: the setting `calibration`.
        own: (N, 3) the network's own probabilities; NaN without a valid window.
        market: (N, 3) calibrated probabilities, `own` with none; NaN where they are not known.
        by_share: class codes of mode coverage, whose thresholds are of the network's own
            probabilities, so that the chosen share fires whatever the calibration.
    """

    kind: CalibrationKind
    own: NDArray[np.floating]
    market: NDArray[np.floating]
    by_share: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        own: NDArray[np.floating],
        kind: CalibrationKind,
        sharpness: float | NDArray[np.float64],
        shifts: NDArray[np.float64],
        by_share: tuple[int, ...] = (),
    ) -> Calibrated:
        """Calibrate rows, each with the terms of the model that said it.

        Args:
            own: (N, 3) as in the attributes.
            kind: likewise.
            sharpness: a number or (N,); 0 where the model has no calibration.
            shifts: (2,) or (N, 2) of SHORT and LONG.
            by_share: as in the attributes.
        """
        if kind == "none":
            return cls.plain(own, by_share)
        every = np.broadcast_to(np.asarray(sharpness, dtype=np.float64), len(own))
        known = (every > 0) & (own.sum(axis=1) > 0)
        market = np.full(own.shape, np.nan)
        market[known] = calibrated(
            own[known],
            1.0 if kind == "prior" else every[known],
            np.broadcast_to(shifts, (len(own), 2))[known],
        )
        return cls(kind, own, market, by_share)

    @classmethod
    def plain(cls, own: NDArray[np.floating], by_share: tuple[int, ...] = ()) -> Calibrated:
        """(N, 3) probabilities as they are."""
        return cls("none", own, own, by_share)

    def at(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Calibrated:
        """What is said of some of the candles."""
        return Calibrated(self.kind, self.own[rows], self.market[rows], self.by_share)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N,) whether something can be decided."""
        return np.asarray(np.isfinite(self.own).all(axis=1) & np.isfinite(self.market).all(axis=1))

    @property
    def compared(self) -> NDArray[np.floating]:
        """(N, 3) what each class's threshold is compared with."""
        if self.kind == "none" or not self.by_share:
            return self.market
        table = self.market.copy()
        for code in self.by_share:
            table[:, code] = self.own[:, code]
        return table

    def decide(self, thresholds: Thresholds) -> NDArray[np.int8]:
        """(N,) class codes, see `confidence.decide`; HOLD where a probability is not known."""
        return decide_reached(self.market, thresholds.reached(self.compared), thresholds)
