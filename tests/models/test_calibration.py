"""Normalisation statistics of steps that training never saw."""

import numpy as np
import pytest
import torch
from plain_net import assert_same, copy_of, images, network, states

from cortexsim.errors import CalibrationError
from cortexsim.models import State, adjacent, calibrate, full
from cortexsim.models.transitions import Statistics
from cortexsim.models.weights import load_weights, save_weights

THREE = (State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5))
ONE = full([State("h1", 8, 3)])


def trained(graph, readout, **options):
    """A net that has seen three training batches."""
    net = network(graph, readout, **options)
    for seed in range(3):
        net(images(8, seed=seed))
    return net.eval()


def rows(net):
    """{(layer, row): (mean, variance)} of all estimated rows."""
    norms = {name: m for name, m in net.named_modules() if isinstance(m, Statistics)}
    return {
        (name, r): (m.mean[r].clone(), m.var[r].clone())
        for name, m in norms.items()
        for r, known in enumerate(m.estimated)
        if known
    }


def moments(x):
    """Per-channel mean and variance over images and space, by numpy."""
    values = x.detach().double().numpy().transpose(1, 0, 2, 3).reshape(x.shape[1], -1)
    return values.mean(1), values.var(1)


@pytest.mark.parametrize(
    ("run", "facts"),
    [
        (
            lambda net: net.readouts(images(), [8]),
            [
                "8 steps",
                "V1 at step 5-6",
                "V2->IT|1 at step 6-7",
                "IT at step 6-7",
                "readout at step 8",
                "steps=8",
            ],
        ),
        (
            lambda net: list(net.unroll(images(), 7)),
            ["7 steps", "V1->V1|1 at step 4-6", "IT->V2|1 at step 5-6", "V2 at step 6;", "steps=7"],
        ),
        (lambda net: net.readouts(images(), [5]), ["5 steps", "readout at step 5"]),
        (
            lambda net: net.read(states(net, images(), 4)["IT", 4], 4),
            ["readout", "step 4", "steps=4"],
        ),
    ],
)
def test_a_step_without_statistics_is_an_error_that_names_layers_steps_and_the_remedy(run, facts):
    net = trained(adjacent(THREE), 6)
    with pytest.raises(CalibrationError) as error:
        run(net)
    assert all(fact in str(error.value) for fact in [*facts, "cortexsim.calibrate(net, images"]), (
        str(error.value)
    )
    calibrate(net, images(20), 8)
    run(net)


def test_a_net_that_never_trained_names_its_pre_net_too():
    net = network(adjacent(THREE), 6, pre_net="conv3").eval()
    with pytest.raises(CalibrationError, match="V1 at step 1"):
        net(images())
    net = calibrate(net, images(20), 6)
    net.pre_net.statistics[0].estimated = [False]
    with pytest.raises(CalibrationError, match="the pre-net"):
        net(images())


@pytest.mark.parametrize("pre_net", ["conv1", "conv3"])
@pytest.mark.parametrize("graph", [adjacent(THREE), full(THREE)])
def test_what_training_estimated_and_what_the_readout_computes_do_not_change(graph, pre_net):
    net = trained(graph, 6, pre_net=pre_net)
    logits, before = net(images(seed=9)), rows(net)
    calibrate(net, 5 + 3 * images(30, seed=7), 12, batch_size=7)
    after = rows(net)
    assert torch.equal(net(images(seed=9)), logits)
    assert before.keys() < after.keys()
    for key, (mean, var) in before.items():
        assert torch.equal(after[key][0], mean)
        assert torch.equal(after[key][1], var)
    assert sorted(net.readouts(images(), range(3, 13))) == list(range(3, 13))


@pytest.mark.parametrize("batch_size", [50, 16, 2])
def test_a_missing_first_layer_row_pools_all_images(batch_size):
    net, shown = trained(ONE, 3), 2 + images(50, seed=5)
    assert net.statistics["h1"].estimated == [True, True, False]
    calibrate(net, shown, 5, batch_size=batch_size)
    mean, var = moments(states(net, shown, 3)["h1", 3])
    np.testing.assert_allclose(net.statistics["h1"].mean[2], mean)
    np.testing.assert_allclose(net.statistics["h1"].var[2], var)
    for step in (1, 2):
        mean, var = moments(states(net, shown, 3)["h1", step])
        np.testing.assert_allclose(net.post_net.statistics.mean[step - 1], mean)
        np.testing.assert_allclose(net.post_net.statistics.var[step - 1], var)


@pytest.mark.parametrize("spread", [1.0, 1e-2, 0.0])
def test_the_pooled_variance_survives_a_mean_far_from_zero(spread):
    net = network(ONE, 3).float()
    with torch.no_grad():
        net.pre_net.convolutions[0].weight.mul_(spread)
        net.pre_net.convolutions[0].bias.fill_(300.0)
    shown = images(40, dtype=torch.float32)
    calibrate(net, shown, 3, batch_size=6)
    _, var = moments(states(net, shown, 1)["h1", 1])
    np.testing.assert_allclose(net.statistics["h1"].var[0], var, rtol=1e-3, atol=1e-9)
    assert (net.statistics["h1"].var >= 0).all()
    assert torch.isfinite(net(shown)).all()


def test_a_single_batch_gives_what_the_first_training_batch_gives():
    """But for the variance, which training keeps unbiased, as torch does."""
    net, shown = network(full(THREE), 6), images(20)
    learned = copy_of(net)
    learned(shown)
    calibrate(net, shown, 6)
    found, expected = rows(net), rows(learned)
    assert expected.keys() < found.keys()
    for (layer, row), (mean, var) in expected.items():
        torch.testing.assert_close(found[layer, row][0], mean)
        ratio = found[layer, row][1] / var
        torch.testing.assert_close(ratio, ratio[0].expand_as(ratio))
        units = 1 / (1 - ratio[0].item())
        assert units / 20 == pytest.approx(round(units / 20)), (
            "(n - 1) / n, n a multiple of the number of images"
        )


def test_calibrating_again_or_redoing_on_the_same_images_changes_nothing_else():
    net = trained(adjacent(THREE), 6)
    weights = {name: p.clone() for name, p in net.named_parameters()}
    calibrate(net, images(20), 9)
    once = rows(net)
    calibrate(net, images(20, seed=8), 9)
    again = rows(net)
    assert all(
        torch.equal(once[key][0], again[key][0]) and torch.equal(once[key][1], again[key][1])
        for key in once
    )
    assert once.keys() == again.keys()
    assert all(torch.equal(p, weights[name]) for name, p in net.named_parameters())
    assert not net.training
    redone = rows(calibrate(net, images(20, seed=8), 9, redo=True))
    fresh = rows(calibrate(network(adjacent(THREE), 6), images(20, seed=8), 9))
    assert redone.keys() == fresh.keys()
    for key, (mean, var) in redone.items():
        torch.testing.assert_close(mean, fresh[key][0])
        torch.testing.assert_close(var, fresh[key][1])


@pytest.mark.parametrize("redo", [False, True])
def test_an_interrupted_calibration_leaves_the_net_as_it_was(redo):
    net = trained(adjacent(THREE), 6)
    before, logits = rows(net), net(images())
    bad = images(20)
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    handle = net.pre_net.register_forward_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        calibrate(net, bad, 8, batch_size=5, redo=redo)
    handle.remove()
    after = rows(net)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key][0], before[key][0]) for key in before)
    assert torch.equal(net(images()), logits)
    with pytest.raises(CalibrationError):
        net.readouts(images(), [8])


@pytest.mark.parametrize(("n", "batch_size"), [(1, 10), (10, 1)])
def test_too_few_images_are_refused(n, batch_size):
    with pytest.raises(CalibrationError, match=rf"at least 2.*got {n} and batches of {batch_size}"):
        calibrate(network(ONE, 3), images(n), 3, batch_size=batch_size)


def test_the_estimated_flags_survive_saving(tmp_path):
    net = calibrate(trained(adjacent(THREE), 6).float(), images(20, dtype=torch.float32), 9)
    save_weights(net, tmp_path / "net.safetensors", {})
    again = load_weights(tmp_path / "net.safetensors")
    assert rows(again).keys() == rows(net).keys()
    x = images(dtype=torch.float32)
    assert_same(states(again, x, 9), states(net, x, 9), rtol=0, atol=0)
    with pytest.raises(CalibrationError, match="step 9"):
        again.readouts(x, [10])


def test_statistics_shared_over_time_need_no_calibration_and_are_one_row():
    """The ablation of the memo's section 3.7."""
    net = trained(ONE, 4, norm="shared")
    assert net.statistics["h1"].mean.shape == net.post_net.statistics.mean.shape == (1, 3)
    assert len(net.readouts(images(), range(1, 9))) == 8
    found = states(net, images(), 8)
    first, second = net.convolutions["h1->h1|0"], net.convolutions["h1->h1|1"]

    def by_running_statistics(x, norm):
        return torch.relu(
            (x - norm.mean[0][:, None, None]) / torch.sqrt(norm.var[0][:, None, None] + 1e-5)
        )

    for step in range(1, 8):
        h = found["h1", step]
        x = first(by_running_statistics(h, net.statistics["h1"]))
        x = second(by_running_statistics(x, net.statistics["h1->h1|1"]))
        torch.testing.assert_close(found["h1", step + 1], h + x)


def test_statistics_shared_over_time_average_over_steps_in_their_order():
    net = network(ONE, 4, norm="shared")
    maps = states(net, images(8), 4)
    mean, _ = moments(maps["h1", 1])
    for step in (2, 3):
        mean = 0.9 * mean + 0.1 * moments(maps["h1", step])[0]
    np.testing.assert_allclose(net.statistics["h1"].mean[0], mean)
