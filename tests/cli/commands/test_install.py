"""`dualwindow install`: whole, never over a user's own file, and found by freqtrade afterwards."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from freqtrade.configuration.directory_operations import create_userdata_dir
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.cli.commands import install as install_command
from dualwindow.cli.main import main
from dualwindow.cli.options.overlay import USERS_OWN
from dualwindow.settings.freqai import read_freqai_config
from dualwindow.settings.root_settings import RootSettings
from tests.makers.bot import REPOSITORY

ADAPTERS = ("freqaimodels/DualWindowLSTM.py", "strategies/DualWindowStrategy.py")


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    return create_userdata_dir(str(tmp_path / "user_data"), create_dir=True)


def _install(userdir: Path, *more: str) -> int:
    return main(["install", "--userdir", str(userdir), *more])


def _contents(userdir: Path) -> dict[str, str]:
    found = (path for path in userdir.rglob("*") if path.is_file())
    return {path.relative_to(userdir).as_posix(): path.read_text("utf-8") for path in found}


def _printed_json(printed: str) -> dict[str, Any]:
    return dict(json.loads(printed[printed.index("{") : printed.rindex("}") + 1]))


def test_freqtrade_finds_what_was_installed(userdir: Path) -> None:
    assert _install(userdir) == 0
    config = {"user_data_dir": userdir}
    for resolver, name in (
        (FreqaiModelResolver, "DualWindowLSTM"),
        (StrategyResolver, "DualWindowStrategy"),
    ):
        [found] = [
            each
            for each in resolver.search_all_objects(config, enum_failed=True)
            if each["name"] == name
        ]
        assert found["class"] is not None
        assert Path(found["location"]).is_relative_to(userdir)


def test_what_is_installed_is_what_is_shipped_and_nothing_else(userdir: Path) -> None:
    assert _install(userdir) == 0
    assert _contents(userdir) == {name: (REPOSITORY / name).read_text("utf-8") for name in ADAPTERS}


def test_the_lines_to_add_make_a_valid_configuration(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _install(userdir) == 0
    printed = capsys.readouterr().out
    added = _printed_json(printed)
    shipped = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    assert added.items() <= shipped.items()
    # The files are in the user folder now, and a key of the exchange is nobody's business here.
    assert not {"strategy_path", "freqaimodel_path", "exchange"} & added.keys()
    read_freqai_config(added, cores=1, timeframe_seconds={"1m": 60})
    RootSettings.from_config(added)
    assert f"freqtrade trade --userdir {userdir} -c config.json" in printed


def test_the_command_to_run_names_the_configuration_that_is_there(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (userdir / "config.json").write_text("{}", encoding="utf-8")
    assert _install(userdir) == 0
    assert f"-c {userdir / 'config.json'}" in capsys.readouterr().out


def test_installing_again_changes_nothing(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _install(userdir)
    written = [(userdir / name).stat().st_mtime_ns for name in ADAPTERS]
    capsys.readouterr()
    assert _install(userdir) == 0
    assert capsys.readouterr().out.count("up to date: ") == 2
    assert [(userdir / name).stat().st_mtime_ns for name in ADAPTERS] == written


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_file_of_the_users_own_is_only_replaced_by_force(
    userdir: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (userdir / name).write_text("# mine\n", encoding="utf-8")
    assert _install(userdir) == 1
    refusal = capsys.readouterr().err
    assert str(userdir / name) in refusal
    assert "--force" in refusal
    # Neither adapter, not even the one that nothing was in the way of.
    assert _contents(userdir) == {name: "# mine\n"}
    assert _install(userdir, "--force") == 0
    assert _contents(userdir).keys() == set(ADAPTERS)
    assert _contents(userdir)[name] == (REPOSITORY / name).read_text("utf-8")


def test_a_disk_that_is_full_leaves_neither(
    userdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = install_command.whole_file

    def full(path: Path) -> Any:
        if path.name == "DualWindowStrategy.py":
            raise OSError(28, "No space left on device", str(path))
        return real(path)

    monkeypatch.setattr(install_command, "whole_file", full)
    assert _install(userdir) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert _contents(userdir) == {}


def test_a_folder_that_is_none_of_freqtrades_is_refused_with_the_way_out(
    userdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    for folder, said in (
        (tmp_path / "other", "is no freqtrade user folder"),
        (tmp_path / "nowhere", "is not there"),
    ):
        assert _install(folder) == 1
        refusal = capsys.readouterr().err
        assert said in refusal
        assert f"freqtrade create-userdir --userdir {folder}" in refusal
    assert _install(tmp_path) == 1
    assert f"pass --userdir {userdir}" in capsys.readouterr().err
    assert _contents(tmp_path) == {}


#: What `freqtrade new-config` writes, in short, for a bot on futures.
USERS: dict[str, Any] = {
    "max_open_trades": 3,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "dry_run": True,
    "trading_mode": "futures",
    "margin_mode": "isolated",
    "unfilledtimeout": {"entry": 10, "exit": 10, "exit_timeout_count": 0, "unit": "minutes"},
    "entry_pricing": {"price_side": "same", "check_depth_of_market": {"enabled": False}},
    "exit_pricing": {"price_side": "same"},
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT:USDT"], "pair_blacklist": []},
    "pairlists": [{"method": "StaticPairList"}],
    "stoploss": -0.1,
    "timeframe": "5m",
}
SPOT: dict[str, Any] = {
    "trading_mode": "spot",
    "margin_mode": "",
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"], "pair_blacklist": []},
}


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _commands(printed: str, program: str) -> list[list[str]]:
    lines = [line.strip() for line in printed.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(f"{program} ")]


def test_every_key_of_the_shipped_configuration_is_the_users_or_in_the_overlay(
    userdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where no configuration lies.
    monkeypatch.chdir(userdir)
    overlay = userdir / "dualwindow.json"
    assert _install(userdir, "--write-config", str(overlay)) == 0
    shipped = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    written = json.loads(overlay.read_text(encoding="utf-8"))
    assert written == {key: value for key, value in shipped.items() if key not in USERS_OWN}
    assert shipped.keys() >= USERS_OWN


@pytest.mark.parametrize(
    ("changes", "identifier"), [({}, "dualwindow"), (SPOT, "dualwindow-spot")], ids=["swap", "spot"]
)
def test_doctor_finds_nothing_wrong_with_a_users_configuration_and_the_overlay(
    userdir: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    identifier: str,
) -> None:
    users = _write(userdir / "mine.json", USERS | changes)
    overlay = userdir / "dualwindow.json"
    assert _install(userdir, "-c", str(users), "--write-config", str(overlay)) == 0
    printed = capsys.readouterr().out
    [doctor] = _commands(printed, "dualwindow")
    assert doctor[1:] == [
        *("doctor", "--userdir", str(userdir), "-c", str(users), "-c", str(overlay))
    ]
    assert main([*doctor[1:], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["configuration"]
    assert found["valid"] is True
    assert "problems" not in found
    assert "warnings" not in found
    assert json.loads(overlay.read_text())["freqai"]["identifier"] == identifier


def test_the_download_begins_before_the_training_and_its_averages(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 365 days of training and 33 for the longest average before 1 September.
    users = _write(userdir / "config.json", USERS | {"timerange": "20260901-20260908"})
    overlay = userdir / "dualwindow.json"
    assert _install(userdir, "--write-config", str(overlay)) == 0
    download, backtest, trade = _commands(capsys.readouterr().out, "freqtrade")
    where = ["--userdir", str(userdir), "-c", str(users), "-c", str(overlay)]
    dates = ["--timerange", "20250730-20260908"]
    assert download[1:] == ["download-data", *where, "--timeframes", "1m", *dates]
    assert backtest[1:] == ["backtesting", *where, "--timerange", "20260901-20260908"]
    assert trade[1:] == ["trade", *where]
    assert "timerange" not in json.loads(overlay.read_text())


def test_what_the_overlay_cannot_mend_is_named(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = _write(userdir / "config.json", USERS | {"minimal_roi": {"60": 0.01}})
    assert _install(userdir, "--write-config", str(userdir / "new.json")) == 1
    error = capsys.readouterr().err
    assert "minimal_roi" in error
    assert str(users) in error
    assert "remove it" in error


def test_a_written_configuration_is_only_replaced_by_force_and_the_users_own_never(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = _write(userdir / "config.json", USERS)
    mine = _write(userdir / "mine.json", {"max_open_trades": 1})
    assert _install(userdir, "--write-config", str(mine)) == 1
    assert "differ from what is shipped" in capsys.readouterr().err
    assert not (userdir / ADAPTERS[0]).exists()
    assert _install(userdir, "--write-config", str(mine), "--force") == 0
    assert "freqai" in json.loads(mine.read_text())
    assert _install(userdir, "--write-config", str(mine)) == 0
    assert f"up to date: {mine}" in capsys.readouterr().out
    assert _install(userdir, "--write-config", str(users), "--force") == 1
    assert "is your own configuration" in capsys.readouterr().err
    assert json.loads(users.read_text()) == USERS
