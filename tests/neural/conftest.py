"""A small benchmark behind a web server on this computer, which can be told to fail."""

import dataclasses
import functools
import hashlib
import http.server
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import cortexsim.neural.benchmarks.benchmark
from cortexsim.neural.benchmarks.benchmark import Benchmark, File
from cortexsim.neural.benchmarks.content import content_sha256, packed
from cortexsim.neural.benchmarks.originals import CONVERTERS
from cortexsim.neural.benchmarks.registry import BENCHMARKS

ARRAYS = {"a": np.arange(3000.0).reshape(60, 50), "name": np.array(["x", "yy"])}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; ``server.fault`` says how it fails."""

    def do_GET(self):
        self.server.asked.append(self.path)
        fault = self.server.fault
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault in ("truncated", "slow"):
            data = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if fault == "slow":
                for k in range(0, len(data), 2000):
                    self.wfile.write(data[k : k + 2000])
                    time.sleep(0.02)
            else:
                self.wfile.write(data[: len(data) // 2])
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """No local copies, an empty cache; returns the cache."""
    monkeypatch.delenv("CORTEXSIM_DATA", raising=False)
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch, tmp_path, clean):
    """A server in the place of the public one; ``server.put`` fills it."""
    folder = tmp_path / "public"
    folder.mkdir()
    web = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    web.fault, web.asked = None, []

    def put(record, path, data):
        """What the public repository holds at the commit."""
        file = folder / record.repository / record.commit / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    web.put = put
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(
        cortexsim.neural.benchmarks.benchmark, "RAW", f"http://127.0.0.1:{web.server_address[1]}"
    )
    yield web
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def toy(monkeypatch):
    """Benchmarks of one file: ``toy("direct")`` as committed, ``toy("converted")`` from two
    originals, ``toy("by hand")``.
    """
    data = packed(ARRAYS, "toy.npz")
    base = Benchmark("toy", "toy", "a toy", "A toy", "nobody", "none", "", "owner/repo", "c0ffee")

    def make(kind):
        file = File(
            "toys/toy.npz",
            len(data),
            content_sha256(ARRAYS),
            "numbers",
            ("in/one.bin", "in/two.bin"),
        )
        if kind == "direct":
            file = dataclasses.replace(
                file, originals=("in/toy.npz",), sha256=hashlib.sha256(data).hexdigest()
            )
        elif kind == "converted":
            file = dataclasses.replace(file, converter="toy")
        record = dataclasses.replace(base, files=(file,))
        monkeypatch.setitem(BENCHMARKS, "toy", record)
        return record, data

    return make


@pytest.fixture
def arrays():
    """What the toy says."""
    return ARRAYS


def halves(paths):
    """The converter of the toy: each original holds half of the numbers."""
    first, second = (np.frombuffer(p.read_bytes()) for p in paths.values())
    return {"a": np.concatenate([first, second]).reshape(60, 50), "name": ARRAYS["name"]}


@pytest.fixture
def served(server, toy, monkeypatch):
    """Each kind of toy with its originals on the server."""
    monkeypatch.setitem(CONVERTERS, "toy", halves)

    def make(kind):
        record, data = toy(kind)
        if kind == "direct":
            server.put(record, "in/toy.npz", data)
        else:
            for name, part in zip(("one", "two"), np.split(ARRAYS["a"].ravel(), 2)):
                server.put(record, f"in/{name}.bin", part.tobytes())
        return record

    return make
