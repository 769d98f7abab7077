"""Calibration: from the probabilities of balanced training classes to those of the class prior.

Training on balanced classes shifts every probability: by Bayes' rule a network that saw the classes
equally often predicts p * balanced prior / class prior, up to a factor (Saerens et al. 2002,
Adjusting the outputs of a classifier to new a priori probabilities). `prior` undoes that.
`temperature` also scales the network's evidence before the prior is applied (Guo et al. 2017, On
calibration of modern neural networks), so that a network without information ends at the class
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
from dualwindow.confidence.measure import LEAD, ConfidenceMeasure, measured
from dualwindow.confidence.thresholds import CalibrationKind, Thresholds, decide_reached

#: Bounds of 1 / temperature. Its end at 0 would be an infinite temperature.
_SHARPNESS: Final = (0.01, 20.0)
#: Most rows that a temperature is fitted on, evenly spaced: one number needs no more.
_FITTED_ROWS: Final = 20_000
#: Smallest probability that counts in a loss, so that one row's loss stays finite.
FLOOR: Final = 1e-12


@dataclass(frozen=True)
class Calibration:
    """How a network's probabilities are corrected to the class prior.

    Attributes:
        class_prior: (3,) class shares of all rows, none 0.
        trained: (3,) class shares that the network saw in training, none 0.
        temperature: divisor of the logarithms of its probabilities; None until fitted.

    Example:
        >>> calibration = Calibration(class_prior=(0.1, 0.8, 0.1), trained=(0.25, 0.5, 0.25))
        >>> calibration.prior_corrected(np.array([[0.6, 0.3, 0.1]])).round(2).tolist()
        [[0.32, 0.63, 0.05]]
    """

    class_prior: tuple[float, ...]
    trained: tuple[float, ...]
    temperature: float | None = None

    @property
    def sharpness(self) -> float:
        """Factor of the logarithms of the network's probabilities: 1 / temperature.

        Raises:
            ValueError: when no temperature is fitted.
        """
        if self.temperature is None:
            raise ValueError("the calibration has no temperature yet")
        return 1 / self.temperature

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(2,) terms added to the logarithms of SHORT and LONG, relative to that of HOLD."""
        shift = np.log(self.class_prior) - np.log(self.trained)
        return np.asarray(shift[[SHORT, LONG]] - shift[HOLD])

    def prior_corrected(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) probabilities times class prior over trained shares, rows normalised."""
        return calibrated(probabilities, 1.0, self.shifts)

    def temperature_scaled(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) probabilities to the power of 1 / temperature, then prior-corrected.

        Raises:
            ValueError: when no temperature is fitted.
        """
        return calibrated(probabilities, self.sharpness, self.shifts)

    def fitted(
        self, labels: NDArray[np.integer], probabilities: NDArray[np.floating]
    ) -> Calibration:
        """This calibration with the temperature of the smallest log loss.

        Of (N,) known labels and the network's (N, 3) probabilities, N at least 1.
        """
        step = -(-len(labels) // _FITTED_ROWS)
        logs, codes = _logs(probabilities[::step]), labels[::step]
        columns, shifts = np.arange(len(codes)), self.shifts

        def loss(sharpness: float) -> float:
            logits = _logits(logs, sharpness, shifts)
            return float((np.log(np.exp(logits).sum(axis=0)) - logits[codes, columns]).mean())

        # The loss is convex in 1 / temperature, so the search cannot end in a local minimum.
        best = minimize_scalar(loss, bounds=_SHARPNESS, method="bounded", options={"xatol": 1e-4})
        return replace(self, temperature=float(1 / best.x))

    def cross_fitted(
        self,
        labels: NDArray[np.integer],
        probabilities: NDArray[np.floating],
        seconds: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(N, 3) temperature-scaled probabilities, no row by a temperature that it took part in.

        The median of the (N,) dates halves the rows. The older half is scaled by the temperature
        of the newer half, and the other way round; rows of a single date are only prior-corrected.
        """
        older = seconds < np.median(seconds)
        scaled = self.prior_corrected(probabilities)
        if older.any():
            for half in (older, ~older):
                other = self.fitted(labels[~half], probabilities[~half])
                scaled[half] = other.temperature_scaled(probabilities[half])
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        # The key `market` is part of the file formats that hold a calibration.
        return {
            "market": list(self.class_prior),
            "trained": list(self.trained),
            "temperature": self.temperature,
        }

    @property
    def is_sound(self) -> bool:
        """Whether the shares are shares of a whole, and the temperature is a temperature."""
        shares = np.array([self.class_prior, self.trained])
        sums = shares.sum(axis=1)
        temperature = 1.0 if self.temperature is None else self.temperature
        return bool(
            ((shares >= 0.0) & (shares <= 1.0)).all()
            and np.allclose(sums, 1.0, atol=1e-3)
            and np.isfinite(temperature)
            and temperature > 0.0
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Read the result of `to_dict`.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError for other content.
        """
        temperature = content["temperature"]
        calibration = cls(
            class_prior=tuple(map(float, content["market"])),
            trained=tuple(map(float, content["trained"])),
            temperature=None if temperature is None else float(temperature),
        )
        if not len(calibration.class_prior) == len(calibration.trained) == len(CLASS_NAMES):
            raise ValueError(f"a calibration of {len(calibration.class_prior)} classes")
        return calibration


def calibrated(
    probabilities: NDArray[np.floating],
    sharpness: float | NDArray[np.float64],
    shifts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Calibrate rows, of one model or of several.

    Args:
        probabilities: (N, 3) of the network.
        sharpness: power of the probabilities, a number or (N,).
        shifts: (2,) or (N, 2) added to the logarithms of SHORT and LONG.

    Returns:
        (N, 3), rows normalised.
    """
    powers = np.exp(_logits(_logs(probabilities), sharpness, shifts))
    return np.ascontiguousarray((powers / powers.sum(axis=0)).T)


def _logits(
    logs: NDArray[np.float64],
    sharpness: float | NDArray[np.float64],
    shifts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(3, N); the highest of a row is 0."""
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
    """Probabilities of N candles, as the network gives them and calibrated.

    Attributes:
        kind: the setting `calibration`.
        own: (N, 3) the network's own probabilities; NaN without a valid window.
        probabilities: (N, 3) calibrated, `own` with none; NaN where they are not known.
        by_share: class codes of mode coverage, whose thresholds are of the network's own
            probabilities, so that the chosen share fires whatever the calibration.
        measure: of these probabilities that their thresholds are of.
    """

    kind: CalibrationKind
    own: NDArray[np.floating]
    probabilities: NDArray[np.floating]
    by_share: tuple[int, ...] = ()
    measure: ConfidenceMeasure = "probability"

    @classmethod
    def from_probabilities(
        cls,
        own: NDArray[np.floating],
        kind: CalibrationKind,
        sharpness: float | NDArray[np.float64],
        shifts: NDArray[np.float64],
        by_share: tuple[int, ...] = (),
        *,
        measure: ConfidenceMeasure = "probability",
    ) -> Calibrated:
        """Calibrate rows by the terms of the models that predicted them.

        `sharpness` is a number or (N,), 0 where the model has no calibration; `shifts` is (2,) or
        (N, 2) of SHORT and LONG.
        """
        if kind == "none":
            return cls.plain(own, by_share, measure)
        powers = np.broadcast_to(np.asarray(sharpness, dtype=np.float64), len(own))
        known = (powers > 0) & (own.sum(axis=1) > 0)
        probabilities = np.full(own.shape, np.nan)
        probabilities[known] = calibrated(
            own[known],
            1.0 if kind == "prior" else powers[known],
            np.broadcast_to(shifts, (len(own), 2))[known],
        )
        return cls(kind, own, probabilities, by_share, measure)

    @classmethod
    def plain(
        cls,
        own: NDArray[np.floating],
        by_share: tuple[int, ...] = (),
        measure: ConfidenceMeasure = "probability",
    ) -> Calibrated:
        """(N, 3) probabilities as they are."""
        return cls("none", own, own, by_share, measure)

    def at(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Calibrated:
        """The probabilities of some of the candles."""
        return replace(self, own=self.own[rows], probabilities=self.probabilities[rows])

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N,) whether something can be decided."""
        return np.asarray(
            np.isfinite(self.own).all(axis=1) & np.isfinite(self.probabilities).all(axis=1)
        )

    @property
    def leads(self) -> tuple[int, ...]:
        """Class codes whose thresholds are of leads, not of probabilities."""
        return self.by_share if self.measure == LEAD else ()

    @property
    def compared(self) -> NDArray[np.floating]:
        """(N, 3) what thresholds are compared with: probabilities, of `leads` their leads."""
        if not self.by_share or (self.kind == "none" and not self.leads):
            return self.probabilities
        table, values = self.probabilities.copy(), measured(self.own, self.measure)
        for code in self.by_share:
            table[:, code] = values[:, code]
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
