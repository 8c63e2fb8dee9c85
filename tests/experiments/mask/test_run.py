"""The masking experiment: exact zeros before a mask can have arrived, streaming, refusals."""

import dataclasses

import numpy as np
import pytest
import torch

from cortexsim.errors import AnalysisError, CalibrationError, StimulusError
from cortexsim.experiments.mask.design import Design
from cortexsim.experiments.mask.disruption import cosine_distance
from cortexsim.experiments.mask.results import masking_results
from cortexsim.experiments.mask.run import batches, class_numbers, run_masking, side_by_side
from cortexsim.models import State, adjacent, calibrate, load
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.stimuli.images import Preprocessing, Stimuli
from cortexsim.stimuli.trials import Masker

SOA = np.array([25.0, 50, 75, 100, 150, 200])


@pytest.fixture(scope="module")
def net() -> Network:
    """A small net with fresh weights and two states, statistics up to step 7."""
    graph = adjacent([State("V1", 16, 4), State("IT", 8, 6)])
    small = Network(Spec(graph, readout=(5,), classes=4), seed=0)
    return calibrate(
        small, torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)), 7
    )


@pytest.fixture(scope="module")
def stimuli() -> Stimuli:
    rng = np.random.default_rng(0)
    y = np.arange(41) % 4
    x = np.clip(rng.normal(60 + 40 * y[:, None, None, None], 40, (41, 16, 16, 3)), 0, 255).astype(
        np.uint8
    )
    return Stimuli("made", tuple(f"s{i}" for i in range(41)), tuple(map(str, y)), x)


PREPROCESSING = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)


DESIGN = Design(
    (25, 50, 75, 100), ("phase", "white"), steps=7, batch_size=9, compared=12, decoded=30, units=16
)


def run(net, stimuli, design=DESIGN, lesions=()):
    nets = {"none": net} | {name: net.lesioned(name) for name in lesions}
    labels = class_numbers(stimuli.labels, ["a", "b", "c", "d"])
    return run_masking(
        nets,
        stimuli,
        labels,
        preprocessing=PREPROCESSING,
        masks=Masker(stimuli, net, PREPROCESSING, seed=design.seed),
        design=design,
    )


@pytest.fixture(scope="module")
def answers(net, stimuli):
    return run(net, stimuli, lesions=("feedback",))


def test_batches_cover_every_stimulus_once_and_leave_none_alone():
    for n in range(2, 60):
        parts = list(batches(n, DESIGN))
        assert [i for a, b in parts for i in range(a, b)] == list(range(n))
        assert min(b - a for a, b in parts) > 1


def test_answers_are_those_of_the_network_shown_the_frames_by_hand(net, stimuli, answers):
    masks = Masker(stimuli, seed=0)("white", range(5))
    image, mask = (PREPROCESSING(list(v)) for v in (stimuli.source[:5], masks))
    with torch.inference_mode():
        expected = net.readouts([image, image, mask, mask, mask, mask, mask], at=answers.readouts)
        alone = net.readouts([image, image], at=answers.readouts)
    for k, t in enumerate(answers.readouts):
        np.testing.assert_array_equal(answers.guess[0, 2, 1, k, :5], expected[t].argmax(1))
        np.testing.assert_array_equal(answers.guess[0, 0, 1, k, :5], alone[t].argmax(1))


@pytest.mark.slow
def test_batches_do_not_change_what_is_measured(net, stimuli, answers):
    again = run(net, stimuli, dataclasses.replace(DESIGN, batch_size=20), ("feedback",))
    np.testing.assert_array_equal(again.guess, answers.guess)
    np.testing.assert_allclose(again.disruption[0].cosine, answers.disruption[0].cosine, atol=1e-6)


def test_nothing_differs_until_the_mask_can_have_arrived_and_then_it_does(answers):
    d = answers.disruption[0]
    for s, soa in enumerate(DESIGN.soa_ms):
        for k in range(2):
            arrives = DESIGN.soa_steps(soa) + 1 + k  # step; one more for each state on the way
            before = np.s_[:, s, k, k : arrives - 1]
            assert (d.cosine[before] == 0).all()
            assert (d.rdm[before] == 0).all()
            assert (d.cosine[:, s, k, arrives - 1] > 0).all()
            assert (d.rdm[:, s, k, arrives - 1] > 0).all()
    result = masking_results(answers, network="made", n=40, permutations=20).isel(network=0)
    assert (result.effect.sel(mask="none") == 0).all()
    same = result.decoding.sel(mask="white", soa_ms=100, step=slice(1, 4)) - result.decoding.sel(
        mask="none", soa_ms=100, step=slice(1, 4)
    )
    assert (same.fillna(0) == 0).all()


def test_a_mask_that_shows_the_image_again_differs_from_a_blank_but_not_from_a_longer_image(
    net, stimuli
):
    """The unmasked presentation of 7 steps, and that of 4 followed by the image as mask, are one
    presentation: all distances are 0.
    """
    image = PREPROCESSING(list(stimuli.source[:4]))
    whole = dict(net.unroll([image] * 7, 7))
    with torch.inference_mode():
        for step, (blank, again) in side_by_side(
            net,
            dataclasses.replace(DESIGN, masks=("phase",)),
            100,
            shown={"none": image, "phase": image},
        ):
            for name, x in again.items():
                assert (cosine_distance(x.flatten(1), whole[step][name].flatten(1)) == 0).all()
            if step > 4:
                assert (cosine_distance(blank["V1"].flatten(1), again["V1"].flatten(1)) > 0).all()


def test_results_add_up(answers):
    r = masking_results(answers, network="made", n=60, permutations=20).isel(network=0)
    share = (r.guess == r.label).mean("stimulus")
    np.testing.assert_allclose(r.accuracy.transpose(*share.dims), share)
    np.testing.assert_allclose(
        r.effect, (r.accuracy.sel(mask="none") - r.accuracy).transpose(*r.effect.dims)
    )
    np.testing.assert_allclose(
        r.effect_change.sel(lesion="feedback"),
        r.effect.sel(lesion="feedback") - r.effect.sel(lesion="none"),
    )
    assert (r.effect_change.sel(lesion="none") == 0).all()
    inside = (r.accuracy_interval.sel(bound="lower") <= r.accuracy) & (
        r.accuracy <= r.accuracy_interval.sel(bound="upper")
    )
    assert float(inside.mean()) == 1
    again = masking_results(answers, network="made", n=60, permutations=20).isel(network=0)
    assert r.drop_attrs().identical(again.drop_attrs())


def test_paired_intervals_are_those_of_a_bootstrap_by_hand(answers):
    r = masking_results(answers, network="made", n=400, permutations=20).isel(network=0, lesion=0)
    one = r.sel(mask="white", soa_ms=25).isel(readout=-1)
    right = (r.guess.isel(readout=-1).sel(soa_ms=25) == r.label).values.astype(float)
    names = list(r["mask"].values)
    d = right[names.index("none")] - right[names.index("white")]
    rng = np.random.default_rng(9)
    by_hand = np.percentile([rng.choice(d, len(d)).mean() for _ in range(4000)], [2.5, 97.5])
    np.testing.assert_allclose(one.effect_interval, by_hand, atol=0.06)


@pytest.mark.slow
def test_an_area_that_carries_no_label_is_not_decoded_above_its_null(net, stimuli):
    rng = np.random.default_rng(3)
    shuffled = dataclasses.replace(stimuli, labels=tuple(rng.permutation(stimuli.labels)))
    d = run(net, shuffled).disruption[0].decoded(40, 200, np.random.default_rng(0))
    p = d["p"][np.isfinite(d["p"])]
    assert (p < 0.01).mean() < 0.1
    dark_and_bright = run(
        net, stimuli.select([i for i in range(41) if i % 4 in (0, 3)])
    ).disruption[0]
    true = dark_and_bright.decoded(40, 200, np.random.default_rng(0))
    assert true["p"][0, 0, 0, 0] < 0.01
    assert true["accuracy"][0, 0, 0, 0] > 0.75


def test_a_feed_forward_net_has_no_answer_once_the_image_is_gone(stimuli):
    twin = load("cortex4-twin")
    twin.checks_images = False  # its images are normalised as those of the small network
    x = np.repeat(np.repeat(stimuli.source[:12], 2, axis=1), 2, axis=2)
    large = Stimuli("made", stimuli.ids[:12], stimuli.labels[:12], x)
    design = Design((25, 50), ("phase",), steps=8, compared=0, decoded=0)
    pre = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    out = run_masking(
        {"none": twin},
        large,
        class_numbers(large.labels, twin.card["classes"]),
        preprocessing=pre,
        masks=Masker(large, twin, pre),
        design=design,
    )
    r = masking_results(out, network="twin", n=20, permutations=20).isel(network=0, lesion=0)
    answered = r.accuracy.sel(mask="none").notnull()
    assert answered.sel(soa_ms=25).values.tolist() == [t == 4 for t in r.readout.values]
    assert answered.sel(soa_ms=50).values.tolist() == [t in (4, 5) for t in r.readout.values]
    assert float(r.effect.sel(readout=4, soa_ms=50).max()) == 0
    assert (
        r.threshold_status.values.ravel().tolist().count("too few SOAs")
        + r.threshold_status.values.ravel().tolist().count("no answer")
        == r.threshold_status.size
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"soa_ms": (30.0,)}, "nearest: 25 or 50"),
        ({"soa_ms": (50.0, 25.0)}, "ascending"),
        ({"soa_ms": (25.0, 30.0), "round_to_steps": True}, "step of its own"),
        ({"masks": ("none",)}, "always shown"),
        ({"masks": ()}, "at least one"),
        ({"compared": 3}, "too small"),
        ({"mask_ms": 30.0}, "nearest: 25 or 50"),
    ],
)
def test_designs_that_make_no_sense_are_refused(change, text):
    with pytest.raises(StimulusError, match=text):
        dataclasses.replace(DESIGN, **change)


def test_runs_that_cannot_show_an_effect_are_refused(net, stimuli):
    with pytest.raises(
        AnalysisError, match=r"reaches the readout of this network at step 9.*SOAs up to 125"
    ):
        dataclasses.replace(DESIGN, soa_ms=(175.0,)).readouts(net)
    with pytest.raises(AnalysisError, match="without feed-forward; run more steps"):
        run(net, stimuli, lesions=("feed-forward",))
    with pytest.raises(AnalysisError, match="nothing reaches"):
        Design((25,), ("white",), steps=1).readouts(net)


def test_steps_without_statistics_and_answers_that_are_no_number_are_refused(net, stimuli):
    with pytest.raises(CalibrationError, match="calibrate"):
        run(net, stimuli, dataclasses.replace(DESIGN, steps=9))
    import copy

    broken = copy.deepcopy(net)
    broken.post_net.statistics.mean[4] = float("nan")
    with pytest.raises(CalibrationError, match="redo=True"):
        run(broken, stimuli)


def test_labels_must_be_classes():
    with pytest.raises(AnalysisError, match="no label"):
        class_numbers(["a", ""], ["a", "b"])
    with pytest.raises(AnalysisError, match="owl are no classes"):
        class_numbers(["a", "owl"], ["a", "b"])


def test_decoding_needs_two_of_each_class(net, stimuli):
    few = stimuli.select([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12])
    lonely = dataclasses.replace(few, labels=("3", *["0", "1"] * 5))
    with pytest.raises(AnalysisError, match="decoded 0"):
        masking_results(run(net, lonely), network="made", n=20, permutations=20)


def test_another_image_as_a_mask_comes_from_the_table(net, stimuli):
    out = run(net, stimuli, dataclasses.replace(DESIGN, masks=("image",), soa_ms=(25,)))
    assert (out.guess >= 0).all()
    assert (out.disruption[0].cosine[0, 0, 0, 1] > 0).all()
