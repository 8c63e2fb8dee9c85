"""Facts that must come out of the real files, whoever computes them."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from cortexsim import neural
from cortexsim.analysis import Inference, evaluate
from cortexsim.analysis.words import whose


@pytest.fixture(scope="module")
def images(data_folder):
    return neural.load("kriegeskorte92")


@pytest.fixture(scope="module")
def spikes(data_folder):
    return neural.load("zhang-desimone-it")


def test_monkey_and_human_it_agree(images):
    """Of the mean over subjects and sessions, and of the group RDM as published, which is the same
    mean.
    """
    human = images.human_IT.mean(("subject", "session"))
    assert spearmanr(images.monkey_IT, human).statistic == pytest.approx(0.439, abs=5e-4)


def test_the_published_group_rdm_is_the_mean_over_subjects_and_sessions(images, data_folder):
    with np.load(data_folder / "kriegeskorte2008_92images" / "kriegeskorte2008_92.npz") as file:
        group = file["rdm_human_IT"][np.triu_indices(92, 1)]
    np.testing.assert_allclose(images.human_IT.mean(("subject", "session")), group, atol=1e-6)
    assert spearmanr(images.monkey_IT, group).statistic == pytest.approx(0.439, abs=5e-4)


def test_an_rdm_of_two_animals_is_not_that_of_one_subject(images):
    """Results say so, from what the data set carries; people's RDMs are of each."""
    quick = Inference(resample="condition", n=20, permutations=0)
    model = images.models.isel(model=0)
    result = evaluate(model, images.monkey_IT, inference=quick)
    assert whose(result.attrs) == "one RDM of two animals pooled"
    people = evaluate(model, images.human_IT.mean("session", keep_attrs=True), inference=quick)
    assert whose(people.attrs) == "4 subjects"


def test_two_laboratories_agree_on_human_it(images):
    theirs = neural.load("cichy92-fmri").IT.mean("subject")
    mine = images.human_IT.mean(("subject", "session"))
    assert spearmanr(theirs, mine).statistic == pytest.approx(0.557, abs=5e-4)


def test_it_resembles_it_more_than_early_cortex(images):
    cichy = neural.load("cichy92-fmri")
    it, evc = (
        spearmanr(images.monkey_IT, cichy[area].mean("subject")).statistic for area in ("IT", "EVC")
    )
    assert it > evc + 0.1


def test_the_public_image_files_are_the_images_in_this_order(images, data_folder):
    """Each file resembles the image of its id more than any other.

    The backgrounds differ (grey and white).
    """
    folder = data_folder / "algonauts2019_fmri" / "stimuli_92images"
    files = [
        np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"))
        for name in images.stimulus_id.values
    ]
    ours = images.image.values
    white = np.where(np.abs(ours.astype(int) - 128).max(-1, keepdims=True) > 12, ours, 255)
    a, b = (x.astype(np.float64).reshape(92, -1) for x in (white, np.stack(files)))
    distance = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    assert (distance.argmin(1) == np.arange(92)).all()
    assert (distance.argmin(0) == np.arange(92)).all()


def binned(spikes, start, stop):
    """Spikes/s of each trial from ``start`` to ``stop`` ms."""
    inside = (spikes.time_ms.values > start) & (spikes.time_ms.values < stop)
    return spikes.spikes.values[:, inside].sum(1, dtype=np.float64) / (stop - start) * 1000


def averages(values, cell, count):
    """The mean of each cell; every cell has trials."""
    n = np.bincount(cell, minlength=count)
    assert n.min() > 0
    return np.bincount(cell, values, minlength=count) / n


def test_psth_of_the_rasters(spikes, data_folder):
    with np.load(data_folder / "zhang_desimone_it" / "zd_it_binned.npz") as file:
        psth, conditions, times = file["psth_hz"], file["condition"].tolist(), file["time_ms"]
    unit = np.unique(spikes.unit.values.astype(str), return_inverse=True)[1]
    cell = unit * 21 + np.array([conditions.index(s) for s in spikes.stimulus_id.values])
    for k in (0, 37, 60, 99):
        rates = averages(binned(spikes, times[k] - 5, times[k] + 5), cell, 132 * 21)
        np.testing.assert_allclose(rates.reshape(132, 21), psth[:, :, k], rtol=1e-6)


def test_split_half_reliability_of_it_rises_after_onset(spikes):
    """RDMs of two random halves of the trials: chance before the stimulus, above 0.6 at 105 ms."""
    unit = np.unique(spikes.unit.values.astype(str), return_inverse=True)[1]
    stimulus = np.unique(spikes.stimulus_id.values.astype(str), return_inverse=True)[1]
    cell = unit * 21 + stimulus
    rng = np.random.default_rng(0)
    upper = np.triu_indices(21, 1)

    def reliability(centre, splits=20):
        rates = binned(spikes, centre - 25, centre + 25)
        found = []
        for _ in range(splits):
            order = np.lexsort((rng.random(len(cell)), cell))
            place = np.arange(len(cell)) - np.searchsorted(cell[order], cell[order])
            half = np.empty(len(cell), dtype=int)
            half[order] = place % 2
            means = [
                averages(rates[half == h], cell[half == h], 132 * 21).reshape(132, 21)
                for h in (0, 1)
            ]
            rdms = [(1 - np.corrcoef((m - m.mean(1, keepdims=True)).T))[upper] for m in means]
            found.append(spearmanr(*rdms).statistic)
        return np.mean(found)

    before = [reliability(centre, 5) for centre in range(-450, 0, 100)]
    assert np.abs(np.mean(before)) < 0.1
    assert np.abs(before).max() < 0.3
    assert reliability(105) > 0.6


def test_masking_lowers_accuracy_most_at_short_soas(data_folder):
    trials = neural.load("tang-masking")
    soas = [25.0, 50.0, 75.0, 100.0, 150.0]
    found = {}
    for masked in (False, True):
        shown = (trials.experiment == 1) & (trials.masked == masked)
        found[masked] = [
            float(trials.correct[shown & (trials.soa_ms == soa)].mean()) for soa in soas
        ]
    assert found[False] == pytest.approx([0.569, 0.651, 0.716, 0.730, 0.735], abs=6e-4)
    assert found[True] == pytest.approx([0.251, 0.447, 0.553, 0.626, 0.718], abs=6e-4)


def test_people_give_cifar10_its_labels(data_folder):
    counts = neural.load("cifar10h").counts
    with np.load(data_folder / "cifar10" / "labels.npz") as file:
        labels = file["label"][50000:]
    assert 0.985 < (counts.values.argmax(1) == labels).mean() < 0.995


def test_onsets_and_peaks_of_features_in_eeg(data_folder):
    eeg = neural.load("grootswagers-eeg").sel(soa_ms=150)
    found = {
        str(f): (float(eeg.onset_ms.sel(feature=f)), float(eeg.peak_ms.sel(feature=f)))
        for f in eeg.feature.values
    }
    assert found == {
        "orientation": (92, 124),
        "spatial_frequency": (72, 112),
        "colour": (72, 112),
        "contrast": (72, 96),
    }
    # the peak is where the mean accuracy is highest
    mean = eeg.accuracy.mean("subject")
    assert mean.time_ms[mean.argmax("time_ms")].values == pytest.approx(eeg.peak_ms.values)


def test_v1_responds_after_the_shortest_latency(data_folder):
    """From frame onset to 28 ms V1 still answers the frame before; then the response rises."""
    rate = neural.load("henaff-v1").psth.mean(("stimulus", "unit"))
    before, after = (rate.sel(time_ms=slice(*window)) for window in ((-20, 24), (40, 90)))
    assert float(after.min()) > 1.2 * float(before.max())
