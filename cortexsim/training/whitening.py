"""A first convolution that whitens: its kernels are the principal components of small patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cortexsim.errors import TrainingError
from cortexsim.models.network import Network
from cortexsim.models.spec import PreNet
from cortexsim.models.transitions import Convolution

WHITENINGS = ("none", "frozen", "learned")
# Added to the variances: components that are nearly constant are not blown up to noise.
FLOOR = 5e-4


def whitening_kernels(images: Tensor, edge: int) -> Tensor:
    """The components of all patches of some images, by falling variance, each to a variance of 1.

    k_i = v_i / sqrt(l_i + 5e-4), with eigenvalues l_i and eigenvectors v_i of the covariance

    Parameters
    ----------
    images : Tensor (n, channel, y, x)
        Normalised, as the network sees them.
    edge : int
        Of a patch, in pixels.

    Returns
    -------
    Tensor (channel x edge x edge, channel, edge, edge)

    References
    ----------
    Jordan 2024, 94 % on CIFAR-10 in 3.29 seconds, section 3.2.
    """
    channels = images.shape[1]
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for batch in images.split(500):
        patches = F.unfold(batch, edge).transpose(1, 2).flatten(0, 1).double()
        count += len(patches)
        total = total.to(patches) + patches.sum(0)
        squares = squares.to(patches) + patches.T @ patches
    mean = total / count
    values, vectors = torch.linalg.eigh(squares / count - mean.outer(mean))
    kernels = vectors / (values.clamp(min=0) + FLOOR).sqrt()
    return kernels.T.flip(0).reshape(-1, channels, edge, edge).to(images.dtype)


def whiten(net: Network, images: Tensor, *, frozen: bool) -> None:
    """Put whitening kernels into the first convolution of the pre-net.

    Of n features and d components, the first min(n, d) are the leading components, the next their
    negatives (what a ReLU would cut off of one, the other keeps); features beyond 2 d stay as
    drawn.

    Parameters
    ----------
    net : Network
        With one of the pre-nets of the zoo.
    images : Tensor (n, channel, y, x)
        Training images, normalised.
    frozen : bool
        Whether these kernels stay as they are while the network is trained.

    References
    ----------
    Jordan 2024, 94 % on CIFAR-10 in 3.29 seconds, section 3.2.
    """
    if not isinstance(net.pre_net, PreNet):
        raise TrainingError(
            f"`whitening` needs a pre-net that begins with a convolution; this network has a "
            f"{type(net.pre_net).__name__}. Give `whitening='none'`"
        )
    first = net.pre_net.convolutions[0]
    assert isinstance(first, Convolution)
    kernels = whitening_kernels(images, first.spec.kernel)
    both = torch.cat([kernels, -kernels])[: first.spec.out_features]
    with torch.no_grad():
        first.weight[: len(both)] = both
    first.weight.requires_grad_(not frozen)
