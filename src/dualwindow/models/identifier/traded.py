"""The configuration that a folder's predictions were traded with, written by the backtest.

Thresholds, fees and leverage are no part of a model, and they may come from a further `-c`, from
hyperopt's file, from the strategy's code or from the environment. A later report that read another
configuration would be of trades that no backtest made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import DateRange
from dualwindow.models.fingerprint import fingerprint
from dualwindow.models.identifier.looks import Look, note_look
from dualwindow.models.identifier.rules import rule_from_dict, rule_to_dict
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.runtime.files import parse_json, write_json

logger = logging.getLogger(__name__)

RECORD_NAME: Final = "traded.json"
_FORMAT: Final = 1


@dataclass(frozen=True)
class GateSpan:
    """Candles between two changes of what `trade_only_on_evidence` lets in.

    Attributes:
        first: date of the first candle, seconds since 1970.
        blocks: whether nothing is entered upon them.
        verdict: of the track record, in words.
    """

    first: int
    blocks: bool
    verdict: str


@dataclass(frozen=True)
class Traded:
    """The last backtest that traded the predictions of a folder.

    Attributes:
        when: it ran, seconds since 1970.
        strategy: name of the strategy's class.
        rule: by which it decided, wherever its values come from.
        can_short: whether it went short.
        overrides: methods of the class that decide about trades and are not `DualWindowStrategy`'s,
            so that figures made without the strategy leave them out.
        extent: the predictions that it traded.
        configuration: the other values that its trades depend on, where freqtrade's configuration
            has them: `fee` (that of the exchange where none was configured), `dualwindow`, the
            settings of confidence, `datadir` where the candles lie elsewhere than usual, and
            `dataformat_ohlcv` where their files are not feather.
        gate: of `trade_only_on_evidence` over time; None where it let everything in.
    """

    when: int
    strategy: str
    rule: DecisionRule
    can_short: bool
    overrides: tuple[str, ...]
    extent: Extent
    configuration: Mapping[str, Any]
    gate: tuple[GateSpan, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        extent = self.extent
        trained = extent.trained_until
        return {
            "when": self.when,
            "strategy": self.strategy,
            "rule": rule_to_dict(self.rule),
            "can_short": self.can_short,
            "overrides": list(self.overrides),
            "pairs": None if extent.pairs is None else list(extent.pairs),
            "trained_until": None if trained is None else sorted(trained),
            "dates": asdict(extent.dates),
            "configuration": dict(self.configuration),
            "gate": None if self.gate is None else [asdict(span) for span in self.gate],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where `to_dict` did not make the content."""
        pairs, trained = content["pairs"], content["trained_until"]
        # Earlier versions had no gate.
        gate = content.get("gate")
        return cls(
            content["when"],
            content["strategy"],
            rule_from_dict(content["rule"]),
            content["can_short"],
            tuple(content["overrides"]),
            Extent(
                None if pairs is None else tuple(pairs),
                None if trained is None else frozenset(trained),
                DateRange(**content["dates"]),
            ),
            dict(content["configuration"]),
            None if gate is None else tuple(GateSpan(**span) for span in gate),
        )


def write_traded(folder: Path, traded: Traded) -> None:
    """Write the record into `user_data/models/<identifier>`, in place of an earlier backtest's.

    The backtest is noted as a look at its candles besides.
    """
    dates = traded.extent.dates
    if dates.first is not None and dates.stop is not None:
        note_look(folder, Look.of(traded.rule, (dates.first, dates.stop - 1), "backtest"))
    _write(folder, traded)


def write_gate(folder: Path, gate: Sequence[GateSpan]) -> None:
    """Add the gate to the record of the backtest that has just made it; nothing without one."""
    traded = read_traded(folder)
    if traded is not None:
        _write(folder, replace(traded, gate=tuple(gate)))


def _write(folder: Path, traded: Traded) -> None:
    content = {"format": _FORMAT, **traded.to_dict()}
    write_json(folder / RECORD_NAME, {**content, "sha256": fingerprint(content)})


def read_traded(folder: Path) -> Traded | None:
    """Read the record of `user_data/models/<identifier>`.

    None where there is none, because no backtest or an earlier version's filled the folder, and,
    with a warning, where it cannot be read.
    """
    path = folder / RECORD_NAME
    try:
        content = parse_json(path.read_bytes())
        if content.pop("sha256") != fingerprint(content):
            raise ValueError("its SHA-256 sum differs")
        if content.pop("format") != _FORMAT:
            raise ValueError("another version of dualwindow wrote it")
        return Traded.from_dict(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning(
            "the record of the backtest in %s is not used (%s); run the backtest again", path, error
        )
        return None
