"""What a backtest writes down about itself for a later report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.resolvers import StrategyResolver
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.decisions import traded_by
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import DateRange
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.models.identifier.traded import RECORD_NAME, Traded, read_traded, write_traded
from dualwindow.settings import TrainingConfig
from tests.makers.bot import PAIR, REPOSITORY, freqtrade_config, make_bot

FIRST, STOP, DAY = 1_749_859_200, 1_750_204_800, 86_400
MARKETS = {PAIR: {"taker": 0.0004, "maker": 0.0002}}


def strategy_of(
    tmp_path: Path,
    settings: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    code: str = "",
    **config: Any,
) -> Any:
    """The strategy of a backtest, with hyperopt's file beside it or derived code."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    shutil.copy(REPOSITORY / "strategies" / "DualWindowStrategy.py", folder)
    name = "DualWindowStrategy"
    if code:
        name = "Derived"
        head = "from DualWindowStrategy import DualWindowStrategy\n\n\n"
        text = f"{head}class Derived(DualWindowStrategy):\n{code}"
        (folder / "Derived.py").write_text(text, encoding="utf-8")
    if params is not None:
        content = {"strategy_name": name, "params": params}
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    loaded = freqtrade_config(tmp_path / "user")
    loaded["freqai"]["model_training_parameters"] |= settings or {}
    loaded["freqai"] |= {"train_period_days": 1, "backtest_period_days": 2}
    loaded |= {"strategy_path": str(folder), "strategy": name, "runmode": RunMode.BACKTEST}
    loaded |= {"timerange": "20250614-20250618", **config}
    strategy = StrategyResolver.load_strategy(loaded)
    strategy.dp = SimpleNamespace(current_whitelist=lambda: [PAIR], market=MARKETS.get)
    return strategy


def record_of(strategy: Any) -> Traded:
    config = strategy.config
    settings = TrainingConfig.from_parameters(config["freqai"]["model_training_parameters"])
    return traded_by(strategy, config, settings, FreqaiDataKitchen(config, False, PAIR))


def test_a_backtest_is_described_by_everything_that_its_trades_depend_on(tmp_path: Path) -> None:
    strategy = strategy_of(tmp_path, {"confidence_mode": "balanced"}, dualwindow={"leverage": 3.0})
    record = record_of(strategy)
    assert record.strategy == "DualWindowStrategy"
    assert record.rule == strategy.decision_rule
    assert record.rule.thresholds.short == 0.55
    assert record.can_short
    assert record.overrides == ()
    trained = frozenset([FIRST, FIRST + 2 * DAY])
    assert record.extent == Extent((PAIR,), trained, DateRange(FIRST, STOP))
    configuration = record.configuration
    assert configuration["dualwindow"]["leverage"] == 3.0
    # freqtrade's worst case of the exchange, where no fee is configured.
    assert configuration["fee"] == 0.0004
    parameters = configuration["freqai"]["model_training_parameters"]
    assert parameters["confidence_mode"] == "balanced"
    assert not {"datadir", "dataformat_ohlcv"} & set(configuration)


def test_a_configured_fee_and_candles_elsewhere_are_written_down(tmp_path: Path) -> None:
    candles = {"datadir": tmp_path / "elsewhere", "dataformat_ohlcv": "json"}
    record = record_of(strategy_of(tmp_path, fee=0.002, **candles))
    assert record.configuration["fee"] == 0.002
    assert record.configuration["datadir"] == str(tmp_path / "elsewhere")
    assert record.configuration["dataformat_ohlcv"] == "json"


def test_values_of_hyperopts_file_and_of_code_are_those_that_are_written(tmp_path: Path) -> None:
    searched = {"buy": {"threshold_long": 0.432, "coverage_short": 0.07}}
    rule = record_of(strategy_of(tmp_path, params=searched)).rule
    assert rule.thresholds.long == 0.432
    assert dict(rule.shares) == {SHORT: 0.07}


@pytest.mark.parametrize(
    ("demand", "named"), [(False, ()), ("strict", ("trade_only_on_evidence",))]
)
def test_trades_that_evidence_kept_out_are_named(
    demand: Any, named: tuple[str, ...], tmp_path: Path
) -> None:
    """A report knows no record, so it makes all trades."""
    root = {"leverage": 1.0, "trade_only_on_evidence": demand}
    record = record_of(strategy_of(tmp_path, dualwindow=root))
    assert record.overrides == named
    assert record.configuration["dualwindow"]["trade_only_on_evidence"] == demand


def test_a_derived_strategys_own_decisions_are_named(tmp_path: Path) -> None:
    code = """    buy_params = {"threshold_long": 0.61}

    def __init__(self, config):
        super().__init__(config)
        self.can_short = False

    def leverage(self, *arguments, **named):
        return 2.0
"""
    record = record_of(strategy_of(tmp_path, code=code))
    assert record.strategy == "Derived"
    assert record.rule.thresholds.long == 0.61
    assert not record.can_short
    assert record.overrides == ("leverage",)


@pytest.mark.parametrize(
    ("mode", "written"),
    [
        (RunMode.BACKTEST, True),
        *((mode, False) for mode in (RunMode.PLOT, RunMode.HYPEROPT, RunMode.UTIL_NO_EXCHANGE)),
    ],
)
def test_a_backtest_alone_writes_the_record(
    mode: RunMode, written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot(tmp_path)
    monkeypatch.setattr(IFreqaiModel, "start_backtesting", lambda _self, *given: given[2])
    config = {**bot.config, "runmode": mode, "timerange": "20250614-20250618"}
    monkeypatch.setattr(bot.model, "config", config)
    bot.strategy.dp = SimpleNamespace(current_whitelist=lambda: [PAIR], market=MARKETS.get)
    kitchen = FreqaiDataKitchen({**config, "runmode": RunMode.BACKTEST}, False, PAIR)
    kitchen.log_unsaved, kitchen.model_folders = lambda: None, list
    kitchen.trainings = 0
    adapter = type(bot.model).start_backtesting.__globals__
    monkeypatch.setitem(adapter, "BacktestKitchen", lambda *_given: kitchen)
    bot.model.start_backtesting(None, {"pair": PAIR}, kitchen, bot.strategy)
    record = read_traded(tmp_path / "models" / config["freqai"]["identifier"])
    assert (record is not None) == written
    assert record is None or record.rule == bot.strategy.decision_rule


SHARES = st.dictionaries(st.sampled_from([SHORT, LONG]), st.floats(0.0001, 0.5))
PROBABILITIES = st.floats(0, 1)
THRESHOLDS = st.builds(
    Thresholds,
    PROBABILITIES,
    PROBABILITIES,
    PROBABILITIES,
    st.sampled_from(["hold", "argmax"]),
    st.booleans(),
)
RULES = st.builds(
    DecisionRule, THRESHOLDS, SHARES, st.sampled_from(["none", "prior", "temperature"])
)
SECONDS = st.none() | st.integers(0, 2**33)
EXTENTS = st.builds(
    Extent,
    st.none() | st.lists(st.text()).map(tuple),
    st.none() | st.frozensets(st.integers(0, 2**33)),
    st.builds(DateRange, SECONDS, SECONDS),
)


@given(RULES, EXTENTS, st.booleans(), st.text())
def test_any_record_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    rule: DecisionRule,
    extent: Extent,
    can_short: bool,
    name: str,
) -> None:
    folder = tmp_path_factory.mktemp("identifier")
    record = Traded(1, name, rule, can_short, (name,), extent, {"fee": 0.1, "datadir": name})
    write_traded(folder, record)
    assert read_traded(folder) == record
    # Another backtest's takes its place.
    write_traded(folder, Traded(2, name, rule, can_short, (), extent, {}))
    assert read_traded(folder) == Traded(2, name, rule, can_short, (), extent, {})


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sha256": "x"}', '"x"', "null"])
def test_a_damaged_record_is_no_record(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / RECORD_NAME).write_text(content, encoding="utf-8")
    assert read_traded(tmp_path) is None
    assert "is not used" in caplog.text
