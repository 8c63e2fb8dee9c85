"""RDMs that no machine can hold are refused before anything is allocated."""

import numpy as np
import pytest
import torch

from cortexsim.analysis import rdms
from cortexsim.errors import AnalysisError

MANY = 2_000_000  # conditions: squares of 14.6 TiB in single precision


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_the_products_of_too_many_conditions_are_refused_with_bytes_and_the_way_round(make):
    patterns = make((MANY, 1))
    with pytest.raises(AnalysisError, match=r"2,000,000 rows .* TiB.*dask"):
        rdms(patterns, "sqeuclidean")


def test_too_many_rdms_of_few_conditions_are_refused():
    patterns = np.broadcast_to(np.float32(0), (10_000_000, 1000, 1))
    with pytest.raises(AnalysisError, match=r"10,000,000 RDMs x 499,500 pairs"):
        rdms(patterns, "sqeuclidean")
