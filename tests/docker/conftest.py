"""The real Compose and linter, taken from the packages that ship them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IN_CI
from tests.makers.bot import REPOSITORY

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"

#: Runs Compose on the shipped file with the given variables; arguments as on the command line.
RunCompose = Callable[..., "subprocess.CompletedProcess[str]"]
#: Its services as Compose understands them, by name.
Services = Callable[..., dict[str, Any]]


def _program(found: Path | None, name: str) -> Path:
    if found is not None and found.is_file():
        return found
    on_path = shutil.which(name)
    if on_path is None:
        reason = f"{name} is not installed"
        (pytest.fail if IN_CI else pytest.skip)(reason)
    return Path(str(on_path))


@pytest.fixture(scope="session")
def compose_binary() -> Path:
    """The package's own command ends with status 0 whatever happens, so the program inside it."""
    spec = importlib.util.find_spec("compose")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return _program(Path(folders[0], "docker-compose") if folders else None, "docker-compose")


@pytest.fixture(scope="session")
def hadolint() -> Path:
    return _program(Path(sys.executable).with_name("hadolint"), "hadolint")


@pytest.fixture
def run_compose(compose_binary: Path, tmp_path: Path) -> RunCompose:
    """Without the developer's own .env and variables."""
    (tmp_path / "empty.env").touch()

    def run(
        *arguments: str, variables: dict[str, str] | None = None, env_file: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        files = ["--file", str(COMPOSE_FILE), "--env-file", str(env_file or tmp_path / "empty.env")]
        return subprocess.run(
            [str(compose_binary), *files, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def services(run_compose: RunCompose) -> Services:
    def read(*options: str, **settings: Any) -> dict[str, Any]:
        answer = run_compose(*options, "config", "--format", "json", **settings)
        assert answer.returncode == 0, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)["services"]
        return found

    return read
