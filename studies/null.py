"""Random walks with stochastic volatility: nothing is there, and nothing may be found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np

from dualwindow.confidence import decide
from dualwindow.evaluation import Evaluation, evaluate
from dualwindow.model_selection.contest.scoring import preferred_sides
from dualwindow.report.schema import TrainedWindow, TrainingFacts
from dualwindow.report.verdict import strongest_skill, verdict_of
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import comparison_of
from dualwindow.training.result import TrainingOutcome
from studies.edge import edge_figures, interval_text, traded
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

NAME: Final = "null"
TITLE: Final = "Nothing is found in random walks"
#: Of 20 intervals that cover with 95 %, so many do but for one time in thirteen.
WANTED_SHARE: Final = 0.9
NOTHING: Final = "no direction found"


@dataclass(frozen=True)
class Scale:
    """How much is studied.

    Attributes:
        seeds: of the walks.
        days: of each.
        settings: overlay of the training's defaults.
    """

    seeds: tuple[int, ...]
    days: Days
    settings: dict[str, Any] = field(default_factory=recipe)


FULL: Final = Scale(tuple(range(1, 21)), Days())
SMALL: Final = Scale(
    (1, 2), Days(6, 6), {"patch_size": 10, "lstm_units": (8,), "dense_units": (8,), "epochs": 1}
)


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Train on every walk and judge the days after."""
    walks = []
    for seed in scale.seeds:
        inputs = {"seed": seed, "days": asdict(scale.days), "settings": scale.settings}
        walks.append(progress.cell(f"walk {seed}", inputs, partial(walk, seed, scale)))
    return {"scale": asdict(scale), "walks": walks}


def walk(seed: int, scale: Scale) -> dict[str, Any]:
    """Figures of one walk."""
    config = TrainingConfig.from_parameters(scale.settings)
    market = StudyMarket.from_seed(seed, 0.0, scale.days, config.feature_set)
    finished = trained(market, config)
    probabilities = said_after(market, finished)
    evaluation = _evaluated(market, finished)
    window = TrainedWindow(
        name=f"walk {seed}",
        trained_until=finished.model.trained_until,
        version="",
        training=_facts(finished),
        evaluated_on="tail",
        hindsight=0,
        evaluation=evaluation,
    )
    thresholds = finished.model.thresholds(config)
    predicted = traded(market.after, decide(probabilities, thresholds), config)
    verdict = verdict_of([window], predicted)
    sides = preferred_sides(probabilities, trained_prior(finished))
    return {
        "seed": seed,
        **edge_figures(traded(market.after, sides, config)),
        "skill": {
            part: asdict(strongest_skill(evaluation, part)[1])
            for part in ("total", "calm", "direction")
        },
        "epoch": finished.fitted.best_epoch,
        "found": verdict.found,
        "verdict": verdict.text,
    }


def _evaluated(market: StudyMarket, finished: TrainingOutcome) -> Evaluation:
    """The evaluation that the package makes of a tail, on all of the test days."""
    config = finished.model.config
    # The windows of the first test rows reach into the training days.
    past = config.window_size - 1
    dataset = market.dataset(config, slice(market.first - past, None))
    rows = dataset.labelled().all_rows()
    probabilities = finished.model.probabilities(dataset.features, rows)
    if finished.reference is None:
        raise ValueError("nothing was trained")
    known = finished.split.validation
    of_known = finished.model.probabilities(known.dataset.features, known.all_rows())
    calibration = finished.reference.calibration.fitted(
        known.dataset.labels[known.all_rows()], of_known
    )
    reference = replace(finished.reference, calibration=calibration)
    comparison = comparison_of(dataset, rows, config, reference)
    return evaluate(
        dataset.labels[rows], probabilities, finished.model.thresholds(config), comparison
    )


def _facts(finished: TrainingOutcome) -> TrainingFacts:
    figures: Any = finished.figures()["training"]
    return TrainingFacts(
        rows=figures["rows"],
        purged=figures["purged"],
        classes=figures["classes"],
        best_epoch=figures["best_epoch"],
        epochs=finished.fitted.history,
    )


def covers_zero(edge: dict[str, float]) -> bool:
    """Whether an interval holds 0."""
    return edge["low"] <= 0.0 <= edge["high"]


def lines(figures: dict[str, Any]) -> list[str]:
    """The walks as a table below what they come to."""
    walks, scale = figures["walks"], figures["scale"]
    covered = sum(covers_zero(each["edge_pct"]) for each in walks)
    silent = sum(NOTHING in each["verdict"].lower() for each in walks)
    found = sum(each["found"] for each in walks)
    mean = float(np.mean([each["edge_pct"]["value"] for each in walks]))
    wanted = "yes" if covered >= WANTED_SHARE * len(walks) else "**no**"
    predicted = "yes" if silent == len(walks) else "**no**"
    rows = [
        f"| {each['seed']} | {each['trades']:,} | {interval_text(each['edge_pct'])} | "
        f"{each['profit_pct']:+.3f} | "
        + " | ".join(_skill(each["skill"][part]) for part in ("total", "calm", "direction"))
        + f" | {'yes' if NOTHING in each['verdict'].lower() else '**no**'} |"
        for each in walks
    ]
    return [
        f"{len(walks)} random walks whose volatility clusters and follows the hour; "
        f"{scale['days']['train']} days to train on, {scale['days']['test']} days after them to be "
        f"evaluated on. The edge is what the preferred side earns beyond a coin flip at the same "
        "entries, percent a trade with a 95 % interval from whole days. Settings besides the "
        f"defaults: {settings_text(scale['settings'])}.",
        "",
        f"- the edge's interval covers zero in {covered} of {len(walks)} (at least "
        f"{WANTED_SHARE:.0%} wanted: {wanted}); the mean edge is {mean:+.3f} %",
        f"- the verdict says '{NOTHING}' in {silent} of {len(walks)} (all wanted: {predicted}); it "
        f"calls {found} worth a look",
        "",
        "Skill is the share of log loss saved against the strongest baseline, percent: of all "
        "three classes, of HOLD versus move, and of the side given a move.",
        "",
        "| walk | trades | edge | profit | skill | HOLD versus move | direction | "
        f"says '{NOTHING}' |",
        "| ---: | ---: | --- | ---: | --- | --- | --- | --- |",
        *rows,
    ]


def _skill(figure: dict[str, float | None]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "unknown"
    return f"{100 * value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"
