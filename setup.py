"""Copies what lies outside `src` but belongs to users into the wheel; the rest is pyproject.toml's.

Mapping these folders as packages would do without this file, but an editable install would then
hang an import hook in front of `src` instead of a plain path.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

#: What `dualwindow.settings.shipped` finds.
SHIPPED = (
    "config.json",
    "config.spot.json",
    "presets/*.json",
    "freqaimodels/DualWindowLSTM.py",
    "strategies/DualWindowStrategy.py",
)


class BuildWithShippedFiles(build_py):
    """Build the package with the copies in it; an editable install finds the originals."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        for source, copy in self._copies().items():
            self.mkpath(str(copy.parent))
            self.copy_file(str(source), str(copy), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Every file of the build."""
        copies = [] if self.editable_mode else [str(copy) for copy in self._copies().values()]
        return [*super().get_outputs(include_bytecode), *copies]

    def _copies(self) -> dict[Path, Path]:
        """Where each file goes, by where it lies."""
        here = Path(__file__).resolve().parent
        folder = Path(self.build_lib, "dualwindow", "shipped_files")
        found = {pattern: sorted(here.glob(pattern)) for pattern in SHIPPED}
        if missing := [pattern for pattern, paths in found.items() if not paths]:
            raise FileNotFoundError(f"{here} lacks {', '.join(missing)}, which the wheel carries")
        return {path: folder / path.relative_to(here) for paths in found.values() for path in paths}


setup(cmdclass={"build_py": BuildWithShippedFiles})
