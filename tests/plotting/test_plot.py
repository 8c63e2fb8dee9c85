"""One function draws every kind of result, at the width of a journal, and refuses the rest."""

import re
from itertools import pairwise

import numpy as np
import pandas
import pytest
import xarray
from matplotlib.text import Text

from cortexsim import interop, neural
from cortexsim.analysis import (
    Inference,
    decode,
    discrimination_latency,
    encode,
    encode_difference,
    evaluate,
    fit_time_axis,
    latencies,
    latency_difference,
    population_latency,
    selectivity_latency,
    significance_onset,
)
from cortexsim.errors import AnalysisError
from cortexsim.plotting import plot, save
from cortexsim.plotting.parts import MARKS
from cortexsim.plotting.plot import DRAWINGS, kind_of

STATES = ["V1", "V2", "V4", "PIT", "CIT", "AIT"]
QUICK = Inference(n=20, permutations=20)
N = 12  # stimuli of RDMs


def movie(states, steps=5):
    """A movie, each state populated from its number on."""
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(N, 1)
    t = np.arange(1, steps + 1)
    populated = t[None, :] > np.minimum(np.arange(states), steps - 2)[:, None]
    rdm = np.where(populated[..., None], rng.random((states, steps, len(first))), np.nan)
    ids = np.array([f"im{k:02d}" for k in range(N)])
    return xarray.Dataset(
        {"rdm": (("state", "step", "pair"), rdm)},
        {
            "state": STATES[:states],
            "step": t,
            "populated": (("state", "step"), populated),
            "time_ms": ("step", 25.0 * t),
            "time_ms_low": ("step", 20.0 * t),
            "time_ms_high": ("step", 50.0 * t),
            "first_id": ("pair", ids[first]),
            "second_id": ("pair", ids[second]),
        },
        {"measure": "correlation", "model": "cortex4"},
    )


def brain(subjects=4, times=None):
    rng = np.random.default_rng(1)
    shape = (subjects, *(() if times is None else (len(times),)), N * (N - 1) // 2)
    values = movie(1).rdm.values[0, -1] + rng.normal(0, 0.2, shape)
    dims = ("subject", *(() if times is None else ("time_ms",)), "pair")
    return xarray.DataArray(values, dims=dims, coords={} if times is None else {"time_ms": times})


def features(states):
    rng = np.random.default_rng(2)
    return {
        state: xarray.DataArray(
            rng.normal(size=(40, 4, 5)),
            dims=("stimulus", "step", "unit"),
            coords={"step": [1, 2, 3, 4]},
        )
        for state in STATES[:states]
    }


LABELS = np.repeat(["cat", "dog"], 20)


def units(states=1):
    x = features(states)
    weights = np.random.default_rng(3).normal(size=(5, 9))
    return x, x["V1"].isel(step=2).values @ weights


def encoded(states, **more):
    x, y = units(states)
    return encode(x, y, inference=Inference(n=20, permutations=20), **more)


def difference():
    x, y = units(2)
    a, b = (encode(x[s], y, predictions=True, inference=Inference(n=20)) for s in ("V1", "V2"))
    return encode_difference(a, b, inference=Inference(n=20))


TIMES = np.arange(-100.0, 200, 10)


def courses(begin):
    rng = np.random.default_rng(int(begin))
    return rng.normal(size=(20, 30)) + 4 * (begin < TIMES)


def own_latencies():
    rng = np.random.default_rng(0)
    ms = np.r_[rng.normal(100, 5, 6), rng.normal(50, 5, 6)]
    return neural.from_latencies(pandas.DataFrame({"area": ["IT"] * 6 + ["V1"] * 6, "ms": ms}))


def people():
    rng, soa = np.random.default_rng(0), np.tile([25, 50, 75, 100], 60)
    table = {
        "participant": np.repeat(["a", "b"], 120),
        "soa_ms": soa,
        "mask": np.tile(np.repeat([0, 1], 60), 2),
        "correct": (rng.random(240) < 0.3 + soa / 200).astype(int),
    }
    return neural.from_trials(table, chance=0.2, each=False, inference=Inference(n=20))


def planted_accuracy(effect=0.3):
    rng = np.random.default_rng(0)
    return 0.5 + effect * (TIMES > 60) + rng.normal(0, 0.05, (9, 30))


MADE = {
    "evaluate, 1 state": lambda: evaluate(movie(1).rdm, brain(), inference=QUICK),
    "evaluate, 3 states": lambda: evaluate(movie(3).rdm, brain(), inference=QUICK),
    "evaluate, 6 states": lambda: evaluate(movie(6).rdm, brain(), inference=QUICK),
    "evaluate, 1 subject": lambda: evaluate(
        movie(3).rdm, brain(1), inference=Inference(resample="condition", n=20, permutations=20)
    ),
    "evaluate, bars": lambda: evaluate(movie(6).rdm.isel(step=4), brain(), inference=QUICK),
    "evaluate, 1 bar": lambda: evaluate(movie(1).rdm.isel(step=4), brain(), inference=QUICK),
    "evaluate, step and time": lambda: evaluate(
        movie(2).rdm, brain(times=[0.0, 50.0, 100.0]), inference=QUICK
    ),
    "encode, 1 state": lambda: encoded(1),
    "encode, 6 states and a ceiling": lambda: encoded(6, reliability=np.full(9, 0.7)),
    "encode, no step": lambda: encode(
        units()[0]["V1"].isel(step=2), units()[1], inference=Inference(n=20)
    ),
    "encode_difference": difference,
    "decode, 3 states": lambda: decode(features(3), LABELS, estimator="ridge", inference=QUICK),
    "decode, generalised": lambda: decode(
        features(2), LABELS, estimator="ridge", generalise=True, inference=Inference(n=20)
    ),
    "discrimination_latency": lambda: discrimination_latency(
        features(3), LABELS, inference=QUICK
    ),
    "selectivity_latency": lambda: selectivity_latency(
        features(1)["V1"] + 2.0 * (LABELS == "dog")[:, None, None], LABELS,
        inference=Inference(permutations=40),
    ),
    "population_latency": lambda: population_latency(
        courses(45), TIMES, inference=Inference(n=20)
    ),
    "latency_difference": lambda: latency_difference(
        courses(45), courses(95), TIMES, inference=Inference(n=20)
    ),
    "latency_ladder": lambda: neural.latency_ladder(own_latencies(), inference=Inference(n=20)),
    "latencies": own_latencies,
    "significance_onset": lambda: significance_onset(
        planted_accuracy(), TIMES, chance=0.5, inference=Inference(n=20)
    ),
    "significance_onset, none": lambda: significance_onset(
        planted_accuracy(0.0), TIMES, chance=0.5, inference=Inference(n=20)
    ),
    "fit_time_axis": lambda: fit_time_axis(
        movie(1).rdm.isel(state=0), brain(times=np.arange(0.0, 150, 25)),
        steps_ms=range(10, 60, 10), splits=1, inference=QUICK,
    ),
    "movie, 1 state": lambda: movie(1),
    "movie, 6 states": lambda: movie(6),
    "movie, 1 step": lambda: movie(6).isel(step=[4]),
    "movie, a step selected": lambda: movie(3).isel(step=4),
    "rdm": lambda: movie(1).rdm.isel(state=0, step=4),
    "rdms of subjects": brain,
    "trials": people,
}  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """Each result, made once."""
    results = {}

    def of(name):
        if name not in results:
            results[name] = MADE[name]()
        return results[name]

    return of


def drawn_texts(figure):
    """Every text that a reader sees."""
    texts = [t for t in (figure._suptitle, figure._supxlabel, figure._supylabel) if t is not None]
    for legend in figure.legends:
        texts += legend.get_texts()
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        texts += [axes.title, axes._left_title, axes._right_title, *axes.texts]
        texts += [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    texts += [tick.label1]
    return [t for t in texts if t.get_visible() and t.get_text().strip()]


def labels_of_ticks(axes):
    figure_texts = drawn_texts(axes.figure)
    for axis in (axes.xaxis, axes.yaxis):
        yield [tick.label1 for tick in axis.get_major_ticks() if tick.label1 in figure_texts]


def overlaps(a, b):
    """Whether two boxes share more than half a pixel."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width > 0.5 and height > 0.5


@pytest.mark.sampled(6)
@pytest.mark.parametrize("width", [89, 183])
@pytest.mark.parametrize("name", MADE)
def test_a_figure_is_as_wide_as_asked_and_every_letter_can_be_read(made, name, width):
    figure = plot(made(name), width_mm=width)
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(width)
    assert figure.get_size_inches()[1] * 25.4 < 250, "it must fit on a page"
    texts = drawn_texts(figure)
    assert texts
    for text in texts:
        assert 6 <= text.get_fontsize() <= 8, text
        box = text.get_window_extent()
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    assert all(axes.get_legend() is None for axes in figure.axes), "legends stand outside"
    for axes in figure.axes:
        if axes.get_visible() and axes.axison:
            for labels in labels_of_ticks(axes):
                straight = [t.get_window_extent() for t in labels if t.get_rotation() % 90 == 0]
                assert not any(overlaps(a, b) for a, b in pairwise(straight)), labels
            for legend in figure.legends:
                inner = axes.get_window_extent()
                assert not overlaps(inner, legend.get_window_extent())


def test_marks_of_significance_take_no_room_within_a_panel(made):
    result = made("evaluate, 6 states")
    (axes,) = plot(result, test="p_zero_corrected").axes
    (strip,) = axes.child_axes
    assert strip.get_label() == MARKS
    numbers = [result.evaluation, result.interval, result.ceiling]
    low = min(0.0, *(float(n.min()) for n in numbers))
    high = max(float(n.max()) for n in numbers)
    bottom, top = axes.get_ylim()
    margin = 0.051 * (high - low)
    assert low - margin <= bottom <= low
    assert high <= top <= high + margin


def test_every_kind_that_can_be_drawn_is_known_by_its_name_or_its_variables(made):
    by_name = {name.split(",")[0] for name in MADE}
    for name in by_name & set(DRAWINGS):
        result = made(next(k for k in MADE if k.split(",")[0] == name))
        assert kind_of(result) == name
    for name in ("movie, 6 states", "movie, a step selected", "rdm", "rdms of subjects"):
        assert kind_of(made(name)) == "rdms"


@pytest.mark.slow
def test_a_result_that_was_read_back_draws_the_same(made, tmp_path):
    for name in ("evaluate, 3 states", "encode, 1 state", "latency_difference", "fit_time_axis"):
        path = interop.to_netcdf(made(name), tmp_path / f"{name.split(',')[0]}.nc")
        again = interop.from_netcdf(path).cortexsim.plot(width_mm=89)
        figure = made(name).cortexsim.plot(width_mm=89)
        for a, b in zip(again.axes, figure.axes, strict=True):
            for one, other in zip(a.lines, b.lines, strict=True):
                np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (xarray.Dataset({"a": ("x", [1.0])}), "no figure of a Dataset with a; what can be drawn"),
        (xarray.Dataset(attrs={"analysis": "partition"}), "Dataset of 'partition' with no varia"),
        (latencies(courses(45), TIMES), "shape (20,), which does not say what it is"),
        ("result.nc", "no figure of a str"),
        (None, "no figure of a NoneType"),
        (xarray.DataArray([1.0], dims="x"), "no figure of a DataArray of shape (1,)"),
        (xarray.DataTree(), "no figure of a DataTree"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_can(what, says):
    with pytest.raises(AnalysisError, match=re.escape(says)) as refused:
        plot(what)
    assert all(f"{name} (" in str(refused.value) for name in DRAWINGS)


def test_settings_that_a_drawing_does_not_take_are_refused(made):
    with pytest.raises(AnalysisError, match="of rdms does not take test; it takes width_mm, order"):
        plot(made("rdm"), test="p_zero")
    with pytest.raises(AnalysisError, match="order"):
        plot(made("movie, 1 state"), order=[0, 1])
    figure = plot(made("evaluate, bars"), top=2)
    assert len(figure.axes[0].get_xticklabels()) == 2


@pytest.mark.parametrize("width", [0, -89, 59, 1001, float("nan"), "wide", None])
def test_a_width_that_is_none_is_refused(made, width):
    with pytest.raises(AnalysisError, match="89"):
        plot(made("rdm"), width_mm=width)


def test_more_rdms_than_can_be_seen_are_refused(made):
    with pytest.raises(AnalysisError, match=r"60 RDMs, by subject \(60\)"):
        plot(brain(60))


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_letters_stay_letters_in_a_vector_file(made, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save(plot(made("evaluate, 1 state")), path)
    content = path.read_bytes()
    if suffix == ".svg":
        assert b">4 subjects, 12 conditions</text>" in content
    else:
        assert b"/FontFile2" in content  # TrueType (42), not shapes of letters (Type 3)
        assert b"/Type3" not in content


def test_no_text_of_a_figure_is_smaller_than_six_points_even_where_it_is_not_seen(made):
    figure = plot(made("movie, 6 states"), width_mm=89)
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 6
