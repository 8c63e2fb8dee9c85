"""Where the iteration starts."""

import pytest
import torch

from cortexsim.analysis import fixed_point
from cortexsim.errors import AnalysisError


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 3)])
def test_a_start_of_another_shape_is_refused(shape):
    with pytest.raises(AnalysisError, match=r"\(stimulus, unit\) is needed"):
        fixed_point(lambda h: 0.5 * h, torch.ones(*shape))


@pytest.mark.parametrize("iterations", [0, 100_001, 2**70])
def test_iterations_have_a_range(iterations):
    """A map that goes round for ever would otherwise be followed for ever."""
    with pytest.raises(AnalysisError, match=r"must be 1 to 100,000"):
        fixed_point(lambda h: -h, torch.ones(1, 3), iterations=iterations)
