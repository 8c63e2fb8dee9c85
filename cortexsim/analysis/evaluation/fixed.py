"""Which numbers of an evaluation hold the conditions fixed, and what to say of them."""

from __future__ import annotations

from collections.abc import Sequence

from cortexsim.analysis.statistics.settings import ClusterTest


def fixed_conditions(
    factors: Sequence[str], clusters: ClusterTest | None, *, subjects: int
) -> tuple[str, ...]:
    """The variables of an evaluation that speak of these very conditions only.

    Parameters
    ----------
    factors : sequence of str
        What is resampled.
    clusters : ClusterTest, optional
        How clusters are tested.
    subjects : int
        How many there are; one without resamples has neither intervals nor tests.

    Returns
    -------
    tuple of str
        Names of variables; empty if there are none.

    Examples
    --------
    >>> fixed_conditions(("subject",), None, subjects=8)
    ('interval', 'p_zero', 'p_ceiling', 'p_pair')
    >>> fixed_conditions(("subject", "condition"), ClusterTest(by="subject"), subjects=8)
    ('p_cluster',)
    >>> fixed_conditions(("condition",), ClusterTest(), subjects=8)
    ()
    """
    tested = ("interval", "p_zero", "p_ceiling", "p_pair")
    spread = tested if "condition" not in factors and subjects > 1 else ()
    flipped = ("p_cluster",) if clusters is not None and clusters.by == "subject" else ()
    return spread + flipped


def caution(fixed: Sequence[str]) -> str:
    """What a reader of these numbers must know.

    Examples
    --------
    >>> caution(("p_cluster",)).split(",")[0]
    'p_cluster: the conditions are held fixed'
    """
    remedies = []
    if "interval" in fixed:
        remedies.append("Inference(resample=('subject', 'condition'))")
    if "p_cluster" in fixed:
        remedies.append("ClusterTest(by='condition')")
    return (
        f"{', '.join(fixed)}: the conditions are held fixed, so that a model unrelated to the data "
        "passes a test against zero in 20 to 40 % of experiments, not in 5 %. For a statement "
        f"about other conditions give {' and '.join(remedies)}; p_permutation holds either way"
    )
