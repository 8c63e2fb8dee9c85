"""What a masking experiment says: accuracy, d', masking effects, thresholds and disruption, with intervals over stimuli."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.detection import dprime
from cortexsim.analysis.statistics.draws import draw
from cortexsim.analysis.statistics.intervals import bounds, summary
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
    """Statistics of one network, with a dimension ``network`` of one.

    accuracy, dprime ``(lesion, mask, soa_ms, readout)``, mask ``none`` being the presentation without one; effect = accuracy(none) - accuracy(mask) of the
        same images; effect_change = effect - effect of the intact network; each with ``_interval (..., bound)``, percentiles over n resamples of stimuli, the
        same in all conditions, so that differences are paired.
    threshold_ms, slope, asymptote, threshold_status ``(lesion, mask, readout)``, threshold_interval: :func:`cortexsim.analysis.statistics.psychometric.threshold`.
    distance ``(lesion, mask, soa_ms, state, step)``: cosine distance of masked from unmasked states; distance_images: of unmasked states of different images.
    rdm_distance, decoding ``(mask, soa_ms, state, step)`` of the intact network, with intervals; decoding_p, decoding_null_high: permuted labels;
        decoding_guess: of the first stimuli, -1 where there is none.
    guess ``(lesion, mask, soa_ms, readout, stimulus)``: -1 where the last state is empty, and accuracy NaN.
    Raises AnalysisError for fewer than 20 resamples.
    """
    import xarray

    if n < LEAST or permutations < LEAST:
        raise AnalysisError(
            f"{n} resamples and {permutations} permutations tell nothing about an interval or a null; take at least {LEAST} of each"
        )
    d = answers.design
    rng = np.random.default_rng([seed, 2])
    counts = draw(rng, n, np.arange(len(answers.labels)), True, "stimulus")
    variables = (
        _answered(answers, counts)
        | _thresholds(answers, counts)
        | _disrupted(answers, counts, permutations, rng)
    )
    coords = {
        "network": [network], "lesion": list(answers.lesions), "mask": list(d.conditions), "soa_ms": [float(s) for s in d.soa_ms],
        "soa_steps": ("soa_ms", [d.soa_steps(s) for s in d.soa_ms]), "readout": list(answers.readouts), "state": answers.disruption[0].states,
        "step": np.arange(1, d.steps + 1), "time_ms": ("step", d.axis.time_ms(np.arange(1, d.steps + 1))), "bound": list(BOUNDS),
        "readout_ms": ("readout", d.axis.time_ms(np.array(answers.readouts))), "label": ("stimulus", answers.labels),
    }  # fmt: skip
    out = xarray.Dataset({k: (dims, v) for k, (dims, v) in variables.items()}, coords)
    out = xarray.Dataset(
        {k: v.expand_dims("network") for k, v in out.data_vars.items()}, out.coords
    )
    return out.assign_attrs(
        chance=1 / answers.classes, classes=answers.classes, n=len(answers.labels), resamples=n, permutations=permutations, seed=seed, mask_ms=d.mask_ms,
        mask_seed=d.seed, rdm_stimuli=answers.disruption[0].compared, rdm_resamples=RESAMPLES, rdm_comparator=COMPARATOR, decoder=ESTIMATOR,
        decoding_stimuli=answers.disruption[0].decoding, decoding_units=d.units, time_axis=json.dumps(d.axis.as_dict()),
        interval="95 %, percentiles over resamples of stimuli (the same in all conditions)",
        presentation="image on for the SOA; then blank (none), or the mask for mask_ms; frames: "
        + json.dumps({f"{c} {s:g}": d.frames(c, s) for c in d.conditions[:2] for s in d.soa_ms}),
    )  # fmt: skip


def resampled_share(right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of right answers in each resample: ``(..., stimulus)`` -> ``(resample, ...)``."""
    flat = right.reshape(-1, right.shape[-1]).astype(np.float32)
    return (counts.astype(np.float32) @ flat.T).reshape(
        len(counts), *right.shape[:-1]
    ) / right.shape[-1]


def _answered(answers: Answers, counts: np.ndarray) -> Variables:
    """Accuracy, d', masking effects and their changes by lesions."""
    dims = ("lesion", "mask", "soa_ms", "readout")
    guess, there = answers.guess, answers.guess[..., 0] != NO_ANSWER
    right = guess == answers.labels
    accuracy = np.where(there, right.mean(-1), np.nan)
    drawn = np.where(there, resampled_share(right, counts), np.nan)
    effect, drawn_effect = accuracy[:, :1] - accuracy, drawn[:, :, :1] - drawn
    change, drawn_change = effect - effect[:1], drawn_effect - drawn_effect[:, :1]
    d, interval = np.full(there.shape, np.nan), np.full((*there.shape, 2), np.nan)
    for at in map(tuple, np.argwhere(there)):
        d[at] = dprime(answers.labels, guess[at], answers.classes)
        interval[at] = bounds(dprime(answers.labels, guess[at], answers.classes, counts))
    return {
        "guess": ((*dims, "stimulus"), guess), "accuracy": (dims, accuracy), "accuracy_interval": ((*dims, "bound"), bounds(drawn)),
        "dprime": (dims, d), "dprime_interval": ((*dims, "bound"), interval), "effect": (dims, effect), "effect_interval": ((*dims, "bound"), bounds(drawn_effect)),
        "effect_change": (dims, change), "effect_change_interval": ((*dims, "bound"), bounds(drawn_change)),
    }  # fmt: skip


def _thresholds(answers: Answers, counts: np.ndarray) -> Variables:
    """Halfway SOAs of every lesion, mask and readout."""
    dims = ("lesion", "mask", "readout")
    guess, total = answers.guess, len(answers.labels)
    right = guess == answers.labels
    k, drawn = right.sum(-1), resampled_share(right, counts[:THRESHOLD_RESAMPLES]) * total
    shape = (k.shape[0], k.shape[1], k.shape[3])
    found = np.empty(shape, dtype=object)
    soa = np.array(answers.design.soa_ms)
    for lesion, mask, readout in np.ndindex(*shape):
        at = (lesion, mask, slice(None), readout)
        if (guess[at][:, 0] == NO_ANSWER).any():
            found[lesion, mask, readout] = Threshold(
                np.nan, (np.nan, np.nan), np.nan, np.nan, "no answer", np.nan
            )
            continue
        many = drawn[(slice(None), *at)]
        found[lesion, mask, readout] = threshold(
            soa,
            k[at],
            np.full(len(soa), total),
            1 / answers.classes,
            (many, np.full(many.shape, float(total))),
        )
    take = lambda name: np.vectorize(lambda t: getattr(t, name), otypes=[float])(found)  # noqa: E731
    interval = np.stack(
        [np.vectorize(lambda t, b=b: t.interval[b], otypes=[float])(found) for b in (0, 1)], axis=-1
    )
    status = np.vectorize(lambda t: t.status, otypes=[object])(found)
    return {
        "threshold_ms": (dims, take("threshold_ms")), "threshold_interval": ((*dims, "bound"), interval), "slope": (dims, take("slope")),
        "asymptote": (dims, take("asymptote")), "threshold_status": (dims, status),
    }  # fmt: skip


def _disrupted(
    answers: Answers, counts: np.ndarray, permutations: int, rng: np.random.Generator
) -> Variables:
    """Distances of states of every lesion; RDM distance and decoding of the intact network."""
    frames = ("soa_ms", "state", "step")
    far, other = [], []
    for one in answers.disruption:
        whole = np.concatenate(
            [np.where(np.isfinite(one.other), 0, np.nan)[None], one.cosine]
        )  # from itself: 0
        far.append(summary(whole, counts))
        other.append(summary(one.other, counts)[0])
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
    if found := intact.decoded(len(counts), permutations, rng):
        out |= {
            "decoding": (("mask", *frames), found["accuracy"]),
            "decoding_interval": (
                ("mask", *frames, "bound"),
                np.moveaxis(found["interval"], 0, -1),
            ),
            "decoding_null_high": (("mask", *frames), found["null_high"]),
            "decoding_p": (("mask", *frames), found["p"]),
            "decoding_guess": (("mask", *frames, "decoded"), found["guess"]),
        }
    return out


def describe_threshold(found: Any) -> str:
    """One line: the threshold with its interval, or why there is none."""
    if str(found.threshold_status.item()) != "ok":
        return f"no threshold ({found.threshold_status.item()})"
    low, high = (float(v) for v in found.threshold_interval.values)
    soa = found.soa_ms.values if "soa_ms" in found.coords else np.array([np.nan])
    lower = f"{low:.0f}" if low > 0 else f"below {np.min(soa):g}"
    upper = f"{high:.0f}" if np.isfinite(high) else f"above {np.max(soa):g}"
    return f"threshold {found.threshold_ms.item():.0f} ms [{lower}, {upper}]"
