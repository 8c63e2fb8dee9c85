"""What a masking experiment says: accuracy, d', effects, thresholds and disruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.detection import dprime
from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import mean_interval, percentile_interval
from cortexsim.analysis.statistics.psychometric import Threshold, threshold
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.design import NO_ANSWER
from cortexsim.experiments.mask.disruption import COMPARATOR, ESTIMATOR, RESAMPLES
from cortexsim.experiments.mask.run import Answers

if TYPE_CHECKING:
    import xarray

LEAST = 20  # resamples of which an interval can be made
THRESHOLD_RESAMPLES = 200
BOUNDS = ("lower", "upper")
Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


def masking_results(
    answers: Answers, *, network: str, n: int = 1000, permutations: int = 200, seed: int = 0
) -> xarray.Dataset:
    """Statistics of one network, with intervals over stimuli.

    Parameters
    ----------
    answers : Answers
        What was measured.
    network : str
        Its name.
    n : int
        Bootstrap resamples of stimuli.
    permutations : int
        Of labels, for the null of decoding.
    seed : int
        Of both.

    Returns
    -------
    Dataset
        With a dimension ``network`` of length 1:

        accuracy, dprime
            ``(lesion, mask, soa_ms, readout)``; mask ``none`` is the presentation without one.
        effect
            accuracy(none) - accuracy(mask) of the same images.
        effect_change
            effect - effect of the intact network.
        ..._interval
            ``(..., bound)``: percentiles over n resamples of stimuli, the same in all conditions,
            so that differences are paired.
        threshold_ms, slope, asymptote, threshold_status, threshold_interval
            ``(lesion, mask, readout)``: see
            :func:`cortexsim.analysis.statistics.psychometric.threshold`.
        distance
            ``(lesion, mask, soa_ms, state, step)``: cosine distance of masked from unmasked states.
        distance_images
            The same of unmasked states of different images.
        rdm_distance, decoding
            ``(mask, soa_ms, state, step)`` of the intact network, with intervals.
        decoding_p, decoding_null_high
            Of permuted labels.
        decoding_guess
            Of the first stimuli, -1 where there is none.
        guess
            ``(lesion, mask, soa_ms, readout, stimulus)``: -1 where the last state is empty, and
            accuracy NaN.

    Raises
    ------
    AnalysisError
        For fewer than 20 resamples.
    """
    import xarray

    if n < LEAST or permutations < LEAST:
        raise AnalysisError(
            f"{n} resamples and {permutations} permutations tell nothing about an interval or a "
            f"null; take at least {LEAST} of each"
        )
    d = answers.design
    rng = np.random.default_rng([seed, 2])
    counts = draw(rng, n, np.arange(len(answers.labels)), True, "stimulus")
    variables = (
        _answered(answers, counts)
        | _thresholds(answers, counts)
        | _disrupted(answers, counts, permutations=permutations, rng=rng)
    )
    coords = {
        "network": [network],
        "lesion": list(answers.lesions),
        "mask": list(d.conditions),
        "soa_ms": [float(s) for s in d.soa_ms],
        "soa_steps": ("soa_ms", [d.soa_steps(s) for s in d.soa_ms]),
        "readout": list(answers.readouts),
        "state": answers.disruption[0].states,
        "step": np.arange(1, d.steps + 1),
        "time_ms": ("step", d.axis.time_ms(np.arange(1, d.steps + 1))),
        "bound": list(BOUNDS),
        "readout_ms": ("readout", d.axis.time_ms(np.array(answers.readouts))),
        "label": ("stimulus", answers.labels),
    }
    out = xarray.Dataset({k: (dims, v) for k, (dims, v) in variables.items()}, coords)
    out = xarray.Dataset(
        {k: v.expand_dims("network") for k, v in out.data_vars.items()}, out.coords
    )
    return out.assign_attrs(
        chance=1 / answers.classes,
        classes=answers.classes,
        n=len(answers.labels),
        resamples=n,
        permutations=permutations,
        seed=seed,
        mask_ms=d.mask_ms,
        mask_seed=d.seed,
        rdm_stimuli=answers.disruption[0].compared,
        rdm_resamples=RESAMPLES,
        rdm_comparator=COMPARATOR,
        decoder=ESTIMATOR,
        decoding_stimuli=answers.disruption[0].decoding,
        decoding_units=d.units,
        time_axis=json.dumps(d.axis.as_dict()),
        interval="95 %, percentiles over resamples of stimuli (the same in all conditions)",
        presentation="image on for the SOA; then blank (none), or the mask for mask_ms; frames: "
        + json.dumps({f"{c} {s:g}": d.frames(c, s) for c in d.conditions[:2] for s in d.soa_ms}),
    )


def resampled_share(right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of right answers in each resample: ``(..., stimulus)`` -> ``(resample, ...)``."""
    flat = right.reshape(-1, right.shape[-1]).astype(np.float32)
    return (counts.astype(np.float32) @ flat.T).reshape(
        len(counts), *right.shape[:-1]
    ) / right.shape[-1]


def bounds(draws: np.ndarray) -> np.ndarray:
    """The 95 % percentile interval ``(..., bound)`` of resamples ``(resample, ...)``."""
    return np.moveaxis(percentile_interval(draws), 0, -1)


def _answered(answers: Answers, counts: np.ndarray) -> Variables:
    """Accuracy, d', masking effects and their changes by lesions."""
    dims = ("lesion", "mask", "soa_ms", "readout")
    guess, answered = answers.guess, answers.guess[..., 0] != NO_ANSWER
    right = guess == answers.labels
    accuracy = np.where(answered, right.mean(-1), np.nan)
    drawn = np.where(answered, resampled_share(right, counts), np.nan)
    effect, drawn_effect = accuracy[:, :1] - accuracy, drawn[:, :, :1] - drawn
    change, drawn_change = effect - effect[:1], drawn_effect - drawn_effect[:, :1]
    d, interval = np.full(answered.shape, np.nan), np.full((*answered.shape, 2), np.nan)
    for at in map(tuple, np.argwhere(answered)):
        d[at] = dprime(answers.labels, guess[at], answers.classes)
        interval[at] = bounds(dprime(answers.labels, guess[at], answers.classes, counts))
    return {
        "guess": ((*dims, "stimulus"), guess),
        "accuracy": (dims, accuracy),
        "accuracy_interval": ((*dims, "bound"), bounds(drawn)),
        "dprime": (dims, d),
        "dprime_interval": ((*dims, "bound"), interval),
        "effect": (dims, effect),
        "effect_interval": ((*dims, "bound"), bounds(drawn_effect)),
        "effect_change": (dims, change),
        "effect_change_interval": ((*dims, "bound"), bounds(drawn_change)),
    }


def _thresholds(answers: Answers, counts: np.ndarray) -> Variables:
    """Halfway SOAs of every lesion, mask and readout."""
    dims = ("lesion", "mask", "readout")
    guess, total = answers.guess, len(answers.labels)
    right = guess == answers.labels
    k, drawn = right.sum(-1), resampled_share(right, counts[:THRESHOLD_RESAMPLES]) * total
    shape = (k.shape[0], k.shape[1], k.shape[3])
    thresholds = np.empty(shape, dtype=object)
    soa = np.array(answers.design.soa_ms)
    for lesion, mask, readout in np.ndindex(*shape):
        at = (lesion, mask, slice(None), readout)
        if (guess[at][:, 0] == NO_ANSWER).any():
            thresholds[lesion, mask, readout] = Threshold(
                np.nan, (np.nan, np.nan), np.nan, np.nan, "no answer", np.nan
            )
            continue
        many = drawn[(slice(None), *at)]
        thresholds[lesion, mask, readout] = threshold(
            soa,
            k[at],
            np.full(len(soa), total),
            chance=1 / answers.classes,
            resampled=(many, np.full(many.shape, float(total))),
            simulated=0,  # the answers are to the same images at every SOA
        )

    def of_each(read: Callable[[Threshold], Any], dtype: type = float) -> np.ndarray:
        return np.vectorize(read, otypes=[dtype])(thresholds)

    interval = np.stack(
        [of_each(lambda t: t.interval[0]), of_each(lambda t: t.interval[1])], axis=-1
    )
    return {
        "threshold_ms": (dims, of_each(lambda t: t.threshold_ms)),
        "threshold_interval": ((*dims, "bound"), interval),
        "slope": (dims, of_each(lambda t: t.slope)),
        "asymptote": (dims, of_each(lambda t: t.asymptote)),
        "threshold_status": (dims, of_each(lambda t: t.status, object)),
    }


def _disrupted(
    answers: Answers, counts: np.ndarray, *, permutations: int, rng: np.random.Generator
) -> Variables:
    """Distances of states of every lesion; RDM distance and decoding of the intact network."""
    frames = ("soa_ms", "state", "step")
    far, other = [], []
    for disruption in answers.disruption:
        # From itself: 0.
        nothing = np.where(np.isfinite(disruption.other), 0, np.nan)
        whole = np.concatenate([nothing[None], disruption.cosine])
        far.append(mean_interval(whole, counts))
        other.append(mean_interval(disruption.other, counts)[0])
    intact = answers.disruption[0]
    out: Variables = {
        "distance": (("lesion", "mask", *frames), np.stack([m for m, _ in far])),
        "distance_interval": (
            ("lesion", "mask", *frames, "bound"),
            np.stack([np.moveaxis(i, 0, -1) for _, i in far]),
        ),
        "distance_images": (("lesion", *frames), np.stack(other)),
    }
    if intact.compared:
        none = np.where(np.isfinite(intact.other[..., 0]), 0.0, np.nan)
        rdm = np.concatenate([none[None], intact.rdm])
        interval = np.concatenate([np.stack([none, none])[:, None], intact.rdm_interval], axis=1)
        out |= {
            "rdm_distance": (("mask", *frames), rdm),
            "rdm_distance_interval": (("mask", *frames, "bound"), np.moveaxis(interval, 0, -1)),
        }
    if decoded := intact.decoded(len(counts), permutations, rng):
        out |= {
            "decoding": (("mask", *frames), decoded["accuracy"]),
            "decoding_interval": (
                ("mask", *frames, "bound"),
                np.moveaxis(decoded["interval"], 0, -1),
            ),
            "decoding_null_high": (("mask", *frames), decoded["null_high"]),
            "decoding_p": (("mask", *frames), decoded["p"]),
            "decoding_guess": (("mask", *frames, "decoded"), decoded["guess"]),
        }
    return out


def describe_threshold(course: Any) -> str:
    """One line: the threshold with its interval, or why there is none."""
    if str(course.threshold_status.item()) != "ok":
        return f"no threshold ({course.threshold_status.item()})"
    low, high = (float(v) for v in course.threshold_interval.values)
    soa = course.soa_ms.values if "soa_ms" in course.coords else np.array([np.nan])
    lower = f"{low:.0f}" if low > 0 else f"below {np.min(soa):g}"
    upper = f"{high:.0f}" if np.isfinite(high) else f"above {np.max(soa):g}"
    return f"threshold {course.threshold_ms.item():.0f} ms [{lower}, {upper}]"
