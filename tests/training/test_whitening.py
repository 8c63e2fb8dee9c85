"""Whitening kernels.

Uncorrelated answers, scikit-learn's components, frozen and learned in a run.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cortexsim.errors import TrainingError
from cortexsim.models import build
from cortexsim.models.weights import load_weights
from cortexsim.training.whitening import whiten, whitening_kernels

from .helpers import normalised


def correlated(count: int = 64, size: int = 12) -> torch.Tensor:
    """Smooth noise of three mixed channels, of mean 0 and variance 1."""
    noise = torch.randn(count, 3, size + 2, size + 2, generator=torch.Generator().manual_seed(0))
    mix = torch.tensor([[1.0, 0.5, 0.2], [0.3, 1.0, 0.1], [0.0, 0.4, 1.0]])
    x = F.avg_pool2d(torch.einsum("dc,ncyx->ndyx", mix, noise), 3, stride=1)
    return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)


def test_whitened_patches_are_uncorrelated_and_have_a_variance_of_one():
    images = correlated()
    kernels = whitening_kernels(images, 3)
    assert kernels.shape == (27, 3, 3, 3)
    answers = F.conv2d(images, kernels).permute(1, 0, 2, 3).flatten(1).double()
    covariance = torch.cov(answers)
    # The floor of 5e-4 takes a share of the small variances, l / (l + 5e-4).
    torch.testing.assert_close(covariance, covariance.diagonal().diag(), rtol=0, atol=1e-3)
    assert (covariance.diagonal() <= 1.001).all()
    torch.testing.assert_close(
        covariance.diagonal()[:20], torch.ones(20).double(), rtol=0, atol=0.1
    )


def test_kernels_come_by_falling_variance_and_agree_with_scikit_learn():
    from sklearn.decomposition import PCA

    images = correlated()
    patches = F.unfold(images, 3).transpose(1, 2).flatten(0, 1).double().numpy()
    pca = PCA().fit(patches)
    ours = whitening_kernels(images, 3).flatten(1).double().numpy()
    theirs = pca.components_ / np.sqrt(pca.explained_variance_ + 5e-4)[:, None]
    signs = np.sign((ours * theirs).sum(1, keepdims=True))
    np.testing.assert_allclose(ours, signs * theirs, atol=0.02 * np.abs(theirs).max())


@pytest.mark.parametrize(("model", "features"), [("cortex4", 8), ("tiny30", 30), ("rnn2", 64)])
@pytest.mark.parametrize("frozen", [True, False])
def test_features_are_components_then_their_negatives_then_as_drawn(model, features, frozen):
    net, fresh = build(model), build(model)
    whiten(net, correlated(), frozen=frozen)
    first, kernels = net.pre_net.convolutions[0].weight, whitening_kernels(correlated(), 3)
    assert len(first) == features
    torch.testing.assert_close(first[:27].detach(), kernels[:features])
    torch.testing.assert_close(first[27:54].detach(), -kernels[: max(0, features - 27)])
    torch.testing.assert_close(
        first[54:].detach(), fresh.pre_net.convolutions[0].weight[54:].detach()
    )
    assert first.requires_grad != frozen
    others = [n for n, p in net.named_parameters() if not torch.equal(p, fresh.get_parameter(n))]
    assert others == ["pre_net.convolutions.0.weight"]


def test_a_pre_net_of_ones_own_is_refused():
    net = build("cortex4-adjacent", pre_net=torch.nn.Conv2d(3, 8, 3, padding=1))
    with pytest.raises(TrainingError, match=r"this network has a Conv2d\. Give `whitening='none'`"):
        whiten(net, correlated(), frozen=True)


@pytest.mark.parametrize("whitening", ["none", "learned", "frozen"])
def test_frozen_kernels_end_as_they_began_and_learned_ones_do_not(trained, crops, whitening):
    """In the averaged weights that are saved, too."""
    run = trained(whitening=whitening, ema=0.9)
    found = load_weights(run.weights).pre_net.convolutions[0].weight.detach()
    kernels = whitening_kernels(normalised(crops(8, 64)), 3)[:8]
    agreement = F.cosine_similarity(found.flatten(1), kernels.flatten(1)).abs()
    assert (agreement > 0.9999).all() == (whitening == "frozen")
    assert (agreement > 0.5).all() == (whitening != "none")
    assert run.card["recipe"]["whitening"] == whitening
