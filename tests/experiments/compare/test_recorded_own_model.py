"""``compare --model``: the network is recorded first, and controls that cannot be made are told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray

import cortexsim
from cortexsim.compare import main
from cortexsim.errors import CortexsimError

OWN = """
import cortexsim
from cortexsim.models import State, adjacent

def net():
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    return cortexsim.Network(cortexsim.models.Spec(graph, (4,), classes=3, pre_net="conv3"), seed=1)
"""


@pytest.fixture
def brain(tmp_path):
    """An own.py, 12 labelled images and RDMs of three subjects."""
    rng = np.random.default_rng(0)
    (tmp_path / "own.py").write_text(OWN)
    x = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=np.arange(12) % 3)
    tree = cortexsim.record_network(
        cortexsim.load("cortex4"), str(tmp_path / "set.npz"), keep="mean"
    )
    ids = np.array([str(i) for i in tree["IT"].stimulus_id.values])
    np.savez(tmp_path / "brain.npz", rdm=rng.random((3, 66)), stimulus_id=ids)
    return tmp_path


def asked(folder, *more):
    """The command on the network of own.py."""
    words = ["--model", f"{folder}/own.py:net", "--neural", str(folder / "brain.npz")]
    words += ["--stimuli", str(folder / "set.npz"), "--n", "20", "--permutations", "20"]
    return [*words, "--no-figure", "--out", str(folder / "c.nc"), *map(str, more)]


@pytest.mark.slow
def test_it_says_which_control_it_skips_and_is_the_comparison_of_its_recording(brain, capsys):
    from cortexsim.record import main as record

    assert main(asked(brain)) == 0
    said = capsys.readouterr().err
    assert "without the control 'twin': the recording is of" in said
    assert "no network of the zoo" in said
    result = xarray.load_dataset(brain / "c.nc")
    networks = [f"{brain}/own.py:net", "static", "untrained", "efficientnet-lite0"]
    assert result.network.values.tolist() == networks
    assert list(json.loads(result.attrs["controls_skipped"])) == ["twin"]
    assert not list(brain.glob("*.zarr"))  # the recording was thrown away
    # The oracle: record and compare as two commands.
    place = brain / "r.zarr"
    shown = ["--model", f"{brain}/own.py:net", "--stimuli", str(brain / "set.npz"), "--no-figure"]
    assert record([*shown, "--out", str(place)]) == 0
    two = asked(brain, "--overwrite")[2:]
    assert main([str(place), *two]) == 0
    xarray.testing.assert_equal(xarray.load_dataset(brain / "c.nc"), result)


def test_the_recording_is_kept_where_a_place_is_given_and_never_replaced_unasked(brain):
    place = brain / "kept.zarr"
    asks = asked(brain, "--nulls", "static", "--steps", "5", "--keep", "mean")
    assert main([str(place), *asks]) == 0
    recording = cortexsim.open_recording(place)
    assert recording["IT"].activation.sizes == {"stimulus": 12, "step": 5, "unit": 8}
    with pytest.raises(CortexsimError, match=r"kept\.zarr exists; leave --model out"):
        main([str(place), *asks, "--out", str(brain / "d.nc")])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--neural", "{}/brain.npz"], "there is nothing to compare: give a recording"),
        (["--neural", "{}/brain.npz", "--model", "cortex4"], "is a file without them: give --stim"),
        (["r.zarr", "--neural", "{}/brain.npz", "--steps", "4"], "--steps is for --model"),
        (["--neural", "cichy92-fmri", "--model", "cortex4", "--plan"], "--plan measures a"),
        (["--neural", "no", "--model", "cortex4", "--stimuli", "sample"], "no neural data 'no'"),
    ],
)
def test_what_is_refused(brain, words, says, monkeypatch):
    monkeypatch.chdir(brain)
    before = sorted(brain.iterdir())
    with pytest.raises(CortexsimError, match=says):
        main([w.format(brain) for w in words])
    assert sorted(brain.iterdir()) == before
