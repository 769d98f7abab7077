"""The image: what goes into it, whether its steps work, and that they leave torch alone."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.docker.conftest import COMPOSE_FILE
from tests.makers.bot import REPOSITORY
from tests.makers.docker_image import (
    DOCKERFILE,
    Image,
    build_context,
    check_out,
    first_failure,
    steps,
)

#: What a repository in use holds besides what is in git; none of it may get into an image.
PRIVATE = (
    ".env",
    ".git/config",
    ".venv/lib/module.py",
    "config.private.json",
    "docker/private.env",
    "freqaimodels/private.py",
    "strategies/private.py",
    "id_ed25519.pem",
    "user_data/data/binance/BTC_USDT-1m.feather",
    "user_data/models/dualwindow/weights.safetensors",
    "user_data/tradesv3.dryrun.sqlite",
    "src/dualwindow/__pycache__/columns.pyc",
    "src/dualwindow.egg-info/PKG-INFO",
)

#: Overwrites what pip would have installed, as a dependency with another torch would.
OTHER_TORCH = """#!/bin/sh
folder="$PYTHONUSERBASE/lib/$(python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
mkdir -p "$folder/site-packages/{name}.dist-info"
cd "$folder/site-packages/{name}.dist-info"
printf 'Metadata-Version: 2.1\\nName: {project}\\nVersion: {version}\\n' > METADATA
echo 'torch/version.py,sha256=another,1' > RECORD
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = check_out(tmp_path_factory.mktemp("checkout"))
    for name in PRIVATE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("private", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def image(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    built = Image(tmp_path_factory.mktemp("image"))
    failure = first_failure(built, checkout)
    assert failure is None, "\n".join(failure or ())
    return built


def test_the_linter_has_nothing_to_say(hadolint: Path) -> None:
    said = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_base_image_is_freqtrades_of_the_version_that_the_tests_run_with() -> None:
    tag = f"freqtradeorg/freqtrade:{version('freqtrade')}_freqaitorch"
    assert [value for instruction, value in steps() if instruction == "FROM"] == ["${BASE_IMAGE}"]
    assert dict(steps())["ARG"] == f"BASE_IMAGE={tag}"
    # The file that Compose builds with and its example name the same one.
    assert f"BASE_IMAGE: ${{BASE_IMAGE:-{tag}}}" in COMPOSE_FILE.read_text("utf-8")


def test_it_runs_as_freqtrades_user_and_starts_freqtrade_in_its_folder() -> None:
    last = dict(steps())
    assert [value for instruction, value in steps() if instruction == "USER"] == ["ftuser"]
    assert (last["WORKDIR"], last["ENTRYPOINT"]) == ("/freqtrade", '["freqtrade"]')


def test_sources_come_after_the_dependencies() -> None:
    order = [value for instruction, value in steps() if instruction in {"COPY", "RUN"}]
    sources = next(i for i, value in enumerate(order) if value.endswith(" src src"))
    dependencies = next(i for i, value in enumerate(order) if "--requirement" in value)
    assert dependencies < sources


def test_nothing_private_is_sent_to_the_build(checkout: Path) -> None:
    sent = build_context(checkout)
    assert sent.isdisjoint(PRIVATE)
    # Allowed by name, so that what is added to the repository one day stays out as well.
    tops = {Path(name).parts[0] for name in sent} - {".dockerignore"}
    assert tops <= {
        "LICENSE", "README.md", "config.json", "config.spot.json", "constraints.txt", "docker",
        "freqaimodels", "presets", "pyproject.toml", "setup.py", "src", "strategies",
    }  # fmt: skip


def test_it_holds_a_copy_of_the_package_that_freqtrade_finds(image: Image) -> None:
    """In an empty folder with only the two adapters, as the volumes bring them."""
    folder = image.root / "freqtrade"
    looked = image.run(
        "python",
        "-c",
        "import json, dualwindow\n"
        "from dualwindow.settings.shipped import shipped_path\n"
        "from pathlib import Path\n"
        "from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver as Models\n"
        "from freqtrade.resolvers.strategy_resolver import StrategyResolver as Strategies\n"
        f"here = Path({str(REPOSITORY)!r})\n"
        "config = dict(freqaimodel_path=here / 'freqaimodels', user_data_dir=Path('user_data'),\n"
        "              strategy_path=here / 'strategies')\n"
        "found = [*Models.search_all_objects(config, True),\n"
        "         *Strategies.search_all_objects(config, True)]\n"
        "print(shipped_path('config.json').parent, shipped_path('presets').parent)\n"
        "print(json.dumps([dualwindow.__file__, *(f['name'] for f in found if f['class'])]))\n",
        folder=folder,
    )
    assert looked.returncode == 0, looked.stderr
    shipped, said = looked.stdout.splitlines()[-2:]
    assert shipped == " ".join([f"{image.user_site}/dualwindow/shipped_files"] * 2)
    assert f'"{image.user_site}/dualwindow/__init__.py"' in said
    assert '"DualWindowLSTM"' in said
    assert '"DualWindowStrategy"' in said


def test_the_command_line_starts_in_it(image: Image) -> None:
    helped = image.run("dualwindow", "--help", folder=image.root / "freqtrade")
    assert helped.returncode == 0, helped.stderr
    assert "train" in helped.stdout


def test_the_images_torch_replaces_the_one_of_the_constraints(image: Image) -> None:
    folder = image.home / "dualwindow"
    used = (folder / "image-constraints.txt").read_text(encoding="utf-8").splitlines()
    shipped = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    own = [line for line in used if line.startswith(("torch", "triton", "nvidia"))]
    assert f"torch=={version('torch')}" in own
    assert len(own) == len({line.partition("==")[0] for line in own})
    others = [line for line in shipped if not line.startswith(("torch", "triton", "nvidia"))]
    assert [line for line in used if line not in own] == others
    # Nothing but the package itself was installed: the base has everything else.
    assert [path.name for path in image.user_site.glob("*.dist-info")] == [
        f"dualwindow-{version('dualwindow')}.dist-info"
    ]


@pytest.mark.parametrize(
    ("project", "other"),
    [
        # The same version with other files, as the build for the processor would be.
        ("torch", "2.12.0"),
        ("torch", "99.0"),
        ("triton", "99.0"),
        ("nvidia-cublas", "99.0"),
    ],
)
def test_the_build_fails_when_an_install_changes_torch(
    project: str, other: str, checkout: Path, tmp_path: Path
) -> None:
    image = Image.with_torch(tmp_path, "2.12.0")
    name = f"{project.replace('-', '_')}-{other}"
    image.install_program("pip", OTHER_TORCH.format(name=name, project=project, version=other))
    failure = first_failure(image, checkout)
    assert failure is not None
    line, output = failure
    assert "--requirement" in line
    assert "changed the base image's torch" in output
    assert project in output


def test_another_torch_than_the_tests_is_kept(checkout: Path, tmp_path: Path) -> None:
    image = Image.with_torch(tmp_path, "2.12.0")
    assert first_failure(image, checkout) is None
    assert [path.name for path in image.user_site.glob("torch*")] == ["torch-2.12.0.dist-info"]


def test_the_build_fails_when_the_package_cannot_use_the_images_torch(
    checkout: Path, tmp_path: Path
) -> None:
    failure = first_failure(Image.with_torch(tmp_path, "2.0.0"), checkout)
    assert failure is not None
    assert "The user requested (constraint) torch==2.0.0" in failure[1]


def test_the_build_fails_on_a_base_without_torch(checkout: Path, tmp_path: Path) -> None:
    failure = first_failure(Image(tmp_path, without={"torch"}), checkout)
    assert failure is not None
    assert "The base image has no torch" in failure[1]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.json", '{"exchange": {"key": "k", "secret": ""}}', "config.json: exchange.key"),
        # A comment and a comma too many, as freqtrade allows them.
        ("presets/own.json", '{"telegram": {"token": "t",}} // mine', "own.json: telegram.token"),
        ("config.spot.json", '{"a": [{"password": "p"}]}', "config.spot.json: a.0.password"),
    ],
)
def test_the_build_fails_on_a_secret_in_a_configuration(
    name: str, text: str, said: str, checkout: Path, tmp_path: Path
) -> None:
    own = tmp_path / "checkout"
    shutil.copytree(checkout, own)
    (own / name).write_text(text, encoding="utf-8")
    image = Image(tmp_path / "image")
    image.install_program("pip", "#!/bin/sh\n")
    failure = first_failure(image, own)
    assert failure is not None
    assert said in failure[1]
    assert ": exchange.secret" not in failure[1]
