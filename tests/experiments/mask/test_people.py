"""A masking experiment beside people: a network that does what people do compares so."""

import json

import numpy as np
import pytest
import xarray as xr

from cortexsim import neural
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.weibull import weibull
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.curves import curves_of_people
from cortexsim.experiments.mask.people import beside_people
from cortexsim.experiments.mask.results import describe_threshold
from cortexsim.experiments.people import people_named

STEPS = np.array([1, 2, 3, 4, 6])
STEP_MS = 25.0
N = 2000


def shares(kind, factor=1.0, chance=0.2):
    """Accuracy at each SOA (in steps of 25 ms), a factor slower."""
    scale = {"none": 20.0, "phase": 60.0}[kind] * factor
    rise = weibull(STEPS * STEP_MS, scale_ms=scale, slope=2, asymptote=0.9, chance=0.2)
    return chance + (1 - chance) * (rise - 0.2) / 0.8


@pytest.fixture(scope="module")
def people():
    """Eight alike people with exactly these shares, of five answers."""
    rows = []
    for who in range(8):
        for masked, kind in ((0, "none"), (1, "phase")):
            for step, share in zip(STEPS, shares(kind)):
                right = np.arange(500) < round(500 * share)
                rows += [(f"p{who}", step * STEP_MS, masked, int(r)) for r in right]
    names = ("participant", "soa_ms", "mask", "correct")
    table = dict(zip(names, zip(*rows)))
    inference = Inference(n=50)
    return neural.from_trials(table, chance=0.2, each=False, inference=inference)


def result(factor=1.0, kinds=("none", "phase"), networks=("a",)):
    """What ``cortexsim mask`` writes, of a network with these shares of ten answers."""
    right = np.stack(
        [[np.arange(N) < round(N * s) for s in shares(k, factor, chance=0.1)] for k in kinds]
    )
    guess = np.where(right, 0, 1)[None, None, :, :, None]
    guess = np.repeat(guess, len(networks), axis=0)
    dims = ("network", "lesion", "mask", "soa_ms", "readout")
    return xr.Dataset(
        {
            "guess": ((*dims, "stimulus"), guess),
            "accuracy": (dims, (guess == 0).mean(-1)),
        },
        {
            "network": list(networks),
            "lesion": ["none"],
            "mask": list(kinds),
            "soa_ms": STEPS * STEP_MS,
            "soa_steps": ("soa_ms", STEPS),
            "readout": [8],
            "label": ("stimulus", np.zeros(N, int)),
        },
        {
            "chance": 0.1,
            "time_axis": json.dumps({"step_ms": 25.0, "step_ms_low": 20.0, "step_ms_high": 50.0}),
        },
    )


def test_a_network_as_people_are(people):
    beside = beside_people(result(), people, n=50)
    assert beside.step_ms.values.tolist() == [20, 25, 50]
    at = beside.sel(step_ms=25)
    assert at.soas.item() == 5
    assert at.masked_difference.item() == pytest.approx(0, abs=2e-3)
    low, high = at.masked_difference_interval.values
    assert -0.03 < low < 0 < high < 0.03
    assert at.spearman_masked.item() == pytest.approx(1)
    assert at.threshold_ratio.item() == pytest.approx(1, abs=0.01)
    assert at.threshold_ms.item() == pytest.approx(60 * np.log(2) ** 0.5, rel=0.02)
    # The same steps taken to last twice as long: the threshold is twice as late.
    assert beside.threshold_ratio.sel(step_ms=50).item() == pytest.approx(2, abs=0.02)
    assert beside.masked_difference.sel(step_ms=50).item() < -0.1


def test_a_network_half_as_fast(people):
    beside = beside_people(result(factor=2.0), people, n=50).sel(step_ms=25)
    assert beside.threshold_ratio.item() == pytest.approx(2, rel=0.03)
    assert beside.masked_difference.item() < -0.15


def test_a_threshold_beyond_the_soas_is_a_bound(people):
    beside = beside_people(result(factor=0.35), people, n=50).sel(step_ms=25)
    assert beside.attrs["threshold_status"].startswith("below 1 steps")
    assert beside.threshold_bound.item() == "at most"
    assert beside.threshold_ratio.item() == pytest.approx(25 / (60 * np.log(2) ** 0.5), rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "b"}, "there is no network 'b'; choose from a"),
        ({"lesion": "feedback"}, "there is no lesion 'feedback'"),
        ({"mask": "pink"}, "the network's results have no mask 'pink'; choose from phase"),
        ({"people_mask": "pink"}, "the people have no mask 'pink'"),
        ({"readout": 3}, "there is no readout 3"),
        ({"n": 5}, "n=5 resamples"),
    ],
)
def test_choices_that_are_not_there_are_refused(options, message, people):
    with pytest.raises(AnalysisError, match=message):
        beside_people(result(), people, **options)


def test_choices_that_must_be_made_are_asked_for(people):
    with pytest.raises(AnalysisError, match="holds a, b; say which with network="):
        beside_people(result(networks=("a", "b")), people)
    with pytest.raises(AnalysisError, match="by level, deadline_ms; curves by mask and soa_ms"):
        curves_of_people(people.rename(mask="level", soa_ms="deadline_ms"))
    with pytest.raises(AnalysisError, match=r"have the presentations none; 'none'.* and a mask"):
        curves_of_people(people.isel(mask=[0]))


def test_a_threshold_in_words(people):
    masked = people.sel(mask="mask")
    said = describe_threshold(masked)
    assert said.startswith("threshold 50 ms [")
    assert describe_threshold(masked.assign(threshold_status="flat")) == "no threshold (flat)"


def test_people_by_name(data_folder, tmp_path, people):
    tang = people_named("tang-masking", n=20)
    np.testing.assert_allclose(
        tang.accuracy.sel(mask="mask"), [0.251, 0.447, 0.553, 0.626, 0.718], atol=5e-4
    )
    with pytest.raises(AnalysisError, match="cifar10h has no trials by SOA and mask"):
        people_named("cifar10h")
    path = tmp_path / "mine.csv"
    path.write_text("participant,soa_ms,mask,correct\na,25,0,1\nb,25,1,0\n")
    mine = people_named(str(path), chance=0.5, n=20)
    assert mine.attrs["name"] == "mine.csv"
    assert mine.accuracy.values.tolist() == [[1.0], [0.0]]
