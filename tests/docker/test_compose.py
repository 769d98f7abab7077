"""The Compose file, as the real Compose understands it."""

from __future__ import annotations

import http.server
import json
import shlex
import subprocess
import sys
import threading
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from freqtrade.commands.arguments import Arguments

from tests.docker.conftest import RunCompose, Services
from tests.makers.bot import REPOSITORY, freqtrade_config

PROFILES = {
    "cpu": "train-cpu",
    "trade": "freqtrade",
    "backtest": "backtest",
    "tensorboard": "tensorboard",
}
EVERYTHING = ("--profile", "*")
PASSWORD = {"API_PASSWORD": "12345678"}
GPU = [{"capabilities": ["gpu"], "driver": "nvidia", "count": 1}]


def _devices(service: dict[str, Any]) -> Any:
    return service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")


def test_up_alone_trains_on_the_gpu(services: Services) -> None:
    found = services()
    assert list(found) == ["train"]
    train = found["train"]
    assert _devices(train) == GPU
    assert train["entrypoint"][-1] == "train"
    assert train["command"] == []
    assert train["environment"]["PRESET"] == "quick"
    assert "ports" not in train


@pytest.mark.parametrize(("profile", "service"), PROFILES.items())
def test_each_profile_adds_its_service(profile: str, service: str, services: Services) -> None:
    assert set(services("--profile", profile, variables=PASSWORD)) == {"train", service}


def test_without_a_gpu_the_training_is_the_same(services: Services) -> None:
    found = services("--profile", "cpu")
    gpu, cpu = found["train"], found["train-cpu"]
    assert _devices(cpu) is None
    assert {**gpu, "deploy": None, "profiles": None} == {**cpu, "deploy": None, "profiles": None}


def test_the_default_pairs_are_those_of_the_configuration(services: Services) -> None:
    config = json.loads((REPOSITORY / "config.json").read_text(encoding="utf-8"))
    pairs = services()["train"]["environment"]["PAIRS"].split(",")
    assert pairs == config["exchange"]["pair_whitelist"]


def test_variables_replace_the_defaults(services: Services) -> None:
    given = {"PRESET": "standard", "PAIRS": "BTC_USDT ETH_USDT", "TRAIN_FLAGS": "--epochs 3"}
    train = services(variables={**given, "GPU_COUNT": "2"})["train"]
    assert given.items() <= train["environment"].items()
    assert _devices(train)[0]["count"] == 2


def test_the_example_of_the_variables_shows_the_defaults_and_no_secret(services: Services) -> None:
    example = REPOSITORY / ".env.example"
    shown = services(*EVERYTHING, env_file=example, variables=PASSWORD)
    assert shown == services(*EVERYTHING, variables=PASSWORD)
    assert "\nAPI_PASSWORD=\n" in example.read_text(encoding="utf-8")


def test_the_password_is_asked_for_where_the_bot_starts_and_nowhere_else(
    run_compose: RunCompose,
) -> None:
    for variables in ({}, {"API_PASSWORD": ""}):
        refused = run_compose("--profile", "trade", "config", variables=variables)
        assert refused.returncode != 0
        assert "write API_PASSWORD=... into the file .env" in refused.stderr
    for profile in PROFILES:
        if profile != "trade":
            assert run_compose("--profile", profile, "config", "-q").returncode == 0


def test_no_file_in_git_holds_a_password(services: Services) -> None:
    kept = ("docker-compose.yml", ".env.example", "docker/api.env", "docker/Dockerfile")
    for name in kept:
        for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
            _, equals, value = line.partition("API_PASSWORD=")
            assert not equals or not value or value.startswith("...")
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=REPOSITORY, check=False)
    assert ignored.returncode == 0
    given = services(*EVERYTHING, variables={"API_PASSWORD": "sesame-open"})
    holders = [name for name, service in given.items() if "sesame-open" in json.dumps(service)]
    assert holders == ["freqtrade"]


def test_the_bots_variables_are_what_freqtrade_understands(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = services("--profile", "trade", variables={**PASSWORD, "API_JWT_SECRET": "s" * 32})
    for name, value in bot["freqtrade"]["environment"].items():
        monkeypatch.setenv(name, value)
    config = freqtrade_config(tmp_path)
    server = config["api_server"]
    assert server["enabled"] is True
    # A password of digits stays one: a number would be refused.
    assert server["password"] == PASSWORD["API_PASSWORD"]
    assert server["listen_port"] == bot["freqtrade"]["ports"][0]["target"]
    assert config["freqai"]["identifier"] == "dualwindow-dry-run"


def test_freqtrade_understands_the_commands(services: Services) -> None:
    found = services(*EVERYTHING, variables=PASSWORD)
    entry, command = found["freqtrade"]["entrypoint"], found["freqtrade"]["command"]
    trade = Arguments([entry[-1], *command]).get_parsed_arg()
    assert trade["dry_run"] is True
    # Whatever must outlive the container lies in the mounted folder.
    assert trade["db_url"].startswith("sqlite:////freqtrade/user_data/")
    assert trade["logfile"].startswith("/freqtrade/user_data/")
    backtest = Arguments(found["backtest"]["command"]).get_parsed_arg()
    assert trade["freqaimodel"] == backtest["freqaimodel"] == "DualWindowLSTM"


def test_nothing_listens_beyond_this_machine(services: Services) -> None:
    found = services(*EVERYTHING, variables=PASSWORD)
    ports = {name: service["ports"] for name, service in found.items() if "ports" in service}
    assert set(ports) == {"freqtrade", "tensorboard"}
    for entries in ports.values():
        assert [entry["host_ip"] for entry in entries] == ["127.0.0.1"]
    assert all("network_mode" not in service for service in found.values())


def test_each_folder_is_a_volume_of_its_own_and_only_user_data_can_be_written(
    services: Services,
) -> None:
    found = services(*EVERYTHING, variables=PASSWORD)
    for name in ("train", "train-cpu", "freqtrade", "backtest"):
        volumes = {Path(volume["target"]).name: volume for volume in found[name]["volumes"]}
        assert set(volumes) == {
            "user_data", "freqaimodels", "strategies", "config.json", "presets"
        }  # fmt: skip
        writable = {key for key, volume in volumes.items() if not volume.get("read_only")}
        assert writable == {"user_data"}
        for key, volume in volumes.items():
            assert volume["type"] == "bind"
            assert volume["source"] == str(REPOSITORY / key)
            assert volume["target"] == f"/freqtrade/{key}"
    [only] = found["tensorboard"]["volumes"]
    assert only["read_only"] is True


def test_there_is_time_to_stop_and_none_has_more_rights_than_it_needs(services: Services) -> None:
    for service in services(*EVERYTHING, variables=PASSWORD).values():
        assert service["stop_grace_period"] == "2m0s"
        assert service["init"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert "user" not in service


def test_bot_and_backtest_get_a_gpu_through_the_overlay(services: Services) -> None:
    overlay = ("--file", str(REPOSITORY / "docker" / "gpu.yml"))
    plain = services(*EVERYTHING, variables=PASSWORD)
    with_gpu = services(*overlay, *EVERYTHING, variables=PASSWORD)
    for name in ("freqtrade", "backtest"):
        assert _devices(plain[name]) is None
        assert _devices(with_gpu[name]) == GPU
        for service in (plain[name], with_gpu[name]):
            service["volumes"].sort(key=itemgetter("target"))
        assert {**with_gpu[name], "deploy": None} == {**plain[name], "deploy": None}


class _Ping(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/v1/ping" else 404)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


def test_the_bot_is_healthy_while_its_server_answers(services: Services) -> None:
    bot = services("--profile", "trade", variables=PASSWORD)["freqtrade"]
    kind, python, *arguments = bot["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    server = http.server.HTTPServer(("127.0.0.1", 0), _Ping)
    check = [part.replace(":8080/", f":{server.server_port}/") for part in arguments]
    assert check != arguments, shlex.join(arguments)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    command = [sys.executable, "-S", *check]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    server.shutdown()
    server.server_close()
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
