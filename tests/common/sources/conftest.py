"""A server of its own for each test, a data directory that dies with it, and waits that are cut short."""

from __future__ import annotations

import pytest
import yaml

from common.sources.remote import fetching, figshare, mp_client, resuming
from tests.common.sources.server import start


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The server's `World`; no test waits as long as one would wait for a real server."""
    found, server = start()
    for module in (fetching, figshare, mp_client):
        monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(mp_client, "APART", 0.0)
    monkeypatch.setattr(resuming, "TIMEOUT", (5.0, 0.5))
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MATREPRO_MIRROR", raising=False)
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def stated(world, tmp_path, monkeypatch):
    """`stated({name: entry})`: a registry whose files the server has, with `address` filled in for each of them."""

    def write(entries: dict[str, dict]):
        from common.sources.remote import registry

        for entry in entries.values():
            for text in ("title", "licence", "citation"):
                entry.setdefault(text, "of the test")
            for file in entry.get("files", ()):
                file.setdefault("address", f"{world.address}/files/{file['name']}")
        path = tmp_path / "registry.yaml"
        path.write_text(yaml.safe_dump({"figshare_api": f"{world.address}/v2", "data": entries}))
        monkeypatch.setenv("MATREPRO_REGISTRY", str(path))
        return registry.load()

    return write
