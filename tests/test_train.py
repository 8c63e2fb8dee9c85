"""cortexsim train: one option a field, and every mistake one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import Killed, Run, as_arguments, killed_at, settings

from cortexsim.cli import run
from cortexsim.train import main

COMMAND = [sys.executable, "-m", "cortexsim.train"]


def failed(arguments, capsys) -> tuple[int, str]:
    """Exit status of the training command and the last thing it said."""
    with pytest.raises(SystemExit) as ended:
        run(lambda: main([str(a) for a in arguments]))
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["--modle x", "--epochs many", "--norm batch", "--precision half", "--readout", "stray"]
)
def test_what_cannot_be_parsed_is_status_2_with_the_usage(line, capsys):
    status, said = failed(line.split(), capsys)
    assert status == 2
    assert said.startswith("usage: cortexsim train")
    assert "error: " in said


def test_the_command_trains_and_ends_with_status_0(crops, tmp_path):
    config = settings(crops(8, 64), tmp_path, epochs=1)
    with pytest.raises(SystemExit) as ended:
        run(lambda: main(as_arguments(config)))
    assert ended.value.code == 0
    asked = {k: v for k, v in vars(config.resolved()).items() if k != "plan"}
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(json.dumps(asked))
    assert len(Run(tmp_path).metrics) == 1


def test_a_plan_says_what_is_to_come_and_writes_nothing(crops, tmp_path, capsys):
    config = settings(crops(8, 64), tmp_path / "run", epochs=3)
    assert main([*as_arguments(config), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "3 epochs" in said
    assert re.search(r"about .* for 9 steps at [\d,]+ images/s", said)
    assert not (tmp_path / "run").exists()
    with killed_at(2, torn=False), pytest.raises(Killed):
        main(as_arguments(config))
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    capsys.readouterr()
    assert main([*as_arguments(config), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "continuing at step 3 of 9" in said
    assert "for 6 steps" in said
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before
    assert main(as_arguments(config)) == 0
    complete = [*as_arguments(config), "--plan"]
    assert "is complete; give another --out" in failed(complete, capsys)[1]


@pytest.mark.parametrize("other", [["--model", "rnn2-t2"], ["--lr", "0.5"]])
def test_a_plan_of_another_run_in_a_begun_folder_is_refused_as_the_run_is(
    crops, tmp_path, capsys, other
):
    config = settings(crops(8, 64), tmp_path / "run", epochs=3)
    with killed_at(2, torn=False), pytest.raises(Killed):
        main(as_arguments(config))
    capsys.readouterr()
    said = [failed([*as_arguments(config), *other, *how], capsys)[1] for how in ([], ["--plan"])]
    assert said[0] == said[1]
    assert "holds a run with other settings" in said[0]


def test_a_plan_is_of_one_network(capsys):
    assert "--plan is of one network" in failed(["--plan", "--suite", "paper"], capsys)[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model cortx4", "no network is called 'cortx4'; did you mean cortex4"),
        ("--model nothing-like-it", "The zoo: cortex4, "),
        ("--epochs 0", "--epochs is 0; it must be at least 1"),
        ("--lr -1", "--lr is -1.0; it must be at least 0"),
        ("--batch-size 0", "--batch-size is 0; it must be at least 1"),
        ("--limit -5", "--limit is -5; it must be at least 1"),
        ("--validate-every 0", "--validate-every is 0; it must be at least 1"),
        ("--readout 2", "never populated"),
        ("--supervise first", "--supervise is 'first'; give last, all, or steps, e.g. 4 6 8"),
        ("--supervise last all", "--supervise is 'last all'"),
        ("--supervise 0 5", "--supervise is '0 5'"),
        (
            "--supervise 2 5",
            "--supervise asks for the readout at step 2, but IT can be read at step 4-5 only",
        ),
        (
            "--supervise 4",
            "--supervise leaves out step 5, the readout time of the network; add it, or change it "
            "with",
        ),
        (
            "--random-readout 3 5",
            "--random-readout asks for the readout at step 3, but IT can be read at step 4-5 only",
        ),
        ("--random-readout 6 8", "--random-readout leaves out step 5"),
        ("--random-readout 6 4", "--random-readout is 6 4; give the first step and the last"),
        ("--random-readout 4 5 --supervise all", "exclude each other"),
        ("--label-smoothing 1", "--label-smoothing is 1.0; it must be below 1"),
        ("--ema 1", "--ema is 1.0; it must be below 1"),
        ("--optimizer nesterov --momentum 0", "--optimizer nesterov needs a --momentum above 0"),
        ("--optimizer adamw --momentum 1", "--momentum is 1.0; it must be below 1"),
        ("--calibrate-to 3", "--calibrate-to 3 is before the last trained step; give a step"),
        ("--device warp", "device 'warp' is not known; use auto, cpu, cuda or cuda:N"),
        ("--train-count 64", "say how many of the first are for training"),
        ("--data nowhere.npz", "no training data at 'nowhere.npz'"),
    ],
)
def test_a_mistake_is_one_line_and_status_1(crops, tmp_path, capsys, line, message):
    status, said = failed(
        [*as_arguments(settings(crops(8, 64), tmp_path / "run")), *line.split()], capsys
    )
    assert status == 1
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_gpu_is_said(crops, tmp_path, capsys):
    status, said = failed(
        [*as_arguments(settings(crops(8, 64), tmp_path)), "--device", "cuda"], capsys
    )
    assert status == 1
    assert "torch finds no CUDA device; use --device cpu" in said


def test_images_that_fit_no_state_are_an_error_of_ours(pictures, tmp_path, capsys):
    np.savez(tmp_path / "a.npz", x=pictures[0][:64, :12, :12], y=pictures[1][:64])
    status, said = failed(as_arguments(settings(tmp_path / "a.npz", tmp_path / "run")), capsys)
    assert status == 1
    assert "12 x 12 pixels; both must be multiples of 8" in said.splitlines()[-1]


@pytest.mark.slow
def test_as_a_program_without_data_and_network(tmp_path):
    """The documented command on a machine that is offline.

    What was sought, where from, where to put it.
    """
    offline = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    environment = (
        {k: v for k, v in os.environ.items() if k.lower() != "no_proxy" and k != "CORTEXSIM_DATA"}
        | offline
        | {"CORTEXSIM_CACHE": str(tmp_path / "cache")}
    )
    ended = subprocess.run(
        [*COMMAND, "--out", "run"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=600,
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(
        "error: cifar10 is neither in CORTEXSIM_DATA (not set) nor in "
        f"{tmp_path / 'cache'}, and could not be downloaded from https://www.cs.toronto.edu/"
    )
    assert "CORTEXSIM_CACHE" in last
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()
