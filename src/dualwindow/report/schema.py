"""The content of a report as plain values; report.json is these dataclasses and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.evidence.importance import Importances
from dualwindow.evaluation.evidence.verdict import UNCLEAR, Outcome
from dualwindow.model_selection.walk_forward import WalkForward
from dualwindow.training.hooks import EpochResult

#: Format of report.json, raised with every change of it.
REPORT_FORMAT: Final = 2


@dataclass(frozen=True)
class TrainingFacts:
    """Rows and epochs of a training, as in its `evaluation.json`.

    Attributes:
        rows: training rows.
        purged: rows left out because their future reaches into validation.
        classes: class name to its training rows.
        best_epoch: number of the epoch that was kept, from 1; 0 where nothing was trained.
        epochs: empty where nothing was trained.
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
        trained_until: end of its candles, seconds since 1970; None where unknown.
        version: of dualwindow that trained it.
        evaluated_on: `tail`, rows without influence on the model, `validation`, rows that chose the
            best epoch, or `walk-forward`, the candles that it predicted in a backtest.
        hindsight: rows left out of the evaluation because the pretrained model had seen them.
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

    `side` is SHORT or LONG, `entered` and `left` are candles (seconds since 1970), `reason` is
    freqtrade's exit reason, `profit_pct` the profit after fees (percent of the stake), `tag`
    the entry tag.
    """

    side: str
    entered: int
    entry_price: float
    left: int
    exit_price: float
    reason: str
    profit_pct: float
    tag: str = ""


@dataclass(frozen=True)
class PackedPrices:
    """Prices of K stretches of equal length, finer than those of `CandleFigures`.

    Attributes:
        begin: of the first stretch, seconds since 1970.
        seconds: length of a stretch.
        base: price of the step 0.
        step: price of one step.
        low, high, close: (K,) steps as unsigned numbers of 16 bits, little-endian, in base64.
    """

    begin: int
    seconds: int
    base: float
    step: float
    low: str
    high: str
    close: str


@dataclass(frozen=True)
class CandleFigures:
    """Predictions over the candles of one pair, thinned to K stretches of time with candles.

    Attributes:
        pair: as freqtrade names it, or its base coin.
        candles: number of predicted ones, of which `unusable` had no valid window.
        stretch_seconds: length of a stretch.
        begin: (K,) begin of the stretches, seconds since 1970.
        short, long: (K,) highest probability of the side; None where no candle was usable.
        said_short, said_long: (K,) usable candles on which the side was predicted.
        usable: (K,) usable candles.
        close: (K,) last closes; empty without candles.
        trades: trades of the decisions; empty without candles.
        prices: finer ones, from the first stretch on; None without candles.
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
    prices: PackedPrices | None = None


@dataclass(frozen=True)
class WeeklyClasses:
    """Candles of each class by week.

    Attributes:
        counted: `labels`, actual classes, or `decisions`, predicted ones.
        begin: (W,) Mondays, seconds since 1970, UTC.
        counts: class name to (W,) candles.
    """

    counted: str
    begin: list[int]
    counts: dict[str, list[int]]


@dataclass(frozen=True)
class Stage:
    """Time and memory of one stage of a training.

    `peak_bytes` leaves mapped files out; `cpu_percent` is processor time by duration, in percent of
    one core.
    """

    name: str
    seconds: float
    peak_bytes: int
    cpu_percent: float


@dataclass(frozen=True)
class RunFacts:
    """Facts that only the run of a training knows; a later report takes them from the first one.

    `weeks` are the classes of all labelled candles, `versions` those of program and libraries.
    """

    stages: list[Stage] = field(default_factory=list)
    weeks: WeeklyClasses | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The conclusion from the figures, one paragraph in plain words.

    Attributes:
        sentences: of the paragraph.
        found: true where an edge was found, and where profits are not known if direction is
            distinguishable from chance; false advises not to trade.
        outcome: the verdict in three words, from profits after fees.
    """

    sentences: list[str]
    found: bool
    outcome: Outcome = UNCLEAR

    @property
    def text(self) -> str:
        """The paragraph."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        title: name of the training or backtest, which is the `kind`.
        made: when the report was made, ISO 8601, by the `version` of dualwindow.
        about: facts on model and candles, in the order shown.
        windows: by pair and time; one for a training.
        candles: one per pair; empty where there are no predictions over candles.
        run: of the training; empty for a backtest but for the weeks.
        after_fees: profits of the decisions after fees; None where they were not computed.
        walk: a backtest's predictions compared with the actual classes; the evaluations of the
            windows are then of it. None for a training, and where there are no candles.
        said_weeks: decisions by week where `run.weeks` are labels.
        importance: of a training's features; None where it was not measured.
        track: of a running bot, as `dualwindow track --json` prints it; None without one.
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
    said_weeks: WeeklyClasses | None = None
    importance: Importances | None = None
    track: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return {"format": REPORT_FORMAT, **asdict(self)}

    def evaluated(self) -> list[tuple[TrainedWindow, Evaluation]]:
        """The evaluated windows with their evaluations."""
        return evaluated(self.windows)

    def evaluations(self) -> list[Evaluation]:
        """The evaluations of the windows that have one."""
        return [evaluation for _, evaluation in self.evaluated()]


def evaluated(windows: list[TrainedWindow]) -> list[tuple[TrainedWindow, Evaluation]]:
    """The evaluated ones among some windows, with their evaluations."""
    return [(window, window.evaluation) for window in windows if window.evaluation is not None]
