"""A run as objects: what its ``config.json`` says, and that older ones are continued."""

from __future__ import annotations

import dataclasses
import json

import pytest

from cortexsim.errors import CortexsimError, TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.train import run_of
from cortexsim.training import Settings
from cortexsim.training.control import check_claim, claim

BAD = "--optimizer nesterov --momentum 0"


def test_the_file_holds_every_option_in_its_order_and_the_recipe_written_out(tmp_path):
    config = TrainConfig(
        model="rnn2", out=str(tmp_path), recipe="modern", batch_size=128, limit=7, jobs=3
    )
    claim(run_of(config))
    stored = json.loads((tmp_path / "config.json").read_text())
    expected = json.loads(json.dumps(dataclasses.asdict(config.resolved())))
    assert not expected.pop("plan")  # it is of the command, not of a run
    assert stored == expected
    names = list(stored)
    assert names[:7] == ["model", "data", "train_count", "limit", "out", "name", "epochs"]
    assert names[-2:] == ["suite", "jobs"]
    assert stored["lr"] == 0.1  # of modern, for twice its batch


def test_a_run_of_an_earlier_version_is_continued_and_one_with_other_settings_is_not(tmp_path):
    claim(run_of(TrainConfig(model="rnn2", out=str(tmp_path))))
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text())
    for later in ("whitening", "small_size", "mirror_test", "jobs"):
        del stored[later]
    path.write_text(json.dumps({**stored, "gone": 1}))
    check_claim(run_of(TrainConfig(model="rnn2", out=str(tmp_path))))
    for other, says in (
        ({"model": "rnn2", "whitening": "frozen"}, r"`whitening`: 'none' there, 'frozen' now"),
        ({"model": "rnn2-t2"}, r"`model`: 'rnn2' there, 'rnn2-t2' now"),
        ({"model": "rnn2", "train_count": 5}, r"`train_count`: None there, 5 now"),
    ):
        with pytest.raises(TrainingError, match=says):
            check_claim(run_of(TrainConfig(out=str(tmp_path), **other)))


def test_a_run_knows_no_words_beside_its_settings():
    run = run_of(TrainConfig(model="tiny30", seed=3))
    assert type(run.settings) is Settings
    assert run.settings == Settings(seed=3)
    assert run.words.model == run.name == "tiny30"


def test_the_door_says_options_where_the_library_says_parameters(tmp_path):
    from cortexsim.train import main

    with pytest.raises(CortexsimError, match=r"^`batch_size` is 0; it must be at least 1$"):
        Settings(batch_size=0)
    with pytest.raises(CortexsimError, match=r"^--batch-size is 0; it must be at least 1$"):
        main(["--batch-size", "0"])
    words = f"--model rnn2 --data {_images(tmp_path)} --out {tmp_path}/run --device cpu"
    with pytest.raises(CortexsimError, match=r"^--optimizer nesterov needs a --momentum above 0"):
        main([*words.split(), "--train-count", "20", "--batch-size", "10", *BAD.split()])


def _images(folder):
    import numpy as np

    x = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "set.npz", x=x, y=np.arange(24) % 3)
    return str(folder / "set.npz")
