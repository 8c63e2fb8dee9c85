"""analyses/trained_on.py: what matters more is said no more often than it may be."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture
def trained_on(script):
    return script("trained_on")


def drawn(trained_on, seed, images, recurrence, noise=1.0):
    """Resamples of an experiment whose two effects are measured with noise."""
    rng = np.random.default_rng(seed)
    measured = {"cortex4": 0.0, "twin": -recurrence, trained_on.PHOTOGRAPHS: images}
    return {k: v + rng.normal(0, noise) + rng.normal(0, noise, 400) for k, v in measured.items()}


@pytest.mark.parametrize("recurrence", [0.0, 3.0, -3.0])
def test_effects_of_one_size_are_rarely_told_apart(trained_on, recurrence):
    said = [
        trained_on.larger(drawn(trained_on, [k, 1], abs(recurrence), recurrence))["verdict"]
        for k in range(300)
    ]
    assert np.mean([v != "undecided" for v in said]) < 0.05


@pytest.mark.parametrize("images", [14.0, -14.0])
@pytest.mark.parametrize("recurrence", [1.0, -1.0])
def test_the_larger_effect_is_named_whatever_its_sign(trained_on, images, recurrence):
    said = [
        trained_on.larger(drawn(trained_on, [k, 2], images, recurrence))["verdict"]
        for k in range(50)
    ]
    assert set(said) <= {"images", "undecided"}
    assert said.count("images") > 45
    turned = [
        trained_on.larger(drawn(trained_on, [k, 3], recurrence, images))["verdict"]
        for k in range(50)
    ]
    assert set(turned) <= {"recurrence", "undecided"}
    assert turned.count("recurrence") > 45


def test_p_is_corrected_over_all_targets_and_sentences_say_what_is_shown(trained_on):
    rows = {
        k: {"difference": d, "interval": [d - 0.1, d + 0.1], "p": p}
        for k, d, p in (("images", 0.3, 1e-4), ("recurrence", 0.05, 0.3), ("training", 0.2, 0.02))
    }
    found = {
        name: {"contrasts": {k: dict(v) for k, v in rows.items()}, "larger": {"verdict": "images"}}
        for name in "ab"
    }
    trained_on.adjust(found)
    p = {k: v["p_holm"] for k, v in found["a"]["contrasts"].items()}
    assert p["images"] == pytest.approx(6e-4)
    assert p["training"] == pytest.approx(0.08)
    said = trained_on.sentence("a", found["a"])
    assert said == (
        "a: images +0.300 [+0.200, +0.400]; recurrence +0.050 [-0.050, +0.150], not shown; "
        "training +0.200 [+0.100, +0.300], not shown; images matter more than recurrence."
    )


@pytest.mark.slow
def test_networks_that_stand_in_other_figures_have_the_numbers_of_these(
    trained_on, results, tmp_path
):
    """cortex4 stands in for its photographs: then images make no difference."""
    trained_on.main(
        [
            *("--photographs", "cortex4", "--resamples", "60", "--permutations", "40"),
            *("--out", str(tmp_path)),
        ]
    )
    found = json.loads((tmp_path / "trained_on.json").read_text())["results"]["targets"]
    rsa, v4 = results("rsa_timecourse"), results("v4_encoding")["networks"]
    for name in ("EVC, human (15 subjects)", "IT, human (15 subjects)", "IT, monkey"):
        state, step = found[name]["networks"]["cortex4"]["frame"].split("@")
        theirs = rsa[name]["models"][state]["evaluation"][int(step) - 1]
        assert found[name]["networks"]["cortex4"]["value"] == pytest.approx(theirs, abs=1e-3)
    neurons = found["V4, macaque (neurons)"]
    for name, at in (("cortex4", ("V4", 4)), ("twin", ("V4", 3))):
        (row,) = [r for r in v4[name] if (r["state"], r["step"]) == at]
        ours = neurons["networks"][name]["value"]
        assert ours == pytest.approx(row["r_noise_corrected"], abs=2e-3)
    for one in found.values():
        assert one["contrasts"]["images"]["difference"] == 0
        assert one["larger"]["verdict"] in ("undecided", "recurrence")
