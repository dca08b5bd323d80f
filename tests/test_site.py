"""The documentation site: built without warnings and without a network, small, and without broken links."""

import os
import re
import subprocess
import sys
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
