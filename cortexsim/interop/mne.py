"""MNE-RSA: RDMs and data in the shapes that its functions take."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.interop.measured import measured, ordered_rdms


@clear_errors
def to_mne_rsa(
    data: Any, *, state: str | None = None, variable: str = "rdm"
) -> tuple[dict[str, Any], list[Any]]:
    """RDMs or data as keyword arguments of ``mne_rsa.rsa_array`` and its relatives.

    RDMs become ``rdm_model``, a list of condensed RDMs ``(pair,)`` (those that are NaN throughout
    are left out), and ``labels_rdm_model``. A state of a recording, or responses, become ``X``
    ``(item, series, time)`` and ``labels_X`` (items may repeat). MNE-RSA aligns both by their
    labels, the ids of the stimuli.

    Parameters
    ----------
    data : path, xarray.DataTree or xarray.Dataset
        RDMs, a recording, or responses.
    state : str, optional
        The state of a recording.
    variable : str
        The variable that holds RDMs.

    Returns
    -------
    arguments : dict
        The keyword arguments.
    names : list
        What the entries of the result stand for: the place of each RDM, ``(state, step)`` say; or
        the times in ms.

    Raises
    ------
    AnalysisError
        For data without ids of stimuli.

    Examples
    --------
    >>> from cortexsim.neural import from_rdms
    >>> ids = ["cat", "dog", "car", "cup"]
    >>> ours = from_rdms([[1.0, 2, 3, 4, 5, 6]], stimulus_id=ids, subject=["monkey"])
    >>> arguments, names = to_mne_rsa(ours)
    >>> arguments["labels_rdm_model"], names
    (['cat', 'dog', 'car', 'cup'], [('monkey',)])
    """
    if variable not in getattr(data, "data_vars", ()) or "pair" not in data[variable].dims:
        m = measured(data, state)
        times = [None] if m.times is None else m.times["time_ms"].tolist()
        return {"X": m.values, "labels_X": [str(s) for s in m.observations["stimulus_id"]]}, times
    rdm = ordered_rdms(data, variable)
    lead = rdm.dims[:-1]
    axes = [rdm[d].values if d in rdm.coords else np.arange(rdm.sizes[d]) for d in lead]
    models, names = [], []
    for at in np.ndindex(rdm.shape[:-1]):
        vector = rdm.values[at]
        if not np.isnan(vector).all():
            models.append(np.asarray(vector, dtype=np.float64))
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
