"""Several reports stand side by side with their own headlines, figures and curves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dualwindow.cli.main import main
from dualwindow.report.build import gather
from dualwindow.report.charts.equity_charts import several_equities
from dualwindow.report.comparison import comparison_page, names_of, write_comparison
from dualwindow.report.headline import headline_of
from dualwindow.report.html import plotly_bundle
from tests.makers.reports import backtest_folder, write_candles
from tests.report.test_page import HOSTILE, REPORTS, training
from tests.report.test_track import bot_folder
from tests.report.test_walked import facts


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    # Without the repository's config.json.
    monkeypatch.chdir(tmp_path)
    write_candles(tmp_path / "user_data", 3 * 1440)
    models = tmp_path / "user_data" / "models"
    return [backtest_folder(models / "one"), backtest_folder(models / "two")]


def test_every_report_has_its_headline_figures_and_curve(folders: list[Path]) -> None:
    reports = {folder.name: gather(folder, walk=facts(folder)) for folder in folders}
    page, figures = write_comparison(reports, folders[0].parent / "out")
    text = page.read_text(encoding="utf-8")
    assert text.count('class="figure ') == 6
    assert text.count('class="headline"') == 2
    content = json.loads(figures.read_text(encoding="utf-8"))
    for own, report in zip(content["reports"], reports.values(), strict=True):
        assert own["headline"]["text"] == headline_of(report).text
        assert own["outcome"] == report.verdict.outcome
        assert report.after_fees is not None
        assert own["after_fees"]["trades"] == report.after_fees.trades > 0
    drawn = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)
    assert drawn is not None
    charts = json.loads(drawn[1])["charts"]
    assert [[line["name"] for line in chart["data"]] for chart in charts] == [["one", "two"]]
    assert len(text) < 2_000_000


def test_a_training_without_trades_and_a_bot_are_compared_as_well(tmp_path: Path) -> None:
    bot = gather(bot_folder(tmp_path / "bot"))
    without = {"plain": REPORTS["whole"], "empty": REPORTS["nothing at all"]}
    page = comparison_page({**without, "b": bot})
    assert "running bot" in page
    assert "too early to tell" in page
    # Of the three only the bot has a curve.
    assert page.count('"name":') == 1
    assert 'id="chart-equity"' not in comparison_page(without)


def test_curves_without_a_common_date_begin_together() -> None:
    day = 86_400
    early = ([day, 2 * day, 3 * day], [1.0, 2.0, 3.0])
    late = ([9 * day, 10 * day], [1.0, -1.0])
    dated = several_equities({"a": early, "b": ([2 * day, 4 * day], [0.0, 1.0])})
    apart = several_equities({"a": early, "b": late})
    assert dated is not None
    assert apart is not None
    assert dated.data[0]["x"] == [1000 * day, 2000 * day, 3000 * day]
    assert [line["x"] for line in apart.data] == [[0, 1, 2], [0, 1]]
    assert "no dates in common" in apart.note


def test_names_are_told_apart_and_are_text_and_nothing_else() -> None:
    hostile = training(title=HOSTILE)
    names = names_of([hostile, hostile, REPORTS["whole"]], [Path("a"), Path("b"), Path("c")])
    assert names == ["a", "b", "model"]
    page = comparison_page({HOSTILE: hostile, "b": hostile}).replace(plotly_bundle(), "")
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 3


def test_the_command_compares_what_it_is_given(
    folders: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *map(str, folders)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "one: " in told
    assert "two: " in told
    assert (folders[0] / "comparison.html").is_file()
    assert not (folders[0] / "report.html").exists()
    # The same folder twice is one report.
    assert main(["report", str(folders[1]), str(folders[1])]) == 0
    assert (folders[1] / "report.html").is_file()
