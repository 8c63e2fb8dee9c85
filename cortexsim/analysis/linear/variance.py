"""Variance partitioning: what one set of patterns explains that another does not.

For example step 8 beyond the first pass.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.grid import coordinates_of, on_grid, without_absent_axes
from cortexsim.analysis.linear.patterns import Patterns
from cortexsim.analysis.linear.plan import FACTORS, Plan, groups_of, plan_of, torch_device
from cortexsim.analysis.linear.responses import Responses, responses_of
from cortexsim.analysis.linear.ridge import two_bands
from cortexsim.analysis.linear.scores import Held, errors, explained, finite_mean
from cortexsim.analysis.linear.settings import Regression, projector, reduction
from cortexsim.analysis.linear.splits import permutations_of
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import places
from cortexsim.progress import bar as progress_bar
from cortexsim.provenance import provenance
from cortexsim.shapes import Float
from cortexsim.threads import free_threads

if TYPE_CHECKING:
    import torch
    import xarray

# Weights of the two kernels that are tried for each unit; with the ends, both together need not be
# worse than one.
MIXES = np.array([[w, 1 - w] for w in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)])
ONLY = {"a": MIXES[-1:], "b": MIXES[:1], "both": MIXES}
SHUFFLES = 3  # of the rows of a and of b, for the bias, unless others are asked for
PARTS = ("r2_a", "r2_b", "r2_both", "unique_a", "unique_b", "shared")
TEXT = {
    "equation": "unique_a = R2(a, b) - R2(b); unique_b = R2(a, b) - R2(a); "
    "shared = R2(a) + R2(b) - R2(a, b); R2 on held-out stimuli",
    "bias": "bias_unique_a = mean of R2(a, b') - R2(b') - R2(a), b' the patterns of b with their "
    "stimuli permuted, which tell nothing; bias_unique_b alike, with a permuted",
    "interval_text": "percentiles of the mean over units; the fits are not repeated",
}


@clear_errors
def partition(
    a: Any,
    b: Any,
    responses: Any,
    *,
    regression: Regression = Regression(),
    cv: CrossValidation = CrossValidation(),
    inference: Inference = Inference(),
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    progress: bool = False,
) -> xarray.Dataset:
    """Held-out R2 of two sets of patterns and of both together, and its parts, unit by unit.

        unique_a = R2(a, b) - R2(b)
        unique_b = R2(a, b) - R2(a)
        shared = R2(a) + R2(b) - R2(a, b)

    Both together are fitted by banded ridge, a penalty for each set: the mix of the two kernels and
    the penalty are chosen for each unit on inner folds. A set that tells nothing still costs
    held-out R2, which is then below 0, and what the other set explains of its own seems so much
    larger. How much is said beside it, from sets that tell nothing by construction, b' being b with
    its stimuli permuted, and a' likewise:

        bias_unique_a = mean of R2(a, b') - R2(b') - R2(a)
        bias_unique_b = mean of R2(a', b) - R2(a') - R2(b)

    Nothing is subtracted.

    Parameters
    ----------
    a : array of shape (stimulus, feature), or what ``encode`` takes as features
        One frame, e.g. ``recording["IT"].activation.sel(step=4)``, the first pass.
    b : what ``encode`` takes as features
        Each state and step of it is compared with a.
    responses : array of shape (stimulus, unit), or DataArray
        As in ``encode``.
    regression : Regression
        ``alphas``, ``device``, and ``reduce``, of which only ``projection:K``.
    cv : CrossValidation
        As in ``encode``.
    inference : Inference
        ``resample`` (stimulus and unit) and ``n`` (1000), as in ``encode``; ``permutations``
        (3) of the stimuli of each set for the bias; each costs two fits of both sets, 0 leaves the
        bias out.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.
    progress : bool
        Show a bar.

    Returns
    -------
    Dataset
        By (state, step, time_ms, unit), less the axes that the inputs do not have: r2_a, r2_b,
        r2_both, unique_a, unique_b, shared; over units (the mean, so that the parts add up):
        mean_over_units ``(part, ...)`` and its bootstrap interval ``(bound, part, ...)``, and
        bias_unique_a and bias_unique_b, of their means. R2 is
        of held-out stimuli, so that a part can be below 0 by chance, and it is not corrected for
        noise.

    Raises
    ------
    AnalysisError
        As ``encode`` does.

    References
    ----------
    Borcard et al. 1992 (parts); Dupre la Tour et al. 2022 (banded ridge, solved by himalaya).

    Examples
    --------
    A third of the variance each:

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200, 3))
    >>> y = a[:, :1] + b[:, :1] + rng.normal(size=(200, 10))
    >>> parts = partition(a, b, y, inference=Inference(n=100, permutations=3))
    >>> found = parts.mean_over_units.sel(part=["unique_a", "unique_b", "shared"])
    >>> bool((abs(found.values - [1 / 3, 1 / 3, 0]) < 0.1).all())
    True
    >>> bool(abs(parts.bias_unique_a) < 0.05)
    True
    """

    asked = settled(inference, "partition", resample=FACTORS, n=1000, permutations=SHUFFLES)
    first, x = frames(a), frames(b, states, steps)
    if len(first.all()) != 1 or "step" not in (first.axis, x.axis) or x.axis != "step":
        raise AnalysisError(
            f"a has {len(first.all())} frames by {first.axis}, b is by {x.axis}; a must be one "
            "state at one step, b by step"
        )
    if reduction(regression.reduce)[0] == "pca":
        raise AnalysisError(
            f"partition cannot reduce to {regression.reduce!r}; choose from projection:K, None"
        )
    if regression.method != "ridge":
        raise AnalysisError(
            f"partition is by banded ridge, not by {regression.method!r}; leave the method out"
        )
    index = places(replace(first.items, what="features a"), replace(x.items, what="features b"))
    stated = None if _single(responses) else 1.0
    y = responses_of(responses, stated, asked.rng, like=first.items)
    # R2 has no unit, but himalaya's solver takes what is small for nothing: tesla, say.
    y = replace(y, values=y.values / np.abs(y.values).max())
    device = torch_device(regression.device)
    plan = plan_of(y, regression, cv, inference=replace(asked, permutations=0))
    project = projector(regression.reduce, asked.rng)
    orders = permutations_of(groups_of(y, cv), asked.permutations, asked.rng)
    with free_threads():
        measure = _Partition(
            project(first.frame(*first.all()[0])), y, plan, orders=orders, device=device
        )
    by_frame = {}
    for s, t in progress_bar(x.all(), doing="partitioning", unit="frames", shown=progress):
        frame = x.frame(s, t)
        frame = frame if index is None else frame[index]
        with free_threads():
            by_frame[s, t] = measure.of(project(frame), x.where(s, t))
    settings = {
        "splits": cv.splits,
        "folds": len(plan.splits),
        "inner_folds": int(cv.inner_folds),
        "alphas": json.dumps(plan.settings.alphas.tolist()),
        "mixes": json.dumps(MIXES.tolist()),
        "reduce": regression.reduce or "none",
        "resample": ", ".join(plan.factors) or "none",
        "n": len(plan.counts) if plan.factors else 0,
        "permutations": len(orders),
        "confidence": asked.confidence,
        "stimuli": x.count,
        "seed": asked.seed,
        "device": str(device),
        **TEXT,
        "provenance": json.dumps(provenance("xarray", "himalaya")),
    }
    return _assembled(by_frame, x, y, settings=settings)


def _single(responses: Any) -> bool:
    """Whether there are no repeats, so that no reliability (not needed here) would be computed."""
    return not hasattr(responses, "dims") or set(responses.dims) <= {"stimulus", "unit", "time_ms"}


class _Partition:
    """One set of patterns, to be set beside others: what of it is fitted once, is.

    Parameters
    ----------
    a : array of shape (stimulus, feature)
        The first set.
    y : Responses
        What is predicted.
    plan : Plan
        Splits, resamples, device.
    orders : array of shape (permutation, stimulus)
        Of the stimuli, for the bias.
    device : torch.device
        Of the fits.
    """

    def __init__(
        self, a: np.ndarray, y: Responses, plan: Plan, *, orders: np.ndarray, device: torch.device
    ) -> None:
        self.y, self.plan, self.orders, self.device = y, plan, orders, device
        self.base = Patterns(a, device, "a")
        self.error, self.baseline = _errors(self.base, self.base, y, plan=plan, model="a")
        self.mixed = [Patterns(a[order], device, "a, permuted") for order in orders]
        self.alone = [self._r2(m, m, "a") for m in self.mixed]

    def of(self, b: np.ndarray, where: str) -> dict[str, np.ndarray]:
        """The parts of the first set and another, their means, intervals and biases."""
        other = Patterns(b, self.device, f"b, {where}")
        models = {
            k: _errors(self.base, other, self.y, plan=self.plan, model=k)[0] for k in ("b", "both")
        }
        by_model = {"a": self.error, **models}
        shares = _shares(by_model, self.baseline, self.y.values.shape[1:], plan=self.plan)
        return shares | (self._bias(b, other, shares) if len(self.orders) else {})

    def _bias(
        self, b: np.ndarray, other: Patterns, shares: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """By how much the unique parts are too large, ``(time,)``."""
        of_a, of_b = [], []
        for order, mixed, alone in zip(self.orders, self.mixed, self.alone):
            nothing = Patterns(b[order], self.device, other.where)
            of_a.append(self._r2(self.base, nothing, "both") - self._r2(self.base, nothing, "b"))
            of_b.append(self._r2(mixed, other, "both") - alone)
        biases = {
            "bias_unique_a": np.mean(of_a, axis=0) - shares["r2_a"],
            "bias_unique_b": np.mean(of_b, axis=0) - shares["r2_b"],
        }
        return {name: finite_mean(values, axis=-1) for name, values in biases.items()}

    def _r2(self, a: Patterns, b: Patterns, model: str) -> np.ndarray:
        """R2 ``(time, unit)`` of one model of two sets."""
        error, _ = _errors(a, b, self.y, plan=self.plan, model=model)
        return explained(error, self.baseline).reshape(self.y.values.shape[1:])


def _errors(
    a: Patterns, b: Patterns, y: Responses, *, plan: Plan, model: str
) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors ``(stimulus, target)`` of one model, and of the training mean."""
    flat = y.values.reshape(len(y.values), -1)
    held = [
        Held(
            s.test,
            two_bands(a, b, s, alphas=plan.settings.alphas, mixes=ONLY[model], y=flat),
            flat[s.test],
            flat[s.train].mean(0),
        )
        for s in plan.splits
    ]
    return errors(held, len(flat))


def _shares(
    by_model: dict[str, np.ndarray],
    baseline: Float[np.ndarray, "stimulus target"],
    shape: tuple[int, ...],
    *,
    plan: Plan,
) -> dict[str, np.ndarray]:
    """Each part ``(time, unit)``, its mean ``(part, time)``, interval ``(bound, part, time)``."""
    parts = _parts({k: explained(e, baseline) for k, e in by_model.items()}).reshape(-1, *shape)
    shares = {**dict(zip(PARTS, parts)), "mean_over_units": finite_mean(parts, axis=-1)}
    if not plan.factors:
        return shares
    interval = np.empty((2, len(PARTS), shape[0]))
    weights = plan.counts.astype(np.float64)
    for t in range(shape[0]):
        part = slice(t * shape[1], (t + 1) * shape[1])
        draws = _parts(
            {k: explained(e[:, part], baseline[:, part], weights) for k, e in by_model.items()}
        )
        if "unit" in plan.factors:
            each = np.broadcast_to(draws, (len(PARTS), *plan.units.shape))
            draws = np.take_along_axis(each, plan.units[None], axis=2)
        interval[:, :, t] = percentile_interval(
            finite_mean(draws, axis=-1), plan.confidence, axis=1
        )
    return {**shares, "interval": interval}


def _parts(r2: dict[str, np.ndarray]) -> np.ndarray:
    """``(part, ...)`` from the R2 of a, b and both."""
    a, b, both = r2["a"], r2["b"], r2["both"]
    return np.stack([a, b, both, both - b, both - a, a + b - both])


def _assembled(
    by_frame: dict[tuple[int, int], dict[str, np.ndarray]],
    x: Frames,
    y: Responses,
    *,
    settings: dict[str, Any],
) -> xarray.Dataset:
    """All frames on the grid, with coordinates; axes that the inputs did not have are gone."""
    import xarray

    leading = {"mean_over_units": ("part",), "interval": ("bound", "part")}
    variables = on_grid(by_frame, x, leading, trailing=lambda name: 2 if name in PARTS else 1)
    coords = {**coordinates_of(x, y), "part": list(PARTS)}
    return without_absent_axes(xarray.Dataset(variables, coords, settings), x, y)
