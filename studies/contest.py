"""Figures of a study's contenders: each beside the baselines, networks beside all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dualwindow.model_selection.contest.drawn_sums import DrawnSums, Sums


def figures_of(
    contenders: Mapping[str, Sums],
    seeds: Mapping[str, int],
    baselines: Sequence[str],
    networks: Sequence[str],
    *,
    draws: int = 2000,
) -> dict[str, Any]:
    """Figures of contenders with intervals over days, drawn once and the same for all.

    Args:
        contenders: name to `pooled` sums, of the same days.
        seeds: how many trainings each name's sums are of.
        baselines: names that skill is measured against.
        networks: names that are compared with every other.
        draws: of the bootstrap.
    """
    drawn = DrawnSums(contenders, seeds, draws=draws)
    return {
        "days": drawn.blocks,
        "contenders": {
            name: {
                "skill": {other: drawn.skill(name, other) for other in baselines},
                **{key: drawn.mean(name, key) for key in ("edge", "mean", "common", "loss")},
                **{key: drawn.total(name, key) for key in ("trades", "profit")},
            }
            for name in contenders
        },
        "differences": {
            name: {
                other: {
                    "skill": drawn.skill(name, other)["total"],
                    **{key: drawn.difference(name, other, key) for key in ("edge", "common")},
                }
                for other in contenders
                if other != name
            }
            for name in networks
        },
    }
