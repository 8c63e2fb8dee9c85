"""Suites: which networks, side by side, a table of what is done, a failure that stops no other,
resuming.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE, as_arguments, settings, wait_for

from cortexsim import zoo
from cortexsim.cli import arguments_of, parse
from cortexsim.errors import TrainingError
from cortexsim.experiments.train import suite
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.experiments.train.suite import SUITES, train_suite
from cortexsim.train import jobs_of

# The command with a suite of two small networks.
PROGRAM = """
import sys
from cortexsim.cli import run
from cortexsim.train import main
from cortexsim.experiments.train import suite
suite.SUITES["two"] = ("cortex4-adjacent", "tiny30")
"""
RUN = "run(lambda: main(sys.argv[1:]))"
ENDING = Path(__file__).parents[2] / "training" / "ending.py"
# Its networks wait in their second epoch until they are asked to stop.
HELD = f"""
new = suite.Job.__init__
def held(self, *arguments):
    new(self, *arguments)
    assert self.command[1:3] == ["-m", "cortexsim.train"]
    self.command[1:3] = [{str(ENDING)!r}, "HOLD", "13", "0"]
suite.Job.__init__ = held
"""


def train_all(config: TrainConfig, log) -> int:
    return train_suite(config.suite, jobs_of(config), side_by_side=config.jobs, log=log)


def asked(data, out, **changes) -> TrainConfig:
    return settings(
        data, out, **{"model": "cortex4", "suite": "two", "epochs": 1, "jobs": 2, **changes}
    )


def test_every_network_of_every_suite_is_in_the_zoo():
    for names in SUITES.values():
        assert len(set(names)) == len(names)
        assert all(n in zoo() or n.removesuffix("-twin") in zoo() for n in names)


def test_the_paper_is_all_networks_of_the_zoo_but_those_of_another_training():
    assert set(SUITES["paper"]) == set(zoo()) - {
        "cortex4-twin",
        "cortex4-masked",
        "cortex4-imagenet",
    }


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(
            recipe="modern", lr=0.2, lr_drops=(1, 2), flip=False, decay_all=True, compile=False
        ),
        TrainConfig(
            supervise=("4", "8"),
            readout=(8,),
            limit=10,
            epochs=3,
            cutout=0,
            train_count=5,
            out="a b",
        ),
    ],
)
def test_the_command_line_of_a_configuration_gives_it_back(config):
    assert parse(TrainConfig, arguments_of(config), "train", "") == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": "papers"}, "no suite is called 'papers'; choose from paper, "),
        ({"suite": "paper", "model": "rnn2"}, "names its networks itself; leave out `model=rnn2`"),
    ],
)
def test_what_contradicts_a_suite_is_refused(changes, message):
    with pytest.raises(TrainingError, match=message):
        jobs_of(TrainConfig(**changes))


def test_a_suite_is_not_for_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="run it without torchrun"):
        jobs_of(TrainConfig(suite="paper"))


def test_the_folder_is_named_after_the_suite():
    assert TrainConfig(suite="paper").folder == "runs/paper"
    (job,) = (j for j in jobs_of(TrainConfig(suite="paper", jobs=2, seed=4)) if j.model == "rnn2")
    assert str(job.folder) == "runs/paper/rnn2"
    child = parse(TrainConfig, job.command[3:], "train", "")
    assert (child.model, child.seed, child.suite, child.jobs, child.out) == (
        "rnn2",
        4,
        None,
        1,
        "runs/paper/rnn2",
    )
    assert child.threads == max(1, (os.cpu_count() or 1) // 2)


@pytest.mark.slow
def test_a_failure_stops_no_other_and_is_reported(crops, tmp_path, monkeypatch):
    """A readout at step 5, which tiny30 has not.

    The other two are trained, as they would be alone, and their results kept.
    """
    monkeypatch.setitem(SUITES, "two", ("cortex4-adjacent", "tiny30", "rnn2-t2"))
    said: list[str] = []
    config = asked(crops(8, 64), tmp_path, readout=(5,), limit=16, jobs=3)
    assert train_all(config, said.append) == 1
    table, last = said[-2:]
    assert "1 of 3 networks failed" in last
    assert "tiny30.log" in last
    rows = {line.split()[0]: line for line in table.splitlines()}
    assert list(rows) == ["network", "cortex4-adjacent", "tiny30", "rnn2-t2"]
    assert "failed: h3 cannot be read out at step 5" in rows["tiny30"]
    for name in ("cortex4-adjacent", "rnn2-t2"):
        card = json.loads((tmp_path / name / f"{name}.json").read_text())
        assert rows[name].split()[1:3] == [f"{card['parameters']:,}", f"{card['test_error']:.2%}"]
        assert rows[name].endswith("done")
    stamps = (tmp_path / "rnn2-t2" / "rnn2-t2.safetensors").stat().st_mtime_ns
    assert train_all(config, said.append) == 1  # again: what is done is left alone
    assert (tmp_path / "rnn2-t2" / "rnn2-t2.safetensors").stat().st_mtime_ns == stamps


def test_no_more_than_jobs_run_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "POLL_SECONDS", 0.01)
    sleep = [sys.executable, "-c", "import time; time.sleep(0.2)"]
    jobs = [suite.Job("rnn2", tmp_path / str(k) / "rnn2", sleep) for k in range(5)]
    running: list[int] = []
    real = suite.Job.start

    def start(self):
        running.append(sum(j.status == "running" for j in jobs))
        real(self)

    monkeypatch.setattr(suite.Job, "start", start)
    suite._run(jobs, 2, stop=suite._Stop(), log=lambda text: None)
    assert max(running) == 1  # besides the one that starts
    assert [j.status for j in jobs] == ["done"] * 5


@pytest.mark.slow
def test_the_command_is_stopped_by_a_signal_and_continues(crops, tmp_path):
    long = as_arguments(asked(crops(8, 224), tmp_path, train_count=192, epochs=3))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + HELD + RUN, *long], stderr=subprocess.PIPE, text=True
    )
    first = [tmp_path / n / "metrics.jsonl" for n in ("cortex4-adjacent", "tiny30")]
    for file in first:
        wait_for(file, process)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith(
        "error: stopped by a signal; the same command continues all networks of two"
    )
    assert "failed: stopped by a signal at step" in said
    assert all((f.parent / "checkpoint.pt").is_file() for f in first)
    command = [sys.executable, "-c", PROGRAM + RUN, *long]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "continuing at step" in (tmp_path / "tiny30.log").read_text()
    assert [line.split()[-1] for line in ended.stderr.splitlines()[-2:]] == ["done", "done"]
