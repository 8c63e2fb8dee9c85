"""Running a public benchmark, and what is said where that cannot be."""

import json
import os
import subprocess
import sys

import brainscore_vision
import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.assemblies import (
    NeuronRecordingAssembly,
    walk_coords,
)
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
from brainscore_vision.metrics import Score

from cortexsim.brainscore import __main__ as command
from cortexsim.brainscore import scoring
from cortexsim.errors import BrainScoreError


@pytest.fixture
def benchmark(model, stimuli):
    """A benchmark whose brain is the model's own V4: its score is 1 over a ceiling of 0.5."""
    model.start_recording("V4", [(70, 170)])
    recording = model.look_at(stimuli)
    coords = {name: (dims, values) for name, dims, values in walk_coords(recording)}
    brain = NeuronRecordingAssembly(recording.values, coords=coords, dims=recording.dims)
    brain.attrs["stimulus_set"] = stimuli
    return NeuralBenchmark(
        "mine.V4-rdm",
        brain,
        load_metric("rdm"),
        8,
        1,
        ceiling_func=lambda: Score(0.5),
        version=1,
        parent="V4",
        bibtex="",
    )


def test_a_benchmark_that_can_be_had_is_run_and_reported(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scoring, "benchmarks", lambda: ["mine.V4-rdm"])
    monkeypatch.setattr(brainscore_vision, "load_benchmark", lambda name: benchmark)
    out = tmp_path / "score.json"
    assert command.main(["score", "--benchmark", "mine.V4-rdm", "--out", str(out)]) == 0
    assert (
        "cortex4 on mine.V4-rdm: score 2.0000, error not given, raw 1.0000, ceiling 0.5000"
        in capsys.readouterr().out
    )
    numbers = json.loads(out.read_text())
    assert (numbers["score"], numbers["raw"], numbers["ceiling"]) == pytest.approx((2, 1, 0.5))
    assert numbers["commitment"]["steps"] == 12


def test_without_a_connection_it_says_what_to_run_and_where():
    """A whole command in a process whose way out is closed: one message, no traceback."""
    closed = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cortexsim.brainscore",
            "score",
            "--benchmark",
            "MajajHong2015public.V4-pls",
        ],
        env={**os.environ, **closed, "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 1
    message = done.stderr[done.stderr.index("error:") :]
    assert message.startswith("error: MajajHong2015public.V4-pls was not run")
    for words in (
        "brainscore-storage.s3.amazonaws.com",
        "make brainscore",
        ".venv-brainscore/bin/cortexsim brainscore score --model cortex4 --benchmark "
        "MajajHong2015public.V4-pls",
        "https://www.brain-score.org",
    ):
        assert words in message
    assert "Traceback" not in done.stderr


def test_an_unknown_benchmark_is_told_with_the_nearest_names(model):
    with pytest.raises(
        BrainScoreError,
        match=r"no benchmark 'MajajHong2015public.IT'; did you mean .*MajajHong2015public.IT-pls",
    ):
        scoring.score(model, "MajajHong2015public.IT")
    assert {"Kar2019-ost", "MajajHong2015public.V4-temporal-pls"} <= set(scoring.benchmarks())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            Exception(
                [PermissionError("An error occurred (403) when calling HeadObject: Forbidden")]
            ),
            "its data are private",
        ),
        (
            ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow"),
            "needs the module 'tensorflow'",
        ),
        (AssertionError("shapes"), "failed inside Brain-Score: AssertionError: shapes"),
        (BrainScoreError("cortex4 has no region 'V4'"), "^cortex4 has no region"),
    ],
    ids=["private", "module", "other", "ours"],
)
def test_failures_inside_are_one_message(benchmark, model, monkeypatch, failure, words):
    def fail(self, candidate):
        raise failure

    monkeypatch.setattr(scoring, "benchmarks", lambda: ["mine.V4-rdm"])
    monkeypatch.setattr(brainscore_vision, "load_benchmark", lambda name: benchmark)
    monkeypatch.setattr(NeuralBenchmark, "__call__", fail)
    with pytest.raises(BrainScoreError, match=words):
        scoring.score(model, "mine.V4-rdm")


def test_scores_by_time_bin_are_a_list():
    score = Score([0.25, 0.5], coords={"time_bin": [0, 1]}, dims=["time_bin"])
    score.attrs["ceiling"] = Score(np.array(1.0))
    assert scoring.report(score, "m", "b")["score"] == [0.25, 0.5]
    assert command._shown([0.25, 0.5]) == "0.3750 (mean of 2)"
