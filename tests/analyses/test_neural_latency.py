"""analyses/neural_latency.py: two areas in the same bins; what is drawn says how it was read."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

FIGURES = Path(__file__).resolve().parents[2] / "figures"
MS = np.arange(-45.0, 300, 10)
TIMES = xr.Variable("time_ms", MS, {"units": "ms", "bin_ms": 10.0})
TIMES = xr.Dataset(coords={"time_ms": TIMES}).time_ms


@pytest.fixture
def latency(script):
    return script("neural_latency")


def area(start, seed=0, units=40, noise=0.2):
    """Responses (unit, stimulus, time) that begin at a time, of units of unequal baselines."""
    rng = np.random.default_rng(seed)
    noisy = noise * rng.uniform(0.2, 3, (units, 1, 1))
    x = 5.0 * (TIMES.values > start) * rng.uniform(0.5, 1.5, (units, 6, 1))
    x = x + noisy * rng.normal(size=(units, 6, len(TIMES)))
    return xr.DataArray(x, dims=("unit", "stimulus", "time_ms"), coords={"time_ms": TIMES})


def test_courses_have_the_baseline_taken_away_and_are_in_two_units(latency):
    x = area(60)
    for kind, by_scale in latency.of_units(x).items():
        raw, scaled = by_scale["as recorded"], by_scale["by baseline"]
        y = (x.mean("stimulus") if kind == "rate" else x.var("stimulus")).values
        before = y[:, :5]
        np.testing.assert_allclose(raw, y - before.mean(1, keepdims=True))
        np.testing.assert_allclose(scaled, raw / before.std(1, ddof=1, keepdims=True))


def test_a_planted_difference_is_found_and_its_interval_holds_two_bins(latency):
    courses = {"V1": latency.of_units(area(40)), "IT": latency.of_units(area(100, seed=1))}
    found = latency.later(courses, "rate", "as recorded", times=TIMES, method="half_maximum")
    assert found["difference_ms"] == pytest.approx(60, abs=5)
    assert found["resolution_ms"] == 20
    assert found["interval"][1] - found["interval"][0] >= 40


def test_equal_weights_are_those_of_all_units_and_one_large_one_is_that_of_one(latency):
    x = area(60)
    x.values[:] = np.tile(np.sin(np.arange(len(TIMES))), (40, 6, 1))
    assert latency.effective_units(x)["effective"] == pytest.approx(40)
    x.values[0] *= 1e-6
    assert latency.effective_units(x)["effective"] == pytest.approx(1, rel=1e-3)


def test_the_figure_measures_both_areas_alike_and_quotes_nothing_from_memory():
    results = json.loads((FIGURES / "neural_latency.json").read_text())["results"]
    assert (results["bin_ms"], results["bins of baseline"]) == (10, 5)
    assert results["window_ms"] == [-50, 300]
    for kind in ("rate", "selectivity"):
        for scale in ("as recorded", "by baseline"):
            areas = [results["measured"][a][kind][scale] for a in ("V1", "IT")]
            for method in ("half_maximum", "onset"):
                first, second = (a[method]["latency_ms"] for a in areas)
                found = results["IT minus V1"][kind][scale][method]
                assert found["difference_ms"] == pytest.approx(second - first, abs=0.02)
                assert found["resolution_ms"] == 20
    for row in results["literature"]:
        assert row["status"] in ("read in the source", "secondary source")
        assert row["status"] != "secondary source" or "https://" in row["note"]


def test_no_interval_is_cut_off_and_no_legend_lies_on_a_course(latency):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    results = json.loads((FIGURES / "neural_latency.json").read_text())["results"]
    measured = results["measured"]
    figure = latency.draw_areas(
        measured,
        results["IT minus V1"],
        authors=np.array([40.0]),
        model=results["model, declared"],
        rows=results["literature"],
        areas=latency.AREAS,
    )
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low < axes.dataLim.x0
        assert axes.dataLim.x1 <= high
    times = MS
    mean = np.where(times > 140, 1.0, np.where(times > 60, -0.75, 0.0))
    courses = {
        area: {
            kind: {scale: np.stack([mean * (1 - wide), mean * (1 + wide)]) for scale in by_scale}
            for kind, by_scale in measured[area].items()
        }
        for area, wide in (("V1", 0.1), ("IT", 0.22))
    }
    halves = xr.Dataset(
        {"reliability": ("time_ms", times), "interval": (("bound", "time_ms"), [times, times])},
        coords={"time_ms": times},
    )
    figure = latency.draw_courses(courses, measured, times, halves=halves)
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes[:4]:
        legend = axes.get_legend().get_window_extent()
        band = axes.transData.transform((0, 1.22))[1]
        assert legend.y0 > band
