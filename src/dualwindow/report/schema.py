"""What a report holds, as plain values: its JSON file is these dataclasses and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation import Evaluation
from dualwindow.model_selection.walk_forward import WalkForward
from dualwindow.training.hooks import EpochResult

#: Raised whenever the JSON file changes.
REPORT_FORMAT: Final = 2


@dataclass(frozen=True)
class TrainingFacts:
    """What a training did, as it stands in its figures.

    Attributes:
        rows: training rows.
        purged: rows left out because their future reaches into validation.
        classes: class name to its training rows.
        best_epoch: the one that was kept, from 1; 0 where nothing was trained.
        epochs: all of them; empty where nothing was trained.
    """

    rows: int
    purged: int
    classes: dict[str, int]
    best_epoch: int
    epochs: list[EpochResult]


@dataclass(frozen=True)
class TrainedWindow:
    """One training with its evaluation; a backtest has one for each retraining of each pair.

    Attributes:
        name: of the training, such as its pair.
        trained_until: end of the candles that it was made with, seconds since 1970; None where
            that is not known.
        version: of dualwindow that trained it.
        training: what it did.
        evaluated_on: `tail`, rows that had no say in the model, `validation`, rows that chose
            the best epoch, or `walk-forward`, the candles that it predicted in a backtest.
        hindsight: rows that were not evaluated on, for the pretrained model had seen them.
        evaluation: None where there was no row to evaluate on.
    """

    name: str
    trained_until: int | None
    version: str
    training: TrainingFacts
    evaluated_on: str
    hindsight: int
    evaluation: Evaluation | None


@dataclass(frozen=True)
class TradeMark:
    """One trade on the chart.

    Attributes:
        side: SHORT or LONG.
        entered: candle of the entry, seconds since 1970.
        entry_price: of it.
        left: candle of the exit.
        exit_price: of it.
        reason: freqtrade's exit reason.
        profit_pct: after fees, percent of the stake.
    """

    side: str
    entered: int
    entry_price: float
    left: int
    exit_price: float
    reason: str
    profit_pct: float


@dataclass(frozen=True)
class CandleFigures:
    """Predictions over the candles of one pair, thinned: one value for each stretch of time.

    Attributes:
        pair: as freqtrade names it, or its base coin.
        candles: how many were predicted.
        unusable: how many of them the model had no valid window for.
        stretch_seconds: length of a stretch.
        begin: (K,) begin of each stretch, seconds since 1970; stretches without candles are left
            out.
        short: (K,) highest probability of SHORT in each; None where no candle was usable.
        long: (K,) likewise of LONG.
        said_short: (K,) usable candles on which SHORT was said.
        said_long: (K,) likewise LONG.
        usable: (K,) usable candles.
        close: (K,) last close of each stretch; empty without candles.
        trades: what was traded of the decisions; empty without candles.
    """

    pair: str
    candles: int
    unusable: int
    stretch_seconds: int
    begin: list[int]
    short: list[float | None]
    long: list[float | None]
    said_short: list[int]
    said_long: list[int]
    usable: list[int]
    close: list[float | None] = field(default_factory=list)
    trades: list[TradeMark] = field(default_factory=list)


@dataclass(frozen=True)
class WeeklyClasses:
    """How many candles of each class there were, week by week.

    Attributes:
        counted: what the classes are: `labels`, what happened, or `decisions`, what was said.
        begin: (W,) Mondays, seconds since 1970, UTC.
        counts: class name to (W,) candles.
    """

    counted: str
    begin: list[int]
    counts: dict[str, list[int]]


@dataclass(frozen=True)
class Stage:
    """What one stage of a training cost.

    Attributes:
        name: of the stage.
        seconds: duration.
        peak_bytes: most memory at a time, mapped files left out.
        cpu_percent: processor time by duration, percent of one core.
    """

    name: str
    seconds: float
    peak_bytes: int
    cpu_percent: float


@dataclass(frozen=True)
class RunFacts:
    """What only the run that trained knows; a later report takes it from the first one.

    Attributes:
        stages: in order.
        weeks: classes of all candles with a label.
        versions: program or library to its version.
    """

    stages: list[Stage] = field(default_factory=list)
    weeks: WeeklyClasses | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the figures say, in plain words.

    Attributes:
        sentences: one paragraph.
        found: true where direction was told from chance; false says not to trade it.
    """

    sentences: list[str]
    found: bool

    @property
    def text(self) -> str:
        """The paragraph."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        title: what was judged.
        kind: `training` or `backtest`.
        made: when the report was made, ISO 8601.
        version: of dualwindow that made it.
        about: what was trained on what, in the order shown.
        verdict: drawn from the windows.
        windows: by time, pair after pair; one for a training.
        candles: a pair each; empty where no predictions over candles are at hand.
        run: of the training; empty for a backtest but for the weeks.
        settings: name to value.
        after_fees: what the decisions would have earned; None where nobody reckoned it.
        walk: a backtest's predictions held against what happened; then the windows' evaluations are
            of it. None for a training, and where there are no candles.
        predicted_weeks: decisions by week where `run.weeks` are labels.
    """

    title: str
    kind: str
    made: str
    version: str
    about: dict[str, str]
    verdict: Verdict
    windows: list[TrainedWindow]
    candles: list[CandleFigures]
    run: RunFacts
    settings: dict[str, Any]
    after_fees: AfterFees | None = None
    walk: WalkForward | None = None
    predicted_weeks: WeeklyClasses | None = None

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return {"format": REPORT_FORMAT, **asdict(self)}

    def evaluated(self) -> list[tuple[TrainedWindow, Evaluation]]:
        """The windows that were evaluated, with their evaluation."""
        return evaluated(self.windows)


def evaluated(windows: list[TrainedWindow]) -> list[tuple[TrainedWindow, Evaluation]]:
    """Those of some windows that were evaluated, with their evaluation."""
    return [(each, each.evaluation) for each in windows if each.evaluation is not None]
