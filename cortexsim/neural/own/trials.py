"""Behaviour that people bring, trial by trial: accuracy by SOA or deadline, and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.detection import dprime
from cortexsim.analysis.statistics.draws import enough
from cortexsim.analysis.statistics.intervals import finite_quantiles, tails_of
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.settled import Settled, settled
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import described
from cortexsim.neural.own.trial_counts import OF_EACH, Cells
from cortexsim.neural.own.trial_files import columns_of
from cortexsim.neural.own.trial_tables import Trials, checked

if TYPE_CHECKING:
    import xarray

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@clear_errors
def from_trials(
    trials: Any,
    *,
    chance: float | None = None,
    columns: Mapping[str, str] | None = None,
    by: str | None = None,
    within_ms: float | None = None,
    unanswered: str | None = None,
    each: bool = True,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """Accuracy of people by SOA or deadline, and thresholds, from single trials.

    A threshold is the SOA (or deadline) halfway between chance and the asymptote of a Weibull of
    maximum likelihood (``cortexsim.analysis.statistics.psychometric``). The group's accuracy is
    the share of all trials; its intervals are over participants, drawn with replacement (over
    trials where there is one participant). Those of one participant are over trials. SOAs below 0
    are of forward masks (mask first): a curve of their own, with thresholds of their own, below 0;
    an SOA of 0 belongs to neither.

    Parameters
    ----------
    trials : path, DataFrame, mapping of str to array, or xarray.Dataset
        One row a trial: a .csv or .tsv (also .gz), a table in memory, or a benchmark of single
        trials (``neural.load("tang-masking")``). Columns: ``participant``; ``soa_ms`` or
        ``deadline_ms``; perhaps ``mask``; ``correct``, or ``response`` and ``label``; perhaps
        ``rt_ms``. Usual other names (subject, SOA, masked, category, rt) are known, too.
    chance : float, optional
        The guess rate (0 where nobody guesses); one over the number of labels where there are
        ``response`` and ``label``.
    columns : mapping of str to str, optional
        Which column is which, e.g. ``{"participant": "who"}``, where that is not plain.
    by : str, optional
        The column whose values are curves of their own, e.g. a level of noise; by default the
        mask. Masks that are true or 1 are called ``mask``, others ``none``.
    within_ms : float, optional
        Keep answers so near to the deadline only.
    unanswered : {"wrong", "leave out"}, optional
        What becomes of trials without an answer; must be said where there are any.
    each : bool
        Fit a threshold to each participant, too, which takes a tenth of a second for each curve.
    inference : Inference
        ``n`` resamples of participants (1000), ``confidence`` (intervals of the group's
        accuracies are as much wider as Student's for so few; of its threshold, see ``threshold``),
        ``rng``.

    Returns
    -------
    xarray.Dataset
        By (mask, soa_ms), or the names that stand for them: accuracy, accuracy_interval
        ``(..., bound)``, trials, and with reaction times rt_ms (median), with labels dprime;
        right_samples and trials_samples ``(resample, ...)``. By mask: threshold_ms,
        threshold_interval, threshold_status (``ok``, or why there is none: see ``threshold``),
        slope, asymptote; deviance and fit_p, the goodness of fit (Wichmann & Hill 2001; see
        ``threshold``). With SOAs below 0, forward_threshold_ms, ... The same of each participant:
        participant_accuracy, ...

    Raises
    ------
    AnalysisError
        For columns that are not there, or could be several; times in seconds; answers that are
        neither right nor wrong; trials without an answer of which nothing is said.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> soa = np.tile([25, 50, 75, 100, 150], 400)
    >>> who = np.repeat(["ann", "bob", "eve", "max"], 500)
    >>> right = rng.random(2000) < 0.1 + 0.8 * (1 - np.exp(-((soa / 60) ** 2)))
    >>> table = {"participant": who, "soa_ms": soa, "correct": right}
    >>> people = from_trials(table, chance=0.1, inference=Inference(n=50))
    >>> people.accuracy.dims, people.participant_threshold_ms.dims
    (('mask', 'soa_ms'), ('participant', 'mask'))
    >>> bool(abs(people.threshold_ms.item() - 60 * np.log(2) ** 0.5) < 5)
    True
    """
    import xarray

    settings = settled(inference, "from_trials", n=1000)
    enough(settings.n, "resamples")
    table, name = columns_of(trials)
    rows = checked(table, chosen=columns, by=by, within_ms=within_ms, unanswered=unanswered)
    guess = _chance(chance, rows)
    cells, frame = Cells(rows), (rows.curve_name, rows.time_name)
    drawn = cells.drawn(settings)
    variables = {
        **_accuracies(cells, frame, drawn, cells.confidence_of_group(settings)),
        **_more(cells, frame),
    }
    sides = {"": cells.times > 0}
    if (cells.times < 0).any():
        sides["forward_"] = cells.times < 0
    for prefix, side in sides.items():
        group = cells.of_group(drawn, guess, settings, side=side)
        variables |= _thresholds(group, frame[:1], prefix)
        if each:
            own = cells.of_each(guess, settings, side=side)
            variables |= _thresholds(own, ("participant", *frame[:1]), f"participant_{prefix}")
    said = getattr(trials, "attrs", {})
    return xarray.Dataset(
        {k: (dims, values, _attrs(k)) for k, (dims, values) in variables.items()},
        {
            "participant": cells.people.astype(object),
            frame[0]: cells.curves.astype(object),
            frame[1]: (frame[1], cells.times, {"units": "ms"}),
            "bound": np.array(["lower", "upper"], dtype=object),
        },
        {
            **described(name, name, "scipy"),
            **{
                k: said[k] for k in ("title", "citation", "licence", "source", "notes") if k in said
            },
            **_settings(cells, settings, each),
            "chance": guess,
            "unanswered": unanswered or "none, or left out",
            "within_ms": "no limit" if within_ms is None else f"{within_ms:g}",
        },
    )


def _settings(cells: Cells, settings: Settled, each: bool) -> dict[str, Any]:
    """How many there were of what, and what intervals are over."""
    over = "trials of the one participant"
    if len(cells.people) > 1:
        over = (
            "participants, as much wider as Student's for so few; of the group's threshold, "
            "Student's of the jackknife over participants"
        )
    own = f"; of a participant, over {OF_EACH} of trials" if each else ""
    return {
        "interval": f"{settings.confidence:.0%}, percentiles over {settings.n} resamples of {over}"
        + own,
        "participants": len(cells.people),
        "trials": len(cells.rows.time),
        "trials_left_out": cells.rows.left_out,
        "resamples": settings.n,
        "seed": settings.seed,
    }


def _chance(chance: float | None, rows: Trials) -> float:
    """What was said, else one over the number of labels."""
    if chance is None:
        if rows.label is None:
            raise AnalysisError(
                "chance is not known: give chance=..., e.g. 0.5 for two answers (with columns "
                "response and label it is 1 over the number of labels)"
            )
        chance = 1 / len({*rows.label})
    if not 0 <= chance < 1:
        raise AnalysisError(
            f"chance is {chance:g}; it must lie between 0 and 1, e.g. 0.1 for ten answers, 0 where "
            "nobody guesses"
        )
    return float(chance)


def _accuracies(
    cells: Cells, frame: tuple[str, str], drawn: tuple[np.ndarray, np.ndarray], confidence: float
) -> Variables:
    """Shares right of the group and of each participant, and what they are of."""
    total, shown = cells.right.sum(0), cells.shown.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        bounds = finite_quantiles(drawn[0] / drawn[1], tails_of(confidence))
        group, each = total / shown, cells.right / cells.shown
    return {
        "accuracy": (frame, group),
        "accuracy_interval": ((*frame, "bound"), np.moveaxis(bounds, 0, -1)),
        "trials": (frame, shown.astype(np.int64)),
        "participant_accuracy": (("participant", *frame), each),
        "participant_trials": (("participant", *frame), cells.shown.astype(np.int64)),
        "right_samples": (("resample", *frame), drawn[0].astype(np.int64)),
        "trials_samples": (("resample", *frame), drawn[1].astype(np.int64)),
    }


def _thresholds(found: np.ndarray, dims: tuple[str, ...], prefix: str = "") -> Variables:
    """The fields of thresholds as arrays."""

    def of(read: Any, dtype: type = float) -> np.ndarray:
        return np.vectorize(read, otypes=[dtype])(found)

    interval = np.stack([of(lambda t, b=b: t.interval[b]) for b in (0, 1)], axis=-1)
    return {
        f"{prefix}threshold_ms": (dims, of(lambda t: t.threshold_ms)),
        f"{prefix}threshold_interval": ((*dims, "bound"), interval),
        f"{prefix}threshold_status": (dims, of(lambda t: t.status, object)),
        f"{prefix}slope": (dims, of(lambda t: t.slope)),
        f"{prefix}asymptote": (dims, of(lambda t: t.asymptote)),
        f"{prefix}deviance": (dims, of(lambda t: t.deviance)),
        f"{prefix}fit_p": (dims, of(lambda t: t.fit_p)),
    }


def _more(cells: Cells, frame: tuple[str, str]) -> Variables:
    """Median reaction times and d', where there are such columns."""
    rows = cells.rows
    more: Variables = {}
    if rows.rt_ms is not None:
        more["rt_ms"] = (
            frame,
            cells.by_cell(
                rows.rt_ms, lambda v: np.nanmedian(v) if np.isfinite(v).any() else np.nan
            ),
        )
    if rows.label is not None and rows.response is not None:
        names, codes = np.unique(np.concatenate([rows.label, rows.response]), return_inverse=True)
        pairs = codes.reshape(2, -1).T
        if len({*rows.label}) > 1:
            more["dprime"] = (frame, cells.by_cell(pairs, lambda v: _dprime(v, len(names))))
    return more


def _dprime(pairs: np.ndarray, classes: int) -> float:
    """Of labels and answers; NaN where only one class was shown."""
    label, response = pairs.T
    if len(np.unique(label)) < 2:
        return np.nan
    return float(dprime(label, response, classes))


def _attrs(name: str) -> dict[str, str]:
    """What a variable is."""
    units = "proportion correct"
    if name.endswith(("_ms", "threshold_interval")):
        units = "ms"
    elif "trials" in name or "samples" in name:
        units = "trials"
    elif name.endswith("fit_p"):
        units = "probability"
    elif "dprime" in name:
        units = "standard deviations"
    elif name.endswith("status"):
        units = "text"
    elif name.endswith(("slope", "deviance")):
        units = "none"
    return {"kind": "behaviour", "area": "behaviour", "species": "human", "units": units}
