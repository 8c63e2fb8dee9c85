"""Summaries: the numbers are those of the result, the result is untouched, others are refused."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import Inference, evaluate, summary
from cortexsim.errors import AnalysisError


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    models = xr.DataArray(
        rng.random((2, 3, 45)),
        {"state": ["V4", "IT"], "step": [1, 2, 3]},
        ("state", "step", "pair"),
    )
    data = models.values[1, 2] + 0.3 * rng.random((6, 45))
    return evaluate(models, data, comparator="pearson", inference=Inference(n=20, permutations=20))


def test_the_best_state_and_step_are_named_with_interval_ceiling_and_p(result):
    best = result.sel(model="IT", step=3)
    low, high = best.interval.values
    lower, upper = best.ceiling.values
    text = summary(result).text
    lines = text.splitlines()
    assert "pearson, 2 models x 3 steps, 6 subjects, 10 conditions" in lines[0]
    value = f"{float(best.evaluation):.2f}"
    assert f"largest of 6: model IT, step 3: {value}, 95 % interval {low:.2f} to {high:.2f}" in text
    assert f"noise ceiling: {lower:.2f} to {upper:.2f}" in text
    assert f"p against zero {float(best.p_zero_corrected):.2g} (holm)" in text
    assert f"{float(best.p_permutation_corrected):.2g} (maximum over all)" in text


def test_it_is_printed_above_the_representation_of_the_result_itself(result):
    before = result.copy(deep=True)
    shown = summary(result)
    assert type(shown.result) is xr.Dataset
    assert str(shown) == repr(shown) == f"{shown.text}\n\n{result}"
    html = shown._repr_html_()
    assert html.index("largest of 6") < html.index("xr-wrap")
    xr.testing.assert_identical(result, before)


def test_it_survives_a_file(result, tmp_path):
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc") as again:
        assert summary(again.load()).text == summary(result).text


def test_one_subject_without_permutations_has_no_ceiling():
    a = np.random.default_rng(1).random((2, 45))
    one = evaluate(a, a[0] + a[1], inference=Inference(resample="condition", n=20, permutations=0))
    text = summary(one).text
    assert "noise ceiling: none" in text
    assert "permuted" not in text


@pytest.mark.parametrize("other", [xr.Dataset(), xr.Dataset(attrs={"analysis": "x"}), None])
def test_other_data_sets_are_refused(other):
    with pytest.raises(AnalysisError, match="choose from evaluate"):
        summary(other)
