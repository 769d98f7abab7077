from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo import dry_run, faketime
from demo.dry_run_folder import AHEAD, HISTORY, LIFE, DryRunFolder, FolderError, private_config
from demo.market import MarketSpec, make_market
from demo.market_file import read_markets, write_markets
from demo.sources import market_listings
from demo.stopping import STOP_SIGNALS

NOW = datetime(2026, 3, 5, 12, 34, 56, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> DryRunFolder:
    return DryRunFolder(tmp_path / "dry run")


@pytest.fixture
def signals() -> Iterator[None]:
    """Give the test runner its handlers back."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_first_start_makes_a_market_around_now(folder: DryRunFolder) -> None:
    start = folder.prepare(NOW)
    assert (start.moment, start.market) == (NOW, "new")
    assert timedelta(days=29) < start.ends - NOW < timedelta(days=31)
    markets = read_markets(folder.market)
    assert set(markets) == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert markets["BTC/USDT:USDT"].first_price > 10 * markets["ETH/USDT:USDT"].first_price
    for spec in markets.values():
        assert spec.start <= NOW - HISTORY
        assert spec.start + timedelta(days=spec.days) == start.ends


def test_the_history_is_enough_for_the_training_and_the_averages() -> None:
    freqai = json.loads(dry_run.OVERLAY.read_text(encoding="utf-8"))["freqai"]
    longest = max(freqai["feature_parameters"]["indicator_periods_candles"])
    # FreqAI loads one and a half times the longest average before the training days.
    needed = freqai["train_period_days"] * DAY + 1.5 * longest * timedelta(minutes=1)
    assert needed + DAY <= HISTORY


def test_a_later_start_finds_the_same_market(folder: DryRunFolder) -> None:
    folder.prepare(NOW)
    first = folder.market.read_bytes()
    start = folder.prepare(NOW + 3 * DAY)
    assert (start.moment, start.market) == (NOW + 3 * DAY, "resumed")
    assert folder.market.read_bytes() == first


def test_time_never_goes_back(folder: DryRunFolder) -> None:
    folder.prepare(NOW)
    folder.reach(NOW + DAY)
    assert folder.prepare(NOW + DAY / 2).moment == NOW + DAY
    assert folder.prepare(NOW + 2 * DAY).moment == NOW + 2 * DAY


@pytest.mark.parametrize("reached", [False, True])
def test_a_market_that_is_nearly_over_goes_with_all_that_hangs_on_it(
    reached: bool, folder: DryRunFolder
) -> None:
    folder.prepare(NOW)
    for part in (folder.root / "data", folder.models):
        part.mkdir()
    folder.database.touch()
    folder.log.touch()
    over = NOW + LIFE - AHEAD
    if reached:
        folder.reach(over)
    start = folder.prepare(NOW + DAY if reached else over)
    assert start.market == "renewed"
    assert start.moment == (NOW + DAY if reached else over)
    assert start.ends > over + AHEAD - DAY
    assert {each.name for each in folder.root.iterdir()} == {"logs", "market.json"}
    assert folder.log.exists()


@pytest.mark.parametrize("name", ["data", "models"])
def test_a_folder_of_something_else_is_left_alone(name: str, folder: DryRunFolder) -> None:
    (folder.root / name).mkdir(parents=True)
    with pytest.raises(FolderError, match=f"holds {name} but no market.json"):
        folder.prepare(NOW)
    assert (folder.root / name).exists()


@pytest.mark.parametrize("name", ["market.json", "reached.txt"])
def test_a_damaged_folder_is_refused_with_the_way_out(name: str, folder: DryRunFolder) -> None:
    folder.prepare(NOW)
    (folder.root / name).write_text("{", encoding="utf-8")
    with pytest.raises(FolderError, match="to start again"):
        folder.prepare(NOW)


def test_two_dry_runs_do_not_share_a_folder(folder: DryRunFolder) -> None:
    with (
        folder.alone(),
        pytest.raises(FolderError, match="another dry run uses"),
        DryRunFolder(folder.root).alone(),
    ):
        pass
    with folder.alone():
        pass


def test_secrets_are_for_the_owner_alone_and_new_each_time(folder: DryRunFolder) -> None:
    folder.root.mkdir()
    folder.private.write_text("readable by all, and longer than what follows" * 50)
    folder.private.chmod(0o644)
    first, second = (private_config(folder, 8080) for _ in range(2))
    folder.write_private(first)
    assert folder.private.stat().st_mode & 0o777 == 0o600
    assert json.loads(folder.private.read_text(encoding="utf-8")) == first
    server, other = first["api_server"], second["api_server"]
    assert server["listen_ip_address"] == "127.0.0.1"
    for name in ("username", "password", "jwt_secret_key", "ws_token"):
        assert server[name] != other[name]
    assert len(server["password"]) >= 20


def test_a_market_file_gives_back_every_candle(tmp_path: Path) -> None:
    path = tmp_path / "market.json"
    spec = MarketSpec(seed=3, days=1, start=NOW, first_price=2500.0, tick=0.01)
    markets = {"BTC/USDT": spec, "ETH/USDT:USDT": replace(spec, seed=4)}
    write_markets(path, markets)
    assert read_markets(path) == markets
    for listed, made in zip(market_listings(read_markets(path)), markets.values(), strict=True):
        columns = ["open", "high", "low", "close", "volume"]
        assert (listed.minutes.ohlcv == make_market(made).candles[columns].to_numpy()).all()


def test_a_speed_without_libfaketime_is_refused_with_the_way_out(
    signals: None,
    folder: DryRunFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(faketime, "NAME", "not there")
    assert dry_run.main(["--userdir", str(folder.root), "--speed", "20"]) == 1
    said = capsys.readouterr()
    assert "apt install libfaketime; or leave out --speed" in said.err
    assert said.out == ""


def test_real_time_after_a_faster_run_needs_libfaketime_too(
    signals: None,
    folder: DryRunFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder.prepare(datetime.now(UTC))
    folder.reach(datetime.now(UTC) + DAY)
    monkeypatch.setattr(faketime, "NAME", "not there")
    assert dry_run.main(["--userdir", str(folder.root)]) == 1
    assert f"or delete {folder.root}" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0.5", "61", "fast"])
def test_a_speed_that_makes_no_sense_is_refused(
    speed: str, folder: DryRunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        dry_run.main(["--userdir", str(folder.root), "--speed", speed])
    assert speed in capsys.readouterr().err
