"""The server: the page, blobs as they are asked for, this machine only."""

import gzip
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from looking import PATIENCE

from cortexsim.errors import AnalysisError
from cortexsim.experiments.explorer.gather import gather
from cortexsim.experiments.explorer.serve import PageServer
from cortexsim.experiments.explorer.settings import Settings


@pytest.fixture(scope="module")
def server(whole):
    with PageServer(gather([whole], Settings())) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_page_and_its_blobs_are_served_and_nothing_else(server):
    status, page = get(server.url)
    assert status == 200
    assert b'"served": true' in page
    assert len(page) < 200_000
    status, packed = get(f"{server.url}blob/rdm%2F0%2FIT")
    values = np.frombuffer(gzip.decompress(packed), "<f4").reshape(8, 28)
    assert status == 200
    assert np.isfinite(values[3:]).all()
    for path in ("blob/rdm%2F0%2FV9", "blob/..%2Fetc", "etc/passwd"):
        assert get(server.url + path)[0] == 404


def test_another_host_is_refused_and_so_is_a_port_that_is_taken(server):
    assert server.server_address[0] == "127.0.0.1"
    assert get(server.url, Host="elsewhere.example")[0] == 403
    with pytest.raises(AnalysisError, match=f"port={server.server_port}"):
        PageServer(server.contents, server.server_port)
    with pytest.raises(AnalysisError, match="port=70000"):
        PageServer(server.contents, 70000)


def test_what_cannot_be_computed_is_said(whole):
    with PageServer(gather([whole], Settings(limit=3))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, text = get(f"{server.url}blob/rdm%2F0%2FIT")
        server.shutdown()
    assert status == 409
    assert b"needs at least 4" in text


def test_the_browser_reads_what_is_looked_at(server, browser):
    browser.open(server.url)
    browser.choose(image=5, moment=6)
    assert browser.text(".map:last-child .values").startswith("rms ")
