"""`dualwindow completion`: scripts that shells accept, and that complete the parser's words."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from dualwindow.cli.main import main
from dualwindow.cli.parser import COMMANDS, program_parser

SHELLS: Final = ("bash", "fish", "tcsh", "zsh")
#: Sources a script ($1) and prints, a line each, what the other words, the last unfinished, become.
_COMPLETE: Final = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function_name=$(complete -p dualwindow | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function_name" dualwindow "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", shell]) == 0
    path = folder / f"dualwindow.{shell}"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_valid(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script(shell, tmp_path, capsys)
    text = script.read_text("utf-8")
    for name in COMMANDS:
        assert name in text
    # Of argparse's placeholders.
    assert "%(default)" not in text
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", script], check=True)


def _completed(script: Path, *words: str) -> set[str]:
    command = ["bash", "--norc", "-c", _COMPLETE, "bash", str(script), "dualwindow", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=script.parent)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_commands_flags_values_files_and_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script("bash", tmp_path, capsys)
    (tmp_path / "settings.json").touch()
    (tmp_path / "some_folder").mkdir()
    assert _completed(script, "") >= set(COMMANDS)
    assert _completed(script, "tra") == {"train", "track"}
    assert _completed(script, "config", "v") == {"validate"}
    _, parsers = program_parser(["train"])
    assert _completed(script, "train", "--") == {
        option for option in parsers["train"].option_names() if option.startswith("--")
    }
    assert _completed(script, "train", "--feature-set", "") == {"base", "extended", "summary"}
    assert _completed(script, "train", "--config", "s") >= {"settings.json"}
    assert _completed(script, "train", "--userdir", "s") == {"some_folder"}


def test_a_shell_that_is_not_known_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "zhs"])
    error = capsys.readouterr().err
    assert all(shell in error for shell in SHELLS)
    assert "did you mean zsh?" in error
