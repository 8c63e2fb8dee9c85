"""Trials with masks before the target, a guess rate of 0, and what is said of the fit."""

import numpy as np
import pandas as pd
import pytest

from cortexsim import neural
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.weibull import weibull
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.curves import curves_of_people

FEW = Inference(n=60, rng=3)
SIZES = np.array([20.0, 40.0, 60.0, 100.0, 150.0])


def table(soa, chance=0.2, participants=4, trials=80, seed=0):
    """Forward masks reach less far than backward ones."""
    rng, rows = np.random.default_rng(seed), []
    for who in range(participants):
        for mask in ("none", "noise"):
            for t in soa:
                scale = 15.0 if mask == "none" else 30.0 if t < 0 else 60.0
                p = weibull(np.array([t]), scale_ms=scale, slope=2, asymptote=0.9, chance=chance)
                right = rng.random(trials) < (p[0] if t else chance)
                rows += [{"participant": f"p{who}", "mask": mask, "soa_ms": t, "correct": r}
                         for r in right]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.slow
def test_forward_masks_have_a_curve_of_their_own():
    both = table([*-SIZES, 0.0, *SIZES])
    found = neural.from_trials(both, chance=0.2, inference=FEW)
    assert found.soa_ms.values.tolist() == [*-SIZES[::-1], 0.0, *SIZES]
    masked = found.sel(mask="noise")
    assert masked.threshold_status.item() == "ok" == masked.forward_threshold_status.item()
    assert masked.threshold_ms.item() == pytest.approx(60 * np.log(2) ** 0.5, rel=0.12)
    assert masked.forward_threshold_ms.item() == pytest.approx(-30 * np.log(2) ** 0.5, rel=0.15)
    low, high = masked.forward_threshold_interval.values
    assert low < masked.forward_threshold_ms.item() < high < 0
    assert found.participant_forward_threshold_ms.dims == ("participant", "mask")
    # The backward curve is that of the backward trials alone.
    alone = neural.from_trials(both[both.soa_ms > 0], chance=0.2, each=False, inference=FEW)
    assert "forward_threshold_ms" not in alone
    np.testing.assert_array_equal(alone.threshold_ms, found.threshold_ms)
    np.testing.assert_array_equal(alone.fit_p, found.fit_p)
    # Set beside a network, which knows backward masks only, they are left out.
    np.testing.assert_array_equal(curves_of_people(found).soa, SIZES)


def test_forward_masks_alone():
    found = neural.from_trials(table(-SIZES), chance=0.2, each=False, inference=FEW)
    assert found.threshold_status.values.tolist() == ["too few trials"] * 2
    assert found.forward_threshold_status.sel(mask="noise").item() == "ok"


def test_deadlines_below_0_and_seconds_below_0_are_refused():
    rows = table(-SIZES)
    with pytest.raises(AnalysisError, match=r"deadline_ms is -20 in .* must be above 0"):
        neural.from_trials(rows.rename(columns={"soa_ms": "deadline_ms"}), chance=0.2)
    with pytest.raises(AnalysisError, match="look like seconds"):
        neural.from_trials(rows.assign(soa_ms=rows.soa_ms / 1000), chance=0.2)


def test_a_guess_rate_of_0_and_the_fit_beside_the_threshold():
    found = neural.from_trials(table(SIZES, chance=0.0), chance=0.0, each=False, inference=FEW)
    masked = found.sel(mask="noise")
    assert masked.threshold_ms.item() == pytest.approx(60 * np.log(2) ** 0.5, rel=0.12)
    assert masked.fit_p.item() > 0.01
    assert masked.deviance.item() > 0
    assert found.fit_p.attrs["units"] == "probability"
    with pytest.raises(AnalysisError, match="0 where nobody guesses"):
        neural.from_trials(table(SIZES), chance=-0.1)
