"""What ``cortexsim record`` says when it is done: what this run was, and what follows from it."""

from __future__ import annotations

import re
import shlex

import numpy as np

from cortexsim.record import main


def test_what_follows_is_of_this_run_and_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    np.savez("mine.npz", x=x, y=np.zeros(5, int))
    given = ("--stimuli", "mine.npz", "--keep", "mean", "--batch-size", "4", "--no-figure")
    assert main([*given, "--overwrite", "--out", "r.zarr"]) == 0
    said = capsys.readouterr().out
    assert "taken out" not in said
    assert "FOLDER" not in said
    (line,) = (line for line in said.splitlines() if "# the same without feedback" in line)
    words = shlex.split(line.split("#")[0])
    assert words[:2] == ["cortexsim", "record"]
    assert {*given, "--lesion", "feedback"} <= set(words)
    assert main(words[2:]) == 0
    said = capsys.readouterr().out
    assert "wrote r-without-feedback.zarr" in said
    assert re.search(r"taken out by the lesion: .*V4->V2 departing at steps", said)
    assert "the same without feedback" not in said


def test_a_network_without_live_feedback_is_offered_no_lesion_of_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few = ("--limit", "2", "--keep", "mean", "--no-figure")
    assert main(["--model", "cortex4-twin", *few]) == 0
    said = capsys.readouterr().out
    assert "without feedback" not in said
    assert "--stimuli FOLDER" in said
