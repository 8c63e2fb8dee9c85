"""The feed-forward twin.

As many parameters, nothing sideways or back, constant after its first pass.
"""

import pytest
import torch

import cortexsim
from cortexsim.errors import GraphError
from cortexsim.models import Graph, Spec, State, Transition, build, calibrate, twin
from cortexsim.models.twin import parameter_count
from cortexsim.models.zoo import ZOO, spec

ONE_STATE = ("resnet1", "resnet1-unshared")
MANY = sorted(set(ZOO) - set(ONE_STATE) - {"cortex4-twin"})


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", sorted(ZOO))
def test_parameters_are_counted_without_building_the_network(name):
    assert parameter_count(spec(name)) == count(build(name))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", MANY)
def test_a_twin_has_as_many_parameters_within_one_percent_and_the_same_stages(name):
    net, control = spec(name), build(f"{name}-twin")
    assert abs(count(control) / parameter_count(net) - 1) < 0.01
    assert [(s.name, s.size) for s in control.spec.graph.states] == [
        (s.name, s.size) for s in net.graph.states
    ]
    assert {control.spec.graph.kind(t) for t in control.spec.graph.transitions} <= {
        "feed-forward",
        "skip",
    }
    assert control.readout == net.readout[-1]


def test_skip_transitions_stay():
    kinds = {t.name for t in twin(build("cortex4-full")).spec.graph.transitions}
    assert kinds == {"V1->V2", "V1->V4", "V1->IT", "V2->V4", "V2->IT", "V4->IT"}


def test_after_its_first_pass_a_twin_is_exactly_constant():
    images = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    control = calibrate(twin(build("cortex4"), seed=1), images, steps=9)
    steps = dict(control.unroll(images[:4], 9))
    for at, state in enumerate(("V1", "V2", "V4", "IT"), start=1):
        assert [t for t in steps if state in steps[t]] == list(range(at, 10))
        assert all(torch.equal(steps[at][state], steps[t][state]) for t in range(at, 10))
    assert steps[4]["IT"].std() > 0.1


def test_the_seed_decides_the_weights_and_the_network_itself_is_left_alone():
    net = build("cortex4", seed=3)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    a, b, c = (twin(net, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_what_has_no_twin_is_refused():
    with pytest.raises(GraphError, match="one state h1"):
        cortexsim.build("resnet1-twin")
    with pytest.raises(GraphError, match="lesioned; take the twin of the intact one"):
        twin(build("cortex4").lesioned("feedback"))
    late = Graph((State("a", 8, 4), State("b", 8, 4)), (Transition("a", "b", delay=9),))
    with pytest.raises(GraphError, match="cannot be read out at step 3"):
        twin(Spec(late, (3,)))
    with pytest.raises(GraphError, match="no network is called 'nonsense-twin'"):
        build("nonsense-twin")
