"""Figures of encoding and decoding show the numbers of the result."""

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError
from cortexsim.plotting.parts import MARKS
from cortexsim.plotting.scores import scores

STATES = ["V1", "V4", "IT"]


def encoded(**more):
    """Planted: r from 0.1 to 0.6, significant where it is above 0.3, a ceiling of 0.8."""
    r = np.linspace(0.1, 0.6, 12).reshape(3, 4)
    r[2, 0] = np.nan
    dims = ("state", "step")
    variables = {
        "median_r": (dims, r),
        "interval": (("bound", *dims), np.stack([r - 0.1, r + 0.1])),
        "null_high": (dims, 0 * r + 0.2),
        "p_corrected": (dims, np.where(r > 0.3, 0.01, 0.5)),
        "reliability": ("unit", [0.64, 0.64, 0.01]),
        "reliable": ("unit", [True, True, False]),
    }
    attrs = {"analysis": "encode", "method": "ridge", "stimuli": 90, "n": 50, "confidence": 0.9}
    coords = {"state": STATES, "step": [1, 2, 3, 4], "bound": ["lower", "upper"]}
    return xarray.Dataset(variables, coords, {**attrs, **more})


def named(axes, label):
    return next(line for line in axes.lines if line.get_label().startswith(label))


def words(figure):
    return " ".join(" ".join(t.get_text().split()) for t in figure.legends[0].get_texts())


def test_each_state_is_a_line_with_interval_ceiling_null_and_bars_above():
    result = encoded()
    figure = scores(result)
    (axes,) = figure.axes
    for state in STATES:
        line = named(axes, state)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
        np.testing.assert_array_equal(line.get_ydata(), result.median_r.sel(state=state))
    assert len({(named(axes, s).get_linestyle(), named(axes, s).get_marker()) for s in STATES}) == 3
    assert set(named(axes, "noise ceiling").get_ydata()) == {0.8}  # root of the reliable units'
    assert set(named(axes, "90 % of permutations below").get_ydata()) == {0.2}
    (strip,) = axes.child_axes
    assert strip.get_label() == MARKS
    bars = [s for c in strip.collections for s in c.get_segments()]
    # r is above 0.3 from V4's second step on; IT is not populated at its first.
    assert [b[:, 0].tolist() for b in bars] == [[1.5, 4.5], [1.5, 4.5]]
    assert [b[0, 1] for b in bars] == [1, 2]
    assert "90 % interval, 50 resamples" in words(figure)
    assert "maximum statistic" in words(figure)
    assert axes.get_ylim()[0] > -0.2


def test_without_reliability_the_figure_says_that_there_is_no_ceiling():
    figure = scores(encoded().drop_vars(["reliability", "reliable"]), width_mm=89)
    assert "no noise ceiling (no reliability was given)" in words(figure)


def test_without_permutations_there_are_no_bars_and_no_words_of_them():
    figure = scores(encoded().drop_vars(["p_corrected", "null_high"]))
    assert not figure.axes[0].child_axes
    assert "bars above" not in words(figure)


def test_without_steps_states_stand_side_by_side():
    result = encoded().isel(step=2, drop=True)
    figure = scores(result, width_mm=89)
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, result.median_r)
    assert [t.get_text() for t in axes.get_xticklabels()] == STATES
    (strip,) = axes.child_axes
    stars = strip.collections[0].get_offsets()[:, 0].tolist()
    assert stars == [1, 2]


def test_decoding_is_drawn_from_chance_and_each_training_step_by_each_test_step():
    accuracy = np.linspace(0.4, 0.9, 18).reshape(2, 3, 3)
    result = xarray.Dataset(
        {"accuracy": (("state", "step", "test_step"), accuracy), "chance": 0.5},
        {"state": ["V1", "IT"], "step": [1, 2, 3], "test_step": [1, 2, 3]},
        {"analysis": "decode"},
    )
    figure = scores(result)
    shown = [axes.collections[0].get_array() for axes in figure.axes[:2]]
    np.testing.assert_allclose(np.stack(shown).reshape(2, 3, 3), accuracy)
    of_one = result.isel(test_step=0, drop=True)
    lines = scores(of_one).axes[0].lines
    assert [0.5, 0.5] in [list(line.get_ydata()) for line in lines if line.get_label() == "chance"]


def test_steps_and_times_and_other_results_are_refused():
    both = encoded().expand_dims(time_ms=[0.0, 20.0])
    with pytest.raises(AnalysisError, match=r"by time_ms and by step; select one"):
        scores(both)
    with pytest.raises(AnalysisError, match="no score of encode"):
        scores(encoded(analysis="evaluate"))
    with pytest.raises(AnalysisError, match="no score of encode"):
        scores(encoded().drop_vars("median_r"))
