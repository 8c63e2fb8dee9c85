"""How each number of quantities.py is computed: one training in, one number out.

By the code of its figure, at the states and steps that the figure reports; images, brains and what
several numbers of one training need are in Shared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from shared.quantities import Shared

NETS = ("cortex4", "cortex4-twin")
LEAST_DRAWS = 20
"""Resamples where a function asks for some and only its estimate is used."""


def accuracy(name: str, shared: Shared) -> float:
    """Of the card, at the trained readout."""
    from cortexsim import load

    return 100 * (1 - load(name).card["test_error"])


def v4_neurons(name: str, shared: Shared) -> float:
    """Neurons of V4 from V4, one step after its first (twin: at its first)."""
    import v4_encoding as v4

    from cortexsim import load

    frame = v4.OTHERS["twin"] if name.startswith(NETS[1]) else v4.OURS
    x = v4.patterns(load(name), shared.brain("cowley-v4").image.values, frame)
    config = v4.EncodingConfig(resamples=LEAST_DRAWS)
    return float(
        v4.fitted(
            v4.as_wide_as_long(x), shared.neurons, config, null=False
        ).median_r_noise_corrected
    )


def human_it(name: str, shared: Shared) -> Any:
    """Similarity of IT to human IT of 15 subjects, by step."""
    import rsa_timecourse as rsa

    import cortexsim
    from cortexsim.analysis import Inference, evaluate, rdm_movie
    from cortexsim.experiments.compare.brain import target
    from cortexsim.experiments.compare.recorded import aligned
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.recording import Settings

    def similarity() -> Any:
        brain, net = shared.brain("cichy92-fmri"), cortexsim.load(name)
        shared.brain("kriegeskorte92")
        stimuli = stimuli_named("kriegeskorte92", limit=None)
        settings = Settings(steps=rsa.STEPS, states=("IT",))
        recording = cortexsim.record_network(net, stimuli, settings=settings)
        movie = aligned(rdm_movie(recording, measure="correlation"), brain)
        return evaluate(
            movie.rdm,
            target(brain, "rdm", "IT"),
            comparator=rsa.COMPARATOR,
            inference=Inference(resample=("condition",), n=LEAST_DRAWS, rng=0, samples=True),
        )

    return shared.of_net("human IT", similarity)


def human_it_at_readout(name: str, shared: Shared) -> float:
    """At the trained readout step."""
    from cortexsim import load

    return float(human_it(name, shared).evaluation.sel(model="IT", step=load(name).readout))


def human_it_slope(name: str, shared: Shared) -> float:
    """The growth of that similarity with time."""
    import rsa_timecourse as rsa

    return float(rsa.slopes(human_it(name, shared))["IT"]["slope"])


def masked(name: str, shared: Shared) -> Any:
    """The test images with and without a phase-scrambled mask after one step, states decoded."""
    from shared.masking_runs import MASKS, Budget, experiment, training_images

    def under_mask() -> Any:
        budget = Budget(shared.config.shown, 0, 0, (1,), LEAST_DRAWS, shared.config.calibration)
        stimuli = flashed(shared)
        return experiment(
            name,
            stimuli,
            budget,
            masks=MASKS[:1],
            calibration=training_images(shared.images, budget),
            compared=LEAST_DRAWS,
            decoded=len(stimuli),
        )

    return shared.of_net("mask", under_mask)


def flashed(shared: Shared) -> Any:
    """The test images of masking.py and predictions.py."""
    from shared.masking_runs import test_images

    return test_images(shared.images, shared.config.shown)


def mask_at(readout: int) -> Callable[[str, Shared], float]:
    """What the mask costs at a readout step."""

    def measure(name: str, shared: Shared) -> float:
        from shared.masking_losses import losses
        from shared.masking_runs import MASKS, SEED

        found = losses(masked(name, shared), MASKS[0], n=LEAST_DRAWS, seed=SEED)
        return 100 * float(found["loss"][list(found["readout_steps"]).index(readout)])

    return measure


def mask_on_it(name: str, shared: Shared) -> float:
    """What the mask costs a linear decoder of IT at step 12."""
    import predictions

    rows = predictions.disrupted(name, masked(name, shared), LEAST_DRAWS)
    return 100 * next(float(row["effect"]) for row in rows if row["what"] == "IT")


def movement_of_it(name: str, shared: Shared) -> float:
    """Cosine distance of IT from its first response, beyond what predictions.py neglects."""
    import predictions

    rows = predictions.dynamics(name, flashed(shared), LEAST_DRAWS)
    moved = next(float(row["effect"]) for row in rows if row["what"] == "IT")
    return moved - predictions.NEGLIGIBLE


def rise(which: int) -> Callable[[str, Shared], float]:
    """Accuracy after a flash: step 4 to 8, or 8 to 12."""

    def measure(name: str, shared: Shared) -> float:
        import predictions

        rows = predictions.rising(name, masked(name, shared), flashed(shared), n=LEAST_DRAWS)
        return 100 * float(rows[which]["effect"])

    return measure


def answers(name: str, shared: Shared) -> Any:
    """Probabilities by readout step, with people's counts and the labels."""
    import behavior

    from cortexsim import load

    def computed() -> Any:
        count = shared.config.images
        x, y = shared.images.test_x[:count], shared.images.test_y[:count].numpy()
        said = behavior.own_readout(load(name), x).sel(step=[load(name).readout])
        return said, behavior.aligned(shared.brain("cifar10h"), y), y

    return shared.of_net("answers", computed)


def cross_entropy_with_people(name: str, shared: Shared) -> float:
    """At the trained readout step."""
    from cortexsim.analysis import Inference, cross_entropy

    inference = Inference(n=LEAST_DRAWS, rng=0)
    found = cross_entropy(*answers(name, shared), inference=inference)
    return float(found.cross_entropy.squeeze())


def difficulty_with_people(name: str, shared: Shared) -> float:
    """Which images of a class are hard, on the scale of probabilities."""
    from cortexsim.analysis import Inference, image_consistency

    inference = Inference(n=LEAST_DRAWS, rng=0)
    found = image_consistency(*answers(name, shared), metric="i1n", inference=inference)
    return float(found.rate_value.squeeze())


def distance_from_deadlines(name: str, shared: Shared) -> float:
    """Of accuracy by step from people's by deadline, at the best mapping."""
    import speed_accuracy as speed

    people = shared.people_at_deadlines
    config = speed.SpeedConfig(images=shared.config.shown)
    classes = speed.classes_of(shared.images, people)
    one = speed.answers_of(name, shared.images, classes, config)[name]
    return 100 * float(speed.fit(people.accuracy(), one, people, None).rmse)


def distorted(name: str, shared: Shared) -> Any:
    """Accuracy by distortion, level and step, and what time does at each level."""
    import behavior_distortions as distortions

    from cortexsim import load

    config = distortions.DistortionsConfig(images=shared.config.shown // 2, resamples=LEAST_DRAWS)
    return shared.of_net(
        "distorted", lambda: distortions.of_network(load(name), shared.images, config)
    )


def accuracy_distorted(name: str, shared: Shared) -> float:
    """At the trained readout step; mean over distortions of the mean over all but their first
    level.
    """
    found = distorted(name, shared).values()
    at = [one["steps"].index(one["early_late_steps"][1]) for one in found]
    return 100 * float(np.mean([one["accuracy"][1:, k].mean() for one, k in zip(found, at)]))


def gain_distorted(scale: str) -> Callable[[str, Shared], float]:
    """What time adds to distorted images less what it adds to those of the first level, averaged
    alike.
    """

    def measure(name: str, shared: Shared) -> float:
        found = [
            one["interaction_with_the_first_level"] for one in distorted(name, shared).values()
        ]
        mean = float(np.mean([np.mean([level[scale] for level in one]) for one in found]))
        return 100 * mean if scale == "interaction" else mean

    return measure


def orientation_in_stream(name: str, shared: Shared) -> float:
    """Orientation told from V1, mean over the steps of a grating in a stream of 150 ms each."""
    import rsvp_features as rsvp

    import cortexsim
    from cortexsim.timeaxis import TimeAxis

    axis, soa = TimeAxis(), rsvp.SOAS_MS[0]
    told = rsvp.of_network(
        cortexsim.load(name),
        shared.brain("grootswagers-eeg"),
        shared.images,
        soa_ms=soa,
        axis=axis,
        config=rsvp.RsvpConfig(resamples=LEAST_DRAWS),
        states=("V1",),
        features=("orientation",),
    )["decoding"]["orientation"]
    steps = range(1, round(soa / axis.step_ms) + 1)
    return 100 * float(told.accuracy.sel(state="V1", step=list(steps)).mean())
