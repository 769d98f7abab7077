"""`dualwindow track` shows a bot's record, and whether somebody has changed it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from dualwindow.cli.main import main
from dualwindow.columns import CLASS_NAMES
from dualwindow.track.entries import Decision, Outcome, unpacked
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from tests.makers.track_records import BEGIN, PAIRS, PaperBot


@pytest.fixture(scope="module")
def userdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user folder with the record of a bot called `mine`."""
    folder = tmp_path_factory.mktemp("user_data")
    models = folder / "models" / "mine"
    models.mkdir(parents=True)
    bot = PaperBot(models, days=2)
    record = bot.open()
    bot.run(record)
    record.close()
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = main(["track", *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out + output.err


def test_a_bot_is_named_by_its_identifier_its_folder_or_its_file(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = userdir / "models" / "mine"
    shown = [
        printed(capsys, *arguments)
        for arguments in (("mine", "--userdir", userdir), (folder,), (folder / RECORD_NAME,))
    ]
    assert len(set(shown)) == 1
    status, text = shown[0]
    assert status == 0
    assert "verdict: too early to tell" in text
    assert all(pair in text for pair in PAIRS)


def test_figures_are_those_of_the_entries(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text = printed(capsys, "mine", "--userdir", userdir, "--json")
    figures = json.loads(text)
    file = RecordFile.for_reading(userdir / "models" / "mine" / RECORD_NAME)
    entries = [unpacked(content) for _, content in file.entries()]
    outcomes = [own for own in entries if isinstance(own, Outcome) and own.pair == PAIRS[0]]
    pair = figures["pairs"][PAIRS[0]]
    decisions = [own for own in entries if isinstance(own, Decision) and own.number == 0]
    assert pair["decided"] == len(decisions)
    assert pair["predicted"] == sum(own.predicted for own in outcomes)
    labels = "".join(own.labels for own in outcomes)
    for code, name in ((0, "SHORT"), (2, "LONG")):
        fired = [decision.side == code for decision in decisions[: len(labels)]]
        right = [own and label == str(code) for own, label in zip(fired, labels, strict=True)]
        side = pair["sides"][name]
        assert (side["fired"], side["precision"]) == (sum(fired), sum(right) / sum(fired))
        assert side["occurred"] == pytest.approx(labels.count(str(code)) / len(labels))
        assert side["promised_precision"] == pytest.approx({"SHORT": 0.3, "LONG": 0.4}[name])
    assert pair["promised_firing"] == pytest.approx(0.1)
    assert set(pair["sides"]) == {CLASS_NAMES[0], CLASS_NAMES[2]}
    verdict = figures["verdict"]
    assert verdict["trades"] == sum(len(own.trades) for own in entries if isinstance(own, Outcome))
    assert figures["began"] == BEGIN
    assert figures["head"] == file.head.text


def test_a_sound_record_passes_and_tells_what_that_cannot_show(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = RecordFile.for_reading(userdir / "models" / "mine" / RECORD_NAME).head.text
    status, text = printed(capsys, "mine", "--userdir", userdir, "--verify", "--head", head)
    assert status == 0
    assert "everything up to the noted head is as it was then" in text
    assert "It cannot show that the file is the only one" in " ".join(text.split())


def test_a_changed_record_is_refused(
    userdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copy(userdir / "models" / "mine" / RECORD_NAME, tmp_path))
    base = sqlite3.connect(path)
    base.execute("UPDATE entries SET content = zeroblob(12) WHERE seq = 40")
    base.commit()
    base.close()
    status, text = printed(capsys, path, "--verify")
    assert status == 1
    assert "is not as it was written" in text
    status, text = printed(capsys, path, "--verify", "--json")
    assert (status, json.loads(text)["sound"]) == (1, False)
    status, text = printed(capsys, path)
    assert status == 1
    assert "--verify names what is damaged" in text


def test_a_model_that_is_not_the_claimed_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A claim has the sums of its model's files; the maker's are of no file."""
    bot = PaperBot(tmp_path, days=1)
    record = bot.open()
    bot.run(record)
    record.close()
    status, text = printed(capsys, tmp_path, "--verify")
    assert (status, "0 of 2 models that were claimed lie beside it" in text) == (0, True)
    model = tmp_path / "model-0"
    model.mkdir()
    (model / "manifest.json").write_text("{}")
    status, text = printed(capsys, tmp_path, "--verify")
    assert status == 1
    assert "model-0/manifest.json is not the file that was claimed" in text
    _, text = printed(capsys, tmp_path, "--verify", "--json")
    assert json.loads(text)["models"]["there"] == 1


@pytest.mark.parametrize("content", [b"", b"no database" * 500])
def test_what_is_no_record_is_refused_in_words(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / RECORD_NAME
    path.write_bytes(content)
    for arguments in ((path,), (path, "--verify")):
        status, text = printed(capsys, *arguments)
        assert status == 1
        assert str(path) in text
        assert "Traceback" not in text


def test_a_bot_without_a_record_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = printed(capsys, "other", "--userdir", tmp_path)
    assert status == 1
    assert "there is no track record" in text
    assert str(tmp_path / "models" / "other" / RECORD_NAME) in text
