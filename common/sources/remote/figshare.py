"""figshare's own interface: which files an article has, with their checksums, sizes and the licence.

An article's number is the end of its DOI: 10.6084/m9.figshare.19308407 has the number 19308407.
"""

from __future__ import annotations

import time

from common.errors import UserError
from common.sources.remote.registry import RemoteFile

ATTEMPTS = 4
PAUSE = 1.0
TIMEOUT = 30.0


def article(api: str, number: int) -> dict:
    """What figshare says of an article: doi, licence, version and files."""
    import requests

    address, reason = f"{api}/articles/{number}", ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2**attempt)
        try:
            answer = requests.get(address, timeout=TIMEOUT)
            if answer.status_code == 200:
                return _checked(answer.json(), address)
            reason = f"answers {answer.status_code} {answer.reason}"
            if answer.status_code < 500 and answer.status_code != 429:
                break
        except (requests.RequestException, ValueError) as error:
            reason = "gives no readable answer" if isinstance(error, ValueError) else "cannot be reached"
    raise UserError(
        f"{address} {reason}; without a network, save that page of a machine that has one as "
        "downloads/<name>/figshare.json in the data directory, with the files beside it"
    )


def _checked(found: dict, address: str) -> dict:
    try:
        licence = (found.get("license") or {}).get("name", "")
        facts = {"doi": found.get("doi", ""), "version": found.get("version", ""), "license": {"name": licence}}
        facts["files"] = [
            {key: file.get(key) for key in ("name", "download_url", "size", "computed_md5", "supplied_md5")}
            for file in found["files"]
        ]
        files(facts)
    except (KeyError, TypeError, AttributeError):
        raise UserError(f"{address} does not answer as figshare does; correct figshare_api of the registry") from None
    if not facts["files"]:
        raise UserError(f"{address} has no files; check its page")
    return facts


def files(found: dict) -> list[RemoteFile]:
    return [_file(file) for file in found["files"]]


def _file(file: dict) -> RemoteFile:
    md5 = file["computed_md5"] or file["supplied_md5"]
    name = file["name"].replace("/", "_")
    return RemoteFile(name, file["download_url"], f"md5:{md5}" if md5 else "", int(file["size"] or 0))
