"""Report on a pair's candles: refusals where training on them would be wrong, else warnings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dualwindow.data.candles.datadir import download_command
from dualwindow.data.candles.pairs import FUTURES, SPOT
from dualwindow.data.candles.quality import CandleFacts, Seen
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange, timeframe_of, utc_text
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.settings.lookback import buffer_seconds, look_back
from dualwindow.settings.training_config import USUAL_PERIODS

#: Of the candles between the first and the last; below it, most of what would be learnt is filling.
_FEWEST_PRESENT: Final = 0.5
#: Some exchanges round opens and closes a digit away from highs and lows; more of that is no
#: rounding.
_MOST_OUTSIDE: Final = 0.01
_OFF_GRID: Final = "between two candles of the timeframe"
_AGAIN: Final = "delete the file and download the pair again"

#: Titles of `CandleReport.cells`.
REPORT_HEADER: Final = (
    "pair", "from", "to", "candles", "of", "buffer", "gaps", "missing", "doubled", "unordered",
    "no volume", "longest flat", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class CandleReport:
    """Report on one pair's candles; the facts are None when the candles could not be read.

    `expected` counts the candles that the date range would have, whose open ends are the pair's
    own. `buffer_days` are the days found before it, and those that are read. Refusals are why the
    pair cannot be trained on, warnings what should be known: one sentence each.
    """

    pair: str
    timerange: DateRange
    facts: CandleFacts | None
    expected: int
    buffer_days: tuple[float, float]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    def cells(self) -> tuple[str, ...]:
        """A row of the table whose header is `REPORT_HEADER`."""
        verdict = "refused" if self.refusals else _warned(len(self.warnings))
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
    """Read the candles that a preparation would read, and report what is wrong with them."""
    buffer = buffer_seconds(config, periods, candle_seconds)
    try:
        file = CandleFile(source.paths, candle_seconds, source.timerange, buffer)
        facts = CandleFacts.from_batches(
            file.raw_batches(), source.timerange, candle_seconds, config.max_flat_candles
        )
    except DataError as error:
        problem = (f"{source.pair}: {error}",)
        return CandleReport(source.pair, source.timerange, None, 0, (0.0, 0.0), problem, ())
    verdict = CandleVerdict(source, config, facts, periods, candle_seconds)
    return CandleReport(
        source.pair,
        source.timerange,
        facts,
        verdict.expected,
        verdict.buffer_days,
        tuple(f"{source.pair}: {refusal}" for refusal in verdict.refusals()),
        tuple(f"{source.pair}: {warning}" for warning in verdict.warnings()),
    )


def require_usable(reports: Sequence[CandleReport]) -> None:
    """Refuse candles that a training would learn something wrong from.

    Raises:
        DataError: with every refusal of every pair.
    """
    refusals = [refusal for report in reports for refusal in report.refusals]
    if refusals:
        listing = "\n".join(f"  - {refusal}" for refusal in refusals)
        raise DataError(f"{counted(len(refusals), 'problem')} in the candles:\n{listing}")


class CandleVerdict:
    """Turns the facts of a pair, of at least one candle in its date range, into sentences."""

    def __init__(
        self,
        source: CandleSource,
        config: TrainingConfig,
        facts: CandleFacts,
        periods: Sequence[int],
        candle_seconds: int,
    ) -> None:
        self._source = source
        self._config = config
        self._facts = facts
        self._step = candle_seconds
        self._buffer = buffer_seconds(config, periods, candle_seconds)
        if facts.first_read is None or facts.newest is None or facts.first is None:
            raise ValueError("no candle was counted in the period")
        self._read_from, self._first, self._newest = facts.first_read, facts.first, facts.newest
        complete = self._read_from + look_back(config, periods) * candle_seconds
        self._usable_from = max(self._first, complete)
        # Candles with a complete window and a future.
        after = (self._newest - self._usable_from) // candle_seconds + 1
        self._usable = after - config.future_window

    @property
    def expected(self) -> int:
        """Candles that the date range would have; its open ends are the pair's own."""
        timerange = self._source.timerange
        first = self._first if timerange.first is None else timerange.first
        stop = self._newest + self._step if timerange.stop is None else timerange.stop
        return max(-(-(stop - first) // self._step), 1)

    @property
    def buffer_days(self) -> tuple[float, float]:
        """Days found before the date range, and days that are read; none with an open begin."""
        first = self._source.timerange.first
        if first is None:
            return 0.0, 0.0
        return max(first - self._read_from, 0) / DAY_SECONDS, self._buffer / DAY_SECONDS

    def refusals(self) -> list[str]:
        """Why the pair cannot be trained on."""
        facts = self._facts
        faults = [
            _seen(facts.doubled, "there twice"),
            _seen(facts.unordered, "older than one before them in the file"),
            _seen(
                facts.impossible,
                "impossible (a price infinite or not above 0, a volume below 0, or high below low)",
            ),
        ]
        if facts.outside.count > _MOST_OUTSIDE * facts.rows:
            faults.append(_seen(facts.outside, "opened or closed outside their high and low"))
        if facts.off_grid.count > facts.rows / 2:
            faults.append(_seen(facts.off_grid, _OFF_GRID))
        problems = [f"{fault}; {self._named()}: {_AGAIN}" for fault in faults if fault]
        # What else is wrong follows from these.
        return problems or self._too_few() or self._too_coarse()

    def _too_coarse(self) -> list[str]:
        largest = self._facts.steps.largest
        refusal = largest.refusal(self._config) if largest else ""
        return [f"{self._facts.steps.text()} {refusal}"] if refusal else []

    def _too_few(self) -> list[str]:
        facts = self._facts
        between = (self._newest - self._first) // self._step + 1
        if facts.silent.count == facts.rows:
            return [f"no candle has a volume, so there is nothing to learn from; {self._named()}"]
        if facts.present < _FEWEST_PRESENT * between:
            return [
                f"{facts.present:,} of {counted(between, 'candle')} can be found between "
                f"{utc_text(self._first)} and {utc_text(self._newest)}; {self._named()}: download "
                "what is missing, or check that the candles are of this timeframe"
            ]
        if self._usable < 1:
            days = (self._usable_from - self._first) / DAY_SECONDS
            return [
                f"none of the {facts.present:,} candles of the period can be trained on: the first "
                f"{days:.1f} days only complete averages and windows, and the last "
                f"{self._config.future_window} have no future yet; {self._earlier()}"
            ]
        return []

    def warnings(self) -> list[str]:
        """Facts to know about candles, whether they can be trained on or not."""
        facts, timerange = self._facts, self._source.timerange
        warnings = []
        if timerange.first is not None and self._first - timerange.first >= self._step:
            warnings.append(
                f"the candles begin at {utc_text(self._first)}, "
                f"{_days(self._first - timerange.first)} after the period"
            )
        if timerange.stop is not None and timerange.stop - self._newest > 2 * self._step:
            warnings.append(
                f"the candles end at {utc_text(self._newest)}, "
                f"{_days(timerange.stop - self._newest)} before the period does"
            )
        if timerange.first is not None and self._usable_from > self._first and self._usable > 0:
            warnings.append(
                f"the first {_days(self._usable_from - self._first)} cannot be trained on, because "
                f"averages and windows are not complete there; {self._earlier()}"
            )
        if self._newest > (now := int(time.time())):
            warnings.append(
                f"the candles end at {utc_text(self._newest)}, in the future of this machine's "
                f"clock ({utc_text(now - now % 60)}): set the clock, or {_AGAIN}"
            )
        return warnings + self._oddities(facts) + self._moves(facts)

    def _oddities(self, facts: CandleFacts) -> list[str]:
        oddities = []
        if facts.gaps.count and facts.gaps.longest_first is not None:
            oddities.append(
                f"{counted(facts.gaps.candles, 'candle')} missing in "
                f"{counted(facts.gaps.count, 'gap')}, the longest of "
                f"{facts.gaps.longest:,} from {utc_text(facts.gaps.longest_first)}; filled as "
                "freqtrade fills them"
            )
        if facts.outages.count and facts.outages.longest_first is not None:
            oddities.append(
                f"{counted(facts.outages.count, 'time')} more than max_flat_candles "
                f"{self._config.max_flat_candles} candles without a trade, the longest "
                f"{facts.outages.longest:,} from {utc_text(facts.outages.longest_first)}; windows "
                "across them are not trained on"
            )
        if facts.rows / 2 < facts.silent.count < facts.rows:
            oddities.append(f"{facts.silent.count / facts.rows:.0%} of the candles have no volume")
        if off_grid := _seen(facts.off_grid, _OFF_GRID):
            oddities.append(f"{off_grid}; put into the earlier of both, as freqtrade does")
        unknown = _seen(facts.unknown, "unknown in part; filled as freqtrade fills them")
        few = facts.outside.count <= _MOST_OUTSIDE * facts.rows
        outside = _seen(facts.outside, "opened or closed outside their high and low")
        return oddities + [text for text in (unknown, outside if few else "") if text]

    def _moves(self, facts: CandleFacts) -> list[str]:
        """Prices that no market is likely to have made, and steps that are large for a barrier."""
        moves = []
        if sprung := _seen(facts.sprung, "three times the close before, a third, or beyond"):
            moves.append(
                f"{sprung}, by a factor of up to {facts.farthest:,.4g}; look at them: if the "
                f"market did not move so, labels and features near them are wrong: {_AGAIN}"
            )
        largest = facts.steps.largest
        if warning := largest.warning(self._config) if largest else "":
            moves.append(f"{facts.steps.text()} {warning}")
        return moves

    def _named(self) -> str:
        return ", ".join(str(path) for path in self._source.paths)

    def _earlier(self) -> str:
        pair, needed = self._source.pair, self._source.timerange.begun_earlier(self._buffer)
        market = FUTURES if ":" in pair else SPOT
        command = download_command(
            [pair], market, timeframe_of(self._step), None, DateRange(needed.first), earlier=True
        )
        return f"choose a later --date-from, or bring earlier candles: {command}"


def _warned(warnings: int) -> str:
    return counted(warnings, "warning") if warnings else "good"


def _seen(seen: Seen, what: str) -> str:
    if seen.first is None:
        return ""
    verb = "is" if seen.count == 1 else "are"
    verb = "" if what.startswith("opened") else f"{verb} "
    return f"{counted(seen.count, 'candle')} {verb}{what}, the first of {utc_text(seen.first)}"


def _days(seconds: int) -> str:
    if seconds >= 2 * DAY_SECONDS:
        return f"{seconds / DAY_SECONDS:.1f} days"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return counted(max(seconds // 60, 1), "minute")
