"""A dry run of the spot overlay: it trains and predicts, and only ever goes long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.makers.dry_run import NEAR, STOPPED, DryRun, Replay, market, require_faketime

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dry run")]

PAIRS = ["BTC/USDT", "ETH/USDT"]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> DryRun:
    require_faketime()
    clock = Replay("2025-07-20T12:00")
    data = shared_data / "binance-spot-2025-05-20_2025-08-18"
    configs = ("config.json", "config.spot.json")
    with (
        market(data, clock) as port,
        DryRun(tmp_path_factory.mktemp("spot"), port, clock, NEAR, configs=configs) as bot,
    ):
        bot.wait_for_log("Done training", times=2, seconds=200)
        bot.wait_for(lambda: len(bot.trades()) > 0, 300)
        told = bot.log.count("Total time spent inferencing")
        bot.wait_for_log("Total time spent inferencing", times=told + 5)
        assert bot.terminate() == STOPPED
    return bot


@pytest.mark.parametrize("pair", PAIRS)
def test_both_pairs_are_predicted_with_their_long_averages(pair: str, bot: DryRun) -> None:
    predictions = bot.predictions(pair)
    said = predictions[predictions["do_predict"] == 1]
    assert len(said) >= 3
    assert (said[["SHORT", "HOLD", "LONG"]].sum(axis=1) - 1).abs().max() < 1e-5


def test_only_longs_are_entered(bot: DryRun) -> None:
    trades = bot.trades()
    assert (trades["is_short"] == 0).all()
    assert trades["enter_tag"].str.startswith("long_").all()
    assert set(trades["trading_mode"]) == {"SPOT"}


def test_nothing_failed(bot: DryRun) -> None:
    assert bot.failures() == []
