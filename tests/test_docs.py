"""The docs are held against the code: messages, commands, configurations and links."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dualwindow.cli.options.flags import MIN_TRADES
from dualwindow.cli.parser import COMMANDS
from tests.makers.messages_in_code import REPOSITORY, VALUE, all_texts, messages

DOCS: Final = sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")])
TROUBLESHOOTING: Final = REPOSITORY / "docs" / "troubleshooting.md"
_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(`+)(.+?)\1(?!`)", re.DOTALL)
#: Shorter ones would be found in messages that they do not mean.
_SHORTEST_FRAGMENT: Final = 10


#: Texts of reports, which look like trouble where they stand in the code.
NO_TROUBLE: Final = (
    "…; rarest …; an epoch draws …",
    "; did you mean …?",
    "the pretrained model … (…, … to … UTC) is …",
    "loss curves (tensorboard --logdir)",
    "model folder (for `pretrained` and `dualwindow evaluate`)",
    "report (open it in a browser)",
    "kept epoch … of …; …",
    # The result of a training, in one line of the log.
    "SHORT or LONG on … of …",
    "there is no candle to evaluate the model on",
    "not evaluated on, for the pretrained model has seen them: its training ended at … (UTC)",
    "accuracy …, Trading F1 …, precision SHORT",
    "this process (its address-space limit)",
    "this process (its data limit)",
    "…: … in … days (…; …), … % of the time in a position",
    "…: no trade in … days",
    "entered in the candle of an exit at its open",
    "turnover … stakes, … a day",
    "after fees a trade made … % (95 % interval … % to … %; …)",
    "With this much data a profit of … % a trade after fees would be found four times in five.",
    "edge over a coin flip …: … a trade",
    "random sides …: …; … % of them did as well as the model",
    "… >= …: fires on … of the candles, where the side occurred in",
    "untouched tail, …; other sides at the same entries",
    "chosen, corrected for the luck of choosing: … a trade",
    "on validation the choice is better than random sides and earns its fees",
    "in the candles:",
    "pairs …; …; candles in …",
    "… the default; --print-config shows them",
    "image-torch.json",
    "freqtrade download-data",
    "freqtrade backtesting …",
    ", pair_blacklist left out",
    "of its log loss; HOLD versus move …, direction …",
    "fee … % and slippage … % a side",
    "else the likeliest class",
    "…: … times, right in …, promised",
    "SELECT * FROM gaps ORDER BY first",
    "and …; --most or --json shows them",
    # What `dualwindow why` tells of a candle, see the user guide.
    "no model of the backtest predicted it; its predictions go from",
    "it was too old (…; expiration_hours",
    "the bot waited for …; …",
    "a candle that was waited for had just arrived; all were loaded again first",
    "candles of that time; download them, or ask for another time",
    "the candle; download the pair again",
    "possible values; download the pair again if the exchange has others",
    "the candle file lacks it; freqtrade takes it as a minute without a trade",
    "when it was predicted; the candle files of now hold other candles",
)
#: Where a command ends that a shell would read on.
_END_OF_COMMAND: Final = re.compile(r"\s(?:#|\||>|&&|;)\s?.*|[,;.)]$")


def fragments() -> list[str]:
    """What troubleshooting quotes: the spans of the first column of tables of messages."""
    rows = re.findall(r"^\| (`.+?) \| .+ \| .+ \|$", TROUBLESHOOTING.read_text("utf-8"), re.M)
    return [span.strip() for row in rows for _, span in _SPAN.findall(row)]


def is_quoted(fragment: str, text: str) -> bool:
    """Whether a text has the fragment, in which each ellipsis stands for anything."""
    at = 0
    for part in filter(None, fragment.split("…")):
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def test_fragments_are_long_enough_to_mean_one_message() -> None:
    assert [each for each in fragments() if len(each.replace("…", "")) < _SHORTEST_FRAGMENT] == []


def test_every_message_of_the_code_is_explained() -> None:
    known = [*fragments(), *NO_TROUBLE]
    missing = [
        f"{each.place}: {each.text.replace(VALUE, '…')}"
        for each in messages()
        if not any(is_quoted(fragment, each.text) for fragment in known)
    ]
    assert "\n".join(missing) == "", f"explain them in {TROUBLESHOOTING}"


def test_every_explained_message_is_in_the_code() -> None:
    texts = {each.text for each in all_texts()}
    quoted = [*fragments(), *NO_TROUBLE]
    assert [each for each in quoted if not any(is_quoted(each, text) for text in texts)] == []


def test_messages_are_found_in_the_ways_that_the_code_has() -> None:
    found = {each.place.partition(":")[0] for each in messages()}
    assert {
        "src/dualwindow/data/datasets/split.py",
        "src/dualwindow/data/candles/quality_report.py",
        "train_gpu.py",
    } <= found
    assert {"freqaimodels/DualWindowLSTM.py", "src/dualwindow/bot/backtest_candles.py"} <= found
    assert len(messages()) > 150


def relative_links(page: Path) -> Iterator[tuple[str, str]]:
    """Path and anchor of every link that stays in the repository."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in relative_links(page):
        target = (page.parent / path) if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Every command of ours on a page: its name and its arguments."""
    text = page.read_text("utf-8")
    blocks = [block.replace("\\\n", " ") for _, block in _FENCED.findall(text)]
    lines = [line for block in blocks for line in block.splitlines()]
    spans = [" ".join(span.split()) for _, span in _SPAN.findall(_FENCED.sub("", text))]
    for line in [*lines, *spans]:
        whole = _END_OF_COMMAND.sub("", line.strip())
        if found := re.search(r"(?:^|-m |bin/)dualwindow (\w+)(?: (.+))?$", whole):
            yield found[1], shlex.split(found[2] or "")
        elif found := re.search(r"^python train_gpu.py (.+)|run --rm train(?:-cpu)? (.+)", whole):
            given = shlex.split(found[1] or found[2])
            yield "train", [each for each in given if each not in {"--cpu", "--print-command"}]


def parser_of(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command, allow_abbrev=False)
    importlib.import_module(f"dualwindow.cli.commands.{command}").add_arguments(parser)
    return parser


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_commands_are_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, given in commands(page):
        assert command in COMMANDS
        # What is left out in a text is not judged, and help ends the program.
        if given and not {"...", "--help"} & set(given):
            try:
                parser_of(command).parse_args(given)
            except SystemExit:
                pytest.fail(f"{command} {given}: {capsys.readouterr().err}")


def test_commands_are_found() -> None:
    found = {command for page in DOCS for command, _ in commands(page)}
    assert found == set(COMMANDS)


def overlays() -> list[dict[str, object]]:
    """The configurations that the docs show, whole ones."""
    blocks = [found for page in DOCS for found in _FENCED.findall(page.read_text("utf-8"))]
    return [json.loads(text) for language, text in blocks if language == "json"]


def words_of(tool: str) -> list[list[str]]:
    """The arguments of every command of freqtrade in the docs that runs a tool."""
    texts = [page.read_text("utf-8") for page in DOCS]
    found = [match for text in texts for match in re.findall(rf"freqtrade ({tool} [^`\n]+)", text)]
    return [shlex.split(line) for line in found]


def test_the_analysis_of_tags_asks_for_a_table() -> None:
    commands_ = words_of("backtesting-analysis")
    assert commands_
    assert all("--analysis-groups" in words for words in commands_)


def test_analyses_that_delete_their_folder_have_one_of_their_own() -> None:
    """freqtrade deletes the models of the identifier before every run of these."""
    commands_ = [*words_of("lookahead-analysis"), *words_of("recursive-analysis")]
    assert commands_
    others = {"dualwindow", "demo", "small"}
    for words in commands_:
        *_, overlay = [words[at + 1] for at, word in enumerate(words) if word == "-c"]
        name = Path(overlay).stem
        own = [each for each in overlays() if f"'identifier': {name!r}" in str(each)]
        assert own, overlay
        assert name not in others


def test_no_documented_choice_of_thresholds_wants_more_trades_than_the_guides_model_makes() -> None:
    """Its validation candles make 40 trades at most."""
    wanted = [given for page in DOCS for _, given in commands(page) if "--min-trades" in given]
    assert all(int(given[given.index("--min-trades") + 1]) <= MIN_TRADES for given in wanted)
