"""What is kept of a state: its maps, their spatial mean, random units, or a random projection."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import RecordingError
from cortexsim.shapes import Float

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Reducer:
    """Turns maps ``(batch, channel, y, x)`` into what is stored.

    Parameters
    ----------
    dims : tuple of str
        Of one stimulus at one step.
    shape : tuple of int
        Of one stimulus at one step.
    apply : callable
        Maps ``(batch, channel, y, x)`` to ``(batch, *shape)``.
    coordinates : dict
        Name -> (dimension, values), e.g. the place of each unit.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    apply: Callable[[Float[Tensor, "batch channel y x"]], Tensor]
    coordinates: dict[str, tuple[str, np.ndarray]]


def full(shape: Shape, count: int | None, rng: np.random.Generator) -> Reducer:
    """Every unit of every map."""
    return Reducer(("channel", "y", "x"), shape, lambda maps: maps, {})


def mean(shape: Shape, count: int | None, rng: np.random.Generator) -> Reducer:
    """The mean of each channel over space: one unit a channel."""
    channel = np.arange(shape[0], dtype=np.int32)
    return Reducer(
        ("unit",), (shape[0],), lambda maps: maps.mean((2, 3)), {"channel": ("unit", channel)}
    )


def units(shape: Shape, count: int | None, rng: np.random.Generator) -> Reducer:
    """``count`` units drawn without replacement, in the order of their place in the maps.

    All of them if there are fewer.
    """
    total = int(np.prod(shape))
    chosen = np.sort(rng.choice(total, size=min(_needed(count, "units"), total), replace=False))
    place = np.unravel_index(chosen, shape)
    index = torch.from_numpy(chosen)
    coordinates = {
        name: ("unit", p.astype(np.int32))
        for name, p in zip(("channel", "y", "x"), place, strict=True)
    }
    return Reducer(
        ("unit",),
        (len(chosen),),
        lambda maps: maps.flatten(1)[:, index.to(maps.device)],
        coordinates,
    )


def project(shape: Shape, count: int | None, rng: np.random.Generator) -> Reducer:
    """A sparse random projection to ``count`` dimensions, which keeps squared distances on average.

    Entries are 0 or +-sqrt(sqrt(d) / k) with density 1 / sqrt(d) (Li, Hastie & Church 2006, as
    scikit-learn draws it).
    """
    from sklearn.random_projection import SparseRandomProjection

    total, k = int(np.prod(shape)), _needed(count, "project")
    if k > total:
        raise RecordingError(
            f"cannot project {total} units to {k} dimensions; ask for at most {total}, or keep "
            "them all (`keep='full'`)"
        )
    seed = int(rng.integers(2**31))
    matrix = (
        SparseRandomProjection(n_components=k, random_state=seed)
        .fit(np.zeros((1, total), np.float32))
        .components_
    )
    matrix = matrix.tocoo()
    place = torch.from_numpy(np.stack([matrix.row, matrix.col]).astype(np.int64))
    weights = torch.sparse_coo_tensor(
        place, torch.from_numpy(matrix.data.astype(np.float32)), (k, total), check_invariants=True
    ).coalesce()
    # torch multiplies sparse by dense, so the stimuli are the columns.
    return Reducer(
        ("unit",), (k,), lambda maps: (weights.to(maps.device) @ maps.flatten(1).float().T).T, {}
    )


def _needed(count: int | None, name: str) -> int:
    if count is None or count < 1:
        raise RecordingError(f"`keep={name}` needs a number of at least 1, e.g. `keep={name}:500`")
    return count


REDUCERS: dict[str, Callable[[Shape, int | None, np.random.Generator], Reducer]] = {
    "full": full,
    "mean": mean,
    "units": units,
    "project": project,
}


def reducer(keep: str, shape: Shape, *, seed: int, state: int) -> Reducer:
    """The reducer that a word names.

    Parameters
    ----------
    keep : str
        ``full``, ``mean``, ``units:N`` or ``project:K``.
    shape : Shape
        Of the maps of one stimulus: (channel, y, x).
    seed : int
        From which, with ``state``, the random choice is drawn.
    state : int
        Number of the state.

    Raises
    ------
    RecordingError
        For another word, and for more dimensions than there are units.

    >>> reducer("units:10", (8, 32, 32), seed=0, state=0).shape
    (10,)
    """
    name, colon, number = keep.partition(":")
    if name not in REDUCERS or (
        colon and (name in ("full", "mean") or not re.fullmatch("[0-9]+", number))
    ):
        raise RecordingError(f"cannot keep {keep!r}; choose from full, mean, units:N, project:K")
    return REDUCERS[name](
        shape, int(number) if number else None, np.random.default_rng([seed, state])
    )
