"""A downloader for pooch that continues a partial file, and reads from folders too, which serve as mirrors."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from common.errors import UserError
from common.io.progress import progress

#: Seconds without a connection, and without a byte of the body.
TIMEOUT = (10.0, 60.0)
CHUNK = 2**16


class Refused(UserError):
    """The server or folder does not have the file, or does not give it: asking again would not help."""


class Resuming:
    """`pooch.retrieve(..., downloader=Resuming(part))`.

    part: where bytes collect; it stays when a download breaks off, and its tag beside it tells whether the remote file
    is still the same one. size: bytes to expect, 0 where unknown. checked: whether a checksum will find out if two
    versions were put together; without it and without a tag a download starts again.
    """

    def __init__(self, part: Path, size: int = 0, *, checked: bool = False):
        self.part, self.size, self.checked = Path(part), size, checked
        self.tag = self.part.with_name(self.part.name + ".tag")

    def __call__(self, url: str, output_file, pooch=None, check_only: bool = False) -> None:
        if url.startswith("file://"):
            self._copy(Path(url.removeprefix("file://")))
        else:
            self._download(url)
        os.replace(self.part, output_file)
        self.tag.unlink(missing_ok=True)

    def forget(self) -> None:
        for path in (self.part, self.tag):
            path.unlink(missing_ok=True)

    def _copy(self, path: Path) -> None:
        if not path.is_file():
            raise Refused(f"{path} is not there")
        self.forget()  # the tag of a server says nothing of a copy that breaks off
        shutil.copyfile(path, self.part)

    def _download(self, url: str) -> None:
        import requests

        sure = self.checked or self.tag.exists()
        have = self.part.stat().st_size if sure and self.part.exists() else 0
        # Asked for as it is: a body compressed on the way would have another length and other bytes to resume from.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.tag.exists():
                headers["If-Range"] = self.tag.read_text()
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing is left to fetch, or the remote file is another one
                if have and have == self.size:
                    return
                self.forget()
                raise requests.ConnectionError(f"{url} has no bytes from {have} on")
            if answer.status_code in (401, 403, 404, 410):
                raise Refused(f"{url} answers {answer.status_code} {answer.reason}")
            answer.raise_for_status()
            begins = f"bytes {have}-"
            goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", begins).startswith(begins)
            have = have if goes_on else 0
            if answer.headers.get("ETag"):
                self.tag.write_text(answer.headers["ETag"])
            total = have + int(answer.headers.get("Content-Length", 0)) or self.size
            self._write(answer, have, total)
        got = self.part.stat().st_size
        if not got:
            self.forget()
            raise requests.ConnectionError(f"{url} gives no bytes")
        if got < max(total, self.size):
            raise requests.ConnectionError(f"{url} ended after {got:,} of {max(total, self.size):,} bytes")

    def _write(self, answer, have: int, total: int) -> None:
        bar = progress(total=total or None, initial=have, desc=self.part.name.strip("."), unit="B")
        with bar, open(self.part, "ab" if have else "wb") as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
