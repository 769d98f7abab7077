"""Pages in headless Chromium: what a probe in the page saw."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any


def found_by_probe(chromium: str, page: Path, width: int, *flags: str) -> dict[str, Any]:
    """Open a page; the JSON that its probe wrote into the element `found`.

    Args:
        chromium: the program.
        page: the file; the browser's profile goes into its folder.
        width: of the window, CSS pixels.
        flags: further ones of the browser.
    """
    command = [
        *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={page.parent / 'profile'}", f"--window-size={width},1000", *flags),
        *("--dump-dom", "--virtual-time-budget=20000", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None, f"the page told nothing: {done.stderr[-2000:]}"
    content: dict[str, Any] = json.loads(unescape(match[1]))
    return content
