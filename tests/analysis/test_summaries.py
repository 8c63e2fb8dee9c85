"""Summaries: the numbers are those of the result, the result is untouched, others are refused."""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import (
    Inference,
    decode,
    discrimination_latency,
    encode,
    encode_difference,
    evaluate,
    fit_time_axis,
    latency_difference,
    population_latency,
    significance_onset,
    summary,
)
from cortexsim.analysis import summaries_of_experiments as experiments
from cortexsim.analysis import summaries_of_parts as parts
from cortexsim.analysis.summaries import SUMMARIES
from cortexsim.analysis.words import best_place
from cortexsim.errors import AnalysisError

FEW = Inference(n=20, permutations=20)
TIMES = np.arange(-100.0, 200, 10)


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
    assert f"p against zero {float(best.p_zero_corrected):.2g} (t with" in text
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


def courses(onset, seed=0):
    return np.random.default_rng(seed).normal(size=(12, 30)) + 4 * (onset < TIMES)


def movie():
    """Stimuli whose label can be read from step 2 on, and their labels."""
    rng, labels = np.random.default_rng(0), np.repeat(["cat", "dog"], 20)
    late = (np.arange(3) >= 1)[:, None]
    x = rng.normal(size=(40, 3, 6)) + 3 * (labels == "dog")[:, None, None] * late
    return xr.DataArray(x, {"step": [1, 2, 3]}, ("stimulus", "step", "unit")), labels


def encoded():
    x = movie()[0]
    y = x.values[:, 1] @ np.random.default_rng(1).normal(size=(6, 4))
    return encode({"IT": x}, y, inference=FEW)


def two_encoded():
    """IT beside itself with noise."""
    x = movie()[0]
    y = x.values[:, 1] @ np.random.default_rng(1).normal(size=(6, 4))
    noisy = x + 3 * np.random.default_rng(2).normal(size=x.shape)
    sides = (encode(v, y, inference=FEW, predictions=True).isel(step=1) for v in (x, noisy))
    return encode_difference(*sides, inference=Inference(n=20))


def axis_fit():
    """A step of 50 ms that begins at 60 ms, seen without noise."""
    rng = np.random.default_rng(0)
    rdms = rng.random((3, 66))
    times = np.arange(-50.0, 300, 10)
    shown = np.digitize(times, [60, 110, 160, 210])  # 0: none yet, 4: over
    brain = np.concatenate([np.zeros((1, 66)), rdms, np.zeros((1, 66))])[shown]
    return fit_time_axis(
        xr.DataArray(rdms, {"step": [1, 2, 3]}, ("step", "pair")),
        xr.DataArray(
            brain + rng.normal(0, 0.05, brain.shape), {"time_ms": times}, ("time_ms", "pair")
        ),
        splits=2,
        inference=FEW,
    )


RESULTS = {
    "evaluate": lambda: evaluate(*np.random.default_rng(0).random((2, 2, 45)), inference=FEW),
    "encode": encoded,
    "encode_difference": two_encoded,
    "decode": lambda: decode(*movie(), inference=FEW),
    "population_latency": lambda: population_latency(courses(45), TIMES, inference=Inference(n=20)),
    "latency_difference": lambda: latency_difference(
        courses(45), courses(95, 1), TIMES, inference=Inference(n=20)
    ),
    "significance_onset": lambda: significance_onset(courses(75), TIMES, inference=Inference(n=20)),
    "discrimination_latency": lambda: discrimination_latency(*movie(), inference=FEW),
    "fit_time_axis": axis_fit,
}


def test_there_is_a_result_of_every_kind():
    told = parts.VARIABLES.keys() | experiments.VARIABLES.keys()  # test_summaries_of_parts.py
    assert RESULTS.keys() == SUMMARIES.keys() - told


@pytest.mark.parametrize("analysis", RESULTS)
def test_every_kind_is_printed_above_its_data_set_and_survives_a_file(analysis, tmp_path, capsys):
    result = RESULTS[analysis]()
    before = result.copy(deep=True)
    assert result.attrs["analysis"] == analysis
    text = summary(result).text
    assert text.startswith(f"{analysis}: ")
    assert len(text.splitlines()) > 1
    print(summary(result))
    assert capsys.readouterr().out == f"{text}\n\n{result}\n"
    xr.testing.assert_identical(result, before)
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc") as again:
        assert summary(again.load()).text == text


def test_the_fitted_time_axis_is_told_with_intervals_fit_and_verdicts():
    fit = axis_fit()
    about, lines = fit.attrs, summary(fit).text.splitlines()
    assert lines[0] == f"fit_time_axis: {about['comparator']}, 1 subject, 12 conditions"
    for line, name in zip(lines[1:3], ("onset", "step"), strict=True):
        low, high = fit.interval.sel(parameter=f"{name}_ms").values
        assert line == (
            f"{name}_ms {float(fit[f'{name}_ms']):g} (95 % interval {low:g} to {high:g}); "
            f"constrained: {about[f'constrained_{name}']}"
        )
    scores = fit.held_out.to_series()
    for axis in ("fitted", "declared", "static"):
        assert f"{axis} {scores[axis]:.3f}" in lines[3]
    assert lines[4] == (
        f"p {float(fit.p_alignment):.2g} (conditions permuted), {float(fit.p_order):.2g} (steps "
        f"permuted); the declared range: {about['fit_in_declared']}"
    )


def test_the_best_place_is_in_words_and_there_is_none_where_all_is_nan():
    values = xr.DataArray(
        [[0.1, np.nan], [0.3, 0.2]], {"time_ms": [70.0, 80.0]}, ("model", "time_ms"), name="r"
    )
    assert best_place(values) == ({"model": 1, "time_ms": 0}, "model 1, 70 ms")
    assert best_place(values[0, 0]) == ({}, "the only one")
    with pytest.raises(AnalysisError, match="every r is NaN"):
        best_place(values * np.nan)
