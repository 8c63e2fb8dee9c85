"""Encoding: how well each state at each step predicts responses that the fit has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.frame_scores import frame_scores
from cortexsim.analysis.linear.frames import Frames, frames
from cortexsim.analysis.linear.grid import DIMS, coordinates_of, on_grid, without_absent_axes
from cortexsim.analysis.linear.nulls import null_tests
from cortexsim.analysis.linear.patterns import Patterns
from cortexsim.analysis.linear.plan import FACTORS, RELIABLE, Plan, plan_of, torch_device
from cortexsim.analysis.linear.regression import PENALISED
from cortexsim.analysis.linear.responses import Responses, responses_of
from cortexsim.analysis.linear.settings import Regression, projector
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.analysis.statistics.settled import settled
from cortexsim.analysis.statistics.sizes import room_for
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.progress import bar as progress_bar
from cortexsim.provenance import provenance
from cortexsim.tasks import on_cluster
from cortexsim.threads import free_threads

if TYPE_CHECKING:
    import xarray

TEXT = {
    "equation": "r: Pearson correlation with held-out responses, mean over splits; r2 = 1 - SSE / "
    "SSE of the training mean; r_noise_corrected = r / sqrt(reliability)",
    "interval_text": "percentiles of the median over units when {} are drawn with replacement; "
    "the fits are not repeated, so it speaks of these fits",
    "null_text": "stimuli of the responses permuted, everything fitted again, penalties included",
}
# Dimensions before (state, step), and how many of (time_ms, unit) come after: 1 if not said.
LEADING: dict[str, tuple[str, ...]] = {
    "median_r_by_split": ("split",),
    "alpha": ("split",),
    "rank": ("split",),
    "interval": ("bound",),
    "interval_noise_corrected": ("bound",),
    "null": ("permutation",),
    "prediction": ("stimulus",),
}
TRAILING = {
    **dict.fromkeys(("r", "r2", "alpha", "r_noise_corrected", "p_unit", "prediction"), 2),
    "not_converged": 0,
}
LIBRARIES = {"ridge": "himalaya", "pls": "scikit-learn", "reduced-rank": "torch"}  # they solve


@dataclass(frozen=True)
class Job:
    """What all states and steps are encoded with.

    Parameters
    ----------
    x : Frames
        Patterns, read one at a time.
    y : Responses
        What they predict.
    plan : Plan
        Splits, resamples and permutations.
    project : callable
        Of one frame, to fewer features.
    device : torch.device
        Where fits are.
    """

    x: Frames
    y: Responses
    plan: Plan
    project: Callable[[np.ndarray], np.ndarray]
    device: Any

    def scores(self, frame: tuple[int, int]) -> dict[str, np.ndarray]:
        """Of one state and step; no more of the features is held than that."""
        with free_threads():
            patterns = Patterns(
                self.project(self.x.frame(*frame)), self.device, self.x.where(*frame)
            )
            return frame_scores(patterns, self.y, self.plan)


@clear_errors
def encode(
    features: Any,
    responses: Any,
    *,
    regression: Regression = Regression(),
    cv: CrossValidation = CrossValidation(),
    inference: Inference = Inference(),
    reliability: Any = None,
    least_reliability: float = RELIABLE,
    states: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    predictions: bool = False,
    progress: bool = False,
    client: Any = None,
) -> xarray.Dataset:
    """How well a linear map from each state and step predicts held-out responses, unit by unit.

        r_noise_corrected = r / sqrt(reliability)

    Parameters
    ----------
    features : path, DataTree, array, DataArray or dict
        A recording (read frame by frame), an array (stimulus, feature), a DataArray with
        dimensions stimulus, perhaps step, and features, or a dictionary state -> such.
    responses : array of shape (stimulus, unit), or DataArray
        Of the same stimuli: joined by ``stimulus_id`` (or a stimulus index) where both have it,
        else in the same order. A DataArray has stimulus, unit, perhaps time_ms and repeat (or
        trial).
    regression : Regression
        Method (``ridge``, ``pls`` or ``reduced-rank``), penalties, components, ranks,
        ``reduce``, and device.
    cv : CrossValidation
        ``splits="folds"``, disjoint ones, or ``"shuffle"``, Brain-Score's ten random splits with
        a tenth held out (without its stratification by object). Who is held out with whom follows
        from the ids of the stimuli (from their order, where there are none) and the seed alone.
    inference : Inference
        ``resample``: what the interval of the median over units is a bootstrap of,
        ``("stimulus",)``, ``("unit",)``, both (the default; rather too wide than too narrow), or
        ``()``; the fits are not repeated. At a nominal 95 % the score of these fits on many new
        stimuli was held in all of 150 simulations by both, in 90 % by ``("stimulus",)`` (80
        stimuli; 92 % of 240; tests/analysis/linear/test_encoding_levels.py). ``n``: 1000.
        ``permutations``: of the stimuli of the responses, with everything fitted again; each costs
        a fit of all units (1000 for a table; by default 0, none).
    reliability : array of shape (unit,) or (time, unit), optional
        Of the mean responses; from repeats, if there are any, the split-half correlation stepped
        up to all repeats (Spearman-Brown).
    least_reliability : float
        Units below it are left out of what is corrected, and counted.
    states : str or sequence of str, optional
        Chosen from a recording; default all.
    steps : int or sequence of int, optional
        Chosen from a recording; default all.
    predictions : bool
        Keep what ``encode_difference`` needs: ``prediction (stimulus, ...)``, of each stimulus by
        the fit that has not seen it, the responses as ``measured``, and ``fold`` and ``group``
        ``(stimulus,)``.
    progress : bool
        Show a bar.
    client : distributed.Client, optional
        Of a cluster of dask that sees the recording under the same path: each state and step is
        a task. Default: one after the other here.

    Returns
    -------
    Dataset
        By (state, step, time_ms, unit), less the axes that the inputs do not have: r, r2, alpha
        ``(split, ...)``; over units: median_r, units (how many), interval ``(bound, ...)``,
        median_r_by_split (its mean is Brain-Score's raw score); with a reliability reliable,
        r_noise_corrected, median_r_noise_corrected and interval_noise_corrected (divided by
        sqrt(reliability)); with permutations null_high, p, p_corrected (maximum
        over states, steps, times), p_unit; with pls not_converged (fits whose iterations did not
        end); with reduced-rank the ``rank`` that was chosen ``(split, ...)``. NaN where a state is
        not populated or a response is constant in every test set.

    Raises
    ------
    AnalysisError
        For what is no number, different stimuli, too few stimuli, patterns without variance
        (naming state and step).

    References
    ----------
    Ridge: Hoerl & Kennard 1970, solved by himalaya (Dupre la Tour et al. 2022). PLS: as in
    Schrimpf et al. 2018, whose ceiled score is (r / reliability)^2. Correction: Spearman 1904,
    Schoppe et al. 2016. Reduced rank: Semedo et al. 2019. Bootstrap of two factors:
    Owen 2007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 9))
    >>> y = x @ rng.normal(size=(9, 40)) + rng.normal(size=(60, 40))
    >>> result = encode(x, y, inference=Inference(n=100))
    >>> bool(result.median_r > 0.5), result.interval.dims
    (True, ('bound',))
    """

    asked = settled(inference, "encode", resample=FACTORS, n=1000, permutations=0)
    x = frames(features, states, steps)
    if x.axis != "step":
        raise AnalysisError(
            "the features are by time_ms; rename that axis: features.rename(time_ms='step')"
        )
    y = responses_of(responses, reliability, asked.rng, like=x.items)
    device = torch_device(regression.device)
    plan = plan_of(
        y, regression, cv, inference=asked, least=least_reliability, predictions=predictions
    )
    if predictions:
        room_for(
            dict(zip(("frame", "stimulus", "time_ms", "unit"), (len(x.all()), *y.values.shape))),
            "predictions",
            "choose states and steps",
        )
    project = projector(regression.reduce, asked.rng)
    job, items = Job(x, y, plan, project, device), x.all()
    done = map(job.scores, items) if client is None else on_cluster(client, Job.scores, job, items)
    bar = progress_bar(done, total=len(items), doing="encoding", unit="frames", shown=progress)
    by_frame = dict(zip(items, bar, strict=True))
    penalised, pls = plan.method in PENALISED, plan.method == "pls"
    settings = {
        "analysis": "encode",
        "method": plan.method,
        "splits": cv.splits,
        "folds": len(plan.splits),
        "inner_folds": int(cv.inner_folds) if penalised else 0,
        "alphas": json.dumps(plan.settings.alphas.tolist()) if penalised else "",
        "components": int(regression.components) if pls else 0,
        "ranks": json.dumps(plan.settings.ranks.tolist()) if plan.method == "reduced-rank" else "",
        "reduce": regression.reduce or "none",
        "resample": ", ".join(plan.factors) or "none",
        "n": len(plan.counts) if plan.factors else 0,
        "permutations": len(plan.permutations),
        "confidence": asked.confidence,
        "least_reliability": least_reliability,
        "stimuli": x.count,
        "seed": asked.seed,
        "device": str(device),
    }
    return _assembled(by_frame, x, y, plan=plan, settings=settings)


def _assembled(
    by_frame: dict[tuple[int, int], dict[str, np.ndarray]],
    x: Frames,
    y: Responses,
    *,
    plan: Plan,
    settings: dict[str, Any],
) -> xarray.Dataset:
    """All frames on the grid, with coordinates; axes that the inputs did not have are gone."""
    import xarray

    variables: dict[str, Any] = {
        **on_grid(by_frame, x, LEADING, trailing=lambda name: TRAILING.get(name, 1))
    }
    if "null" in variables:
        null = variables.pop("null")[1]
        tests = null_tests(variables["median_r"][1], null, plan.confidence)
        variables |= {name: (DIMS[:3], values) for name, values in tests.items()}
    if y.reliability is not None:
        reliable = np.nan_to_num(y.reliability, nan=-1) >= plan.least
        variables["reliability"] = (DIMS[2:], y.reliability)
        variables["reliable"] = (DIMS[2:], reliable)
        settings["units_not_reliable"] = int((~reliable).sum())
    if plan.predictions:
        fold = np.empty(x.count, dtype=np.int64)
        for k, split in enumerate(plan.splits):
            fold[split.test] = k
        variables["fold"], variables["group"] = ("stimulus", fold), ("stimulus", plan.groups)
        variables["measured"] = (("stimulus", *DIMS[2:]), y.values)
    resampled = " and ".join(plan.factors) or "nothing"
    text = {**TEXT, "interval_text": TEXT["interval_text"].format(resampled)}
    packages = ("xarray", LIBRARIES[plan.method])
    attributes = {**settings, **text, "provenance": json.dumps(provenance(*packages))}
    coords = coordinates_of(x, y)
    if plan.predictions and x.ids is not None:
        coords["stimulus_id"] = ("stimulus", x.ids)
    result = xarray.Dataset(variables, coords, attributes)
    return without_absent_axes(result, x, y)
