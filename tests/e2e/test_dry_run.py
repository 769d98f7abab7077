"""A dry run from nothing on real futures candles: it trains, predicts and trades both sides."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
from freqtrade_client import FtRestClient

from dualwindow.track.figures import figures_of
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verify import verify
from tests.makers.dry_run import NEAR, STOPPED, DryRun, Replay, market, require_faketime
from tests.makers.freqtrade import merged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dry run")]

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]


@dataclass
class Session:
    bot: DryRun
    client: FtRestClient
    password: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Session]:
    require_faketime()
    userdir = tmp_path_factory.mktemp("dry run")
    port, password = free_port(), secrets.token_urlsafe()
    server = {
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "username": "tester",
            "password": password,
            "jwt_secret_key": secrets.token_hex(32),
            "ws_token": secrets.token_urlsafe(),
        }
    }
    data = shared_data / "binance-futures-2025-05-04_2025-06-24"
    replay = Replay("2025-06-13T12:00")
    with (
        market(data, replay) as exchange,
        DryRun(userdir, exchange, replay, merged(NEAR, server)) as bot,
    ):
        client = FtRestClient(f"http://127.0.0.1:{port}", "tester", password, timeout=30)
        bot.wait_for(lambda: both_sides_closed(bot.trades()), 300)
        bot.wait_for(lambda: all(len(predicted(candles(client, pair))) >= 10 for pair in PAIRS))
        yield Session(bot, client, password)


def candles(client: FtRestClient, pair: str) -> pd.DataFrame:
    """The newest candles of a pair as FreqUI gets them.

    The bot's server lets go of an idle connection after seconds of the faked clock, by chance while
    the client sends its next request on it; the client then has no answer.
    """
    asked = (client.pair_candles(pair, "1m", 499) for _ in range(3))
    answer = next(filter(None, asked))
    return pd.DataFrame(answer["data"], columns=answer["columns"])


def predicted(candles: pd.DataFrame) -> pd.DataFrame:
    return candles[candles["do_predict"] == 1]


def both_sides_closed(trades: pd.DataFrame) -> bool:
    if trades.empty:
        return False
    closed = trades[trades["is_open"] == 0]
    return set(closed["is_short"]) == {0, 1}


def test_the_bot_keeps_a_record_of_itself(session: Session) -> None:
    """Written while it runs, and read beside it."""
    (path,) = session.bot.userdir.rglob(RECORD_NAME)
    file = RecordFile.for_reading(path)
    assert verify(file).problems == []
    figures = figures_of(file)
    assert set(figures.pairs) == set(PAIRS)
    for pair, own in figures.pairs.items():
        assert own.decided >= 10
        assert own.claims >= 1
        assert "track_verdict" in candles(session.client, pair)


def test_both_sides_were_opened_and_closed_as_the_label_says(session: Session) -> None:
    trades = session.bot.trades()
    closed = trades[(trades["is_open"] == 0) & trades["close_date"].notna()]
    assert set(closed["is_short"]) == {0, 1}
    # freqtrade's name for a stop that the price had passed before it was set, when it came back.
    passed = "trailing_stop_loss"
    assert set(closed["exit_reason"]) <= {"roi", "stop_loss", "time_out", passed}
    assert (closed["leverage"] == 1.0).all()
    opened, ended = (pd.to_datetime(closed[name]) for name in ("open_date", "close_date"))
    # The time-out is 20 candles; the exit order takes a moment.
    assert (ended - opened).max() <= pd.Timedelta(minutes=22)
    side = closed["is_short"].map({0: "long", 1: "short"})
    assert (closed["enter_tag"].str.split("_").str[0] == side).all()
    assert closed["enter_tag"].str.fullmatch(r"(long|short)_0\.\d[05]").all()


def test_every_entry_is_explained_by_one_log_line(session: Session) -> None:
    lines = re.findall(
        r"(\S+): entering (long|short) at (\S+) on the candle of (\S+ \S+): "
        r"SHORT (0\.\d{3}) HOLD (0\.\d{3}) LONG (0\.\d{3}) \(thresholds 0\.34 none 0\.34\)",
        session.bot.log,
    )
    trades = session.bot.trades()
    assert len(lines) >= len(trades) > 0
    for pair, side, _rate, candle, short, hold, long in lines:
        assert pair in PAIRS
        assert pd.Timestamp(candle).second == 0
        assert abs(float(short) + float(hold) + float(long) - 1) < 0.002
        assert float(short if side == "short" else long) >= 0.3395


def test_the_models_were_trained_from_nothing_in_the_background(session: Session) -> None:
    for pair in PAIRS:
        assert f"No model ready for {pair}" in session.bot.log
        assert f"Done training {pair}" in session.bot.log
    first_entry = session.bot.log.index(": entering ")
    assert session.bot.log.index("Done training") < first_entry


def test_nothing_failed_quietly(session: Session) -> None:
    assert session.bot.failures() == []


def test_the_rest_client_reads_status_trades_and_candles(session: Session) -> None:
    client = session.client
    assert client.ping() == {"status": "pong"}
    config = client.show_config()
    assert (config["dry_run"], config["state"]) == (True, "running")
    assert config["strategy"] == "DualWindowStrategy"
    for trade in client.status():
        assert re.fullmatch(r"(long|short)_0\.\d[05]", trade["enter_tag"])
    assert client.count()["max"] == 2
    trades = client.trades()["trades"]
    assert {trade["is_short"] for trade in trades if not trade["is_open"]} == {True, False}
    assert all(trade["enter_tag"] for trade in trades)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_rest_clients_candles_carry_probabilities_and_decision(
    pair: str, session: Session
) -> None:
    table = candles(session.client, pair)
    for name in ("SHORT", "HOLD", "LONG", "decision", "do_predict", "enter_tag", "date"):
        assert name in table
    said = predicted(table)
    sums = said[["SHORT", "HOLD", "LONG"]].astype(float).sum(axis=1)
    assert (sums - 1).abs().max() < 1e-5
    probable = said[["SHORT", "LONG"]].astype(float)
    short, long = probable["SHORT"] >= 0.34, probable["LONG"] >= 0.34
    expected = (-1 * short).where(short, 1 * long)
    assert (said["decision"] == expected).all()
    assert set(table.loc[table["do_predict"] != 1, "decision"].dropna()) <= {0}
    # Before the first prediction are gaps, which FreqAI fills with zeros.
    assert not (table[["SHORT", "HOLD", "LONG"]] == 0).any(axis=None)
    assert list(table["decision"].isna()) == list(table["LONG"].isna())
    assert set(table["LONG_threshold"]) == {0.34}
    # Features are FreqAI's own business and would only slow FreqUI down.
    assert not any(name.startswith(("%", "&")) for name in table)
    assert not any(name.endswith(("_rank", "_shift", "_mean", "_std")) for name in table)


def test_strangers_are_kept_out_and_the_password_is_not_logged(session: Session) -> None:
    url = session.client._serverurl
    stranger = FtRestClient(url, "tester", "guess", timeout=30)
    assert stranger.status() is None or "detail" in stranger.status()
    assert session.password not in session.bot.log
    addresses = {
        connection.laddr.ip
        for connection in psutil.Process(session.bot.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_the_first_predictions_of_a_model_open_no_trade(session: Session) -> None:
    """FreqAI's first answer is a look back over candles that are long gone."""
    bot = session.bot
    for pair in PAIRS:
        first = predicted(candles(session.client, pair))["date"].iloc[0]
        entry = rf"{re.escape(pair)}: entering \w+ at \S+ on the candle of (\S+ \S+):"
        entries = re.findall(entry, bot.log)
        assert all(pd.Timestamp(each) >= pd.Timestamp(first) for each in entries)


def test_the_bot_ends_by_itself_after_sigterm(session: Session) -> None:
    # The last test of the module: it ends the session's bot.
    assert session.bot.terminate() == STOPPED
    assert session.bot.failures() == []
    for pair in PAIRS:
        assert len(predicted(session.bot.predictions(pair))) >= 10
