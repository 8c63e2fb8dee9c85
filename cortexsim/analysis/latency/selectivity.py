"""When each unit of a state or an area first tells labels apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.latency.courses import places_of
from cortexsim.analysis.latency.onsets import first_run
from cortexsim.analysis.linear.decoding_plan import classes_of
from cortexsim.analysis.linear.frames import frames
from cortexsim.analysis.statistics.draws import attributes, share, whole_number
from cortexsim.analysis.statistics.pvalues import monte_carlo_p
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.plain import refuse_extreme
from cortexsim.shapes import Float

if TYPE_CHECKING:
    import xarray


@clear_errors
def selectivity_latency(
    features: Any,
    labels: Any = None,
    *,
    alpha: float = 0.05,
    bins: int = 1,
    inference: Inference = Inference(),
    states: str | None = None,
    steps: int | Sequence[int] | None = None,
) -> xarray.Dataset:
    """When each unit first tells labels apart: analysis of variance against permuted labels.

        eta2(t) = variance of the label means / variance over stimuli

    The null is the largest eta2 of the unit at any time, labels permuted over stimuli, so that a
    unit without selectivity has an onset with probability alpha.

    Parameters
    ----------
    features : path, DataTree, or DataArray (stimulus or trial, step or time_ms, unit)
        Of a recording, ``states`` names the state.
    labels : array of shape (stimulus,), optional
        Default those of a recording.
    alpha : float
        Significance level of each unit.
    bins : int
        Consecutive significant times.
    inference : Inference
        ``permutations``: 1000, at least 20; ``rng``.
    states : str, optional
        The state of a recording.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.

    Returns
    -------
    Dataset
        onset, peak (unit; NaN where none), eta2 (time, unit), p (time, unit; corrected over
        times, not over units), selective (share of units with an onset, alpha of which is expected
        without any selectivity).

    Raises
    ------
    AnalysisError
        For more than one state, missing labels, fewer than 20 permutations.

    Examples
    --------
    >>> import xarray
    >>> rng, y = np.random.default_rng(0), np.repeat([0, 1], 20)
    >>> x = rng.normal(size=(40, 4, 2)) + 3 * y[:, None, None] * (np.arange(4) >= 2)[:, None]
    >>> x = xarray.DataArray(x, dims=("stimulus", "step", "unit"))
    >>> result = selectivity_latency(x, y, inference=Inference(permutations=99))
    >>> result.onset.values.tolist()
    [3.0, 3.0]
    """
    import xarray

    asked = settled(inference, "selectivity_latency", permutations=1000)
    permutations = asked.permutations
    if permutations < 20 or whole_number(bins, "bins") < 1:
        raise AnalysisError(
            f"permutations={permutations} and bins={bins}: give at least 20 permutations and one "
            "bin"
        )
    share(alpha, "alpha")
    x = frames(features, states, steps)
    if len(x.states) > 1:
        raise AnalysisError(
            f"units are those of one state; choose states= from {', '.join(x.states)}"
        )
    classes, numbers = classes_of(x, labels)
    many = {"permutation": 1 + permutations, "stimulus": x.count, "label": len(classes)}
    room_for(many, "the labels of all permutations", "give fewer permutations")
    orders = np.stack([numbers, *(asked.rng.permutation(numbers) for _ in range(permutations))])
    member = np.eye(len(classes))[orders]  # (1 + permutation, stimulus, class)
    populated = [p for _, p in x.all()]
    by_place = [_explained(x.frame(0, p), member) for p in populated]
    eta2 = np.full((1 + permutations, len(x.places), by_place[0].shape[1]), np.nan)
    eta2[:, populated] = np.stack(by_place, 1)
    observed, largest = eta2[0], np.nanmax(eta2[1:], axis=1)  # (permutation, unit)
    p = np.stack([monte_carlo_p(row, largest) for row in observed])
    times = places_of(x)
    onset = first_run((p <= alpha).T, times, bins)
    best = times[np.where(np.isnan(observed), -1.0, observed).argmax(0)]
    return xarray.Dataset(
        {
            "onset": ("unit", onset),
            "peak": ("unit", np.where(np.isnan(onset), np.nan, best)),
            "eta2": ((x.axis, "unit"), observed),
            "p": ((x.axis, "unit"), p),
            "selective": float(np.isfinite(onset).mean()),
        },
        {x.axis: x.places, **{k: v for k, v in x.coords.items() if v[0] == x.axis}},
        attributes(
            inference.rng,
            analysis="selectivity_latency",
            permutations=permutations,
            alpha=alpha,
            bins=bins,
            stimuli=x.count,
            axis=x.axis,
        ),
    )


def _explained(
    x: Float[np.ndarray, "stimulus unit"], member: Float[np.ndarray, "order stimulus label"]
) -> Float[np.ndarray, "order unit"]:
    """Share of the variance of each unit that lies between labels; 0 for a constant unit."""
    refuse_extreme(x, "responses")
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    total = (centred**2).sum(0)
    counts = member[0].sum(0)
    between = np.empty((len(member), x.shape[1]))
    for k, labelled in enumerate(member):
        between[k] = ((labelled.T @ centred) ** 2 / counts[:, None]).sum(0)
    flat = total <= 1e-24 * (np.abs(x).max(0).astype(np.float64) ** 2 + 1e-300) * len(x)
    return np.divide(between, total, out=np.zeros_like(between), where=~flat)
