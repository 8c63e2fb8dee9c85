"""A lesioned view shares weights and statistics with the intact network, and must not spoil it."""

import pytest
import torch

from cortexsim.errors import CalibrationError, CortexsimError, GraphError
from cortexsim.models import Network, Spec, State, adjacent, build, calibrate

IMAGES = torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_lesioned_network_cannot_be_calibrated():
    net = build("cortex4").eval()
    with pytest.raises(CalibrationError, match="intact"):
        calibrate(net.lesioned("feedback"), IMAGES, 8)
    assert not any(net.post_net.statistics.estimated), "the refusal must leave the statistics alone"


def test_switching_a_lesioned_view_to_training_does_not_half_switch_the_intact_network():
    net = calibrate(build("cortex4"), IMAGES, 8)
    with torch.no_grad():
        before = net(IMAGES)
        twin = net.lesioned("feedback")
        twin.train()
        assert torch.equal(net.eval()(IMAGES), before)


def test_calibration_on_a_sequence_with_blanks_makes_that_sequence_runnable():
    # No self transitions: what is populated when depends on when there is input.
    graph = adjacent([State("a", 16, 4), State("b", 8, 4), State("c", 4, 4)], lateral=False)
    net = Network(Spec(graph, (5,)))
    images = IMAGES[..., :16, :16]
    calibrate(net, images, 6)
    frames = [images, images, None, images]
    with pytest.raises(CalibrationError, match="step"):
        list(net.unroll(frames, 6))
    calibrate(net, frames, 6)
    states = dict(net.unroll(frames, 6))
    assert all(torch.isfinite(v).all() for s in states.values() for v in s.values())
    assert set(states[6]) == {"a", "b", "c"}


def test_no_image_is_left_out_of_calibration():
    net = build("cortex4-adjacent")
    calibrate(net, IMAGES[:21], 2, batch_size=20)  # 20 + 1 would leave a batch without a variance
    with torch.no_grad():
        states = dict(net.unroll(IMAGES[:21], 1))
        ours = net.statistics["V1"].mean[0]
        # The pre-net's own statistics were pooled over other batches: equal to that accuracy only.
        torch.testing.assert_close(ours, states[1]["V1"].mean((0, 2, 3)), rtol=0.05, atol=0.05)


def test_redo_leaves_later_steps_known():
    net = calibrate(build("cortex4-adjacent"), IMAGES, 8)
    calibrate(net, IMAGES, 5, redo=True)
    assert all(net.statistics["V1"].estimated[:7])


def test_names_that_torch_needs_and_empty_readouts_are_refused():
    with pytest.raises(GraphError, match=r"'keys'.*choose another"):
        Network(Spec(adjacent([State("keys", 8, 4), State("b", 4, 4)]), (3,)))
    with pytest.raises(CortexsimError, match="no step at all"):
        build("cortex4-adjacent").readouts(IMAGES, ())


def test_building_a_network_does_not_touch_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build("cortex4")
    assert torch.equal(torch.rand(3), expected)
