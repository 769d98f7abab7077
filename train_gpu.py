#!/usr/bin/env python3
"""Runs ``dualwindow train`` on the GPU in Docker, with the same flags.

    python train_gpu.py --pair BTC_USDT --date-from 2025-01-01 --date-to 2025-01-31 --epochs 100

Needs only Python's standard library (3.9 or newer), on Linux, macOS and Windows. Before it starts
anything it checks the requirements one by one; a missing one has its own message and exit status
(10 Docker, 11 its engine, 12 Compose, 13 the Compose file or its service, 14 the GPU). Any other
status is the training's own.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMPOSE_FILE = Path(__file__).resolve().parent / "docker-compose.yml"

HELP = """\
usage: python train_gpu.py [--print-command] [--cpu] [flags of `dualwindow train`]

Trains in Docker, on the GPU. All other flags are passed on to `dualwindow train`, for example
  python train_gpu.py --pair BTC_USDT --date-from 2025-01-01 --date-to 2025-01-31 --epochs 100
Paths in them are those inside the container: relative to this folder, below user_data/.
Without flags the environment variables configure the training (see .env.example).

  --print-command  only print the command, without checks and without a start
  --cpu            train without a GPU
  --help           this text; `docker compose run --rm train --help` lists the training's flags
"""


class NotReadyError(Exception):
    """A requirement of the training is missing; holds the way out and an exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a short command and return its output; after 60 seconds its status is 124."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=60
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "nothing for 60 seconds")


def check_docker() -> None:
    """Require the docker command."""
    if shutil.which("docker") is None:
        raise NotReadyError(
            10,
            "There is no `docker` command. Install Docker Desktop (Windows, macOS) or Docker "
            "Engine (Linux): https://docs.docker.com/get-docker/",
        )


def engine_facts() -> dict[str, Any]:
    """The engine's description of itself (`docker info`)."""
    answer = ask("docker", "info", "--format", "{{json .}}")
    try:
        facts: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        facts = {}
    if answer.returncode or not facts.get("ServerVersion"):
        error = answer.stderr.strip() or "; ".join(facts.get("ServerErrors") or []) or "nothing"
        raise NotReadyError(
            11,
            f"Docker's engine does not answer; its error: {error}\n"
            "Start Docker Desktop, or on Linux `sudo systemctl start docker`. If permission was "
            "denied: `sudo usermod -aG docker $USER`, then log in again.",
        )
    return facts


def find_compose() -> list[str]:
    """The command of Compose: docker's plugin, else the older program."""
    if ask("docker", "compose", "version").returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") and ask("docker-compose", "version").returncode == 0:
        return ["docker-compose"]
    raise NotReadyError(
        12,
        "There is neither `docker compose` nor `docker-compose`. Docker Desktop brings it; on "
        "Linux install docker-compose-plugin: https://docs.docker.com/compose/install/",
    )


def check_service(compose: list[str], service: str) -> None:
    """Require a Compose file that Compose can read, with the service in it."""
    if not COMPOSE_FILE.is_file():
        raise NotReadyError(
            13,
            f"{COMPOSE_FILE} is missing: train_gpu.py belongs beside it, in the repository.",
        )
    answer = ask(*compose, "--file", str(COMPOSE_FILE), "--profile", "cpu", "config", "--services")
    if answer.returncode:
        raise NotReadyError(
            13, f"Compose cannot read {COMPOSE_FILE} or .env beside it: {answer.stderr.strip()}"
        )
    if service not in answer.stdout.split():
        raise NotReadyError(
            13,
            f"{COMPOSE_FILE} has no service {service!r} (but {', '.join(answer.stdout.split())}): "
            "take the repository's own file again, `git checkout docker-compose.yml`.",
        )


def check_gpu(facts: dict[str, Any]) -> None:
    """Require that containers can use an NVIDIA GPU.

    The engine lists NVIDIA's runtime or devices of CDI specifications; if it runs on this machine,
    an installed hook of the runtime is enough.
    """
    devices = [str(device) for device in facts.get("DiscoveredDevices") or []]
    if "nvidia" in (facts.get("Runtimes") or {}) or any("nvidia.com/gpu" in d for d in devices):
        return
    if shutil.which("nvidia-container-runtime-hook"):
        return
    without = "To train without a GPU add --cpu; --print-command shows what to try by hand."
    if shutil.which("nvidia-smi") is None:
        raise NotReadyError(
            14,
            "No NVIDIA driver is installed here (there is no `nvidia-smi`), and Docker knows no "
            f"NVIDIA runtime. Install the driver, then NVIDIA's container toolkit.\n{without}",
        )
    raise NotReadyError(
        14,
        "The NVIDIA driver is here, but Docker cannot give the GPU to containers. On Linux install "
        "nvidia-container-toolkit, then `sudo nvidia-ctk runtime configure --runtime=docker` and "
        "`sudo systemctl restart docker`; on Windows switch Docker Desktop to its WSL 2 engine.\n"
        f"{without}",
    )


def training_command(
    compose: list[str], service: str, flags: list[str], *, container: str, terminal: bool
) -> list[str]:
    """The full command as an argument list, which no shell parses."""
    options = ["--rm", "--name", container, *([] if terminal else ["-T"])]
    return [*compose, "--file", str(COMPOSE_FILE), "run", *options, service, *flags]


def quoted(command: list[str]) -> str:
    """The command as it would be typed."""
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def run_training(command: list[str], *, container: str, terminal: bool) -> int:
    """Run the training to its end, pass Ctrl-C and SIGTERM on, and return its exit status."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: received.append(number))
    # With a terminal, Compose sends Ctrl-C to the container as a key. Without one, Compose must not
    # receive the Ctrl-C that the shell sends to its whole process group.
    apart: dict[str, Any] = {}
    if not terminal:
        flag = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        apart = {"stdin": subprocess.DEVNULL, "creationflags": flag, "start_new_session": True}
    child = subprocess.Popen(command, **apart)
    # On Windows a wait without a timeout would keep the handler from running.
    while child.poll() is None:
        while received:
            forward(received.pop(0), child, container)
        time.sleep(0.1)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def forward(number: int, child: subprocess.Popen[bytes], container: str) -> None:
    """Ask the training to stop, which then writes its checkpoint; the caller still waits for it.

    The signal goes to the container through the engine, because Compose may end without passing it
    on. Without a container the build or the download is still running and is ended.
    """
    sent = ask("docker", "kill", "--signal", signal.Signals(number).name, container)
    if sent.returncode and child.poll() is None:
        child.terminate()


def printable_command(service: str, flags: list[str], container: str) -> str:
    """The command to print, also if it could not run here."""
    try:
        check_docker()
        compose = find_compose()
    except NotReadyError:
        compose = ["docker", "compose"]
    return quoted(training_command(compose, service, flags, container=container, terminal=True))


def ready_compose(service: str) -> list[str]:
    """Compose's command, after a check of everything that the service needs."""
    check_docker()
    facts = engine_facts()
    compose = find_compose()
    check_service(compose, service)
    if service == "train":
        check_gpu(facts)
    return compose


def main(arguments: list[str]) -> int:
    """Check, print and run; returns the exit status."""
    if "--help" in arguments or "-h" in arguments:
        print(HELP, end="")
        return 0
    flags = [argument for argument in arguments if argument not in {"--print-command", "--cpu"}]
    service = "train-cpu" if "--cpu" in arguments else "train"
    container = time.strftime("dualwindow-%Y%m%d-%H%M%S")
    if "--print-command" in arguments:
        print(printable_command(service, flags, container))
        return 0
    try:
        compose = ready_compose(service)
    except NotReadyError as problem:
        print(problem, file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    command = training_command(compose, service, flags, container=container, terminal=terminal)
    print("+", quoted(command), flush=True)
    return run_training(command, container=container, terminal=terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
