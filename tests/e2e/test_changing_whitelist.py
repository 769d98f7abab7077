"""A running bot trains what its whitelist holds: patterns, and a list that changes meanwhile."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.running import running_exchange
from tests.e2e.test_dry_run import free_port
from tests.makers.dry_run import NEAR, SPEED, STOPPED, DryRun, Replay, require_faketime
from tests.makers.freqtrade import merged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dry run")]

BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
#: Learns in a second, on three days.
QUICK: dict[str, Any] = {
    "freqai": {
        "train_period_days": 3,
        "feature_parameters": {"indicator_periods_candles": [30, 240]},
        "model_training_parameters": {"epochs": 1, "lstm_units": [8], "dense_units": [8]},
    }
}


@pytest.fixture(scope="module")
def clock() -> Replay:
    require_faketime()
    return Replay("2025-06-13T12:00")


@pytest.fixture(scope="module")
def port(clock: Replay) -> Iterator[int]:
    """An exchange with three pairs."""
    moment = ["--now", clock.start, "--speed", str(SPEED), "--since", str(clock.since)]
    pairs = [BTC, ETH, SOL]
    with running_exchange(["--synthetic", *pairs, "--days", "8", *moment]) as found:
        yield found


def bot(folder: Path, port: int, clock: Replay, pairlist: dict[str, Any], *names: str) -> DryRun:
    lists = {"pairlists": [pairlist], "exchange": {"pair_whitelist": list(names)}}
    return DryRun(folder, port, clock, merged(merged(NEAR, QUICK), lists))


def trained(bot: DryRun) -> set[str]:
    return {pair for pair in (BTC, ETH, SOL) if f"Done training {pair}" in bot.log}


def test_pairs_that_come_are_trained_and_pairs_that_go_are_not(
    tmp_path: Path, port: int, clock: Replay
) -> None:
    names = tmp_path / "pairs.json"

    def holds(*pairs: str) -> None:
        names.write_text(json.dumps({"pairs": pairs, "refresh_period": 60}), encoding="utf-8")

    holds(BTC)
    remote = {
        "method": "RemotePairList",
        "mode": "whitelist",
        "pairlist_url": f"file:///{names}",
        "number_assets": 9,
        "refresh_period": 60,
    }
    with bot(tmp_path / "user", port, clock, remote) as running:
        running.wait_for(lambda: trained(running) == {BTC})
        holds(ETH, SOL)
        running.wait_for(lambda: trained(running) == {BTC, ETH, SOL})
        rounds = running.log.count("Total time spent inferencing")
        running.wait_for_log("Total time spent inferencing", times=rounds + 4)
        assert f"not trained: {BTC}" in running.log
        assert running.terminate() == STOPPED
        assert running.failures() == []
        for pair in (ETH, SOL):
            assert (running.predictions(pair)["do_predict"] == 1).any()
        assert trained(running) == {BTC, ETH, SOL}
    # The models of pairs that no configuration names are found again.
    with bot(tmp_path / "user", port, clock, remote) as running:
        running.wait_for_log("Total time spent inferencing", times=2)
        assert running.terminate() == STOPPED
        assert f"No model ready for {ETH}" not in running.log


@pytest.mark.parametrize(
    ("pairlist", "names", "wanted"),
    [
        ({"method": "StaticPairList"}, ["(BTC|SOL)/USDT:.*"], {BTC, SOL}),
        (
            {"method": "VolumePairList", "number_assets": 9, "sort_key": "quoteVolume"},
            [],
            {BTC, ETH, SOL},
        ),
    ],
    ids=["pattern", "volume"],
)
def test_pairs_that_no_name_stands_for_are_trained(
    pairlist: dict[str, Any],
    names: list[str],
    wanted: set[str],
    tmp_path: Path,
    port: int,
    clock: Replay,
) -> None:
    with bot(tmp_path / "user", port, clock, pairlist, *names) as running:
        running.wait_for(lambda: trained(running) == wanted)
        assert running.terminate() == STOPPED
        assert running.failures() == []


def test_a_bot_that_is_stopped_while_it_starts_ends_with_its_rest_server(
    tmp_path: Path, port: int, clock: Replay
) -> None:
    server = {
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": free_port(),
            "username": "tester",
            "password": secrets.token_urlsafe(),
            "jwt_secret_key": secrets.token_hex(32),
        }
    }
    whole = merged(merged(NEAR, QUICK), server)
    with DryRun(tmp_path / "user", port, clock, whole) as starting:
        starting.wait_for_log("Initial Pairlist refresh took")
        assert starting.terminate() == STOPPED
        assert "Changing state to: RUNNING" not in starting.log
