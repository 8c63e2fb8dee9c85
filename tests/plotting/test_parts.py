"""What is drawn into axes that nobody laid out is whole in the file."""

import io
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
import xarray

import cortexsim
from cortexsim import neural, plotting
from cortexsim.analysis import Inference, evaluate

LONG = ["feed-forward twin of the network", "the network itself", "untrained network, seed 12"]
QUICK = Inference(n=20, permutations=20)


def evaluated(**coords):
    rng = np.random.default_rng(0)
    dims = ("model", *coords, "pair")
    shape = (3, *(len(v) for v in coords.values()), 45)
    models = xarray.DataArray(rng.random(shape), {"model": LONG, **coords}, dims)
    return evaluate(models, rng.random((4, 45)), inference=QUICK)


def people():
    rng, soa = np.random.default_rng(0), np.tile([25, 50, 75, 100], 60)
    table = {
        "participant": np.repeat(["a", "b"], 120),
        "soa_ms": soa,
        "mask": np.tile(np.repeat([0, 1], 60), 2),
        "correct": (rng.random(240) < 0.3 + soa / 200).astype(int),
    }
    return neural.from_trials(table, chance=0.2, each=False, inference=Inference(n=20))


def ladder():
    ms = np.random.default_rng(0).normal(80, 10, 12)
    areas = ["inferior temporal cortex, anterior", "primary visual cortex"] * 6
    table = pandas.DataFrame({"area": areas, "ms": ms})
    return neural.latency_ladder(neural.from_latencies(table), inference=Inference(n=20))


GROUPS = ["animals that live in water", "inanimate objects of people"] * 4
POINTS = np.random.default_rng(0).normal(size=(3, 8, 2))
DRAWN = {
    "curves": lambda axes: plotting.curves(axes, evaluated(step=[1, 2, 3, 4])),
    "bars": lambda axes: plotting.bars(axes, evaluated()),
    "significance": lambda axes: plotting.significance(axes, evaluated()),
    "graph": lambda axes: plotting.graph(axes, cortexsim.build("cortex4")),
    "timeline": lambda axes: plotting.timeline(
        axes, {"a flash of fifty milliseconds": cortexsim.stimuli.flash(50)}, steps=4
    ),
    "heatmap": lambda axes: plotting.heatmap(
        axes, np.random.default_rng(0).random(28), groups=GROUPS
    ),
    "arrangement": lambda axes: plotting.arrangement(axes, POINTS[0], groups=GROUPS),
    "trajectories": lambda axes: plotting.trajectories(axes, POINTS, groups=GROUPS),
    "trials": lambda axes: plotting.trials(axes, people()),
    "latency_ladder": lambda axes: plotting.latency_ladder(axes, ladder()),
}


def within(figure):
    """Whether all that is drawn lies within the figure."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return min(box.x0, box.y0) > -0.03 and box.x1 < width + 0.03 and box.y1 < height + 0.03


def test_every_function_that_draws_into_axes_is_here():
    import inspect

    into = {
        name
        for name in plotting.__all__
        if callable(draw := getattr(plotting, name))
        and next(iter(inspect.signature(draw).parameters)) == "axes"
    }
    assert into == set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_savefig_cuts_nothing_off(name):
    figure, axes = plt.subplots()
    DRAWN[name](axes)
    figure.savefig(io.BytesIO())
    assert within(figure)
    plt.close(figure)


def test_a_layout_that_somebody_chose_stays():
    result = evaluated(step=[1, 2, 3])
    constrained, axes = plt.subplots(layout="constrained")
    plotting.curves(axes, result)
    assert constrained.get_layout_engine() is not None
    assert type(constrained.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
    adjusted, axes = plt.subplots()
    adjusted.subplots_adjust(right=0.5)
    plotting.curves(axes, result)
    adjusted.savefig(io.BytesIO())
    assert adjusted.subplotpars.right == 0.5
    later, axes = plt.subplots()
    plotting.curves(axes, result)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        later.tight_layout()  # as people are used to
    assert within(later)
    plt.close("all")
