"""Texture masks aimed at an area: other images with the target's spatial statistics in the features
of one state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.shapes import Float, UInt8
from cortexsim.stimuli.images import Preprocessing
from cortexsim.stimuli.masks import mask

if TYPE_CHECKING:
    from cortexsim.models.network import Network

ITERATIONS = 200
MOST_ITERATIONS = 100_000  # minutes to hours of descent; more changes nothing that is seen
RATE = 8.0  # grey levels an iteration, at first; falls to 0 on a cosine
DECAYS = (0.9, 0.99)
TOGETHER = 64  # images of one descent


@dataclass(frozen=True)
class Texture:
    """Masks with the statistics of their targets, and how near they come: see
    :func:`statistics_loss`.

    Attributes
    ----------
    images : array of uint8, shape (n, y, x, 3)
        The masks.
    loss : array of shape (n,)
        Of each mask.
    noise_loss : array of shape (n,)
        Of the noise that each began as.
    """

    images: np.ndarray
    loss: np.ndarray
    noise_loss: np.ndarray


@clear_errors
def texture_mask(
    net: Network,
    images: Sequence[np.ndarray] | np.ndarray,
    state: str,
    *,
    step: int | None = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    iterations: int = ITERATIONS,
) -> Texture:
    """Images with the means and Gram matrices of a state's features of the targets.

    Found by gradient descent on pixels. Minimises :func:`statistics_loss` through the pre-net and
    the unrolled network (the image on at step 1; at every step, if the network is inhomogeneous),
    from white noise with the target's mean and standard deviation in each channel. Adam with
    momenta 0.9 and 0.99, ``iterations`` steps that fall from 8 grey levels to 0 on a cosine; pixels
    are clipped to 0-255 after each and rounded at the end, and the loss is that of the rounded
    image. Images of a batch do not influence each other, and of equal id and seed the noise is the
    same.

    Parameters
    ----------
    net : Network
        Whose features count.
    images : sequence of uint8 arrays of shape (y, x, 3)
        The targets, brought to the network's size as it sees them, which is the size of the masks.
    state : str
        Whose features.
    step : int, optional
        By default the first at which the state is populated.
    ids : sequence of str, optional
        By default 0, 1, ...
    seed : int
        Of the noise.
    preprocessing : Preprocessing, optional
        By default that of the network's card.
    iterations : int
        Steps of the descent.

    Returns
    -------
    Texture
        The masks.

    Raises
    ------
    StimulusError
        For unknown states, steps at which the state is empty, and networks without declared
        preprocessing.

    References
    ----------
    Gatys, Ecker & Bethge 2015; Portilla & Simoncelli 2000.

    Examples
    --------
    >>> import cortexsim
    >>> from cortexsim.stimuli.images import sample
    >>> texture = texture_mask(cortexsim.load("cortex4"), [sample().read(0)], "V2", iterations=10)
    >>> texture.images.shape, texture.images.dtype, bool(texture.loss[0] < texture.noise_loss[0])
    ((1, 32, 32, 3), dtype('uint8'), True)
    """
    look = preprocessing or declared(net)
    names = [str(i) for i in range(len(images))] if ids is None else list(ids)
    if not names or len(names) != len(images):
        raise StimulusError(
            f"{len(images)} images and {len(names)} ids; give at least one image, and one id for "
            "each"
        )
    if not 0 <= iterations <= MOST_ITERATIONS:
        raise StimulusError(
            f"{iterations} iterations of gradient descent; give 0 to {MOST_ITERATIONS:,}"
        )
    step = first_step(net, state) if step is None else step
    targets = np.concatenate([fitted([i], look) for i in images])
    noise = np.stack(
        [mask("white", t, name, seed=seed) for t, name in zip(targets, names, strict=True)]
    )
    pieces = [
        _descend(
            net,
            targets[k : k + TOGETHER],
            noise[k : k + TOGETHER],
            state=state,
            step=step,
            preprocessing=look,
            iterations=iterations,
        )
        for k in range(0, len(targets), TOGETHER)
    ]
    masks = np.concatenate(pieces)
    losses = (
        statistics_loss(net, x, targets, state=state, step=step, preprocessing=look)
        for x in (masks, noise)
    )
    return Texture(masks, *losses)


def statistics_loss(
    net: Network,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    state: str,
    step: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> np.ndarray:
    """How far the spatial statistics of images are from those of their targets.

    In the features f ``(channel, place)`` of a state, ``|m - m*|^2 / |m*|^2 + |G - G*|^2 / |G*|^2``
    with m the mean over places, ``G = f f^T / places`` and * the target: 0 if they agree, about 1
    to 2 for statistics that have nothing in common.

    Parameters
    ----------
    net : Network
        Whose features count.
    images : array of uint8, shape (n, y, x, 3)
        At the network's size.
    targets : array of uint8, shape (n, y, x, 3)
        What they are compared with, as many.
    state : str
        Whose features.
    step : int, optional
        By default the first at which the state is populated.
    preprocessing : Preprocessing, optional
        By default that of the network's card.

    Returns
    -------
    array of shape (n,)
        The loss of each image.
    """
    look = preprocessing or declared(net)
    step = first_step(net, state) if step is None else step
    with torch.inference_mode():
        pairs = [
            _statistics(_features(net, _pixels(x), state, step=step, preprocessing=look))
            for x in (images, targets)
        ]
        return _loss(*pairs).double().cpu().numpy()


def first_step(net: Network, state: str) -> int:
    """The first step at which a state is populated.

    Parameters
    ----------
    net : Network
        The network.
    state : str
        The state.

    Returns
    -------
    int
        The step.

    Raises
    ------
    StimulusError
        If there is no such state, or it is never populated.
    """
    from cortexsim.models.foreign.external import External
    from cortexsim.models.liveness import schedule

    if isinstance(net, External):
        if state not in net.state_names:
            raise StimulusError(
                f"no state is called {state!r}; this network has {', '.join(net.state_names)}"
            )
        return net.steps[state][0]
    graph = net.spec.graph
    graph[state]  # raises, with the states there are
    when = [
        t for s, t in schedule(graph, max(net.readout, len(graph.states))).populated if s == state
    ]
    if not when:
        raise StimulusError(
            f"{state} is never populated in {net.readout} steps (lesions included), so it has no "
            "texture; name another state"
        )
    return min(when)


def declared(net: Network) -> Preprocessing:
    """The preprocessing that a network's card declares.

    Parameters
    ----------
    net : Network
        The network.

    Returns
    -------
    Preprocessing
        The preprocessing.

    Raises
    ------
    StimulusError
        If the card declares none.
    """
    card = net.card.get("preprocessing")
    if card is None:
        raise StimulusError(
            "the network's card declares no preprocessing (size, mean, std); pass preprocessing="
        )
    return Preprocessing.from_dict(card)


def fitted(
    images: Sequence[np.ndarray], preprocessing: Preprocessing
) -> UInt8[np.ndarray, "n y x channel"]:
    """Images as the network sees them.

    Parameters
    ----------
    images : sequence of uint8 arrays of shape (y, x, 3)
        The images.
    preprocessing : Preprocessing
        What it does to them.

    Returns
    -------
    array of uint8, shape (n, y, x, 3)
        At the network's size.
    """
    levels = preprocessing.fit(images).permute(0, 2, 3, 1)
    return levels.float().round().clamp(0, 255).to(torch.uint8).contiguous().numpy()


def _pixels(images: UInt8[np.ndarray, "batch y x channel"]) -> Float[Tensor, "batch channel y x"]:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()


def _features(
    net: Network, pixels: Tensor, state: str, *, step: int, preprocessing: Preprocessing
) -> Tensor:
    """A state ``(batch, channel, y, x)`` at a step, differentiable in the pixels (grey levels)."""
    mean, std = (
        torch.tensor(v, device=pixels.device)[:, None, None]
        for v in (preprocessing.mean, preprocessing.std)
    )
    device = next(net.parameters()).device
    images = ((pixels / 255 - mean) / std).to(device)
    for t, states in net.unroll(images, step):
        if t == step:
            if state not in states:
                raise StimulusError(
                    f"{state} is not populated at step {step}; give a step from "
                    f"{first_step(net, state)}"
                )
            return states[state]
    raise StimulusError(f"a texture at step {step}: steps begin at 1")


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``(batch, channel)`` and Gram matrix ``(batch, channel, channel)`` over places."""
    f = features.flatten(2)
    return f.mean(2), f @ f.transpose(1, 2) / f.shape[2]


def _loss(
    features: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]
) -> Float[Tensor, " batch"]:
    terms = [
        ((a - b) ** 2).flatten(1).sum(1) / (b**2).flatten(1).sum(1).clamp(min=1e-12)
        for a, b in zip(features, wanted, strict=True)
    ]
    return terms[0] + terms[1]


@torch.inference_mode(False)
@torch.enable_grad()
def _descend(
    net: Network,
    targets: UInt8[np.ndarray, "batch y x channel"],
    noise: UInt8[np.ndarray, "batch y x channel"],
    *,
    state: str,
    step: int,
    preprocessing: Preprocessing,
    iterations: int,
) -> UInt8[np.ndarray, "batch y x channel"]:
    with torch.no_grad():
        wanted = _statistics(
            _features(net, _pixels(targets), state, step=step, preprocessing=preprocessing)
        )
    x = _pixels(noise).requires_grad_()
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    for k in range(iterations):
        # Of each image its own gradient: a sum over the batch, and none for the weights.
        loss = _loss(
            _statistics(_features(net, x, state, step=step, preprocessing=preprocessing)), wanted
        ).sum()
        (gradient,) = torch.autograd.grad(loss, x)
        with torch.no_grad():
            first.lerp_(gradient, 1 - DECAYS[0])
            second.lerp_(gradient**2, 1 - DECAYS[1])
            mean, square = first / (1 - DECAYS[0] ** (k + 1)), second / (1 - DECAYS[1] ** (k + 1))
            rate = RATE * 0.5 * (1 + math.cos(math.pi * k / iterations))
            x.sub_(rate * mean / (square.sqrt() + 1e-12)).clamp_(0, 255)
    return x.detach().round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
