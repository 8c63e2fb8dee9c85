"""The numbers of ``--method rsa`` against other people's software, and what its controls are."""

import json

import numpy as np
import pytest
import xarray
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import cortexsim
from cortexsim.analysis import Inference, evaluate
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.controls import rerun
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


def test_static_is_constant_and_equal_to_the_first_pass(everything):
    found = everything.evaluation
    for k, state in enumerate(STATES):
        static, net = (
            found.sel(state=state, network="static").values,
            found.sel(state=state, network="cortex4").values,
        )
        assert np.isnan(static[:k]).all()
        assert (static[k:] == net[k]).all()
        assert np.ptp(net[k:]) > 0.005


def test_twin_is_constant_and_another_network(everything):
    twin = everything.evaluation.sel(network="twin").values
    assert np.nanmax(np.nanmax(twin, 1) - np.nanmin(twin, 1)) < 1e-5
    assert np.nanmax(np.abs(twin - everything.evaluation.sel(network="static").values)) > 0.02


def test_shuffled_and_trend_are_of_the_steps_themselves(everything):
    y = everything.evaluation.sel(state="V2", network="cortex4").values[1:]
    ms = everything.time_ms.values[1:] / 100
    one = everything.sel(state="V2")
    assert float(one.trend.sel(network="cortex4")) == pytest.approx(np.polyfit(ms, y, 1)[0])
    assert float(one.trend.sel(network="static")) == pytest.approx(0, abs=1e-12)
    low, high = one.trend_interval.sel(network="cortex4").values
    assert low < float(one.trend.sel(network="cortex4")) < high
    assert y.min() <= one.shuffled[0] < one.shuffled[1] <= y.max()


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


def test_untrained_follows_the_seed(small, it_like, compared):
    results = [compared(small, it_like, "--seed", seed, nulls=["untrained"]) for seed in (0, 0, 1)]
    a, b, c = (r.evaluation.sel(network="untrained").values for r in results)
    np.testing.assert_array_equal(a, b)
    assert np.nanmax(np.abs(a - c)) > 1e-3
    np.testing.assert_array_equal(
        results[0].evaluation.sel(network="cortex4"), results[2].evaluation.sel(network="cortex4")
    )


def test_a_rerun_is_of_the_same_images_or_refused(small, recorded, tmp_path):
    known = cortexsim.recording.schema.configuration(cortexsim.open_recording(small))
    other = {**known, "stimuli": {**known["stimuli"], "sha256": "0" * 64}}
    with pytest.raises(AnalysisError, match="saw other images than the recording"):
        rerun(other, "untrained", tmp_path, stimuli=None, measure=None)


def test_images_that_could_not_be_read_are_left_out_again(
    recorded, movie, own, compared, refused, tmp_path
):
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for k in range(12):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(
            images / f"{k:02d}.png"
        )
    (images / "05.png").write_bytes(b"not an image")
    path = recorded(stimuli=str(images), skip_unreadable=True, steps=4)
    ids = cortexsim.open_recording(path)["V1"].stimulus_id.values
    assert len(ids) == 11
    result = compared(
        path, own(rng.random((3, 55)), ids=ids), "--stimuli", images, nulls=["untrained"]
    )
    assert result.evaluation.sel(network="untrained", state="IT", step=4).notnull()
    (images / "03.png").write_bytes((images / "04.png").read_bytes())
    text = refused(
        path,
        "--neural",
        own(rng.random((3, 55)), ids=ids),
        "--stimuli",
        images,
        "--nulls",
        "untrained",
        "--out",
        tmp_path / "r.nc",
    )
    assert "saw other images than the recording" in text


def test_a_flashed_recording_is_flashed_to_the_twin(recorded, movie, own, compared):
    path = recorded(limit=24, steps=5, on_ms=50.0, dtype="float16", states=("V4", "IT"))
    result = compared(
        path, own(np.random.default_rng(0).random((3, 276))), nulls=["twin", "static"]
    )
    assert result.state.values.tolist() == ["V4", "IT"]
    twin = result.evaluation.sel(network="twin")
    assert twin.sel(state="V4").notnull().values.tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]  # two steps of image, two steps later
    assert json.loads(result.attrs["recording"])["presentation"]["frames"][:3] == [
        "image",
        "image",
        "blank",
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lesion": ("feedback",)}, "'cortex4 without feedback', which is no network of the zoo"),
        (
            {"untrained": True, "seed": 4},
            "'cortex4, untrained, seed 4', which is no network of the zoo",
        ),
    ],
)
def test_controls_of_what_is_no_network_of_the_zoo(
    recorded, it_like, refused, compared, settings, says
):
    path = recorded(limit=24, steps=4, **settings)
    text = refused(path, "--neural", it_like, "--nulls", "static", "twin")
    assert says in text
    assert "--nulls static" in text
    assert compared(path, it_like, nulls=["static"]).sizes["network"] == 2


def test_other_weights_have_no_twin(small, tmp_path):
    known = cortexsim.recording.schema.configuration(cortexsim.open_recording(small))
    with pytest.raises(AnalysisError, match="other weights of cortex4 than the bundled ones"):
        rerun(
            {**known, "weights_sha256": "0" * 64},
            "twin",
            tmp_path,
            stimuli=None,
            measure="correlation",
        )
    with pytest.raises(AnalysisError, match="no network of the zoo"):
        rerun({**known, "model": "external"}, "twin", tmp_path, stimuli=None, measure="correlation")


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
