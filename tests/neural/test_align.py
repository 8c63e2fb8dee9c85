"""Stimuli are matched by id: permuting and aligning back changes nothing, and what cannot be
matched is named.
"""

import numpy as np
import pytest
import xarray as xr

from cortexsim.analysis import square
from cortexsim.errors import AnalysisError
from cortexsim.ids import FORMS, align
from cortexsim.neural.align import select_stimuli
from cortexsim.neural.layout import About
from cortexsim.neural.own.rdms import from_rdms

IDS = [f"image_{k:02d}" for k in range(1, 10)]


def movie(n=9, subjects=3, times=2, seed=0):
    values = np.random.default_rng(seed).random((subjects, times, n * (n - 1) // 2))
    data = from_rdms(
        values,
        stimulus_id=IDS[:n],
        label=[f"l{k}" for k in range(n)],
        time_ms=[0, 10],
        about=About(area="IT"),
    )
    return data.assign(
        image=(("stimulus", "y"), np.arange(2 * n).reshape(n, 2)),
        once=("subject", np.arange(subjects)),
    )


@pytest.mark.parametrize("seed", range(5))
def test_aligned_ids_are_the_wanted_ones(seed):
    rng = np.random.default_rng(seed)
    have, want = rng.permutation(IDS), rng.permutation(IDS)[:6]
    assert (have[align(have, want)] == want).all()


@pytest.mark.parametrize("seed", range(5))
def test_permuting_stimuli_and_aligning_back_is_the_identity(seed):
    data = movie()
    shuffled = select_stimuli(data, np.random.default_rng(seed).permutation(IDS))
    assert not shuffled.rdm.equals(data.rdm)
    xr.testing.assert_identical(select_stimuli(shuffled, IDS), data)


@pytest.mark.parametrize("count", [4, 7, 9])
def test_selected_pairs_are_those_of_the_square_rdm(count):
    data = movie()
    chosen = np.random.default_rng(count).permutation(9)[:count]
    out = select_stimuli(data, np.array(IDS)[chosen])
    whole = square(data.rdm.values)[..., chosen[:, None], chosen]
    np.testing.assert_array_equal(square(out.rdm.values), whole)
    np.testing.assert_array_equal(
        square(out.rdm.values)[..., out.first.values, out.second.values], out.rdm.values
    )
    np.testing.assert_array_equal(out.image.values, data.image.values[chosen])
    assert out.label.values.tolist() == [f"l{k}" for k in chosen]
    assert out.once.equals(data.once)
    assert out.first.dtype == np.int32
    assert out.rdm.attrs == data.rdm.attrs


def test_a_mismatch_names_the_first_ids_of_both_sides():
    with pytest.raises(AnalysisError) as error:
        align(["a", "b", *"123456789"], ["a", *"tuvwxyz"], what=("the recording", "Cichy's data"))
    message = str(error.value)
    assert "7 of the 8 stimuli of Cichy's data are not among the 11 of the recording" in message
    assert "'t', 'u', 'v', 'w', 'x' and 2 more" in message
    assert "Only in the recording: 'b', '1', '2', '3', '4' and 5 more" in message


@pytest.mark.parametrize(
    ("have", "named"),
    [
        ("faces/image_{}", ["the folder"]),
        (r"C:\faces\image_{}", ["the folder"]),
        ("image_{}.jpg", ["the file extension"]),
        ("Image_{}", ["upper and lower case"]),
        ("image_0{}", ["zero padding"]),
        ("image{}", ["blanks, hyphens and underscores"]),
        ("faces/Image_{}.JPEG", ["the folder", "the file extension", "upper and lower case"]),
    ],
)
def test_ids_that_differ_in_form_only_are_recognised_but_not_matched(have, named):
    theirs = [have.format(s[-2:]) for s in IDS]
    with pytest.raises(AnalysisError) as error:
        align(theirs, IDS)
    assert f"They differ only in {' and '.join(named)} ('image_01', {theirs[0]!r})" in str(
        error.value
    )
    assert not [form for form in FORMS if form not in named and form in str(error.value)]


def test_no_form_is_blamed_where_it_would_make_two_stimuli_one():
    with pytest.raises(AnalysisError, match="Are they of the same set"):
        align(["a.png", "a.jpg"], ["a", "b"])


@pytest.mark.parametrize(
    ("have", "want", "match"),
    [
        (["a", "b", "a"], ["a"], "of the recording: 1 occur more than once: 'a'"),
        (["a", "b"], ["b", "b"], "of the neural data: 1 occur more than once: 'b'"),
        (["a"], [], "of the neural data: there are none"),
        (["a", None], ["a"], "None is no name"),
        (["a", " "], ["a"], "' ' is no name"),
        (["a", 0.5], ["a"], "0.5 is no name"),
        (["a", float("nan")], ["a"], "nan is no name"),
        (["a"], ["a", "b"], "All stimuli of the recording are in the neural data"),
    ],
)
def test_ids_that_name_nothing_or_too_much_are_refused(have, want, match):
    with pytest.raises(AnalysisError, match=match):
        align(have, want)


def test_select_stimuli_refuses_what_it_cannot_select():
    data = movie()
    with pytest.raises(AnalysisError, match="3 stimuli are asked for; RDMs need at least 4"):
        select_stimuli(data, IDS[:3])
    with pytest.raises(AnalysisError, match="not among the 9 of the data set: 'x'"):
        select_stimuli(data, [*IDS[:4], "x"])
    with pytest.raises(AnalysisError, match="have 36 pairs; the data set has 35"):
        select_stimuli(data.isel(pair=slice(35)), IDS)
    with pytest.raises(AnalysisError, match="not that of scipy's squareform order"):
        select_stimuli(data.isel(pair=slice(None, None, -1)), IDS)
    with pytest.raises(AnalysisError, match=r"stimulus_id\(stimulus\); found \('trial',\)"):
        select_stimuli(xr.Dataset(coords={"stimulus_id": ("trial", ["a", "b"])}), ["a"])
    with pytest.raises(AnalysisError, match="no such coordinate"):
        select_stimuli(xr.Dataset(), ["a"])
