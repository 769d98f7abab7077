"""Judges a pair's candles before a training: what is refused, what is only said, a table row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dualwindow.candle_facts import CandleFacts
from dualwindow.candle_files import CandleFile
from dualwindow.candle_verdict import CandleVerdict, counted
from dualwindow.errors import DataError
from dualwindow.pair_preparation import CandleSource
from dualwindow.period import Period, utc_text
from dualwindow.settings import TrainingConfig
from dualwindow.settings.lookback import buffer_seconds
from dualwindow.settings.training_config import USUAL_PERIODS

#: What the cells of `CandleReport.cells` are.
REPORT_HEADER: Final = (
    "pair", "from", "to", "candles", "of", "buffer", "gaps", "missing", "doubled", "unordered",
    "no volume", "longest flat", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class CandleReport:
    """What was found in one pair's candles.

    Attributes:
        pair: as freqtrade names it.
        period: that was asked for.
        facts: what was counted; None when the candles could not be read.
        expected: candles that the period would have; its open ends are the pair's own.
        buffer_days: days of candles found before the period, and days that are read.
        refusals: why the pair cannot be trained on, one sentence each.
        warnings: what is to be known, one sentence each.
    """

    pair: str
    period: Period
    facts: CandleFacts | None
    expected: int
    buffer_days: tuple[float, float]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    def cells(self) -> tuple[str, ...]:
        """A row of the table whose header is `REPORT_HEADER`."""
        verdict = "refused" if self.refusals else counted(len(self.warnings), "warning") or "good"
        facts = self.facts
        if facts is None or facts.first is None or facts.newest is None:
            return (self.pair, *["-"] * (len(REPORT_HEADER) - 2), verdict)
        found, wanted = self.buffer_days
        return (
            self.pair,
            utc_text(facts.first),
            utc_text(facts.newest),
            f"{facts.present:,}",
            f"{self.expected:,} ({facts.present / self.expected:.1%})",
            f"{found:.3g} of {wanted:.3g} days" if wanted else "-",
            f"{facts.gaps.count:,}",
            f"{facts.gaps.candles:,}",
            f"{facts.doubled.count:,}",
            f"{facts.unordered.count:,}",
            f"{facts.silent.count:,}",
            f"{facts.outages.longest:,}",
            verdict,
        )


def inspect_candles(
    source: CandleSource,
    config: TrainingConfig,
    *,
    periods: Sequence[int] = USUAL_PERIODS,
    candle_seconds: int = 60,
) -> CandleReport:
    """Read the candles that a preparation would read, and judge them.

    Args:
        source: a pair, its files and the period.
        config: window and outage settings.
        periods: candles of the moving averages.
        candle_seconds: seconds between two candles.
    """
    buffer = buffer_seconds(config, periods, candle_seconds)
    try:
        file = CandleFile(source.paths, candle_seconds, source.period, buffer)
        facts = CandleFacts.of(
            file.raw_batches(), source.period, candle_seconds, config.max_flat_candles
        )
    except DataError as error:
        said = (f"{source.pair}: {error}",)
        return CandleReport(source.pair, source.period, None, 0, (0.0, 0.0), said, ())
    judge = CandleVerdict(source, config, facts, periods, candle_seconds)
    return CandleReport(
        source.pair,
        source.period,
        facts,
        judge.expected,
        judge.buffer_days,
        tuple(f"{source.pair}: {each}" for each in judge.refusals()),
        tuple(f"{source.pair}: {each}" for each in judge.warnings()),
    )


def require_usable(reports: Sequence[CandleReport]) -> None:
    """Refuse candles that a training would learn something wrong from.

    Raises:
        DataError: with every refusal of every pair.
    """
    refusals = [each for report in reports for each in report.refusals]
    if refusals:
        listing = "\n".join(f"  - {each}" for each in refusals)
        raise DataError(f"{counted(len(refusals), 'problem')} in the candles:\n{listing}")
