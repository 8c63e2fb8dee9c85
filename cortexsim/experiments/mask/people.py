"""A network under masks beside people: how alike the curves over SOAs are, steps being ms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.draws import enough
from cortexsim.analysis.statistics.intervals import order_statistics, tails_of
from cortexsim.errors import AnalysisError
from cortexsim.experiments.mask.curves import (
    LEAST_SOAS,
    Curves,
    curves_of_network,
    curves_of_people,
    mask_named,
)
from cortexsim.experiments.mask.design import UNMASKED

if TYPE_CHECKING:
    import xarray

DURATIONS = ("step_ms_low", "step_ms", "step_ms_high")


def at_soas(
    curve: np.ndarray, steps: np.ndarray, step_ms: float, *, soa_ms: np.ndarray
) -> np.ndarray:
    """A network's curve at the SOAs of people if a step lasts so long.

    Parameters
    ----------
    curve : array of shape (..., soa)
        Over the SOAs that the network saw.
    steps : array of shape (soa,)
        Those, ascending.
    step_ms : float
        Duration of a step.
    soa_ms : array of shape (people's soa,)
        Where to read it.

    Returns
    -------
    array of shape (..., people's soa)
        Linear between, NaN outside.

    Examples
    --------
    >>> steps = np.array([1.0, 2, 4])
    >>> at_soas(np.array([0.0, 1, 3]), steps, 25.0, soa_ms=np.array([25.0, 75, 150]))
    array([ 0.,  2., nan])
    """
    x = steps * step_ms
    read = np.full((*curve.shape[:-1], len(soa_ms)), np.nan)
    for k, soa in enumerate(soa_ms):
        if len(x) > 1 and x[0] - 1e-9 <= soa <= x[-1] + 1e-9:
            j = min(max(int(np.searchsorted(x, soa)) - 1, 0), len(x) - 2)
            w = (soa - x[j]) / (x[j + 1] - x[j])
            read[..., k] = (1 - w) * curve[..., j] + w * curve[..., j + 1]
    return read


def interval_of(drawn: np.ndarray) -> list[float]:
    """95 % interval; order statistics, for thresholds may be 0 or infinite."""
    return [float(v) for v in order_statistics(drawn, tails_of(0.95))]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; NaN where one side does not vary. Differences by rounding are ties."""
    from scipy import stats

    a, b = (stats.rankdata(np.round(v, 9)) for v in (a, b))
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else np.nan


def beside(people: Curves, network: Curves, step_ms: float) -> dict[str, Any]:
    """A network's curves beside those of people, if a step lasts so long.

    Rank correlations of few SOAs are coarse, and curves that both rise have one of 1 by that alone:
    the difference and the ratio say more.

    Parameters
    ----------
    people : Curves
        In ms.
    network : Curves
        In steps.
    step_ms : float
        Duration of a step.

    Returns
    -------
    dict
        soa_ms_compared; of at least 4 SOAs spearman_masked_curve, spearman_masking_effect and
        masked_model_minus_people (mean difference of the normalised masked curves), each with
        value and interval, over people and stimuli; threshold_ratio (see :func:`ratio`).
    """
    n = min(len(people.masked), len(network.masked))
    mine = {
        name: at_soas(getattr(network, name)[:n], network.soa, step_ms, soa_ms=people.soa)
        for name in ("unmasked", "masked")
    }
    both = np.isfinite(mine["masked"][0])
    result: dict[str, Any] = {"step_ms": step_ms, "soa_ms_compared": people.soa[both]}
    if both.sum() >= LEAST_SOAS:
        unmasked, masked = (mine[k][:, both] for k in ("unmasked", "masked"))
        theirs = {k: getattr(people, k)[:n, both] for k in ("unmasked", "masked")}
        pairs = {
            "masked_curve": (masked, theirs["masked"]),
            "masking_effect": (unmasked - masked, theirs["unmasked"] - theirs["masked"]),
        }
        for name, (a, b) in pairs.items():
            rho = np.array([spearman(x, y) for x, y in zip(a, b, strict=True)])
            result[f"spearman_{name}"] = {"value": rho[0], "interval": interval_of(rho[1:])}
        gap = (masked - theirs["masked"]).mean(1)
        result["masked_model_minus_people"] = {
            "value": gap[0],
            "interval": interval_of(gap[1:]),
        }
    return result | {"threshold_ratio": ratio(people, network, step_ms)}


def ratio(people: Curves, network: Curves, step_ms: float) -> dict[str, Any]:
    """Threshold of the network over that of people; a bound where it lies outside its SOAs.

    Parameters
    ----------
    people : Curves
        In ms.
    network : Curves
        In steps.
    step_ms : float
        Duration of a step.

    Returns
    -------
    dict
        status (of the network's threshold), people_ms, value (None where there is none), and
        interval, at_most or at_least.
    """
    status = network.threshold.status
    first, last = network.soa[0] * step_ms, network.soa[-1] * step_ms
    their = people.threshold.threshold_ms
    result: dict[str, Any] = {"status": status, "people_ms": their}
    if status == "ok":
        n = min(len(network.threshold_draws), len(people.threshold_draws))
        mine = network.threshold.threshold_ms * step_ms
        # Both at infinity or at 0 have no ratio.
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = network.threshold_draws[:n] * step_ms / people.threshold_draws[:n]
        return result | {"model_ms": mine, "value": mine / their, "interval": interval_of(drawn)}
    if status.startswith("below"):
        return result | {"value": None, "at_most": first / their}
    if status.startswith("above"):
        return result | {"value": None, "at_least": last / their}
    return result | {"value": None}


def beside_people(
    result: xarray.Dataset,
    people: xarray.Dataset,
    *,
    network: str | None = None,
    lesion: str = "none",
    mask: str | None = None,
    people_mask: str | None = None,
    readout: int | None = None,
    n: int = 1000,
    seed: int = 0,
) -> xarray.Dataset:
    """A masking experiment beside the trials of people: how alike the curves over SOAs are.

    Steps become ms by one factor, the duration of a step: the low, nominal and high one that the
    experiment declares. Accuracies are (accuracy - chance) / (1 - chance).

    Parameters
    ----------
    result : xarray.Dataset
        What ``cortexsim mask`` wrote.
    people : xarray.Dataset
        What ``neural.from_trials`` returns: a benchmark's, or trials of your own.
    network : str, optional
        Which network; needed where there are several.
    lesion : str
        Of the network.
    mask, people_mask : str, optional
        Which mask, of the network and of the people; needed where there are several.
    readout : int, optional
        Step at which the network answers; the last with all answers by default.
    n : int
        Resamples of stimuli; as many are compared with resamples of people, one to one.
    seed : int
        Of the resamples.

    Returns
    -------
    xarray.Dataset
        By step_ms: masked_difference (network less people), spearman_masked, spearman_effect,
        threshold_ratio and threshold_ms (of the network), each with ``..._interval``
        ``(step_ms, bound)``; soas, how many SOAs were compared; threshold_bound (``at most``, ``at
        least``, or ``""``). NaN where it cannot be computed.

    Raises
    ------
    AnalysisError
        For choices that are not there or not made, and people without a threshold or without
        curves by mask and SOA.

    Examples
    --------
    >>> people = neural.from_trials("trials.csv", chance=0.2)  # doctest: +SKIP
    >>> beside_people(xarray.open_dataset("masking.nc"), people)  # doctest: +SKIP
    """
    import xarray

    enough(n, "resamples")
    theirs = curves_of_people(people, people_mask)
    chosen = _chosen(result, network=network, lesion=lesion)
    kind = mask_named(chosen["mask"].values, mask, "the network's results")
    at = int(readout if readout is not None else _last(chosen))
    if at not in chosen.readout.values:
        raise AnalysisError(f"there is no readout {at}; choose from {chosen.readout.values}")
    shown = chosen.sel(mask=[UNMASKED, kind], readout=at)
    if bool(shown.accuracy.isnull().any()):
        raise AnalysisError(f"the network has no answer at readout {at} for some SOAs")
    right = shown.guess.transpose("mask", "soa_ms", "stimulus").values == shown.label.values
    mine = curves_of_network(
        right, shown.soa_steps.values, chance=float(result.attrs["chance"]), n=n, seed=seed
    )
    axis = json.loads(result.attrs["time_axis"])
    durations = [float(axis[k]) for k in DURATIONS]
    rows = [beside(theirs, mine, d) for d in durations]
    return xarray.Dataset(
        _variables(rows),
        {"step_ms": ("step_ms", durations, {"units": "ms"}), "bound": ["lower", "upper"]},
        {
            "network": str(chosen.network.item()),
            "lesion": lesion,
            "mask": kind,
            "readout": at,
            "people": str(people.attrs.get("name", "own data")),
            "people_threshold_ms": theirs.threshold.threshold_ms,
            "people_threshold_status": theirs.threshold.status,
            "threshold_status": mine.threshold.status.replace(" ms", " steps"),
            "normalisation": "(accuracy - chance) / (1 - chance)",
            "interval": f"95 %, percentiles over {n} resamples of stimuli, each with one of people",
            "seed": seed,
        },
    )


def _chosen(result: xarray.Dataset, *, network: str | None, lesion: str) -> xarray.Dataset:
    """One network and lesion of a result."""
    if not {"network", "lesion", "mask", "soa_ms", "readout"} <= set(result.dims):
        raise AnalysisError(
            f"the result has the dimensions {tuple(result.dims)}; give what cortexsim mask wrote"
        )
    names = [str(v) for v in result.network.values]
    if network is None and len(names) > 1:
        raise AnalysisError(f"the result holds {', '.join(names)}; say which with network=...")
    for what, value in (("network", network or names[0]), ("lesion", lesion)):
        if value not in result[what].values:
            raise AnalysisError(
                f"there is no {what} {value!r}; choose from "
                f"{', '.join(map(str, result[what].values))}"
            )
    return result.sel(network=network or names[0], lesion=lesion)


def _last(chosen: xarray.Dataset) -> int:
    """The last readout with an answer under every condition."""
    complete = chosen.accuracy.notnull().all(("mask", "soa_ms")).values
    if not complete.any():
        raise AnalysisError(
            "at no readout has the network an answer for all SOAs; give readout=..."
        )
    return int(chosen.readout.values[complete][-1])


def _variables(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What :func:`beside` said of each duration, as variables."""
    nothing = {"value": np.nan, "interval": [np.nan, np.nan]}
    names = {
        "masked_difference": "masked_model_minus_people",
        "spearman_masked": "spearman_masked_curve",
        "spearman_effect": "spearman_masking_effect",
        "threshold_ratio": "threshold_ratio",
    }
    found: dict[str, Any] = {}
    for ours, name in names.items():
        each = [{**nothing, **row.get(name, {})} for row in rows]
        values = [np.nan if row["value"] is None else float(row["value"]) for row in each]
        found[ours] = ("step_ms", np.array(values))
        found[f"{ours}_interval"] = (("step_ms", "bound"), np.array([e["interval"] for e in each]))
    ratios = [row["threshold_ratio"] for row in rows]
    for word in ("at_most", "at_least"):
        for k, row in enumerate(ratios):
            if word in row:
                found["threshold_ratio"][1][k] = row[word]
    bounds = [
        "".join(w.replace("_", " ") for w in ("at_most", "at_least") if w in r) for r in ratios
    ]
    found["threshold_bound"] = ("step_ms", np.array(bounds, dtype=object))
    found["threshold_ms"] = ("step_ms", np.array([r.get("model_ms", np.nan) for r in ratios]))
    found["soas"] = ("step_ms", np.array([len(row["soa_ms_compared"]) for row in rows]))
    return found
