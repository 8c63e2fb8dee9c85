"""The way to a fixed point, against linear systems solved directly."""

import numpy as np
import torch
from plain_net import images, network

from cortexsim.analysis import (
    distances,
    fixed_point,
)
from cortexsim.models import Graph, State, Transition


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


def test_a_linear_nets_distance_to_its_fixed_point_shrinks_with_the_powers():
    net, k = linear(0.6)
    x = images(3, size=4)
    given = net.pre_net(x, use_batch=False).detach().flatten(1).numpy()
    goal = np.linalg.solve(np.eye(len(k)) - k, given.T).T
    found = distances(net, x, 8, tolerance=1e-12)
    assert found.converged.all()
    assert not found.diverged.any()
    error = goal
    for step in range(1, 9):
        error = error @ k.T  # h(t) = sum of the first t powers, so goal - h(t) = K'^t goal
        expected = np.linalg.norm(error, axis=1) / np.linalg.norm(goal, axis=1)
        np.testing.assert_allclose(found.distance.sel(state="h", step=step), expected, rtol=1e-6)


def test_what_does_not_come_to_rest_is_said_to():
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    circling = fixed_point(lambda h: h @ turn, torch.ones(1, 2))
    assert (circling.converged.item(), circling.diverged.item()) == (False, False)
    mixed = fixed_point(
        lambda h: h * torch.tensor([[0.5], [3.0]]) + 1, torch.ones(2, 1), tolerance=1e-6
    )
    assert mixed.converged.tolist() == [True, False]
    assert mixed.diverged.tolist() == [False, True]
    assert mixed.point.isfinite().all()
    torch.testing.assert_close(mixed.point[0], torch.tensor([2.0]))
    growing, _ = linear(1.1)
    found = distances(growing, images(2, size=4), 5, iterations=1000)
    assert found.diverged.all()
    assert found.distance.isnull().all()
