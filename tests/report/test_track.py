"""The page of a running bot has a section of its track record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwindow.report.build import gather, write_report
from dualwindow.track.record_file import RECORD_NAME
from tests.makers.reports import backtest_folder
from tests.makers.track_records import PAIRS, PaperBot


def bot_folder(folder: Path) -> Path:
    made = backtest_folder(folder)
    bot = PaperBot(made, days=2)
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
