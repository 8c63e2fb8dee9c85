"""A transition that is dead at the readout is named in the first line of a run and in its card."""

import dataclasses
import json

import numpy as np
import pytest

from cortexsim.errors import DeadTransitionWarning
from cortexsim.models import State, adjacent
from cortexsim.models.describe import dead_transitions
from cortexsim.models.spec import Spec
from cortexsim.train import run_of
from cortexsim.training.trainer import train

from .helpers import settings

GRAPH = adjacent([State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5)])


@pytest.mark.parametrize("readout", [3, 6])
def test_training_names_what_is_dead_at_its_readout(readout, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    data = tmp_path / "data.npz"
    np.savez(data, x=x, y=np.arange(64) % 3)
    spec = Spec(GRAPH, (readout,))
    dead = dead_transitions(spec)
    assert bool(dead) == (readout == 3)
    lines: list[str] = []
    config = settings(data, tmp_path / "run", epochs=1)
    run = dataclasses.replace(run_of(config), architecture=spec)
    if dead:
        with pytest.warns(DeadTransitionWarning, match="V2->V1, IT->V2"):
            train(run, lines.append)
    else:
        train(run, lines.append)
    said = f"not live at this readout, so not trained: {', '.join(dead)};"
    assert (said in "\n".join(lines)) == bool(dead)
    (card,) = (tmp_path / "run").glob("**/*.safetensors")
    card = json.loads(card.with_suffix(".json").read_text())
    assert card.get("dead_transitions", {}) == dead
