"""Figures of people's trials show what the data set holds."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cortexsim import neural
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import AnalysisError
from cortexsim.plotting.people import beside_people, stretched, trials


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    soa = np.tile([25, 50, 75, 100, 150], 240)
    table = {
        "participant": np.repeat(["a", "b", "c"], 400),
        "soa_ms": soa,
        "mask": np.tile(np.repeat([0, 1], 200), 3),
        "correct": (rng.random(1200) < 0.2 + 0.7 * (1 - np.exp(-((soa / 60) ** 2)))).astype(int),
    }
    return neural.from_trials(table, chance=0.2, each=False, inference=Inference(n=30))


def test_each_curve_its_participants_and_its_threshold_are_drawn(people):
    axes = trials(Figure().subplots(), people)
    assert axes.get_xlabel() == "SOA, ms"
    lines = {line.get_label(): line for line in axes.lines}
    group = next(c for c in axes.containers if c.get_label() == "mask none")
    np.testing.assert_allclose(group.lines[0].get_ydata(), people.accuracy.sel(mask="none"))
    assert lines["chance"].get_ydata()[0] == 0.2
    upright = [line.get_xdata()[0] for line in axes.lines if len({*line.get_xdata()}) == 1]
    np.testing.assert_allclose(upright, people.threshold_ms)
    assert len([line for line in axes.lines if line.get_alpha() == 0.25]) == 6


def test_curves_that_are_not_by_mask_are_refused(people):
    with pytest.raises(AnalysisError, match="by level, soa_ms; curves by mask"):
        beside_people(Figure().subplots(), people, people.rename(mask="level"), 4)


def test_a_band_holds_the_curve_at_every_duration():
    steps, curve = np.array([1.0, 2, 4]), np.array([0.2, 0.7, 0.4])
    grid, low, high = stretched(curve, steps, 20.0, 50.0)
    assert (grid[0], grid[-1]) == (20, 200)
    for d in (20.0, 35.0, 50.0):
        inside = (grid >= steps[0] * d) & (grid <= steps[-1] * d)
        y = np.interp(grid[inside], steps * d, curve)
        assert (low[inside] <= y + 1e-9).all()
        assert (y <= high[inside] + 1e-9).all()
