"""Every block of README and docs runs, or is on an exact list of what cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.layers.files import Layer, LayeredConfig, read_layers
from tests.docs.blocks import PAGES, Block, blocks_of
from tests.docs.checks import CHECKS, UNCOMPARED, check_of
from tests.docs.stories import STORIES
from tests.docs.story import commands_in
from tests.makers.bot import REPOSITORY
from tests.makers.freqtrade import cut_to_loopback

LIMIT_SECONDS = 900
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
#: Files of the earlier training module are converted before a bot reads them.
OVERLAYS = [
    block
    for block in BLOCKS
    if block.kind == "json" and f"config convert {block.file} " not in block.page.read_text("utf-8")
]


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.e2e
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.kind != "site" for b in blocks_of(page))], ids=name_of
)
def test_the_blocks_of_a_page_do_what_it_tells(page: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.docs.story", str(page), str(tmp_path)]
    done = subprocess.run(
        [*cut_to_loopback(), *command],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-8000:]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.pattern)
def test_every_check_is_needed(check: Any) -> None:
    blocks = [block for block in BLOCKS if block.kind == "commands"]
    shown = [(command, block.page) for block in blocks for command in commands_in(block.text)]
    assert [command for command, page in shown if check_of(command, page) is check]


@pytest.mark.parametrize("uncompared", UNCOMPARED, ids=lambda each: each.pattern)
def test_every_block_that_is_not_compared_is_on_a_page(uncompared: Any) -> None:
    texts = [block.text for block in BLOCKS if block.kind == "output"]
    assert [text for text in texts if re.match(uncompared.pattern, text)]


def test_every_story_is_that_of_a_page_with_commands() -> None:
    told = {name_of(block.page) for block in BLOCKS if block.kind in ("commands", "python")}
    assert set(STORIES) <= told


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda block: block.place)
def test_a_configuration_is_one_that_a_bot_takes(overlay: Block) -> None:
    layers = [*read_layers([REPOSITORY / "config.json"]), Layer("docs", json.loads(overlay.text))]
    assert check_config(LayeredConfig(layers).content, cores=2).problems == ()
