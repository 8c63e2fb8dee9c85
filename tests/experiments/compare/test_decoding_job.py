"""``--method decoding`` with the gratings of Grootswagers et al.

2024: published onsets, labels, chance.
"""

import json

import numpy as np
import pytest
import xarray

from cortexsim import neural
from cortexsim.experiments.compare.decoding_job import label_properties

# SOA 150 ms, in the source's table.
PUBLISHED = {
    "spatial_frequency": 72,
    "colour": 72,
    "contrast": 72,
    "orientation": 92,
}


@pytest.fixture(scope="module")
def gratings(recorded, data_folder):
    return recorded(stimuli="grootswagers-eeg", steps=4, states=("V1", "IT"))


@pytest.fixture(scope="module")
def result(gratings, tmp_path_factory):
    from cortexsim.compare import compare
    from cortexsim.experiments.compare.config import CompareConfig

    out = tmp_path_factory.mktemp("decoding") / "eeg.nc"
    compare(
        CompareConfig(
            str(gratings),
            neural="grootswagers-eeg",
            method="decoding",
            n=200,
            permutations=20,
            nulls=("static", "twin"),
            out=str(out),
        )
    )
    assert out.with_suffix(".png").stat().st_size > 10_000
    return xarray.load_dataset(out)


def test_onsets_of_the_brain_are_those_published(result):
    found = result.neural_onset_ms.sel(soa_ms=150)
    for feature, ms in PUBLISHED.items():
        assert abs(float(found.sel(feature=feature)) - ms) <= 20
        low, high = result.neural_onset_interval.sel(soa_ms=150, feature=feature).values
        assert low <= float(found.sel(feature=feature)) <= high


def test_a_network_reads_what_is_in_the_images(result):
    assert (result.chance == 0.25).all()
    assert float(result.neural_chance) == 0.25
    v1 = result.evaluation.sel(network="cortex4", state="V1")
    assert (v1.sel(feature="orientation") > 0.4).all()
    significant = (result.p_permutation_corrected < 0.05).sel(
        network="cortex4", feature="orientation"
    )
    assert significant.sel(state="V1").all()
    assert result.evaluation.sel(state="IT", step=[1, 2, 3], network="cortex4").isnull().all()


def test_static_and_twin_do_not_change_over_steps(result):
    static, twin, net = (
        result.evaluation.sel(network=k, state="V1") for k in ("static", "twin", "cortex4")
    )
    assert (static == net.sel(step=1)).all()
    assert float((twin.max("step") - twin.min("step")).max()) < 0.02
    for name in ("interval", "p_permutation", "null_high"):
        one = result[name].sel(network="static", state="V1")
        assert (one == result[name].sel(network="cortex4", state="V1", step=1)).all()


def test_labels_are_those_of_the_file_names(data_folder):
    brain = neural.load("grootswagers-eeg")
    with np.load(data_folder / "grootswagers2024_features_eeg" / "stimuli_256.npz") as file:
        names = {str(n).removesuffix(".png"): str(n) for n in file["name"]}
    labels = label_properties(brain, "accuracy")
    for feature, key in {
        "orientation": "ori",
        "spatial_frequency": "sf",
        "colour": "color",
        "contrast": "contrast",
    }.items():
        for stimulus, label in zip(brain.stimulus_id.values, labels[feature]):
            assert f"_{key}{label}" in names[stimulus]


def test_the_result_says_what_it_is(result):
    a = result.attrs
    assert a["analysis"] == "comparison"  # not what decode returns
    assert (a["method"], a["n"], a["permutations"], a["seed"], a["conditions"]) == (
        "decoding",
        200,
        20,
        0,
        256,
    )
    assert "Grootswagers" in a["neural_citation"]
    assert a["neural_licence"]
    assert {"cortexsim", "packages"} <= json.loads(a["provenance"]).keys()
    assert json.loads(a["controls"]).keys() == {"static", "twin"}
    assert result.time_ms.values.tolist() == [25, 50, 75, 100]


def test_accuracies_are_those_of_scikit_learn(gratings, result):
    """Nearly: other folds of the same stimuli."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import cortexsim

    x = cortexsim.open_recording(gratings)["V1"].activation.sel(step=4).values
    labels = neural.load("grootswagers-eeg").orientation.values
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    theirs = cross_val_score(
        make_pipeline(StandardScaler(), RidgeClassifier()),
        x,
        labels,
        cv=folds,
        scoring="balanced_accuracy",
    ).mean()
    assert float(
        result.evaluation.sel(network="cortex4", state="V1", step=4, feature="orientation")
    ) == pytest.approx(theirs, abs=0.08)


def test_without_permutations_the_report_judges_by_the_interval(
    gratings, compared, capsys, data_folder
):
    compared(gratings, "grootswagers-eeg", "--method", "decoding", n=50, permutations=0)
    text = capsys.readouterr().out
    assert "orientation" in text
    assert "V1   from 25 ms" in text
    assert "brain, SOA 150 ms: from" in text


def test_what_cannot_be_decoded(gratings, faces, refused):
    assert "has no decoding 'rsa'; choose --target from accuracy" in refused(
        gratings, "--neural", "grootswagers-eeg", "--method", "decoding", "--target", "rsa"
    )
    assert "256 of the 256 stimuli" in refused(
        faces, "--neural", "grootswagers-eeg", "--method", "decoding"
    )
    for name, says in (("latencies", "stimulus_id"), ("maniquet-masking", "stimulus_id")):
        assert says in refused(faces, "--neural", name, "--method", "decoding")
