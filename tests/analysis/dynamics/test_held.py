"""Step sizes, spectra and fixed points against numpy's eigenvalues, autograd's Jacobians and linear
systems solved directly.
"""

import numpy as np
import pytest
import torch
from plain_net import images, network, states

import cortexsim
from cortexsim.analysis import (
    effective_depth,
    fixed_point,
    jacobian,
    relative_steps,
    step_map,
)
from cortexsim.errors import AnalysisError
from cortexsim.models import Graph, State, Transition, adjacent, calibrate, full

TWO = (State("V1", 4, 3), State("IT", 2, 4))


LEAKY = (State("V1", 4, 3, "leaky", 2.0), State("IT", 2, 4, "leaky", 1.5))


GRAPHS = {
    "adjacent": adjacent(TWO),
    "full, input at every step": full(TWO, inhomogeneous=True),
    "leaky": adjacent(LEAKY),
    "leaky, input at every step": adjacent(LEAKY, inhomogeneous=True),
    "leaky without lateral transitions": adjacent(LEAKY, lateral=False),
}


def calibrated(graph, steps=6, seed=0):
    return calibrate(
        network(graph, steps, seed=seed), images(20, size=graph.states[0].size, seed=8), steps + 1
    )


def linear(radius, seed=0, features=2, size=4, inhomogeneous=True):
    """A net whose step is linear, h -> K'h (+ x), with the given spectral radius.

    And the matrix K'.
    """
    graph = Graph((State("h", size, features),), (Transition("h", "h", "conv"),), inhomogeneous)
    net = network(graph, 4, seed=seed).eval()
    kernel = net.convolutions["h->h|0"]
    with torch.no_grad():
        kernel.bias.zero_()
        kernel.weight.mul_(radius / np.abs(np.linalg.eigvals(matrix(kernel, features, size))).max())
    # No normalisation acts in such a net but that of the readout, which is not used.
    return net, matrix(kernel, features, size)


def matrix(kernel, features, size):
    units = features * size**2
    with torch.no_grad():
        columns = torch.nn.functional.conv2d(
            torch.eye(units).double().reshape(-1, features, size, size), kernel.weight, padding=1
        )
    return columns.reshape(units, units).T.numpy()


@pytest.mark.parametrize("name", GRAPHS)
def test_the_held_map_continues_the_run(name):
    net, x = calibrated(GRAPHS[name]), images(3, size=4)
    run = states(net, x, 7)
    for step in (2, 4, 6):
        f, h = step_map(net, x, step)
        assert h.shape == (3, 4 * 4 * 3 + 2 * 2 * 4)
        for joint, t in ((h, step), (f(h), step + 1)):
            for state, part in f.split(joint).items():
                torch.testing.assert_close(part, run[state, t], rtol=1e-9, atol=1e-9)


def one_image(f, h, k):
    """The Jacobian (unit, unit) of image k, by reverse mode."""

    def with_others(v):  # a constant input has the whole batch
        return f(torch.cat([h[:k], v[None], h[k + 1 :]]))[k]

    return torch.autograd.functional.jacobian(with_others, h[k]).numpy()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", GRAPHS)
def test_spectra_of_a_nonlinear_net_are_those_of_autograds_jacobian(name):
    net, x = calibrated(GRAPHS[name]), images(3, size=4)
    found = jacobian(net, x, [5], krylov=64).sel(step=5)
    f, h = step_map(net, x, 5)
    for k in range(3):
        j, here = one_image(f, h, k), found.isel(stimulus=k)
        np.testing.assert_allclose(
            here.spectral_radius, np.abs(np.linalg.eigvals(j)).max(), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(here.spectral_norm, np.linalg.norm(j, 2), rtol=1e-4)
        assert here.residual < 1e-3


@pytest.mark.slow
def test_steps_and_batches_are_put_where_they_belong():
    net, x = calibrated(GRAPHS["adjacent"]), images(3, size=4)
    found = jacobian(net, x, [3, 5], krylov=64, batch_size=2)
    for step in (3, 5):
        f, h = step_map(net, x, step)
        for k in (0, 2):
            expected = np.linalg.norm(one_image(f, h, k), 2)
            np.testing.assert_allclose(
                found.spectral_norm.sel(step=step).isel(stimulus=k), expected, rtol=1e-4
            )


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(6))
def test_a_linear_nets_radius_is_found_from_few_products_also_of_complex_pairs(seed):
    net, k = linear(0.9, seed=seed, features=4, size=8)
    values = np.linalg.eigvals(k)
    if seed == 0:
        pairs = [np.linalg.eigvals(linear(0.9, s, 4, 8)[1]) for s in range(6)]
        assert any(abs(v[np.abs(v).argmax()].imag) > 0.1 for v in pairs), (
            "no seed tests a complex pair"
        )
    found = jacobian(net, images(1, size=8), [2], krylov=60)
    np.testing.assert_allclose(found.spectral_radius.item(), np.abs(values).max(), rtol=0.01)
    np.testing.assert_allclose(found.spectral_norm.item(), np.linalg.norm(k, 2), rtol=0.01)


def test_a_feed_forward_chain_has_spectral_radius_zero():
    chain = Graph(
        (*TWO, State("end", 1, 2)),
        (Transition("V1", "IT"), Transition("IT", "end")),
        inhomogeneous=True,
    )
    found = jacobian(calibrated(chain), images(2, size=4), [4])
    assert (found.spectral_radius < 1e-3).all()
    assert (found.spectral_norm > 0.1).all()


def test_too_few_products_are_seen_in_the_residual():
    net, _ = linear(0.9, features=4, size=8)
    few, many = (jacobian(net, images(1, size=8), [2], krylov=n) for n in (3, 100))
    assert few.residual.item() > 0.1 > 1e-3 > many.residual.item()


@pytest.mark.slow
def test_the_seed_of_the_start_does_not_decide_the_radius():
    net, x = calibrated(GRAPHS["adjacent"]), images(2, size=4)
    first, second, again = (jacobian(net, x, [4], krylov=48, rng=seed) for seed in (0, 1, 0))
    np.testing.assert_allclose(first.spectral_radius, second.spectral_radius, rtol=1e-4)
    np.testing.assert_array_equal(first.spectral_radius, again.spectral_radius)
    assert first.attrs["seed"] == 0


def test_a_silenced_or_lesioned_net_is_linearised_as_it_runs():
    net = calibrated(adjacent(TWO))
    silent = (
        net.lesioned("lateral", keep_shortcut=True)
        .lesioned("feedback")
        .lesioned("feed-forward", (4, 9))
    )
    found = jacobian(silent, images(1, size=4), [5])
    # The identity is all that is left.
    np.testing.assert_allclose(found.spectral_radius.item(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.spectral_norm.item(), 1.0, rtol=1e-6)


X = images(2, size=4)


DELAYED = Graph(
    TWO, (Transition("V1", "IT"), Transition("IT", "V1", delay=2), Transition("IT", "IT"))
)


BAD = {
    "training": (lambda net: relative_steps(net.train(), X), "net.eval()"),
    "no image": (lambda net: relative_steps(net, X[:0]), "at least one"),
    "not finite": (lambda net: relative_steps(net, X * np.nan), "finite"),
    "one step": (lambda net: relative_steps(net, X, 1), "at least 2"),
    "not all populated": (
        lambda net: jacobian(net, X, [1]),
        r"at step 1 the states V1 are populated, at step 2 V1, IT",
    ),
    "not calibrated": (lambda net: jacobian(net, X, [12]), "calibrate"),
    "half a step": (lambda net: jacobian(net, X, [2.5]), "whole number"),
    "krylov": (lambda net: jacobian(net, X, [3], krylov=1), "give 2 to 1,000"),
    "delays": (lambda net: step_map(calibrated(DELAYED), X, 5), "IT->V1 take more than one step"),
    "threshold": (lambda net: effective_depth(np.ones((3, 1)), 0), "positive"),
    "shape": (lambda net: effective_depth(np.ones(3)), r"\(3,\)"),
    "tolerance": (lambda net: fixed_point(lambda h: h, X[:, 0, 0], tolerance=0), "above 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_analysed_is_refused_with_the_reason(name):
    call, reason = BAD[name]
    with pytest.raises(ValueError, match=reason) as error:
        call(calibrated(GRAPHS["adjacent"]))
    assert name == "not calibrated" or isinstance(error.value, AnalysisError)


@pytest.mark.parametrize("krylov", [1, 1001, 2**31])
def test_products_have_a_range(krylov):
    net = cortexsim.load("cortex4")
    x = net.preprocess(np.full((1, 32, 32, 3), 90, np.uint8))
    with pytest.raises(AnalysisError, match="give 2 to 1,000"):
        jacobian(net, x, [5], krylov=krylov)
