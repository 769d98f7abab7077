"""`dualwindow why`: gathers the facts of candles, and shows which gate closed."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from dualwindow.bot.why.gates import ENTERED, Answer, answer_of
from dualwindow.cli.display.console import console_of, figure_table, log_to
from dualwindow.cli.evaluate.asked import asked_of
from dualwindow.cli.evaluate.why_sources import Source, sources_of
from dualwindow.data.candles.timerange import utc_text
from dualwindow.runtime.counts import counted


def run_why(options: argparse.Namespace) -> int:
    """Answer a question; always 0.

    Raises:
        DualWindowError: when folder, pair, time or the files behind them cannot be used.
    """
    log_to(console_of(sys.stderr), logging.WARNING)
    asked = asked_of(options)
    sources = sources_of(options, asked)
    if asked.second is not None:
        second = asked.second - asked.second % sources.candle_seconds
        _show_one(sources.title, answer_of(sources.pairs[0].at(second)), as_json=options.json)
        return 0
    counts = {
        source.pair: _counted(source, asked.last or 0, sources.candle_seconds)
        for source in sources.pairs
    }
    _show_counts(sources.title, counts, as_json=options.json)
    return 0


def _counted(source: Source, last: int, candle_seconds: int) -> Counter[str]:
    seconds = source.seconds
    wanted = seconds[seconds > seconds[-1] - max(last, candle_seconds)]
    return Counter(answer_of(source.at(second)).cause for second in wanted.tolist())


def _show_one(title: str, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"of": title, **answer.to_dict()}, indent=2))
        return
    closing = answer.closing
    end = f"not traded: {answer.cause}"
    if answer.entered:
        end = f"traded: {answer.entered}"
    elif closing is not None:
        end = f"{end} ({closing.words})"
    console = console_of(sys.stdout)

    def show(line: str, style: str | None = None) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True, style=style)

    show(f"{answer.pair}, the candle that opens at {utc_text(answer.second)} (UTC), of {title}")
    show(end)
    for gate in answer.gates:
        state = gate.state.upper() if gate.state == "closed" else gate.state
        show(f"  {gate.name:<16} {state:<10} {gate.words}", "bold" if gate is closing else None)
    if closing is not None:
        show(f"it would have taken: {closing.needed}")


def _show_counts(title: str, counts: Mapping[str, Counter[str]], *, as_json: bool) -> None:
    if as_json:
        pairs = {
            pair: {"candles": found.total(), "causes": dict(_ordered(found))}
            for pair, found in counts.items()
        }
        content: dict[str, Any] = {"of": title, "pairs": pairs}
        print(json.dumps(content, indent=2))
        return
    whole = sum(counts.values(), Counter[str]())
    rows = [
        (name, *(f"{found[name]:,}" for found in counts.values())) for name, _ in _ordered(whole)
    ]
    most = max((found.total() for found in counts.values()), default=0)
    console = console_of(sys.stdout)
    console.print(
        f"the last {counted(most, 'candle')} of {title}, by what became of them",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(figure_table("", ("cause", *counts), rows))


def _ordered(found: Counter[str]) -> list[tuple[str, int]]:
    """Trades first, then causes by their number."""
    return sorted(found.items(), key=lambda item: (item[0] != ENTERED, -item[1], item[0]))
