"""The page of a running bot has a section of its track record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwindow.report.build import gather, write_report
from dualwindow.report.charts.track_charts import track_charts
from dualwindow.report.headline import HEADLINES, headline_of
from dualwindow.report.page import page_of
from dualwindow.track.entries import TradeEntry
from dualwindow.track.record_file import RECORD_NAME
from tests.makers.reports import backtest_folder
from tests.makers.track_records import BEGIN, PAIRS, PaperBot


def bot_folder(folder: Path, days: int = 2) -> Path:
    made = backtest_folder(folder)
    bot = PaperBot(made, days=days)
    record = bot.open()
    bot.run(record)
    record.close()
    return made


def test_the_section_has_the_verdict_and_every_pair(tmp_path: Path) -> None:
    folder = bot_folder(tmp_path / "identifier")
    report = gather(folder)
    assert report.track is not None
    page, figures = write_report(report, tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    section = text[text.index("<h2>Track record</h2>") :].split("</section>")[0]
    assert report.track["verdict"]["text"].split(",")[0] in section
    assert all(pair in section for pair in PAIRS)
    assert "drift is not known" in section
    written = json.loads(figures.read_text(encoding="utf-8"))["track"]
    assert set(written["pairs"]) == set(PAIRS)


def test_a_bots_page_begins_with_its_own_verdict_and_curve(tmp_path: Path) -> None:
    report = gather(bot_folder(tmp_path / "identifier", days=9))
    track = report.track
    assert track is not None
    headline = headline_of(report)
    assert headline.text == HEADLINES[track["verdict"]["words"]]
    direction, profit, beyond = headline.figures
    # The paper bot decides at random on random walks.
    assert direction.low is not None
    assert direction.high is not None
    assert direction.low < 0 < direction.high
    assert profit.value == pytest.approx(100 * track["verdict"]["mean"])
    trades = sum(period["trades"] for period in track["periods"])
    assert trades == track["verdict"]["trades"] > 0
    total = sum(period["profit"] for period in track["periods"])
    assert total == pytest.approx(trades * track["verdict"]["mean"])
    # Every trade was promised the same.
    assert profit.value is not None
    assert beyond.value == pytest.approx(profit.value - 100 * 0.0002)
    (chart,) = track_charts(track)
    assert chart.data[0]["y"][-1] == pytest.approx(100 * total)
    page = page_of(report)
    assert "Running bot" in page
    paragraph = page.split("<details>")[1].split("</details>")[0]
    assert f"<strong>The bot: {track['verdict']['words']}" in paragraph
    # Neither the advice of a backtest nor that nothing is known of profits.
    assert "Do not trade this." not in paragraph
    assert "no profits after fees" not in paragraph


def test_trades_that_freqtrade_has_ended_are_listed(tmp_path: Path) -> None:
    folder = backtest_folder(tmp_path / "identifier")
    bot = PaperBot(folder, days=1)
    record = bot.open()
    bot.run(record)
    trades = [
        TradeEntry(
            id=number,
            pair=PAIRS[0],
            side="SHORT",
            opened=BEGIN + 60 * number,
            closed=BEGIN + 60 * number + 1800,
            open_rate=101.5,
            close_rate=100.25,
            leverage=1.0,
            profit=0.0125,
            reason="roi",
            tag="short_0.60",
        )
        for number in range(3)
    ]
    record.add_trades(trades)
    record.close()
    page = page_of(gather(folder))
    rows = page.split("<h2>Trades of the bot</h2>")[1].split("</section>")[0]
    assert rows.count("short_0.60") == 3
    assert "101.5" in rows
    assert "+1.250 %" in rows


def test_decisions_where_a_side_occurred_count_for_direction(tmp_path: Path) -> None:
    report = gather(bot_folder(tmp_path / "identifier", days=4))
    assert report.track is not None
    right = sum(period["right"] for period in report.track["periods"])
    directed = sum(period["directed"] for period in report.track["periods"])
    sides = [side for own in report.track["pairs"].values() for side in own["sides"].values()]
    fired = sum(side["fired"] for side in sides)
    by_precision = sum(side["fired"] * (side["precision"] or 0.0) for side in sides)
    assert right == pytest.approx(by_precision)
    assert right < directed < fired


def test_a_backtest_has_none(tmp_path: Path) -> None:
    report = gather(backtest_folder(tmp_path / "identifier"))
    assert report.track is None
    page, _ = write_report(report, tmp_path / "out")
    assert "Track record" not in page.read_text(encoding="utf-8")


def test_a_damaged_record_costs_the_section_and_not_the_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = bot_folder(tmp_path / "identifier")
    (folder / RECORD_NAME).write_bytes(b"no database" * 100)
    assert gather(folder).track is None
    assert "left out of the report" in caplog.text
