"""The figures of representational similarity draw what the numbers say."""

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

from cortexsim import plotting
from cortexsim.errors import AnalysisError
from cortexsim.plotting.mds import stress_1
from cortexsim.plotting.rsa import percentiles

RNG = np.random.default_rng(0)
N = 8
NAMES = ["animacy", "V1", "HMAX", "noise"]
GROUPS = ["face"] * 3 + ["body"] * 2 + ["object"] * 3


@pytest.fixture
def axes():
    return Figure(figsize=(6, 5), layout="constrained").subplots()


def drawn(axes):
    """The figure must draw without a warning."""
    axes.figure.draw_without_rendering()
    return axes


def rdm(n=N, seed=0):
    return np.random.default_rng(seed).random(n * (n - 1) // 2)


def result(evaluation=(0.4, 0.1, 0.25, -0.05), over=None, subjects=4, dim="time", names=NAMES):
    """An evaluation of which every number is known: intervals of 0.1 each way, ceiling 0.3 to 0.5, p from the differences."""
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


def film(states=("V1", "IT"), steps=3, first=(1, 2)):
    """A movie in which IT is reached at step 2."""
    here = np.array([[s >= f for s in range(1, steps + 1)] for f in first])
    values = np.where(
        here[..., None],
        np.random.default_rng(1).random((len(states), steps, N * (N - 1) // 2)),
        np.nan,
    )
    t = np.arange(1, steps + 1)
    coords = {
        "state": list(states),
        "step": t,
        "time_ms": ("step", 25.0 * t),
        "time_ms_low": ("step", 20.0 * t),
        "time_ms_high": ("step", 50.0 * t),
    }
    variables = {"rdm": (("state", "step", "pair"), values), "populated": (("state", "step"), here)}
    return xarray.Dataset(variables, coords, {"measure": "correlation", "model": "cortex4"})


def texts(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()] if axes.get_legend() else []


# heatmaps


@pytest.mark.parametrize("form", ["vector", "square"])
def test_heatmap_pixels_are_the_dissimilarities_in_the_order_asked_for(axes, form):
    values = rdm()
    order = RNG.permutation(N)
    image = plotting.heatmap(axes, values if form == "vector" else squareform(values), order=order)
    pixels = image.get_array()
    full = squareform(values)
    for a in range(N):
        for b in range(N):
            if a != b:
                assert pixels[a, b] == full[order[a], order[b]]
    assert pixels.mask.diagonal().all()
    assert pixels.mask.sum() == N
    drawn(axes)


def test_heatmap_in_percentiles_is_ranks_from_0_to_100(axes):
    values = rdm()
    values[4] = values[9]
    image = plotting.heatmap(axes, values, percentile=True)
    ranks = 100 * (rankdata(values) - 1) / (len(values) - 1)
    np.testing.assert_allclose(image.get_array().data[np.triu_indices(N, 1)], ranks)
    assert image.get_clim() == (0, 100)
    assert "percentile" in image.get_label()


def test_heatmap_leaves_pairs_without_a_number_out_of_the_percentiles(axes):
    values = rdm()
    values[3] = np.nan
    pixels = plotting.heatmap(axes, values, percentile=True).get_array()
    assert pixels.mask.sum() == N + 2
    assert (pixels.min(), pixels.max()) == (0, 100)
    np.testing.assert_array_equal(np.isnan(percentiles(values)), np.isnan(values))


def test_heatmap_draws_groups_in_the_order_of_the_conditions(axes):
    plotting.heatmap(axes, rdm(), groups=GROUPS, order=[5, 6, 7, 0, 1, 2, 3, 4])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["object", "face", "body"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["object", "face", "body"]
    np.testing.assert_array_equal(axes.get_yticks(), [1, 4, 6.5])
    across = [
        line.get_ydata()[0] for line in axes.lines if line.get_ydata()[0] == line.get_ydata()[1]
    ]
    assert across == [2.5, 5.5]
    drawn(axes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": [0, 1, 2]}, "each of the 8 conditions"),
        ({"order": [0] * N}, "each of the 8 conditions"),
        ({"groups": ["a"] * 3}, "3 groups for 8 conditions"),
    ],
)
def test_heatmap_refuses(axes, arguments, message):
    with pytest.raises(AnalysisError, match=message):
        plotting.heatmap(axes, rdm(), **arguments)


def test_heatmap_refuses_a_stack_and_a_number_that_is_no_number_of_pairs(axes):
    with pytest.raises(AnalysisError, match="one RDM"):
        plotting.heatmap(axes, np.stack([rdm(), rdm()]))
    with pytest.raises(AnalysisError, match="no number of pairs"):
        plotting.heatmap(axes, np.ones(17))


# movies


def test_movie_has_a_panel_for_each_state_and_step_and_empty_frames_before_a_state_is_reached():
    dataset = film()
    figure = plotting.movie(dataset, groups=GROUPS, percentile=False)
    figure.draw_without_rendering()
    panels, bar = figure.axes[:6], figure.axes[6]
    filled = [bool(a.images) for a in panels]
    assert filled == [True, True, True, False, True, True]
    assert {s.get_linestyle() for s in panels[3].spines.values()} == {":"}
    image = panels[4].images[0]
    np.testing.assert_array_equal(
        image.get_array().data[np.triu_indices(N, 1)], dataset.rdm.sel(state="IT", step=2).values
    )
    assert len({a.images[0].get_clim() for a in panels if a.images}) == 1
    assert panels[1].get_title() == "step 2\n50 ms\n(40–100)"
    assert [panels[0].get_ylabel(), panels[3].get_ylabel()] == ["V1", "IT"]
    assert "correlation" in bar.get_ylabel()
    assert "cortex4" in figure.get_suptitle()
    assert "8 stimuli" in figure.get_suptitle()


def test_movie_without_a_model_name_and_of_other_dimension_order():
    dataset = film().transpose("pair", "step", "state")
    del dataset.attrs["model"]
    figure = plotting.movie(dataset, order=np.arange(N)[::-1])
    first = figure.axes[0].images[0].get_array()
    assert first[0, 1] == percentiles(dataset.rdm.sel(state="V1", step=1).values)[-1]


def test_movie_refuses_what_is_no_movie():
    with pytest.raises(AnalysisError, match="populated"):
        plotting.movie(film().drop_vars("populated"))
    nothing = film()
    nothing["populated"] = nothing.populated & False
    with pytest.raises(AnalysisError, match="nothing to draw"):
        plotting.movie(nothing)


# arrangements


def test_arrangement_puts_a_thumbnail_and_a_mark_of_its_group_at_every_position(axes):
    from matplotlib.offsetbox import AnnotationBbox

    positions = RNG.random((N, 2))
    images = RNG.integers(0, 255, (N, 9, 9, 3), dtype=np.uint8)
    plotting.arrangement(axes, positions, images=images, groups=GROUPS)
    boxes = [a for a in axes.artists if isinstance(a, AnnotationBbox)]
    np.testing.assert_array_equal([b.xy for b in boxes], positions)
    np.testing.assert_array_equal(boxes[3].offsetbox.get_data(), images[3])
    frames = [to_rgb(b.patch.get_edgecolor()) for b in boxes]
    assert len(set(frames)) == 3
    marks = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    assert len(set(marks)) == 3
    assert [frames[i] for i in range(N)] == [frames[GROUPS.index(g)] for g in GROUPS]
    assert texts(axes) == ["face (3)", "body (2)", "object (3)"]
    drawn(axes)
    low, high = axes.get_xlim()
    assert low < positions[:, 0].min()
    assert positions[:, 0].max() < high


def test_arrangement_without_images_draws_marks_alone(axes):
    positions = RNG.random((N, 2))
    plotting.arrangement(axes, positions)
    points = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal(points, positions)
    assert not axes.artists
    drawn(axes)


def test_arrangement_refuses(axes):
    with pytest.raises(AnalysisError, match=r"\(condition, 2\)"):
        plotting.arrangement(axes, np.zeros((N, 3)))
    with pytest.raises(AnalysisError, match=r"uint8 \(8, y, x, 3\)"):
        plotting.arrangement(axes, np.zeros((N, 2)), images=np.zeros((N, 9, 9, 3)))


def test_trajectories_start_and_end_where_the_positions_do(axes):
    positions = RNG.random((4, N, 2))
    positions[0] = np.nan  # not populated
    plotting.trajectories(axes, positions, times=[25, 50, 75, 100], groups=GROUPS)
    drawn(axes)
    points = [
        line for line in axes.lines if line.get_linestyle() == "None" and len(line.get_xdata()) > 1
    ]
    start = np.concatenate([line.get_xydata() for line in points[0::2]])
    end = np.concatenate([line.get_xydata() for line in points[1::2]])
    np.testing.assert_array_equal(start, positions[1])
    np.testing.assert_array_equal(end, positions[3])
    segments = np.concatenate([c.get_segments() for c in axes.collections])
    assert len(segments) == 2 * N
    np.testing.assert_array_equal(segments[0], positions[1:3, 0])
    shades = axes.collections[0].get_colors()[:, :3].mean(1)
    assert shades[0] > shades[-1]  # light to dark
    means = {
        line.get_label(): line
        for line in axes.lines
        if line.get_label().startswith(("face", "body", "object"))
    }
    np.testing.assert_allclose(means["body (2)"].get_xydata(), positions[1:, 3:5].mean(1))
    assert len({line.get_linestyle() for line in means.values()}) == 3
    assert texts(axes)[-2:] == ["ring: start, 50 ms", "mark: end, 100 ms"]


def test_trajectories_refuse(axes):
    with pytest.raises(AnalysisError, match="step, condition, 2"):
        plotting.trajectories(axes, np.zeros((N, 2)))
    with pytest.raises(AnalysisError, match="1 of 2 steps"):
        plotting.trajectories(axes, np.stack([np.full((N, 2), np.nan), np.zeros((N, 2))]))
    with pytest.raises(AnalysisError, match="3 times for 2 steps"):
        plotting.trajectories(axes, np.zeros((2, N, 2)), times=[1, 2, 3])


# multidimensional scaling


def test_mds_recovers_a_planar_configuration_up_to_a_rigid_motion():
    points = RNG.normal(size=(12, 2))
    found = plotting.mds(pdist(points))
    np.testing.assert_allclose(pdist(found.positions), pdist(points), atol=5e-3)
    assert found.stress < 2e-3
    assert found.stress == pytest.approx(stress_1(squareform(pdist(points)), found.positions))


def test_mds_states_the_stress_of_what_does_not_fit_the_plane():
    simplex = np.ones(10 * 9 // 2)
    found = plotting.mds(simplex)
    distances = pdist(found.positions)
    assert found.stress == pytest.approx(
        np.sqrt(((distances - 1) ** 2).sum() / (distances**2).sum())
    )
    assert found.stress > 0.2


def test_mds_follows_a_stack_of_rotated_and_slowly_moving_points():
    points = RNG.normal(size=(12, 2))
    angle = np.linspace(0, 2, 5)
    turned = [
        points @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) + a for a in angle
    ]
    turned[2] = points * [-1, 1]
    positions, stress = plotting.mds(np.stack([pdist(p) for p in turned]))
    assert positions.shape == (5, 12, 2)
    assert (stress < 2e-3).all()
    np.testing.assert_allclose(positions[1:], np.broadcast_to(positions[0], (4, 12, 2)), atol=0.02)
    grown = plotting.mds(np.stack([pdist(points), pdist(1.5 * points)])).positions
    centred = grown - grown.mean(1, keepdims=True)
    np.testing.assert_allclose(centred[1], 1.5 * centred[0], atol=0.02)  # aligned, but not scaled


def test_mds_skips_steps_without_numbers_and_starts_from_what_it_is_given():
    points = RNG.normal(size=(10, 2))
    stack = np.stack([np.full(45, np.nan), pdist(points), np.full(45, np.nan), pdist(points)])
    positions, stress = plotting.mds(stack, previous=points)
    np.testing.assert_array_equal(np.isnan(stress), [True, False, True, False])
    assert np.isnan(positions[[0, 2]]).all()
    np.testing.assert_allclose(positions[[1, 3]], np.stack([points, points]), atol=1e-6)


def test_mds_is_the_same_for_the_same_seed():
    values = rdm(12)
    np.testing.assert_array_equal(
        plotting.mds(values, seed=3).positions, plotting.mds(values, seed=3).positions
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.r_[np.nan, np.ones(5)], "1 of 6 pairs of the RDM are NaN"),
        (np.r_[-1.0, np.ones(5)], "negative"),
        (np.zeros(6), "zero throughout"),
        (np.ones((2, 2, 6)), "Select a state"),
    ],
)
def test_mds_refuses(values, message):
    with pytest.raises(AnalysisError, match=message):
        plotting.mds(values)


def test_mds_refuses_a_start_of_another_shape():
    with pytest.raises(AnalysisError, match=r"\(4, 2\)"):
        plotting.mds(np.ones(6), previous=np.zeros((5, 2)))


# evaluations


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


def marked(axes, text):
    found = [c for c in axes.collections if c.get_label().startswith(text)]
    return sorted(found[0].get_offsets()[:, 0].astype(int).tolist()) if found else None


def test_bars_mark_what_is_above_zero_and_below_the_ceiling_but_not_above_it(axes):
    plotting.bars(axes, result(), sort=False)
    np.testing.assert_allclose(heights(axes), [0.4, 0.1, 0.25, -0.05])
    assert marked(axes, "above 0") == [0, 2]
    assert marked(axes, "below the noise ceiling") == [
        1,
        3,
    ]  # number 0 differs from the lower end too, but lies above it
    assert any("Holm" in t and "0.05" in t for t in texts(axes))


def test_bars_join_the_better_model_to_those_it_beats(axes):
    plotting.bars(axes, result())
    dots = [
        line.get_xdata()[0]
        for line in axes.lines
        if line.get_marker() == "o" and len(line.get_xdata()) == 1
    ]
    ticks = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "|"]
    assert dots == [0, 1]
    assert ticks == [[2, 3], [3]]  # 0.4 against 0.1 and -0.05; 0.25 against -0.05


def test_bars_of_many_models_leave_the_pairs_out_and_of_one_subject_say_there_is_no_ceiling(axes):
    names = [f"m{k}" for k in range(30)]
    plotting.bars(axes, result(np.linspace(0.01, 0.3, 30), subjects=1, names=names), top=12)
    np.testing.assert_allclose(heights(axes), np.linspace(0.3, 0.01, 30)[:12])
    assert not [line for line in axes.lines if line.get_marker() == "|"]
    assert any("no noise ceiling" in t for t in texts(axes))
    assert marked(axes, "below") is None
    assert axes.get_title() == "1 subject, 92 conditions, 12 of 30 models"
    drawn(axes)


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
    bars = [s for c in axes.collections if hasattr(c, "get_segments") for s in c.get_segments()]
    half = (x[1] - x[0]) / 2
    expected = [[x[1] - half, x[2] + half], [x[4] - half, x[4] + half]] * 2  # animacy and HMAX
    np.testing.assert_allclose([b[:, 0] for b in bars], expected)
    assert max(b[0, 1] for b in bars) < dataset.interval.min()  # beneath everything
    assert ("ms" in axes.get_xlabel()) == (dim == "time")


def test_curves_prefer_clusters_and_draw_states_that_come_later(axes):
    dataset = result(over=[np.nan, 1.0, 1.0], dim="step")
    dataset["p_cluster"] = dataset.p_zero_corrected.where(False)
    dataset.p_cluster[1] = [np.nan, 0.01, 0.2]
    dataset["ceiling"] = dataset.ceiling.isel(step=1, drop=True)  # data without time
    plotting.curves(axes, dataset)
    drawn(axes)
    bars = [s for c in axes.collections if hasattr(c, "get_segments") for s in c.get_segments()]
    np.testing.assert_allclose([b[:, 0] for b in bars], [[0.5, 1.5]])
    assert any("clusters" in t for t in texts(axes))
    np.testing.assert_allclose(ceiling_of(axes), (0.3, 0.5))


def test_curves_draw_the_test_asked_for_and_say_when_nothing_is_significant(axes):
    dataset = result(over=[1.0, 1.0, 1.0], dim="step")
    dataset["p_permutation_corrected"] = dataset.p_zero_corrected * 0 + 0.5
    plotting.curves(axes, dataset, test="p_permutation_corrected")
    assert not [s for c in axes.collections if hasattr(c, "get_segments") for s in c.get_segments()]
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
