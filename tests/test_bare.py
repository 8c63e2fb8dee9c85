"""A torch module where something else is needed is told what to do with it."""

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim import analysis, interop, plotting
from cortexsim.errors import CortexsimError
from cortexsim.training.architecture import trainable

BARE = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
NETWORK = {
    "record_network": lambda net: cortexsim.record_network(net, X),
    "calibrate": lambda net: cortexsim.calibrate(net, torch.rand(4, 3, 32, 32), 4),
    "twin": lambda net: cortexsim.models.twin(net),
    "train_network": lambda net: trainable(net, "the network"),
}
DATA = {
    "evaluate": lambda net: analysis.evaluate(net, RNG.random((3, 6))),
    "encode": lambda net: analysis.encode(net, RNG.random((4, 5))),
    "decode": lambda net: analysis.decode(net, [0, 1, 0, 1]),
    "rdm_movie": lambda net: analysis.rdm_movie(net),
    "own_answers": lambda net: analysis.own_answers(net),
    "discrimination_latency": lambda net: analysis.discrimination_latency(net),
    "plot": lambda net: plotting.plot(net),
    "overview": lambda net: plotting.overview(net),
    "open_recording": lambda net: cortexsim.open_recording(net),
    "to_netcdf": lambda net: interop.to_netcdf(net, "a.nc"),
    "to_neuroid_assembly": lambda net: interop.to_neuroid_assembly(net, states="IT"),
}


@pytest.mark.parametrize("name", [*NETWORK, *DATA])
def test_a_bare_module_is_named_and_so_is_wrap(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CortexsimError, match="Sequential") as refused:
        {**NETWORK, **DATA}[name](BARE)
    assert "cortexsim.wrap(module, {'V1': 'submodule', ...})" in str(refused.value)
    assert ("record_network" in str(refused.value)) == (name in DATA or name == "record_network")


@pytest.mark.parametrize("name", DATA)
def test_a_network_of_ours_where_its_recording_is_needed_is_told_to_be_recorded(name):
    with pytest.raises(
        CortexsimError, match=r"cortexsim\.record_network\(\w+, images\)"
    ) as refused:
        DATA[name](cortexsim.build("rnn2"))
    assert "wrap" not in str(refused.value)


def test_other_mistakes_with_a_network_are_told_as_before():
    net = cortexsim.load("cortex4")
    with pytest.raises(CortexsimError, match="13") as refused:
        cortexsim.record_network(net, X, steps=13)
    assert "wrap" not in str(refused.value)
