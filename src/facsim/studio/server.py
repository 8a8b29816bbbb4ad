"""The page's server: HTTP on the loopback address and on no other, with the standard library.

    with start_server(port=0) as server:
        print(server.desk.address)
        server.serve_forever()

Every session has a token of its own in its address. `facsim.studio.desk` decides what is answered; here requests are
read, with limits on their length and on how long they may take, and answers written.
"""

import os
import socketserver
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from facsim.errors import FacsimError
from facsim.studio.desk import MOST_BYTES, Answer, Desk, Request, answer_request, refuse

__all__ = ["HOST", "StudioServer", "start_server"]

HOST = "127.0.0.1"
"""The address that is listened on; there is no option for another."""

_MOST_CONNECTIONS = 32
_IDLE_S = 60.0


class StudioServer(ThreadingHTTPServer):
    """A thread for each connection, `_MOST_CONNECTIONS` of them at most; drawing is one at a time (see `Desk`)."""

    daemon_threads = True
    allow_reuse_address = os.name == "posix"

    def __init__(self, port: int) -> None:
        self.free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__((HOST, port), _Handler)
        self.desk = Desk(port=self.server_port)

    def server_bind(self) -> None:
        """Bind, without asking a name server for this machine's name as `HTTPServer` does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or hang up where there are too many."""
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the base class does, and then make room for the next connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the browser's affair; anything else is said in one line."""
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            _complain(error)


class _Handler(BaseHTTPRequestHandler):
    server: StudioServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # without this an answer's body waits for the browser to acknowledge its head
    disable_nagle_algorithm = True

    def version_string(self) -> str:
        return "facsim"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: an address in a log would hold the token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Errors in the request itself, as JSON like all others."""
        self.close_connection = True
        self._send(refuse(code, message or "the request cannot be read"))

    def do_GET(self) -> None:
        self._answer(b"")

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_GET

    def do_POST(self) -> None:
        problem = self._unreadable()
        if problem is not None:
            self.close_connection = True  # what was sent is still in the line
            self._send(problem)
            return
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _unreadable(self) -> Answer | None:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            return refuse(411, "expected a body with its Content-Length")
        if len(length) > 9 or int(length) > MOST_BYTES:
            return refuse(413, f"found a body of {length[:12]} bytes; expected {MOST_BYTES} at most")
        return None

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=self.path, headers=headers, body=body)
        if request.method != "POST" and headers.get("content-length", "0") != "0":
            self.close_connection = True
        self._send(_answer_safely(self.server.desk, request))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in _headers(answer).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _headers(answer: Answer) -> dict[str, str]:
    return {
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
        "Content-Security-Policy": answer.policy,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _answer_safely(desk: Desk, request: Request) -> Answer:
    """The answer; a bug becomes an answer of status 500, and a line on stderr."""
    try:
        return answer_request(desk, request)
    except Exception as error:  # the server's edge: one bad request must not end the session
        _complain(error)
        return refuse(500, f"facsim failed at this: {type(error).__name__}; see the terminal where it runs")


def _complain(error: BaseException | None) -> None:
    debug = os.environ.get("FACSIM_DEBUG", "0") not in ("", "0")
    text = "".join(traceback.format_exception(error)) if debug else f"{type(error).__name__}: {error}"
    print(f"studio: {text}", file=sys.stderr, flush=True)


def start_server(*, port: int) -> StudioServer:
    """A server on the loopback address; port 0 takes a free one. It answers once `serve_forever` is called.

    Raises FacsimError where the port cannot be had.
    """
    try:
        return StudioServer(port)
    except (OSError, OverflowError) as error:
        raise FacsimError(f"port {port} cannot be had: {error}; choose another, or 0 for a free one") from error
