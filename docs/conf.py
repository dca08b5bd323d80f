"""Sphinx configuration; `make docs` builds the site. The source folder is that of the repository."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from common import __version__  # noqa: E402

project = "matrepro"
author = "The matrepro authors"
copyright = f"2026, {author}"
release = __version__

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "docs/notebooks/*.ipynb",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "*/README.md",
    "benchmarks/results.md",
    "experiments/papers/README.md",
    "common/sources/mini.md",
    "common/chem/**/README.md",
    "common/chem/README.md",
]
exclude_patterns = [".*", "build", "dist", "data", "models", "runs", "tests", "**/__pycache__", "experiments/results"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "command_reference", "mathml", "model_zoo", "notebook_pages"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
myst_heading_anchors = 3
highlight_language = "text"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"matrepro {release}"
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False


def _write_front_page(app, error):
    """The folder's own address leads to the front page, which lies in docs/."""
    if error is None and app.builder.format == "html":
        target = "docs/index.html"
        Path(app.outdir, "index.html").write_text(
            f'<!doctype html><meta charset="utf-8"><title>matrepro</title><meta http-equiv="refresh" '
            f'content="0; url={target}"><a href="{target}">matrepro</a>\n'
        )


def setup(app):
    app.connect("build-finished", _write_front_page)
