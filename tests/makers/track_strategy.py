"""What a track record sees of a strategy and its bot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.bot.backtests.evidence import BacktestTrack
from dualwindow.bot.live.track_record import LiveTrack
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.runtime.files import write_json
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import RECORD_NAME

RULE = DecisionRule(Thresholds(0.6, 0.3, 0.6), {}, "none")
_PROBABILITIES = {SHORT: (0.7, 0.2, 0.1), HOLD: (0.2, 0.6, 0.2), LONG: (0.1, 0.2, 0.7)}


def predicted(candles: pd.DataFrame, sides: NDArray[np.integer]) -> pd.DataFrame:
    """Candles with predictions that `RULE` takes for (N,) sides."""
    table = np.array([_PROBABILITIES[side] for side in sides.tolist()])
    columns = dict(zip(("SHORT", "HOLD", "LONG"), table.T, strict=True))
    return candles.assign(**columns, do_predict=1)


def save_figures(folder: Path, profit_pct: float | None, leverage: float = 1.0) -> Path:
    """A model's folder with figures that promise a profit, in percent of the stake."""
    folder.mkdir(parents=True, exist_ok=True)
    mean = {"value": profit_pct, "low": -0.1, "high": 0.4}
    sides = None if profit_pct is None else {"model": {"mean_pct": mean}}
    figures = {
        "tail": {
            "thresholded": {"coverage": 0.04},
            "meaning": {"SHORT": {"above": 0.3}, "LONG": {"above": None}},
        },
        "after_fees": {"sides": sides, "leverage": leverage},
    }
    write_json(folder / "evaluation.json", figures)
    return folder


def strategy_of(
    folders: Mapping[str, list[tuple[int, Path]]],
    held: dict[str, dict[str, pd.DataFrame]],
    models: Path | None = None,
) -> Any:
    """A strategy whose bot holds candles; `messages` are those that it has sent.

    `models` is the folder of its identifier.
    """
    messages: list[str] = []

    def send_msg(text: str, *, always_send: bool) -> None:
        assert always_send
        messages.append(text)

    return SimpleNamespace(
        decision_rule=RULE,
        timeframe="30m",
        freqai=SimpleNamespace(
            model_folders=dict(folders),
            dd=SimpleNamespace(historic_data=held, full_path=models or Path("nowhere")),
        ),
        dp=SimpleNamespace(send_msg=send_msg),
        messages=messages,
    )


class Replay:
    """A bot and a backtest on the same candles and models.

    Args:
        folder: of the bot's models.
        candles: of every pair, with predictions.
        models: of every pair the date from which on a model predicts, and its folder.
        scoring: of decisions.
    """

    #: Candles that freqtrade hands over.
    ROWS = 60

    def __init__(
        self,
        folder: Path,
        candles: dict[str, pd.DataFrame],
        models: Mapping[str, list[tuple[int, Path]]],
        scoring: Scoring,
    ) -> None:
        self.folder, self.candles, self.models, self.scoring = folder, candles, models, scoring
        self.messages: list[str] = []
        #: Of the backtest's identifier.
        self.models_folder = folder / "nowhere"
        self.verdicts: dict[str, list[int]] = {pair: [] for pair in candles}

    def backtest(self, demand: Any, *, of_bot: bool = False) -> dict[str, NDArray[np.bool_]]:
        """Where nothing may be entered, by pair; `of_bot`: of the bot's predictions."""
        record = self.folder / "models" / "bot" / RECORD_NAME if of_bot else None
        strategy = strategy_of({} if of_bot else self.models, {}, self.models_folder)
        track = BacktestTrack(self.scoring, demand, record)
        frames = {pair: frame.copy() for pair, frame in self.candles.items()}
        for pair, frame in frames.items():
            track.note(frame, pair, strategy)
        return {
            pair: track.blocked(frame, pair, RULE.decide(frame), strategy)
            for pair, frame in frames.items()
        }

    def live(
        self, demand: Any, clock: Callable[[], float] = lambda: 0.0, stops: int = 0
    ) -> dict[str, NDArray[np.bool_]]:
        """The same of a bot that is handed candle after candle, and restarted `stops` times."""
        blocked: dict[str, list[bool]] = {pair: [] for pair in self.candles}
        config = {"user_data_dir": str(self.folder), "freqai": {"identifier": "bot"}}
        track = LiveTrack(config, self.scoring, demand, clock)
        count = len(next(iter(self.candles.values())))
        restarts = set(np.linspace(0, count, stops + 2, dtype=int)[1:-1].tolist())
        for row in range(count):
            if row in restarts:
                track = LiveTrack(config, self.scoring, demand, clock)
            held = {pair: {"30m": frame.iloc[: row + 1]} for pair, frame in self.candles.items()}
            for pair, frame in self.candles.items():
                part = frame.iloc[max(row + 1 - self.ROWS, 0) : row + 1].reset_index(drop=True)
                now = int(part["date"].iloc[-1].timestamp())
                models = [own for own in self.models[pair] if own[0] <= now][-1:]
                strategy = strategy_of({pair: models}, held)
                found = track.blocked(part, pair, RULE.decide(part), strategy)
                blocked[pair].append(bool(found[-1]))
                self.verdicts[pair].append(int(part["track_verdict"].iloc[-1]))
                self.messages += strategy.messages
        return {pair: np.array(flags) for pair, flags in blocked.items()}
