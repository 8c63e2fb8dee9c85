"""A download ends: a size, a total time, a least rate."""

import http.server
import itertools
import threading

import pytest

from cortexsim.neural.benchmarks.retrieve import MOST_SECONDS, Bounded, retrieve

CONTENT = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives CONTENT: whole, without its length, or in drops until the client has gone."""

    def do_GET(self):
        self.send_response(200)
        if self.path == "/whole":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        try:
            if self.path != "/drops":
                self.wfile.write(CONTENT)
                return
            for k in itertools.count():
                self.wfile.write(CONTENT[k % 256 : k % 256 + 1])
                self.wfile.flush()
                if self.server.stop.wait(0.01):
                    return
        except OSError:
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def address():
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads, web.stop = True, threading.Event()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.stop.set()
    web.shutdown()
    web.server_close()


def clock(step: float):
    """A clock that goes on by so many seconds whenever it is looked at."""
    times = itertools.count()
    return lambda: step * next(times)


@pytest.mark.parametrize("path", ["whole", "unknown"])
def test_a_file_comes_whole_with_or_without_a_stated_length(path, address, tmp_path):
    target = tmp_path / "file"
    Bounded(most_bytes=len(CONTENT), clock=clock(0.1))(f"{address}/{path}", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["whole", "unknown"])
def test_a_file_that_is_larger_than_expected_is_refused_and_not_kept(path, address, tmp_path):
    with pytest.raises(OSError, match=r"at most 1,000 are expected; nothing was kept"):
        retrieve(f"{address}/{path}", tmp_path / "f", None, progress=False, most_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_drips_is_given_up(address, tmp_path):
    with pytest.raises(OSError, match="fewer than 1,000 bytes a second"):
        Bounded(clock=clock(20.0))(f"{address}/drops", tmp_path / "file")


def test_a_download_ends_however_steady_it_is(address, tmp_path):
    with pytest.raises(OSError, match="not whole after 6 hours"):
        Bounded(clock=clock(2 * MOST_SECONDS))(f"{address}/drops", tmp_path / "file")
