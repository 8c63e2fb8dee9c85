"""The figures of representational similarity draw what the numbers say."""

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from cortexsim import plotting
from cortexsim.errors import AnalysisError
from cortexsim.plotting.rsa import percentiles

RNG = np.random.default_rng(0)


N = 8


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


def film(states=("V1", "IT"), steps=3, first=(1, 2)):
    """A movie in which IT is reached at step 2."""
    populated = np.array([[s >= f for s in range(1, steps + 1)] for f in first])
    values = np.where(
        populated[..., None],
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
    variables = {
        "rdm": (("state", "step", "pair"), values),
        "populated": (("state", "step"), populated),
    }
    return xarray.Dataset(variables, coords, {"measure": "correlation", "model": "cortex4"})


def texts(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()] if axes.get_legend() else []


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
    with pytest.raises(AnalysisError, match=r"times of shape \(3,\) for 2 steps"):
        plotting.trajectories(axes, np.zeros((2, N, 2)), times=[1, 2, 3])
    with pytest.raises(AnalysisError, match=r"times of shape \(2, 1\) for 2 steps"):
        plotting.trajectories(axes, np.zeros((2, N, 2)), times=[[1], [2]])


@pytest.mark.parametrize("dpi", [0, 3, -1, np.nan, np.inf, 1e6])
def test_a_resolution_that_is_none_is_refused(axes, tmp_path, dpi):
    with pytest.raises(AnalysisError, match="20 to 2,400 dots an inch"):
        plotting.save(axes.figure, tmp_path / "a.png", dpi=dpi)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limits", [(2, 1), (0, np.nan), (True, False), 3, (1,)])
def test_limits_that_are_no_two_numbers_are_refused(axes, limits):
    with pytest.raises(AnalysisError, match="limits"):
        plotting.heatmap(axes, np.arange(6.0), limits=limits)
