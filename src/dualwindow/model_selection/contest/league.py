"""The league table of a contest and its verdict, from scored cells to plain JSON types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dualwindow.model_selection.contest.drawn_sums import (
    DrawnSums,
    Sums,
    by_week,
    figure_text,
    pooled,
)
from dualwindow.model_selection.contest.forecasts import PRIOR_NAME, TABLE_NAME
from dualwindow.model_selection.contest.rivals import LIGHTGBM_NAME
from dualwindow.model_selection.contest.scoring import (
    SUMS,
    calibration_error,
    require_same_rows,
)
from dualwindow.model_selection.contest.walk import BASELINES, ContestPlan, Scored
from dualwindow.runtime.counts import counted

#: Fewest weeks that intervals are drawn from; below that days are drawn.
FEWEST_WEEKS: Final = 8
_TOTAL: Final = SUMS.index("total")


def league_of(found: Sequence[Scored], plan: ContestPlan) -> dict[str, Any]:
    """Table, paired differences and verdict of a whole contest.

    Raises:
        ValueError: when contenders were not evaluated on the same rows.
    """
    by_entry: dict[tuple[str, int], list[Scored]] = {}
    for scored in found:
        by_entry.setdefault((scored.contender, scored.days), []).append(scored)
    cells = {_key(*entry): [_placed(scored) for scored in own] for entry, own in by_entry.items()}
    # Everybody on the same test rows, and who trained as long on the same training rows too.
    require_same_rows(cells, "test_key")
    for days in plan.days:
        require_same_rows({k: cells[k] for k in cells if k.endswith(_ending(days))}, "rows_key")
    sums: dict[str, Sums] = {key: pooled(own) for key, own in cells.items()}
    weeks = {key: by_week(own) for key, own in sums.items()}
    n_days, n_weeks = (len(next(iter(each.values()))) for each in (sums, weeks))
    weekly = n_weeks >= FEWEST_WEEKS
    seeds = {_key(*entry): len({own.seed for own in of}) for entry, of in by_entry.items()}
    drawn = DrawnSums(weeks if weekly else sums, seeds)
    above = _windows_above(by_entry)
    table = [
        {**_row(drawn, entry, plan, by_entry[entry]), "windows_above": above[entry]}
        for entry in by_entry
    ]
    table.sort(key=lambda row: (plan.days.index(row["days"]), -(row["skill"]["value"] or 0.0)))
    content = {
        "windows": len({(scored.pair, scored.stop) for scored in found}),
        "blocks": "week" if weekly else "day",
        "weeks": n_weeks,
        "days_evaluated": n_days,
        "candles": round(drawn.total(_key(TABLE_NAME, plan.days[0]), "rows")),
        "league": table,
        "differences": _differences(drawn, plan),
    }
    return {**content, "verdict": verdict_of(content)}


def _key(name: str, days: int) -> str:
    return f"{name}{_ending(days)}"


def _ending(days: int) -> str:
    return f", {days} days"


def _placed(scored: Scored) -> Mapping[str, Any]:
    """A cell whose keys of rows name the pair and window: equal rows of two pairs are not one."""
    figures = scored.cell.figures
    where = f"{scored.pair} {scored.stop}"
    return {**figures, **{key: f"{where} {figures[key]}" for key in ("rows_key", "test_key")}}


def _kind(name: str, plan: ContestPlan) -> str:
    if name in plan.networks:
        return "network"
    return "baseline" if name in BASELINES else "rival"


def _row(
    drawn: DrawnSums, entry: tuple[str, int], plan: ContestPlan, found: Sequence[Scored]
) -> dict[str, Any]:
    name, days = entry
    key, table = _key(*entry), _key(TABLE_NAME, days)
    return {
        "contender": name,
        "kind": _kind(name, plan),
        "days": days,
        "skill": drawn.skill(key, table)["total"],
        "direction": drawn.skill(key, _key(PRIOR_NAME, days))["direction"],
        "loss": drawn.mean(key, "loss"),
        "calibration_error": calibration_error([own.cell.figures for own in found]),
        "edge": drawn.mean(key, "edge"),
        "edge_trades": drawn.total(key, "sides"),
        "edge_at_common_entries": drawn.mean(key, "common"),
        "profit": drawn.mean(key, "mean"),
        "profit_total": drawn.total(key, "profit"),
        "trades": drawn.total(key, "trades"),
        "seconds": sum(own.cell.figures["seconds"] for own in found) / len(found),
    }


def _windows_above(by_entry: Mapping[tuple[str, int], Sequence[Scored]]) -> dict[Any, int]:
    """On how many windows a contender's log loss, the mean of its seeds, is below the table's."""

    def losses(found: Sequence[Scored]) -> dict[tuple[str, int], float]:
        by_window: dict[tuple[str, int], list[float]] = {}
        for own in found:
            loss = float(np.array(own.cell.figures["sums"])[:, _TOTAL].sum())
            by_window.setdefault((own.pair, own.stop), []).append(loss)
        return {window: float(np.mean(values)) for window, values in by_window.items()}

    lost = {entry: losses(found) for entry, found in by_entry.items()}
    return {
        (name, days): sum(own[window] < lost[TABLE_NAME, days][window] for window in own)
        for (name, days), own in lost.items()
    }


def _differences(drawn: DrawnSums, plan: ContestPlan) -> list[dict[str, Any]]:
    """Every network beside every other contender of the same days, paired."""
    return [
        {
            "network": name,
            "other": other,
            "days": days,
            "skill": drawn.skill(_key(name, days), _key(other, days))["total"],
            "edge": drawn.difference(_key(name, days), _key(other, days), "edge"),
        }
        for days in plan.days
        for name in plan.networks
        for other in plan.everybody
        if other != name
    ]


def verdict_of(content: Mapping[str, Any]) -> list[str]:
    """Sentences below the table: who is best, and what the networks are told from."""
    league = content["league"]
    best = min(league, key=lambda row: row["loss"]["value"])
    title = f"{best['contender']}, trained on {best['days']} days"
    found = [
        f"Smallest log loss on {counted(content['windows'], 'window')}, "
        f"{counted(content['candles'], 'candle')}: "
        f"{title} ({figure_text(best['skill'])} over the volatility table)."
    ]
    for row in league:
        if row["kind"] != "network":
            continue
        beside = {
            each["other"]: each["skill"]
            for each in content["differences"]
            if (each["network"], each["days"]) == (row["contender"], row["days"])
        }
        told = [
            f"{compared(beside[name])} the {name}" if name == TABLE_NAME else
            f"{compared(beside[name])} {name}"
            for name in (TABLE_NAME, LIGHTGBM_NAME)
            if name in beside
        ]  # fmt: skip
        found.append(f"{row['contender']}, {row['days']} days, is {', and '.join(told)}.")
    found.append(_earners(league))
    if content["blocks"] == "day":
        found.append(
            f"Only {content['weeks']} weeks were evaluated, fewer than {FEWEST_WEEKS}: intervals "
            "are over days, too narrow where weeks differ, and nothing here is settled."
        )
    found.append("These are past candles; no figure here promises a profit.")
    return found


def compared(figure: Mapping[str, float | None]) -> str:
    """A paired skill in words that go before the name of the other."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return f"in too few days to be told from ({figure_text(figure)})"
    if low > 0:
        return f"better by {figure_text(figure)} than"
    if high < 0:
        return f"worse ({figure_text(figure)}) than"
    return f"not distinguishable ({figure_text(figure)}) from"


def _earners(league: Sequence[Mapping[str, Any]]) -> str:
    if all(row["profit"]["low"] is None for row in league):
        return "Too few days or trades to tell whether any contender's trades earned their fees."
    earned = [row for row in league if (row["profit"]["low"] or 0.0) > 0.0]
    if not earned:
        return "No contender's trades earned their fees beyond what chance gives."
    named = ", ".join(f"{row['contender']} ({row['days']} days)" for row in earned)
    return (
        f"Trades that earned their fees beyond chance on these days: {named}; of {len(league)} "
        "rows some may by luck."
    )
