"""Subjects joined by the ids of their stimuli: in any order the same numbers, or an error."""

import warnings

import numpy as np
import pytest
import xarray

from cortexsim.analysis import compare, rdms, square
from cortexsim.errors import AnalysisError, JoinedWarning
from cortexsim.neural import average, from_responses, response_rdms, select_stimuli, stack

N = 8
IDS = np.array([f"image {k}" for k in range(N)], dtype=object)


def responses(order) -> xarray.DataArray:
    """The same responses, their stimuli in this order."""
    values = np.random.default_rng(0).normal(size=(N, 20))[order]
    return xarray.DataArray(values, {"stimulus_id": ("stimulus", IDS[order])}, ("stimulus", "unit"))


def orders() -> list[np.ndarray]:
    return [np.random.default_rng(k).permutation(N) for k in range(3)]


def data() -> list[xarray.Dataset]:
    return [response_rdms(responses(order)) for order in orders()]


TRUTH = rdms(responses(np.arange(N)))


@pytest.mark.parametrize("new_defaults", [False, True])
def test_subjects_in_any_order_are_joined_by_id_whatever_the_defaults_of_xarray(new_defaults):
    with xarray.set_options(use_new_combine_kwarg_defaults=new_defaults):
        joined = stack(data())
    assert joined.rdm.dims == ("subject", "pair")
    np.testing.assert_allclose(compare(TRUTH, joined.rdm), 1)


@pytest.mark.parametrize("new_defaults", [False, True])
def test_averages_of_subjects_keep_all_variables_whatever_the_defaults_of_xarray(new_defaults):
    repeats = np.random.default_rng(0).normal(size=(2, N, 3, 5))
    both = from_responses(repeats, dims=("subject", "stimulus", "repeat", "unit"), stimulus_id=IDS)
    with xarray.set_options(use_new_combine_kwarg_defaults=new_defaults):
        means = average(both)
    np.testing.assert_allclose(means.responses.values, repeats.mean(2))
    assert means.trials.dims == ("subject", "stimulus", "unit")


def test_subjects_that_xarray_may_have_joined_by_place_are_warned_of():
    """With the coming defaults of xarray only the ids of the first are left; by hand they stay."""
    with xarray.set_options(use_new_combine_kwarg_defaults=True):
        lost = xarray.concat([d.rdm for d in data()], "subject")
        kept = xarray.concat(
            [d.rdm for d in data()], "subject", coords="different", compat="equals"
        )
        with pytest.warns(JoinedWarning, match=r"ids of the first would stand for all.*stack"):
            wrong = compare(TRUTH, lost)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(compare(TRUTH, kept), 1)
    assert np.ptp(wrong) > 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        today = xarray.concat([d.rdm for d in data()], "subject")
        np.testing.assert_allclose(compare(TRUTH, today), 1)


def test_stimuli_sorted_without_their_pairs_are_refused():
    whole = data()[0]
    other = whole.sortby("stimulus_id")
    for call in (
        lambda: select_stimuli(other, IDS),
        lambda: stack([other, whole]),
        lambda: stack([whole, other]),
    ):
        with pytest.raises(AnalysisError, match="not in the order of stimulus_id"):
            call()
    sound = select_stimuli(whole, IDS)
    np.testing.assert_allclose(sound.rdm.values, TRUTH.values)


def test_reordered_pairs_of_the_first_data_set_are_refused_too():
    first, second, _ = data()
    turned = first.isel(pair=np.arange(first.sizes["pair"])[::-1])
    for given in ([turned, second], [second, turned]):
        with pytest.raises(AnalysisError, match="squareform order"):
            stack(given)
        with pytest.raises(AnalysisError, match="not in the order of stimulus_id"):
            stack([d.drop_vars(["first", "second"]) for d in given])


def test_pairs_that_differ_by_subject_are_refused_where_stimuli_are_selected():
    first, second, _ = data()
    rdm = xarray.concat(
        [first.rdm, second.rdm], "subject", coords="different", compat="equals", join="outer"
    )
    both = first.drop_vars("rdm").assign(rdm=(rdm.dims, rdm.values))
    both = both.assign_coords({name: rdm[name].variable for name in ("first_id", "second_id")})
    with pytest.raises(AnalysisError, match=r"along \('subject', 'pair'\).*neural.stack"):
        select_stimuli(both, IDS)


def test_a_square_has_its_pairs_in_order_whatever_theirs():
    turned = TRUTH[::-1]
    known = np.stack([TRUTH, 2 * TRUTH], axis=1)
    named = xarray.DataArray(known, TRUTH.coords, ("pair", "subject"))
    np.testing.assert_allclose(square(named), [square(TRUTH), 2 * square(TRUTH)])
    place = {s: k for k, s in enumerate(dict.fromkeys([*turned.first_id.values, IDS[-1]]))}
    order = [place[s] for s in IDS]
    np.testing.assert_allclose(square(turned)[np.ix_(order, order)], square(TRUTH))


NUMBERS = ["first", "second"]
ID_NAMES = ["first_id", "second_id"]


@pytest.mark.parametrize(
    "lose",
    [
        lambda a, b: (a + b) / 2,
        lambda a, b: a - 0.5 * b,
        lambda a, b: a.where(a > b, b),
        lambda a, b: a.drop_vars("second_id"),
        lambda a, b: a.drop_vars(ID_NAMES),
    ],
)
def test_rdms_that_lost_their_ids_are_refused_and_those_without_any_are_taken_by_place(lose):
    other = data()[0].rdm
    with pytest.raises(AnalysisError, match=r"the ids are lost.*select_stimuli.*drop_vars"):
        compare(TRUTH, lose(TRUTH, other))
    with pytest.raises(AnalysisError, match="the ids are lost"):
        square(lose(TRUTH, other))
    assert float(
        compare(TRUTH, lose(TRUTH, TRUTH).drop_vars(NUMBERS + ID_NAMES, errors="ignore"))
    ) == (pytest.approx(1))
    assert float(compare(TRUTH, (TRUTH + TRUTH) / 2)) == pytest.approx(1), "of one order they stay"
