"""Answers: those of a recording are its readout, fitted ones are cross-validated."""

import numpy as np
import pandas
import pytest
import xarray as xr
from sklearn.linear_model import LogisticRegression

from cortexsim.analysis import (
    own_answers,
    read_answers,
    softmax,
)
from cortexsim.analysis.behavior.answers import answers
from cortexsim.errors import AnalysisError


def test_fitted_answers_never_saw_the_stimulus_they_are_for():
    rng, y = np.random.default_rng(6), np.repeat([0, 1], 40)
    x = rng.normal(size=(80, 300))
    found = answers(read_answers(xr.DataArray(x[:, None], dims=("stimulus", "step", "unit")), y))
    assert 0.3 < found.correct.mean() < 0.7  # 300 features of 64 stimuli fit anything
    np.testing.assert_allclose(found.probability.sum(-1), 1)
    seen = LogisticRegression(max_iter=5000).fit(x, y).score(x, y)
    assert seen == 1


def test_answers_of_a_recording_are_its_readout(tmp_path):
    from cortexsim import open_recording
    from cortexsim.record import RecordConfig, record

    path = record(
        RecordConfig(limit=6, keep="mean", steps=6, figure=False, out=str(tmp_path / "a.zarr"))
    )
    said = own_answers(path)
    logits = open_recording(path)["readout"].logits.values
    np.testing.assert_allclose(said.sel(step=6), softmax(logits[:, 5]), atol=1e-6)
    found = answers(said, np.arange(6))
    assert found.times.tolist() == [4, 5, 6]
    with pytest.raises(AnalysisError, match="no readout"):
        own_answers(open_recording(path)["V1"])


@pytest.mark.parametrize(
    ("probability", "labels"),
    [
        (np.full((4, 2), 0.5), [0, 1, 0, 1]),
        (np.full((4, 1, 2), 0.4), [0, 1, 0, 1]),
        (np.full((4, 1, 2), 0.5), [0, 1, 2, 0]),
        (np.full((4, 1, 2), 0.5), [0, 1]),
        (np.full((4, 1, 2), 0.5), None),
        (np.full((4, 1, 2), np.nan), [0, 1, 0, 1]),
        (np.array([[[1.5, -0.5]]]), [0]),
        (np.full((2, 1, 2), 0.5), ["cat", "dog"]),
    ],
)
def test_what_are_no_answers_is_refused(probability, labels):
    with pytest.raises(AnalysisError):
        answers(probability, labels)


def test_logits_with_names_become_probabilities_with_names_whatever_their_order():
    z = np.random.default_rng(0).normal(size=(6, 3, 4))
    ids = [f"image {k}" for k in range(6)]
    coords = {"stimulus_id": ("stimulus", ids), "class": list("abcd")}
    logits = xr.DataArray(z, coords, ("stimulus", "step", "class"))
    expected = logits.copy(data=softmax(z))
    np.testing.assert_allclose(expected.sum("class"), 1)
    xr.testing.assert_allclose(softmax(logits), expected)
    turned = softmax(logits.transpose("class", "stimulus", "step"))
    xr.testing.assert_allclose(turned.transpose(*logits.dims), expected)
    table = softmax(pandas.DataFrame(z[:, 0], ids, list("abcd")))
    np.testing.assert_allclose(table, expected[:, 0])
    assert list(table.stimulus_id.values) == ids
    with pytest.raises(AnalysisError, match="must be called class"):
        softmax(logits.rename({"class": "unit"}))
