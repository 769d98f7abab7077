"""FreqUI's chart, through the REST calls that it makes, and freqtrade's own chart in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.history.datahandlers import get_datahandler
from freqtrade.enums import CandleType, RunMode
from freqtrade.plot.plotting import generate_candlestick_graph, store_plot_file
from freqtrade.resolvers import StrategyResolver

from dualwindow.columns import CLASS_NAMES
from tests.makers.backtests import BASE, SLICE, Backtests, Done, begin_at
from tests.makers.bot import PAIR
from tests.makers.browser import found_by_probe
from tests.makers.live_bot import ROWS, Live, live, trained
from tests.makers.markets import random_candles
from tests.makers.rest import Answer, Rest, rest_server
from tests.report.test_browser import chromium

__all__ = ["chromium", "live", "trained"]

CANDLE = ["date", "open", "high", "low", "close", "volume"]
#: Columns that freqtrade and the strategy give every analysed frame.
SIGNALS = {"enter_tag", "exit_tag", "enter_long", "enter_short"}
#: An outage of an hour, eight hours after the first prediction; a window is an hour as well.
OUTAGE = begin_at(8)
MODES: dict[str, dict[str, Any]] = {
    "thresholds": {
        "use_confidence_thresholding": True,
        "confidence_threshold_short": 0.38,
        "confidence_threshold_long": 0.37,
    },
    "coverage": {
        "use_confidence_thresholding": True,
        "confidence_mode": "coverage",
        "confidence_coverage": 0.1,
        "calibration": "temperature",
    },
}
#: Tells how many pieces every line is drawn in, and how many bars have a height.
_PROBE = """<pre id="found"></pre><script>
const seen = [];
addEventListener("error", event => seen.push(event.message), true);
addEventListener("load", function tell() {
  const count = (traces, pieces) => Object.fromEntries(
    [...document.querySelectorAll(traces)].map(trace => [
      trace.__data__[0].trace.name,
      [...trace.querySelectorAll("path")].reduce((sum, path) => sum + pieces(path), 0)]));
  document.getElementById("found").textContent = JSON.stringify({
    seen,
    fetched: performance.getEntriesByType("resource").map(entry => entry.name),
    lines: count(".scatterlayer .trace", path => path.getAttribute("d").split("M").length - 1),
    bars: count(".barlayer .trace", path => path.getBBox().height > 0),
    titles: [...document.querySelectorAll(".infolayer text")].map(text => text.textContent),
  });
});
</script>"""


def drawn(config: dict[str, Any]) -> list[str]:
    """Columns of a plot configuration."""
    return [name for lines in config["subplots"].values() for name in lines]


def shown(answer: Answer) -> set[str]:
    """The columns of the picker that are no candles."""
    return set(answer.picker) - set(CANDLE)


@pytest.fixture(scope="module", params=MODES)
def backtests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Backtests:
    """A user folder with the candles of a backtest."""
    outage = int((OUTAGE - begin_at(-48)) / pd.Timedelta(minutes=1))
    frames = {BASE: random_candles(4 * 1440, flat=[(outage, 60)])}
    made = Backtests(tmp_path_factory.mktemp(request.param), frames)
    made.parameters = MODES[request.param]
    made.root = {"trade_only_on_evidence": False}
    handler = get_datahandler(config_of(made)["datadir"], "feather")
    for (pair, timeframe), frame in frames.items():
        handler.ohlcv_store(pair, timeframe, frame, CandleType.FUTURES)
    return made


@pytest.fixture(scope="module")
def done(backtests: Backtests) -> Done:
    return backtests.run()


def config_of(backtests: Backtests) -> dict[str, Any]:
    """The configuration of a webserver that shows a backtest."""
    return backtests.bot(begin_at(0), begin_at(0) + 4 * SLICE, RunMode.WEBSERVER).config


@pytest.fixture
def webserver(backtests: Backtests, done: Done) -> Iterator[Rest]:
    assert done.predicted
    with rest_server(config_of(backtests)) as server:
        yield server


def test_the_picker_offers_what_is_drawn_and_nothing_internal(webserver: Rest) -> None:
    answer = webserver.pair_history(PAIR)
    lines = drawn(webserver.plot_config("DualWindowStrategy"))
    assert set(lines) >= {*CLASS_NAMES, "decision", "do_predict"}
    assert shown(answer) == set(lines) | SIGNALS


def test_a_chart_gets_the_predictions_and_decisions_of_the_backtest(
    webserver: Rest, done: Done
) -> None:
    lines = drawn(webserver.plot_config("DualWindowStrategy"))
    answer = webserver.pair_history(PAIR, lines)
    made = done.frame.set_index("date")
    # The chart has the candle at the end of the time range as well, which no slice predicts.
    frame = answer.frame.set_index(pd.to_datetime(answer.frame["date"]))[:-1]
    assert len(frame) == 1440
    made = made.loc[frame.index]
    usable = (made["do_predict"] == 1).to_numpy()
    assert 0 < usable.sum() < len(usable)
    assert list(frame["do_predict"]) == list(made["do_predict"])
    assert list(frame.loc[usable, "decision"]) == list(made.loc[usable, "decision"])
    assert set(frame.loc[usable, "decision"]) == {-1, 0, 1}
    for side in ("long", "short"):
        entered = (frame[f"enter_{side}"] == 1).to_numpy()
        np.testing.assert_array_equal(entered, (made[f"enter_{side}"] == 1).to_numpy())
        assert entered.sum() == answer.content[f"enter_{side}_signals"] > 0


def test_gaps_are_null_and_thresholds_go_on(webserver: Rest) -> None:
    config = webserver.plot_config("DualWindowStrategy")
    frame = webserver.pair_history(PAIR, drawn(config)).frame
    dates = pd.to_datetime(frame["date"])
    limits = {name for name in drawn(config) if name.endswith(("_threshold", "_needed"))}
    predicted = [name for name in drawn(config) if name not in limits | {"do_predict"}]
    without = (frame["do_predict"] == 0).to_numpy()
    # The window of a candle behind an outage reaches into it.
    outage = ((dates >= OUTAGE) & (dates < OUTAGE + pd.Timedelta(minutes=60))).to_numpy()
    assert without[outage].sum() >= 30
    assert frame.loc[without, predicted].isna().all(axis=None)
    assert frame.loc[~without, predicted].notna().all(axis=None)
    assert not (frame[list(CLASS_NAMES)] == 0).any(axis=None)
    sums = frame.loc[~without, list(CLASS_NAMES)].astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert len(limits) == 2
    assert frame[sorted(limits)].notna().all(axis=None)
    assert all(frame[name].nunique() == 1 for name in limits)


def test_frequi_offers_strategy_and_model_and_tells_why_there_is_no_chart(webserver: Rest) -> None:
    assert "DualWindowStrategy" in webserver.offered("strategies")
    assert "DualWindowLSTM" in webserver.offered("freqaimodels")
    refusal = webserver.refusal(PAIR, f"{begin_at(24):%Y%m%d}-{begin_at(48):%Y%m%d}")
    assert "from 2025-01-04 UTC on have not been backtested" in refusal
    assert "run `freqtrade backtesting` with the same --timerange first" in refusal


@pytest.mark.parametrize("demand", [True, "strict"])
def test_entries_that_the_backtest_left_out_for_want_of_evidence_are_not_shown(
    demand: Any, backtests: Backtests, tmp_path: Path
) -> None:
    copy = Backtests(shutil.copytree(backtests.folder, tmp_path / "copy"), backtests.frames)
    copy.parameters, copy.root = backtests.parameters, {"trade_only_on_evidence": demand}
    made = copy.run().frame
    with rest_server(config_of(copy)) as server:
        frame = server.pair_history(PAIR).frame[:-1]
    rows = made["date"] >= begin_at(0)
    for side in ("long", "short"):
        entered = (made.loc[rows, f"enter_{side}"] == 1).to_numpy()
        assert entered.any() == (demand is True)
        np.testing.assert_array_equal((frame[f"enter_{side}"] == 1).to_numpy(), entered)
    assert set(frame["decision"].dropna()) == {-1, 0, 1}


def test_a_derived_strategys_own_plot_is_kept(backtests: Backtests) -> None:
    config = config_of(backtests)
    own: dict[str, Any] = {"main_plot": {"mine": {}}, "subplots": {}}
    loaded = type(StrategyResolver.load_strategy(config))
    derived = type("Derived", (loaded,), {"plot_config": own})
    assert derived(config).plot_config is own


def test_a_bots_candles_are_those_of_a_chart_too(live: Live) -> None:
    """Which FreqAI fills with its own columns, and with zeros before the first prediction."""
    strategy = live.bot.strategy
    live.candle(0)
    frame = live.candles.iloc[1 : 1 + ROWS].reset_index(drop=True)
    analyzed = strategy.analyze_ticker(frame, {"pair": PAIR})

    class Cached:
        def get_analyzed_dataframe(self, _pair: str, _timeframe: str) -> tuple[Any, datetime]:
            return analyzed, datetime(2025, 6, 1, tzinfo=UTC)

    config = {**live.bot.config, "runmode": RunMode.DRY_RUN, "strategy": "DualWindowStrategy"}
    bot = SimpleNamespace(config=config, strategy=strategy, dataprovider=Cached())
    with rest_server(config, bot=bot) as server:
        lines = drawn(server.plot_config())
        answer = server.pair_candles(PAIR)
        asked = server.pair_candles(PAIR, lines).frame
    assert shown(answer) == set(lines) | SIGNALS
    assert len(answer.frame) == ROWS
    newest = asked.iloc[-1]
    assert newest["do_predict"] == 1
    assert sum(newest[list(CLASS_NAMES)]) == pytest.approx(1)
    # FreqAI predicts some candles before the first one, and writes zeros for those before them.
    known = asked["LONG"].notna()
    assert 1 < known.sum() < ROWS
    assert not known.iloc[0]
    assert not (asked[list(CLASS_NAMES)] == 0).any(axis=None)
    assert list(asked["decision"].notna()) == list(known)


def test_a_browser_draws_the_lines_with_their_gaps(
    webserver: Rest, chromium: str, tmp_path: Path
) -> None:
    """freqtrade's own chart of what the server answers; `plot-dataframe` makes the same."""
    config = webserver.plot_config("DualWindowStrategy")
    frame = webserver.pair_history(PAIR, drawn(config)).frame
    frame["date"] = pd.to_datetime(frame["date"])
    numbers = [name for name in frame.columns if name != "date" and not name.endswith("_tag")]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    store_plot_file(generate_candlestick_graph(PAIR, frame, plot_config=config), "p.html", tmp_path)
    found = opened(chromium, tmp_path / "p.html")
    assert (found["seen"], found["fetched"]) == ([], [])
    bars = {"decision"}
    lines = set(drawn(config)) - bars
    assert lines <= set(found["lines"])
    # An outage parts what is predicted, and nothing else.
    parted = {name for name in lines if found["lines"][name] == 2}
    predicted = {name for name in lines if not name.endswith(("_threshold", "_needed"))}
    assert parted == predicted - {"do_predict"}
    assert all(found["lines"][name] == 1 for name in lines - parted)
    assert found["bars"]["decision"] == frame["decision"].isin([-1, 1]).sum()
    assert set(found["titles"]) >= set(config["subplots"])


def opened(chromium: str, path: Path) -> dict[str, Any]:
    """What the page's probe saw."""
    page = path.read_text(encoding="utf-8").replace("<body>", f"<body>{_PROBE}", 1)
    path.write_text(page, encoding="utf-8")
    return found_by_probe(chromium, path, 1280)
