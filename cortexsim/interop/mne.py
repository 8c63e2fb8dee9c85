"""MNE-RSA: RDMs and data in the shapes that its functions take."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.interop.measured import measured


def to_mne_rsa(
    data: Any, *, state: str | None = None, variable: str = "rdm"
) -> tuple[dict[str, Any], list[Any]]:
    """RDMs or data as keyword arguments of ``mne_rsa.rsa_array`` and its relatives, and what the entries of its result stand for.

    RDMs: ``rdm_model``, a list of condensed RDMs ``(pair,)`` (those that are NaN throughout are left out), and ``labels_rdm_model``; then the place of
    each, ``(state, step)`` say. A recording with its ``state``, or responses: ``X`` ``(item, series, time)`` and ``labels_X`` (items may repeat);
    then the times in ms. MNE-RSA aligns both by their labels, the ids of the stimuli.

    Raises AnalysisError for data without ids of stimuli.

    >>> from cortexsim.neural import from_rdms
    >>> ours = from_rdms([[1.0, 2, 3, 4, 5, 6]], stimulus_id=["cat", "dog", "car", "cup"], subject=["monkey"])
    >>> arguments, names = to_mne_rsa(ours)
    >>> arguments["labels_rdm_model"], names
    (['cat', 'dog', 'car', 'cup'], [('monkey',)])
    """
    if variable not in getattr(data, "data_vars", ()) or "pair" not in data[variable].dims:
        m = measured(data, state)
        times = [None] if m.times is None else m.times["time_ms"].tolist()
        return {"X": m.values, "labels_X": [str(s) for s in m.observations["stimulus_id"]]}, times
    if "stimulus_id" not in data.coords:
        raise AnalysisError(
            f"{variable} comes without stimulus_id; give the whole Dataset, e.g. movie.sel(state='IT')"
        )
    rdm = data[variable].transpose(..., "pair")
    lead = rdm.dims[:-1]
    axes = [rdm[d].values if d in rdm.coords else np.arange(rdm.sizes[d]) for d in lead]
    models, names = [], []
    for at in np.ndindex(rdm.shape[:-1]):
        one = rdm.values[at]
        if not np.isnan(one).all():
            models.append(np.asarray(one, dtype=np.float64))
            names.append(
                tuple(
                    a[k].item() if hasattr(a[k], "item") else a[k]
                    for a, k in zip(axes, at, strict=True)
                )
            )
    return {
        "rdm_model": models,
        "labels_rdm_model": [str(s) for s in data.stimulus_id.values],
    }, names
