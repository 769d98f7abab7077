"""What is installed is pinned with its hashes, for every Python that the product is run with."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY: Final = Path(__file__).resolve().parents[2]
LOCKS: Final = {"run": [], "develop": ["--extra", "dev"]}
#: Published as source alone, which needs no compiler.
PURE_PYTHON: Final = {"sdnotify"}
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
#: Torch and the parts of its CUDA build, which belong to a machine.
TORCH: Final = re.compile("(torch|triton|nvidia|cuda)(-.*)?")
#: What uv tells where the registry does not answer.
UNREACHABLE: Final = re.compile("error sending request|dns error|[Cc]onnection|timed out")


def locked(name: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Every requirement of a lock with its hashes."""
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text("utf-8")
    text = re.sub(r"^ *#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        requirement, *hashes = line.split("--hash=")
        yield Requirement(requirement), [own.strip() for own in hashes]


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def version_of(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "=="
    return only.version


def on(python: str) -> Mapping[str, str]:
    """The environment markers of a Python on Linux."""
    return {
        **default_environment(),  # type: ignore[dict-item]
        "python_version": python,
        "python_full_version": f"{python}.0",
    }


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    """Run uv, which asks the registry for metadata; pip would download every file."""
    command = [str(Path(sys.executable).with_name("uv")), *words]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip("the package registry cannot be reached")
    return done


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_hashes_and_the_version_of_constraints(name: str) -> None:
    pins = constraints()
    found = list(locked(name))
    assert len(found) > 100
    for requirement, hashes in found:
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", own) for own in hashes), requirement
        # Programs of Windows alone stand in no list of a Linux machine.
        if requirement.marker is None or requirement.marker.evaluate():
            assert version_of(requirement) == pins[canonicalize_name(requirement.name)]


def test_what_developers_install_is_all_that_is_pinned_but_torch() -> None:
    here = {
        canonicalize_name(requirement.name)
        for requirement, _ in locked("develop")
        if requirement.marker is None or requirement.marker.evaluate()
    }
    assert constraints().keys() - here == {"torch"}
    assert here <= constraints().keys()
    # XGBoost, which FreqAI imports, brings the one library of CUDA that is no part of torch.
    of_cuda = {name for name in here if TORCH.fullmatch(name)}
    assert of_cuda == {"nvidia-nccl-cu12"}


def test_what_users_install_is_all_that_the_package_needs() -> None:
    run = {canonicalize_name(requirement.name) for requirement, _ in locked("run")}
    seen: set[str] = set()
    ahead = [("dualwindow", frozenset[str]())]
    while ahead:
        name, extras = ahead.pop()
        for text in requires(name) or ():
            needed = Requirement(text)
            of_extras = [{**default_environment(), "extra": extra} for extra in {"", *extras}]
            if needed.marker and not any(needed.marker.evaluate(own) for own in of_extras):
                continue
            own = canonicalize_name(needed.name)
            if own not in seen:
                seen.add(own)
                ahead.append((own, frozenset(needed.extras)))
    assert len(seen) > 80
    assert {name for name in seen - run if not TORCH.fullmatch(name)} == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_each_pin_has_a_wheel_for_the_python_of_the_image(python: str, tmp_path: Path) -> None:
    """A pin without one ends the image's build, as there is no compiler in it."""
    pins = [
        f"{requirement.name}=={version_of(requirement)}"
        for requirement, _ in locked("run")
        if requirement.marker is None or requirement.marker.evaluate(on(python))
        if requirement.name not in PURE_PYTHON
    ]
    (tmp_path / "pins.txt").write_text("\n".join(pins), encoding="utf-8")
    done = uv(
        *("pip", "compile", str(tmp_path / "pins.txt"), "--no-config", "--quiet", "--no-deps"),
        *("--only-binary", ":all:", "--python-version", python),
        *("--python-platform", "x86_64-manylinux_2_28"),
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_the_one_that_make_lock_writes(name: str, tmp_path: Path) -> None:
    """Run again over a copy, whose pins it keeps."""
    copy = tmp_path / f"{name}.txt"
    shutil.copy(REPOSITORY / "requirements" / f"{name}.txt", copy)
    done = uv(
        *("pip", "compile", "pyproject.toml", *LOCKS[name], "--constraint", "constraints.txt"),
        *("--quiet", "--no-header", "--output-file", str(copy)),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = (REPOSITORY / "requirements" / f"{name}.txt").read_text("utf-8")
    assert copy.read_text("utf-8") == theirs


def test_the_bill_of_materials_lists_every_pin_of_a_user(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "requirements"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    programs = Path(sys.executable).parent
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(programs)
    for stamp in (".installed", ".developed"):
        (tmp_path / ".venv" / stamp).touch()
    done = subprocess.run(
        ["make", "sbom"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    bill = json.loads((tmp_path / "build" / "sbom.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {canonicalize_name(own["name"]): own["version"] for own in bill["components"]}
    pins = {canonicalize_name(own.name): version_of(own) for own, _ in locked("run")}
    assert listed == pins | {"torch": constraints()["torch"]}
