"""A run that is killed, wherever and however often, ends in the same weights and metrics as one
that is not.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.experiments.verify.outputs import verified
from cortexsim.training import session
from cortexsim.training.session import Session, read_checkpoint

from .helpers import Run, ending, kill, killed_at, metrics_of, same, settings, train

EPOCH = 2  # steps
STEPS = 3 * EPOCH


def short(crops, out: Path, **changes) -> TrainConfig:
    """A run of 6 steps in 3 epochs."""
    return settings(crops(8, 48), out, **{"train_count": 16 * EPOCH, **changes})


@pytest.fixture(scope="module")
def whole(crops, tmp_path_factory) -> Run:
    """The run, never interrupted.

    It writes the settings, a checkpoint after each step, the weights and the card.
    """
    folder = tmp_path_factory.mktemp("whole")
    with killed_at(-1, torn=False) as calls:
        train(short(crops, folder, checkpoint_seconds=0.0), log=lambda text: None)
    assert calls == [STEPS + 3]
    return Run(folder)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("torn", [True, False])
@pytest.mark.parametrize("call", range(1, STEPS + 4))
def test_a_kill_at_any_write_changes_nothing(crops, tmp_path, whole, call, torn):
    config = short(crops, tmp_path, checkpoint_seconds=0.0)
    kill(config, call, torn=torn)
    assert bool(list(tmp_path.glob(".*-1.tmp"))) == torn
    saved = min(max(call - 1 - torn, 0), STEPS)  # steps in the checkpoint that the kill left
    if EPOCH < saved < STEPS:
        with open(tmp_path / "metrics.jsonl", "a") as file:
            file.write('{"epoch": 2, "st')  # it may also have hit while a line was written
    said: list[str] = []
    train(config, log=said.append)
    assert said[0].endswith(f"continuing at step {saved} of {STEPS}" if saved else "from the start")
    assert same(Run(tmp_path), whole)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_damaged_checkpoint_is_refused_and_found_by_verify(crops, tmp_path, whole):
    """A bit anywhere: torch.load alone takes nearly all of them for weights."""
    config = short(crops, tmp_path, checkpoint_seconds=0.0)
    kill(config, 4, torn=False)
    path, draw = tmp_path / "checkpoint.pt", random.Random(0)
    data = path.read_bytes()
    places = [0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(30))]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged"):
            read_checkpoint(path)
    path.write_bytes(changed)
    with pytest.raises(TrainingError, match=r"damaged.*Put it back from a copy, or remove"):
        train(config, log=lambda text: None)
    (verdict,) = (v for v in verified(tmp_path) if v.kind == "checkpoint of training")
    assert not verdict.is_sound
    path.write_bytes(data[:-1000])
    with pytest.raises(TrainingError, match="damaged"):
        train(config, log=lambda text: None)
    path.write_bytes(data)
    assert all(v.is_sound for v in verified(tmp_path))
    train(config, log=lambda text: None)
    assert same(Run(tmp_path), whole)


@pytest.mark.parametrize("text", ['{"model": "cor', "[1, 2]", "\udcff"])
def test_damaged_settings_of_a_run_are_said(crops, tmp_path, text):
    config = short(crops, tmp_path, checkpoint_seconds=0.0)
    kill(config, 4, torn=False)
    (tmp_path / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TrainingError, match=r"config\.json is damaged"):
        train(config, log=lambda text: None)


def test_a_run_of_two_threads_resumes_as_well(crops, tmp_path):
    """A net of few and large convolutions, which are the operations that threads share."""
    small = {"model": "rnn2-t2", "threads": 2, "epochs": 1}
    train(settings(crops(8, 64), tmp_path / "whole", **small), log=lambda text: None)
    config = settings(crops(8, 64), tmp_path / "killed", checkpoint_seconds=0.0, **small)
    kill(config, 3)  # after two steps of three
    train(config, log=lambda text: None)
    assert same(Run(tmp_path / "killed"), Run(tmp_path / "whole"))


# ------------------------------------------------------------------------------------------------ t


@pytest.mark.slow
def test_the_command_killed_at_random_instants(crops, tmp_path):
    """SIGKILL, SIGTERM and SIGKILL again at seeded instants of a run of 48 steps, each of which is
    saved; then left to end.
    """
    draw = random.Random(0)
    small = {"train_count": 192, "epochs": 4, "checkpoint_seconds": 0.0}
    config = settings(crops(16, 224), tmp_path / "killed", **small)
    for signum in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = ending(config, signum.name[3:], draw.randint(1, 8), draw.uniform(0, 0.05))
        said = process.communicate()[1]
        assert process.returncode == (-signal.SIGKILL if signum == signal.SIGKILL else 1), said
        assert (tmp_path / "killed" / "checkpoint.pt").is_file()
        if signum == signal.SIGTERM:
            assert "error: stopped by a signal at step" in said.splitlines()[-1]
            assert "the same command continues from there" in said.splitlines()[-1]
            assert "Traceback" not in said
    said_now: list[str] = []
    train(config, log=said_now.append)
    assert "continuing at step" in said_now[0]
    train(settings(crops(16, 224), tmp_path / "whole", **small), log=lambda text: None)
    assert same(Run(tmp_path / "killed"), Run(tmp_path / "whole"))
    assert [line["epoch"] for line in metrics_of(tmp_path / "killed")] == [1, 2, 3, 4]


# ------------------------------------------------------------------------------------------------ s


@pytest.mark.parametrize(
    ("signum", "where", "call", "stop"),
    [
        (signal.SIGTERM, "_advance", 1, 1),
        (signal.SIGTERM, "_advance", EPOCH, EPOCH),
        (signal.SIGTERM, "_advance", STEPS, STEPS),
        (signal.SIGTERM, "errors", 1, EPOCH),
        (signal.SIGTERM, "errors", 3, STEPS),
        (signal.SIGINT, "_advance", 3, 3),
    ],
    ids=[
        "in an epoch",
        "at its last step",
        "at the last step",
        "while validating",
        "while validating at the end",
        "ctrl-c",
    ],
)
def test_a_signal_ends_the_run_with_a_checkpoint(
    crops, tmp_path, monkeypatch, whole, signum, where, call, stop
):
    real, calls = getattr(Session, where), [0]

    def send(self, *arguments):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signum)
        return real(self, *arguments)

    # A signal that is not handled must not end the tests.
    ours = signal.signal(signum, lambda *_: None)
    handler = signal.getsignal(signum)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Session, where, send)
            with pytest.raises(
                TrainingError,
                match=f"stopped by a signal at step {stop}; the same command continues",
            ):
                train(short(crops, tmp_path), log=lambda text: None)
        assert signal.getsignal(signum) is handler
    finally:
        signal.signal(signum, ours)
    assert (
        len(metrics_of(tmp_path)) == stop // EPOCH
        if stop >= EPOCH
        else not (tmp_path / "metrics.jsonl").exists()
    )
    train(short(crops, tmp_path), log=lambda text: None)
    assert same(Run(tmp_path), whole)


def test_training_works_in_a_thread_where_signals_cannot_be_caught(crops, tmp_path, whole):
    config = short(crops, tmp_path)
    thread = threading.Thread(target=train, args=(config,), kwargs={"log": lambda text: None})
    thread.start()
    thread.join()
    assert same(Run(tmp_path), whole)


# ------------------------------------------------------------------------------------------------ c


@pytest.mark.parametrize("calls", [(), (2,), (3,), (4, 3)])
def test_times_and_rates_do_not_depend_on_kills(crops, tmp_path, monkeypatch, calls):
    """On a clock by which a step takes 2 s, measuring errors 100 s and calibration 30 s.

    Every process begins at another time.
    """
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def taking(seconds, real):
        def slow(*arguments, **options):
            clock.now += seconds
            return real(*arguments, **options)

        return slow

    for owner, name, seconds in (
        (Session, "_advance", 2),
        (Session, "errors", 100),
        (session, "calibrate", 30),
    ):
        monkeypatch.setattr(owner, name, taking(seconds, getattr(owner, name)))
    config = short(crops, tmp_path, checkpoint_seconds=1.0)
    for k, call in enumerate(calls):
        clock.now = 1000.0 * (k - 1)
        kill(config, call)
    clock.now = 12345.0
    train(config, log=lambda text: None)
    run = Run(tmp_path)
    assert [line["images_per_s"] for line in run.metrics] == [8.0] * 3
    assert [line["seconds"] for line in run.metrics] == [104.0, 208.0, 312.0]
    assert run.card["seconds"] == 312 + 30 + 100


# ------------------------------------------------------------------------------------------------ r


@pytest.mark.parametrize("finished", [False, True])
def test_a_folder_with_another_run_is_refused_with_what_differs(crops, tmp_path, finished):
    config = short(crops, tmp_path)
    if finished:
        train(config, log=lambda text: None)
    else:
        kill(config, 2)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    other = short(
        crops, tmp_path, lr=0.5, readout=(6,), checkpoint_seconds=7.0, validate_every=2, threads=2
    )
    with pytest.raises(TrainingError, match="holds a run with other settings") as caught:
        train(other, log=lambda text: None)
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[1:-1] == ["`lr`: 0.01 there, 0.5 now", "`readout`: None there, [6] now"]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("part", ["x", "y"])
def test_other_images_under_the_same_name_are_refused(crops, tmp_path, part):
    with np.load(crops(8, 64)) as file:
        arrays = dict(file)
    np.savez(tmp_path / "a.npz", **arrays)
    config = settings(tmp_path / "a.npz", tmp_path / "run")
    kill(config, 2)
    arrays[part] = np.roll(arrays[part], 1, axis=0)
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(TrainingError, match="was begun on other images than"):
        train(config, log=lambda text: None)


def test_a_command_that_could_not_start_does_not_claim_the_folder(crops, tmp_path, whole):
    for data in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(ValueError, match=r"no training data|must hold train"):
            train(settings(data, tmp_path / "run"), log=lambda text: None)
    train(short(crops, tmp_path / "run"), log=lambda text: None)
    assert same(Run(tmp_path / "run"), whole)


def test_the_settings_are_saved_beside_the_output(crops, tmp_path):
    config = short(crops, tmp_path, epochs=1, lr_drops=(1, 2), flip=False)
    train(config, log=lambda text: None)
    saved = json.loads((tmp_path / "config.json").read_text())
    asked = {k: v for k, v in vars(config.resolved()).items() if k != "plan"}
    assert saved == json.loads(json.dumps(asked))
    # The recipe's rate is written out.
    assert (saved["lr_drops"], saved["flip"], saved["lr"]) == (
        [1, 2],
        False,
        0.01,
    )
