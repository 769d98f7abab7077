"""Counts in messages: in the singular where there is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dualwindow.runtime.counts import counted
from tests.makers.messages_in_code import REPOSITORY, source_files

#: What there may be one of.
_NOUNS: Final = (
    *("candles", "predictions", "slices", "trades", "files", "pairs", "models", "rows", "windows"),
    *("epochs", "retrainings", "trainings", "cores", "processes", "ranks", "GPUs", "devices"),
    *("warnings", "problems", "gaps", "longs", "shorts", "blocks", "folders", "stores"),
)
_PLURAL: Final = re.compile(rf"^ (?:[a-z]+ )?(?:{'|'.join(_NOUNS)})\b")
_IN_FORMAT: Final = re.compile(rf"%d (?:[a-z]+ )?(?:{'|'.join(_NOUNS)})\b")
#: Values before a plural that are more than one wherever the text is shown, or are no count.
_NEVER_ONE: Final = {
    *("self._config.max_flat_candles", "config.future_window", "window_size", "looked_at"),
    *("candles_looked_at(EXTENDED)", "timeframe", "self.timeframe", "pair", "whose", "batch_size"),
    *("facts.present", "most", "future_window", "len(windows)", "len(trained)", "len(evaluated)"),
    *("count", "_MOST_PERIODS", "usable", "days * DAY_SECONDS // seconds", "rows", "part"),
    *("path", "look_back", "wanted", "len(seconds)", "_WINDOWS", "shape.window_size"),
    *("content['timeframe']", "EPOCH_WINDOWS", "candles_looked_at(SUMMARY)", "looked_at - 1"),
    *("windows / max(seconds, 1e-09)", "ranks.count", "here", "len(candles)"),
}


def bare_counts(path: Path) -> Iterator[str]:
    """Values and formats that stand right before a plural in the texts of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        place = f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.JoinedStr):
            for value, text in zip(node.values, node.values[1:], strict=False):
                if not isinstance(value, ast.FormattedValue) or not isinstance(text, ast.Constant):
                    continue
                code = ast.unparse(value.value)
                if _PLURAL.match(str(text.value)) and code not in _NEVER_ONE:
                    yield f"{place}: {{{code}}}{str(text.value)[:40]}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{place}: {found[0]}" for found in _IN_FORMAT.finditer(node.value))


def test_no_count_stands_before_a_plural_without_a_look_at_whether_it_is_one() -> None:
    pages = (REPOSITORY / "src/dualwindow/report").glob("*.py")
    found = [text for path in {*source_files(), *pages} for text in bare_counts(path)]
    assert sorted(found) == []


@pytest.mark.parametrize("number", [0, 1, 2, 1234567])
def test_a_count_is_in_the_singular_for_one_alone(number: int) -> None:
    words = counted(number, "trade").split(" ")
    assert int(words[0].replace(",", "")) == number
    assert words[1] == ("trade" if number == 1 else "trades")
    assert counted(number, "one is", "many are") == f"{words[0]} " + (
        "one is" if number == 1 else "many are"
    )
