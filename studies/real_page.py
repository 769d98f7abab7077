"""What the figures of real candles say, in tables and plain sentences."""

from __future__ import annotations

from typing import Any, Final

from dualwindow.model_selection.contest.forecasts import PRIOR_NAME as PRIOR
from dualwindow.model_selection.contest.forecasts import TABLE_NAME as TABLE
from dualwindow.model_selection.contest.scoring import COVERAGE
from studies.rivals import GRID, MOST_TREES, PATIENCE, RATE, STRIDE

_HEAD: Final = (
    "contender",
    "log loss",
    "skill against the table",
    "HOLD versus move",
    "direction",
    "skill against the prior",
)
_TRADES: Final = (
    "contender",
    "trades",
    "edge",
    "profit a trade after fees",
    "all trades together",
    "edge at common entries",
)
_DIFFERENCES: Final = ("network less rival", "log loss", "edge", "edge at common entries")


def lines(figures: dict[str, Any]) -> list[str]:
    """Markdown of the part, from figures as they come back from JSON."""
    scale = figures["scale"]
    found = [*_preface(scale)]
    found += [
        f"- {name}: left out, this version has no such setting" for name in figures["refused"]
    ]
    for source in scale["sources"]:
        found += _section(source, figures["sources"][source["name"]])
    return found


def _preface(scale: dict[str, Any]) -> list[str]:
    limits = ", ".join(f"`{name}` {value}" for name, value in scale["limits"])
    leaves, rows = GRID["num_leaves"], GRID["min_child_samples"]
    return [
        "Binance's 1-minute candles of BTC and ETH, in the folder that `DUALWINDOW_STUDY_DATA` "
        "names or in `../shared/data`. Each window trains, then the days after it are evaluated, "
        "then it moves on by these days. All contenders have the same labels, training rows "
        "(without those whose labels reach into what follows), validation and evaluated rows, and "
        "the same calibration on the validation rows. The network has the settings of "
        f"the preset `classic` and at most {limits}, every variant alike, and is trained with "
        f"{len(scale['seeds'])} seeds, whose figures are averaged. Nothing here promises a profit: "
        "it is what was, on few weeks of two coins.",
        "",
        f"- {TABLE}: class shares by decile of the volatility of the window before a candle",
        "- logistic regression: trailing returns and volatilities, time of day",
        "- LightGBM (FreqAI's default): what FreqAI's LightGBMClassifier fits where "
        "`model_training_parameters` is {}, as in freqtrade's example configuration, so that "
        "LightGBM's own defaults hold; it sees the features of a candle and of the two before it, "
        "without FreqAI's weighting and removal of outliers",
        f"- LightGBM (tuned): the best on validation of {2 * len(leaves) * len(rows)} fits "
        f"(`num_leaves` {_or(leaves)}, `min_child_samples` {_or(rows)}; `learning_rate` {RATE}, at "
        f"most {MOST_TREES} rounds, stopped after {PATIENCE} without gain), each with the features "
        f"of the default and with the regression's besides; trained on one row in {STRIDE}",
        "",
        "Skill: 1 - log loss over that of the baseline; split into whether it is HOLD and, where "
        "it is not, which side. Trades: at the candles that a contender is most sure of, as are "
        f"{COVERAGE:.0%} of the validation candles a side, one position at a time, filled at "
        "the next open; a contender that says the same of more candles than that does not trade. "
        "Edge: what the preferred side earns beyond a coin flip at the same entries. Common "
        "entries: every 120th candle, the same for all, always the preferred side. Slippage is "
        "left out, funding is in on futures; shorts are reckoned on spot too. All trades together: "
        "the sum of their profits in percent of one stake, which is the same for each. Intervals: "
        "95 %, over whole days, the same draws for all.",
    ]


def _or(values: tuple[int, ...]) -> str:
    return " or ".join(str(value) for value in values)


def _section(source: dict[str, Any], each: dict[str, Any]) -> list[str]:
    contenders = each["contenders"]
    networks = list(each["differences"])
    fees = (
        f"fees of {source['fee']:.2%} on entry and again on exit, {2 * source['fee']:.2%} a round "
        "trip"
    )
    found = [
        "",
        f"### {source['name'][0].upper()}{source['name'][1:]}",
        "",
        f"{' and '.join(source['files'])}; {source['train_days']} days to train on and "
        f"{source['step_days']} to evaluate, {len(each['windows'])} windows, {each['days']} days "
        f"evaluated; {fees}.",
        "",
        *(sentence for name in networks for sentence in _sentences(name, each)),
        f"- {_earners(contenders)}",
        "",
        *_table(_HEAD, [_losses(name, one) for name, one in contenders.items()]),
        "",
        *_table(_TRADES, [_trades(name, one) for name, one in contenders.items()]),
    ]
    for name in networks:
        rows = [_difference(other, by) for other, by in each["differences"][name].items()]
        found += ["", f"{name}, paired differences:", "", *_table(_DIFFERENCES, rows)]
    return [*found, "", *_windows(each["windows"])]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rule = ("---", *("---:",) * (len(head) - 1))
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _losses(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    table = one["skill"][TABLE]
    told = (_told(table[part]) for part in ("total", "calm", "direction"))
    return (name, f"{one['loss']['value']:.4f}", *told, _told(one["skill"][PRIOR]["total"]))


def _trades(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        f"{one['trades']:.0f}",
        _told(one["edge"], 3),
        _told(one["mean"], 3),
        f"{one['profit']:+.1%}" if one["trades"] else "-",
        _told(one["common"], 3),
    )


def _difference(name: str, by: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        verdict(by["skill"], 1),
        verdict(by["edge"], 3),
        verdict(by["common"], 3),
    )


def _told(figure: dict[str, Any], digits: int = 1) -> str:
    if figure["value"] is None:
        return "-"
    text = f"{figure['value']:+.{digits}%}"
    if figure["low"] is None:
        return text
    return f"{text} [{figure['low']:+.{digits}%}, {figure['high']:+.{digits}%}]"


def verdict(figure: dict[str, Any], digits: int) -> str:
    """Better, worse or not distinguishable, as the paired interval says."""
    words = ("better", "worse", "not distinguishable", "not comparable (no trades)")
    return _in_words(figure, digits, words)


def _in_words(figure: dict[str, Any], digits: int, words: tuple[str, str, str, str]) -> str:
    """An interval above 0, below 0, or around it, and the words without a figure."""
    above, below, around, unknown = words
    if figure["value"] is None:
        return unknown
    if figure["low"] is None:
        predicted = "too few days to tell"
    elif figure["low"] > 0:
        predicted = above
    else:
        predicted = below if figure["high"] < 0 else around
    return f"{predicted} ({_told(figure, digits)})"


def _sentences(name: str, each: dict[str, Any]) -> list[str]:
    one = each["contenders"][name]
    skill = one["skill"][TABLE]
    found = [
        f"- {name}, log loss against the {TABLE}: {verdict(skill['total'], 1)}; direction alone: "
        f"{verdict(skill['direction'], 1)}.",
        f"- {name}, edge where it is most sure: {_against_zero(one['edge'])}; at common entries: "
        f"{_against_zero(one['common'])}; profit a trade after fees: {_against_zero(one['mean'])}.",
    ]
    for key, title in (("skill", f"skill against the {TABLE}"), ("edge", "edge")):
        values = [seed[key] for seed in one["by_seed"] if seed[key] is not None]
        if len(values) > 1:
            found.append(
                f"- {name}, {title} by seed: from {min(values):+.3%} to {max(values):+.3%}."
            )
    return found


def _against_zero(figure: dict[str, Any]) -> str:
    words = ("above 0", "below 0", "not distinguishable from 0", "no trades")
    return _in_words(figure, 3, words)


def _earners(contenders: dict[str, Any]) -> str:
    if all(one["mean"]["low"] is None for one in contenders.values()):
        return "Too few days to tell whether any contender's trades earned their fees."
    earned = [
        f"{name} ({one['trades']:.0f} trades)"
        for name, one in contenders.items()
        if (one["mean"]["low"] or 0) > 0
    ]
    if not earned:
        return "No contender's trades earned their fees beyond what chance gives."
    return (
        f"Trades that earned their fees beyond chance in these days: {', '.join(earned)}; with "
        f"{len(contenders)} contenders and few trades some may by luck."
    )


def _windows(windows: list[dict[str, Any]]) -> list[str]:
    head = ("contender", *(f"window {number}" for number in range(1, len(windows) + 1)))
    rows = [
        (name, *(_window(window["contenders"][name]) for window in windows))
        for name in windows[0]["contenders"]
    ]
    return [
        f"Skill against the {TABLE} and edge by window, oldest first:",
        "",
        *_table(head, rows),
    ]


def _window(one: dict[str, Any]) -> str:
    edge = one["edge"]["value"]
    told = "no trades" if edge is None else f"{edge:+.3%}"
    return f"{one['skill'][TABLE]['total']['value']:+.1%}; {told}"
