"""Offline, a loader says one sentence; and every loader looks into CORTEXSIM_DATA first."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import cortexsim.neural.benchmarks.benchmark
from cortexsim import folders, neural
from cortexsim.neural.benchmarks import latencies
from cortexsim.neural.benchmarks.benchmark import BenchmarkError
from cortexsim.neural.benchmarks.registry import BENCHMARKS

DOWNLOADED = [name for name, record in BENCHMARKS.items() if record.files]
LATENCIES = Path(latencies.__file__).with_name("latencies.csv")


@pytest.fixture
def closed(monkeypatch, clean):
    """A port on this computer at which nobody listens, in the place of the public server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(cortexsim.neural.benchmarks.benchmark, "RAW", address)
    return address


@pytest.mark.parametrize("name", DOWNLOADED)
def test_load_and_fetch_say_one_sentence_that_is_not_chained(name, closed):
    for get in (neural.load, neural.fetch):
        with pytest.raises(BenchmarkError) as caught:
            get(name, progress=False)
        text = str(caught.value)
        assert "\n" not in text
        assert len(text) < 1200
        assert text.startswith(BENCHMARKS[name].files[0].path)
        assert "CORTEXSIM_DATA" in text
        assert caught.value.__cause__ is None
        # What a person sees is the last error alone.
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_in_a_process_of_its_own_the_traceback_is_short(closed, clean, tmp_path):
    code = (
        "import cortexsim.neural.benchmarks.benchmark as b; "
        f"b.RAW = {closed!r}; from cortexsim import neural; "
        "neural.load('cowley-v4', progress=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert len(lines) < 25
    assert sum(line.startswith("Traceback") for line in lines) == 1
    assert "no connection" in lines[-1]


def test_the_command_line_says_one_line(clean):
    """Through a proxy that does not answer, as behind a firewall."""
    proxies = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    environment = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"} | proxies
    command = [sys.executable, "-m", "cortexsim.neural", "fetch", "cifar10h"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("error: cifar10h/")
    assert "no connection" in lines[0]


# --- CORTEXSIM_DATA -------------------------------------------------------------------------------


def test_there_is_one_cache_folder(clean, monkeypatch):
    import pooch

    assert folders.cache_folder() == clean
    monkeypatch.delenv("CORTEXSIM_CACHE")
    assert folders.cache_folder() == Path(pooch.os_cache("cortexsim"))
    found = [
        path
        for path in Path(cortexsim.__file__).parent.rglob("*.py")
        if "def cache_folder" in path.read_text() or "def data_folder(" in path.read_text()
    ]
    assert [path.name for path in found] == ["folders.py"]


@pytest.fixture
def own(clean, monkeypatch, tmp_path):
    """A folder of data with a table of latencies of the reader's own."""
    path = tmp_path / "data" / "latencies" / "latencies.csv"
    path.parent.mkdir(parents=True)
    shutil.copy(LATENCIES, path)
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path / "data"))
    return path


def test_a_table_of_latencies_of_your_own_comes_first(own):
    ours = neural.load("latencies")
    row = 'V2,71.5,9,sd,"macaque, awake",gratings,mine,,read in the source,read in the source,x\n'
    own.write_text(own.read_text() + row)
    assert neural.fetch("latencies") == (own,)
    table = neural.load("latencies")
    assert table.sizes["row"] == ours.sizes["row"] + 1
    assert float(table.mean_ms[-1]) == 71.5
    assert str(own) in table.attrs["source"]
    assert str(own) in neural.info("latencies")


def test_without_one_the_table_of_the_package_is_read(own):
    own.unlink()
    table = neural.load("latencies")
    assert neural.fetch("latencies") == (LATENCIES,)
    assert table.attrs["source"].startswith("part of cortexsim")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("area,mean_ms", "area,mean", "no mean_ms; it has area, mean, "),
        ("V1,66.0", "V1,sixty", "mean_ms of the table of latencies: .*'sixty'"),
    ],
)
def test_a_table_that_is_none_is_refused(before, after, message, own):
    own.write_text(own.read_text().replace(before, after))
    with pytest.raises(BenchmarkError, match=message):
        neural.load("latencies")


def test_a_folder_that_does_not_exist_is_refused_by_every_loader(clean, monkeypatch):
    from cortexsim.errors import CortexsimError
    from cortexsim.stimuli.datasets import load_images

    monkeypatch.setenv("CORTEXSIM_DATA", "/no/such/folder")
    for load in (lambda: neural.load("latencies"), lambda: load_images("cifar10")):
        with pytest.raises(CortexsimError, match="CORTEXSIM_DATA=/no/such/folder is not a folder"):
            load()
