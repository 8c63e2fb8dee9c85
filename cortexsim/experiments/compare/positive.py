"""Positive controls: published networks beside what is compared with a brain.

Each is judged by itself, so that no number of the others depends on whether it is there: its
corrections are over its own states and steps.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cortexsim.errors import CortexsimError
from cortexsim.experiments.compare.controls import possible_controls, rerun, why_not
from cortexsim.experiments.compare.jobs import job_of
from cortexsim.experiments.compare.recorded import Shown, open_shown
from cortexsim.experiments.compare.settings import Settings
from cortexsim.leftovers import scratch
from cortexsim.models.foreign.published import published, why_absent

if TYPE_CHECKING:
    import xarray

DEFAULT = "efficientnet-lite0"
OF_PAIRS = "best_difference"  # of one network's best frame: not between networks


def with_controls(
    settings: Settings,
    shown: Shown,
    *,
    nulls: Sequence[str] | None,
    positive: Sequence[str] | None,
) -> tuple[Settings, dict[str, str]]:
    """Which controls a comparison has.

    Parameters
    ----------
    settings : Settings
        How to compare.
    shown : Shown
        The recording.
    nulls : sequence of str, optional
        The controls that were asked for; default all that can be made of the recording.
    positive : sequence of str, optional
        The positive controls; default the one that is installed, unless ``nulls`` were asked for.

    Returns
    -------
    Settings, dict of str to str
        With the controls, and why each of the others cannot be made.
    """
    skipped: dict[str, str] = {}
    if positive is None:
        positive = (DEFAULT,) if nulls is None else ()
    if nulls is None:
        nulls, skipped = possible_controls(shown.known)
    return replace(settings, nulls=tuple(nulls), positive=tuple(positive)), skipped


def beside_positive(
    result: xarray.Dataset,
    shown: Shown,
    brain: xarray.Dataset,
    *,
    target: str | None,
    settings: Settings,
    asked: Sequence[str] | None,
) -> tuple[xarray.Dataset, dict[str, str]]:
    """A comparison with published networks along ``network``, after those that are there.

    Parameters
    ----------
    result : Dataset
        Of a job.
    shown : Shown
        The recording that it is of.
    brain : Dataset
        The neural data.
    target : str, optional
        Which variable of them.
    settings : Settings
        How the job compared; ``positive`` names the networks.
    asked : sequence of str, optional
        Those that the user named, which are there or an error; the others are left out where they
        cannot be had.

    Returns
    -------
    Dataset, dict of str to str
        The result, and why each network is left out that could not be had.

    Raises
    ------
    AnalysisError
        If a network that was asked for cannot be shown the images.
    """
    skipped: dict[str, str] = {}
    for which in settings.positive:
        reason = why_not(shown.known, which) or (None if asked else why_absent(which))
        if reason is None:
            try:
                method = str(result.attrs["method"])
                own = _judged(which, shown, brain, target, method=method, settings=settings)
                result = joined(result, own, which)
            except CortexsimError as error:
                if asked:
                    raise
                reason = str(error)
        if reason is not None:
            skipped[which] = reason
    return result, skipped


def _judged(
    which: str,
    shown: Shown,
    brain: xarray.Dataset,
    target: str | None,
    *,
    method: str,
    settings: Settings,
) -> xarray.Dataset:
    """The same comparison of a published network."""
    with scratch() as folder:
        path = rerun(
            shown.known,
            which,
            folder,
            stimuli=settings.stimuli,
            measure=settings.measure if method == "rsa" else None,
        )
        own = replace(settings, nulls=(), positive=(), fit_axis=False)
        return job_of(method, open_shown(str(path)), brain, target=target, settings=own).run()


def joined(result: xarray.Dataset, own: xarray.Dataset, which: str) -> xarray.Dataset:
    """A comparison with one more network, which was judged by itself.

    Parameters
    ----------
    result : Dataset
        Along ``network``.
    own : Dataset
        The same of the other network alone; what it lacks, and tests of pairs, are NaN.
    which : str
        Its name, a key of ``PUBLISHED``.
    """
    names = [*map(str, result.network.values), which]
    both = [d for d in ("network", "other_network") if d in result.dims]
    wider = result.reindex(dict.fromkeys(both, names))
    for name, values in own.data_vars.items():
        of_networks = name in result and "network" in values.dims
        if not of_networks or "other_network" in values.dims or str(name).startswith(OF_PAIRS):
            continue
        filled = wider[name].copy()
        filled.loc[{"network": which}] = values.isel(network=0, drop=True).transpose(
            *(d for d in filled.dims if d != "network")
        )
        wider[name] = filled
    controls = json.loads(result.attrs.get("controls", "{}")) | {
        which: f"positive: {published(which).line}"
    }
    return wider.assign_attrs(controls=json.dumps(controls))
