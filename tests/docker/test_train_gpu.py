"""train_gpu.py against a stand-in for `docker` that writes down what it was asked."""

from __future__ import annotations

import ast
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from tests.makers.bot import REPOSITORY
from tests.makers.docker_scripts import module_of

WRAPPER = REPOSITORY / "train_gpu.py"
COMPOSE_FILE = str(REPOSITORY / "docker-compose.yml")
FLAGS = [
    "--pair", "BTC_USDT", "--date-from", "2025-01-01", "--date-to", "2025-01-31",
    "--epochs", "100",
]  # fmt: skip

#: Behaves as its `behaviour.json` says; `run` lasts until it is killed where that says "wait".
STAND_IN = f"""#!{sys.executable} -S
import json, os, sys, time
from pathlib import Path
here = Path(__file__).resolve().parent
says = json.loads((here / "behaviour.json").read_text())
arguments = sys.argv[1:]
name = Path(sys.argv[0]).name
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([name, *arguments]) + "\\n")
def end(what):
    print(says.get(what + "_out", ""))
    print(says.get(what + "_err", ""), file=sys.stderr)
    sys.exit(says.get(what, 0))
if name == "docker" and arguments[0] == "compose" and says.get("no_plugin"):
    end("no_plugin")
if arguments[0] == "info":
    end("info")
if arguments[0] == "kill":
    if not says.get("kill"):
        (here / "killed").touch()
    end("kill")
if "config" in arguments:
    end("config")
if "run" in arguments:
    (here / "running").write_text(json.dumps([os.isatty(0), os.isatty(1), os.getpgrp()]))
    while says.get("wait") and not (here / "killed").exists():
        time.sleep(0.02)
    end("run")
"""

READY = {
    "info_out": json.dumps({"ServerVersion": "28.2.2", "Runtimes": {"nvidia": {}, "runc": {}}}),
    "config_out": "train\ntrain-cpu",
}


class Machine:
    """A machine with nothing on its path but what the stand-in plays."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.behave()
        self.install("docker")

    def install(self, name: str, text: str = STAND_IN) -> None:
        (self.root / name).write_text(text, encoding="utf-8")
        (self.root / name).chmod(0o755)

    def behave(self, **behaviour: Any) -> None:
        text = json.dumps({**READY, **behaviour})
        (self.root / "behaviour.json").write_text(text, encoding="utf-8")

    def start(self, *flags: str, **options: Any) -> subprocess.Popen[str]:
        # -I -S: no package can be imported, not even this project's.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(WRAPPER), *flags],
            env={"PATH": str(self.root)},
            cwd=self.root,
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options},
            stderr=subprocess.PIPE,
        )

    def run(self, *flags: str) -> tuple[int, str, str]:
        process = self.start(*flags)
        stdout, stderr = process.communicate()
        return process.returncode, stdout, stderr

    def calls(self) -> list[list[str]]:
        path = self.root / "calls"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def trainings(self) -> list[list[str]]:
        return [call for call in self.calls() if "run" in call]

    def wait_for_training(self, process: subprocess.Popen[str]) -> list[Any]:
        """Whether input and output are terminals, and the process group."""
        path = self.root / "running"
        while not (path.exists() and path.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        seen: list[Any] = json.loads(path.read_text())
        return seen


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _name(command: list[str]) -> str:
    return command[command.index("--name") + 1]


def test_flags_are_handed_on_as_they_are_and_the_command_is_shown(machine: Machine) -> None:
    odd = ["--output", "user_data/models/my model", "--pair", "ETH/USDT:USDT"]
    status, stdout, _ = machine.run(*FLAGS, *odd)
    assert status == 0
    [command] = machine.trainings()
    before = ["docker", "compose", "--file", COMPOSE_FILE, "run", "--rm", "--name", _name(command)]
    assert command == [*before, "-T", "train", *FLAGS, *odd]
    shown = stdout.splitlines()[0]
    assert shown.startswith("+ docker compose --file")
    assert shown.endswith("--output 'user_data/models/my model' --pair ETH/USDT:USDT")


@pytest.mark.parametrize("ending", [0, 1, 130])
def test_the_exit_status_is_the_trainings(machine: Machine, ending: int) -> None:
    machine.behave(run=ending)
    assert machine.run(*FLAGS)[0] == ending


def test_without_the_plugin_the_older_compose_is_taken(machine: Machine) -> None:
    machine.behave(no_plugin=1)
    machine.install("docker-compose")
    assert machine.run(*FLAGS)[0] == 0
    [command] = machine.trainings()
    assert command[:2] == ["docker-compose", "--file"]
    assert machine.run("--print-command")[1].startswith("docker-compose --file")


NO_GPU = json.dumps({"ServerVersion": "28.2.2", "Runtimes": {"runc": {}}})
NO_ANSWER = {"info": 1, "info_out": '{"ServerVersion": ""}', "info_err": "Cannot connect to it"}


@pytest.mark.parametrize(
    ("behaviour", "status", "messages"),
    [
        (NO_ANSWER, 11, ["Cannot connect to it", "Start Docker Desktop", "systemctl start"]),
        ({"info_out": "permission denied"}, 11, ["usermod -aG docker"]),
        ({"no_plugin": 1}, 12, ["docker-compose-plugin"]),
        ({"config": 15, "config_err": "line 3: bad"}, 13, ["cannot read", "line 3: bad", ".env"]),
        ({"config_out": "freqtrade"}, 13, ["no service 'train'", "git checkout"]),
        ({"info_out": NO_GPU}, 14, ["no `nvidia-smi`", "--cpu"]),
    ],
)
def test_what_is_missing_has_its_own_message_and_status(
    machine: Machine, behaviour: dict[str, Any], status: int, messages: list[str]
) -> None:
    machine.behave(**behaviour)
    found, _, said = machine.run(*FLAGS)
    assert found == status
    assert all(message in said for message in messages), said
    assert "Traceback" not in said
    assert machine.trainings() == []


def test_without_docker_it_says_where_to_get_it(machine: Machine) -> None:
    (machine.root / "docker").unlink()
    status, _, said = machine.run(*FLAGS)
    assert (status, "https://docs.docker.com" in said) == (10, True)


def test_a_copy_without_the_compose_file_says_where_it_belongs(machine: Machine) -> None:
    copy = shutil.copy(WRAPPER, machine.root)
    done = subprocess.run(
        [sys.executable, "-I", copy], env={"PATH": str(machine.root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 13
    assert "belongs beside it" in done.stderr


def test_a_driver_that_docker_cannot_use_is_told_from_none(machine: Machine) -> None:
    machine.behave(info_out=NO_GPU)
    machine.install("nvidia-smi")
    status, _, said = machine.run(*FLAGS)
    assert (status, "nvidia-ctk runtime configure" in said) == (14, True)


@pytest.mark.parametrize(
    "facts",
    [
        {"Runtimes": {"nvidia": {}}},
        {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]},
    ],
)
def test_a_gpu_is_found_by_runtime_or_device(machine: Machine, facts: dict[str, Any]) -> None:
    machine.behave(info_out=json.dumps({"ServerVersion": "28.2.2", **facts}))
    assert machine.run(*FLAGS)[0] == 0


def test_a_gpu_is_found_by_its_hook(machine: Machine) -> None:
    machine.behave(info_out=NO_GPU)
    machine.install("nvidia-container-runtime-hook")
    assert machine.run(*FLAGS)[0] == 0


def test_without_a_gpu_it_trains_where_that_was_asked_for(machine: Machine) -> None:
    machine.behave(info_out=NO_GPU)
    assert machine.run("--cpu", *FLAGS)[0] == 0
    [command] = machine.trainings()
    assert command[command.index("-T") + 1 :] == ["train-cpu", *FLAGS]


def test_print_command_only_prints(machine: Machine) -> None:
    machine.behave(**NO_ANSWER)
    status, stdout, _ = machine.run("--print-command", *FLAGS)
    assert status == 0
    assert stdout.startswith("docker compose --file")
    assert stdout.endswith(f" train {' '.join(FLAGS)}\n")
    assert machine.calls() == [["docker", "compose", "version"]]
    (machine.root / "docker").unlink()
    assert machine.run("--print-command")[1].startswith("docker compose --file")


def test_help_tells_both_kinds_of_flags(machine: Machine) -> None:
    status, stdout, _ = machine.run("--help")
    assert status == 0
    for word in ("--print-command", "--cpu", "dualwindow train"):
        assert word in stdout
    assert machine.calls() == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_reaches_the_training_alone_and_its_end_is_waited_for(
    machine: Machine, sent: signal.Signals
) -> None:
    machine.behave(wait=True, run=5)
    process = machine.start(*FLAGS, start_new_session=True)
    _, _, group = machine.wait_for_training(process)
    # As a terminal does: to everything that it started. Compose must live on.
    assert group != process.pid
    os.killpg(process.pid, sent)
    _, stderr = process.communicate()
    [command] = machine.trainings()
    assert machine.calls()[-1] == ["docker", "kill", "--signal", sent.name, _name(command)]
    assert process.returncode == 5, stderr


def test_ctrl_c_before_there_is_a_container_breaks_the_build_off(machine: Machine) -> None:
    machine.behave(wait=True, kill=1)
    process = machine.start(*FLAGS)
    machine.wait_for_training(process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM


def test_at_a_terminal_the_training_gets_it(machine: Machine) -> None:
    ours, its = pty.openpty()
    process = machine.start(*FLAGS, stdin=its, stdout=its)
    process.communicate()
    os.close(its)
    os.close(ours)
    assert process.returncode == 0
    [command] = machine.trainings()
    assert "-T" not in command
    assert json.loads((machine.root / "running").read_text())[:2] == [True, True]


def _module() -> Any:
    return module_of(WRAPPER)


def test_windows_paths_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = _module()
    path = PureWindowsPath(r"C:\Users\Ann Lee\bot\docker-compose.yml")
    monkeypatch.setattr(wrapper, "COMPOSE_FILE", path)
    command = wrapper.training_command(
        ["docker", "compose"], "train", FLAGS, container="one", terminal=True
    )
    assert command[3] == r"C:\Users\Ann Lee\bot\docker-compose.yml"
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        shown = wrapper.quoted(command)
    assert r' --file "C:\Users\Ann Lee\bot\docker-compose.yml" run ' in shown


def test_it_is_written_for_python_3_9() -> None:
    ast.parse(WRAPPER.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_real_compose_leaves_the_trainings_flags_alone(compose_binary: Path) -> None:
    """It gets as far as asking an engine; a flag that it took for its own would end it before."""
    command = _module().training_command(
        [str(compose_binary)], "train", FLAGS, container="one", terminal=False
    )
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:1", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Cannot connect to the Docker daemon" in done.stderr
