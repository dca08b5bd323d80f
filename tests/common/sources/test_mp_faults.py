"""mp-api's own client against a server that fails as the Materials Project does."""

import pytest

from common.errors import UserError
from common.sources import load_source
from common.sources.remote import materials_project, mp_client, mp_records
from common.sources.remote.mp_client import Client
from tests.common.sources.project import client, cut
from tests.common.sources.server import start

pytest.importorskip("mp_api", reason="mp-api is not installed (extra mp)")


@pytest.mark.parametrize("kind", ["429", "500", "truncated", "empty"])
def test_a_service_in_trouble_is_asked_again(project, listed, kind):
    project.fail("/materials/", kind, 2)
    project.fail("/heartbeat", kind, 1)
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
    assert len(load_source("mp-profit")) == 5


def test_a_download_goes_on_where_it_stopped(project, listed, monkeypatch):
    """The second page fails for good; the next call asks for that page alone."""
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)
    asked_for = []
    with client(project) as asked:
        page = asked.page

        def failing(ids, fields):
            asked_for.append(ids[0])
            if len(asked_for) == 2:
                project.fail("/materials/", "500", 2)
            return page(ids, fields)

        asked.page = failing
        with pytest.raises(UserError, match=r"did not give the records from mp-9 on in 2 attempts \(it answers 500\)"):
            materials_project.get("mp-profit", asked)
        assert not materials_project.path_of("mp-profit").exists()
        materials_project.get("mp-profit", asked)
    assert asked_for == ["mp-1", "mp-9", "mp-9"] and len(load_source("mp-profit")) == 5


def test_a_damaged_page_is_asked_for_again(project, listed, monkeypatch):
    with client(project) as asked:
        with monkeypatch.context() as broken:
            broken.setattr(mp_records, "joined", lambda *pages: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                materials_project.get("mp-profit", asked)
        cut(materials_project.path_of("mp-profit").with_suffix(".parts") / "2025.09.25/00001.h5")
        before = len(project.requests("/materials/"))
        materials_project.get("mp-profit", asked)
        assert len(project.requests("/materials/")) == before + 1
    assert len(load_source("mp-profit")) == 5


def test_pages_of_another_database_are_not_mixed(project, listed, monkeypatch, capsys):
    with client(project) as asked:
        page = asked.page

        def first_page(ids, fields):
            if ids[0] != "mp-1":
                raise UserError("the service has gone")
            return page(ids, fields)

        asked.page = first_page
        with pytest.raises(UserError, match="the service has gone"):
            materials_project.get("mp-profit", asked)
    other, server = start()
    other.materials, other.version = project.materials, "2026.01.01"
    with client(other) as asked:
        materials_project.get("mp-profit", asked)
    server.shutdown()
    server.server_close()
    assert "the database is now 2026.01.01; pages of its version 2025.09.25 are not used" in capsys.readouterr().err
    assert materials_project.report("mp-profit")["database"] == "2026.01.01" and len(load_source("mp-profit")) == 5


def test_the_key(project, listed, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "x" * 32)
    with (
        client(project) as asked,
        pytest.raises(UserError, match=r"refuses the key of MP_API_KEY; copy it again from next-gen"),
    ):
        materials_project.get("mp-profit", asked)
    assert len(project.requests("/materials/")) == 1, "a refused key is not tried again"
    monkeypatch.setenv("MP_API_KEY", "short")
    with pytest.raises(UserError, match="MP_API_KEY has 5 characters, a key has 32"):
        client(project)
    monkeypatch.delenv("MP_API_KEY")
    monkeypatch.setattr("pymatgen.core.SETTINGS", {})
    with pytest.raises(UserError, match=r"MP_API_KEY is not set; get a key .* without a network use .* \(mini\)"):
        client(project)


def test_no_network(project, monkeypatch):
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)
    with pytest.raises(UserError, match=r"did not give the database version in 2 attempts \(it cannot be reached\)"):
        Client(endpoint="http://127.0.0.1:9/")


def test_a_store_that_cannot_be_reached(project, monkeypatch):
    """delta-rs has an error of its own for it, of many lines; that is no material without densities."""
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)

    class Store:
        asked = 0

        def get_dos_from_material_id(self, name, **options):
            self.asked += 1
            raise OSError("Kernel error -> Generic S3 error\n  Error performing GET http://store/x")

    with client(project) as asked:
        asked.__dict__["_dos"] = store = Store()
        with pytest.raises(
            UserError, match=r"of mp-1 in 2 attempts \(the store of its .* cannot be reached\)"
        ) as error:
            asked.densities("mp-1")
    assert store.asked == 2 and not isinstance(error.value, mp_client.NotThere) and "http" not in str(error.value)


def test_a_full_disk(project, listed, disk_of):
    with client(project) as asked:
        with disk_of(2000), pytest.raises(UserError, match=r"cannot write .*free some space"):
            materials_project.get("mp-profit", asked)
        materials_project.get("mp-profit", asked)
    assert len(load_source("mp-profit")) == 5
