"""Run the blocks of a page from top to bottom: `python -m tests.docs.story PAGE FOLDER`.

The folder is filled with what a clone of the repository holds. Commands of `dualwindow` and
`freqtrade` are the real ones; `freqtrade` talks to the demo exchange, and a test gives this process
nothing but loopback. What cannot run is looked at instead, see `tests.docs.checks`. Figures are not
compared, see `tests.docs.shapes`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.running import REPOSITORY, running_exchange
from tests.docs.blocks import Block, blocks_of
from tests.docs.checks import UNCOMPARED, check_of
from tests.docs.shapes import missing_line
from tests.docs.stories import SHORTER, STORIES, Story
from tests.makers.freqtrade import merged

#: What of the repository a story's folder holds.
CLONE: Final = (
    *("config.json", "config.spot.json", "presets", "freqaimodels", "strategies"),
    *("docker", "docker-compose.yml", ".env.example", "train_gpu.py"),
)
LIMIT_SECONDS: Final = 600
#: A search of this many epochs shows that it runs.
EPOCHS_OF_A_SEARCH: Final = 2
#: How the models' folder of a backtest of `config.json` is named in commands.
BACKTESTED: Final = "user_data/models/dualwindow"
BACKTEST: Final = "freqtrade backtesting --freqaimodel DualWindowLSTM"


class StoryError(AssertionError):
    """A block that does not do what its page tells."""


class RefusedError(StoryError):
    """A command that failed; a page may show that, in the block that follows."""

    def __init__(self, command: str, printed: str) -> None:
        super().__init__(f"{command}\n{printed[-6000:]}")
        self.printed = printed


@dataclass
class Stage:
    """A folder in which a page's blocks run.

    Attributes:
        folder: the current folder of all commands.
        variables: of the environment of all commands.
        printed: what each block of commands has printed.
        refused: the last block's refusal, which the next one has to show.
        exact: what Python has printed in the last block, which the next one shows to the digit.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    refused: RefusedError | None = None
    exact: str | None = None

    def play_all(self, blocks: Iterable[Block]) -> None:
        """Run the blocks of a page.

        Raises:
            StoryError: for the first block that does not do what the page tells.
        """
        for block in blocks:
            self.play(block)
        if self.refused is not None:
            raise self.refused

    def play(self, block: Block) -> None:
        """Run one block, or compare it with what was printed.

        Raises:
            StoryError: naming the block.
        """
        begun = time.monotonic()
        (refused, self.refused), (exact, self.exact) = (self.refused, None), (self.exact, None)
        try:
            if refused is not None and block.kind != "output":
                raise refused
            match block.kind:
                case "commands":
                    self.printed.append(self.run_all(block))
                case "output" if exact is not None:
                    if exact != block.text:
                        raise StoryError(f"this was printed: {exact}")
                case "output":
                    self.compare(block.text)
                case "json":
                    self.write(block, block.text)
                    json.loads(block.text)
                case "python":
                    self.write(block, block.text)
                    script = ["-c", block.text] if block.file is None else [block.file]
                    self.exact = self.execute([sys.executable, *script])
                case "site":
                    pass
        except (StoryError, ValueError, OSError, subprocess.SubprocessError) as error:
            raise StoryError(f"{block.place}: {error}") from error
        print(f"{block.place}: {block.kind}, {time.monotonic() - begun:.1f} s", flush=True)

    def run_all(self, block: Block) -> str:
        """Run the commands of a block; return what they printed."""
        try:
            return "".join(self.run(each, block.page) for each in commands_in(block.text))
        except RefusedError as error:
            self.refused = error
            return error.printed

    def compare(self, shown: str) -> None:
        """Find a block of output in what one block of commands has printed, the latest first."""
        if any(re.match(each.pattern, shown) for each in UNCOMPARED):
            return
        missing = [missing_line(shown, printed) for printed in reversed(self.printed)]
        if all(missing):
            nearest = shown if not missing else missing[0]
            last = self.printed[-1] if self.printed else ""
            raise StoryError(f"this was not printed: {nearest}\nbut\n{last[-6000:]}")

    def write(self, block: Block, text: str) -> None:
        """Write the block into the file that its page names."""
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def run(self, command: str, page: Path) -> str:
        """Run one command line of a page, or look at it; return what it printed."""
        # What goes into a file is shown by what reads the file.
        command, _, file = command.partition(" > ")
        if (check := check_of(command, page)) is not None:
            check.look(shlex.split(command), self.folder)
            return ""
        printed = self.run_program(*shlex.split(command), page=page)
        if file:
            (self.folder / file).write_text(printed, encoding="utf-8")
        return "" if file else printed

    def run_program(self, program: str, *given: str, page: Path) -> str:
        """Run a program that is known here; return what it printed."""
        words = list(given)
        if BACKTESTED in words and not (self.folder / BACKTESTED).exists():
            self.run(BACKTEST, page)
        match program:
            case "dualwindow":
                if "--resume" in words:
                    self.interrupt([each for each in words if each != "--resume"])
                return self.execute([sys.executable, "-m", "dualwindow", *words])
            case "freqtrade":
                return self.execute([sys.executable, "-m", "freqtrade", *_shorter(words)])
            case "python":
                return self.execute([sys.executable, *words])
            case "cp":
                return self.execute([program, *words])
            case "cd":
                # A clone is not made; the folder is one.
                return ""
        raise StoryError(f"nothing is known about the program: {program}")

    def execute(self, words: Sequence[str]) -> str:
        """Run a program; return what it printed.

        Raises:
            RefusedError: where its exit status is not 0, or where freqtrade has logged an error.
        """
        done = subprocess.run(
            words, cwd=self.folder, env=environment(self.variables), timeout=LIMIT_SECONDS,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        # freqtrade ends some refusals with status 0.
        if done.returncode or " - ERROR - " in done.stdout:
            raise RefusedError(f"{shlex.join(words)}: status {done.returncode}", done.stdout)
        return done.stdout

    def interrupt(self, words: Sequence[str]) -> None:
        """Begin a training, and stop it as Ctrl-C does when its first epoch has ended."""
        with subprocess.Popen(
            [sys.executable, "-u", "-m", "dualwindow", *words],
            cwd=self.folder, env=environment(self.variables),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as training:  # fmt: skip
            assert training.stdout is not None
            for line in training.stdout:
                if "epoch 1 of" in line:
                    training.send_signal(signal.SIGINT)
            if training.wait() != 128 + signal.SIGINT:
                raise StoryError(f"not interrupted but ended with {training.returncode}")


def commands_in(text: str) -> Iterator[str]:
    """The single commands of a block, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split(" && "):
            if (plain := " ".join(command.split())) and not plain.startswith("#"):
                yield plain


def _shorter(words: Sequence[str]) -> list[str]:
    """freqtrade's arguments with few epochs of a search."""
    out = list(words)
    if out[0] == "hyperopt" and "-e" in out:
        out[out.index("-e") + 1] = str(EPOCHS_OF_A_SEARCH)
    return out


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """One thread for every program, and lines of any length."""
    own = {"OMP_NUM_THREADS": "1", "COLUMNS": "400", "NO_COLOR": "1"}
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **own, **variables}


def set_up(folder: Path, story: Story, port: int | None) -> None:
    """Fill a folder with a clone, whose configuration has the demo exchange and short trainings."""
    for name in CLONE:
        source, target = REPOSITORY / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (folder / "user_data" / "data").mkdir(parents=True)
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    for overlay in (SHORTER, story.settings, {} if port is None else of_exchange(port)):
        config = merged(config, dict(overlay))
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def of_exchange(port: int) -> dict[str, Any]:
    """The configuration of the demo exchange; light pages do without what it imports."""
    from demo.config import exchange_overlay

    return exchange_overlay(port)


def make_candles(datadir: Path, story: Story) -> None:
    """The candles that the exchange of a story serves."""
    spec = MarketSpec(start=story.start, days=story.days, seed=1)
    for seed, pair in enumerate(story.pairs):
        # Futures and spot of a coin are one market.
        other = replace(spec, seed=2, first_price=2500.0, tick=0.01, volume=900.0)
        write_candles(datadir, pair, make_market(spec if seed % 2 == 0 else other).candles)


def keep_record(models: Path) -> None:
    """The track record of a bot that ran two days."""
    from tests.makers.track_records import PaperBot

    models.mkdir(parents=True)
    bot = PaperBot(models, days=2)
    record = bot.open()
    bot.run(record)
    record.close()


def play_page(page: Path, folder: Path) -> None:
    """Run a page's blocks.

    Raises:
        StoryError: for the first block that does not do what the page tells.
    """
    story = STORIES.get(str(page.relative_to(REPOSITORY)))
    stage = Stage(folder / "clone", {} if story is None else story.variables)
    stage.folder.mkdir(parents=True)
    if story is None:
        set_up(stage.folder, Story(), None)
        stage.play_all(blocks_of(page))
        return
    candles = folder / "exchange"
    make_candles(candles, story)
    with running_exchange(["--datadir", str(candles.resolve())]) as port:
        set_up(stage.folder, story, port)
        if story.has_candles:
            shutil.copytree(candles, stage.folder / "user_data" / "data" / "binance")
        if story.has_record:
            keep_record(stage.folder / BACKTESTED)
        stage.play_all(blocks_of(page))


if __name__ == "__main__":
    try:
        play_page(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
    except StoryError as failed:
        sys.exit(str(failed))
