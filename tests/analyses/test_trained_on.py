"""analyses/trained_on.py: its networks have the numbers that they have in other figures."""

from __future__ import annotations

import json

import pytest

from cortexsim.models.weights import bundled_seeds


@pytest.fixture
def trained_on(script):
    return script("trained_on")


@pytest.mark.slow
def test_networks_that_stand_in_other_figures_have_the_numbers_of_these(
    trained_on, results, tmp_path
):
    """Nets of CIFAR-10 stand in for those of photographs: then images make no difference."""
    trained_on.main(
        [
            *("--photographs", "cortex4", "--photographs-twin", "cortex4-twin"),
            *("--resamples", "60", "--permutations", "40", "--out", str(tmp_path)),
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
        for name in ("images", "images, twin"):
            assert one["contrasts"][name]["difference"] == 0
        both = [one["contrasts"][f"recurrence{of}"]["difference"] for of in ("", ", photographs")]
        assert both[0] == both[1] != 0
        assert one["trainings"]["cortex4"][0] == one["networks"]["cortex4"]["value"]
        assert len(one["trainings"]["twin"]) == len(bundled_seeds("cortex4-twin"))
        assert one["larger"]["verdict"] in ("undecided", "recurrence")
