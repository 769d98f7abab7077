"""The site of the docs, `make docs`: Sphinx reads the pages where they are, from the root on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import dualwindow

REPOSITORY = Path(__file__).resolve().parents[1]

project = "DualWindowLSTM"
author = "DualWindowLSTM"
project_copyright = "GPL-3.0"
version = release = dualwindow.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
# The sources are the repository itself, so that links between README, docs and notebooks are the
# same on a code forge and on the site.
include_patterns = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**.md",
    "examples/*.ipynb",
]
# Folders that are large, or that git ignores, are not even listed.
exclude_patterns = [
    *("**/.*", "build", "dist", "user_data", "src", "tests", "studies", "benchmarks"),
    *("docs/pictures", "**/__pycache__", "**/*.egg-info"),
]

nitpicky = True
# Only names of the modules on the page of the API can be looked up. All others, numpy's or those
# of the package's inner modules, are shown without a link: the site is built without a network.
_DOCUMENTED = re.findall(
    r"automodule:: ([\w.]+)", (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
)
nitpick_ignore_regex = [(r"py:.*", rf"(?!(?:{'|'.join(map(re.escape, _DOCUMENTED))})\.\w+$).*")]

myst_enable_extensions = ["colon_fence"]
# The anchors that code forges make of headings.
myst_heading_anchors = 6
# Notebooks are stored with their outputs, which a test compares with a fresh run.
nb_execution_mode = "off"
nb_merge_streams = True
suppress_warnings = ["myst.strikethrough"]

# Docstrings are plain text in which single backticks mean code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_numpy_docstring = False
# pydantic's fields would be listed twice, and its machinery with them.
autodoc_class_signature = "mixed"

html_theme = "furo"
html_title = "DualWindowLSTM"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "text"

#: Sends who opens the folder to the first page.
FIRST_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>DualWindowLSTM</title>'
    '<meta http-equiv="refresh" content="0; url=docs/index.html">'
    '<a href="docs/index.html">DualWindowLSTM</a></html>\n'
)


def keep_colons(_app: Sphinx, what: str, *rest: Any) -> None:
    """Let no sentence about a constant be split at its colon, as Google's style would have it."""
    if what in ("attribute", "data", "property"):
        lines: list[str] = rest[-1]
        lines.insert(0, "")


def add_what_html_names(app: Sphinx, error: Exception | None) -> None:
    """Write the first page, and copy the pictures that README names in HTML of its own."""
    if error is None and app.builder.format == "html":
        out = Path(app.outdir)
        (out / "index.html").write_text(FIRST_PAGE, encoding="utf-8")
        pictures = REPOSITORY / "docs" / "pictures"
        shutil.copytree(pictures, out / "docs" / "pictures", dirs_exist_ok=True)


def setup(app: Sphinx) -> None:
    """Add what Sphinx alone would leave out."""
    # Before the extension that reads Google's style, whose priority is 500.
    app.connect("autodoc-process-docstring", keep_colons, priority=400)
    app.connect("build-finished", add_what_html_names)
