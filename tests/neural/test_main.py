"""``cortexsim neural``: lists, records, downloads, and errors in one line."""

import subprocess
import sys

import pytest

from cortexsim import neural
from cortexsim.neural.__main__ import main
from cortexsim.neural.benchmarks.registry import BENCHMARKS


def command(*arguments):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cortexsim.neural", *arguments], capture_output=True, text=True
    )


def test_list_has_a_line_for_each_benchmark_and_says_what_is_absent(clean, capsys):
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [*neural.list()]
    more = [line.strip() for line in out.splitlines() if line.startswith(" ")]
    assert more[::2] == [f"cite: {record.citation}" for record in BENCHMARKS.values()]
    assert more[1::2] == [f"terms: {record.licence}" for record in BENCHMARKS.values()]
    kinds = {line.split()[0]: line.rpartition("[")[2] for line in lines}
    assert kinds["cifar10h"] == "absent, 1.6 MB]"
    assert kinds["tang-masking"] == "absent, by hand only]"
    assert kinds["latencies"] == "here]"
    assert "CORTEXSIM_DATA not set" in err
    assert str(clean) in err


def test_info_says_terms_and_where_files_come_from(clean, capsys):
    assert main(["info", "kriegeskorte92", "latencies"]) == 0
    out = capsys.readouterr().out
    record = BENCHMARKS["kriegeskorte92"]
    for part in (
        record.citation,
        record.licence,
        record.commit,
        "5,809,062 bytes",
        "not here",
        "latencies.csv",
    ):
        assert part in out
    assert main(["info", "all"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name}: " in out for name in BENCHMARKS)


def test_fetch_prints_where_the_files_are(served, clean, capsys):
    served("direct")
    assert main(["fetch", "toy"]) == 0
    assert capsys.readouterr().out == f"toy: {clean / 'toys' / 'toy.npz'}\n"


def test_fetch_goes_on_after_a_failure_and_tells_it(served, server, clean, capsys, monkeypatch):
    served("direct")
    few = {name: BENCHMARKS[name] for name in ("toy", "latencies", "henaff-v1")}
    monkeypatch.setattr("cortexsim.neural.__main__.BENCHMARKS", few)
    assert main(["fetch", "all"]) == 1
    out, err = capsys.readouterr()
    assert "toy.npz" in out
    assert "latencies.csv" in out
    assert [line for line in err.splitlines() if line.startswith("error: henaff-v1")]


@pytest.mark.parametrize(
    "arguments", [("fetch", "no-such"), ("info", "no-such"), ("fetch", "henaff-v1")]
)
def test_an_error_is_one_line_and_status_1(arguments, clean):
    done = command(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("fetch",), ("no-such-verb",)])
def test_a_wrong_command_line_shows_the_usage(arguments):
    done = command(*arguments)
    assert done.returncode == 2
    assert "usage: cortexsim neural" in done.stderr


def test_help_says_where_files_are_looked_for():
    done = command("--help")
    assert done.returncode == 0
    for part in ("CORTEXSIM_DATA", "CORTEXSIM_CACHE", "fetch kriegeskorte92", "neural.load"):
        assert part in done.stdout


def test_no_submodule_hides_a_public_name():
    """In whatever order the submodules are imported, ``neural.align`` is the function."""
    text = (
        "import importlib, pkgutil\n"
        "names = [m.name for m in "
        "pkgutil.iter_modules(importlib.import_module('cortexsim.neural').__path__)]\n"
        "[importlib.import_module('cortexsim.neural.' + name) for name in names if name != "
        "'__main__']\n"
        "from cortexsim import neural\n"
        "print([name for name in neural.__all__ if not callable(getattr(neural, name))])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_is_imported_without_heavy_libraries():
    heavy = (
        "xarray",
        "pooch",
        "requests",
        "torch",
        "scipy",
        "mne",
        "h5py",
        "matplotlib",
        "sklearn",
    )
    text = (
        f"import sys, cortexsim.neural as n; n.list(); print([m for m in {heavy!r} if m in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
