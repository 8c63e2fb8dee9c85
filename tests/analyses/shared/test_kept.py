"""Runs that stay with the repository: the figures read the same of them as of the trained run."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cortexsim.errors import CortexsimError

SMALL = "cortex4-adjacent"
TIMES = (5, 6)


@pytest.fixture
def kept(script, runs, monkeypatch, tmp_path):
    """The module, which keeps runs in a folder of the test."""
    module = script("shared.kept")
    monkeypatch.setattr(module, "KEPT", tmp_path / "memo")
    return module


@pytest.fixture
def done(runs):
    """A finished run, and the Runs that it is of."""
    made, wanted = runs.make(), runs.Wanted.of(SMALL)
    return made.get([wanted])[wanted][0], made


def test_a_kept_run_answers_like_the_trained_one(script, runs, kept, done, monkeypatch):
    answers, (trained, made) = script("shared.answers"), done
    groups = np.arange(10) % 3
    before = {
        of is None: answers.answered_at(trained, made, "test", times=TIMES, groups=of)
        for of in (None, groups)
    }
    errors = answers.errors_at(trained, made, "train", times=(5,))
    summary = trained.summary()
    kept.keep(trained, made, times={"test": TIMES}, groups=groups)
    shutil.rmtree(trained.weights.parent)
    monkeypatch.setattr("shared.runs.train", lambda *a, **k: pytest.fail("trained again"))
    (again,) = made.get([trained.wanted])[trained.wanted]
    assert not again.weights.is_file()
    assert json.dumps(again.summary()) == json.dumps(summary)
    for of in (None, groups):
        given, labels = answers.answered_at(again, made, "test", times=TIMES, groups=of)
        wanted, truth = before[of is None]
        assert (labels == truth).all()
        assert all((given[t] == wanted[t]).all() for t in TIMES)
    assert answers.errors_at(again, made, "train", times=(5,)) == errors


def test_answers_that_were_not_kept_are_not_made_up(script, runs, kept, done):
    answers, (trained, made) = script("shared.answers"), done
    kept.keep(trained, made, times={})
    shutil.rmtree(trained.weights.parent)
    (again,) = made.get([trained.wanted])[trained.wanted]
    with pytest.raises(CortexsimError, match="without these answers: test-7; train it again"):
        answers.answered_at(again, made, "test", times=(5, 7))


def test_other_settings_are_another_run(runs, kept, done):
    trained, made = done
    kept.keep(trained, made, times={})
    shutil.rmtree(trained.weights.parent)
    other = runs.Wanted.of(SMALL, lr=0.02)
    assert [r.complete for r in made.plan([trained.wanted, other])] == [True, False]


def test_half_a_kept_run_is_none(runs, kept, done):
    trained, made = done
    folder = kept.keep(trained, made, times={})
    shutil.rmtree(trained.weights.parent)
    (folder / f"{SMALL}.json").unlink()
    assert [r.complete for r in made.plan([trained.wanted])] == [False]


def test_the_superclass_is_the_one_whose_classes_are_together_likeliest(script):
    answers = script("shared.answers")
    p = np.array([[0.35, 0.25, 0.4], [0.1, 0.2, 0.7]])  # the first: class 2, superclass 0
    groups = np.array([0, 0, 1])
    assert answers.choice(np.log(p)).tolist() == [2, 2]
    assert answers.choice(np.log(p) + 5.0, groups).tolist() == [0, 1]


def test_the_queue_keeps_what_is_finished(script, runs, kept, done, monkeypatch, tmp_path, capsys):
    (trained, _), module = done, script("train_runs")
    monkeypatch.setattr(module, "wanted_by", lambda figures: [trained.wanted])
    options = ("--budget", "smoke", "--data", "synthetic", "--device", "cpu", "--keep")
    options += ("--figures", "fig08_readout_time")
    assert module.main([*options, "--runs", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr()
    assert f"{SMALL}, seed 0: kept in {kept.KEPT}" in said.err
    assert "0 of 1 runs missing" in said.out
    card = kept.KEPT / trained.weights.parent.name / f"{SMALL}.json"
    assert json.loads(card.read_text())["test_error"] == trained.error


def test_keeping_for_one_figure_leaves_what_was_kept_for_others(kept, done):
    trained, made = done
    folder = kept.keep(trained, made, times={"test": TIMES})
    before = dict(np.load(folder / "answered.npz"))
    kept.keep(trained, made, times={})
    after = dict(np.load(folder / "answered.npz"))
    assert after.keys() == before.keys()
    assert all((after[k] == before[k]).all() for k in before)
