"""Orders and groups of the conditions of a drawn RDM: by ids where both have them."""

import numpy as np
import pandas
import pytest
import xarray
from matplotlib.figure import Figure
from scipy.spatial.distance import squareform

from cortexsim.errors import AnalysisError
from cortexsim.labelled.rdms import pair_coords
from cortexsim.pairs import pairs_among
from cortexsim.plotting import arrangement, heatmap, mds, trajectories
from cortexsim.plotting.conditions import drawn_rdms, names_of_groups, order_of

IDS = np.array(["cat", "dog", "cup", "car"], dtype=object)
VALUES = np.arange(1.0, 7.0)
KINDS = pandas.Series(["animal", "animal", "thing", "thing"], index=IDS)


def an_rdm(order=(0, 1, 2, 3)) -> xarray.DataArray:
    """The same RDM, its conditions in another order."""
    index = np.array(order)
    return xarray.DataArray(VALUES[pairs_among(index, 4)], pair_coords(IDS[index]), ("pair",))


def drawn(rdm, **how) -> tuple[np.ndarray, list[str]]:
    axes = Figure().subplots()
    image = heatmap(axes, rdm, **how)
    return image.get_array().filled(np.nan), [t.get_text() for t in axes.get_yticklabels()]


def test_groups_with_ids_are_those_of_the_conditions_whatever_their_order():
    backwards = KINDS[::-1]
    assert names_of_groups(backwards, 4, IDS) == list(KINDS)
    ids = {"stimulus_id": ("stimulus", backwards.index)}
    named = xarray.DataArray(backwards.to_numpy(), ids, ("stimulus",))
    assert names_of_groups(named, 4, IDS) == list(KINDS)
    assert names_of_groups(list(backwards), 4, IDS) == list(backwards)  # a list has no ids
    _, names = drawn(an_rdm((3, 1, 0, 2)), order=list(IDS), groups=KINDS)
    assert names == ["animal", "thing"]


def test_an_order_of_names_draws_the_same_picture_of_an_rdm_in_any_order():
    expected, _ = drawn(an_rdm())
    permuted, _ = drawn(an_rdm((2, 0, 3, 1)), order=list(IDS))
    np.testing.assert_array_equal(permuted, expected)
    by_place, _ = drawn(an_rdm(), order=[1, 0, 2, 3])
    by_name, _ = drawn(an_rdm(), order=["dog", "cat", "cup", "car"])
    np.testing.assert_array_equal(by_name, by_place)


def test_pairs_in_another_order_are_drawn_where_they_belong():
    shuffled = an_rdm().isel(pair=[5, 0, 3, 1, 4, 2])
    values, ids = drawn_rdms(shuffled, "RDM")
    place = [list(ids).index(name) for name in IDS]
    np.testing.assert_array_equal(squareform(values)[np.ix_(place, place)], squareform(VALUES))
    alike, _ = drawn(shuffled, order=list(IDS))
    np.testing.assert_array_equal(alike, drawn(an_rdm())[0])


def test_the_pairs_may_be_any_dimension_of_a_stack():
    stack = xarray.concat([an_rdm(), 2 * an_rdm()], "step")
    along = mds(stack)
    across = mds(stack.transpose("pair", "step"))
    np.testing.assert_array_equal(across.positions, along.positions)
    assert along.positions.shape == (2, 4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: order_of(["cat", "dog"], 4), "does not know its conditions"),
        (lambda: order_of(["cat", "dog", "cup", "bus"], 4, IDS), "bus"),
        (lambda: order_of(["cat", "dog", "cup", "cup"], 4, IDS), "once"),
        (lambda: order_of([0.0, 1.0, 2.0, 3.0], 4), "once"),
        (lambda: names_of_groups(["a", "b"], 4), "2 groups for 4 conditions"),
        (lambda: names_of_groups(KINDS.rename({"car": "bus"}), 4, IDS), "bus|car"),
        (lambda: drawn_rdms(an_rdm().rename(pair="unit"), "RDM"), "must be called pair"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()


def test_a_named_square_is_taken_unless_its_axes_differ():
    square = xarray.DataArray(squareform(VALUES), {"row": IDS, "column": IDS}, ("row", "column"))
    for known in (square, square.to_pandas()):
        values, ids = drawn_rdms(known, "RDM")
        np.testing.assert_array_equal(values, VALUES)
        assert list(ids) == list(IDS)
    with pytest.raises(AnalysisError, match="column 0 is"):
        drawn_rdms(square.assign_coords(column=IDS[::-1]), "RDM")


def test_positions_carry_the_ids_of_their_conditions_and_are_matched_by_them():
    rng = np.random.default_rng(0)
    order = (2, 0, 3, 1)
    first = mds(an_rdm())
    alone = mds(np.stack([VALUES, VALUES])).positions
    assert isinstance(alone, np.ndarray), "of plain RDMs as they were"
    assert list(first.positions.stimulus_id.values) == list(IDS)
    other = mds(an_rdm(order), previous=first.positions).positions
    in_our_order = other.isel(condition=[order.index(k) for k in range(4)])
    np.testing.assert_allclose(in_our_order, first.positions, atol=1e-3)
    table = pandas.DataFrame(first.positions.values, IDS).sample(frac=1, random_state=1)
    np.testing.assert_array_equal(mds(an_rdm(order), previous=table).positions, other)
    images = rng.integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    ids = {"stimulus_id": ("stimulus", IDS)}
    pictures = xarray.DataArray(images, ids, ("stimulus", "y", "x", "channel"))
    axes = Figure().subplots()
    arrangement(axes, other, groups=KINDS, images=pictures[::-1])
    drawn_at = {
        tuple(np.round(artist.xy, 6)): artist.offsetbox.get_data()
        for artist in axes.artists
        if hasattr(artist, "offsetbox")
    }
    for k, name in enumerate(order):
        at = tuple(np.round(other.values[k], 6))
        np.testing.assert_array_equal(drawn_at[at], images[name])
    marks = {
        tuple(np.round(line.get_xydata()[0], 6)): line.get_marker() for line in axes.lines[1:5]
    }
    by_kind = {
        KINDS.iloc[name]: marks[tuple(np.round(other.values[k], 6))] for k, name in enumerate(order)
    }
    assert marks[tuple(np.round(other.values[0], 6))] == by_kind["thing"]
    assert len(set(by_kind.values())) == 2


def test_lines_of_conditions_have_the_groups_of_their_ids():
    stack = xarray.concat([an_rdm((2, 0, 3, 1)), 2 * an_rdm((2, 0, 3, 1))], "step")
    positions = mds(stack).positions
    assert positions.dims == ("step", "condition", "axis")
    found, expected = Figure().subplots(), Figure().subplots()
    trajectories(found, positions, groups=KINDS)
    trajectories(expected, positions.values, groups=list(KINDS.loc[IDS[[2, 0, 3, 1]]]))
    for a, b in zip(found.lines, expected.lines, strict=True):
        np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


def test_positions_of_other_conditions_are_refused():
    first = mds(an_rdm()).positions
    strangers = first.assign_coords(stimulus_id=("condition", list("wxyz")))
    with pytest.raises(AnalysisError, match="'w'"):
        mds(an_rdm(), previous=strangers)
    with pytest.raises(AnalysisError, match=r"bus|car"):
        arrangement(Figure().subplots(), first, groups=KINDS.rename({"car": "bus"}))
    with pytest.raises(AnalysisError, match="and axis, are needed"):
        arrangement(Figure().subplots(), first.rename(axis="unit"))
