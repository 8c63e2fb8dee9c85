"""Movies from the command line: what a new user reads, one message for every mistake."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest
import zarr
from movies import (
    command,
    config,
    names,
    new_process,
    right,
)

import cortexsim
import cortexsim.rdm
import cortexsim.record
from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.analysis.movie import movie as module
from cortexsim.record import record
from cortexsim.recording.checked import with_own_digest
from cortexsim.recording.recorder import Recorder


def fail_when_pairs_come(monkeypatch):
    original, calls = module.Target.put, []

    def put(self, *arguments, start):
        calls.append(arguments)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        original(self, *arguments, start=start)

    monkeypatch.setattr(module.Target, "put", put)


@pytest.mark.slow
def test_a_full_disk_is_one_message_of_the_command(small, tmp_path, monkeypatch, capsys):
    fail_when_pairs_come(monkeypatch)
    code, _, err = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--no-figure"
    )
    assert code == 1
    assert "No space left" in err


def foreign(kind, path, small):
    if kind == "recording":
        shutil.copytree(small, path)
    elif kind == "file":
        path.write_text("mine")
    elif kind == "store":
        zarr.open_group(path, mode="w").attrs["format"] = "something else"
    else:
        path.mkdir()
        (path / "thesis.txt").write_text("mine")
    return path


def test_a_lost_chunk_is_named_and_nothing_is_written(editable, tmp_path, capsys):
    (editable / "V4" / "activation" / "c.2.3.0").unlink()
    code, _, err = command(cortexsim.rdm.main, capsys, editable, "--out", tmp_path / "a.zarr")
    assert code == 1
    assert "c.2.3.0 is missing" in err
    assert names(tmp_path) == ["edited.zarr"]


@pytest.mark.slow
def test_a_new_user_makes_a_movie_of_a_recording(small, tmp_path):
    done = new_process(
        "cortexsim.rdm", small, "--out", "mine.zarr", "--measure", "cosine", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "wrote mine.zarr: 14 RDMs (cosine) of 70 stimuli, 2,415 pairs each" in done.stdout
    assert "drew mine.png" in done.stdout
    assert names(tmp_path) == ["mine.png", "mine.zarr"]
    assert (tmp_path / "mine.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "mine.png").stat().st_size > 30_000
    right(open_movie(tmp_path / "mine.zarr"), cortexsim.open_recording(small), "cosine")
    hint = next(line for line in done.stdout.splitlines() if "python -c" in line).split('"')[1]
    tried = subprocess.run(
        [sys.executable, "-c", hint], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert tried.returncode == 0, tried.stderr
    assert "rdm" in tried.stdout


@pytest.mark.slow
def test_the_console_script_has_the_verb(small, tmp_path):
    done = new_process(
        "cortexsim",
        "rdm",
        small,
        "--no-figure",
        "--states",
        "IT",
        "V1",
        "--steps",
        "5",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["movie.zarr"], "the default of --out, and no figure"
    assert "states IT, V1" in done.stdout
    assert list(open_movie(tmp_path / "movie.zarr").state.values) == ["IT", "V1"]


@pytest.mark.slow
def test_a_new_user_makes_a_movie_without_a_recording(tmp_path, capsys, monkeypatch):
    arguments = (
        "--rdm",
        "correlation",
        "--out",
        "mine.zarr",
        "--limit",
        "6",
        "--lesion",
        "feedback",
    )
    done = new_process("cortexsim.record", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote mine.zarr: 26 RDMs (correlation) of 6 stimuli, 15 pairs each" in done.stdout
    assert names(tmp_path) == ["mine.png", "mine.zarr"]
    assert "feedback" in open_movie(tmp_path / "mine.zarr").attrs["model"]
    monkeypatch.chdir(tmp_path)
    code, _, err = command(cortexsim.record.main, capsys, *arguments)
    assert code == 1
    assert "exists" in err
    assert "--overwrite" in err


@pytest.mark.slow
def test_an_error_of_a_new_process_is_one_line(tmp_path):
    done = new_process("cortexsim.rdm", "nowhere.zarr", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: no recording at nowhere.zarr\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("main", [cortexsim.rdm.main, cortexsim.record.main], ids=["rdm", "record"])
def test_help_names_measures_and_memory(main, capsys):
    code, out, _ = command(main, capsys, "--help")
    words = " ".join(out.split())
    assert code == 0
    assert "correlation, cosine" in words
    assert "--memory MEMORY" in words
    assert "megabytes of activations held" in words


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (("--measure", "euclidean"), ("euclidean", "correlation, cosine, sqeuclidean")),
        (("--measure", "crossnobis"), ("crossnobis", "rdms")),
        (("--states", "V3"), ("V3", "V1, V2, V4, IT")),
        (("--states", "readout"), ("readout", "V1, V2, V4, IT")),
        (("--states", "V1", "V1"), ("V1",)),
        (("--steps", "6"), ("6", "1 to 5")),
        (("--steps", "0"), ("0", "1 to 5")),
        (("--steps", "2", "2"), ("2",)),
        (("--memory", "0"), ("--memory 0",)),
        (("--memory", "-3"), ("--memory -3",)),
    ],
    ids=str,
)
def test_bad_requests_are_one_message_and_write_nothing(small, tmp_path, capsys, options, facts):
    code, out, err = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", *options
    )
    assert (code, out) == (1, "")
    assert all(f in err for f in ("error: ", *facts)), err
    assert names(tmp_path) == []


def test_steps_at_which_nothing_is_populated_fail_before_anything_is_written_or_not_at_all(
    small, tmp_path, capsys
):
    arguments = (small, "--out", tmp_path / "a.zarr", "--states", "IT", "--steps", "1", "2")
    code, out, err = command(cortexsim.rdm.main, capsys, *arguments)
    assert code in (0, 1)
    assert names(tmp_path) == ([] if code else ["a.zarr"]), out + err


@pytest.mark.parametrize("what", ["movie", "file", "folder", "other store", "unfinished"])
def test_what_is_not_a_whole_recording_is_told_with_what_to_do(
    small, photographs, tmp_path, capsys, monkeypatch, what
):
    path = tmp_path / "x.zarr"
    if what == "movie":
        rdm_movie(small, out=path, progress=False)
    elif what == "unfinished":
        monkeypatch.setattr(
            Recorder, "_record", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            record(config(photographs, path, limit=20))
        monkeypatch.undo()
        if not path.exists():  # nothing was committed
            whole = record(config(photographs, path, limit=20))
            node = json.loads((whole / "zarr.json").read_text())
            node["attributes"]["stimuli_committed"] = 13
            (whole / "zarr.json").write_text(json.dumps(with_own_digest(node)))
    else:
        foreign(what.removeprefix("other "), path, small)
    capsys.readouterr()
    code, _, err = command(cortexsim.rdm.main, capsys, path, "--out", tmp_path / "a.zarr")
    assert code == 1
    facts = {
        "movie": "movie",
        "file": "file",
        "folder": "no zarr.json",
        "other store": "not a recording",
    }
    assert facts.get(what, "--resume") in err
    assert "x.zarr" in err
    assert names(tmp_path) == ["x.zarr"]


@pytest.mark.parametrize("out", ["file/a.zarr", "/proc/nowhere/a.zarr", "/", "."])
def test_an_output_that_cannot_be_written_is_one_message(small, tmp_path, capsys, monkeypatch, out):
    (tmp_path / "file").write_text("mine")
    monkeypatch.chdir(tmp_path)
    code, _, err = command(cortexsim.rdm.main, capsys, small, "--out", out)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    code, _, err = command(
        cortexsim.record.main, capsys, "--rdm", "cosine", "--limit", "4", "--out", out
    )
    assert code == 1
    assert err.splitlines()[-1].startswith("error: ")
    assert names(tmp_path) == ["file"]


@pytest.mark.slow
def test_a_figure_is_drawn_beside_the_movie_and_replaced_on_request_only(small, tmp_path, capsys):
    (tmp_path / "a.png").write_text("mine")
    code, _, err = command(cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr")
    assert code == 1
    assert all(f in err for f in ("a.png", "--overwrite", "--no-figure"))
    assert names(tmp_path) == ["a.png"]
    assert (
        command(cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--no-figure")[0]
        == 0
    )
    assert (tmp_path / "a.png").read_text() == "mine"
    code, out, _ = command(
        cortexsim.rdm.main, capsys, small, "--out", tmp_path / "a.zarr", "--overwrite"
    )
    assert code == 0
    assert "drew" in out
    assert (tmp_path / "a.png").stat().st_size > 30_000


def test_the_command_line_and_the_function_agree_on_defaults():
    defaults = {f.name: f.default for f in dataclasses.fields(cortexsim.rdm.RdmConfig)}
    assert defaults["memory"] << 20 == module.MEMORY
    assert defaults["measure"] == "correlation"


@pytest.mark.slow
def test_the_figure_goes_where_its_option_says(small, tmp_path, capsys):
    there = tmp_path / "there.svg"
    arguments = (small, "--out", tmp_path / "a.zarr", "--figure", there)
    code, out, _ = command(cortexsim.rdm.main, capsys, *arguments)
    assert code == 0
    assert f"drew {there}" in out
    assert names(tmp_path) == ["a.zarr", "there.svg"]
    assert "</text>" in there.read_text()
    again = (*arguments[:2], tmp_path / "b.zarr", *arguments[3:])
    code, _, err = command(cortexsim.rdm.main, capsys, *again)
    assert code == 1
    assert "there.svg exists and the figure would replace it" in err
    assert names(tmp_path) == ["a.zarr", "there.svg"]
