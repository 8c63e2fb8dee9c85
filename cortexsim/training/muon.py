"""Muon: steps of equal size in all directions of a kernel, for the convolutions of a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# a, b, c of X <- a X + (b G + c G^2) X, G = X X^T: steepest at 0, so that small singular values
# rise fast; the price is that they end between about 0.7 and 1.2 and not at 1.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
TINY = 1e-30  # a gradient of zeros has no direction: it stays zero


def orthogonalised(stacks: Sequence[Tensor]) -> list[Tensor]:
    """Matrices with the same singular vectors and all singular values about 1.

    X_0 = M / |M|;  G_k = X_k X_k^T;  X_(k+1) = (a I + b G_k + c G_k^2) X_k,  five times

    For M = U S V^T this tends to U S' V^T with S' between 0.7 and 1.2. All factors are polynomials
    of G_0, so they are multiplied on the smaller side and X is touched only twice; matrices whose
    smaller sides agree are iterated together, because those of these nets are small and many.

    Parameters
    ----------
    stacks : sequence of Tensor, each (n, rows, columns)
        What to orthogonalise: n matrices of one shape in each.

    Returns
    -------
    list of Tensor, each (n, rows, columns)

    References
    ----------
    Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.

    Examples
    --------
    >>> import torch
    >>> (x,) = orthogonalised([torch.diag(torch.tensor([5.0, 2.0, 1.0]))[None]])
    >>> bool(((0.6 < x[0].diagonal()) & (x[0].diagonal() < 1.3)).all())
    True
    """
    grams = [x.mT @ x if x.shape[1] > x.shape[2] else x @ x.mT for x in stacks]
    alike: dict[int, list[int]] = defaultdict(list)
    for i, gram in enumerate(grams):
        alike[gram.shape[-1]].append(i)
    for members in alike.values():
        factors = _factors(torch.cat([grams[i] for i in members]))
        for i, factor in zip(
            members, factors.split([len(stacks[i]) for i in members]), strict=True
        ):
            grams[i] = factor
    return [
        x @ factor if x.shape[1] > x.shape[2] else factor @ x
        for x, factor in zip(stacks, grams, strict=True)
    ]


def _factors(gram: Tensor) -> Tensor:
    """The product of all iterations' polynomials of M M^T, ``gram`` (n, r, r), and of 1 / |M|."""
    a, b, c = COEFFICIENTS
    squares = gram.diagonal(dim1=1, dim2=2).sum(1)[:, None, None].clamp(min=TINY)
    gram = gram / squares
    identity = a * torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    product = squares.rsqrt()
    for k in range(ITERATIONS):
        p = torch.baddbmm(torch.add(identity, gram, alpha=b), gram, gram, alpha=c)
        product = p @ product if k else p * product
        if k < ITERATIONS - 1:
            gram = p @ gram @ p
    return product


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for the kernels of convolutions, Nesterov's SGD for the rest.

    b <- mu b + g;  u = g + mu b;  w <- w - lr O(u), for a kernel w as matrix (output, input x
    space)

    Where ``fixed_norm``, a kernel is then scaled back to the norm that it had before its first
    step: the normalisation that follows a convolution makes its length without meaning, but a
    longer kernel turns more slowly. Otherwise it decays by (1 - lr x ``weight_decay``) each step.
    A kernel without a gradient (its transition was not used) has one of zero. The rest takes w <-
    w - lr u, g with the penalty ``weight_decay`` x w, as in torch.optim.SGD.

    Parameters
    ----------
    groups : list of dict
        Each with ``params`` and, where those are kernels, ``kernels=True``; ``transposed=True`` for
        kernels of transposed convolutions, (input, output, y, x).
    lr, momentum, weight_decay : float
        Defaults of the groups.
    fixed_norm : bool
        Default of the groups.

    References
    ----------
    Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks; Jordan 2024, 94 %
    on CIFAR-10 in 3.29 seconds (kernels scaled to a norm at each step).
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float,
        *,
        momentum: float,
        weight_decay: float = 0.0,
        fixed_norm: bool = False,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        more = {"fixed_norm": fixed_norm, "kernels": False, "transposed": False}
        super().__init__(groups, {**defaults, **more})
        self._kernels: dict[int, _Kernels] = {}  # by group

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._kernels = {}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:  # type: ignore[override]
        """One step on the gradients that are there."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moving = []
        for number, group in enumerate(self.param_groups):
            if not group["kernels"]:
                self._step_of_rest(group)
                continue
            if number not in self._kernels:
                self._kernels[number] = _Kernels(group, self.state)
            moving.append((group, self._kernels[number]))
        # Those of all groups at once, so that matrices of one size are iterated together.
        directions = [kernels.direction(group["momentum"]) for group, kernels in moving]
        turns = iter(orthogonalised([x for stacks in directions for x in stacks]))
        for (group, kernels), stacks in zip(moving, directions, strict=True):
            kernels.move([next(turns) for _ in stacks], group)
        return loss

    def _step_of_rest(self, group: dict[str, Any]) -> None:
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        gradients = [p.grad for p in params]
        if group["weight_decay"]:
            decays = torch._foreach_mul(params, group["weight_decay"])
            gradients = list(torch._foreach_add(gradients, decays))
        for p in params:
            if "momentum_buffer" not in self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        buffers = [self.state[p]["momentum_buffer"] for p in params]
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, gradients)
        directions = torch._foreach_add(gradients, buffers, alpha=group["momentum"])
        torch._foreach_add_(params, directions, alpha=-group["lr"])


class _Kernels:
    """The kernels of a group: their momentum in one piece of memory, those of one shape in a row.

    The state of each parameter is a view of that memory; it is put together anew from the states
    after they were loaded.
    """

    def __init__(self, group: dict[str, Any], state: Any) -> None:
        self.params: list[Tensor] = sorted(group["params"], key=lambda p: tuple(p.shape))
        self.sizes = [p.numel() for p in self.params]
        shapes = [_matrix_shape(p, transposed=group["transposed"]) for p in self.params]
        self.stacks = [(shapes.count(s), *s) for s in dict.fromkeys(shapes)]
        for p in self.params:
            if "momentum_buffer" not in state[p]:
                state[p]["momentum_buffer"] = torch.zeros_like(p)
                if group["fixed_norm"]:
                    state[p]["norm"] = p.norm()
        self.momentum = self._flat([state[p]["momentum_buffer"] for p in self.params])
        for p, view in zip(self.params, self._views(self.momentum), strict=True):
            state[p]["momentum_buffer"] = view
        self.norms = None
        if group["fixed_norm"]:
            self.norms = torch.stack([state[p]["norm"] for p in self.params])

    @staticmethod
    def _flat(tensors: Sequence[Tensor]) -> Tensor:
        """Channels last, as kernels lie in memory: the order within a row has no meaning here."""
        return torch.cat([t.permute(0, 2, 3, 1).reshape(-1) for t in tensors])

    def _views(self, flat: Tensor) -> list[Tensor]:
        return [
            part.view(p.shape[0], *p.shape[2:], p.shape[1]).permute(0, 3, 1, 2)
            for p, part in zip(self.params, flat.split(self.sizes), strict=True)
        ]

    def direction(self, momentum: float) -> list[Tensor]:
        """g + mu b as stacks of matrices, b advanced."""
        gradients = self._flat(
            [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]
        )
        self.momentum.mul_(momentum).add_(gradients)
        flat = gradients.add_(self.momentum, alpha=momentum)
        parts = flat.split([n * rows * columns for n, rows, columns in self.stacks])
        return [part.view(stack) for part, stack in zip(parts, self.stacks, strict=True)]

    def move(self, turns: list[Tensor], group: dict[str, Any]) -> None:
        """One step along ``turns``, orthogonalised stacks; then what keeps the norms in bounds."""
        if self.norms is None:
            torch._foreach_mul_(self.params, 1 - group["lr"] * group["weight_decay"])
        steps = self._views(torch.cat([t.reshape(-1) for t in turns]))
        torch._foreach_add_(self.params, steps, alpha=-group["lr"])
        if self.norms is not None:
            factors = self.norms / torch.stack(torch._foreach_norm(self.params))
            torch._foreach_mul_(self.params, list(factors.unbind()))


def _matrix_shape(kernel: Tensor, *, transposed: bool) -> tuple[int, int]:
    """(output, space x input); (input x space, output) of a transposed convolution."""
    first, second = kernel.shape[:2]
    space = kernel[0, 0].numel()
    return (first * space, second) if transposed else (first, space * second)
