"""A real headless browser, driven over the pipe of its DevTools protocol: no driver program and no socket needed."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

with contextlib.suppress(ImportError):  # Windows has none, and no browser is driven there
    import fcntl

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe"
).split()
#: Seconds until an answer; a busy machine starts a browser slowly.
PATIENCE = 120


def program():
    """The path of a browser that can be driven, or None."""
    if os.name == "nt":
        return None
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def _raised(descriptor):
    """The same end of a pipe under a number from 10 on."""
    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    os.close(descriptor)
    return higher


class Browser:
    """One page at a time. `requests` and `errors` are those since the page was opened."""

    def __init__(self, profile):
        self.profile, self.requests, self.errors, self._count, self._rest = profile, [], [], 0, b""

    def __enter__(self):
        reads, self._out = os.pipe()
        self._in, writes = os.pipe()
        # The browser reads from descriptor 3 and writes to 4. A shell puts the pipes there; they come from higher
        # ones, so that neither overwrites the other.
        reads, writes = (_raised(end) for end in (reads, writes))
        command = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash", program(), *OPTIONS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={self.profile}"],
            pass_fds=(reads, writes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(PATIENCE)

    def open(self, path, width, *, dark=False):
        """Open a file, or an address given as a string."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.requests, self.errors = [], []
        self.call("Page.navigate", url=path if isinstance(path, str) else path.as_uri())
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression):
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + PATIENCE
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.1)
        return value

    def screenshot(self, path, *, whole=True):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def call(self, method, **parameters):
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def _until(self, wanted):
        end = time.monotonic() + PATIENCE
        while True:
            message = self._next(end)
            self._note(message)
            if wanted(message):
                return message

    def _next(self, end):
        while b"\0" not in self._rest:
            ready = select.select([self._in], [], [], max(0, end - time.monotonic()))[0]
            piece = os.read(self._in, 1 << 20) if ready else b""
            assert piece, "the browser does not answer"
            self._rest += piece
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)

    def _note(self, message):
        facts = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(facts["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(facts["exceptionDetails"]))
            case "Log.entryAdded" if facts["entry"]["level"] in ("error", "warning"):
                self.errors.append(facts["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.errors.append(str(facts["args"]))
