"""The latency ladder: what is drawn are the latencies and their intervals."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cortexsim import neural, plotting
from cortexsim.analysis import Inference
from cortexsim.errors import AnalysisError


def test_areas_stand_from_early_to_late_with_their_intervals():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "area": np.repeat(["IT", "V1", "V4"], 20),
            "ms": np.concatenate([rng.normal(m, 9, 20) for m in (105, 50, 80)]),
            "species": "marmoset",
        }
    )
    ladder = neural.latency_ladder(neural.from_latencies(frame), inference=Inference(n=100))
    axes = Figure(layout="constrained").subplots()
    plotting.latency_ladder(axes, ladder)
    axes.figure.draw_without_rendering()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["V1 (20)", "V4 (20)", "IT (20)"]
    points = axes.lines[0]
    np.testing.assert_array_equal(points.get_xdata(), ladder.latency_ms)
    assert points.get_ydata().tolist() == [0, -1, -2]
    segments = np.array(axes.collections[0].get_segments())
    np.testing.assert_allclose(segments[:, :, 0], ladder.interval)
    first = float(ladder.difference_ms.sel(area="V1", other="V4"))
    assert axes.texts[0].get_text().startswith(f"+{first:.3g} ms [")
    assert "marmoset" in axes.get_title()
    with pytest.raises(AnalysisError, match=r"interval.* missing from the data set"):
        plotting.latency_ladder(axes, ladder.drop_vars("interval"))
    chosen = ladder.sel(area=["V1", "IT"])
    axes = Figure().subplots()
    plotting.latency_ladder(axes, chosen)
    between = float(ladder.difference_ms.sel(area="V1", other="IT"))
    assert axes.texts[0].get_text().startswith(f"+{between:.3g} ms ["), (
        "of the areas that are drawn"
    )
    axes = Figure().subplots()
    plotting.latency_ladder(axes, ladder.isel(area=[2, 0, 1]))
    words = [t.get_text().split(" ")[0] for t in axes.texts]
    steps = [("IT", "V1"), ("V1", "V4")]
    differences = [float(ladder.difference_ms.sel(area=a, other=b)) for a, b in steps]
    assert words == [f"{d:+.3g}" for d in differences]
