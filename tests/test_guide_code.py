"""Python and the commands of make and of modules that the docs show: they run, or they exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.makers.markets import random_candles
from tests.test_docs import DOCS, REPOSITORY
from tests.test_map import module_exists, targets

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [block for page in DOCS for block in BLOCK.findall(page.read_text("utf-8"))]
#: So many candles the longest average needs, and some more to train on.
ROWS = 43_200 + 2_000


def test_python_is_found() -> None:
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS)
def test_the_python_of_the_docs_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = json.loads((REPOSITORY / "config.json").read_text("utf-8"))
    small = {"epochs": 1, "patch_size": 60, "lstm_units": [8], "dense_units": []}
    config["freqai"]["model_training_parameters"] |= small
    Path("config.json").write_text(json.dumps(config), encoding="utf-8")
    for seed, name in enumerate(re.findall(r'"([\w-]+\.feather)"', block)):
        path = Path("user_data/data/binance/futures", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        random_candles(ROWS, seed=seed).to_feather(path)
    # The settings file of the earlier module that `docs/migration.md` reads.
    Path("old.json").write_text('{"WINDOW_SIZE": 90, "EPOCHS": 7}', encoding="utf-8")
    exec(compile(block, "the docs", "exec"), {})


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_targets_and_modules_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    made = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M))
    assert targets(text) <= made
    named = set(re.findall(r"python -m ([\w.]*\w)", text)) - {"pytest", "pip", "venv"}
    assert [name for name in sorted(named) if not module_exists(name)] == []
