"""Figures of a track record: what happened beside what was claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.errors import DataError, SettingsError
from dualwindow.evaluation.evidence.drift import Drift
from dualwindow.models.identifier.drift import drift_in
from dualwindow.settings import TrainingConfig
from dualwindow.track.entries import (
    Claim,
    Decision,
    Entry,
    EntryError,
    Genesis,
    Outcome,
    TradeEntry,
    unpacked,
)
from dualwindow.track.outcomes import (
    PeriodFigures,
    by_pair,
    period_estimates,
    periods_of_outcomes,
)
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import RecordFile
from dualwindow.track.verdict import Timeline, Verdict

_SIDES = tuple(CLASS_NAMES[side] for side in (SHORT, LONG))
_USABLE = 1
#: Trades of freqtrade's that are told one by one.
MOST_ENDED = 1000


@dataclass
class PairFigures:
    """A pair's decisions, beside what its claims promised for them.

    Attributes:
        claims: how many.
        decided: candles.
        predicted: with a valid prediction and a future window that is over.
        fired: class name to decisions for that side among them.
        right: class name to those whose label is the side.
        known: of the decisions that are left, those with a label.
        probability: class name to the sum of its probabilities over `known`.
        occurred: class name to how often it was the label over `known`.
        promised_firing: sum over the decisions with a promise, and their number.
        promised_right: class name to the same over the decisions for that side.
    """

    claims: int = 0
    decided: int = 0
    predicted: int = 0
    fired: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SIDES, 0))
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SIDES, 0))
    known: int = 0
    probability: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_SIDES, 0.0))
    occurred: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SIDES, 0))
    promised_firing: list[float] = field(default_factory=lambda: [0.0, 0])
    promised_right: dict[str, list[float]] = field(
        default_factory=lambda: {name: [0.0, 0] for name in _SIDES}
    )

    def to_dict(self) -> dict[str, Any]:
        """Shares and counts as plain JSON types; None where nothing is known."""
        fired = sum(self.fired.values())
        return {
            "claims": self.claims,
            "decided": self.decided,
            "predicted": self.predicted,
            "firing": _share(fired, self.predicted),
            "promised_firing": _share(*self.promised_firing),
            "sides": {
                name: {
                    "fired": self.fired[name],
                    "precision": _share(self.right[name], self.fired[name]),
                    "promised_precision": _share(*self.promised_right[name]),
                    "mean_probability": _share(self.probability[name], self.known),
                    "occurred": _share(self.occurred[name], self.known),
                }
                for name in _SIDES
            },
        }


@dataclass(frozen=True)
class TrackFigures:
    """A whole record.

    Attributes:
        began: seconds since 1970.
        last: date of the newest decision that is left; None without one.
        verdict: now.
        pairs: by their names.
        trades: freqtrade's own that have ended, and the sum of their profit ratios.
        scoring: terms of the score.
        head: of the chain, to be noted elsewhere.
        drift: pair to the drift of its features; None where it is not known.
        periods: with a trade or a decision that can be compared, in order.
        ended: freqtrade's own trades, the newest `MOST_ENDED`.
    """

    began: int
    last: int | None
    verdict: Verdict
    pairs: Mapping[str, PairFigures]
    trades: tuple[int, float]
    scoring: Mapping[str, Any]
    head: str
    drift: Mapping[str, Drift | None] = field(default_factory=dict)
    periods: Sequence[PeriodFigures] = ()
    ended: Sequence[TradeEntry] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; profits are fractions."""
        count, profit = self.trades
        return {
            "began": self.began,
            "last": self.last,
            "verdict": {
                "words": self.verdict.words,
                "text": self.verdict.text,
                **asdict(self.verdict),
            },
            "pairs": {
                name: {**figures.to_dict(), "drift": _drift(self.drift.get(name))}
                for name, figures in self.pairs.items()
            },
            "trades": {"count": count, "mean_profit": _share(profit, count)},
            "periods": [asdict(period) for period in self.periods],
            "figures": period_estimates(self.periods),
            "ended": [
                {name: value for name, value in asdict(trade).items() if name != "previous"}
                for trade in self.ended
            ],
            "scoring": dict(self.scoring),
            "head": self.head,
        }


def figures_of(file: RecordFile, folder: Path | None = None) -> TrackFigures:
    """Read a record; with the folder of its bot's models also how its features have drifted.

    Raises:
        DataError: when it is empty.
        EntryError, sqlite3.Error: when it cannot be read.
    """
    reader = _Reader()
    for seq, content in file.entries():
        try:
            reader.take(unpacked(content))
        except LookupError as error:
            raise EntryError(f"entry {seq} does not go with those before it") from error
    if reader.genesis is None or reader.scoring is None:
        raise DataError("the record is empty: the bot has not analysed a candle yet")
    timeline = Timeline(reader.scoring)
    for period in sorted(reader.outcomes):
        timeline.add(period, by_pair(reader.outcomes[period]))
    models = {claim.pair: claim.model for claim in reader.claims.values()}
    return TrackFigures(
        reader.genesis.created,
        reader.last,
        timeline.now,
        {claim.pair: reader.pairs[number] for number, claim in reader.claims.items()},
        (reader.trades, reader.profit),
        reader.genesis.scoring,
        file.head.text,
        {} if folder is None else drift_in(folder, models, reader.scoring.candle_seconds),
        periods_of_outcomes(reader.outcomes, reader.directions, reader.scoring.seconds),
        reader.ended[-MOST_ENDED:],
    )


def scoring_from(values: Mapping[str, Any]) -> Scoring:
    """The terms with which a record begins, see `record.scoring_values`.

    Raises:
        EntryError: when they are none.
    """
    others = {"candle_seconds": int, "cost": float, "can_short": bool}
    try:
        config = TrainingConfig.model_validate(
            {name: value for name, value in values.items() if name not in others}
        )
        terms = {name: kind(values[name]) for name, kind in others.items()}
    except (SettingsError, KeyError, TypeError, ValueError) as error:
        raise EntryError(f"it does not tell how the record is scored ({error!r})") from error
    if terms["candle_seconds"] < 1:
        raise EntryError("its candles have no length")
    return Scoring(config, **terms)


class _Reader:
    """Adds up entries in turn."""

    def __init__(self) -> None:
        self.genesis: Genesis | None = None
        self.scoring: Scoring | None = None
        self.claims: dict[int, Claim] = {}
        self.pairs: dict[int, PairFigures] = {}
        self.outcomes: dict[int, list[Outcome]] = {}
        #: Period to decisions for a side where one occurred: those that were right, and all.
        self.directions: dict[int, list[int]] = {}
        self.ended: list[TradeEntry] = []
        self.trades, self.profit = 0, 0.0
        self.last: int | None = None
        self._waiting: dict[int, list[Decision]] = {}

    def take(self, entry: Entry) -> None:
        """Add an entry.

        Raises:
            EntryError, LookupError: when it does not go with those before it.
        """
        if isinstance(entry, Genesis):
            self.genesis, self.scoring = entry, scoring_from(entry.scoring)
        elif self.scoring is None:
            raise EntryError("it does not begin with how it is scored")
        elif isinstance(entry, Claim):
            self.claims[entry.number] = entry
            self.pairs.setdefault(entry.number, PairFigures()).claims += 1
        elif isinstance(entry, Decision):
            self._decision(entry)
        elif isinstance(entry, Outcome):
            self._outcome(entry, self.scoring.labelled_before(entry.period))
        else:
            self.trades += 1
            self.profit += entry.profit
            self.ended = [*self.ended[-MOST_ENDED:], entry]

    def _decision(self, entry: Decision) -> None:
        figures, claim = self.pairs[entry.number], self.claims[entry.number]
        figures.decided += 1
        self.last = max(self.last or 0, entry.seconds)
        self._waiting.setdefault(entry.number, []).append(entry)
        if entry.do_predict != _USABLE:
            return
        if claim.firing is not None:
            _add(figures.promised_firing, claim.firing)
        promised = (claim.precision or {}).get(CLASS_NAMES[entry.side])
        if entry.side != HOLD and promised is not None:
            _add(figures.promised_right[CLASS_NAMES[entry.side]], promised)

    def _outcome(self, entry: Outcome, end: int) -> None:
        """Add outcomes of the decisions before a date."""
        self.outcomes.setdefault(entry.period, []).append(entry)
        figures = self.pairs[entry.number]
        figures.predicted += entry.predicted
        for name in _SIDES:
            figures.fired[name] += entry.fired[name]
            figures.right[name] += entry.right[name]
        waiting = self._waiting.get(entry.number, [])
        over = [decision for decision in waiting if decision.seconds < end]
        self._waiting[entry.number] = waiting[len(over) :]
        # Where old decisions have made room, their labels have lost what they are of.
        if len(over) != len(entry.labels):
            return
        for decision, label in zip(over, entry.labels, strict=True):
            if decision.do_predict == _USABLE and label.isdigit():
                figures.known += 1
                figures.probability[_SIDES[0]] += decision.short
                figures.probability[_SIDES[1]] += decision.long
                if int(label) != HOLD:
                    figures.occurred[CLASS_NAMES[int(label)]] += 1
                    if decision.side != HOLD:
                        right, known = self.directions.get(entry.period, [0, 0])
                        right += int(label) == decision.side
                        self.directions[entry.period] = [right, known + 1]


def _drift(drift: Drift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "text": drift.text,
        "candles": drift.candles,
        "drifted": [feature.name for feature in drift.drifted],
        "features": {
            feature.name: {"index": feature.index, "limit": feature.limit}
            for feature in drift.features
        },
    }


def _add(total: list[float], value: float) -> None:
    total[0] += value
    total[1] += 1


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
