"""Behaviour: labels, probabilities, the odd one out, passive viewing; what was started last is what comes."""

import numpy as np
import pandas as pd
import pytest
import torch
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_interface import BrainModel as Interface
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cortexsim.brainscore import load
from cortexsim.errors import BrainScoreError
from cortexsim.stimuli.images import read_image


def test_labels_are_the_argmax_of_the_networks_own_readout(model, stimuli):
    images = model.preprocessing(
        [read_image(stimuli.get_stimulus(i)) for i in stimuli["stimulus_id"]]
    )
    with torch.inference_mode():
        logits = model.net(images).numpy()
    classes = np.array(model.net.card["classes"])
    for labels in (["Dog", "cat"], ["ship", "bird", "air plane"], list(classes)):
        model.start_task(Interface.Task.label, labels)
        behaviour = model.look_at(stimuli)
        assert behaviour.dims == ("choice", "presentation")
        columns = [list(classes).index(label.lower().replace(" ", "")) for label in labels]
        expected = np.array(labels)[logits[:, columns].argmax(1)]
        np.testing.assert_array_equal(behaviour.values[0], expected)
        np.testing.assert_array_equal(behaviour["label"].values, expected)
        np.testing.assert_array_equal(
            behaviour["stimulus_id"].values, stimuli["stimulus_id"].values
        )
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    "labels", ["imagenet", ["dog", "bear"], []], ids=["domain", "unknown", "none"]
)
def test_labels_the_network_does_not_know_are_refused(model, labels):
    with pytest.raises(BrainScoreError, match=r"its readout knows airplane, .*'probabilities'"):
        model.start_task(Interface.Task.label, labels)


def test_probabilities_are_brain_scores_readout_of_it(model, stimuli):
    fit, held = stimuli.iloc[:16], stimuli.iloc[16:]
    model.start_task(Interface.Task.probabilities, fit)
    behaviour = model.look_at(held)
    assert behaviour.dims == ("presentation", "choice")
    np.testing.assert_allclose(behaviour.values.sum(1), 1, rtol=1e-6)
    chosen = behaviour["choice"].values[behaviour.values.argmax(1)]
    assert (
        chosen == held["image_label"].values
    ).all()  # bright and dark images are easily told apart
    x = {name: model.features(part).values for name, part in (("fit", fit), ("held", held))}
    scaler = StandardScaler().fit(x["fit"])
    readout = LogisticRegression(C=1e-3, solver="newton-cg", multi_class="multinomial")
    readout.fit(scaler.transform(x["fit"]), fit["image_label"])
    expected = pd.DataFrame(
        readout.predict_proba(scaler.transform(x["held"])), columns=readout.classes_
    )
    np.testing.assert_allclose(
        behaviour.values, expected[list(behaviour["choice"].values)], rtol=1e-5
    )


def test_behaviour_is_read_from_it_at_the_readout_step(stimuli):
    early, late = load("cortex4", readout_step=5), load("cortex4")
    late.start_recording("IT", [(200, 225)])  # step 8
    np.testing.assert_array_equal(late.features(stimuli).values, late.look_at(stimuli).values)
    assert (early.features(stimuli).values != late.features(stimuli).values).any()
    with pytest.raises(BrainScoreError, match="not populated at the readout step 2"):
        load("cortex4", readout_step=2).features(stimuli)
    with pytest.raises(BrainScoreError, match="no readout at step 2"):
        load("cortex4", readout_step=2).logits(stimuli)


def test_what_cannot_be_learned_from_is_refused(model, stimuli):
    for table, words in (
        (stimuli.drop(columns="image_label"), "image_label"),
        (stimuli.iloc[::2], "single image_label"),
        (pd.concat([stimuli, stimuli]), "more than once"),
        (["a.png"], "columns 'stimulus_id' and 'image_label'"),
    ):
        with pytest.raises(BrainScoreError, match=words):
            model.start_task(Interface.Task.probabilities, table)


def test_the_odd_one_out_is_the_odd_one(model, stimuli, tmp_path):
    """Two rows show one photograph, the third a grey field: only the pair can be the most similar."""
    ids = list(stimuli["stimulus_id"])
    table = StimulusSet(
        {"stimulus_id": ["same-a", "same-b", "x", "x", "same-a", "same-b", "same-b", "x", "same-a"]}
    )
    features = model.features(stimuli).values
    loud, quiet = (
        np.linalg.norm(features, axis=1).argmax(),
        np.linalg.norm(features, axis=1).argmin(),
    )
    paths = {i: stimuli.get_stimulus(i) for i in ids}
    table.stimulus_paths = {
        "same-a": paths[ids[loud]],
        "same-b": paths[ids[loud]],
        "x": paths[ids[quiet]],
    }
    table.identifier = "triplets"
    model.start_task(Interface.Task.odd_one_out)
    behaviour = model.look_at(table)
    assert behaviour.dims == ("choice", "presentation")
    assert list(behaviour.values[0]) == ["x", "x", "x"]
    assert behaviour["presentation"].values[1] == "x|same-a|same-b"
    with pytest.raises(BrainScoreError, match="8 rows"):
        model.look_at(table.iloc[:8])


def test_what_was_started_last_is_what_comes(model, stimuli):
    few = stimuli.iloc[:3]
    model.start_task(Interface.Task.passive)
    assert model.look_at(few) is None
    model.start_recording("IT", [(70, 170)])
    assert model.look_at(few).dims == ("presentation", "neuroid")
    model.start_task(Interface.Task.label, ["dog", "cat"])
    assert model.look_at(few).dims == ("choice", "presentation")
    model.start_task(Interface.Task.passive)  # does nothing, and is still recorded from
    assert model.look_at(few).dims == ("presentation", "neuroid")
    with pytest.raises(BrainScoreError, match="no task 'sing'; choose from passive, label"):
        model.start_task("sing")
