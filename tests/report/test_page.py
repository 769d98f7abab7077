from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import plotly.graph_objects
import pytest

from dualwindow.report.build import gather
from dualwindow.report.html import figures_json, plotly_bundle
from dualwindow.report.page import charts_of, page_of
from dualwindow.report.predictions import MOST_POINTS, PRICE_POINTS
from dualwindow.report.schema import (
    CandleFigures,
    PackedPrices,
    Report,
    RunFacts,
    Stage,
    TradeMark,
    TrainedWindow,
    WeeklyClasses,
)
from dualwindow.report.verdict import verdict_of
from tests.makers.reports import MONDAY, backtest_folder, evaluated, window

HOSTILE = "</script><img src=x onerror=\"document.title='taken'\">&\"'<b>"
WEEKS = WeeklyClasses("labels", [MONDAY], {"SHORT": [1], "HOLD": [5], "LONG": [2]})
RUN = RunFacts([Stage("preparing", 1.0, 2**28, 99.0)], WEEKS, {"torch": "2"})


def training(*windows: TrainedWindow, run: RunFacts = RUN, title: str = "model") -> Report:
    return Report(
        title=title,
        kind="training",
        made="2026-01-01T00:00:00+00:00",
        version="0.1.0",
        about={"model": title},
        verdict=verdict_of(list(windows)),
        windows=list(windows),
        candles=[],
        run=run,
        settings={"lstm_units": [8, 4], "pretrained": None, "name": title},
    )


REPORTS = {
    "whole": training(window(evaluated())),
    "not evaluated": training(window(None)),
    "nothing at all": training(run=RunFacts()),
    "no baselines": training(window(evaluated(compared=False))),
    "a class that never comes": training(window(evaluated(shorts=False))),
    "one row": training(window(evaluated(rows=1))),
    "some retrainings": training(
        window(evaluated(1)),
        window(None),
        window(evaluated(2), "ETH/USDT:USDT"),
        window(evaluated(rows=3)),
    ),
    "as it is": training(
        replace(
            window(evaluated()),
            training=replace(window(None).training, epochs=[], best_epoch=0, rows=0),
        )
    ),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_whatever_is_missing_the_page_is_made_of_what_is_there(report: Report) -> None:
    charts = charts_of(report)
    keys = [chart.key for chart in charts]
    assert len(set(keys)) == len(keys)
    for chart in charts:
        # Plotly's own look at every property; the browser would pass over a wrong one in silence.
        plotly.graph_objects.Figure({"data": chart.data, "layout": chart.to_dict()["layout"]})
    page = page_of(report)
    assert [f'id="chart-{key}"' in page for key in keys] == [True] * len(keys)
    assert report.verdict.sentences[-1] in page
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_whole_training_has_every_chart() -> None:
    assert {chart.key for chart in charts_of(REPORTS["whole"])} == {
        "skill",
        "coverage",
        "reliability-raw",
        "reliability-tempered",
        "epochs",
        "classes",
        "stages",
    }


def test_a_backtest_shows_its_candles_and_its_retrainings(tmp_path: Path) -> None:
    report = gather(backtest_folder(tmp_path / "identifier"))
    assert {"candles-0", "skill", "classes"} <= {chart.key for chart in charts_of(report)}
    assert "<h2>Retrainings</h2>" in page_of(report)


def test_what_users_named_is_text_and_nothing_else() -> None:
    named = training(window(evaluated(), HOSTILE), window(evaluated(1), HOSTILE), title=HOSTILE)
    page = page_of(named).replace(plotly_bundle(), "")
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 3
    figures = re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)
    assert figures is not None
    charts = json.loads(figures[1])["charts"]
    names = {trace.get("name") for chart in charts for trace in chart["data"]}
    assert HOSTILE in names


def test_the_page_names_no_address_that_a_browser_would_fetch() -> None:
    page = page_of(REPORTS["whole"]).replace(plotly_bundle(), "")
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://""", page)
    assert "default-src 'none'" in unescape(page)


def test_leads_are_told_as_leads_and_never_drawn_beside_probabilities(tmp_path: Path) -> None:
    own = evaluated()
    limits = {**own.thresholds, "SHORT": 0.084, "LONG": -0.02}
    meaning = {
        name: replace(figures, threshold=limits[name]) for name, figures in own.meaning.items()
    }
    leading = replace(own, thresholds=limits, meaning=meaning, leads=("SHORT", "LONG"))
    candles = gather(backtest_folder(tmp_path / "small")).candles
    told = {"SHORT at least 0.084 more probable than LONG"}
    told.add("LONG at most 0.020 less probable than SHORT")
    for evaluation in (own, leading):
        is_lead = bool(evaluation.leads)
        report = training(window(evaluation, candles[0].pair))
        report = replace(report, candles=candles)
        page = unescape(page_of(report))
        assert all((text in page) == is_lead for text in told)
        assert ("how much more probable the side is" in page) == is_lead
        assert ("SHORT from 0.08" in page) is False
        charts = {chart.key: chart for chart in charts_of(report)}
        assert bool(charts["candles-0"].layout["shapes"]) != is_lead
        assert ("Dotted: the thresholds" in charts["candles-0"].note) != is_lead
        curve = next(trace for trace in charts["coverage"].data if trace["name"] == "SHORT")
        texts = " ".join(map(str, curve["customdata"]))
        assert ("probable than LONG" in texts) == is_lead


def test_a_page_is_below_two_megabytes_whatever_is_drawn() -> None:
    # Many pairs, retrainings and trades, each pair as fine as predictions are thinned to.
    random = np.random.default_rng(0)
    count = MOST_POINTS
    trades = [
        TradeMark("LONG", at, 103_512.25, at + 7200, 103_917.5, "roi", 0.3912)
        for at in range(MONDAY, MONDAY + 600 * count, 600)
    ]
    prices = [base64.b64encode(random.bytes(2 * PRICE_POINTS // 40)).decode() for _ in range(3)]
    figures = CandleFigures(
        pair="",
        candles=10 * count,
        unusable=0,
        stretch_seconds=600,
        begin=[MONDAY + 600 * at for at in range(count)],
        short=random.random(count).round(4).tolist(),
        long=random.random(count).round(4).tolist(),
        said_short=[3] * count,
        said_long=[4] * count,
        usable=[10] * count,
        close=(100_000 * random.random(count)).round(2).tolist(),
        trades=trades,
        prices=PackedPrices(MONDAY, 800, 100.0, 0.01, *prices),
    )
    pairs = [f"COIN{number}/USDT:USDT" for number in range(40)]
    windows = [
        window(own, pair, MONDAY + week * 604_800)
        for pair, own in zip(pairs, map(evaluated, range(4)), strict=False)
        for week in range(100)
    ]
    report = replace(training(*windows), candles=[replace(figures, pair=pair) for pair in pairs])
    page = page_of(report)
    assert len(plotly_bundle()) < 1_300_000
    assert len(page.encode()) < 2_000_000
    assert "The newest 3,000 of 60,000" in page
    assert "of 400; all are in report.json" in page


def test_a_list_in_several_places_is_written_once() -> None:
    dates = list(range(1000, 1100))
    text = figures_json({"charts": [{"x": dates}, {"x": dates}, {"x": list(dates)}]})
    content = json.loads(text)
    assert text.count("1099") == 2
    first, again, equal = (content["shared"][own["x"]["shared"]] for own in content["charts"])
    assert first == again == equal == dates
