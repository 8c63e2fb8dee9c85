"""How well each image is told from other objects: d' by image (I1), and by distractor (I2).

Of people and of networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.analysis.linear.scores import finite_mean
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.labelled.arrays import column, labelled
from cortexsim.shapes import Float, Int

CAP = 5.0
POOLS = ("rates", "dprimes")


def pairwise_rates(
    choices: np.ndarray, numbers: Int[np.ndarray, " stimulus"]
) -> Float[np.ndarray, "stimulus class"]:
    """``h(i, c) = q_o / (q_o + q_c)``: how often image i of object o is called o rather than c.

    NaN for c = o. choices ``(stimulus, class)``: counts of answers or probabilities. Where neither
    was ever chosen it is 1/2. With many alternatives this is Luce's choice rule, an assumption:
    Rajalingham et al. asked for one of two objects.
    """
    own = choices[np.arange(len(choices)), numbers][:, None]
    total = own + choices
    rates = np.divide(own, total, out=np.full(choices.shape, 0.5), where=total > 0)
    rates[np.arange(len(choices)), numbers] = np.nan
    return rates


@clear_errors
def image_dprimes(
    choices: Any, labels: Any, metric: str = "i1", *, pool: str = "rates", cap: float = CAP
) -> np.ndarray:
    """The behavioural signature of Rajalingham et al. 2018, by image or by image and distractor.

    With h(i, c) how often image i of object o is called o rather than c, and z the inverse of the
    normal distribution function:

        f(o, c) = mean over images j of c of 1 - h(j, o)
        i2(i, c) = z(h(i, c)) - z(f(o, c))
        i1(i) = z(mean_c h(i, c)) - z(mean over images j of other objects of 1 - h(j, o))
        i1n = i1 - mean over images of o;  i2n(., c) = i2(., c) - mean over images of o

    The third line is ``pool="rates"``, one versus the rest; ``pool="dprimes"`` is i1(i) = mean_c
    i2(i, c), as Brain-Score pools. d' outside -cap..cap is set to the end (5 in both sources);
    where both rates are 0 or both 1 it is 0. i2 is NaN for c = o.

    Parameters
    ----------
    choices : array of shape (stimulus, class)
        Counts of answers or probabilities.
    labels : array of int or str of shape (stimulus,)
        The number of the true class of each stimulus; its name where the choices name their
        classes (a coordinate ``class``).
    metric : {"i1", "i1n", "i2", "i2n"}
        With ``n`` less the mean of each object.
    pool : {"rates", "dprimes"}
        How i1 pools distractors.
    cap : float
        Of d'.

    Returns
    -------
    array of shape (stimulus,) for i1, (stimulus, class) for i2

    Raises
    ------
    AnalysisError
        For other shapes, negative values, classes without an image, unknown metrics.

    References
    ----------
    Rajalingham, Issa et al. 2018, J Neurosci 38:7255; Schrimpf, Kubilius et al. 2018.

    Examples
    --------
    >>> choices = np.array([[9, 1], [5, 5], [1, 9], [1, 9]])
    >>> image_dprimes(choices, [0, 0, 1, 1]).round(2)
    array([2.56, 1.28, 1.81, 1.81])
    """
    q, numbers = _checked(choices, labels)
    base = metric.removesuffix("n")
    if base not in ("i1", "i2") or pool not in POOLS:
        raise AnalysisError(
            f"there is no metric {metric!r} with pool={pool!r}; choose from i1, i1n, i2, i2n and "
            f"{', '.join(POOLS)}"
        )
    if not 0 < cap < np.inf:
        raise AnalysisError(f"cap={cap!r}: d' is cut at -cap and cap; give one above 0, e.g. 5")
    h = pairwise_rates(q, numbers)
    member = np.eye(q.shape[1])[numbers]
    if base == "i1" and pool == "rates":
        called = np.where(np.isnan(h), 0.0, 1 - h)  # (image j, object o): j is called o
        others = len(q) - member.sum(0)
        d = _difference(finite_mean(h, 1), (called.sum(0) / others)[numbers], cap)
    else:
        # f(o, c): images of c called o rather than c.
        false = (member.T @ np.where(np.isnan(h), 0.0, 1 - h) / member.sum(0)[:, None]).T
        d = np.where(np.isnan(h), np.nan, _difference(h, false[numbers], cap))
        d = d if base == "i2" else finite_mean(d, 1)
    return _less_means(d, numbers, q.shape[1]) if metric.endswith("n") else d


@clear_errors
def image_rates(choices: Any, labels: Any, metric: str = "i1") -> np.ndarray:
    """The same on the scale of probabilities, where noise of few answers averages to 0.

    With s(i, c) the share of answers c to image i of object o:

        i1(i) = s(i, o) - mean over images j of other objects of s(j, o)
        i2(i, c) = 1 - s(i, c) - mean over images j of c of s(j, o)
        i1n = i1 - mean over images of o;  i2n(., c) = i2(., c) - mean over images of o

    They are linear in the shares, so that those of few answers are unbiased, and a correlation
    can be corrected for their reliability; a d' of few answers is not, and has a cap.

    Parameters
    ----------
    choices : array of shape (stimulus, class)
        Counts of answers or probabilities.
    labels : array of int or str of shape (stimulus,)
        The number of the true class of each stimulus; its name where the choices name their
        classes (a coordinate ``class``).
    metric : {"i1", "i1n", "i2", "i2n"}
        With ``n`` less the mean of each object.

    Returns
    -------
    array of shape (stimulus,) for i1, (stimulus, class) for i2
        NaN for c = o.

    Raises
    ------
    AnalysisError
        For other shapes, negative values, classes without an image, unknown metrics.

    Examples
    --------
    >>> choices = np.array([[9, 1], [5, 5], [1, 9], [1, 9]])
    >>> image_rates(choices, [0, 0, 1, 1]).round(2)
    array([0.8, 0.4, 0.6, 0.6])
    """
    q, numbers = _checked(choices, labels)
    base = metric.removesuffix("n")
    if base not in ("i1", "i2"):
        raise AnalysisError(f"there is no metric {metric!r}; choose from i1, i1n, i2, i2n")
    shares, member = q / q.sum(1, keepdims=True), np.eye(q.shape[1])[numbers]
    own = shares[np.arange(len(q)), numbers]
    if base == "i1":
        called = ((1 - member) * shares).sum(0) / (1 - member).sum(0)
        rates = own - called[numbers]
    else:
        false = (member.T @ shares / member.sum(0)[:, None]).T  # (o, c): images of c called o
        rates = np.where(member == 1, np.nan, 1 - shares - false[numbers])
    return _less_means(rates, numbers, q.shape[1]) if metric.endswith("n") else rates


def _less_means(values: np.ndarray, numbers: np.ndarray, classes: int) -> np.ndarray:
    """Less the mean over the images of each object."""
    means = np.stack([finite_mean(values[numbers == k], 0) for k in range(classes)])
    return values - means[numbers]


def _difference(hits: np.ndarray, false: np.ndarray, cap: float) -> np.ndarray:
    """z(hits) - z(false alarms) within -cap..cap."""
    from scipy.special import ndtri

    with np.errstate(invalid="ignore"):
        d = ndtri(hits) - ndtri(false)
    return np.clip(np.where(hits == false, 0.0, d), -cap, cap)


def _numbers(labels: np.ndarray, names: np.ndarray | None) -> np.ndarray:
    """The number of the class of each label, by its name where classes have names."""
    if names is None:
        return np.asarray(labels)
    classes = [str(name) for name in names]
    if len(set(classes)) < len(classes):
        raise AnalysisError(f"two classes of the choices have one name: {', '.join(classes)}")
    known = [str(label) for label in labels]
    if unknown := sorted(set(known) - set(classes)):
        raise AnalysisError(
            f"the labels {', '.join(unknown[:5])} are none of the classes of the choices, "
            f"{', '.join(classes[:20])}; give names, or count classes by their place: "
            "choices.drop_vars('class')"
        )
    return np.array([classes.index(label) for label in known], dtype=np.int64)


def _checked(choices: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Choices as floats and the class numbers of the stimuli."""
    table = labelled(choices, "choices", dims=("stimulus", "class"))
    q = table.values.astype(np.float64)
    numbers = _numbers(column(labels, "labels").like(table).values, table.coords.get("class"))
    paired = q.ndim == 2 and numbers.shape == q.shape[:1] and q.shape[1] >= 2
    if not paired or numbers.dtype.kind not in "iu":
        raise AnalysisError(
            f"choices have shape {q.shape} and labels {numbers.shape} of type {numbers.dtype}; "
            "(stimulus, class) and a class number for each are needed"
        )
    if not np.isfinite(q).all() or (q < 0).any():
        raise AnalysisError("choices must be counts or probabilities: not negative, no NaN")
    images = np.zeros(1, dtype=np.int64)
    if numbers.size and numbers.min() >= 0:
        images = np.bincount(numbers, minlength=q.shape[1])
    if len(images) != q.shape[1] or (images == 0).any():
        raise AnalysisError(
            f"labels must be class numbers 0 to {q.shape[1] - 1}, with an image of every class: "
            "false alarms are of images of the others"
        )
    return q, numbers
