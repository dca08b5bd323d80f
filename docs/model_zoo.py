"""On the site, the page of the model zoo also has the card of each preset, and its table leads there."""

from __future__ import annotations

from pathlib import Path

from common.presets.card import without_front_matter
from common.presets.store import README
from experiments.report.zoo import installed, link_of

PAGE = "docs/zoo"


def with_cards(page: str) -> str:
    for name, folder in installed().items():
        page = page.replace(f"]({link_of(folder)})", f"](#{name})") + "\n" + _card(folder)
    return page


def _card(folder: Path) -> str:
    """The card below its name, with headings one level down."""
    body = without_front_matter((folder / README).read_text(encoding="utf-8"))
    return "".join(f"#{line}\n" if line.startswith("#") else f"{line}\n" for line in body.strip().splitlines())


def write(app, docname, source):
    if docname == PAGE:
        source[0] = with_cards(source[0])


def setup(app):
    app.connect("source-read", write)
    # Presets come and go without a change of the page's own file.
    app.connect("env-get-outdated", lambda app, env, added, changed, removed: {PAGE} & env.found_docs)
    return {"parallel_read_safe": True}
