"""Ids that stand in an index of pandas or xarray: counted, shuffled, of several levels."""

import numpy as np
import pandas
import pytest
import xarray

from cortexsim.analysis import (
    Inference,
    cka,
    compare,
    evaluate,
    latency_difference,
    noise_ceiling,
    rdms,
    split_half_reliability,
)
from cortexsim.errors import AnalysisError, FixedConditionsWarning

N = 10
X = np.random.default_rng(0).normal(size=(N, 6))
ORDER = np.random.default_rng(1).permutation(N)


def table() -> pandas.DataFrame:
    return pandas.DataFrame(X)


def named(order=slice(None)) -> xarray.DataArray:
    ids = np.array([f"image {k}" for k in range(N)], dtype=object)[order]
    return xarray.DataArray(X[order], {"stimulus_id": ("stimulus", ids)}, ("stimulus", "unit"))


def indexed() -> xarray.DataArray:
    return xarray.DataArray(X, {"stimulus": np.arange(N)}, ("stimulus", "unit"))


SHUFFLED = {
    "sample": lambda: table().sample(frac=1, random_state=0),
    "backwards": lambda: table()[::-1],
    "sorted": lambda: table().sort_values(0),
    "taken": lambda: table().iloc[ORDER],
    "xarray": lambda: indexed().isel(stimulus=ORDER),
    "xarray backwards": lambda: indexed()[::-1],
    "named backwards": lambda: table().rename_axis("image")[::-1],
}


@pytest.mark.parametrize("how", SHUFFLED)
@pytest.mark.parametrize("counted", [table, indexed])
def test_rows_that_were_counted_and_then_shuffled_are_joined_by_their_numbers(how, counted):
    other = SHUFFLED[how]()
    for first, second in ((counted(), other), (other, counted())):
        assert cka(first, second) == pytest.approx(1)
        assert float(compare(rdms(first), rdms(second))) == pytest.approx(1)


def test_what_only_counts_is_matched_with_names_and_plain_arrays_by_place():
    for counted in (table(), indexed()):
        for other in (named(), X, table().set_axis(list("abcdefghij"))):
            assert cka(counted, other) == pytest.approx(1)
            assert float(compare(rdms(counted), rdms(other))) == pytest.approx(1)
            assert float(compare(rdms(other), rdms(counted))) == pytest.approx(1)


def test_rdms_of_counted_rows_stay_so_in_a_file(tmp_path):
    rdms(table()).to_netcdf(tmp_path / "r.nc")
    with xarray.open_dataarray(tmp_path / "r.nc") as stored:
        assert float(compare(stored.load(), rdms(SHUFFLED["taken"]()))) == pytest.approx(1)
        assert float(compare(stored, rdms(named()))) == pytest.approx(1)


def test_an_index_of_several_levels_names_the_stimuli():
    levels = {"label": ("stimulus", list("ab") * 5), "image": ("stimulus", np.arange(N))}
    array = xarray.DataArray(X, levels, ("stimulus", "unit")).set_index(stimulus=["label", "image"])
    other = array.sortby("stimulus")
    assert not (other.values == array.values).all()
    assert cka(array, other) == pytest.approx(1)
    assert float(compare(rdms(array), rdms(other))) == pytest.approx(1)
    assert cka(array, X) == pytest.approx(1), "by place, where the other has none"
    with pytest.raises(AnalysisError, match="'a 0'"):
        compare(rdms(named()), rdms(other))


NAMES = [f"image {k}" for k in range(N)]
IN_ORDER = {
    "DataFrame": lambda m, names: pandas.DataFrame(m, names, names),
    "Series": lambda m, names: pandas.Series(np.diag(m), names),
    "DataArray": lambda m, names: xarray.DataArray(
        np.diag(m), {"condition": names}, ("condition",)
    ),
}


@pytest.mark.parametrize("kind", IN_ORDER)
def test_a_covariance_that_names_its_axes_is_brought_into_their_order(kind):
    noise = np.diag(np.random.default_rng(3).random(N) + 0.2)
    shuffled = noise[np.ix_(ORDER, ORDER)]
    given = IN_ORDER[kind](shuffled, [NAMES[k] for k in ORDER])
    ours, other = rdms(named()), rdms(named() + np.random.default_rng(4).normal(size=X.shape))
    expected = compare(ours, other, "cosine-whitened", sigma_k=noise)
    np.testing.assert_allclose(compare(ours, other, "cosine-whitened", sigma_k=given), expected)
    people = xarray.concat([other, 2 * other, 3 * other + ours], "subject")
    np.testing.assert_allclose(
        noise_ceiling(people, "cosine-whitened", sigma_k=given),
        noise_ceiling(people, "cosine-whitened", sigma_k=noise),
    )
    settings = {"comparator": "cosine-whitened", "inference": Inference(n=20, resample="subject")}
    with pytest.warns(FixedConditionsWarning):
        found, right = (
            evaluate(ours, people, sigma_k=s, **settings).evaluation for s in (given, noise)
        )
    xarray.testing.assert_allclose(found, right)
    strange = IN_ORDER[kind](noise, [*NAMES[:-1], "other"])
    with pytest.raises(AnalysisError, match="'other'"):
        compare(ours, other, "cosine-whitened", sigma_k=strange)
    of_units = named().T.rename(unit="stimulus", stimulus="unit").drop_vars("stimulus_id")
    of_units = of_units.assign_coords(unit=NAMES, stimulus=list("abcdef"))
    np.testing.assert_allclose(
        rdms(of_units, "mahalanobis", noise=given), rdms(of_units, "mahalanobis", noise=noise)
    )


def test_repeats_are_found_by_their_name():
    repeats = np.random.default_rng(5).normal(size=(4, N, 3)) + X[:, :3]
    trials = xarray.DataArray(repeats, dims=("repeat", "stimulus", "unit"))
    expected = split_half_reliability(repeats)
    found = split_half_reliability(trials.transpose("unit", "repeat", "stimulus"))
    np.testing.assert_allclose(found, expected)
    with pytest.raises(AnalysisError, match="repeat, and one of stimulus and condition"):
        split_half_reliability(trials.rename(repeat="draw"))


@pytest.mark.parametrize("levels", [False, True])
def test_pairs_of_latencies_are_joined_by_the_rows_of_tables(levels):
    courses = np.zeros((N, 30))
    for k in range(N):
        courses[k, 10 + k :] = 1.0 + k
    first = pandas.DataFrame(courses, columns=np.arange(-100.0, 200.0, 10))
    later = pandas.DataFrame(np.roll(courses, 2, axis=1), columns=first.columns)
    if levels:
        index = pandas.MultiIndex.from_product([list("ab"), range(N // 2)])
        first, later = first.set_axis(index), later.set_axis(index)
    expected = latency_difference(first, later, paired=True)
    found = latency_difference(first, later.iloc[ORDER], paired=True)
    xarray.testing.assert_allclose(found, expected)
