"""RDMs without a single number are nothing to arrange."""

import numpy as np
import pytest

from cortexsim.errors import AnalysisError
from cortexsim.plotting import mds


@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_nan_throughout_is_refused(shape):
    with pytest.raises(AnalysisError, match="NaN throughout"):
        mds(np.full(shape, np.nan))


def test_a_step_that_is_not_populated_stays_empty():
    stack = np.stack([np.full(6, np.nan), np.arange(1.0, 7)])
    assert np.isfinite(mds(stack).positions).all((1, 2)).tolist() == [False, True]
