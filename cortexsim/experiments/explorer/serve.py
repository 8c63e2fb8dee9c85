"""The page of a recording that is too large for a file: its server reads what is looked at."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.explorer.gather import Contents
from cortexsim.experiments.explorer.page import GEOMETRY, served_page

HOST = "127.0.0.1"


class PageServer(ThreadingHTTPServer):
    """A server on this machine only: the page at ``/``, its blobs at ``/blob/KEY``.

    Parameters
    ----------
    contents : Contents
        What is shown.
    port : int
        Where; 0 takes a free one.

    Raises
    ------
    AnalysisError
        If the port is taken.
    """

    daemon_threads = True

    def __init__(self, contents: Contents, port: int = 0) -> None:
        self.contents, self.page = contents, served_page(contents)
        # What is opened lazily is read by one at a time; arrangements, which take seconds, do not
        # keep the images waiting.
        self.reading = {is_geometry: threading.Lock() for is_geometry in (False, True)}
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise AnalysisError(
                f"nothing can be served at `port={port}` ({error}); give another, or none"
            ) from error

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    """Answers for the page and for blobs; everything else is not found."""

    server: PageServer

    def do_GET(self) -> None:
        """The page, or one blob."""
        host = (self.headers.get("Host") or "").partition(":")[0]
        if host not in (HOST, "localhost"):  # another site that points its name here
            self._answer(403, "text/plain", b"this server is for this machine")
        elif self.path in ("/", "/index.html"):
            self._answer(200, "text/html; charset=utf-8", self.server.page)
        elif self.path.startswith("/blob/"):
            self._blob(unquote(self.path.removeprefix("/blob/")))
        else:
            self._answer(404, "text/plain", b"there is nothing here")

    def _blob(self, key: str) -> None:
        contents = self.server.contents
        if key not in contents.blobs:
            self._answer(404, "text/plain", b"there is no such blob")
            return
        try:
            with self.server.reading[key.startswith(GEOMETRY)]:
                packed = contents.packed(key)
        except CortexsimError as error:
            self._answer(409, "text/plain; charset=utf-8", str(error).encode())
        else:
            self._answer(200, "application/octet-stream", packed)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the door says where the page is."""
