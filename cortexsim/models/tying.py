"""Which weights are tied: the set of weights that an instance of a transition uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cortexsim.errors import GraphError
from cortexsim.models.graph import Graph
from cortexsim.models.states import Transition

TYINGS = ("time", "none", "all")

Partition = tuple[tuple[str, ...], ...]


def refuse_other(tying: Any) -> None:
    """GraphError for what is neither the name of a tying nor a partition.

    >>> refuse_other("time"), refuse_other((("V1->V2@1", "V1->V2@2"),))
    (None, None)
    """
    lists = isinstance(tying, (list, tuple)) and all(
        isinstance(group, (list, tuple)) and all(isinstance(member, str) for member in group)
        for group in tying
    )
    if not lists and not (isinstance(tying, str) and tying in TYINGS):
        raise GraphError(
            f"weight tying {tying!r} is not known; choose from {', '.join(TYINGS)}, "
            "or give a partition, a list of lists of instances 'V1->V2@3'"
        )


def weight_names(
    instances: Sequence[tuple[Transition, int]], tying: str | Partition
) -> dict[tuple[str, int], str]:
    """The name of the set of tied weights that each instance belongs to.

    The gradient of a set is the sum over its instances.

    Parameters
    ----------
    instances : sequence of (Transition, int)
        The live transitions with their departure steps.
    tying : str or partition
        ``"time"``, each transition has one set for all steps; ``"none"``, every instance its own;
        ``"all"``, one convolution for every layer of every transition; or a partition, a tuple of
        tuples of instances written ``"V1->V2@3"``, in which instances that are not named keep a set
        of their own.

    Returns
    -------
    dict of (str, int) to str
        (name of the transition, departure step) to the name of the set.

    Raises
    ------
    GraphError
        For tyings that are not known, and partitions that name an instance twice or one that is
        not live.

    References
    ----------
    Liao & Poggio 2016, section 3.4, equation 6.
    """
    refuse_other(tying)
    names = {(t.name, step): f"{t.name}@{step}" for t, step in instances}
    if tying == "time":
        return {key: key[0] for key in names}
    if tying == "all":
        return dict.fromkeys(names, "shared")
    if tying == "none":
        return names
    seen: set[str] = set()
    for group in tying:
        for member in group:
            edge, _, step = member.rpartition("@")
            if not step.isdigit() or (edge, int(step)) not in names:
                live = ", ".join(sorted(names.values()))
                raise GraphError(
                    f"weight tying names {member!r}, which is not a live instance of this net; "
                    f"those are {live}"
                )
            if member in seen:
                raise GraphError(f"weight tying names {member!r} twice; the sets must be disjoint")
            seen.add(member)
            names[edge, int(step)] = group[0]
    return names


@dataclass(frozen=True)
class Sharing:
    """The names under which a network keeps what the layers of each instance use.

    Parameters
    ----------
    tying : str or partition
        See :func:`weight_names`.
    sets : dict of (str, int) to str
        What :func:`weight_names` returns for the live instances.
    """

    tying: str | Partition
    sets: dict[tuple[str, int], str]

    def convolution(self, t: Transition, step: int, layer: int | str) -> str:
        """The convolution of a layer (a number, or ``"projection"``) of an instance."""
        name = self.sets[self._known(t, step)]
        return name if self.tying == "all" and layer != "projection" else f"{name}|{layer}"

    def affine(self, t: Transition, step: int, layer: int) -> str:
        """The scale and shift before a layer of an instance."""
        return f"{self.sets[self._known(t, step)]}|{layer}"

    @staticmethod
    def statistics(t: Transition, layer: int) -> str:
        """The mean and variance of what enters a layer of a transition, at all its steps."""
        # Without scale and shift, the first BatchNorm of every transition that leaves a state at t
        # sees the same input and has the same mean and variance: they are kept, and computed, once
        # per (state, t).
        return t.source if layer == 0 else f"{t.name}|{layer}"

    def owns(self, t: Transition, step: int) -> bool:
        """Whether there are weights for this instance (liveness and tying decide)."""
        if (t.name, step) in self.sets:
            return True
        return self.tying in ("time", "all") and any(name == t.name for name, _ in self.sets)

    def restricted(self, graph: Graph, steps: int) -> Graph:
        """The graph with only those instances departing up to ``steps`` that have weights."""
        transitions = []
        for t in graph.transitions:
            owned = [step for step in range(1, steps + 1) if self.owns(t, step)]
            only_at = tuple(s for s in owned if t.only_at is None or s in t.only_at)
            transitions.append(dataclasses.replace(t, only_at=only_at))
        return dataclasses.replace(graph, transitions=tuple(transitions))

    def _known(self, t: Transition, step: int) -> tuple[str, int]:
        """An instance whose weights this one uses: itself, or one that it shares them with."""
        if (t.name, step) in self.sets or self.tying not in ("time", "all"):
            return t.name, step
        return next(key for key in self.sets if key[0] == t.name)
