"""The numbers of ``--method rsa`` against other people's software, and what its controls are."""

import numpy as np
import pytest
import xarray
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import cortexsim
from cortexsim.analysis import Inference, evaluate
from cortexsim.neural.align import select_stimuli

STATES = ["V1", "V2", "V4", "IT"]


@pytest.fixture(scope="module")
def folder(data_folder):
    return data_folder / "kriegeskorte2008_92images"


@pytest.fixture(scope="module")
def everything(faces, tmp_path_factory):
    """One comparison with human IT and all controls, as the command writes it."""
    from cortexsim.compare import compare
    from cortexsim.experiments.compare.config import CompareConfig

    out = tmp_path_factory.mktemp("everything") / "it.nc"
    compare(
        CompareConfig(
            str(faces),
            neural="cichy92-fmri",
            target="IT",
            n=40,
            permutations=20,
            out=str(out),
            figure=False,
        )
    )
    return xarray.load_dataset(out)


def by_hand(recording):
    """RDMs (state, step) of a recording by scipy, from activations as they lie on the disk."""
    tree = cortexsim.open_recording(recording)
    return {
        (s, int(t)): pdist(tree[s].activation.sel(step=t).values.astype(float), "correlation")
        for s in STATES
        for t in tree[s].step.values
    }


def human_it(data_folder):
    """Read without this package: (subject, pair)."""
    with np.load(data_folder / "algonauts2019_fmri" / "92images_fmri_IT_RDMs.npz") as file:
        return np.stack([v[np.triu_indices(92, 1)] for v in file["Net_RDM"]])


def test_evaluation_is_the_mean_of_spearmans_rho(everything, faces, data_folder):
    brain = human_it(data_folder)
    assert brain.shape == (15, 4186)
    for (state, step), rdm in by_hand(faces).items():
        found = everything.evaluation.sel(state=state, step=step, network="cortex4")
        if np.isnan(rdm).all():
            assert np.isnan(found)
            continue
        each = [spearmanr(rdm, subject).statistic for subject in brain]
        assert float(found) == pytest.approx(np.mean(each), abs=1e-5)
        mine = everything.by_subject.sel(state=state, step=step, network="cortex4")
        np.testing.assert_allclose(mine, each, atol=1e-5)


def test_ceiling_is_that_of_rsatoolbox(everything, data_folder):
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    theirs = boot_noise_ceiling(RDMs(human_it(data_folder)), method="spearman")
    np.testing.assert_allclose(everything.ceiling.values, theirs, atol=1e-6)
    assert everything.ceiling.dims == ("bound",)


def test_by_subject_averages_to_the_evaluation(everything):
    np.testing.assert_allclose(
        everything.by_subject.mean("subject"),
        everything.evaluation.transpose("state", "network", "step"),
        atol=1e-12,
    )


def test_every_state_is_as_evaluate_has_it_alone(everything, faces, data_folder):
    """Point, spread and raw p-values do not depend on the states that are evaluated beside it."""
    from cortexsim import neural
    from cortexsim.analysis import rdm_movie

    brain = neural.load("cichy92-fmri")
    movie = select_stimuli(rdm_movie(faces, progress=False), brain.stimulus_id.values)
    alone = evaluate(
        movie.rdm.sel(state=["V4"]), brain.IT, inference=Inference(n=40, permutations=20, rng=0)
    ).sel(model="V4")
    mine = everything.sel(state="V4", network="cortex4")
    for name in (
        "evaluation",
        "interval",
        "standard_error",
        "p_zero",
        "p_ceiling",
        "p_permutation",
        "null_high",
    ):
        np.testing.assert_allclose(
            mine[name].transpose(*alone[name].dims), alone[name], atol=1e-9, err_msg=name
        )
    assert (mine.p_permutation_corrected >= mine.p_permutation - 1e-12)[
        mine.evaluation.notnull()
    ].all()


def test_pairs_of_networks_are_corrected_by_holm_within_states(everything):
    first, second = np.triu_indices(4, 1)
    raw, done = (
        everything[k].transpose("network", "other_network", ...).values[first, second].ravel()
        for k in ("p_pair", "p_pair_corrected")
    )
    some = np.isfinite(raw)
    p = np.sort(raw[some])
    stepped = [min(1, max(p[i] * (len(p) - i) for i in range(k + 1))) for k in range(len(p))]
    np.testing.assert_allclose(np.sort(done[some]), stepped)
    assert np.isnan(done[~some]).all()


def test_shuffled_and_trend_are_of_the_steps_themselves(everything):
    y = everything.evaluation.sel(state="V2", network="cortex4").values[1:]
    ms = everything.time_ms.values[1:] / 100
    one = everything.sel(state="V2")
    assert float(one.trend.sel(network="cortex4")) == pytest.approx(np.polyfit(ms, y, 1)[0])
    assert float(one.trend.sel(network="static")) == pytest.approx(0, abs=1e-12)
    low, high = one.trend_interval.sel(network="cortex4").values
    assert low < float(one.trend.sel(network="cortex4")) < high
    assert y.min() <= one.shuffled[0] < one.shuffled[1] <= y.max()


@pytest.mark.slow
def test_order_and_company_of_the_stimuli_do_not_matter(
    data_folder, recorded, faces, compared, tmp_path, folder
):
    """The images as files in another order, among others, under their ids."""
    from PIL import Image

    from cortexsim import neural

    known = neural.load("kriegeskorte92")
    rows = []
    for k in np.random.default_rng(0).permutation(92):
        Image.fromarray(known.image.values[k]).save(tmp_path / f"{k}.png")
        rows.append((f"{k}.png", known.stimulus_id.values[k]))
    Image.fromarray(255 - known.image.values[3]).save(tmp_path / "other.png")
    rows.insert(40, ("other.png", "another"))
    (tmp_path / "images.csv").write_text("path,id\n" + "\n".join(",".join(r) for r in rows) + "\n")
    mixed = recorded(stimuli=str(tmp_path / "images.csv"))
    a, b = (
        compared(p, "kriegeskorte92", "--target", "monkey_IT", nulls=["static"])
        for p in (faces, mixed)
    )
    for name in ("evaluation", "interval", "null_high", "trend"):
        np.testing.assert_allclose(a[name], b[name], atol=1e-4, err_msg=name)
    assert b.attrs["conditions"] == 92


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "comparator",
    ["pearson", "spearman", "tau-a", "rho-a", "cosine", "cosine-whitened", "pearson-whitened"],
)
def test_every_comparator(small, movie, it_like, compared, comparator):
    from cortexsim.analysis import compare
    from cortexsim.neural import from_rdms

    result = compared(small, it_like, "--comparator", comparator)
    expected = compare(
        movie.rdm.sel(state="IT", step=5), from_rdms(it_like).rdm, comparator=comparator
    )
    found = result.evaluation.sel(state="IT", step=5, network="cortex4")
    assert float(found) == pytest.approx(float(np.mean(expected)), abs=1e-6)


@pytest.mark.parametrize("correction", ["max", "fdr", "none"])
def test_every_correction(small, it_like, compared, correction):
    result = compared(small, it_like, "--correction", correction, nulls=["static"])
    some = np.isfinite(result.p_zero.values)
    raw, done = result.p_zero.values[some], result.p_zero_corrected.values[some]
    assert (done >= raw - 1e-12).all() if correction != "max" else (done <= 1).all()
    assert (done == raw).all() == (correction == "none")
    both = result.p_pair_corrected.sel(network="cortex4", other_network="static").values
    np.testing.assert_array_equal(
        both, result.p_pair_corrected.sel(network="static", other_network="cortex4").values
    )


def test_behaviour_is_of_its_participants(faces, compared, folder):
    result = compared(faces, "kriegeskorte92", "--target", "behaviour")
    assert result.attrs["subjects"] == result.sizes["subject"] > 1
    assert np.isfinite(result.ceiling).all()


def test_human_it_is_averaged_over_sessions(faces, compared, data_folder):
    from cortexsim import neural

    result = compared(faces, "kriegeskorte92", "--target", "human_IT")
    mean = neural.load("kriegeskorte92").human_IT.mean("session")
    rdm = by_hand(faces)["IT", 6]
    found = result.by_subject.sel(state="IT", step=6, network="cortex4")
    np.testing.assert_allclose(found, [spearmanr(rdm, m).statistic for m in mean.values], atol=1e-5)


def test_orders_of_too_few_steps_have_no_p(everything):
    """V4 has four populated steps, whose 24 orders reach p = 0.08 at best; V2 has five."""
    assert everything.trend_p_shuffled.notnull().values.tolist() == [True, True, False, False]
    assert everything.trend.sel(network="cortex4").notnull().all()
