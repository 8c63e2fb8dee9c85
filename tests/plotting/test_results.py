"""Bars, curves and significance: what is drawn is the evaluation."""

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from cortexsim import plotting
from cortexsim.errors import AnalysisError

NAMES = ["animacy", "V1", "HMAX", "noise"]


@pytest.fixture
def axes():
    return Figure(figsize=(6, 5), layout="constrained").subplots()


def drawn(axes):
    """The figure must draw without a warning."""
    axes.figure.draw_without_rendering()
    return axes


def result(evaluation=(0.4, 0.1, 0.25, -0.05), over=None, subjects=4, dim="time", names=NAMES):
    """An evaluation of which every number is known: intervals of 0.1 each way, ceiling 0.3 to 0.5,
    p from the differences.
    """
    e = np.array(evaluation, dtype=float)
    dims, time = ("model",), ()
    if over is not None:
        e, dims, time = e[:, None] * np.asarray(over, dtype=float), ("model", dim), (len(over),)
    difference = e[:, None] - e[None]
    p_pair = np.where(np.abs(difference) > 0.2, 0.004, 0.4)
    p_pair[np.arange(len(e)), np.arange(len(e))] = np.nan
    ceiling = np.array([0.3, 0.5]).reshape(2, *[1] * len(time)) * np.ones((2, *time))
    p_zero = np.where(e > 0.2, 0.001, 0.6)
    p_ceiling = np.where(np.abs(e - 0.3) > 0.08, 0.01, 0.6)
    variables = {
        "evaluation": (dims, e),
        "standard_error": (dims, np.full(e.shape, 0.05)),
        "interval": (("bound", *dims), np.stack([e - 0.1, e + 0.1])),
        "ceiling": (("bound", *dims[1:]), ceiling if subjects > 1 else ceiling * np.nan),
        "p_zero": (dims, p_zero / 4),
        "p_zero_corrected": (dims, p_zero),
        "p_ceiling": (dims, p_ceiling / 4),
        "p_ceiling_corrected": (dims, p_ceiling if subjects > 1 else p_ceiling * np.nan),
        "p_pair": (("model", "other", *dims[1:]), p_pair / 6),
        "p_pair_corrected": (("model", "other", *dims[1:]), p_pair),
    }
    attributes = {
        "comparator": "rho-a",
        "resample": "subject, condition",
        "n": 1000,
        "confidence": 0.95,
        "correction": "holm",
        "subjects": subjects,
        "conditions": 92,
        "seed": 0,
    }
    return xarray.Dataset(
        variables,
        {"model": list(names), "other": list(names), "bound": ["lower", "upper"]},
        attributes,
    )


def texts(axes):
    legend = axes.get_legend()  # whose lines may be broken
    return [" ".join(t.get_text().split()) for t in legend.get_texts()] if legend else []


def heights(axes):
    return [
        p.get_height()
        for p in axes.patches
        if hasattr(p, "get_height") and p.get_width() == pytest.approx(0.7)
    ]


def ceiling_of(axes):
    (band,) = [p for p in axes.patches if p.get_label().startswith("noise ceiling")]
    return band.get_y(), band.get_y() + band.get_height()


def test_bars_are_the_evaluations_best_first_with_their_intervals_and_the_ceiling(axes):
    plotting.bars(axes, result())
    np.testing.assert_allclose(heights(axes), [0.4, 0.25, 0.1, -0.05])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["animacy", "HMAX", "V1", "noise"]
    np.testing.assert_allclose(ceiling_of(axes), (0.3, 0.5))
    (lines,) = [c for c in axes.collections if "interval" in c.get_label()]
    np.testing.assert_allclose(
        [s[:, 1] for s in lines.get_segments()], [[e - 0.1, e + 0.1] for e in heights(axes)]
    )
    assert "95 % interval, 1,000 resamples of subject, condition" in texts(axes)
    assert "rho-a" in axes.get_ylabel()
    assert axes.get_title() == "4 subjects, 92 conditions"
    drawn(axes)


def marks(axes):
    """The strip above a panel, which takes no room within it."""
    (strip,) = axes.child_axes
    drawn(axes)
    assert strip.get_window_extent().y0 > axes.get_window_extent().y1
    assert strip.get_xlim() == axes.get_xlim()
    assert strip.get_window_extent().x0 == pytest.approx(axes.get_window_extent().x0)
    return strip


def segments(panel):
    """Lines of collections: bars of significance."""
    found = [c for c in panel.collections if hasattr(c, "get_segments")]
    return [s for c in found for s in c.get_segments()]


def marked(axes, text):
    found = [c for c in marks(axes).collections if c.get_label().startswith(text)]
    return sorted(found[0].get_offsets()[:, 0].astype(int).tolist()) if found else None


def test_bars_mark_what_is_above_zero_and_below_the_ceiling_but_not_above_it(axes):
    plotting.bars(axes, result(), sort=False)
    np.testing.assert_allclose(heights(axes), [0.4, 0.1, 0.25, -0.05])
    assert marked(axes, "above 0") == [0, 2]
    # Number 0 differs from the lower end too, but lies above it.
    assert marked(axes, "below the noise ceiling") == [1, 3]
    assert any("Holm" in t and "0.05" in t for t in texts(axes))


def test_bars_join_the_better_model_to_those_it_beats(axes):
    plotting.bars(axes, result())
    lines = marks(axes).lines
    dots = {
        line.get_ydata()[0]: line.get_xdata()[0]
        for line in lines
        if line.get_marker() == "o" and len(line.get_xdata()) == 1
    }
    ticks = {
        line.get_ydata()[0]: line.get_xdata().tolist() for line in lines if line.get_marker() == "|"
    }
    assert dots == {0: 1, 1: 0}  # the worse winner stands higher
    assert ticks == {1: [2, 3], 0: [3]}  # 0.4 against 0.1 and -0.05; 0.25 against -0.05
    low, high = axes.get_ylim()  # no more than the numbers need
    assert low == pytest.approx(-0.15, abs=0.08)
    assert high == pytest.approx(0.5, abs=0.08)


def test_bars_of_many_models_leave_the_pairs_out_and_of_one_subject_say_there_is_no_ceiling(axes):
    names = [f"m{k}" for k in range(30)]
    plotting.bars(axes, result(np.linspace(0.01, 0.3, 30), subjects=1, names=names), top=12)
    np.testing.assert_allclose(heights(axes), np.linspace(0.3, 0.01, 30)[:12])
    assert not [line for line in marks(axes).lines if line.get_marker() == "|"]
    assert any("no noise ceiling" in t for t in texts(axes))
    assert marked(axes, "below") is None
    assert axes.get_title() == "1 subject, 92 conditions, 12 of 30 models"
    drawn(axes)


def test_one_rdm_of_several_is_not_called_a_subject(axes):
    plotting.bars(axes, result(subjects=1).assign_attrs(pooled="two animals"))
    assert "no noise ceiling (one RDM of two animals pooled)" in texts(axes)
    assert axes.get_title() == "one RDM of two animals pooled, 92 conditions"


def test_bars_refuse_times_and_data_sets_of_another_kind(axes):
    with pytest.raises(AnalysisError, match=r"time \(3\).*isel\(time=0\)"):
        plotting.bars(axes, result(over=[1, 2, 1]))
    with pytest.raises(AnalysisError, match="evaluation missing"):
        plotting.bars(axes, result().drop_vars("evaluation"))


@pytest.mark.parametrize("dim", ["time", "step"])
def test_curves_are_the_evaluations_with_bands_and_bars_where_significant(axes, dim):
    over = [0.1, 1.0, 1.0, 0.1, 1.0]
    dataset = result(over=over, dim=dim)
    if dim == "time":
        dataset = dataset.assign_coords(time_ms=("time", [0.0, 50, 100, 150, 200]))
    plotting.curves(axes, dataset)
    drawn(axes)
    x = np.arange(5) * (50 if dim == "time" else 1)
    by_name = {line.get_label(): line for line in axes.lines}
    for k, name in enumerate(NAMES):
        np.testing.assert_allclose(by_name[name].get_xydata(), np.c_[x, dataset.evaluation[k]])
    looks = {(by_name[n].get_linestyle(), by_name[n].get_marker()) for n in NAMES}
    assert len(looks) == 4
    (ceiling,) = [c for c in axes.collections if c.get_label().startswith("noise ceiling")]
    y = ceiling.get_paths()[0].vertices[:, 1]
    assert (y.min(), y.max()) == (0.3, 0.5)
    bars = segments(marks(axes))
    half = (x[1] - x[0]) / 2
    expected = [[x[1] - half, x[2] + half], [x[4] - half, x[4] + half]] * 2  # animacy and HMAX
    np.testing.assert_allclose([b[:, 0] for b in bars], expected)
    rows = [0, 0, 2, 2]  # a row a model, in their order
    assert [b[0, 1] for b in bars] == rows
    low, high = axes.get_ylim()  # no room for bars
    assert low == pytest.approx(float(dataset.interval.min()), abs=0.06)
    assert high == pytest.approx(0.5, abs=0.06)
    assert ("ms" in axes.get_xlabel()) == (dim == "time")


def test_curves_prefer_clusters_and_draw_states_that_come_later(axes):
    dataset = result(over=[np.nan, 1.0, 1.0], dim="step")
    dataset["p_cluster"] = dataset.p_zero_corrected.where(False)
    dataset.p_cluster[1] = [np.nan, 0.01, 0.2]
    dataset["ceiling"] = dataset.ceiling.isel(step=1, drop=True)  # data without time
    plotting.curves(axes, dataset)
    drawn(axes)
    np.testing.assert_allclose([b[:, 0] for b in segments(marks(axes))], [[0.5, 1.5]])
    assert any("clusters" in t for t in texts(axes))
    np.testing.assert_allclose(ceiling_of(axes), (0.3, 0.5))


def test_curves_draw_the_test_asked_for_and_say_when_nothing_is_significant(axes):
    dataset = result(over=[1.0, 1.0, 1.0], dim="step")
    dataset["p_permutation_corrected"] = dataset.p_zero_corrected * 0 + 0.5
    plotting.curves(axes, dataset, test="p_permutation_corrected")
    assert not segments(axes) + segments(marks(axes))
    assert any("relabelled" in t for t in texts(axes))
    assert [t.get_text() for t in axes.texts] == ["no bars: p ≥ 0.05 everywhere"]
    assert "95 % interval, 1,000 resamples of subject, condition" in texts(axes)
    with pytest.raises(AnalysisError, match=r"no p_nothing; it has p_zero"):
        plotting.curves(axes, dataset, test="p_nothing")


def test_bars_mark_what_is_above_relabelled_conditions(axes):
    dataset = result()
    dataset["p_permutation_corrected"] = ("model", [0.001, 0.04, 0.06, 1.0])
    plotting.bars(axes, dataset, sort=False)
    assert marked(axes, "above relabelled") == [0, 1]


def test_bars_draw_no_ceiling_of_one_subject_whose_upper_end_is_itself(axes):
    dataset = result(subjects=1)
    dataset.ceiling[1] = 1.0
    plotting.bars(axes, dataset)
    assert not [p for p in axes.patches if p.get_label().startswith("noise ceiling")]
    assert axes.get_ylim()[1] < 0.8


def test_curves_refuse_neither_and_both(axes):
    with pytest.raises(AnalysisError, match="neither"):
        plotting.curves(axes, result())
    both = result(over=[1, 2]).expand_dims(step=2)
    with pytest.raises(AnalysisError, match="time and step"):
        plotting.curves(axes, both)


def test_significance_has_stars_and_signs_where_p_is_small_whatever_the_order(axes):
    shuffled = result().isel(model=[2, 0, 3, 1])  # other keeps its order
    image = plotting.significance(axes, shuffled)
    drawn(axes)
    found = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in axes.texts}
    e = shuffled.evaluation.values
    for i in range(4):
        for j in range(4):
            if abs(e[i] - e[j]) > 0.2:
                assert found.pop((i, j)) == ("+" if e[i] > e[j] else "−") + "\n**"
    assert not found
    assert image.get_array().mask.diagonal().all()
    assert image.get_array()[1, 2] == pytest.approx(-np.log10(0.004))
    assert "Holm" in image.get_label()
