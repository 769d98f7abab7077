"""A backtest of ten thousand candles in which causes are planted: all are named, none wrongly."""

from __future__ import annotations

import argparse
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.bot.trades.backtest_result import find_result
from dualwindow.bot.why.gates import answer_of
from dualwindow.cli.commands import why
from dualwindow.cli.evaluate.asked import asked_of
from dualwindow.cli.evaluate.why_sources import sources_of
from dualwindow.cli.main import main
from dualwindow.data.candles.frames import utc_seconds
from tests.makers.backtests import OTHER_PAIR, Backtests, begin_at
from tests.makers.bot import PAIR
from tests.makers.candle_files import read_futures, write_futures
from tests.makers.markets import PRICES, random_candles

#: Hours after the first predicted candle, minutes, of what is planted; far apart from one another.
FLAT = 35
PLANTED: dict[str, tuple[float, int]] = {
    "hole": (10, FLAT),
    "flat run": (20, FLAT),
    "impossible candle": (30, 1),
    "correlated pair": (40, FLAT),
    "short hole": (50, 5),
}
WINDOW = 60
DAYS = 7
#: The same for what freqtrade does: signals in these stretches meet a closed gate.
OPEN, LOCKED, BROKE = (60, 60), (70, 30), (80, 90)
#: When the backtest ended, seconds since 1970.
RAN = 1_800_000_000


@dataclass
class Planted:
    folder: Path
    frame: pd.DataFrame
    result: Path

    @property
    def seconds(self) -> list[int]:
        return utc_seconds(self.frame["date"]).tolist()


def second(hour: float) -> int:
    return int(begin_at(hour).timestamp())


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    datadir = folder / "data" / "binance"
    frames = {
        pair: random_candles(int((DAYS + 2) * 1440), seed=number)
        for number, pair in enumerate((PAIR, OTHER_PAIR))
    }
    for kind, (hour, minutes) in PLANTED.items():
        pair = OTHER_PAIR if kind == "correlated pair" else PAIR
        frame = frames[pair]
        stretch = frame["date"].between(
            begin_at(hour), begin_at(hour) + pd.Timedelta(minutes=minutes - 1)
        )
        if kind == "flat run":
            before = frame["close"][frame.index[stretch][0] - 1]
            frame.loc[stretch, PRICES] = before
            frame.loc[stretch, "volume"] = 0.0
        elif kind == "impossible candle":
            frame.loc[stretch, "high"] = -1.0
        else:
            frames[pair] = frame[~stretch].reset_index(drop=True)
    for pair, frame in frames.items():
        write_futures(datadir, pair, frame)
    loaded = {(pair, "1m"): read_futures(datadir, pair).frame for pair in frames}
    backtests = Backtests(folder, loaded, backtest_period_days=DAYS)
    backtests.parameters = {
        "max_flat_candles": 30,
        "use_confidence_thresholding": True,
        "confidence_threshold_short": 0.36,
        "confidence_threshold_long": 0.36,
    }
    done = backtests.run(slices=4 * DAYS)
    frame = done.frame[done.frame["date"] >= begin_at(0)].reset_index(drop=True)
    frame["decision"] = decisions(frame)
    return Planted(backtests.models, frame, write_result(folder))


def write_result(folder: Path) -> Path:
    """The result of the backtest as freqtrade exports it: a trade, a lock and a large stake."""
    trades = [
        trade(PAIR, second(OPEN[0]), second(OPEN[0]) + 60 * OPEN[1], 100.0),
        trade(OTHER_PAIR, second(BROKE[0]), second(BROKE[0]) + 60 * BROKE[1], 950.0),
    ]
    lock = {
        "pair": PAIR,
        "side": "*",
        "reason": "planted",
        "lock_timestamp": 1000 * second(LOCKED[0]),
        "lock_end_timestamp": 1000 * (second(LOCKED[0]) + 60 * LOCKED[1]),
    }
    content = {
        "trades": trades,
        "locks": [lock],
        "max_open_trades": 2,
        "max_open_trades_setting": 3,
        "stake_amount": 100.0,
        "starting_balance": 1000.0,
        "backtest_run_end_ts": RAN,
        "backtest_end_ts": 1000 * second(24 * DAYS),
        "freqai_identifier": "bound",
    }
    name = "backtest-result-2025-02-01_00-00-00"
    path = folder / "backtest_results" / f"{name}.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.json", json.dumps({"strategy": {"DualWindowStrategy": content}}))
        archive.writestr(f"{name}_config.json", json.dumps({"tradable_balance_ratio": 1.0}))
    return path


def trade(pair: str, opened: int, closed: int, stake: float) -> dict[str, Any]:
    return {
        "pair": pair,
        "is_short": False,
        "open_timestamp": 1000 * opened,
        "close_timestamp": 1000 * closed,
        "open_rate": 100.0,
        "close_rate": 101.0,
        "stake_amount": stake,
        "profit_abs": 0.0,
        "exit_reason": "roi",
        "enter_tag": "long_0.50",
    }


def expected(planted: Planted) -> list[str]:
    """The cause of every predicted candle, from what was planted and what the backtest predicted.

    A run of more than 30 in a window of 60 begins with its 31st candle and ends when only 30 are
    left in the window; an impossible candle and the change after it are in 61 windows.
    """
    breaks = {
        "hole": (30, FLAT + WINDOW - 31),
        "flat run": (30, FLAT + WINDOW - 31),
        "impossible candle": (0, WINDOW + 1),
        # The 31st and later candles of its run are unknown, and so are their 60 windows.
        "correlated pair": (30, FLAT + WINDOW - 1),
    }
    causes = []
    decided = planted.frame["decision"].to_numpy()
    flags = planted.frame["do_predict"].to_numpy()
    for number, at in enumerate(planted.seconds):
        minutes = {kind: (at - second(PLANTED[kind][0])) // 60 for kind in breaks}
        broken = [kind for kind, (first, stop) in breaks.items() if first <= minutes[kind] < stop]
        entry = at + 60
        if broken:
            assert flags[number] == 0, (broken, at)
            causes += broken
        elif entry == second(OPEN[0]):
            causes.append("entered")
        elif decided[number] == 0:
            causes.append("threshold")
        elif second(OPEN[0]) < entry <= second(OPEN[0]) + 60 * OPEN[1]:
            turns = entry == second(OPEN[0]) + 60 * OPEN[1] and decided[number] < 0
            causes.append("refused" if turns else "open position")
        elif second(LOCKED[0]) <= entry < second(LOCKED[0]) + 60 * LOCKED[1]:
            causes.append("locked pair")
        elif second(BROKE[0]) < entry < second(BROKE[0]) + 60 * BROKE[1]:
            causes.append("no stake")
        else:
            causes.append("refused")
    return causes


def test_ten_thousand_candles_have_their_planted_causes_and_no_other(planted: Planted) -> None:
    options = parsed(str(planted.folder), "--last", "30d")
    (source,) = sources_of(options, asked_of(options)).pairs
    wanted = expected(planted)
    # The last candle of a backtest enters nothing.
    if wanted[-1] == "refused":
        wanted[-1] = "end of the backtest"
    assert source.seconds.tolist() == planted.seconds
    found = [answer_of(source.at(at)).cause for at in planted.seconds]
    assert len(found) == 10_080
    assert Counter(found) == Counter(wanted)
    wrong = [(at, a, b) for at, a, b in zip(planted.seconds, found, wanted, strict=True) if a != b]
    assert wrong == []
    assert set(found) >= {*PLANTED, "threshold", "locked pair", "no stake"} - {"short hole"}


@pytest.mark.parametrize("hour", [-20, -1, 24 * DAYS + 1, 24 * DAYS + 20, 24 * DAYS + 400])
def test_a_candle_outside_the_backtest_lacks_a_model_where_its_file_holds_it(
    hour: int, planted: Planted
) -> None:
    options = parsed(str(planted.folder), "--last", "1h")
    (source,) = sources_of(options, asked_of(options)).pairs
    answer = answer_of(source.at(second(hour)))
    files = read_futures(planted.folder.parents[1] / "data" / "binance", PAIR).frame
    if second(hour) <= utc_seconds(files["date"])[-1]:
        assert answer.cause == "no model"
    else:
        assert answer.cause == "no candle"
        assert {gate.name for gate in answer.gates if gate.state == "not known"} >= {
            "window",
            "warm-up",
            "other candles",
        }


@pytest.mark.parametrize(("since", "is_its_own"), [(None, True), (RAN, True), (RAN + 1, False)])
def test_the_result_of_an_earlier_backtest_is_not_taken_for_that_of_the_last(
    since: int | None, *, is_its_own: bool, planted: Planted
) -> None:
    found = find_result(planted.result.parent, "bound", "DualWindowStrategy", since)
    assert found == (planted.result if is_its_own else None)


def decisions(frame: pd.DataFrame) -> np.ndarray:
    """-1, 0 or 1 as the strategy decides."""
    side = frame["&-side"].map({"SHORT": -1, "LONG": 1}).fillna(0).to_numpy(np.int64)
    return np.where(frame["do_predict"] == 1, side, 0)


def parsed(*words: str) -> Any:
    parser = argparse.ArgumentParser()
    why.add_arguments(parser)
    return parser.parse_args(list(words))


def test_one_candle_and_counts_are_shown(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    when = f"{begin_at(20) + pd.Timedelta(minutes=50):%Y-%m-%dT%H:%M}"
    assert main(["why", str(planted.folder), "BTC/USDT", when]) == 0
    shown = capsys.readouterr().out
    assert "not traded: flat run (35 candles from 2025-01-03 20:00 to 2025-01-03 20:34" in shown
    assert "it would have taken: trades in that stretch, or a larger max_flat_candles" in shown
    assert main(["why", str(planted.folder), "--last", "7d"]) == 0
    assert "flat run" in capsys.readouterr().out
    assert main(["why", str(planted.folder), "btc", "--last", "24h", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["pairs"][PAIR]["candles"] == 1440
    assert sum(content["pairs"][PAIR]["causes"].values()) == 1440


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["{folder}", "DOGE/USDT", "2025-01-05"], "no pair of the folder; those are BTC/USDT:USDT"),
        (["{folder}", "BTC/USDT", "yesterday"], "is no time"),
        (["{folder}", "BTC/USDT"], "ask like"),
        (["{folder}", "--last", "soon"], "write it like 24h"),
        (["/nowhere", "BTC/USDT", "2025-01-05"], "is no folder of a freqai.identifier"),
        (["{folder}", "--result", "/nowhere.zip", "--last", "1h"], "cannot be read as freqtrade's"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_way_out(
    words: list[str], problem: str, planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["why", *(word.format(folder=planted.folder) for word in words)])
    assert status == 1
    assert problem in capsys.readouterr().err


def test_without_a_result_decisions_are_known_and_trades_are_not(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = planted.result.rename(planted.result.with_suffix(".away"))
    try:
        assert main(["why", str(planted.folder), "--last", "7d", "--json"]) == 0
        causes = json.loads(capsys.readouterr().out)["pairs"][PAIR]["causes"]
        assert causes["not known"] > 0
        assert not causes.keys() & {"refused", "open position", "entered"}
    finally:
        aside.rename(planted.result)
