"""How blocks are read, told apart and compared; a page that tells what is not so fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Block, read_blocks
from tests.docs.checks import check_of
from tests.docs.shapes import missing_line
from tests.docs.story import Stage, StoryError, commands_in
from tests.makers.bot import REPOSITORY

PAGE = REPOSITORY / "README.md"


def blocks(text: str) -> list[Block]:
    return list(read_blocks(PAGE, text))


def play(folder: Path, text: str) -> None:
    Stage(folder).play_all(blocks(text))


def test_blocks_in_lists_and_with_longer_fences_are_found() -> None:
    text = "- a list:\n\n  ```bash\n  cd x\n  ```\n\n````python\n'```'\n````\n"
    assert [(each.kind, each.text) for each in blocks(text)] == [
        ("commands", "cd x\n"),
        ("python", "'```'\n"),
    ]


def test_a_block_without_a_language_is_commands_where_it_begins_with_a_program() -> None:
    kinds = [each.kind for each in blocks("```\nmake demo\n```\n\n```\nmakes a demo\n```\n")]
    assert kinds == ["commands", "output"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"README\.md:3: nothing is known about blocks of rust"):
        blocks("text\n\n```rust\nfn main() {}\n```\n")


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("Write `a.json` beside `b.py`:\n\n```json\n{}\n```\n", "a.json"),
        ("```json\n{}\n```\n\nin `user_data/a.json`, with `-c config.json`\n", "user_data/a.json"),
        ("What `config.json` sets:\n\n```json\n{}\n```\n", None),
        ("`a.json` is a file.\n\n```json\n{}\n```\n", None),
        ("`a.json`:\n\n```json\n{}\n```\n\n```json\n[]\n```\n", "a.json"),
    ],
)
def test_a_block_is_written_where_its_page_tells(text: str, file: str | None) -> None:
    assert blocks(text)[0].file == file


def test_a_file_is_not_named_for_the_block_after_the_next() -> None:
    assert blocks("`a.json`:\n\n```json\n{}\n```\n\n```json\n[]\n```\n")[1].file is None


def test_lines_are_joined_and_comments_left_out() -> None:
    text = "# first\ndualwindow why \\\n  --last 24h\nmake a && cd b\n"
    assert list(commands_in(text)) == ["dualwindow why --last 24h", "make a", "cd b"]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("kept epoch 1 of 5", "INFO kept epoch 12 of 60; more"),
        ("│ BTC/USDT │ -0.04 │", "┃ BTC/USDT   ┃  +1,234.5 ┃"),
        ("better than the class prior", "worse than the majority class"),
        ("first ... 2 days", "first one of 14 days"),
        ("one\n...\nthree", "one\ntwo\nthree"),
    ],
)
def test_numbers_borders_and_what_is_left_out_may_differ(shown: str, printed: str) -> None:
    assert missing_line(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("verdict: good", "verdict: bad", "verdict: good"),
        ("two\none", "one\ntwo", "one"),
        ("a ... c", "a b", "a ... c"),
    ],
)
def test_other_words_or_another_order_are_missed(shown: str, printed: str, missing: str) -> None:
    assert missing_line(shown, printed) == missing


def test_what_was_not_printed_fails(tmp_path: Path) -> None:
    told = "```bash\npython -c 'print(1, \"epochs\")'\n```\n\n```text\n{}\n```\n"
    play(tmp_path, told.format("2 epochs"))
    with pytest.raises(StoryError, match="not printed: 2 days"):
        play(tmp_path, told.format("2 days"))


def test_what_python_prints_is_shown_to_the_digit(tmp_path: Path) -> None:
    told = "```python\nprint(1.5)\n```\n\n```text\n{}\n```\n"
    play(tmp_path, told.format("1.5"))
    with pytest.raises(StoryError, match=r"this was printed: 1\.5"):
        play(tmp_path, told.format("2.5"))


def test_a_refusal_has_to_be_shown(tmp_path: Path) -> None:
    refused = "```bash\npython -c 'exit(\"no candles\")'\n```\n\n"
    play(tmp_path, refused + "```text\nno candles\n```\n")
    with pytest.raises(StoryError, match="no candles"):
        play(tmp_path, refused + "```python\n1\n```\n")
    with pytest.raises(StoryError, match="no candles"):
        play(tmp_path, refused)


def test_python_that_fails_and_programs_that_are_unknown_fail(tmp_path: Path) -> None:
    for text in ("```python\n1 / 0\n```\n", "```bash\nformat-disk now\n```\n"):
        with pytest.raises(StoryError):
            play(tmp_path, text)


@pytest.mark.parametrize(
    "command",
    [
        "make demmo",
        "git clone <address>",
        "source venv/bin/activate",
        "pip install one two",
        "docker compose up nothing",
        "docker image inspect freqtradeorg/freqtrade:2020.1",
        "docker compose run --rm train --eopchs 3",
        "python train_gpu.py --pair BTC_USDT --eopchs 3",
        "torchrun --standalone -m dualwindow train --eopchs 3",
        "dualwindow contest --eopchs 3",
    ],
)
def test_a_command_that_would_not_run_fails_its_check(command: str, tmp_path: Path) -> None:
    text = f"```bash\n{command}\n```\n"
    assert check_of(command, PAGE) is not None
    (tmp_path / "docker-compose.yml").write_bytes((REPOSITORY / "docker-compose.yml").read_bytes())
    with pytest.raises(StoryError):
        play(tmp_path, text)
