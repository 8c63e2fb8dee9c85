"""MNE's Epochs and Evokeds (EEG, MEG, ECoG, ...) in the layout of the benchmarks.

Mne is imported only here, and only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import UNSTATED, About, described, quoted, texts, times_of
from cortexsim.neural.own.responses import response_dataset

if TYPE_CHECKING:
    import xarray

# SI units of what MNE stores, by channel type.
UNITS = {"mag": "T", "grad": "T/m", "ref_meg": "T", "csd": "V/m^2", "hbo": "M", "hbr": "M"}
UNITS |= dict.fromkeys(("eeg", "seeg", "ecog", "dbs"), "V")


@clear_errors
def from_mne(source: Any, *, stimulus_id: Any = None, about: About = UNSTATED) -> xarray.Dataset:
    """MNE ``Epochs``, or ``Evoked`` responses one a stimulus, in the layout of the benchmarks.

    Parameters
    ----------
    source : mne.Epochs, mne.Evoked or list of mne.Evoked
        Trials, or averages. Data channels that are not marked as bad become units.
    stimulus_id : array_like of shape (item,) or str, optional
        One id for each epoch or Evoked; or the name of a column of ``epochs.metadata``. By default
        the names of ``event_id``, or the Evokeds' comments.
    about : About
        What was recorded; the area is "sensors" and the species "human" unless it says otherwise.

    Returns
    -------
    xarray.Dataset
        With responses ``([repeat,] [time_ms,] stimulus, unit)`` in MNE's SI units, channel_type
        ``(unit,)``, trials ``(stimulus,)``. time_ms are MNE's times in milliseconds.

    Raises
    ------
    AnalysisError
        If mne is not installed, ids are missing or contradict each other, Evokeds differ in
        channels or times, or ``about`` has a measure or units.

    Examples
    --------
    >>> import mne
    >>> info = mne.create_info(["Oz", "Pz"], sfreq=100.0, ch_types="eeg")
    >>> events = np.array([[0, 0, 0], [10, 0, 1], [20, 0, 0], [30, 0, 1]])
    >>> names = {"cat": 0, "dog": 1}
    >>> epochs = mne.EpochsArray(
    ...     np.zeros((4, 2, 3)), info, events, tmin=-0.01, event_id=names, verbose=False
    ... )
    >>> data = from_mne(epochs)
    >>> data.responses.dims, data.time_ms.values
    (('repeat', 'time_ms', 'stimulus', 'unit'), array([-10.,   0.,  10.]))
    >>> data.stimulus_id.values
    array(['cat', 'dog'], dtype=object)
    """
    about.refuse("measure", "responses have no dissimilarity")
    about.refuse("units", "MNE says them")
    try:
        import mne
    except ImportError:
        raise AnalysisError(
            "from_mne needs MNE-Python, which is not installed: pip install 'cortexsim[mne]'"
        ) from None

    if isinstance(source, mne.BaseEpochs):
        first, axis, counts = source, "trial", None
        if not len(source.copy().drop_bad(verbose="error")):
            raise AnalysisError("the epochs are empty: all were dropped, see epochs.drop_log")
        # Drops bad epochs, so ids come after.
        values = source.get_data(picks=_picks(mne, source), verbose="error")
        ids: Any = _epoch_ids(source, stimulus_id)
    else:
        evokeds = [source] if isinstance(source, mne.Evoked) else source
        if (
            not isinstance(evokeds, (list, tuple))
            or not evokeds
            or not all(isinstance(e, mne.Evoked) for e in evokeds)
        ):
            raise AnalysisError(
                f"from_mne takes mne.Epochs or a list of mne.Evoked; found {_kinds(source)}"
            )
        first, axis = evokeds[0], "stimulus"
        values, counts = (
            _evoked_data(mne, evokeds),
            np.array([e.nave for e in evokeds], dtype=np.int32),
        )
        ids = [e.comment for e in evokeds] if stimulus_id is None else stimulus_id
    picks = _picks(mne, first)
    types = np.array([mne.channel_type(first.info, k) for k in picks], dtype=object)
    kinds = sorted(set(types))
    units = (
        ", ".join(f"{t}: {UNITS.get(t, 'unknown')}" for t in kinds)
        if len(kinds) > 1
        else UNITS.get(kinds[0], "unknown")
    )
    attrs = {"area": about.area or "sensors", "species": about.species or "human", "units": units}
    data = response_dataset(
        values,
        (axis, "unit", "time_ms"),
        stimulus_id=ids,
        times=times_of(np.round(1000 * first.times, 6)),
        unit=[first.ch_names[k] for k in picks],
        label=None,
        bin_ms=1000 / first.info["sfreq"],
        attrs=attrs,
        about=described(about.name or "own data", f"MNE {type(first).__name__}", "mne"),
        per_unit={"channel_type": types},
    )
    return data if counts is None else data.assign(trials=("stimulus", counts, data.trials.attrs))


def _picks(mne: Any, source: Any) -> np.ndarray:
    picks = mne.pick_types(
        source.info,
        meg=True,
        eeg=True,
        seeg=True,
        ecog=True,
        dbs=True,
        csd=True,
        fnirs=True,
        exclude="bads",
    )
    if not len(picks):
        raise AnalysisError(
            f"there are no data channels that are not bad among {quoted(source.ch_names)}"
        )
    return picks


def _epoch_ids(epochs: Any, stimulus_id: Any) -> np.ndarray:
    """The stimulus of each epoch."""
    if stimulus_id is None:
        names = {code: name for name, code in epochs.event_id.items()}
        return texts([names[code] for code in epochs.events[:, 2]], "event_id")
    if not isinstance(stimulus_id, str):
        ids = texts(stimulus_id, "stimulus_id")
        if len(ids) != len(epochs):
            raise AnalysisError(
                f"stimulus_id has {len(ids)} entries for {len(epochs)} epochs (dropped ones do "
                "not count)"
            )
        return ids
    if epochs.metadata is None or stimulus_id not in epochs.metadata:
        columns = (
            "they have none"
            if epochs.metadata is None
            else f"its columns are {', '.join(map(str, epochs.metadata))}"
        )
        raise AnalysisError(
            f"stimulus_id={stimulus_id!r} is a column of the epochs' metadata: {columns}"
        )
    return texts(epochs.metadata[stimulus_id].tolist(), f"metadata column {stimulus_id!r}")


def _evoked_data(mne: Any, evokeds: Any) -> np.ndarray:
    """Evokeds ``(stimulus, unit, time)`` of the same channels and times."""
    first, picks = evokeds[0], _picks(mne, evokeds[0])
    names = [first.ch_names[k] for k in picks]
    for k, e in enumerate(evokeds[1:], 1):
        theirs = [e.ch_names[i] for i in _picks(mne, e)]
        if theirs != names:
            others = sorted(set(theirs) ^ set(names)) or ["the same in another order"]
            raise AnalysisError(
                f"Evoked {k} ({e.comment!r}) has other channels than the first: {quoted(others)}; "
                "see mne.equalize_channels"
            )
        if not np.array_equal(e.times, first.times):
            raise AnalysisError(
                f"Evoked {k} ({e.comment!r}) has {len(e.times)} times from {e.times[0]:g} to "
                f"{e.times[-1]:g} s, the first {len(first.times)} from {first.times[0]:g} to "
                f"{first.times[-1]:g} s; crop or resample them"
            )
    return np.stack([e.get_data(picks=picks) for e in evokeds])


def _kinds(source: Any) -> str:
    if isinstance(source, (list, tuple)):
        return "a list of " + (", ".join(sorted({type(e).__name__ for e in source})) or "nothing")
    return f"a {type(source).__name__}"
