"""analyses/shared/contrasts.py: what matters more is said no more often than it may be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t, ttest_ind


@pytest.fixture
def contrasts(script):
    return script("shared.contrasts")


def drawn(contrasts, seed, images, recurrence, noise=1.0):
    """The verdict of an experiment whose two effects are measured with noise, over trainings, too.

    Resamples of one training of each network, and five trainings of two of them.
    """
    rng = np.random.default_rng(seed)
    true = {"cortex4": 0.0, "twin": -recurrence, contrasts.PHOTOGRAPHS: images}
    true[contrasts.PHOTOGRAPHS_TWIN] = images - recurrence
    count = {"cortex4": 5, "twin": 5, contrasts.PHOTOGRAPHS: 1, contrasts.PHOTOGRAPHS_TWIN: 1}
    trainings = {k: v + rng.normal(0, noise, count[k]) for k, v in true.items()}
    samples = {k: v[0] + rng.normal(0, noise, 400) for k, v in trainings.items()}
    over = contrasts.over_trainings(trainings, 4)["larger"]
    return contrasts.larger(samples, over, 4)["verdict"]


@pytest.mark.parametrize("recurrence", [0.0, 3.0, -3.0])
def test_effects_of_one_size_are_rarely_told_apart(contrasts, recurrence):
    said = [drawn(contrasts, [k, 1], abs(recurrence), recurrence) for k in range(300)]
    assert np.mean([v != "undecided" for v in said]) < 0.05


@pytest.mark.parametrize("images", [14.0, -14.0])
@pytest.mark.parametrize("recurrence", [1.0, -1.0])
def test_the_larger_effect_is_named_whatever_its_sign(contrasts, images, recurrence):
    said = [drawn(contrasts, [k, 2], images, recurrence) for k in range(50)]
    assert set(said) <= {"images", "undecided"}
    assert said.count("images") > 45
    turned = [drawn(contrasts, [k, 3], recurrence, images) for k in range(50)]
    assert set(turned) <= {"recurrence", "undecided"}
    assert turned.count("recurrence") > 45


def test_over_trainings_alone_effects_of_one_size_are_rarely_told_apart(contrasts):
    said = []
    for k in range(600):
        rng = np.random.default_rng([k, 4])
        trainings = {"cortex4": rng.normal(0, 1, 5), "twin": rng.normal(-3, 2, 5)}
        trainings[contrasts.PHOTOGRAPHS] = rng.normal(3, 1, 1)
        trainings[contrasts.PHOTOGRAPHS_TWIN] = rng.normal(0, 2, 1)
        found = contrasts.over_trainings(trainings, 4)
        said.append(contrasts.named(found["larger"]))
    assert np.mean([v != "undecided" for v in said]) < 0.05


def test_over_trainings_the_contrasts_are_the_tests_of_scipy(contrasts):
    rng = np.random.default_rng(0)
    trainings = {"cortex4": rng.normal(0, 1, 5), "twin": rng.normal(1, 2, 4)}
    trainings |= {contrasts.PHOTOGRAPHS: [2.5], contrasts.PHOTOGRAPHS_TWIN: [-0.5]}
    found = contrasts.over_trainings(trainings, 4)["contrasts"]
    assert set(found) == {"images", "images, twin", "recurrence", "recurrence, photographs"}
    welch = ttest_ind(trainings["cortex4"], trainings["twin"], equal_var=False)
    # Of one against several the variance is that of the several: Crawford & Howell 1998.
    single = ttest_ind(trainings[contrasts.PHOTOGRAPHS], trainings["cortex4"], equal_var=True)
    theirs = ttest_ind(trainings[contrasts.PHOTOGRAPHS_TWIN], trainings["twin"], equal_var=True)
    for name, test in (("recurrence", welch), ("images", single), ("images, twin", theirs)):
        assert found[name]["p"] == pytest.approx(test.pvalue)
        assert found[name]["interval"] == pytest.approx(list(test.confidence_interval(0.95)))
    # One of each on photographs: both variances are those of the trainings on CIFAR-10.
    of = [np.var(trainings[net], ddof=1) for net in ("cortex4", "twin")]
    freedom = sum(of) ** 2 / (of[0] ** 2 / 4 + of[1] ** 2 / 3)
    expected = 2 * t.sf(3.0 / np.sqrt(sum(of)), freedom)
    assert found["recurrence, photographs"]["p"] == pytest.approx(expected)


def test_p_is_corrected_over_all_targets_and_sentences_say_what_is_shown(contrasts):
    rows = {
        k: {"difference": d, "interval": [d - 0.1, d + 0.1], "p": p}
        for k, d, p in (("images", 0.3, 1e-4), ("recurrence", 0.05, 0.3), ("training", 0.2, 0.02))
    }
    found = [
        {
            "contrasts": {k: dict(v) for k, v in rows.items()},
            "over_trainings": {"images": {"p": p}, "recurrence": {"p": None}},
            "larger": {"verdict": "images"},
        }
        for p in (0.04, 0.001)
    ]
    contrasts.adjust(found)
    p = {k: v["p_holm"] for k, v in found[0]["contrasts"].items()}
    assert p["images"] == pytest.approx(6e-4)
    assert p["training"] == pytest.approx(0.08)
    over = [one["over_trainings"]["images"]["p_holm"] for one in found]
    assert over == pytest.approx([0.04, 0.002])  # of the two that could be tested
    assert contrasts.sentence("a", found[1]) == (
        "a: images +0.300 [+0.200, +0.400]; recurrence +0.050 [-0.050, +0.150], not shown; "
        "training +0.200 [+0.100, +0.300], not shown; images matter more than recurrence."
    )
    found[0]["over_trainings"]["images"]["p_holm"] = 0.2
    assert "images +0.300 [+0.200, +0.400], not shown over trainings;" in contrasts.sentence(
        "a", found[0]
    )
