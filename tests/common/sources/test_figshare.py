"""Articles of figshare, whose page names the files, their checksums and their licence."""

import hashlib
import json

import pytest

from common.errors import UserError
from common.sources.remote import download_record as kept
from common.sources.remote import fetching


def test_figshare_names_files_checksums_and_licence(world, stated):
    world.files["one.zip"], world.files["two.csv"] = b"1" * 1000, b"2" * 500
    world.articles[123] = ["one.zip", "two.csv"]
    world.fail("/v2/", "500", 1)
    world.fail("/v2/", "truncated", 1)
    made = stated({"set": {"figshare": 123}})
    paths = fetching.fetch(made["set"], made)
    assert [path.read_bytes() for path in paths] == [b"1" * 1000, b"2" * 500]
    known = json.loads((paths[0].parent / "figshare.json").read_text())
    assert known["license"]["name"] == "CC BY 4.0" and known["doi"].endswith("figshare.123.v1")
    assert [file.checksum for file in fetching.files_of(made["set"], made)] == [
        f"md5:{hashlib.md5(body).hexdigest()}" for body in (b"1" * 1000, b"2" * 500)
    ]
    # The article is asked once; afterwards nothing needs the network.
    asked = len(world.asked)
    fetching.fetch(made["set"], made)
    assert len(world.asked) == asked and set(kept.verify(made["set"]).values()) == {"whole"}


def test_renewing_an_article_loses_nothing(world, stated):
    """What figshare said of the files that are here stays with them until the new ones have come."""
    world.files["one.zip"] = b"1" * 1000
    world.articles[123] = ["one.zip"]
    made = stated({"set": {"figshare": 123}})
    (path,) = fetching.fetch(made["set"], made)
    world.files["one.zip"] = b"2" * 1000
    world.fail("/files/", "500", 99)
    with pytest.raises(UserError, match="answers 500"):
        fetching.fetch(made["set"], made, renew=True)
    assert path.read_bytes() == b"1" * 1000 and kept.verify(made["set"]) == {"one.zip": "whole"}
    world.faults.clear()
    fetching.fetch(made["set"], made, renew=True)
    assert path.read_bytes() == b"2" * 1000 and kept.verify(made["set"]) == {"one.zip": "whole"}


def test_figshare_fetched_in_part(world, stated):
    world.files["one.zip"], world.files["two.csv"] = b"1" * 1000, b"2" * 500
    world.articles[123] = ["one.zip", "two.csv"]
    made = stated({"set": {"figshare": 123}})
    world.fail("/files/two.csv", "404", 99)
    with pytest.raises(UserError, match="404"):
        fetching.fetch(made["set"], made)
    assert kept.state_of(made["set"]) == "in part"
    world.faults.clear()
    fetching.fetch(made["set"], made)
    assert kept.state_of(made["set"]) == "fetched"


@pytest.mark.parametrize("text", ["{}", '{"license": null}', '{"license": {"value": 1}}'])
def test_a_page_saved_by_hand_may_lack_the_licence(world, stated, text):
    made = stated({"set": {"figshare": 5, "licence": "stated here"}})
    folder = kept.folder_of(made["set"])
    folder.mkdir(parents=True)
    (folder / "figshare.json").write_text(text)
    assert kept.licence(made["set"]) == "stated here"


def test_figshare_on_a_mirror_needs_no_network(world, stated, tmp_path):
    """The page of the article lies beside the files."""
    (tmp_path / "copies/set").mkdir(parents=True)
    (tmp_path / "copies/set/one.zip").write_bytes(b"1" * 1000)
    article = {"doi": "10.6084/x", "license": {"name": "CC0"}, "version": 1}
    article["files"] = [
        {
            "name": "one.zip",
            "download_url": "http://127.0.0.1:9/one.zip",
            "size": 1000,
            "computed_md5": hashlib.md5(b"1" * 1000).hexdigest(),
            "supplied_md5": "",
        }
    ]
    (tmp_path / "copies/set/figshare.json").write_text(json.dumps(article))
    made = stated({"set": {"figshare": 123}})
    (path,) = fetching.fetch(made["set"], made, mirror=str(tmp_path / "copies"))
    assert path.read_bytes() == b"1" * 1000 and not world.asked
    assert kept.licence(made["set"]) == "CC0"


def test_figshare_without_the_article_or_the_network(world, stated):
    made = stated({"set": {"figshare": 5}})
    with pytest.raises(UserError, match=r"articles/5 answers 404 .*figshare\.json in the data directory"):
        fetching.fetch(made["set"], made)
    world.articles[5] = []
    with pytest.raises(UserError, match="has no files; check its page"):
        fetching.fetch(made["set"], made)
