"""A session of the studio to talk to, and a browser to look at it with.

The browser is any Chromium that is found, driven over its DevTools protocol by the few lines of WebSocket (RFC 6455)
that this takes. Tests that need it are skipped, saying so, where there is none.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facsim.studio.server import StudioServer, start_server

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--remote-debugging-port=0", "--window-size=1400,1000", "--no-default-browser-check"),
)


class Client:
    """Requests to one session, over one connection."""

    def __init__(self, server: StudioServer) -> None:
        self.desk = server.desk
        self.connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of a request whose path is given whole; `content_type` is `Content-Type`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, named)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def post(self, place: str, data: Any) -> tuple[int, bytes]:
        """Status and body of a well-formed request of this session's page."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return self.send("POST", f"/{self.desk.token}/{place}", body, content_type="application/json")


@pytest.fixture(scope="session")
def studio_server() -> Iterator[StudioServer]:
    """A session on a free port."""
    with start_server(port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(studio_server: StudioServer) -> Client:
    """A client of the session."""
    return Client(studio_server)


class NoPageYet(AssertionError):
    """DevTools has refused: between two documents there is nothing to ask."""


class Tab:
    """One page of a browser: `run` evaluates JavaScript in it."""

    def __init__(self, address: str) -> None:
        host, _, path = address.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET /{path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass
        self.count = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a DevTools command; events that come meanwhile are kept in `events`."""
        self.count += 1
        self._write(json.dumps({"id": self.count, "method": method, "params": parameters}).encode())
        while True:
            found = json.loads(self._read())
            if found.get("id") == self.count:
                if "error" in found:
                    raise NoPageYet(found["error"])
                return found["result"]
            self.events.append(found)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60.0) -> Any:
        """The first truthy value of a JavaScript expression."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(NoPageYet):
                if value := self.run(script):
                    return value
            time.sleep(0.03)
        raise AssertionError(f"this never came true: {script}")

    def press(self, key: str) -> None:
        """A key, pressed and let go."""
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", key=key, code=key, windowsVirtualKeyCode=_KEYS[key])
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=_KEYS[key])

    def _write(self, data: bytes) -> None:
        mask = os.urandom(4)
        length = len(data)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
        self.socket.sendall(b"\x81" + size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def _read(self) -> bytes:
        parts = []
        while True:
            first, length = self.stream.read(2)
            if length > 125:
                length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
            parts.append(self.stream.read(length))
            if first & 0x80:
                return b"".join(parts)


_KEYS = {"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Enter": 13}


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    """The address of a running browser's DevTools."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser found; looked for {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [found, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{_port_in(Path(folder) / 'DevToolsActivePort')}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _port_in(path: Path) -> int:
    for _ in range(600):
        if path.is_file() and path.read_text().strip():
            return int(path.read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not start within 30 s")


@pytest.fixture
def tab(browser: str, studio_server: StudioServer) -> Iterator[Tab]:
    """The studio's page in a tab of its own, with its first picture drawn."""
    request = urllib.request.Request(f"{browser}/json/new?{studio_server.desk.address}", method="PUT")
    described = json.load(urllib.request.urlopen(request))
    page = Tab(described["webSocketDebuggerUrl"])
    for domain in ("Runtime", "Log", "Page", "Network"):
        page.call(f"{domain}.enable")
    page.wait_for("document.body && document.body.dataset.turn >= 1")
    yield page
    page.socket.close()
    urllib.request.urlopen(f"{browser}/json/close/{described['id']}").close()
