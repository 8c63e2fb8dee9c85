"""Whether one state, step or network predicts responses better than another: a paired test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.scores import (
    Held,
    by_split,
    finite_mean,
    finite_median,
    resampled,
)
from cortexsim.analysis.statistics.draws import draw, generator_of
from cortexsim.analysis.statistics.intervals import draw_variance
from cortexsim.analysis.statistics.pvalues import corrected, t_quantile, t_test, two_factor
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.provenance import provenance
from cortexsim.shapes import Float, Int

if TYPE_CHECKING:
    import xarray

FACTORS = ("stimulus", "unit")
NEEDED = ("prediction", "measured", "fold", "group")
ITEMS = ("stimulus", "unit")
SAME = 1e-9  # of the responses: what differs by less was rounded in another file
ALIKE = 1e-12  # correlations that differ by less are the same


@clear_errors
def encode_difference(
    a: xarray.Dataset,
    b: xarray.Dataset,
    *,
    noise_corrected: bool = False,
    inference: Inference = Inference(),
) -> xarray.Dataset:
    """How much better a predicts than b, unit by unit on the same stimuli, and whether it does.

        difference = mean over units of (r_a - r_b)

    The units and the stimuli that are drawn are the same on both sides. Each side is one frame, or
    more: what only one side has (say the states and steps of b) is compared throughout, what both
    have must be the same and is compared place by place.

    Parameters
    ----------
    a : Dataset
        Of ``encode`` with ``predictions=True``, of the same responses with the same folds (``cv``
        and ``inference.rng``); chosen with ``.sel``, e.g. ``result.sel(state="V4", step=4)``.
    b : Dataset
        Likewise, of the other network, state or step.
    noise_corrected : bool
        Of r_noise_corrected = r / sqrt(reliability), over the units that are reliable, instead of
        r. The reliability is taken as known.
    inference : Inference
        ``resample``: ``("stimulus", "unit")`` unless given (then with the variance of the 2-factor
        bootstrap), or one of them, to which alone the statement then generalises. ``n``: 1000.
        ``correction``: of p over all differences, ``holm`` (unless given), ``fdr`` or ``none``.
        ``confidence``, ``rng``.

    Returns
    -------
    Dataset
        difference, standard_error, interval (bound), p (two-sided, Student's t) and p_corrected;
        median_difference (over units; without a test), median_r_a and median_r_b (whose difference
        is not paired), units (how many have both). p is NaN where both sides predict alike.

    Notes
    -----
    With both factors drawn, two equally good sets of features differ with p < 0.05 in 5 % of
    simulated experiments (100 stimuli, 30 units), with stimuli alone in 10 %, and with units alone
    in 18 %: the one speaks of these units only, the other of these stimuli. The fits are not
    repeated: with other folds (``inference.rng`` of both ``encode``) a small difference keeps its
    size better than its p, so look at several. A frame that was chosen because it is the best of
    these data is too good for its p: choose it beforehand, or on other data.

    The difference of the medians over units (median_r_a - median_r_b) is another number: medians do
    not pair the units, so that a bootstrap of it over units is two to three times as wide.

    Raises
    ------
    AnalysisError
        For results without predictions (or, if asked for, reliabilities), of other stimuli, units,
        responses or folds, and of less than 2 units or groups of stimuli where these are drawn.

    References
    ----------
    Schuett et al. 2023 (2-factor bootstrap).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 9))
    >>> y = x @ rng.normal(size=(9, 40)) + rng.normal(size=(60, 40))
    >>> from cortexsim.analysis import encode
    >>> quick = Inference(n=100)
    >>> clear, vague = (
    ...     encode(z, y, predictions=True, inference=quick)
    ...     for z in (x, x + rng.normal(size=x.shape))
    ... )
    >>> result = encode_difference(clear, vague, inference=quick)
    >>> bool(result.difference > 0.1), bool(result.p < 0.001)
    (True, True)
    """
    import xarray

    asked = inference.completed(
        "encode_difference", resample=FACTORS, n=1000, confidence=0.95, correction="holm", rng=0
    )
    factors = asked.factors(FACTORS)
    if not factors:
        raise AnalysisError("resample=() leaves nothing to test by; give stimulus, unit or both")
    first, second, shared = _sides(a, b, noise_corrected)
    rng = generator_of(asked.rng)
    n, units = int(asked.n or 0), first.measured.shape[-1]
    if "unit" in factors and units < 2:
        raise AnalysisError("1 unit cannot be resampled; give resample=('stimulus',)")
    drawn = _Draws(
        draw(rng, n, first.group, "stimulus" in factors, "stimulus"),
        rng.integers(units, size=(n, units)) if "unit" in factors else None,
        int(first.group.max()) + 1,
    )
    dims, sizes, places = _pairs(first, second)
    rows = [_one(first, second, pair, drawn) for pair in places]
    values = {k: np.array([row[k] for row in rows]).reshape(sizes) for k in rows[0]}
    dof = drawn.smallest(units) - 1
    margin = t_quantile(asked.confidence, dof) * values["standard_error"]
    variance = np.asarray(values["standard_error"] ** 2)
    p = t_test(values["difference"], variance, dof, two_sided=True)
    variables: dict[str, Any] = {k: (dims, v) for k, v in values.items()}
    variables["interval"] = (
        ("bound", *dims),
        np.stack([values["difference"] - margin, values["difference"] + margin]),
    )
    variables["p"] = (dims, p)
    variables["p_corrected"] = (dims, corrected(p, str(asked.correction)))
    return xarray.Dataset(
        variables,
        {**shared, "bound": ["lower", "upper"]},
        {
            "analysis": "encode_difference",
            "resample": ", ".join(factors),
            "n": n,
            "seed": asked.seed,
            "confidence": asked.confidence,
            "correction": asked.correction,
            "noise_corrected": int(noise_corrected),
            "degrees_of_freedom": dof,
            "stimuli": len(first.group),
            "provenance": json.dumps(provenance("scipy", "xarray")),
        },
    )


@dataclass(frozen=True)
class _Side:
    """One result: predictions ``(*frame, stimulus, unit)`` and what was measured.

    root: ``(*frame of what was measured, unit)`` by which a correlation is divided.
    """

    dims: tuple[str, ...]
    prediction: np.ndarray
    measured: np.ndarray
    measured_dims: tuple[str, ...]
    root: np.ndarray
    fold: np.ndarray
    group: np.ndarray

    def held(self, place: dict[str, int]) -> list[Held] | None:
        """The held-out stimuli of each split of a frame; None where it is not populated."""
        predicted = self.prediction[tuple(place[d] for d in self.dims)]
        if np.isnan(predicted).all():
            return None
        measured = self.measured[self._measured_at(place)]
        tests = [np.flatnonzero(self.fold == k) for k in range(self.fold.max() + 1)]
        unused = np.zeros(measured.shape[1])  # of the errors only
        return [Held(t, predicted[t], measured[t], unused) for t in tests]

    def root_at(self, place: dict[str, int]) -> np.ndarray:
        """By which the correlations of a frame are divided."""
        return self.root[self._measured_at(place)]

    def _measured_at(self, place: dict[str, int]) -> tuple[int, ...]:
        return tuple(place[d] for d in self.measured_dims)


@dataclass(frozen=True)
class _Draws:
    """The stimuli (counts) and units (indices, or None) of each resample."""

    stimuli: np.ndarray
    units: np.ndarray | None
    groups: int

    def smallest(self, units: int) -> int:
        """How many members the smallest factor has that is drawn."""
        drawn = [self.groups] * (len(self.stimuli) > 1) + [units] * (self.units is not None)
        return min(drawn)


def _sides(a: Any, b: Any, noise_corrected: bool) -> tuple[_Side, _Side, dict[str, Any]]:
    """Both results, checked, with the stimuli in one order; and the coordinates of the frames."""
    needed = (*NEEDED, *(("reliability", "reliable") if noise_corrected else ()))
    for name, result in (("a", a), ("b", b)):
        lacking = [k for k in needed if k not in getattr(result, "data_vars", {})]
        if lacking:
            raise AnalysisError(
                f"{name} has no {', '.join(lacking)}; give results of encode(..., "
                "predictions=True)"
                + (" with repeats or reliability=..." if noise_corrected else "")
            )
    b = _same_stimuli(a, b)
    _same_units(a, b)
    sides = []
    for result in (a, b):
        dims = tuple(str(d) for d in result.prediction.dims if d not in ITEMS)
        of = tuple(str(d) for d in result.measured.dims if d not in ITEMS)
        measured = result.measured.transpose(*of, *ITEMS).values.astype(np.float64)
        root = np.ones((*measured.shape[: len(of)], measured.shape[-1]))
        if noise_corrected:
            reliability = result.reliability.where(result.reliable)
            root = np.sqrt(reliability.transpose(*of, "unit").values)
        sides.append(
            _Side(
                dims,
                result.prediction.transpose(*dims, *ITEMS).values,
                measured,
                of,
                root,
                result.fold.values,
                result.group.values,
            )
        )
    _same_responses(*sides)
    shared: dict[str, Any] = {}
    for side, result in zip(sides, (a, b)):
        for d in side.dims:
            if d in shared and not np.array_equal(shared[d].values, result[d].values):
                raise AnalysisError(
                    f"a and b have different {d}s ({_few(shared[d].values)} and "
                    f"{_few(result[d].values)}); choose the same, or one of a side with .sel"
                )
            shared[d] = result[d]
    return sides[0], sides[1], {d: c.variable for d, c in shared.items()}


def _same_stimuli(a: xarray.Dataset, b: xarray.Dataset) -> xarray.Dataset:
    """b with the stimuli in the order of a."""
    if a.sizes["stimulus"] != b.sizes["stimulus"]:
        raise AnalysisError(
            f"a is of {a.sizes['stimulus']} stimuli and b of {b.sizes['stimulus']}; the test is "
            "paired, so both must be of the same"
        )
    if "stimulus_id" not in a.coords or "stimulus_id" not in b.coords:
        return b
    where = {s: k for k, s in enumerate(b.stimulus_id.values)}
    missing = [s for s in a.stimulus_id.values if s not in where]
    if missing:
        raise AnalysisError(
            f"{len(missing)} stimuli of a are not in b ({_few(missing)}); the test is paired, so "
            "both must be of the same"
        )
    return b.isel(stimulus=[where[s] for s in a.stimulus_id.values])


def _same_units(a: xarray.Dataset, b: xarray.Dataset) -> None:
    """AnalysisError for other units."""
    if not np.array_equal(a.unit.values, b.unit.values):
        raise AnalysisError(
            f"a is of the units {_few(a.unit.values)} and b of {_few(b.unit.values)}; the test is "
            "paired, so both must be of the same in the same order"
        )


def _same_responses(a: _Side, b: _Side) -> None:
    """AnalysisError for other responses or folds."""
    scale = np.abs(a.measured).max()
    alike = a.measured_dims == b.measured_dims and a.measured.shape == b.measured.shape
    if not alike or np.abs(a.measured - b.measured).max() > SAME * scale:
        raise AnalysisError(
            "a and b predict different responses (choose the same time_ms on both sides); the "
            "test is paired, so both must be of the same"
        )
    if not np.array_equal(a.fold, b.fold) or not np.array_equal(a.group, b.group):
        raise AnalysisError(
            "a and b hold out different folds; give encode the same cv and the same "
            "Inference(rng=...), and stimuli of the same ids"
        )


def _pairs(
    a: _Side, b: _Side
) -> tuple[tuple[str, ...], tuple[int, ...], list[tuple[dict[str, int], dict[str, int]]]]:
    """The axes of the differences, their sizes, and at each place the frames of a and b."""
    sizes = dict(zip(a.dims, a.prediction.shape)) | dict(zip(b.dims, b.prediction.shape))
    places = []
    for index in np.ndindex(*sizes.values()):
        place = dict(zip(sizes, map(int, index)))
        places.append(({d: place[d] for d in a.dims}, {d: place[d] for d in b.dims}))
    return tuple(sizes), tuple(sizes.values()), places


def _one(
    a: _Side, b: _Side, places: tuple[dict[str, int], dict[str, int]], drawn: _Draws
) -> dict[str, float]:
    """The difference of two frames, its standard error, and what it is the difference of."""
    held = [side.held(place) for side, place in zip((a, b), places)]
    names = (
        "median_r_a",
        "median_r_b",
        "median_difference",
        "difference",
        "standard_error",
        "units",
    )
    if held[0] is None or held[1] is None:
        return dict.fromkeys(names, np.nan)
    sides = [h for h in held if h is not None]
    root = a.root_at(places[0])
    r = [finite_mean(by_split(h)) / root for h in sides]
    point = r[0] - r[1]
    alike = np.nanmax(np.abs(point), initial=0) < ALIKE
    spread = np.nan if alike else np.sqrt(_variance(sides, point, root, drawn=drawn))
    medians = (float(finite_median(x)) for x in (*r, point))
    return dict(zip(names, (*medians, float(finite_mean(point)), spread, np.isfinite(point).sum())))


def _variance(
    sides: Sequence[Sequence[Held]],
    point: Float[np.ndarray, " unit"],
    root: Float[np.ndarray, " unit"],
    *,
    drawn: _Draws,
) -> float:
    """Of the mean difference over new stimuli and units."""
    units, groups = len(point), drawn.groups
    by_kind = {}
    if drawn.units is not None:
        by_kind["unit"] = _means(point[None], drawn.units)
    if len(drawn.stimuli) > 1:
        each = (resampled(sides[0], drawn.stimuli) - resampled(sides[1], drawn.stimuli)) / root
        by_kind["stimulus"] = finite_mean(each, axis=1)
        if drawn.units is not None:
            by_kind["both"] = _means(each, drawn.units)
    v = {k: draw_variance(x[:, None]) for k, x in by_kind.items()}
    if "both" in v:
        of_both = two_factor(v["both"], v["unit"], v["stimulus"], subjects=units, conditions=groups)
        return float(of_both[0])
    kind, single = next(iter(v.items()))
    size = units if kind == "unit" else groups
    return float(single[0] * size / (size - 1))


def _means(
    values: Float[np.ndarray, "draw unit"], units: Int[np.ndarray, "resample unit"]
) -> Float[np.ndarray, " resample"]:
    """Means over the units of each resample."""
    wide = np.broadcast_to(values, (len(units), values.shape[1]))
    return finite_mean(np.take_along_axis(wide, units, axis=1), axis=1)


def _few(names: Any) -> str:
    """The first names."""
    listed = [str(n) for n in np.atleast_1d(names)]
    return ", ".join(listed[:3]) + (f", ... ({len(listed)})" if len(listed) > 3 else "")
