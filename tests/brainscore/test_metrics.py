"""Brain-Score's metrics and our analysis on the same numbers, in one process: they agree where they define the same thing."""

import numpy as np
import pytest
import torch
from brainscore_core.supported_data_standards.brainio.assemblies import (
    DataAssembly,
    NeuroidAssembly,
)
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, RSABenchmark
from brainscore_vision.metric_helpers.transformations import CrossValidation
from brainscore_vision.metrics import Score
from brainscore_vision.metrics.rdm.metric import RDM, RDMSimilarity
from conftest import stimulus_set

from cortexsim.analysis import cka, compare, condensed, rdms
from cortexsim.analysis.linear.regression import METHODS, Patterns, Settings
from cortexsim.analysis.linear.splits import Split
from cortexsim.brainscore.scoring import report

AGREE = {"rtol": 0, "atol": 1e-6}


def assembly(values, ids, region="IT", **columns):
    coords = {
        "stimulus_id": ("presentation", ids),
        "object_name": ("presentation", ["o"] * len(ids)),
        "neuroid_id": ("neuroid", np.arange(values.shape[1])),
        "region": ("neuroid", [region] * values.shape[1]),
        **columns,
    }
    return NeuroidAssembly(values, coords=coords, dims=["presentation", "neuroid"])


@pytest.fixture(scope="module")
def two():
    """Patterns of 60 stimuli in a model (90 units) and, as a noisy linear map of them, in a brain (8 neurons)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 90)) * np.geomspace(1, 0.05, 90)
    return x, x @ rng.normal(size=(90, 8)) + rng.normal(size=(60, 8))


IDS = [f"s{i:02d}" for i in range(60)]


@pytest.mark.parametrize("n", [60, 12])
def test_rdm(two, n):
    x, y = (v[:n] for v in two)
    theirs = load_metric("rdm")(assembly(x, IDS[:n]), assembly(y, IDS[:n]))
    ours = compare(rdms(x, "correlation"), rdms(y, "correlation"), "spearman")
    np.testing.assert_allclose(float(theirs), ours, **AGREE)
    shuffled = load_metric("rdm")(
        assembly(x, IDS[:n]), assembly(y[::-1], IDS[:n][::-1])
    )  # matched by stimulus_id
    np.testing.assert_allclose(float(shuffled), ours, **AGREE)


@pytest.mark.parametrize("debiased", [True, False])
def test_cka(two, debiased):
    x, y = two
    theirs = load_metric("cka" if debiased else "cka_biased")(assembly(x, IDS), assembly(y, IDS))
    np.testing.assert_allclose(float(theirs), cka(x, y, debiased=debiased), **AGREE)


def splits_of(metric, target):
    """The ten splits of a metric, as indices, from the metric's own cross-validation."""
    values, splits = CrossValidation(stratification_coord=None, train_size=0.9)._split.build_splits(
        target
    )
    assert list(values[values.dims[0]].values) == [(i,) for i in IDS] or list(values.values) == IDS
    return splits


@pytest.mark.parametrize("method", ["pls", "ridge"])
@pytest.mark.parametrize("units", [90, 30], ids=["wide", "tall"])
def test_pls_and_ridge(two, method, units):
    """Median over neurons of Pearson r, mean over Brain-Score's ten splits: PLS with 25 components, ridge with a penalty of 1."""
    x, y = two[0][:, :units], two[1]
    target = assembly(y, IDS)
    theirs = load_metric(method, crossvalidation_kwargs={"stratification_coord": None})(
        assembly(x, IDS), target
    )
    patterns = Patterns(x, torch.device("cpu"), "x")
    scores = []
    for train, test in splits_of(method, target):
        train = np.sort(
            train
        )  # as their regression sorts the stimuli; a sum does not care, an iteration might
        size = patterns.centred(train, test)[2]
        settings = Settings(
            np.array([1 / size]), 25, None
        )  # our penalties are relative to the mean squared length of a pattern
        fit = METHODS[method](patterns, Split(train, test, np.arange(len(train)) % 5), settings)
        predicted = fit(y[:, None]).prediction[:, 0]
        scores.append([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, y[test].T)])
    np.testing.assert_allclose(np.median(scores, 1), theirs.raw.median("neuroid").values, **AGREE)
    np.testing.assert_allclose(float(theirs), np.median(scores, 1).mean(), **AGREE)
    assert float(theirs) > 0.3  # there is something to predict


@pytest.fixture(scope="module")
def kriegeskorte92(data_folder, tmp_path_factory):
    """The 92 images as plain files, and the RDM of monkey IT (1 - Pearson over 674 neurons)."""
    with np.load(data_folder / "kriegeskorte2008_92images" / "kriegeskorte2008_92.npz") as file:
        images, rdm = file["stimuli"], file["rdm_monkey_IT"]
    names = np.array(["object"] * len(images))
    return stimulus_set(
        tmp_path_factory.mktemp("kriegeskorte92"), images, object_name=names, image_label=names
    ), rdm


def patterns_of(rdm):
    """Patterns whose correlations are exactly ``1 - rdm``: rows of mean 0 and length 1 (the neurons themselves are not published).

    1 - rdm is a Gram matrix; its root, turned into coordinates orthogonal to (1, ..., 1), has rows of mean zero.
    """
    values, vectors = np.linalg.eigh(1 - rdm)
    assert values.min() > -1e-6
    root = vectors * np.sqrt(values.clip(0))
    n = len(rdm)
    orthogonal = np.linalg.svd(np.ones((1, n + 1)))[2][
        1:
    ]  # (n, n + 1), rows orthonormal and of sum 0
    return root @ orthogonal


def test_a_local_benchmark_of_the_92_images_and_monkey_it(model, kriegeskorte92):
    """The real NeuralBenchmark around Brain-Score's rdm and cka metrics; the same scores by our analysis.

    Its cka, which subtracts sums of Gram matrices that are not centred, computes in the precision of the recording: to 1e-6 in double precision, to
    1e-5 in the benchmark, whose recording is single.
    """
    stimuli, rdm = kriegeskorte92
    virtual = patterns_of(rdm)
    np.testing.assert_allclose(1 - np.corrcoef(virtual), rdm, atol=1e-6)
    times = {"time_bin_start": 70, "time_bin_end": 170}
    brain = assembly(virtual, stimuli["stimulus_id"].values)
    brain = brain.expand_dims("time_bin").assign_coords(
        {k: ("time_bin", [v]) for k, v in times.items()}
    )
    brain = NeuroidAssembly(brain.set_index(time_bin=list(times))).squeeze("time_bin")
    brain.attrs["stimulus_set"] = stimuli
    model.start_recording("IT", [(70, 170)])
    double = model.look_at(stimuli).astype(np.float64)
    features, single = double.values, {"rdm": AGREE, "cka": {"rtol": 1e-5, "atol": 0}}
    ours = {
        "rdm": compare(rdms(features, "correlation"), condensed(rdm), "spearman"),
        "cka": cka(features, virtual, debiased=True),
    }
    for name, expected in ours.items():
        np.testing.assert_allclose(float(load_metric(name)(double, brain)), expected, **AGREE)
        benchmark = NeuralBenchmark(
            f"Kriegeskorte2008.IT-{name}", brain, load_metric(name), 8, 1,
            ceiling_func=lambda: Score(1.0), version=1, parent="IT", bibtex="",
        )  # fmt: skip
        benchmark.preallocate_memory(model)
        score = benchmark(model)
        np.testing.assert_allclose(float(score.raw), expected, **single[name])
        np.testing.assert_allclose(report(score, "cortex4", name)["raw"], expected, **single[name])
        print(f"cortex4 IT, 70-170 ms, and monkey IT, 92 images: {name} {float(score.raw):.4f}")


def test_the_rdm_of_monkey_it_itself(model, kriegeskorte92):
    """Their RDM and similarity against the published matrix, time bin by time bin, as one RDM movie of ours."""
    stimuli, rdm = kriegeskorte92
    bins = [(t, t + 50) for t in range(100, 300, 50)]
    model.start_recording("IT", bins)
    recording = model.look_at(stimuli)
    ids = {
        "stimulus_id": ("presentation", stimuli["stimulus_id"].values),
        "n": ("presentation", np.arange(92)),
    }
    brain = DataAssembly(rdm, coords=ids, dims=["presentation", "presentation"])
    theirs = [
        float(RDMSimilarity()(RDM()(recording.isel(time_bin=b)), brain)) for b in range(len(bins))
    ]
    movie = rdms(recording.values.astype(np.float64).transpose(2, 0, 1), "correlation")
    np.testing.assert_allclose(compare(movie, condensed(rdm), "spearman").ravel(), theirs, **AGREE)
    assert len(set(np.round(theirs, 6))) > 1  # it changes over time


def test_benchmarks_of_rdms_take_the_model(model, stimuli):
    """RSABenchmark, with subjects: a brain that is the model scores 1, and is its own ceiling."""
    model.start_recording("V4", [(70, 170)])
    features = model.look_at(stimuli)
    who = np.where(np.arange(features.shape[1]) % 2, "a", "b")
    times = {"time_bin_start": ("time_bin", [70]), "time_bin_end": ("time_bin", [170])}
    coords = {
        "stimulus_id": ("presentation", stimuli["stimulus_id"].values),
        "object_name": ("presentation", stimuli["object_name"].values),
        "neuroid_id": ("neuroid", np.arange(features.shape[1])),
        "subject": ("neuroid", who),
        "region": ("neuroid", ["V4"] * features.shape[1]),
    }
    brain = NeuroidAssembly(
        features.values[..., None],
        coords={**coords, **times},
        dims=["presentation", "neuroid", "time_bin"],
    )
    brain = brain.squeeze("time_bin")
    brain.attrs["stimulus_set"] = stimuli
    assert isinstance(stimuli, StimulusSet)
    benchmark = RSABenchmark(
        "planted-rdm", 1, brain, "V4", 8, 1, "", ceiler=lambda assembly: Score(1.0)
    )
    ours = [
        compare(rdms(features.values.astype(np.float64), "correlation"), rdms(features.values[:, who == s].astype(np.float64), "correlation"), "spearman")
        for s in ("a", "b")
    ]  # fmt: skip
    np.testing.assert_allclose(float(benchmark(model)), np.mean(ours), **AGREE)
