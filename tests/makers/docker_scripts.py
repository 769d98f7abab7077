"""Scripts of the repository that lie in no package, as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any


def module_of(script: Path) -> Any:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
