"""Commands of the docs that do not run in a test, each with the reason and with what is checked.

The list is exact: `test_every_check_is_needed` fails for an entry that no block needs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.running import REPOSITORY
from dualwindow.cli.parser import COMMANDS
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.layers.files import LayeredConfig, read_layers

#: Looks at a command in the folder of a story; raises ValueError or ends where something is wrong.
Look = Callable[[Sequence[str], Path], None]


@dataclass(frozen=True)
class Check:
    """A kind of command that is looked at and not run.

    Attributes:
        pattern: what such a command line begins with.
        reason: why it cannot run.
        look: what is checked instead.
        page: the end of the name of the only page that it holds for, if any.
    """

    pattern: str
    reason: str
    look: Look
    page: str = ""

    def concerns(self, command: str, page: Path) -> bool:
        """Whether a command of a page is of this kind."""
        return re.match(self.pattern, command) is not None and str(page).endswith(self.page)


def target_exists(words: Sequence[str], _: Path) -> None:
    """Make knows what it would do, without doing it."""
    done = subprocess.run(
        ["make", "--dry-run", "--directory", str(REPOSITORY), *words[1:]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stderr)


def clones(words: Sequence[str], _: Path) -> None:
    """`git clone ADDRESS FOLDER`."""
    if words[1] != "clone" or not words[-1].isidentifier():
        raise ValueError(f"not git clone ADDRESS FOLDER: {words}")


def names_the_environment(words: Sequence[str], _: Path) -> None:
    """The script that the environment of the Makefile has."""
    made = re.search(r"^VENV := (\S+)$", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    if made is None or words[1:] != [f"{made[1]}/bin/activate"]:
        raise ValueError(f"the Makefile makes another environment: {words}")


def is_understood_by_pip(words: Sequence[str], _: Path) -> None:
    """`pip install` with one thing to install."""
    if words[1] != "install" or len([each for each in words[2:] if each[0] != "-"]) != 1:
        raise ValueError(f"not pip install WHAT: {words}")


def a_bot_would_start(words: Sequence[str], folder: Path) -> None:
    """freqtrade's parser takes the arguments, and the configuration holds no problem."""
    from freqtrade.commands.arguments import Arguments

    options = Arguments(list(words[1:])).get_parsed_arg()
    files = [folder / name for name in options.get("config") or ["config.json"]]
    problems = check_config(LayeredConfig(read_layers(files)).content, cores=2).problems
    if problems:
        raise ValueError("\n".join(problems))


def freqtrade_knows(words: Sequence[str], _: Path) -> None:
    """freqtrade's parser takes the arguments."""
    from freqtrade.commands.arguments import Arguments

    Arguments(list(words[1:])).get_parsed_arg()


def arguments_are_known(words: Sequence[str], _: Path) -> None:
    """The parser of `dualwindow COMMAND` takes the arguments."""
    name, *given = words[words.index("dualwindow") + 1 :]
    if name not in COMMANDS:
        raise ValueError(f"no command: {name}")
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    importlib.import_module(f"dualwindow.cli.commands.{name}").add_arguments(parser)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            parser.parse_args(given)
    except SystemExit as end:
        if end.code:
            raise ValueError(printed.getvalue()) from end


def ranks_are_understood(words: Sequence[str], folder: Path) -> None:
    """torchrun's parser takes its arguments, and `dualwindow` those after the module."""
    from torch.distributed.run import get_args_parser

    options = get_args_parser().parse_args(list(words[1:]))
    if not options.module:
        raise ValueError(f"not torchrun -m dualwindow: {words}")
    arguments_are_known([options.training_script, *options.training_script_args], folder)


def compose_knows_the_service(words: Sequence[str], folder: Path) -> None:
    """Compose itself reads the files, and has the services; what runs in one is parsed."""
    from freqtrade.commands.arguments import Arguments

    rest = list(words[2:])
    files: list[str] = []
    while rest[0] in ("-f", "--profile"):
        files += rest[:2]
        rest = rest[2:]
    done = subprocess.run(
        [str(_compose()), *files, "--profile", "*", "config", "--format", "json"],
        cwd=folder, env={"API_PASSWORD": "12345678", "HOME": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stderr)
    services = json.loads(done.stdout)["services"]
    subcommand, *rest = rest
    named = [word for word in rest if not word.startswith("-")][:1]
    if subcommand not in ("up", "run", "logs", "stop", "build", "ps"):
        raise ValueError(f"not looked at: docker compose {subcommand}")
    if named and named[0] not in services:
        raise ValueError(f"no service {named[0]}: {sorted(services)}")
    given = rest[rest.index(named[0]) + 1 :] if named else []
    if subcommand == "run" and named[0] == "backtest" and given:
        Arguments(given).get_parsed_arg()
    if subcommand == "run" and named[0].startswith("train"):
        arguments_are_known(["dualwindow", "train", *given], folder)


def names_the_base_image(words: Sequence[str], _: Path) -> None:
    """The image that the Dockerfile begins with."""
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text("utf-8")
    base = re.search(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    if base is None or words[-1] != base[1]:
        raise ValueError(f"the Dockerfile begins with another image: {words}")


def _compose() -> Path:
    """The program in the package, whose own command ends with status 0 whatever happens."""
    spec = importlib.util.find_spec("compose")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("Compose is not installed")
    return Path(next(iter(spec.submodule_search_locations)), "docker-compose")


def would_train_in_docker(words: Sequence[str], _: Path) -> None:
    """The script prints the command that it would run."""
    script = REPOSITORY / "train_gpu.py"
    done = subprocess.run(
        [sys.executable, str(script), *words[2:], "--print-command"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stderr)
    arguments_are_known(["dualwindow", "train", *words[2:]], script.parent)


CHECKS: Final = (
    Check(
        "dualwindow ",
        "examples of the parser, of candles and models that no block makes",
        arguments_are_known,
        page="docs/commands.md",
    ),
    Check("make ", "each target has tests of its own, and some run all tests", target_exists),
    Check("git clone ", "there is no network", clones),
    Check("source ", "tests run in the environment already", names_the_environment),
    Check("pip install ", "there is no network", is_understood_by_pip),
    Check("freqtrade trade ", "a bot never ends; tests/e2e/test_dry_run.py", a_bot_would_start),
    Check("freqtrade install-ui", "there is no network", freqtrade_knows),
    Check("freqtrade webserver ", "it never ends; tests/bot/test_charts.py", a_bot_would_start),
    Check("docker compose ", "there is no Docker engine", compose_knows_the_service),
    Check("docker image inspect ", "there is no Docker engine", names_the_base_image),
    Check("python train_gpu.py ", "there is no Docker engine", would_train_in_docker),
    Check("torchrun ", "there is one machine, without a GPU", ranks_are_understood),
    Check(
        "dualwindow contest ",
        "it walks through years; tests/cli/commands/test_contest.py",
        arguments_are_known,
    ),
    Check(
        "dualwindow train .*--preset (?:standard|production)",
        "years of candles",
        arguments_are_known,
    ),
    Check(
        "dualwindow audit ",
        "a bot must have run; tests/e2e/test_clean_audit.py",
        arguments_are_known,
    ),
    Check(
        "dualwindow track .* --head ",
        "the head is what somebody has noted; tests/track/test_tampering.py",
        arguments_are_known,
    ),
)


def check_of(command: str, page: Path) -> Check | None:
    """The check of a command that does not run on a page."""
    return next((each for each in CHECKS if each.concerns(command, page)), None)


@dataclass(frozen=True)
class Uncompared:
    """Output that no command of a story prints.

    Attributes:
        pattern: what such a block begins with.
        reason: why, and the test that holds it.
    """

    pattern: str
    reason: str


UNCOMPARED: Final = (
    Uncompared("Market with a drift: ", "of a whole demo; tests/e2e/test_demo.py compares it"),
    Uncompared("ETH/USDT:USDT: entering ", "a bot's line; tests/bot/test_strategy.py"),
)
