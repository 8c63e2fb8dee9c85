"""How far a mask takes a state: cosine distances, against scipy."""

import numpy as np
import torch

from cortexsim.experiments.mask.disruption import cosine_distance


def test_cosine_distance_is_scipys_and_exactly_zero_for_the_same():
    from scipy.spatial.distance import cosine

    a, b = torch.randn(2, 6, 50, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        cosine_distance(a, b), [cosine(u, v) for u, v in zip(a.numpy(), b.numpy())], atol=1e-6
    )
    assert (cosine_distance(a, a) == 0).all()
    assert cosine_distance(torch.zeros(1, 3), torch.ones(1, 3)).tolist() == [1.0]
