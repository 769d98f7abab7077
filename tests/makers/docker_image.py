"""The Dockerfile's own steps, run on this machine instead of in a container.

The base image is a fresh virtual environment that sees the packages of the running one, all but
this project, and like the image has them outside the folder that pip installs into. Whatever pip
would fetch is missing: it may use no index.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from tests.makers.bot import REPOSITORY

DOCKERFILE = REPOSITORY / "docker" / "Dockerfile"
USER_HOME = "/home/ftuser"


def steps() -> list[tuple[str, str]]:
    """Instructions and their arguments, continued lines joined."""
    parser = DockerfileParser(fileobj=BytesIO(DOCKERFILE.read_bytes()))
    return [(step["instruction"], step["value"]) for step in parser.structure]


def check_out(folder: Path) -> Path:
    """A clean checkout of this tree: what git holds or would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return folder


def build_context(checkout: Path) -> set[str]:
    """Files that `docker build` sends, by Docker's own reading of .dockerignore."""
    rules = (checkout / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [rule.strip() for rule in rules if rule.strip() and not rule.startswith("#")]
    # It always adds the Dockerfile, as Docker does.
    sent = exclude_paths(str(checkout), patterns, dockerfile="docker/Dockerfile")
    return {name for name in sent if (checkout / name).is_file()}


class Image:
    """A machine to build on: ``root`` is its file system, as far as the steps write to it."""

    def __init__(self, root: Path, *, without: Collection[str] = ()) -> None:
        self.root = root
        self.home = root / USER_HOME.lstrip("/")
        self.home.mkdir(parents=True)
        self.folder = root
        venv.create(root / "venv", system_site_packages=True, symlinks=True)
        self.base = root / "base"
        self._link_packages({"dualwindow", "__editable__.dualwindow", *without})
        inside = {"base": str(root / "venv"), "platbase": str(root / "venv")}
        site = Path(sysconfig.get_path("purelib", "venv", inside))
        (site / "base_image.pth").write_text(f"{self.base}\n", encoding="utf-8")
        self.bin = root / "venv" / "bin"
        self.install_program("pip", f'#!/bin/sh\nexec "{self.bin}/python" -m pip "$@"\n')
        self.user_site = Path(self.run("python", "-m", "site", "--user-site").stdout.strip())

    def _link_packages(self, without: Collection[str]) -> None:
        self.base.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.name.partition("-")[0] not in without and entry.suffix != ".pth":
                (self.base / entry.name).symlink_to(entry)

    @classmethod
    def with_torch(cls, root: Path, version: str) -> Image:
        """An image with another torch, where freqtrade's image has it: as far as pip can see."""
        image = cls(root, without={"torch"})
        facts = image.user_site / f"torch-{version}.dist-info"
        facts.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        (facts / "METADATA").write_text(text, encoding="utf-8")
        (facts / "RECORD").write_text("torch/version.py,sha256=own,1\n", encoding="utf-8")
        return image

    def install_program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        local = self.home / ".local"
        variables = {
            "HOME": str(self.home),
            "PATH": f"{local / 'bin'}:{self.bin}:/usr/bin:/bin",
            "PYTHONUSERBASE": str(local),
            "PYTHONDONTWRITEBYTECODE": "1",
            # The machine's own settings for pip are not the image's.
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            # pip's spelling of "build with the setuptools that is here".
            "PIP_NO_BUILD_ISOLATION": "0",
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        }
        return subprocess.run(
            command, cwd=folder or self.folder, env=variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def build(self, context: Path, sent: Collection[str]) -> Iterator[tuple[str, str]]:
        """Run the steps one after the other; yields each RUN line that failed, and its output."""
        for instruction, value in steps():
            if instruction == "WORKDIR":
                self.folder = self.root / value.lstrip("/")
                self.folder.mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                self._copy(context, sent, value)
            elif instruction == "RUN":
                done = self.run("/bin/sh", "-c", value.replace(USER_HOME, str(self.home)))
                if done.returncode:
                    yield value, done.stdout + done.stderr
                    return

    def _copy(self, context: Path, sent: Collection[str], value: str) -> None:
        *sources, target = [word for word in value.split() if not word.startswith("--")]
        for source in sources:
            inside = [n for n in sent if fnmatch(n, source) or n.startswith(f"{source}/")]
            if not inside:
                pytest.fail(f".dockerignore keeps out what the Dockerfile copies: {source}")
            for name in inside:
                # A folder's content goes into the target, a file into the target folder.
                of_folder = name.startswith(f"{source}/")
                below = Path(name).relative_to(source) if of_folder else Path(name).name
                place = self.folder / target / below
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(context / name, place)


def first_failure(image: Image, context: Path) -> tuple[str, str] | None:
    """Line and output of the step at which the build ends; None when it succeeds."""
    return next(image.build(context, build_context(context)), None)
