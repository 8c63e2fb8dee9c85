"""What a run's weights are called, and in what numbers they are saved."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load

from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.models.weights import is_kernel, load_weights
from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import jobs_of, run_of
from cortexsim.training.control import epochs_and_drops

from .helpers import images_for, session_of, settings, train


def test_rounded_kernels_are_those_whose_errors_the_card_tells(crops, tmp_path):
    config = settings(
        crops(8, 80), tmp_path / "run", model="cortex4-twin", kernels="bfloat16", name="rounded"
    )
    weights = train(config)
    assert weights == tmp_path / "run" / "rounded.safetensors"
    card = json.loads(weights.with_suffix(".json").read_text())
    assert (card["name"], card["recipe"]["model"]) == ("rounded", "cortex4-twin")
    assert card["recipe"]["kernels"] == "bfloat16"
    saved = load(weights.read_bytes())
    assert {v.dtype for k, v in saved.items() if is_kernel(k, v)} == {torch.bfloat16}
    assert torch.bfloat16 not in {v.dtype for k, v in saved.items() if not is_kernel(k, v)}

    images, net = images_for(config), load_weights(weights)
    preprocessing = Preprocessing.from_dict(card["preprocessing"])
    with torch.inference_mode():
        x = preprocessing.normalise(images.test_x)
        for t, error in card["test_error_by_readout"].items():
            answers = net.readouts(x, (int(t),))[int(t)].argmax(1)
            assert float((answers != images.test_y).double().mean()) == error


def test_saved_as_they_are_unless_asked(crops, tmp_path):
    weights = train(settings(crops(8, 80), tmp_path / "run", model="cortex4-twin"))
    assert torch.bfloat16 not in {v.dtype for v in load(weights.read_bytes()).values()}


def test_a_named_run_has_the_schedule_of_its_network(crops, tmp_path):
    words = settings(crops(8, 80), tmp_path, model="tiny30", name="mine", epochs=None)
    session = session_of(words)
    assert (session.epochs, session.drops) == epochs_and_drops(TrainConfig(), "tiny30")
    assert session.run.name == "mine"


def test_a_folder_is_claimed_with_the_name(crops, tmp_path):
    data = crops(8, 80)
    train(settings(data, tmp_path / "run", model="cortex4-twin", name="first", epochs=1))
    with pytest.raises(TrainingError, match="`name`: 'first' there, 'second' now"):
        train(settings(data, tmp_path / "run", model="cortex4-twin", name="second", epochs=1))


@pytest.mark.parametrize("name", ["a/b", "/a", "..", ".hidden", "-a", "a/", ""])
def test_a_name_that_is_none_of_a_file_is_refused(name, crops, tmp_path):
    with pytest.raises(TrainingError, match=r"`name=.*NAME\.safetensors"):
        run_of(settings(crops(8, 80), tmp_path / "run", name=name))
    assert not (tmp_path / "run").exists()


def test_a_suite_takes_no_name():
    with pytest.raises(TrainingError, match="`suite=paper` has many networks"):
        jobs_of(TrainConfig(suite="paper", name="one"))


def test_networks_in_memory_keep_runs_of_earlier_versions(tmp_path):
    from cortexsim.models import State, adjacent
    from cortexsim.training import Settings, train_network

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8), np.arange(40) % 3
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    quick = Settings(epochs=1, batch_size=12, device="cpu")
    train_network(graph, (x, y), out=tmp_path / "run", name="own", settings=quick)
    path = tmp_path / "run" / "config.json"
    stored = json.loads(path.read_text())
    del stored["name"], stored["kernels"]  # a run of an earlier version has neither
    path.write_text(json.dumps(stored))
    again = train_network(graph, (x, y), out=tmp_path / "run", name="own", settings=quick)
    assert again.card["name"] == "own"
