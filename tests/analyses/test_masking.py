"""analyses/masking.py and predictions.py.

The mapping from steps to ms, ratios with their bounds, manipulations, and the scripts end to end.
"""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cortexsim import neural
from cortexsim.analysis.statistics.weibull import weibull
from cortexsim.errors import AnalysisError

ANALYSES = Path(__file__).resolve().parents[2] / "analyses"


@pytest.fixture
def script(monkeypatch):
    """``script(name)``: a module of analyses/."""
    import importlib

    monkeypatch.syspath_prepend(str(ANALYSES))
    return importlib.import_module


@pytest.fixture
def people(script, data_folder):
    return script("shared.masked_people").tang(neural.load("tang-masking"), 60, 0)


def test_the_trials_of_people_give_the_published_accuracies(people):
    np.testing.assert_allclose(
        people.accuracy[True], [0.251, 0.447, 0.553, 0.626, 0.718], atol=5e-4
    )
    np.testing.assert_allclose(
        people.accuracy[False], [0.569, 0.651, 0.716, 0.730, 0.735], atol=5e-4
    )
    assert people.subjects == 21
    assert people.threshold.status == "ok"
    assert (
        people.threshold.interval[0] < people.threshold.threshold_ms < people.threshold.interval[1]
    )


def test_other_trials_are_refused(script, data_folder):
    brain = neural.load("tang-masking")
    with pytest.raises(AnalysisError, match="published"):
        script("shared.masked_people").tang(
            brain.assign(correct=~brain.correct).drop_vars("response"), 20, 0
        )


def test_a_curve_is_stretched_to_ms_and_never_read_beyond_what_was_shown():
    from cortexsim.experiments.mask.people import at_soas as at_people

    steps, soa = np.array([1.0, 2, 4]), np.array([25.0, 50, 75, 100, 150])
    found = at_people(np.array([0.0, 1, 3]), steps, 25.0, soa_ms=soa)
    np.testing.assert_allclose(found[:4], [0, 1, 2, 3])
    assert np.isnan(found[4])
    slow = at_people(np.array([0.0, 1, 3]), steps, 50.0, soa_ms=soa)
    np.testing.assert_allclose(slow[1:], [0, 0.5, 1, 2])
    assert np.isnan(slow[0])


def model(people, factor=1.0):
    """A network that does what people do, ``factor`` times as slowly, at 25 ms a step."""
    steps = np.array([1.0, 2, 3, 4, 6])

    def curve(m):
        return np.interp(steps * 25, people.soa_ms * factor, (people.accuracy[m] - 0.2) / 0.8)

    both = {k: np.tile(curve(m), (40, 1)) for k, m in (("unmasked", False), ("masked", True))}
    at = people.threshold.threshold_ms * factor / 25
    return {
        "steps": steps,
        **both,
        "threshold_status": "ok",
        "threshold_steps": at,
        "threshold_draws": np.full(40, at),
    }


def test_a_model_that_is_as_people_are_compares_so(script, people):
    beside = script("shared.masked_people").beside_people(people, model(people), 25.0)
    assert beside["spearman_masked_curve"]["value"] == pytest.approx(1)
    assert beside["spearman_masking_effect"]["value"] == pytest.approx(1)
    assert beside["masked_model_minus_people"]["value"] == pytest.approx(0, abs=1e-9)
    assert beside["threshold_ratio"]["value"] == pytest.approx(1)
    assert script("shared.masked_people").beside_people(people, model(people), 50.0)[
        "threshold_ratio"
    ]["value"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("status", "bound"),
    [("below 1 steps", "at_most"), ("above 6 steps", "at_least"), ("flat", None)],
)
def test_a_ratio_without_a_threshold_is_a_bound_or_nothing(script, people, status, bound):
    found = script("shared.masked_people").ratio(
        people, model(people) | {"threshold_status": status}, 25.0
    )
    assert found["value"] is None
    assert ({"at_most", "at_least"} & set(found)) == ({bound} if bound else set())


def test_manipulations_hide_what_they_say(script):
    module, rng = script("shared.masked_people"), np.random.default_rng(0)
    image = rng.integers(1, 127, (32, 32, 3)).astype(np.uint8)
    changed = {
        t: (module.manipulated(image, t, np.random.default_rng(1)) != image).any(-1).mean()
        for t in module.MANIPULATIONS
    }
    assert changed["control"] == 0
    for low in [t for t in changed if t.endswith("low")]:
        assert 0 < changed[low] < changed[low.removesuffix("low") + "high"]
    assert abs(changed["occlusion_many_small_deletion_high"] - 0.7) < 0.02
    with pytest.raises(AnalysisError, match="no manipulation"):
        module.manipulated(image, "clutter_light", rng)


def test_the_rank_correlation_over_manipulations_has_a_null(script):
    module, rng = script("shared.masked_people"), np.random.default_rng(0)
    same = np.tile(np.arange(13.0), (30, 1))
    assert module.correlated(same, same, rng, permutations=500)["p_permutation"] < 0.01
    p = [
        module.correlated(rng.normal(size=(2, 13)), same[:2], rng, permutations=200)[
            "p_permutation"
        ]
        for _ in range(200)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.11
    assert module.correlated(np.zeros((3, 13)), same[:3], rng, permutations=50)["value"] is None


def test_contrasts_are_mcnemars(script):
    from scipy import stats

    module = script("predictions")
    more, less = np.array([1, 1, 1, 1, 0, 1, 0, 0], bool), np.array([0, 0, 0, 1, 1, 0, 0, 0], bool)
    row = module.contrast(2, "net", "x", null="null", more=more, less=less, n=200)
    assert row["effect"] == pytest.approx(3 / 8)
    assert row["images_gained_and_lost"] == [4, 1]
    assert row["p"] == pytest.approx(stats.binomtest(4, 5).pvalue)
    assert module.contrast(2, "net", "x", null="null", more=more, less=more, n=200)["p"] == 1


@pytest.fixture
def small(script, monkeypatch, tmp_path):
    """The smoke budgets made smaller still, on 24 test images of two classes."""
    masking, predictions = script("masking"), script("predictions")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    np.savez(
        tmp_path / "set.npz", x=x, y=np.arange(40) % 2, classes=np.array(["airplane", "automobile"])
    )
    tiny = masking.Budget(20, 12, 6, (1, 2, 3, 4), 20, 20)
    monkeypatch.setitem(masking.BUDGETS, "smoke", tiny)
    monkeypatch.setitem(predictions.BUDGETS, "smoke", dataclasses.replace(tiny, soa_steps=(1,)))
    monkeypatch.setattr(
        masking,
        "MANIPULATIONS",
        ("control", "occlusion_few_large_blobs_high", "occlusion_many_small_blobs_high"),
    )
    arguments = [
        "--data",
        str(tmp_path / "set.npz"),
        "--train-count",
        "20",
        "--budget",
        "smoke",
        "--out",
        str(tmp_path),
    ]
    return SimpleNamespace(
        masking=masking, predictions=predictions, arguments=arguments, out=tmp_path
    )


@pytest.mark.slow
def test_masking_runs(small, data_folder, legible):
    assert small.masking.main([*small.arguments, "--networks", "cortex4"]) == 0
    found = json.loads((small.out / "masking.json").read_text())
    one = found["results"]["networks"]["cortex4"]
    assert [d["step_ms"] for d in one["people"]["tang"]["phase"]] == [20, 25, 30, 40, 50]
    assert one["n"] == 20
    assert "never with masks" in one["caveat"]["cortex4"]
    assert "on 20 images" in one["statistics"]["cortex4"]
    said = found["results"]["sentences"]
    assert sum("readout step" in line for line in said) == 2 * 4  # own, of the file, two lesions
    for which in (one, one["bundled_statistics"]):
        cost = which["losses"]
        assert cost["readout_steps"] == list(range(4, 13))
        k = cost["readout_steps"].index(12)
        assert cost["share_above_chance"][k] is None or cost["loss"][k] == pytest.approx(
            cost["share_above_chance"][k] * (cost["unmasked"][k] - 0.1), abs=1e-4
        )
    assert one["lesions"]["n"] == 12
    assert len(one["people"]["maniquet"]["model_effect"]) == 3
    assert found["results"]["people"]["trials"] == 13000
    drawn = ["masking.png", "masking_controls.png", "masking_states.png"]
    assert [name for name in found["figures"] if name.endswith(".png")] == drawn
    assert all((small.out / name).exists() for name in drawn)


def test_the_drawing_of_predictions_is_legible_on_a_page(script, legible, results, tmp_path):
    common, table = script("shared.common"), results("predictions")["table"]
    report = common.Report("predictions", common.Config(out=str(tmp_path)), "claim")
    script("predictions").draw(report, table)
    assert report.figures == ["predictions.png", "predictions.pdf"]


@pytest.mark.slow
def test_predictions_run_and_the_twin_has_nothing_to_disrupt(small):
    assert small.predictions.main([*small.arguments, "--networks", "cortex4", "cortex4-twin"]) == 0
    table = json.loads((small.out / "predictions.json").read_text())["results"]["table"]
    assert len(table) == 2 * (4 + 2 + 4)
    possible = [row for row in table if row["testable"]]
    assert [row["network"] for row in possible] == ["cortex4"] * 10
    assert all(0 < row["p"] <= row["p_holm"] for row in possible)
    for row in table:
        assert row["null"]
        if row["network"] == "cortex4-twin":
            assert not row["effect"]
            assert not row["supported"]
            assert row["p"] is None
            assert row["p_holm"] is None
            assert "not testable" in row["why"]
        else:
            assert row["interval"][0] <= row["effect"] <= row["interval"][1]


def test_the_halfway_point_is_where_it_is_said_to_be():
    halfway = np.array([50.0 * np.log(2) ** 0.5])
    p = weibull(halfway, scale_ms=50.0, slope=2.0, asymptote=0.9, chance=0.1)
    assert p[0] == pytest.approx(0.5)
