"""pooch fetching from a server that fails in every way a server fails, and from mirrors."""

import hashlib
import json
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from common.errors import UserError
from common.sources.remote import download_record as kept
from common.sources.remote import fetching, registry, resuming
from tests.common.sources.server import start

BODY = bytes(range(256)) * 3000  # 768 kB, several chunks


def sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def entry(world, stated):
    """`entry()`: an entry `set` with one file, whose checksum is published unless told otherwise."""
    world.files["a.bin"] = BODY

    def make(checksum: str = sha(BODY), **more):
        made = stated({"set": {"files": [{"name": "a.bin", "checksum": checksum, **more}]}})
        return made["set"], made

    return make


def whole_chunks(n: int) -> int:
    """What is written of n bytes after which a body breaks off."""
    return n // resuming.CHUNK * resuming.CHUNK


def fetched(entry, **options):
    return fetching.fetch(*entry, **options)[0]


def test_a_file_comes_once_and_is_recorded(world, entry):
    made = entry()
    path = fetched(made)
    assert path.read_bytes() == BODY and path.parent.name == "set"
    record = json.loads((path.parent / "record.json").read_text())["a.bin"]
    assert record["hash"] == sha(BODY) and record["bytes"] == len(BODY) and record["from"].endswith("/files/a.bin")
    assert fetched(made) == path and len(world.requests("/files/")) == 1
    assert kept.verify(made[0]) == {"a.bin": "whole"}
    assert not list(path.parent.glob(".*.part*"))


@pytest.mark.parametrize("kind", ["429", "500", "empty", "slow"])
def test_a_server_in_trouble_is_asked_again(world, entry, kind):
    world.fail("/files/", kind, 2)
    assert fetched(entry()).read_bytes() == BODY
    assert len(world.requests("/files/")) == 3


def test_a_server_that_gives_nothing(world, entry):
    world.fail("/files/", "empty", 99)
    made = entry("")
    with pytest.raises(UserError, match=r"a\.bin gives no bytes, 5 times\. Without a network: put the file at "):
        fetched(made)
    assert [path.name for path in kept.folder_of(made[0]).iterdir()] == [".lock"]


def test_a_busy_server_is_given_the_time_it_asks_for(world, entry, monkeypatch):
    waited = []
    monkeypatch.setattr(fetching.time, "sleep", waited.append)
    world.fail("/files/", "busy", 2)
    assert fetched(entry()).read_bytes() == BODY and waited == [7.0, 7.0]


@pytest.mark.parametrize("checksum", [sha(BODY), ""])
def test_a_body_that_breaks_off_is_resumed(world, entry, checksum):
    world.fail("/files/", "truncated", 2)
    assert fetched(entry(checksum)).read_bytes() == BODY
    first = whole_chunks(len(BODY) // 2)
    second = first + whole_chunks((len(BODY) - first) // 2)
    assert world.requests("/files/") == ["", f"bytes={first}-", f"bytes={second}-"]


def test_a_download_goes_on_in_the_next_call(world, entry):
    made = entry()
    world.fail("/files/", "truncated", 1)
    world.fail("/files/", "500", fetching.ATTEMPTS)
    with pytest.raises(
        UserError, match=r"answers 500 .*, 5 times.*MATREPRO_MIRROR.*the next call resumes the download"
    ):
        fetched(made)
    part = kept.folder_of(made[0]) / ".a.bin.part"
    held = part.stat().st_size
    assert held == whole_chunks(len(BODY) // 2)
    world.faults.clear()
    assert fetched(made).read_bytes() == BODY and world.requests("/files/")[-1] == f"bytes={held}-"


def half_fetched(world, entry):
    """An entry whose file broke off and could not be asked for again."""
    made = entry("")
    world.fail("/files/", "truncated", 1)
    world.fail("/files/", "500", fetching.ATTEMPTS)
    with pytest.raises(UserError):
        fetched(made)
    world.faults.clear()
    return made


def test_a_partial_file_of_another_version_starts_again(world, entry):
    """If-Range: the server knows by its tag that the half that is here belongs to a file it has no more."""
    made = half_fetched(world, entry)
    world.files["a.bin"] = BODY[::-1]
    assert fetched(made).read_bytes() == BODY[::-1]


def test_a_partial_file_of_unknown_origin_starts_again(world, entry):
    made = entry()
    folder = kept.folder_of(made[0])
    folder.mkdir(parents=True)
    (folder / ".a.bin.part").write_bytes(b"rubbish" * 100)
    assert fetched(made).read_bytes() == BODY
    (folder / "a.bin").unlink()
    (folder / ".a.bin.part").write_bytes(b"x" * (len(BODY) + 5))  # longer than the file: 416
    assert fetched(made).read_bytes() == BODY


def test_a_rotten_part_after_a_failing_server_starts_again(world, entry):
    """The checksum finds it in the second attempt; one more attempt from the first byte is due then."""
    made = entry()
    folder = kept.folder_of(made[0])
    folder.mkdir(parents=True)
    (folder / ".a.bin.part").write_bytes(b"x" * 1000)
    world.fail("/files/", "500", 1)
    assert fetched(made).read_bytes() == BODY and world.requests("/files/") == ["bytes=1000-", "bytes=1000-", ""]


def test_without_checksum_and_tag_nothing_is_put_together(world, entry):
    made = entry("")
    folder = kept.folder_of(made[0])
    folder.mkdir(parents=True)
    (folder / ".a.bin.part").write_bytes(b"x" * 1000)
    assert fetched(made).read_bytes() == BODY and world.requests("/files/") == [""]


def test_a_wrong_checksum_never_reaches_the_cache(world, entry):
    made = entry()
    world.fail("/files/", "wrong", 99)
    with pytest.raises(
        UserError, match=r"a\.bin: its bytes do not have the checksum .*changed; nothing was stored\. If"
    ):
        fetched(made)
    folder = kept.folder_of(made[0])
    assert not (folder / "a.bin").exists() and kept.record(made[0]) == {}
    assert not list(folder.glob("tmp*")), "pooch leaves no temporary file"
    world.faults.clear()
    assert fetched(made).read_bytes() == BODY


def test_a_remote_file_that_changed_is_told_from_the_first_one(world, entry):
    """Without a published checksum the first fetch counts; a damaged copy is not replaced by another file."""
    made = entry("")
    path = fetched(made)
    world.files["a.bin"] = b"other" * 1000
    path.write_bytes(b"damaged")
    assert kept.verify(made[0]) == {"a.bin": "damaged"}
    with pytest.raises(
        UserError, match=r"it changed since \d{4}-\d\d-\d\d: give --renew to take it; nothing was stored"
    ):
        fetched(made)
    assert fetched(made, renew=True).read_bytes() == b"other" * 1000


def test_a_corrupted_entry_is_fetched_again(world, entry, capsys):
    made = entry()
    path = fetched(made)
    path.write_bytes(BODY[:-1])
    assert kept.verify(made[0]) == {"a.bin": "other than published"}
    assert fetched(made).read_bytes() == BODY
    assert "a.bin is damaged; fetching it again" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["403", "404"])
def test_what_is_refused_is_not_asked_for_again(world, entry, status):
    world.fail("/files/", status, 99)
    with pytest.raises(UserError, match=rf"set: .*answers {status} .*; Without a network: put the file at "):
        fetched(entry())
    assert len(world.requests("/files/")) == 1


def test_no_network(entry, stated):
    made = stated({"set": {"files": [{"name": "a.bin", "address": "http://127.0.0.1:9/files/a.bin"}]}})
    with pytest.raises(UserError, match=r"cannot be reached, 5 times\. Without a network: put the file at "):
        fetched((made["set"], made))


def test_a_file_put_there_by_hand_is_taken(world, entry):
    made = entry()
    folder = kept.folder_of(made[0])
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(BODY)
    assert fetched(made).read_bytes() == BODY and not world.requests("/files/")
    assert kept.record(made[0])["a.bin"]["from"] == "placed by hand"


def test_a_folder_as_mirror(world, entry, tmp_path, monkeypatch):
    (tmp_path / "copies/set").mkdir(parents=True)
    (tmp_path / "copies/set/a.bin").write_bytes(BODY)
    monkeypatch.setenv("MATREPRO_MIRROR", str(tmp_path / "copies"))
    assert fetched(entry()).read_bytes() == BODY and not world.requests("/files/")


def test_a_mirror_without_the_file_gives_way_to_the_publisher(world, entry, tmp_path, capsys):
    assert fetched(entry(), mirror=str(tmp_path)).read_bytes() == BODY
    assert "set/a.bin is not there; asking http://127.0.0.1" in capsys.readouterr().err


def test_an_address_as_mirror(world, entry, stated):
    other, server = start()
    other.files["set/a.bin"] = BODY
    made = entry()
    assert fetched(made, mirror=f"{other.address}/files").read_bytes() == BODY
    assert not world.requests("/files/") and len(other.requests("/files/set/a.bin")) == 1
    server.shutdown()
    server.server_close()


def test_a_mirror_with_another_file_is_refused(world, entry, tmp_path):
    (tmp_path / "copies/set").mkdir(parents=True)
    (tmp_path / "copies/set/a.bin").write_bytes(b"not it")
    with pytest.raises(UserError, match="do not have the checksum"):
        fetched(entry(), mirror=str(tmp_path / "copies"))


def test_a_full_disk(world, entry, disk_of):
    """What was written stays; the next call, with room, goes on from there."""
    made = entry()
    kept.folder_of(made[0]).mkdir(parents=True)
    with disk_of(400_000), pytest.raises(UserError, match=r"cannot write into .*set: .*; free some space or set"):
        fetched(made)
    part = kept.folder_of(made[0]) / ".a.bin.part"
    held = part.stat().st_size
    assert 0 < held <= 400_000 and not (part.parent / "a.bin").exists()
    assert fetched(made).read_bytes() == BODY and world.requests("/files/")[-1] == f"bytes={held}-"


def _fetch_in_a_process(queue):
    made = registry.load()
    queue.put(str(fetching.fetch(made["set"], made)[0]))


def test_two_processes_fetch_a_file_once(world, entry, monkeypatch):
    entry()
    world.fail("/files/", "slow", 1)
    monkeypatch.setattr(resuming, "TIMEOUT", (5.0, 10.0))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_fetch_in_a_process, args=(queue,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    paths = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(60)
    assert len(paths) == 1 and len(world.requests("/files/")) == 1
    assert Path(paths.pop()).read_bytes() == BODY


def _die_in_the_middle(size):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # with the signal unhandled the process is killed
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    made = registry.load()
    fetching.fetch(made["set"], made)
    os._exit(0)


def test_a_killed_process_leaves_no_lock_and_no_damage(world, entry):
    made = entry()
    worker = multiprocessing.get_context("fork").Process(target=_die_in_the_middle, args=(300_000,))
    worker.start()
    worker.join(60)
    assert worker.exitcode and worker.exitcode < 0
    assert fetched(made).read_bytes() == BODY
    assert world.requests("/files/")[-1].startswith("bytes=")


def test_renewing_loses_nothing(world, entry):
    """The file that is here stays until the new one has come."""
    made = entry("")
    path = fetched(made)
    world.fail("/files/", "500", 99)
    with pytest.raises(UserError, match="answers 500"):
        fetched(made, renew=True)
    assert path.read_bytes() == BODY and kept.verify(made[0]) == {"a.bin": "whole"}
    assert not list(path.parent.glob(".*.old"))


def test_what_a_killed_renewal_left_aside_comes_back(world, entry):
    made = entry("")
    path = fetched(made)
    path.rename(path.with_name(".a.bin.old"))
    world.fail("/files/", "500", 99)
    assert fetched(made).read_bytes() == BODY and not list(path.parent.glob(".*.old"))


def test_a_copy_that_breaks_off_is_not_put_together_with_what_a_server_has(world, entry, tmp_path, disk_of):
    """The tag that a server gave to another partial file says nothing of it."""
    made = half_fetched(world, entry)
    (tmp_path / "copies/set").mkdir(parents=True)
    (tmp_path / "copies/set/a.bin").write_bytes(BODY[::-1])
    with disk_of(400_000), pytest.raises(UserError, match="cannot write"):
        fetched(made, mirror=str(tmp_path / "copies"))
    assert fetched(made).read_bytes() == BODY


def test_a_damaged_record_says_so(world, entry):
    made = entry()
    path = fetched(made)
    (path.parent / "record.json").write_text("{")
    with pytest.raises(UserError, match=r"record\.json is damaged; delete it"):
        fetched(made)
