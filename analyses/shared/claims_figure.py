"""What becomes of claims, drawn: a difference with its interval beside where the claim is true."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.claims import true_between

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 44
"""Letters a line of a claim."""
TRUE = "0.88"
"""Grey of where a claim is true."""


def draw_claims(
    axes: Axes, claims: Sequence[Mapping[str, Any]], *, unit: str, times: float = 100
) -> None:
    """A line a claim; filled where the verdict is not "undecided".

    claims: as :func:`shared.curves.judged` gives them. times: by which their numbers are in the
    unit.
    """
    shown = [x for c in claims for x in (c["difference"], *c["interval"], *true_between(c))]
    shown = times * np.array([0.0, *filter(np.isfinite, shown)])
    margin = 0.08 * (np.ptp(shown) or 1.0)
    limits = np.array([shown.min() - margin, shown.max() + margin])
    for k, claim in enumerate(claims):
        ends = np.clip(times * np.array(true_between(claim)), *limits)
        axes.fill_between(ends, k - 0.38, k + 0.38, color=TRUE, lw=0, zorder=0)
        decided = claim["verdict"] != "undecided"
        axes.plot(times * np.array(claim["interval"]), [k, k], color="black", lw=1.4)
        mark = {"supported": "o", "against": "X", "undecided": "o"}[claim["verdict"]]
        axes.plot(
            times * claim["difference"],
            k,
            mark,
            color="black",
            mfc="black" if decided else "white",
            ms=7,
        )
        unlike = (claim.get("note") or "").startswith("not comparable")
        axes.annotate(
            f"{claim['verdict']}\n(nets unlike)" if unlike else claim["verdict"],
            (1.01, k),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize="small",
        )
    axes.set_xlim(*limits)
    names = [textwrap.fill(claim["claim"], WIDTH) for claim in claims]
    axes.set_yticks(range(len(claims)), names, fontsize="x-small")
    axes.set_ylim(len(claims) - 0.5, -0.5)
    axes.axvline(0, color="0.5", lw=0.8)
    axes.set_xlabel(f"{unit} (95 %; claim true in grey)", fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
