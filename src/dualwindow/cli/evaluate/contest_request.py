"""What a contest is asked for: its options read and checked, all problems in one message."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dualwindow.cli.options.configuration import layered_config
from dualwindow.cli.options.flags import CONTEST_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.data.datasets.store import store_folder
from dualwindow.errors import SettingsError
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.shapes import group_at
from dualwindow.settings.layers.files import Layer
from dualwindow.settings.messages import collected

#: Days of training where neither the configuration nor `--days` names any.
USUAL_DAYS: Final = 90
MOST_STEP_DAYS: Final = 28
MOST_SEEDS: Final = 100
_MOST_DAYS: Final = 36_525
_MOST_MEMBERS: Final = 100


@dataclass(frozen=True)
class ContestRequest:
    """A contest.

    Attributes:
        settings: of the run.
        networks: settings by name of the contender, lowered to what this machine has.
        days: lengths of training, each once.
        step_days: evaluated after every training.
        seeds: of each network.
        output: folder of the results.
    """

    settings: RunSettings
    networks: Mapping[str, TrainingConfig]
    days: tuple[int, ...]
    step_days: int
    seeds: tuple[int, ...]
    output: Path

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Self:
        """Read files, preset and flags.

        Raises:
            SettingsError: with every problem of the options, or of the configuration.
        """
        # The date range of a preset or a configuration is that of one training.
        dates = {"train_days": None, "train_from": options.date_from, "train_to": options.date_to}
        above = [Layer("the contest", {"dualwindow": dates})]
        settings = RunSettings.from_layers(layered_config(options, CONTEST_FLAGS, above=above))
        training, _ = settings.on_this_machine()
        problems: list[str] = []
        configured = group_at(settings.layers.content, "freqai").get("train_period_days")
        words = str(configured or USUAL_DAYS) if options.days is None else options.days
        days = _numbers("--days", words, _MOST_DAYS, "30,90,365", problems)
        step = options.step_days
        if step is None:
            step = max(min(min(days, default=1) // 3, MOST_STEP_DAYS), 1)
        ensembles: tuple[int, ...] = (training.ensemble,)
        if options.ensembles is not None:
            ensembles = _numbers("--ensembles", options.ensembles, _MOST_MEMBERS, "1,2", problems)
        problems += _outside("--step-days", step, _MOST_DAYS)
        problems += _outside("--seeds", options.seeds, MOST_SEEDS)
        if training.pretrained is not None or training.epochs == 0:
            problems.append(
                f"pretrained {training.pretrained!r} may have seen the days that a contest "
                "evaluates on; remove it, so that every network is trained from scratch"
            )
        networks = _networks(options.networks, ensembles, training, problems)
        if problems:
            raise SettingsError(problems, "the command")
        output = options.output or store_folder(settings.user_data) / "contest"
        seeds = tuple((training.seed + number) % 2**32 for number in range(options.seeds))
        return cls(settings, networks, days, step, seeds, output)


def _numbers(flag: str, text: str, most: int, example: str, problems: list[str]) -> tuple[int, ...]:
    """The numbers of an option, each once; without those that are problems."""
    found = []
    for word in [word.strip() for word in text.split(",")]:
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= most):
            problems.append(
                f"{flag} {word!r} must be a whole number from 1 to {most}, or several with "
                f"commas between them, such as {example}"
            )
            continue
        found.append(int(word))
    return tuple(dict.fromkeys(found))


def _outside(flag: str, value: int, most: int) -> list[str]:
    if 1 <= value <= most:
        return []
    return [f"{flag} {value} must be a whole number from 1 to {most}"]


def _networks(
    text: str | None, ensembles: Sequence[int], training: TrainingConfig, problems: list[str]
) -> dict[str, TrainingConfig]:
    """Settings of every network in every size of ensemble, which its name tells."""
    found = {}
    for name in dict.fromkeys(word.strip() for word in (text or training.network).split(",")):
        if not name:
            problems.append(
                f"--networks {text!r} has an empty name; write names with commas between them"
            )
            continue
        wrong: list[str] = []
        with collected(wrong):
            for size in ensembles:
                title = name if size == 1 else f"{size} x {name}"
                found[title] = training.replace(network=name, ensemble=size)
        problems += [f"--networks {name}: {problem}" for problem in wrong]
    return found
