"""From the network's probabilities, which are those of balanced classes, to those of the market.

Training on balanced classes shifts every probability: by Bayes' rule a network that saw each class
equally often says p * balanced prior / market prior, up to a factor (Saerens et al. 2002, Adjusting
the outputs of a classifier to new a priori probabilities). `prior` undoes that. `temperature` also
weakens or strengthens what the network sees before the prior comes in (Guo et al. 2017, On
calibration of modern neural networks), so that a network which knows nothing ends at the class
prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence.thresholds import CalibrationKind, Thresholds, decide_reached

#: Bounds of 1 / temperature. Its end at 0 would be an infinite temperature.
_SHARPNESS: Final = (0.01, 20.0)

#: Most rows that a temperature is fitted on, evenly spaced: one number needs no more.
_FITTED_ROWS: Final = 20_000

#: Smallest probability that a forecast is taken to mean, so that one row's loss stays finite.
FLOOR: Final = 1e-12


@dataclass(frozen=True)
class Calibration:
    """How a network's probabilities become those of the market.

    Attributes:
        class_prior: (3,) class shares of the market, none 0.
        trained: (3,) class shares that the network has seen in training, none 0.
        temperature: by which the logarithms of its probabilities are divided; None until fitted.
    """

    class_prior: tuple[float, ...]
    trained: tuple[float, ...]
    temperature: float | None = None

    @property
    def sharpness(self) -> float:
        """By which the logarithms of the network's probabilities are multiplied.

        Raises:
            ValueError: when no temperature is fitted.
        """
        if self.temperature is None:
            raise ValueError("the calibration has no temperature yet")
        return 1 / self.temperature

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(2,) what is added to the logarithms of SHORT and LONG, and not to that of HOLD."""
        shift = np.log(self.class_prior) - np.log(self.trained)
        return np.asarray(shift[[SHORT, LONG]] - shift[HOLD])

    def prior_corrected(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) probabilities times market over trained shares, each row over its sum."""
        return calibrated(probabilities, 1.0, self.shifts)

    def temperature_scaled(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) probabilities to the power of 1 / temperature, then corrected likewise.

        Raises:
            ValueError: when no temperature is fitted.
        """
        return calibrated(probabilities, self.sharpness, self.shifts)

    def fitted(
        self, labels: NDArray[np.integer], probabilities: NDArray[np.floating]
    ) -> Calibration:
        """This calibration with the temperature of the smallest log loss on some rows.

        Args:
            labels: (N,) class codes, all known, N at least 1.
            probabilities: (N, 3) of the network.
        """
        step = -(-len(labels) // _FITTED_ROWS)
        logs, codes = _logs(probabilities[::step]), labels[::step]
        at, shifts = np.arange(len(codes)), self.shifts

        def loss(sharpness: float) -> float:
            logits = _logits(logs, sharpness, shifts)
            return float((np.log(np.exp(logits).sum(axis=0)) - logits[codes, at]).mean())

        # The loss is convex in 1 / temperature, so that the search cannot end in a wrong valley.
        best = minimize_scalar(loss, bounds=_SHARPNESS, method="bounded", options={"xatol": 1e-4})
        return replace(self, temperature=float(1 / best.x))

    def cross_fitted(
        self,
        labels: NDArray[np.integer],
        probabilities: NDArray[np.floating],
        seconds: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Tempered probabilities of rows each of which had no say in its own temperature.

        The temperature of the older half is that of the newer half, and the other way round.

        Args:
            labels: (N,) class codes, all known.
            probabilities: (N, 3) of the network.
            seconds: (N,) dates, by whose median the rows are halved; where all are of one date
                nothing is tempered.
        """
        older = seconds < np.median(seconds)
        found = self.prior_corrected(probabilities)
        if older.any():
            for half in (older, ~older):
                other = self.fitted(labels[~half], probabilities[~half])
                found[half] = other.temperature_scaled(probabilities[half])
        return found

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        # The key is part of the file formats that hold a calibration.
        return {
            "market": list(self.class_prior),
            "trained": list(self.trained),
            "temperature": self.temperature,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Read what `to_dict` made.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError when it is something else.
        """
        temperature = content["temperature"]
        found = cls(
            class_prior=tuple(map(float, content["market"])),
            trained=tuple(map(float, content["trained"])),
            temperature=None if temperature is None else float(temperature),
        )
        if not len(found.class_prior) == len(found.trained) == len(CLASS_NAMES):
            raise ValueError(f"a calibration of {len(found.class_prior)} classes")
        return found


def calibrated(
    probabilities: NDArray[np.floating],
    sharpness: float | NDArray[np.float64],
    shifts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What a network's probabilities mean, rows of several models at once if need be.

    Args:
        probabilities: (N, 3) of the network.
        sharpness: power of the probabilities, a number or (N,).
        shifts: (2,) or (N, 2) added to the logarithms of SHORT and LONG.

    Returns:
        (N, 3), each row over its sum.
    """
    powers = np.exp(_logits(_logs(probabilities), sharpness, shifts))
    return np.ascontiguousarray((powers / powers.sum(axis=0)).T)


def _logits(
    logs: NDArray[np.float64],
    sharpness: float | NDArray[np.float64],
    shifts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(3, N), of each row the highest is 0."""
    logits = sharpness * logs
    logits[SHORT] += shifts[..., 0]
    logits[LONG] += shifts[..., 1]
    logits -= logits.max(axis=0)
    return np.asarray(logits)


def _logs(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, N) logarithms of (N, 3): numpy is many times faster along a first axis of three."""
    return np.log(np.maximum(np.ascontiguousarray(normalised(probabilities).T), FLOOR))


@dataclass(frozen=True)
class Calibrated:
    """What models say of some candles.

    Attributes:
        kind: the setting `calibration`.
        own: (N, 3) the network's own probabilities; NaN without a valid window.
        probabilities: (N, 3) calibrated, `own` with none; NaN where they are not known.
        by_share: class codes of mode coverage, whose thresholds are of the network's own
            probabilities, so that the chosen share fires whatever the calibration.
    """

    kind: CalibrationKind
    own: NDArray[np.floating]
    probabilities: NDArray[np.floating]
    by_share: tuple[int, ...] = ()

    @classmethod
    def from_probabilities(
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
        probabilities = np.full(own.shape, np.nan)
        probabilities[known] = calibrated(
            own[known],
            1.0 if kind == "prior" else every[known],
            np.broadcast_to(shifts, (len(own), 2))[known],
        )
        return cls(kind, own, probabilities, by_share)

    @classmethod
    def plain(cls, own: NDArray[np.floating], by_share: tuple[int, ...] = ()) -> Calibrated:
        """(N, 3) probabilities as they are."""
        return cls("none", own, own, by_share)

    def at(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Calibrated:
        """What is said of some of the candles."""
        return Calibrated(self.kind, self.own[rows], self.probabilities[rows], self.by_share)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N,) whether something can be decided."""
        return np.asarray(
            np.isfinite(self.own).all(axis=1) & np.isfinite(self.probabilities).all(axis=1)
        )

    @property
    def compared(self) -> NDArray[np.floating]:
        """(N, 3) what each class's threshold is compared with."""
        if self.kind == "none" or not self.by_share:
            return self.probabilities
        table = self.probabilities.copy()
        for code in self.by_share:
            table[:, code] = self.own[:, code]
        return table

    def decide(self, thresholds: Thresholds) -> NDArray[np.int8]:
        """(N,) class codes, see `confidence.decide`; HOLD where a probability is not known."""
        return decide_reached(self.probabilities, thresholds.reached(self.compared), thresholds)


def normalised(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3) float64 whose rows sum to 1; single precision leaves them off by a millionth."""
    shares = probabilities.astype(np.float64)
    # Column by column: numpy is many times slower at sums along a short axis.
    sums = shares[:, SHORT] + shares[:, HOLD] + shares[:, LONG]
    return np.asarray(shares / sums[:, None])
