"""The network beside its rivals on real candles, walking forward."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from demo.running import REPOSITORY
from dualwindow.backtest.terms import TradeTerms
from dualwindow.data.candles.pairs import FUTURES, SPOT
from dualwindow.errors import SettingsError
from dualwindow.model_selection.contest.drawn_sums import pooled
from dualwindow.model_selection.contest.forecasts import PRIOR_NAME as PRIOR
from dualwindow.model_selection.contest.forecasts import TABLE_NAME as TABLE
from dualwindow.model_selection.contest.forecasts import Contender
from dualwindow.model_selection.contest.market import Fold
from dualwindow.model_selection.contest.networks import networks
from dualwindow.model_selection.contest.scoring import require_same_rows, scored
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import USUAL_FEES
from studies.contest import figures_of
from studies.part import Progress
from studies.real_market import CandleMarket, data_folder, feature_stream, source_of
from studies.real_page import lines
from studies.rivals import RIVALS

__all__ = ("FULL", "NAME", "SMALL", "TITLE", "lines", "run")

NAME: Final = "real"
TITLE: Final = "Real candles"
NETWORK: Final = "network"
NATURAL: Final = "network, no balance"
EXTENDED: Final = "network, extended features"
NO_TREND: Final = "network, no trend head"
#: Settings beyond those of the preset `classic` by name; those that a version refuses are left out.
VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    NETWORK: {},
    NATURAL: {"class_balance": "none"},
    EXTENDED: {"feature_set": "extended"},
    NO_TREND: {"trend_head": False, "lstm_dropout": 0.0, "learning_rate": 0.002},
}


@dataclass(frozen=True)
class Source:
    """Candles of one folder.

    Attributes:
        name: on the page.
        folder: below the folder of all candles.
        files: below it, by pair.
        train_days: of each window.
        step_days: that follow it and are evaluated.
        fee: of one side, fraction of the price.
        variants: of the network that are tried here.
    """

    name: str
    folder: str
    files: Mapping[str, str]
    train_days: int
    step_days: int
    fee: float
    variants: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """What is studied.

    Attributes:
        sources: one after another.
        seeds: of each network.
        folds: at most so many windows of a pair; None is all.
        limits: settings that end every variant's training alike.
    """

    sources: tuple[Source, ...]
    seeds: tuple[int, ...] = (1, 2, 3)
    folds: int | None = None
    limits: tuple[tuple[str, int], ...] = (("epochs", 4), ("early_stopping_patience", 2))


def _spot(
    name: str, folder: str, train_days: int, step_days: int, variants: tuple[str, ...]
) -> Source:
    files = {f"{coin}/USDT": f"{coin}_USDT-1m.feather" for coin in ("BTC", "ETH")}
    return Source(name, folder, files, train_days, step_days, USUAL_FEES[SPOT], variants)


def _futures(coins: tuple[str, ...], variants: tuple[str, ...]) -> Source:
    return Source(
        "futures 2025",
        "binance-futures-2025-05-04_2025-06-24",
        {f"{coin}/USDT:USDT": f"futures/{coin}_USDT_USDT-1m-futures.feather" for coin in coins},
        10,
        3,
        USUAL_FEES[FUTURES],
        variants,
    )


#: Some 40 minutes on two cores; for that reason alone not every source has every variant.
FULL: Final = Scale(
    (
        _spot("spot 2025", "binance-spot-2025-05-20_2025-08-18", 18, 14, (NETWORK, NATURAL)),
        _futures(("BTC", "ETH"), tuple(VARIANTS)),
        _spot("spot 2023", "binance-spot-2023-03-16_2023-05-05-gap80", 7, 2, (NETWORK,)),
    )
)
SMALL: Final = Scale((_futures(("BTC",), (NETWORK,)),), (1,), 1, (("epochs", 1),))


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Walk through every source; figures by source.

    Raises:
        DataError: when the candles are missing.
    """
    data_folder()
    # The windows are too short for the network of config.json, which needs a year.
    plain: dict[str, Any] = {}
    for file in ("config.json", "presets/classic.json"):
        content = json.loads((REPOSITORY / file).read_text(encoding="utf-8"))
        plain |= content["freqai"]["model_training_parameters"]
    plain |= dict(scale.limits)
    configs: dict[str, TrainingConfig] = {}
    for name, settings in VARIANTS.items():
        try:
            config = TrainingConfig.from_parameters(plain | dict(settings))
            feature_stream(config)
        except SettingsError:
            progress.say(f"{name}: not in this version")
        else:
            configs[name] = config
    wanted = {name for source in scale.sources for name in source.variants}
    return {
        "scale": json.loads(json.dumps(asdict(scale))),
        "refused": sorted(wanted - set(configs)),
        "sources": {
            source.name: _source(
                source,
                scale,
                {name: configs[name] for name in source.variants if name in configs},
                progress,
            )
            for source in scale.sources
        },
    }


def _source(
    source: Source, scale: Scale, configs: dict[str, TrainingConfig], progress: Progress
) -> dict[str, Any]:
    contenders = RIVALS | networks(configs)
    cells: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for name, cell in _cells(source, scale, contenders, configs, progress):
        cells[name].append(cell)
    found = _figures(cells, configs, list(configs))
    for name in configs:
        found["contenders"][name]["by_seed"] = [_alone(cells, name, seed) for seed in scale.seeds]
    numbers = sorted({cell["window"] for cell in cells[TABLE]})
    found["windows"] = [
        _figures(
            {
                name: [cell for cell in each if cell["window"] == number]
                for name, each in cells.items()
            },
            configs,
            [],
        )
        for number in numbers
    ]
    return found


def _figures(
    cells: dict[str, list[dict[str, Any]]],
    configs: Mapping[str, TrainingConfig],
    compared: list[str],
) -> dict[str, Any]:
    require_same_rows(cells, "rows_key")
    seeds = {
        name: len({cell["seed"] for cell in each}) if name in configs else 1
        for name, each in cells.items()
    }
    sums = {name: pooled(each) for name, each in cells.items()}
    return figures_of(sums, seeds, (TABLE, PRIOR), compared)


def _alone(cells: dict[str, list[dict[str, Any]]], name: str, seed: int) -> dict[str, Any]:
    """Skill and edge of one seed."""
    mine = [cell for cell in cells[name] if cell["seed"] == seed]
    one = _figures({name: mine, TABLE: cells[TABLE], PRIOR: cells[PRIOR]}, {}, [])
    figures = one["contenders"][name]
    return {
        "skill": figures["skill"][TABLE]["total"]["value"],
        "edge": figures["edge"]["value"],
        "common": figures["common"]["value"],
    }


def _cells(
    source: Source,
    scale: Scale,
    contenders: Mapping[str, Contender],
    configs: Mapping[str, TrainingConfig],
    progress: Progress,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Judge every contender on every window of every pair, with each of its seeds."""
    terms = TradeTerms(fee=source.fee)
    for pair, file in source.files.items():
        folds = _folds(source, pair, file, configs, scale.folds)
        for name, contender in contenders.items():
            settings = configs[name].to_dict() if name in configs else None
            for number, fold in enumerate(folds.get(name, folds[NETWORK]), 1):
                for seed in scale.seeds if settings else scale.seeds[:1]:
                    inputs = {
                        "contender": name,
                        "seed": seed,
                        "settings": json.loads(json.dumps(settings)),
                        "source": {**asdict(source), "variants": None},
                        "pair": pair,
                        "rows": fold.rows_key,
                    }
                    what = f"{source.name}, {pair}, window {number}, {name}, seed {seed}"
                    make = partial(_judge, contender, fold, seed, terms)
                    cell = progress.cell(what, inputs, make)
                    yield name, {**cell, "window": number, "seed": seed}


def _folds(
    source: Source,
    pair: str,
    file: str,
    configs: Mapping[str, TrainingConfig],
    most: int | None,
) -> dict[str, list[Fold]]:
    """Windows as each variant sees them: the same rows, with its own features."""
    found: dict[tuple[str, ...], list[Fold]] = {}
    candles = source_of(pair, data_folder() / source.folder / file)
    for config in configs.values():
        names = feature_stream(config).names
        if names not in found:
            market = CandleMarket.read(candles, config)
            found[names] = list(market.folds(source.train_days, source.step_days))[:most]
    return {name: found[feature_stream(config).names] for name, config in configs.items()}


def _judge(contender: Contender, fold: Fold, seed: int, terms: TradeTerms) -> dict[str, Any]:
    return scored(fold, contender(fold, seed), terms, temperature=True)
