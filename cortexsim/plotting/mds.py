"""Two dimensions for RDMs: metric multidimensional scaling, one arrangement or a chain of them over
steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cortexsim.analysis.statistics.draws import whole_number
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.pairs import conditions_of, square
from cortexsim.plain import refuse_extreme
from cortexsim.plotting.conditions import drawn_rdms, in_order_of_conditions, placed
from cortexsim.shapes import Float
from cortexsim.threads import free_threads

STARTS = 4  # random starts beside the classical one; the arrangement of the smallest stress is kept


class Arrangement(NamedTuple):
    """Conditions in the plane.

    Attributes
    ----------
    positions : array of shape (condition, 2) or (step, condition, 2)
        In units of the dissimilarity; of RDMs that know their conditions a DataArray with
        ``stimulus_id``.
    stress : float or array of shape (step,)
        Normalised stress-1.
    """

    positions: Any
    stress: Any


@clear_errors
@free_threads()
def mds(rdms: Any, *, previous: Any = None, seed: int = 0) -> Arrangement:
    """Positions in the plane whose distances are the dissimilarities as nearly as can be.

    SMACOF on raw stress. A stack is a chain: every step starts from the arrangement of the step
    before and is turned (rotation, reflection, shift; no scaling) onto it, so that points can be
    followed. This may cost stress against a free start. Steps that are NaN throughout (a state not
    populated) stay NaN.

    Parameters
    ----------
    rdms : array_like of shape (pair,), (condition, condition) or (step, pair)
        One RDM, or a stack. Positions are in the order of its conditions (of ``first_id``).
    previous : array_like of shape (condition, 2), optional
        To start from and to turn onto, of the same conditions (by id, where both know them);
        without it the first start is the best of classical scaling and 4 random ones.
    seed : int
        Of the random starts.

    Returns
    -------
    Arrangement
        Positions, and stress-1 = sqrt(sum (distance - dissimilarity)^2 / sum distance^2): 0 is
        perfect, 0.2 is poor (Kruskal 1964).

    Raises
    ------
    AnalysisError
        For RDMs that are NaN throughout, or partly within a step, negative, or zero throughout, and
        for ``previous`` of another shape.

    References
    ----------
    Kruskal 1964.

    Examples
    --------
    >>> from scipy.spatial.distance import pdist
    >>> corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0.0]])
    >>> arrangement = mds(pdist(corners))
    >>> bool(np.allclose(pdist(arrangement.positions), pdist(corners), atol=1e-3))
    True
    >>> round(arrangement.stress, 3)
    0.0
    """
    if whole_number(seed, "seed") < 0:
        raise AnalysisError(f"seed={seed} must be at least 0")
    stack, ids = drawn_rdms(rdms, "RDMs")
    if stack.ndim > 2:
        raise AnalysisError(
            f"RDMs of shape {stack.shape}; mds arranges one RDM (pair,) or a stack (step, pair). "
            "Select a state first"
        )
    steps = stack.reshape(-1, stack.shape[-1])
    if np.isnan(steps).all():
        raise AnalysisError(
            f"the RDMs of shape {stack.shape} are NaN throughout, as those of a state that is not "
            "populated are; there is nothing to arrange"
        )
    n = conditions_of(stack.shape[-1])
    last = None
    if previous is not None:
        last = in_order_of_conditions(placed(previous, "previous positions"), ids).values
    if last is not None and (last.shape != (n, 2) or not np.isfinite(last).all()):
        raise AnalysisError(
            f"previous has shape {last.shape}; finite positions of shape ({n}, 2) are needed"
        )
    positions, stress = np.full((len(steps), n, 2), np.nan), np.full(len(steps), np.nan)
    for t, rdm in enumerate(steps):
        if np.isnan(rdm).all():
            continue
        delta = square(_checked(rdm, t, len(steps)))
        if last is None:
            starts = [
                _classical(delta),
                *np.random.default_rng(seed).normal(0, delta.mean(), (STARTS, n, 2)),
            ]
        else:
            starts = [last]
        positions[t], stress[t] = min(
            (_smacof(delta, start) for start in starts), key=lambda arranged: arranged[1]
        )
        if last is not None:
            positions[t] = _turned(positions[t], last)
        last = positions[t]
    if stack.ndim == 2:
        return Arrangement(_with_ids(positions, ids, rdms), stress)
    return Arrangement(_with_ids(positions[0], ids, rdms), float(stress[0]))


def _with_ids(positions: np.ndarray, ids: np.ndarray | None, rdms: Any) -> Any:
    """Positions with the ids of the conditions, and the axis of the steps, if they are known."""
    if ids is None:
        return positions
    import xarray

    lead = [d for d in rdms.dims if d != "pair"] if positions.ndim == 3 else []
    coords = {d: rdms.coords[d].variable for d in lead if d in rdms.coords}
    coords["stimulus_id"] = ("condition", ids)
    return xarray.DataArray(positions, coords, (*lead, "condition", "axis"))


def stress_1(
    delta: Float[np.ndarray, "condition condition"], positions: Float[np.ndarray, "condition axis"]
) -> float:
    """Kruskal's normalised stress-1 of an arrangement.

    Independent of versions, where scikit-learn's own number changed its meaning.

    Parameters
    ----------
    delta : array of shape (condition, condition)
        Dissimilarities.
    positions : array of shape (condition, 2)
        The arrangement.

    Returns
    -------
    float
        0 if it is perfect.
    """
    from scipy.spatial.distance import pdist, squareform

    distances = pdist(positions)
    return float(
        np.sqrt(((distances - squareform(delta, checks=False)) ** 2).sum() / (distances**2).sum())
    )


def _checked(rdm: np.ndarray, t: int, steps: int) -> np.ndarray:
    where = f"RDM {t} of {steps}" if steps > 1 else "the RDM"
    if not np.isfinite(rdm).all():
        raise AnalysisError(
            f"{int((~np.isfinite(rdm)).sum())} of {rdm.size} pairs of {where} are NaN or "
            "infinite; leave those conditions out"
        )
    if (rdm < 0).any():
        raise AnalysisError(
            f"{int((rdm < 0).sum())} of {rdm.size} pairs of {where} are negative (crossnobis?), "
            "and distances are not; give np.maximum(rdm, 0), and say so in the figure"
        )
    if not rdm.any():
        raise AnalysisError(f"{where} is zero throughout: there is nothing to arrange")
    refuse_extreme(rdm, "dissimilarities")
    return rdm.astype(np.float64)


def _classical(delta: Float[np.ndarray, "condition condition"]) -> Float[np.ndarray, "condition 2"]:
    """Torgerson's scaling: the two leading axes of the centred Gram matrix."""
    gram = -0.5 * delta**2
    gram -= gram.mean(0)
    gram -= gram.mean(1, keepdims=True)
    values, axes = np.linalg.eigh(gram)
    return axes[:, -2:] * np.sqrt(np.maximum(values[-2:], 0))


def _smacof(
    delta: Float[np.ndarray, "condition condition"], start: Float[np.ndarray, "condition 2"]
) -> tuple[Float[np.ndarray, "condition 2"], float]:
    from sklearn.manifold import smacof

    # The function has had these arguments since scikit-learn 1.3; the class MDS has not.
    positions, _ = smacof(
        delta, metric=True, init=start, n_init=1, max_iter=1000, eps=1e-7, normalized_stress=False
    )
    return positions, stress_1(delta, positions)


def _turned(
    positions: Float[np.ndarray, "condition 2"], onto: Float[np.ndarray, "condition 2"]
) -> Float[np.ndarray, "condition 2"]:
    """Rotated, reflected and shifted to lie on ``onto`` as nearly as can be.

    Distances stay as they are.
    """
    from scipy.linalg import orthogonal_procrustes

    centre = onto.mean(0)
    free = positions - positions.mean(0)
    rotation, _ = orthogonal_procrustes(free, onto - centre)
    return free @ rotation + centre
