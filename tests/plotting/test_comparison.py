"""The figures of comparisons: everything that is claimed is drawn where the numbers are, and
nothing is cut off.
"""

import json

import numpy as np
import pytest
import xarray

from cortexsim import plotting
from cortexsim.errors import AnalysisError

STATES = ["V1", "V2", "V4", "IT"]
NETWORKS = ["cortex4", "static", "untrained", "twin"]
STEPS = np.arange(1, 7)
AXIS = {"step_ms": 25.0, "step_ms_low": 20.0, "step_ms_high": 50.0, "onset_ms": None}
COMMON = {
    "model": "cortex4",
    "neural_name": "brain",
    "neural_variable": "IT",
    "conditions": 92,
    "confidence": 0.95,
    "time_axis": json.dumps(AXIS),
}


def steps(**more):
    """Coordinates of the steps; time_ms is theirs unless the brain has times."""
    prefix = "model_" if "time_ms" in more else ""
    times = {
        f"{prefix}time_ms{k}": ("step", v * STEPS)
        for k, v in (("", 25.0), ("_low", 20.0), ("_high", 50.0))
    }
    return {
        "step": STEPS,
        "bound": ["lower", "upper"],
        "network": NETWORKS,
        "state": STATES,
        **times,
        **more,
    }


def rsa(states=STATES, networks=NETWORKS, subjects=5):
    """Similarities 0.1 to 0.4, populated from the state's number on.

    The bound of every interval is 0.05 away.
    """
    e = np.linspace(0.1, 0.4, len(STATES) * len(NETWORKS) * 6).reshape(4, 4, 6)
    for k in range(4):
        e[k, :, :k] = np.nan
    dims = ("state", "network", "step")
    p = np.where(np.isfinite(e), np.where(e > 0.2, 0.01, 0.5), np.nan)
    pair = np.broadcast_to(p[:, :, None], (4, 4, 4, 6))
    variables = {
        "evaluation": (dims, e),
        "interval": (("bound", *dims), np.stack([e - 0.05, e + 0.05])),
        "by_subject": (
            ("subject", *dims),
            e + np.linspace(-0.04, 0.04, subjects).reshape(-1, 1, 1, 1),
        ),
        "null_high": (dims, np.where(np.isfinite(e), 0.03, np.nan)),
        "p_permutation_corrected": (dims, p),
        "p_pair_corrected": (("state", "network", "other_network", "step"), pair),
        "ceiling": (("bound",), [0.45, 0.6]),
        "shuffled": (("state", "bound"), np.tile([0.12, 0.34], (4, 1))),
        "trend": (("state", "network"), np.full((4, 4), 0.02)),
        "trend_interval": (
            ("state", "bound", "network"),
            np.tile(np.array([-0.01, 0.05])[None, :, None], (4, 1, 4)),
        ),
        "trend_p_shuffled": (("state",), np.full(4, 0.03)),
    }
    attrs = {
        **COMMON,
        "method": "rsa",
        "quantity": "similarity of RDMs (spearman)",
        "resample": "subject, condition",
        "subjects": subjects,
    }
    whole = xarray.Dataset(variables, {**steps(), "other_network": NETWORKS}, attrs)
    return whole.sel(state=states, network=networks, other_network=networks)


def encoding():
    """Without subjects, with one number as ceiling."""
    result = rsa().drop_vars(
        [
            "by_subject",
            "p_pair_corrected",
            "other_network",
            "trend",
            "trend_interval",
            "trend_p_shuffled",
            "ceiling",
        ]
    )
    words = "held-out correlation, median over units (not corrected for noise)"
    return result.assign(ceiling=((), 0.9)).assign_attrs(
        method="encoding", quantity=words, units=30, resample="stimulus, unit"
    )


def in_time():
    """The same with times of the brain from -100 to 300 ms."""
    times, found = np.arange(-100.0, 300, 20), rsa()
    y = found.evaluation.values[..., np.clip((times / 25 - 1).astype(int), 0, 5)]
    y = np.where((times < 25) | (times > 175), np.nan, y)
    dims = ("state", "network", "time_ms")
    variables = {
        "evaluation": (
            ("state", "network", "step", "time_ms"),
            found.evaluation.values[..., None] + 0 * times,
        ),
        "along_axis": (dims, y),
        "along_axis_interval": (("bound", *dims), np.stack([y - 0.05, y + 0.05])),
        "along_axis_by_subject": (
            ("subject", *dims),
            y + np.linspace(-0.04, 0.04, 5).reshape(-1, 1, 1, 1),
        ),
        "along_axis_null_high": (dims, 0.03 + 0 * y),
        "along_axis_shuffled": (
            ("state", "bound", "time_ms"),
            np.stack([y[:, 0] - 0.1, y[:, 0] + 0.1], 1),
        ),
        "ceiling": (("bound", "time_ms"), np.stack([0.4 + 0 * times, 0.6 + 0 * times])),
    }
    return xarray.Dataset(variables, steps(time_ms=times), found.attrs)


def decoding(networks=NETWORKS, soas=(150.0, 50.0), permuted=True):
    e = rsa().evaluation.values
    features, times = ["orientation", "spatial_frequency", "colour"], np.arange(-100.0, 600, 20)
    accuracy = np.stack([e + 0.2] * 3, axis=1)  # (state, feature, network, step)
    dims = ("state", "feature", "network", "step")
    brain = (
        0.25
        + np.where(times > 80, 0.05, 0)
        + np.random.default_rng(0).normal(0, 0.01, (len(soas), 3, 8, len(times)))
    )
    lead = ("soa_ms", "feature")
    variables = {
        "evaluation": (dims, accuracy),
        "interval": (("bound", *dims), np.stack([accuracy - 0.05, accuracy + 0.05])),
        "chance": (("feature", "network"), np.full((3, 4), 0.25)),
        "neural_chance": ((), 0.25),
        "neural_accuracy": ((*lead, "neural_subject", "neural_time_ms"), brain),
        "neural_onset_ms": (lead, np.full((len(soas), 3), 90.0)),
        "neural_onset_interval": ((*lead, "bound"), np.tile([70.0, np.nan], (len(soas), 3, 1))),
    }
    if permuted:
        variables["p_permutation_corrected"] = (dims, np.where(np.isfinite(accuracy), 0.01, np.nan))
    coords = {**steps(), "feature": features, "soa_ms": list(soas), "neural_time_ms": times}
    return xarray.Dataset(variables, coords, {**COMMON, "method": "decoding"}).sel(network=networks)


def with_states(count):
    """The same for one to six states."""
    names = ["V1", "V2", "V4", "PIT", "CIT", "AIT"][:count]
    return rsa().isel(state=[k % 4 for k in range(count)]).assign_coords(state=names)


CASES = {
    "rsa": rsa,
    "one state": lambda: rsa(["IT"]),
    "two states": lambda: rsa(["V4", "IT"]),
    "no controls": lambda: rsa(networks=["cortex4"]),
    "one subject": lambda: rsa(subjects=1).assign(ceiling=(("bound",), [np.nan, np.nan])),
    "encoding": encoding,
    "in time": in_time,
    "decoding": decoding,
    "decoding, one network": lambda: decoding(["cortex4"]),
    "decoding, static": lambda: decoding(["cortex4", "static"], soas=(150.0,)),
    "decoding, no null": lambda: decoding(permuted=False),
}


def drawn(result):
    figure = plotting.comparison(result)
    figure.draw_without_rendering()
    return figure


def words(figure):
    return [t.get_text() for t in figure.legends[0].get_texts()]


def lines(axes, label):
    return [line for line in axes.get_lines() if line.get_label() == label]


NARROW = {
    "rsa": rsa,
    "encoding": encoding,
    "in time": in_time,
    "decoding, one network": lambda: decoding(["cortex4"]),
    **{f"{n} states": lambda n=n: with_states(n) for n in (1, 3, 5, 6)},
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NARROW)
def test_a_comparison_in_one_column_fits_on_a_page(name):
    figure = plotting.comparison(NARROW[name](), width_mm=89)
    assert figure.get_figheight() * 25.4 <= 247 + 1e-6
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert min(axes.get_window_extent().height / figure.dpi * 25.4 for axes in panels) > 24
    nothing_is_cut_off(figure)


def test_more_panels_than_a_column_holds_are_refused_with_what_to_do():
    with pytest.raises(AnalysisError, match=r"9 panels .* width_mm=183.*sel\(feature="):
        plotting.comparison(decoding(), width_mm=89)
    one = decoding().sel(feature=["orientation"])
    assert plotting.comparison(one, width_mm=89).get_figheight() * 25.4 <= 247 + 1e-6


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_cut_off_and_no_labels_overlap(name):
    nothing_is_cut_off(drawn(CASES[name]()))


def nothing_is_cut_off(figure):
    """And no labels overlap."""
    whole = figure.bbox
    texts = [figure._suptitle]
    labels = []
    for axes in figure.axes:
        if axes.get_visible():
            sides = [axes.yaxis.label, axes.xaxis.label]
            labels += [side for side in sides if side.get_text()]
            texts += [axes.title, axes._left_title, axes._right_title]
    shown = [t for t in (*texts, *labels) if t.get_text() and t.get_visible()]
    for text in [figure.legends[0], *shown]:
        box = text.get_window_extent()
        assert box.x0 >= whole.x0 - 1, text
        assert box.x1 <= whole.x1 + 1, text
        assert box.y0 >= whole.y0 - 1, text
        assert box.y1 <= whole.y1 + 1, text
    boxes = [t.get_window_extent() for t in labels]
    for k, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[:k]), [t.get_text() for t in labels]
    for axes in figure.axes:
        left, right = axes._left_title, axes._right_title
        if left.get_text() and right.get_text():
            assert not left.get_window_extent().overlaps(right.get_window_extent())


def test_every_line_is_where_its_numbers_are():
    result = rsa()
    figure = drawn(result)
    for axes, state in zip(figure.axes, STATES):
        assert axes.get_title(loc="left") == state
        of_state = result.sel(state=state)
        for label, network in {
            "cortex4": "cortex4",
            "first pass, held": "static",
            "untrained network": "untrained",
            "feed-forward twin": "twin",
        }.items():
            (line,) = lines(axes, label)
            np.testing.assert_array_equal(line.get_xdata(), 25 * STEPS)
            np.testing.assert_array_equal(
                line.get_ydata(), of_state.evaluation.sel(network=network)
            )
        (null,) = lines(axes, "95 % of relabelled conditions")
        assert np.nanmax(null.get_ydata()) == 0.03
        assert (
            " ".join(axes.get_title(loc="right").split())
            == "slope +0.020 [-0.010, +0.050] per 100 ms; random orders: p = 0.03"
        )
    expected = {
        "noise ceiling, lower to upper",
        "single subjects",
        "95 % interval over subject, condition",
        "95 % of relabelled conditions",
        "95 % with steps in random orders",
        "first pass, held",
        "untrained network",
        "feed-forward twin",
        "cortex4",
        "above the null, p < 0.05 corrected",
        "different from the twin, p < 0.05 corrected",
    }
    assert set(words(figure)) == expected
    assert "declared range of the last, 150 ms: 120–300 ms" in figure.axes[-1].get_xlabel()


def test_marks_stand_above_the_significant_steps_only():
    result = rsa(["V2"])
    p = np.array([np.nan, 0.5, 0.5, 0.01, 0.01, 0.5])
    result["p_permutation_corrected"] = result.p_permutation_corrected.copy(
        data=np.broadcast_to(p, (1, 4, 6))
    )
    (axes,) = drawn(result).axes
    (strip,) = axes.child_axes
    assert strip.get_window_extent().y0 > axes.get_window_extent().y1
    assert axes.get_ylim()[0] > -0.1  # of similarities from 0 on: no room for the marks
    bars = [
        line
        for line in strip.get_lines()
        if line.get_linewidth() == 2.5 and line.get_linestyle() == "-" and len(line.get_xdata())
    ]
    assert len(bars) == 1
    assert bars[0].get_xdata().tolist() == [87.5, 137.5]


def test_the_time_of_the_brain_has_all_nulls_too():
    result = in_time()
    figure = drawn(result)
    for axes, state in zip(figure.axes, STATES):
        (line,) = lines(axes, "cortex4")
        np.testing.assert_array_equal(
            line.get_ydata(), result.along_axis.sel(state=state, network="cortex4")
        )
        assert len(lines(axes, "95 % of relabelled conditions")) == 1
    assert {
        "95 % with steps in random orders",
        "single subjects",
        "first pass, held",
        "feed-forward twin",
        "untrained network",
    } <= set(words(figure))
    assert "a step 25 ms; declared range 20–50 ms" in figure.axes[-1].get_xlabel()


def test_a_single_ceiling_is_a_line():
    (axes, *_) = drawn(encoding()).axes
    (line,) = lines(axes, "noise ceiling")
    assert (line.get_ydata() == 0.9).all()


@pytest.mark.slow
def test_decoders_of_every_network_beside_the_brain():
    result = decoding()
    figure = drawn(result)
    panels = {a.get_title(loc="left"): a for a in figure.axes}
    for feature in ("orientation", "spatial frequency", "colour"):
        for network, called in {
            "cortex4": "cortex4",
            "untrained": "untrained network",
            "twin": "feed-forward twin",
        }.items():
            axes = panels[f"{feature}: {called}"]
            for state in STATES:
                (line,) = lines(axes, state)
                expected = result.evaluation.sel(
                    feature=feature.replace(" ", "_"), network=network, state=state
                )
                np.testing.assert_array_equal(line.get_ydata(), expected)
    held = [
        line
        for line in panels["colour: cortex4"].get_lines()
        if line.get_linewidth() == 1 and len(line.get_xdata()) == 6
    ]
    assert len(held) == 4
    assert {
        "first pass, held",
        "brain, SOA 150 ms (± s.e.)",
        "brain, SOA 50 ms (± s.e.)",
        "chance",
    } <= set(words(figure))


@pytest.mark.slow
def test_chance_is_at_one_height_on_both_axes():
    figure = drawn(decoding())
    left = next(a for a in figure.axes if a.get_title(loc="left") == "orientation: cortex4")
    right = next(a for a in figure.axes if a.get_ylabel() == "brain: accuracy")
    heights = [a.transData.transform((0, 0.25))[1] for a in (left, right)]
    assert heights[0] == pytest.approx(heights[1], abs=0.5)


def test_what_is_no_comparison_is_refused():
    with pytest.raises(AnalysisError, match="evaluation"):
        plotting.comparison(xarray.Dataset({"other": ("state", [1.0])}))


def test_lines_that_lie_on_each_other_have_markers_side_by_side():
    """Of few steps some share a place: two markers of each line come first."""
    controls = ("first pass, held", "untrained network", "feed-forward twin")
    for k, panel in enumerate(plotting.comparison(rsa()).axes[: len(STATES)]):
        at = [line.get_markevery() for line in panel.lines if line.get_label() in controls]
        assert len(at) == 3
        assert min(map(len, at)) > 1 or k > 1
        assert k or len({place for places in at for place in places}) == sum(map(len, at))
