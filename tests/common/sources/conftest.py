"""A server of its own for each test, a data directory that dies with it, and waits that are cut short."""

from __future__ import annotations

from functools import cache

import pytest
import yaml

from common.sources.remote import fetching, figshare, materials_project, mp_client, recipes, resuming, writing
from tests.common.sources.project import record
from tests.common.sources.server import KEY, start


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


@pytest.fixture
def get(world, stated):
    """`get(name, {file: bytes}, reader)`: fetch an entry with these files and make its own."""

    def fetch(name: str, files: dict[str, bytes], reader: str = "", makes=(), **more):
        world.files.update(files)
        entry = {"files": [{"name": file} for file in files], "reader": reader, "makes": list(makes), **more}
        made = stated({name: entry})
        return writing.make(made[name], fetching.fetch(made[name], made), renew=True)

    return fetch


@pytest.fixture(scope="session")
def described_once():
    """mp-api describes its document model anew for every request, half a second each."""
    client = pytest.importorskip("mp_api.client.core.client", reason="mp-api is not installed (extra mp)")
    fields_of = cache(lambda model: list(model.model_json_schema()["properties"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.BaseRester, "available_fields", property(lambda rester: fields_of(rester.document_model)))
        yield


@pytest.fixture
def project(world, monkeypatch, described_once):
    """Ten oxides and others of the Materials Project, with the key, at pages of three."""
    world.materials = [record(k, ["Mg", "O"] if k < 7 else ["Zn", "S"] if k < 9 else ["Fe"]) for k in range(1, 11)]
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setattr(materials_project, "PAGE", 3)
    return world


@pytest.fixture
def listed(tmp_path):
    """The lists of mp-profit, with an id that vanished."""
    (tmp_path / "data/mp").mkdir(parents=True)
    for file, ids in zip(
        recipes.recipe("mp-profit").lists, (["mp-1", "mp-2", "mp-77", "mp-9"], ["mp-2", "mp-3"], ["mp-10"]), strict=True
    ):
        (tmp_path / "data" / file).write_text("material_id\n" + "\n".join(ids) + "\n")
