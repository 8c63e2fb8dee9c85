"""The scripts of behaviour and of features in a stream.

They run, refuse images in another order, and their arithmetic is right.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cortexsim import neural
from cortexsim.errors import AnalysisError
from cortexsim.timeaxis import TimeAxis

ANALYSES = Path(__file__).resolve().parents[2] / "analyses"


@pytest.fixture
def script(monkeypatch):
    """``script(name)``: a module of analyses/."""
    monkeypatch.syspath_prepend(str(ANALYSES))
    return importlib.import_module


@pytest.fixture(scope="module")
def photographs(cifar10, tmp_path_factory):
    """400 training images and the first 400 test images."""
    x, y, _ = cifar10
    path = tmp_path_factory.mktemp("d") / "few.npz"
    np.savez(
        path,
        x=np.concatenate([x[:400], x[50000:50400]]),
        y=np.concatenate([y[:400], y[50000:50400]]),
    )
    return ["--data", str(path), "--train-count", "400"]


def numbers(folder, name):
    content = json.loads((folder / f"{name}.json").read_text())
    assert content["provenance"]["cortexsim"]
    assert all((folder / f).stat().st_size > 5000 for f in content["figures"])
    return content["results"]


@pytest.mark.slow
def test_behavior_of_a_network_on_a_few_images(script, photographs, tmp_path):
    more = [
        "--images",
        "400",
        "--timed-images",
        "200",
        "--resamples",
        "20",
        "--permutations",
        "19",
        "--nets",
        "cortex4",
    ]
    assert script("behavior").main([*photographs, *more, "--out", str(tmp_path)]) == 0
    found = numbers(tmp_path, "behavior")
    one = found["nets"]["cortex4"]
    assert one["steps"] == [*range(4, 13)]
    assert one["accuracy"][4] > one["accuracy"][0] + 0.2
    assert one["cross_entropy"]["cross_entropy"][4] > one["cross_entropy"]["floor"] > 0
    assert -1 <= one["reaction_time"]["entropy"]["tau"] <= 1
    assert sum(one["solution_groups"]["count"]) == 200
    assert 40 < found["people"]["answers_per_image"] < 70


def test_images_in_another_order_are_refused(script, photographs, tmp_path, cifar10):
    people = neural.load("cifar10h")
    labels = cifar10[1][50000:50400]
    module = script("behavior")
    assert module.aligned(people, labels).shape == (400, 10)
    with pytest.raises(AnalysisError, match="official order"):
        module.aligned(people, labels[::-1])
    with pytest.raises(AnalysisError, match="10000"):
        module.aligned(people, np.zeros(10001, dtype=int))


def test_two_answers_to_an_image_are_two_different_people(script, data_folder):
    module = script("behavior")
    counts = np.array([[2, 0], [1, 1], [1, 1]] * 500)
    first, second = module.one_answer(counts, 0)
    assert (first[0::3] == 0).all()
    assert (second[0::3] == 0).all()
    ones = np.arange(1500) % 3 > 0
    assert (first[ones] + second[ones] == 1).all()
    assert 0.4 < first[ones].mean() < 0.6


@pytest.mark.slow
def test_distortions_run_and_time_helps_undistorted_images(script, photographs, tmp_path):
    more = [
        "--images",
        "80",
        "--resamples",
        "20",
        "--nets",
        "cortex4",
        "--kinds",
        "rotation",
        "colour",
    ]
    assert script("behavior_distortions").main([*photographs, *more, "--out", str(tmp_path)]) == 0
    found = numbers(tmp_path, "behavior_distortions")
    rotated = found["nets"]["cortex4"]["rotation"]
    assert np.shape(rotated["accuracy"]) == (4, 9)
    assert rotated["accuracy"][0][4] > rotated["accuracy"][2][4]
    assert found["people"]["rotation"]["subjects"] == 4
    assert found["people"]["rotation"]["accuracy"][0] > 0.8


def test_accuracy_of_people_by_level_is_that_of_their_trials(script, data_folder):
    module = script("behavior_distortions")
    trials = neural.load("geirhos-behaviour")
    found = module.of_people(trials, "contrast")
    mine = (
        (trials.experiment == "contrast")
        & (trials.condition == "c10")
        & trials.label.isin(list(module.SAME))
        & (trials.subject == np.unique(trials.subject[trials.experiment == "contrast"])[1])
    )
    assert found["accuracy_each"][4, 1] == pytest.approx(
        float(trials.correct.values[mine.values].mean())
    )
    assert found["levels"][4] == 10


def test_streams_have_the_target_where_it_is_said_and_other_images_around(script):
    module = script("rsvp_features")
    for soa, steps in ((150.0, 6), (50.0, 2)):
        stream = module.Stream.of(soa, TimeAxis())
        assert stream.first == 300 / 25 + 1
        assert stream.frames.count("image") == steps
        assert "blank" not in stream.frames
        assert (len(stream.frames) - stream.first + 1) * 25 >= 400
        pictures = torch.arange(40.0)[:, None, None, None]
        frames = module.shown_stream(
            stream, pictures, np.array([3, 8]), rng=np.random.default_rng(0)
        )
        values = torch.stack(frames)[:, :, 0, 0, 0].numpy()
        for row, target in enumerate((3, 8)):
            at = np.flatnonzero(values[:, row] == target) + 1
            assert at.tolist() == list(range(stream.first, stream.first + steps))
            assert len(np.unique(values[:, row])) == stream.count


@pytest.mark.slow
def test_features_in_a_stream_run(script, photographs, legible, tmp_path):
    more = ["--budget", "smoke", "--resamples", "20", "--nets", "cortex4-twin"]
    assert script("rsvp_features").main([*photographs, *more, "--out", str(tmp_path)]) == 0
    found = numbers(tmp_path, "rsvp_features")
    eeg = found["people"]["SOA 150 ms"]
    assert (eeg["orientation"]["source_onset_ms"], eeg["contrast"]["source_peak_ms"]) == (92, 96)
    one = found["networks"]["cortex4-twin, SOA 50 ms"]
    assert len(one["size"]["V1"]) == 28
    assert one["colour"]["step"][0] == -1
    assert np.nanmax(np.array(one["orientation"]["accuracy"], dtype=float)) > 0.25
