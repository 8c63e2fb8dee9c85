"""How similar recordings are to a brain, step by step, beside its noise ceiling."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis import open_movie
from cortexsim.analysis.evaluation.halves import is_repeated
from cortexsim.analysis.words import whose
from cortexsim.errors import AnalysisError, FixedConditionsWarning
from cortexsim.experiments.compare.brain import load_brain
from cortexsim.experiments.compare.jobs import job_of
from cortexsim.experiments.compare.recorded import open_shown
from cortexsim.experiments.compare.settings import Settings as CompareSettings
from cortexsim.experiments.explorer.opened import Opened
from cortexsim.experiments.explorer.settings import Settings

if TYPE_CHECKING:
    import xarray


def similarity(
    recordings: Sequence[Opened],
    movies: Sequence[str | None],
    neural: str,
    settings: Settings,
) -> dict[str, Any]:
    """The similarity of the RDMs of recordings and of a brain, as ``compare`` gives it.

    Of all images that the brain saw, however many are shown.

    Parameters
    ----------
    recordings : sequence of Opened
        The recordings.
    movies : sequence of path or None
        Their RDM movies, where there are any.
    neural : str
        A benchmark, or a file.
    settings : Settings
        ``measure``, ``target`` and ``n``.

    Returns
    -------
    dict
        name, citation, licence, n; targets: name and, for each recording, its states with time,
        value, low and high, and the ceiling with its own time.

    Raises
    ------
    AnalysisError
        For what ``compare`` refuses, and for data that hold no RDMs.
    """
    brain = load_brain(neural)
    targets = [settings.target] if settings.target else _targets(brain)
    courses: list[dict[str, Any]] = []
    for target in targets:
        results = []
        for opened, movie in zip(recordings, movies, strict=True):
            measure = settings.measure
            if movie is not None:
                measure = str(open_movie(movie).attrs["measure"])
            how = CompareSettings(measure=measure, n=settings.n, permutations=0)
            shown = open_shown(str(opened.path) if movie is None else movie)
            with warnings.catch_warnings():  # the page says it of every brain of one subject
                warnings.simplefilter("ignore", FixedConditionsWarning)
                results.append(job_of("rsa", shown, brain, target=target, settings=how).run())
        courses.append({"name": target, "recordings": [_course(r) for r in results]})
    about = {k: str(brain.attrs.get(k, "")) for k in ("name", "citation", "licence")}
    return {
        **about,
        "n": settings.n,
        "images": int(brain.sizes["stimulus"]),
        "quantity": str(results[0].attrs["quantity"]),
        "targets": courses,
    }


def _targets(brain: xarray.Dataset) -> list[str]:
    """The variables that can be compared by RDMs."""
    rdms = [str(k) for k, v in brain.data_vars.items() if v.attrs.get("kind") == "rdm"]
    names = rdms or [
        str(k)
        for k, v in brain.data_vars.items()
        if v.attrs.get("kind") == "responses" and is_repeated(v)
    ]
    if not names:
        raise AnalysisError(
            f"{brain.attrs.get('name', 'the data')} holds no RDMs and no responses with repeats, "
            "so no similarity by time can be shown; leave --neural out"
        )
    return names


def _course(result: xarray.Dataset) -> dict[str, Any]:
    """The similarity of each state by time, and the ceiling."""
    along = "along_axis" in result
    dim = "time_ms" if along else "step"
    value, interval = ("along_axis", "along_axis_interval") if along else ("evaluation", "interval")
    course = result.isel(network=0)
    ceiling = result.ceiling.transpose("bound", ...)
    return {
        "brain_time": along,
        "time": course["time_ms"].values.astype(float).tolist(),
        "steps": [] if along else course["step"].values.tolist(),
        "states": [
            {
                "name": str(state),
                "value": _numbers(course[value].sel(state=state).transpose(dim)),
                "low": _numbers(_bound(course, interval, state, 0, dim)),
                "high": _numbers(_bound(course, interval, state, 1, dim)),
            }
            for state in course.state.values
        ],
        "ceiling": [_numbers(ceiling.isel(bound=k)) for k in (0, 1)],
        "subjects": int(result.attrs.get("subjects", 1)),
        "whose": whose({"subjects": 1, **result.attrs}),
        "conditions_fixed_in": str(result.attrs.get("conditions_fixed_in", "nothing")),
    }


def _bound(course: xarray.Dataset, name: str, state: Any, bound: int, dim: str) -> Any:
    """One side of the interval of a state."""
    return course[name].sel(state=state).isel(bound=bound).transpose(dim)


def _numbers(values: Any) -> list[float | None]:
    """JSON numbers; None for what is NaN."""
    flat = np.atleast_1d(np.asarray(values, dtype=float))
    return [float(v) if np.isfinite(v) else None for v in flat]
