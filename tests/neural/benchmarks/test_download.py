"""Downloads against a server on this computer: whole or not at all, never altered, and errors that
say what to do.
"""

import json
import os
import pickle
import socket
import subprocess
import sys

import numpy as np
import pytest

import cortexsim.neural.benchmarks.benchmark
from cortexsim import neural
from cortexsim.neural.benchmarks.benchmark import BenchmarkError
from cortexsim.neural.benchmarks.content import content_sha256, packed, parsed, read
from cortexsim.neural.benchmarks.download import contents
from cortexsim.neural.benchmarks.originals import CONVERTERS
from cortexsim.neural.benchmarks.registry import BENCHMARKS
from cortexsim.neural.benchmarks.retrieve import Bounded


def left(folder):
    """All files below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


KINDS = ["direct", "converted"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_download_says_what_it_should_and_is_done_once(
    kind, served, server, clean, arrays, capfd
):
    record = served(kind)
    (path,) = neural.fetch("toy")
    assert path == clean / "toys" / "toy.npz"
    assert left(clean) == ["toys/toy.npz"]
    got = contents(record)["toy.npz"]
    assert all(np.array_equal(got[k], arrays[k]) for k in arrays)
    asked = len(server.asked)
    assert neural.fetch("toy") == (path,)
    assert len(server.asked) == asked == (1 if kind == "direct" else 2)
    assert "100%" in capfd.readouterr().err


def test_no_bar_on_request(served, clean, capfd):
    served("converted")
    neural.fetch("toy", progress=False)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [404, 500, 503, "truncated"])
def test_a_failed_download_leaves_nothing_and_the_next_one_works(
    fault, kind, served, server, clean
):
    record = served(kind)
    server.fault = fault
    with pytest.raises(BenchmarkError) as caught:
        neural.fetch("toy", progress=False)
    text = str(caught.value)
    assert "\n" not in text
    url = record.url(record.files[0].originals[0])
    size = f"{record.files[0].size:,} bytes"
    for part in ("toys/toy.npz", url, size, "CORTEXSIM_DATA", str(clean)):
        assert part in text
    assert str(fault) in text if isinstance(fault, int) else "IncompleteRead" in text
    assert left(clean) == []
    server.fault = None
    neural.fetch("toy", progress=False)
    assert left(clean) == ["toys/toy.npz"]


def test_without_a_connection_the_error_says_where_it_would_come_from(toy, clean, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(cortexsim.neural.benchmarks.benchmark, "RAW", f"http://127.0.0.1:{port}")
    record, data = toy("direct")
    with pytest.raises(BenchmarkError, match="no connection") as caught:
        neural.fetch("toy", progress=False)
    for part in (
        "toys/toy.npz",
        f"{len(data):,} bytes",
        record.url("in/toy.npz"),
        "CORTEXSIM_DATA",
        str(clean),
    ):
        assert part in str(caught.value)


def test_another_file_at_the_address_is_refused(served, server, arrays, clean):
    record = served("direct")
    server.put(record, "in/toy.npz", packed({"a": arrays["a"] + 1}, "toy.npz"))
    with pytest.raises(BenchmarkError, match="not the one expected"):
        neural.fetch("toy", progress=False)
    assert left(clean) == []


def test_originals_that_give_other_numbers_are_refused_with_both_hashes(served, server, clean):
    record = served("converted")
    server.put(record, "in/two.bin", np.zeros(1500).tobytes())
    with pytest.raises(BenchmarkError, match="nothing was kept") as caught:
        neural.fetch("toy", progress=False)
    assert record.files[0].content in str(caught.value)
    assert left(clean) == []


def test_originals_that_cannot_be_read_are_refused(served, server, clean):
    record = served("converted")
    server.put(record, "in/two.bin", b"odd")
    with pytest.raises(BenchmarkError, match="could not be converted"):
        neural.fetch("toy", progress=False)
    assert left(clean) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_download_leaves_nothing(kind, served, clean, monkeypatch):
    served(kind)

    def interrupted(self, url, output_file, pooch):
        with open(output_file, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bounded, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            neural.fetch("toy", progress=False)
    assert left(clean) == []
    neural.fetch("toy", progress=False)


def test_a_disk_that_refuses_is_an_error_of_ours(served, clean):
    served("converted")
    clean.parent.mkdir(exist_ok=True)
    clean.write_text("a file where the cache should be")
    with pytest.raises(BenchmarkError, match="could not be downloaded"):
        neural.fetch("toy", progress=False)


PROGRAM = """
import json, sys
import cortexsim.neural.benchmarks.benchmark as b
from cortexsim.neural.benchmarks.download import fetch
from cortexsim.neural.benchmarks.registry import BENCHMARKS
given = json.loads(sys.argv[1])
b.RAW = given.pop("raw")
file = b.File(**{**given, "originals": tuple(given["originals"])})
BENCHMARKS["toy"] = b.Benchmark("toy", "toy", "", "", "", "", "", "owner/repo", "c0ffee", (file,))
print(fetch("toy", progress=False)[0])
"""


def test_two_processes_may_fetch_at_the_same_time(served, server, clean):
    record = served("direct")
    server.fault = "slow"
    given = {**record.files[0].__dict__, "raw": cortexsim.neural.benchmarks.benchmark.RAW}
    command = [sys.executable, "-c", PROGRAM, json.dumps(given)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=600) for process in both]
    assert [p.returncode for p in both] == [0, 0], ends
    assert left(clean) == ["toys/toy.npz"]
    assert content_sha256(read(clean / "toys" / "toy.npz")) == record.files[0].content


def test_what_must_be_had_by_hand_says_so(toy, clean):
    record, data = toy("by hand")
    with pytest.raises(BenchmarkError, match="cannot be downloaded") as caught:
        neural.fetch("toy")
    expected = (
        "owner/repo",
        "c0ffee",
        "in/one.bin",
        f"{len(data):,} bytes",
        "CORTEXSIM_DATA",
        record.files[0].content,
    )
    for part in expected:
        assert part in str(caught.value)


# --- local copies ---------------------------------------------------------------------------------


@pytest.fixture
def local(toy, clean, tmp_path, monkeypatch):
    """A local copy of the toy; returns its path."""
    _, data = toy("direct")
    path = tmp_path / "data" / "toys" / "toy.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    monkeypatch.setenv("CORTEXSIM_DATA", str(tmp_path / "data"))
    return path


def test_a_local_copy_comes_first(local, clean):
    assert neural.fetch("toy") == (local,)
    assert left(clean) == []


def test_a_local_copy_may_be_compressed_otherwise(local, arrays):
    np.savez(local, name=arrays["name"], a=arrays["a"])
    assert neural.fetch("toy") == (local,)


@pytest.mark.parametrize("change", ["number", "type", "shape", "missing", "more", "name"])
def test_an_altered_local_copy_is_refused(change, local, arrays):
    a, name = arrays["a"], arrays["name"]
    other = a.copy()
    other[3, 4] += 1e-12
    altered = {
        "number": {"a": other, "name": name},
        "type": {"a": a.astype(np.float32), "name": name},
        "shape": {"a": a.reshape(50, 60), "name": name},
        "missing": {"a": a},
        "more": {**arrays, "b": np.zeros(1)},
        "name": {"b": a, "name": name},
    }[change]
    np.savez(local, **altered)
    with pytest.raises(BenchmarkError, match="unset CORTEXSIM_DATA") as caught:
        neural.fetch("toy")
    assert BENCHMARKS["toy"].files[0].content in str(caught.value)
    assert content_sha256(altered) in str(caught.value)


def test_a_damaged_local_copy_is_refused(local):
    local.write_bytes(local.read_bytes()[:100])
    with pytest.raises(BenchmarkError, match="cannot be read"):
        neural.fetch("toy")


def test_pickles_are_never_opened(local, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "opened"), "w"))

    np.savez(local, a=np.array([Trap()], dtype=object))
    with pytest.raises(BenchmarkError, match="cannot be read"):
        neural.fetch("toy")
    local.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(BenchmarkError, match="cannot be read"):
        neural.fetch("toy")
    assert not (tmp_path / "opened").exists()


def test_a_damaged_copy_in_the_cache_says_how_to_replace_it(served, clean):
    served("direct")
    (path,) = neural.fetch("toy", progress=False)
    path.write_bytes(b"PK")
    with pytest.raises(BenchmarkError, match="neural fetch toy"):
        neural.fetch("toy", progress=False)
    path.unlink()
    neural.fetch("toy", progress=False)


def test_a_folder_that_does_not_exist_is_refused(toy, clean, monkeypatch):
    toy("direct")
    monkeypatch.setenv("CORTEXSIM_DATA", "/no/such/folder")
    with pytest.raises(BenchmarkError, match="/no/such/folder is not a folder"):
        neural.fetch("toy")


def test_tables_keep_what_they_say(tmp_path):
    text = b'a,b\n1,"x, y"\n,z\n'
    for name in ("t.csv", "t.csv.gz"):
        (tmp_path / name).write_bytes(packed(text, name))
        assert read(tmp_path / name) == text
    table = parsed(text)
    assert {k: v.tolist() for k, v in table.items()} == {"a": ["1", ""], "b": ["x, y", "z"]}


def test_a_wrong_name_lists_the_names():
    with pytest.raises(BenchmarkError, match="kriegeskorte92, cichy92-fmri"):
        neural.load("kriegeskorte")


def test_every_record_is_pinned():
    for record in BENCHMARKS.values():
        for file in record.files:
            assert (len(file.content), len(record.commit)) == (64, 40)
            assert file.converter is None or file.converter in CONVERTERS
            assert len(set(file.originals)) == len(file.originals) > 0
    assert len({f.path for r in BENCHMARKS.values() for f in r.files}) == sum(
        len(r.files) for r in BENCHMARKS.values()
    )
