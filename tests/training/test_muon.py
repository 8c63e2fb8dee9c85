"""Muon against the singular value decomposition, torch's Muon and SGD, and steps by hand."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from cortexsim.errors import TrainingError
from cortexsim.models import build
from cortexsim.models.transitions import Convolution
from cortexsim.training.muon import Muon, orthogonalised
from cortexsim.training.optimisation import optimizer_of, set_rate
from cortexsim.training.recipes import MEMO

SHAPES = [(3, 8, 72), (1, 64, 27), (2, 12, 72), (1, 8, 8), (4, 12, 12), (1, 1, 9)]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def singular_values(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.svdvals(x.double())


# ------------------------------------------------------------------------------------------------ t


def test_singular_vectors_stay_and_singular_values_become_about_one():
    """Against the SVD.

    For M = U S V^T the answer is U S' V^T, S' diagonal, near 1 and not of another sign.
    """
    stacks = [noise(*shape, seed=k) for k, shape in enumerate(SHAPES)]
    for matrices, answers in zip(stacks, orthogonalised(stacks), strict=True):
        assert answers.shape == matrices.shape
        for m, x in zip(matrices.double(), answers.double(), strict=True):
            u, s, vt = torch.linalg.svd(m, full_matrices=False)
            inner = u.T @ x @ vt.T
            kept = s > 0.02 * s.norm()  # smaller ones need more than five iterations
            assert ((inner.diagonal() > 0.6) & (inner.diagonal() < 1.25))[kept].all()
            assert (inner - inner.diagonal().diag()).abs().max() < 1e-3
            torch.testing.assert_close(u @ inner @ vt, x, rtol=0, atol=1e-3)


def test_it_is_the_plain_iteration_in_double_precision():
    m = noise(1, 6, 20).double()
    x = m[0] / m[0].norm()
    for _ in range(5):
        g = x @ x.T
        x = 3.4445 * x - 4.7750 * g @ x + 2.0315 * g @ g @ x
    torch.testing.assert_close(orthogonalised([m])[0][0], x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(orthogonalised([m.mT])[0][0], x.T, rtol=1e-9, atol=1e-9)


def test_length_and_company_do_not_matter_and_nothing_has_no_direction():
    m = noise(2, 8, 72)
    alone = orthogonalised([m])[0]
    together = orthogonalised([noise(3, 8, 8, seed=5), 1e-6 * m, noise(1, 40, 8)])[1]
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)
    assert not orthogonalised([torch.zeros(1, 4, 9)])[0].any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has it from 2.9 on")
def test_steps_are_those_of_torchs_muon():
    """Which iterates in bfloat16: steps agree in direction to its precision."""
    start, gradients = noise(16, 24), [noise(16, 24, seed=k) for k in (1, 2, 3)]
    theirs = torch.nn.Parameter(start.clone())
    ours = torch.nn.Parameter(start[:, :, None, None].clone())
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.02}
    torchs = torch.optim.Muon([theirs], nesterov=True, **options)
    mine = Muon([{"params": [ours], "kernels": True}], **options)
    for g in gradients:
        theirs.grad, ours.grad = g, g[:, :, None, None]
        torchs.step()
        mine.step()
    moved = theirs - start
    assert (ours[:, :, 0, 0] - theirs).norm() < 0.02 * moved.norm()


# ------------------------------------------------------------------------------------------------ s


def muon_by_hand(kernel: torch.Tensor, gradients, *, transposed: bool, fixed: bool):
    """Three steps of rate 0.1 and momentum 0.9 with an SVD-free plain iteration in double
    precision.
    """
    w, b, norm = kernel.double(), torch.zeros_like(kernel).double(), kernel.double().norm()
    for g in gradients:
        b = 0.9 * b + g
        u = g + 0.9 * b
        u = u.transpose(0, 1) if transposed else u
        turn = orthogonalised([u.flatten(1)[None]])[0].reshape(u.shape)
        w = w - 0.1 * (turn.transpose(0, 1) if transposed else turn)
        w = w * norm / w.norm() if fixed else w
    return w


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("fixed", [False, True])
def test_steps_of_kernels_by_hand(layout, transposed, fixed):
    """Kernels of two shapes among each other.

    The rows of the matrix are outputs, also of transposed convolutions.
    """
    shapes = [(6, 4, 3, 3), (4, 6, 3, 3), (6, 4, 3, 3), (5, 3, 1, 1)]
    starts = [noise(*s, seed=k).double() for k, s in enumerate(shapes)]
    gradients = [
        [noise(*s, seed=10 * n + k).double() for k, s in enumerate(shapes)] for n in (1, 2, 3)
    ]
    params = [torch.nn.Parameter(s.clone(memory_format=layout)) for s in starts]
    group = {"params": params, "kernels": True, "transposed": transposed}
    optimizer = Muon([group], 0.1, momentum=0.9, fixed_norm=fixed)
    for gs in gradients:
        for p, g in zip(params, gs, strict=True):
            p.grad = g.clone(memory_format=layout)
        optimizer.step()
    for k, p in enumerate(params):
        expected = muon_by_hand(
            starts[k], [g[k] for g in gradients], transposed=transposed, fixed=fixed
        )
        torch.testing.assert_close(p.detach(), expected, rtol=1e-6, atol=1e-8)


def test_the_rest_moves_as_by_torchs_nesterov():
    starts = [noise(5), noise(4, 3, seed=1)]
    ours, theirs = ([torch.nn.Parameter(s.clone()) for s in starts] for _ in range(2))
    options = {"momentum": 0.8, "weight_decay": 0.1}
    mine, torchs = (
        Muon([{"params": ours}], 0.2, **options),
        torch.optim.SGD(theirs, 0.2, nesterov=True, **options),
    )
    for k in range(4):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = noise(*p.shape, seed=k + 5)
            q.grad = p.grad.clone()
        mine.step()
        torchs.step()
    torch.testing.assert_close(ours, theirs)


# ------------------------------------------------------------------------------------------------ i

FAST = dataclasses.replace(MEMO, optimizer="muon", decay_all=False, rest_rate=0.5, bias_rate=4.0)


def test_each_parameter_is_in_one_group_and_has_its_rate():
    net = build("cortex4")
    optimizer = optimizer_of(net, dataclasses.replace(FAST, weight_decay=0.1))
    set_rate(optimizer, 0.08)
    names = {id(p): name for name, p in net.named_parameters()}
    found = {names[id(p)]: group for group in optimizer.param_groups for p in group["params"]}
    assert sorted(found) == sorted(names.values())
    for name, module in net.named_modules():
        if isinstance(module, Convolution):
            group = found[f"{name}.weight"]
            assert (group["kernels"], group["transposed"]) == (True, module.spec.transposed)
            assert group["lr"] == 0.08
    assert any(group["transposed"] for group in optimizer.param_groups)
    linear, shift = found["post_net.linear.weight"], found["post_net.affine.shift"]
    assert (linear["kernels"], linear["lr"], linear["weight_decay"]) == (False, 0.04, 0.1)
    assert (shift["kernels"], shift["lr"], shift["weight_decay"]) == (False, 0.16, 0.0)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw"])
@pytest.mark.parametrize("decay_all", [False, True])
def test_the_rate_of_biases_is_an_option_of_every_optimiser(optimizer, decay_all):
    chosen = dataclasses.replace(FAST, optimizer=optimizer, decay_all=decay_all, weight_decay=0.1)
    made = optimizer_of(build("tiny30"), chosen)
    set_rate(made, 0.1)
    rates = {p.dim() > 1: group["lr"] for group in made.param_groups for p in group["params"]}
    assert rates == {True: 0.1, False: 0.4}
    decays = {
        p.dim() > 1: group["weight_decay"] for group in made.param_groups for p in group["params"]
    }
    assert decays == {True: 0.1, False: 0.1 if decay_all else 0.0}


def test_fixed_norms_are_those_of_the_first_weights():
    net = build("cortex4-adjacent")
    before = {n: p.detach().norm() for n, p in net.named_parameters() if p.dim() == 4}
    optimizer = optimizer_of(net, dataclasses.replace(FAST, fixed_norm=True))
    start = copy.deepcopy(net.state_dict())
    for k in range(3):
        for p in net.parameters():
            p.grad = noise(*p.shape, seed=k)
        optimizer.step()
    for name, norm in before.items():
        torch.testing.assert_close(net.get_parameter(name).detach().norm(), norm, rtol=1e-5, atol=0)
        assert not torch.equal(net.get_parameter(name), start[name])


def test_a_state_saved_and_loaded_goes_on_to_the_same_bits(tmp_path):
    def steps(net, optimizer, which):
        for k in which:
            for p in net.parameters():
                p.grad = noise(*p.shape, seed=k).contiguous(memory_format=torch.preserve_format)
            optimizer.step()

    recipe = dataclasses.replace(FAST, fixed_norm=True)
    net = build("cortex4-adjacent")
    optimizer = optimizer_of(net, recipe)
    steps(net, optimizer, (0, 1))
    torch.save((net.state_dict(), optimizer.state_dict()), tmp_path / "state.pt")
    steps(net, optimizer, (2, 3))
    other = build("cortex4-adjacent", seed=1)
    weights, state = torch.load(tmp_path / "state.pt", weights_only=True)
    other.load_state_dict(weights)
    continued = optimizer_of(other, recipe)
    steps(other, continued, (4,))  # whatever it did before, what is loaded counts
    other.load_state_dict(weights)
    continued.load_state_dict(state)
    steps(other, continued, (2, 3))
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), other.parameters(), strict=True))


def test_a_kernel_without_gradient_has_one_of_zero():
    params = [torch.nn.Parameter(noise(4, 3, 3, 3, seed=k)) for k in (0, 1)]
    before = params[1].detach().clone()
    optimizer = Muon([{"params": params, "kernels": True}], 0.1, momentum=0.9)
    params[0].grad = noise(4, 3, 3, 3, seed=2)
    optimizer.step()
    assert torch.equal(params[1], before)
    assert not torch.equal(params[0], noise(4, 3, 3, 3))


def test_muon_without_momentum_is_refused():
    with pytest.raises(TrainingError, match="`optimizer='muon'` needs a `momentum` above 0"):
        optimizer_of(build("tiny30"), dataclasses.replace(FAST, momentum=0.0))
