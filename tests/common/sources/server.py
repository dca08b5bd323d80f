"""A server on the loopback address that speaks as the real ones do, and fails on demand.

/files/<name>            plain files with ETag, ranges and If-Range
/v2/articles/<number>    figshare's interface
/heartbeat, /materials/  the Materials Project's REST answers
/<bucket>/<key>          an S3 store: the folders of `buckets`
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEY = "k" * 32


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path begins with `path`."""

    path: str
    kind: str
    times: int = 1


@dataclass
class World:
    """What the server has, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    articles: dict[int, list[str]] = field(default_factory=dict)
    materials: list[dict] = field(default_factory=list)
    version: str = "2025.09.25"
    buckets: Path | None = None
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, path: str, kind: str, times: int = 1) -> None:
        self.faults.append(Fault(path, kind, times))

    def requests(self, path: str) -> list[str]:
        """The ranges, or "", with which a path was asked for."""
        return [span for asked, span in self.asked if asked.startswith(path)]

    def fault_of(self, path: str) -> str:
        with self.lock:
            for fault in self.faults:
                if fault.times and path.startswith(fault.path):
                    fault.times -= 1
                    return fault.kind
        return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, *_) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        world, parts = self.world, urlsplit(self.path)
        path, query = unquote(parts.path), {k: v[-1] for k, v in parse_qs(parts.query).items()}
        with world.lock:
            world.asked.append((path, self.headers.get("Range", "")))
        fault = world.fault_of(path)
        with suppress(BrokenPipeError, ConnectionResetError):
            if fault in ("429", "500", "403", "404"):
                self._send(int(fault), b'{"detail": "not now"}', {"Retry-After": "0"} if fault == "429" else {})
            elif fault == "busy":
                self._send(429, b"", {"Retry-After": "7"})
            elif fault == "empty":
                self._send(200, b"")
            else:
                if fault == "slow":
                    time.sleep(1.5)
                self._answer(path, query, fault)

    def _answer(self, path: str, query: dict[str, str], fault: str) -> None:
        world = self.world
        if path.startswith("/files/"):
            body = world.files.get(path.removeprefix("/files/"))
            self._file(body, fault) if body is not None else self._send(404, b"")
        elif path.startswith("/v2/articles/"):
            self._article(int(path.rsplit("/", 1)[1]), fault)
        elif path == "/heartbeat":
            facts = {"version": "0.90.0", "db_version": world.version, "access_controlled_batch_ids": []}
            self._send(200, json.dumps(facts).encode(), cut=fault == "truncated")
        elif path.startswith("/materials/"):
            self._materials(query, fault)
        elif world.buckets:
            self._s3(path, query)
        else:
            self._send(404, b"")

    # --- files -----------------------------------------------------------------------------------

    def _file(self, body: bytes, fault: str) -> None:
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        if fault == "wrong":
            body = body[::-1]
        span, same = self.headers.get("Range", ""), self.headers.get("If-Range", tag) == tag
        if not span or not same:
            self._send(200, body, {"ETag": tag}, cut=fault == "truncated")
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(len(body) - int(last), 0)
        stop = min(int(last) + 1, len(body)) if first and last else len(body)
        if start >= len(body):
            self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            return
        headers = {"ETag": tag, "Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        self._send(206, body[start:stop], headers, cut=fault == "truncated")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        """`cut`: promise the whole body, send half of it and hang up."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _article(self, number: int, fault: str) -> None:
        names = self.world.articles.get(number)
        if names is None:
            self._send(404, b'{"message": "Entity not found: article"}')
            return
        files = [
            {
                "id": k,
                "name": name,
                "size": len(self.world.files[name]),
                "download_url": f"{self.world.address}/files/{name}",
                "computed_md5": hashlib.md5(self.world.files[name]).hexdigest(),
                "supplied_md5": "",
            }
            for k, name in enumerate(names)
        ]
        facts = {"id": number, "doi": f"10.6084/m9.figshare.{number}.v1", "version": 1, "files": files}
        facts |= {"license": {"value": 1, "name": "CC BY 4.0", "url": ""}}
        self._send(200, json.dumps(facts).encode(), cut=fault == "truncated")

    # --- the Materials Project -------------------------------------------------------------------

    def _materials(self, query: dict[str, str], fault: str) -> None:
        if self.headers.get("x-api-key") != KEY:
            self._send(401, b'{"message": "Unauthorized"}')
            return
        found = self.world.materials
        if "material_ids" in query:
            wanted = set(query["material_ids"].split(","))
            found = [record for record in found if record["material_id"] in wanted]
        for element in filter(None, query.get("elements", "").split(",")):
            found = [record for record in found if element in record["elements"]]
        for low, key in (("nelements_min", "nelements"), ("nsites_min", "nsites")):
            if low in query:
                found = [record for record in found if record[key] >= int(query[low])]
        for high, key in (("nelements_max", "nelements"), ("nsites_max", "nsites")):
            if high in query:
                found = [record for record in found if record[key] <= int(query[high])]
        for prop in filter(None, query.get("has_props", "").split(",")):
            found = [record for record in found if prop in record["has_props"]]
        skip, limit = int(query.get("_skip", 0)), int(query.get("_limit", 100))
        fields = query.get("_fields", "material_id").split(",")
        data = [{name: record.get(name) for name in fields} for record in found[skip : skip + limit]]
        body = json.dumps({"data": data, "meta": {"total_doc": len(found)}}).encode()
        self._send(200, body, {"Content-Type": "application/json"}, cut=fault == "truncated")

    # --- S3 --------------------------------------------------------------------------------------

    def _s3(self, path: str, query: dict[str, str]) -> None:
        bucket, _, key = path.lstrip("/").partition("/")
        root = self.world.buckets / bucket
        if "list-type" in query:
            self._listing(root, bucket, query)
        elif (root / key).is_file():
            self._file((root / key).read_bytes(), "")
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"})

    def _listing(self, root: Path, bucket: str, query: dict[str, str]) -> None:
        prefix, after = query.get("prefix", ""), query.get("start-after", "")
        keys = sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
        folders, lines = set(), []
        for key in keys:
            if key.startswith(prefix) and key > after:
                rest = key[len(prefix) :]
                if query.get("delimiter") and "/" in rest:
                    folders.add(prefix + rest.split("/")[0] + "/")
                    continue
                body = (root / key).read_bytes()
                lines.append(
                    f"<Contents><Key>{escape(key)}</Key><LastModified>2025-09-25T00:00:00.000Z</LastModified>"
                    f"<ETag>&quot;{hashlib.md5(body).hexdigest()}&quot;</ETag><Size>{len(body)}</Size></Contents>"
                )
        lines += [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)]
        text = (
            f"<ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(lines)}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{''.join(lines)}</ListBucketResult>"
        )
        self._send(200, text.encode(), {"Content-Type": "application/xml"})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of 5, the default, some connections are reset on a busy machine


def start() -> tuple[World, Server]:
    world = World()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"world": world}))
    world.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return world, server


def main() -> None:
    """A store of the folder named first, in a process of its own: delta-rs keeps Python's lock while it waits."""
    world, server = start()
    world.buckets = Path(sys.argv[1])
    print(world.address, flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
