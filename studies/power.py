"""Markets with a planted drift: is it found, how weak may it be, and by which settings?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np

from dualwindow.model_selection.contest.scoring import preferred_sides
from dualwindow.settings import TrainingConfig
from studies.edge import edge_figures, interval_text, traded
from studies.logistic import SPANS, WITHIN_WINDOW, Spans, fitted, trailing_table
from studies.markets import (
    Days,
    StudyMarket,
    recipe,
    said_after,
    settings_text,
    trained,
    trained_prior,
)
from studies.part import Progress

NAME: Final = "power"
TITLE: Final = "A planted drift is found"
OURS: Final = "config.json"
CLASSIC: Final = "classic"
#: Each an overlay of the settings' defaults.
VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    OURS: recipe(),
    CLASSIC: {"patch_size": 5, "epochs": 16, "early_stopping_patience": 5},
}
#: Halvings of 0 to `_STRONGEST`, which leave less than 0.0002 % of profit open.
_HALVINGS: Final = 12
_STRONGEST: Final = 0.12
#: Half the width of a 95 % interval in standard errors.
_ERRORS: Final = 1.96
_BALANCED: Final = np.full(3, 1 / 3)


@dataclass(frozen=True)
class Scale:
    """How much is studied.

    Attributes:
        seeds: of the markets.
        more_seeds: of markets with the drift of the first worth alone, for a mean with less noise;
            tried with all variants.
        days: of each.
        worth: mean profits after fees, percent a trade, of who knows the regime; each is tried
            with all variants.
        further: such profits too, tried with the first variant alone.
        calibration_seeds: of markets that the strength of a drift is found by.
        limits: settings above those of every variant.
        variants: names.
    """

    seeds: tuple[int, ...] = (1, 2, 3)
    more_seeds: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10)
    days: Days = field(default_factory=Days)
    worth: tuple[float, ...] = (0.15, 0.05)
    further: tuple[float, ...] = (0.0, -0.03)
    calibration_seeds: tuple[int, ...] = tuple(range(101, 111))
    limits: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[str, ...] = tuple(VARIANTS)


FULL: Final = Scale()
SMALL: Final = Scale(
    seeds=(1,),
    more_seeds=(2,),
    days=Days(19, 6),
    worth=(0.15,),
    further=(0.0,),
    calibration_seeds=(101,),
    limits={"patch_size": 10, "lstm_units": (8,), "dense_units": (8,), "epochs": 1},
)


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Plant drifts of several strengths and let every variant look for them."""
    variants = {name: {**VARIANTS[name], **scale.limits} for name in scale.variants}
    markets, more = [], []
    for worth in (*scale.worth, *scale.further):
        inputs = {"worth": worth, "seeds": scale.calibration_seeds, "days": asdict(scale.days)}
        strength = progress.cell(
            f"strength of {worth:+.2f} %", inputs, partial(calibrated, worth, scale)
        )["strength"]
        tried = variants if worth in scale.worth else dict([next(iter(variants.items()))])
        markets += [
            _market(worth, strength, seed, scale, tried, progress=progress) for seed in scale.seeds
        ]
        if worth == scale.worth[0]:
            more = [
                _market(worth, strength, seed, scale, tried, progress=progress)
                for seed in scale.more_seeds
            ]
    return {
        "scale": asdict(scale),
        "variants": variants,
        "markets": markets,
        "more": more,
    }


def calibrated(worth: float, scale: Scale) -> dict[str, Any]:
    """Find the drift strength that earns who knows the regime so much, by halving.

    Markets of one seed share their noise, so that the profit hardly does anything but rise.
    """
    low, high = 0.0, _STRONGEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        profits = [
            oracle(StudyMarket.from_seed(seed, middle, scale.days))
            for seed in scale.calibration_seeds
        ]
        mean = float(np.mean([each["profit_pct"] for each in profits]))
        low, high = (middle, high) if mean < worth else (low, middle)
    return {"strength": round((low + high) / 2, 5)}


def oracle(market: StudyMarket) -> dict[str, Any]:
    """What who knows the regime earns on the test days."""
    return edge_figures(traded(market.after, market.oracle_sides(), TrainingConfig()))


def logistic(market: StudyMarket, spans: Spans = SPANS) -> dict[str, Any]:
    """What the regression's preferred side earns."""
    config = TrainingConfig()
    table = trailing_table(market.candles, spans)
    model = fitted(table[: market.first], market.dataset(config, slice(market.first)))
    after = table[market.first :]
    return edge_figures(
        traded(market.after, preferred_sides(model.predict_proba(after), _BALANCED), config)
    )


def network(market: StudyMarket, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a network's preferred side earns."""
    config = TrainingConfig.from_parameters(settings)
    market = replace(market, feature_set=config.feature_set)
    finished = trained(market, config)
    sides = preferred_sides(said_after(market, finished), trained_prior(finished))
    figures = edge_figures(traded(market.after, sides, config))
    return {**figures, "epoch": finished.fitted.best_epoch}


def _market(
    worth: float,
    strength: float,
    seed: int,
    scale: Scale,
    variants: Mapping[str, Mapping[str, Any]],
    *,
    progress: Progress,
) -> dict[str, Any]:
    inputs = {"strength": strength, "seed": seed, "days": asdict(scale.days)}
    market = StudyMarket.from_seed(seed, strength, scale.days)
    where = f"{worth:+.2f} %, market {seed}"
    found = {
        name: progress.cell(
            f"{where}, {name}",
            {**inputs, "settings": settings},
            partial(network, market, settings),
        )
        for name, settings in variants.items()
    }
    reference = progress.cell(
        f"{where}, yardsticks",
        {**inputs, "regressions": [asdict(SPANS), asdict(WITHIN_WINDOW)]},
        lambda: {
            "oracle": oracle(market),
            "logistic": logistic(market),
            "within_window": logistic(market, WITHIN_WINDOW),
        },
    )
    return {"worth": worth, **inputs, **reference, "networks": found}


def reached(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> str:
    """Whether our mean edge is at least the other, over markets.

    The intervals are taken as independent, which those of one market are not: it says "within
    noise" too often rather than too seldom.
    """
    gap = float(np.mean([a["value"] - b["value"] for a, b in zip(ours, theirs, strict=True)]))
    errors = [(each["high"] - each["low"]) / 2 / _ERRORS for each in (*ours, *theirs)]
    noise = _ERRORS * float(np.sqrt(np.sum(np.square(errors)))) / len(ours)
    verdict = "yes" if gap >= 0 else "within noise" if gap >= -noise else "**no**"
    return f"{verdict} ({gap:+.3f} ± {noise:.3f})"


def lines(figures: dict[str, Any]) -> list[str]:
    """A table of means over markets, and one of every market."""
    scale, markets, more = figures["scale"], figures["markets"], figures["more"]
    of_first = [market for market in markets if market["worth"] == scale["worth"][0]]
    return [
        f"Markets whose drift changes its sign every 20 hours or so; {scale['days']['train']} days "
        f"to train on, {scale['days']['test']} days after them. The strength of the drift is "
        "chosen so that who knows its sign earns a given profit after fees on average over other "
        "markets. Edges are those of the preferred side over a coin flip at the same entries, "
        "percent a trade with a 95 % interval from whole days. The regression sees trailing "
        "returns, trailing volatilities and the time of day of the same rows; the longest of them "
        f"are {max(SPANS.returns)} candles. That it looks further back than the window of the "
        f"network ({WITHIN_WINDOW.returns[-1]} candles, besides the price against its mean of a "
        "day) is an advantage of its own: a second one looks no further than the window.",
        "",
        *(
            f"- {name}: settings besides the defaults: {settings_text(settings)}"
            for name, settings in figures["variants"].items()
        ),
        "",
        f"Means over {len(scale['seeds'])} markets:",
        "",
        *_MEANS,
        *_means(markets),
        "",
        f"Means over {len(of_first) + len(more)} markets, those and {len(more)} more:",
        "",
        *_MEANS,
        *_means([*of_first, *more]),
        "",
        "Every market:",
        "",
        "| drift worth | market | oracle's profit | oracle's edge | regression | "
        "within the window | network | trades | its edge | its profit |",
        "| ---: | ---: | ---: | --- | --- | --- | --- | ---: | --- | ---: |",
        *(row for market in [*markets, *more] for row in _each(market)),
    ]


_MEANS: Final = (
    "| drift worth | strength | oracle | regression | within the window | network | its edge | "
    "reaches the regression | reaches the one within the window | "
    "markets in which its interval is above 0 |",
    "| ---: | ---: | ---: | ---: | ---: | --- | ---: | --- | --- | ---: |",
)


def _means(markets: list[dict[str, Any]]) -> list[str]:
    rows = []
    for worth in dict.fromkeys(market["worth"] for market in markets):
        there = [market for market in markets if market["worth"] == worth]
        theirs = [market["logistic"]["edge_pct"] for market in there]
        within = [market["within_window"]["edge_pct"] for market in there]
        knows = [market["oracle"]["edge_pct"] for market in there]
        # The last of them has no more variants than the others.
        for name in there[-1]["networks"]:
            ours = [market["networks"][name]["edge_pct"] for market in there]
            above = sum(each["low"] > 0 for each in ours)
            rows.append(
                f"| {worth:+.2f} % | {there[0]['strength']:.4f} | {_mean(knows)} | "
                f"{_mean(theirs)} | {_mean(within)} | {name} | {_mean(ours)} | "
                f"{reached(ours, theirs)} | {reached(ours, within)} | {above} of {len(ours)} |"
            )
    return rows


def _mean(edges: list[dict[str, float]]) -> str:
    return f"{np.mean([each['value'] for each in edges]):+.3f}"


def _each(market: dict[str, Any]) -> list[str]:
    oracle_, regression, within = market["oracle"], market["logistic"], market["within_window"]
    return [
        f"| {market['worth']:+.2f} % | {market['seed']} | {oracle_['profit_pct']:+.3f} | "
        f"{interval_text(oracle_['edge_pct'])} | {interval_text(regression['edge_pct'])} | "
        f"{interval_text(within['edge_pct'])} | {name} | {found['trades']:,} | "
        f"{interval_text(found['edge_pct'])} | {found['profit_pct']:+.3f} |"
        for name, found in market["networks"].items()
    ]
