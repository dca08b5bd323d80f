"""The documentation site: built without warnings and without a network, small, no broken links, and in a browser."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("furo", reason="needs the extra docs")
    pytest.importorskip("myst_parser", reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-d", f"{folder}/cache", "."]
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run([*command, f"{folder}/html"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    """The site on a web server, since a browser's search may not read files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


#: What may be wider than the window, because it scrolls by itself or is a closed drawer.
SCROLLING = ".table-wrapper, pre, .math, .sidebar-drawer, .toc-drawer"
WIDE = f"""[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1
    && !one.closest('{SCROLLING}')).map(one => one.outerHTML.slice(0, 150))"""
BROKEN = "[...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.src)"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_fit_and_show_their_pictures(site, address, opened, width):
    for path in sorted(site.glob("docs/**/*.html")):
        opened.open(f"{address}/{path.relative_to(site).as_posix()}", width)
        page = path.relative_to(site)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width, page
        assert opened.evaluate(WIDE) == [], page
        assert opened.evaluate(BROKEN) == [], page
        assert opened.errors == [], page


@pytest.mark.parametrize("width", [1280, 400])
def test_navigation_leads_to_a_page(address, opened, width):
    opened.open(f"{address}/docs/index.html", width)
    if width < 600:
        opened.evaluate("document.querySelector('label.nav-overlay-icon').click()")
        opened.wait("document.querySelector('.sidebar-drawer').getBoundingClientRect().left >= 0")
    opened.evaluate("[...document.querySelectorAll('.sidebar-tree a')].find(a => a.textContent == 'Fine-tune').click()")
    opened.wait("document.readyState == 'complete' && location.pathname.endsWith('/docs/fine_tuning.html')")
    assert opened.evaluate("document.querySelector('h1').firstChild.textContent") == "Fine-tune"


@pytest.mark.parametrize("width", [1280, 400])
def test_search_finds_a_page(address, opened, width):
    opened.open(f"{address}/search.html?q=conformal", width)
    links = "[...document.querySelectorAll('#search-results .search a')]"
    opened.wait(f"{links}.some(one => one.textContent.includes('Uncertainty and domain'))")


def test_every_paper_has_a_page_with_equations_and_one_with_plots(site):
    for paper in ("profitnet", "finder", "diffcomp", "esnet"):
        assert (site / f"docs/methods/{paper}.html").read_text("utf-8").count("<math") > 3
        assert (site / f"docs/results/{paper}.html").read_text("utf-8").count(".svg") > 1


def test_the_zoo_names_every_declared_preset(site):
    import yaml

    page = (site / "docs/zoo.html").read_text("utf-8")
    declared = yaml.safe_load((ROOT / "experiments/presets/presets.yaml").read_text())
    assert [name for name in declared if not name.startswith("_") and name not in page] == []


def test_the_site_is_small(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 30e6


def test_every_link_and_anchor_exists(site):
    missing = []
    text = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    anchors = {path: set(re.findall(r'\sid="([^"]+)"', page)) for path, page in text.items()}
    for path, page in text.items():
        for link in re.findall(r'\s(?:href|src)="([^"]+)"', page):
            address, _, anchor = unquote(link.partition("?")[0]).partition("#")
            if "://" in address or address.startswith(("mailto:", "data:")):
                continue
            target = (path.parent / address).resolve() if address else path
            if not target.exists() or (anchor and target in anchors and anchor not in anchors[target]):
                missing.append(f"{path.relative_to(site)}: {link}")
    assert missing == []


def test_no_page_loads_anything_from_elsewhere(site):
    for path in site.rglob("*.html"):
        found = re.findall(r'<(?:script|link|img)\s[^>]*(?:src|href)="(?:https?:)?//[^"]*"', path.read_text("utf-8"))
        assert found == [], path.relative_to(site)


def test_every_command_is_on_the_command_page(site):
    from experiments.cli.main import build_parser

    page = (site / "docs" / "commands.html").read_text(encoding="utf-8")
    commands = build_parser()._subparsers._group_actions[0].choices
    for name in [*(f"matrepro {command}" for command in commands), "finder train", "esnet dos", "diffcomp simulate"]:
        assert f"<h2>{name}<" in page
