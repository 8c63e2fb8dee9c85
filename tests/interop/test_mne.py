"""Arguments for mne-rsa and what it computes of them."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from cortexsim.analysis import rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.interop import to_mne_rsa


def test_arguments_for_mne_rsa(recorded):
    movie = rdm_movie(recorded, progress=False)
    models, names = to_mne_rsa(movie)
    assert names == [
        (s, t) for s, first in (("V1", 1), ("V2", 2), ("V4", 3), ("IT", 4)) for t in range(first, 7)
    ]
    for vector, (state, step) in zip(models["rdm_model"], names, strict=True):
        np.testing.assert_array_equal(
            vector, movie.rdm.sel(state=state, step=step).values.astype(float)
        )
    data, times = to_mne_rsa(recorded, state="IT")
    assert times == [100, 125, 150]
    assert data["X"].shape == (8, 1024, 3)
    assert data["labels_X"] == models["labels_rdm_model"] == movie.stimulus_id.values.tolist()
    with pytest.raises(AnalysisError, match="without stimulus_id"):
        to_mne_rsa(movie.rdm.to_dataset())


def test_what_mne_rsa_computes_of_them(recorded):
    """Its definition (Spearman between condensed correlation RDMs), since the package is not among
    ours.
    """
    data, _ = to_mne_rsa(recorded, state="IT")
    models, names = to_mne_rsa(rdm_movie(recorded, progress=False))
    own = models["rdm_model"][names.index(("IT", 5))]
    theirs = squareform(1 - np.corrcoef(data["X"][..., 1]), checks=False)
    assert spearmanr(theirs, own).statistic > 0.999999
