"""RDMs that people bring, as arrays or files, in the layout of every benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import (
    UNSTATED,
    About,
    described,
    labels_of,
    pair_coords,
    refuse_infinite,
    time_coord,
    times_of,
    unique_texts,
)
from cortexsim.neural.own.rdm_sources import read_rdms
from cortexsim.neural.own.stated import bin_of, merged, with_names
from cortexsim.pairs import LEAST, condensed, numbers, pair_indices

if TYPE_CHECKING:
    import xarray

NAN = ("refuse", "keep")


@clear_errors
def from_rdms(
    source: Any,
    *,
    stimulus_id: Any = None,
    label: Any = None,
    subject: Any = None,
    time_ms: Any = None,
    bin_ms: float | None = None,
    variable: str | None = None,
    nan: str = "refuse",
    about: About = UNSTATED,
) -> xarray.Dataset:
    """Your own RDMs, as vectors of pairs or as squares, in the layout of the benchmarks.

    All that names an axis may also stand in the file, under the names of the parameters. RDMs are
    compared by the ids of their stimuli, never by position.

    Parameters
    ----------
    source : array_like, xarray.DataArray or path
        An array ``(pair,)``, ``(subject, pair)`` or ``(subject, time, pair)``, pairs in the order
        of ``scipy.spatial.distance.squareform``; squares ``(n, n)`` in place of pairs; a DataArray,
        whose dimensions may be subject, session and time_ms before the pairs; or a file: .npy,
        .npz, .h5, .hdf5, .mat (of any version; also with the stimuli as its first two axes; arrays
        of structs ``RDMs(i, j).RDM`` are subjects x sessions; of Meadows) or .nc with such an
        array, .csv with the columns first, second, dissimilarity and, if any, subject, session and
        time_ms, or with one square, ids in the header and in the first column; or such a DataFrame.
    stimulus_id : array_like of shape (n,), optional
        One id for each stimulus; needed unless the file or DataArray has it. As of ``label``,
        ``subject`` and ``time_ms``, a text is the name that the file has for them.
    label : array_like of shape (n,), optional
        A label for each stimulus.
    subject : array_like of shape (subject,), optional
        A name for each subject. One leading axis is subjects, or times if ``time_ms`` is given.
    time_ms : array_like of shape (time,), optional
        Times in ms after stimulus onset, the centres of bins.
    bin_ms : float, optional
        Width of the bins in ms.
    variable : str, optional
        Which array of the file.
    nan : {"refuse", "keep"}
        ``"keep"`` accepts pairs that are NaN; every RDM needs some that are not.
    about : About
        What was recorded, and the dissimilarity.

    Returns
    -------
    xarray.Dataset
        With rdm ``([subject,] [session,] [time_ms,] pair)``, float64.

    Raises
    ------
    AnalysisError
        For squares that are not symmetric, similarities (a diagonal that is not zero), infinite
        values, times in seconds, ids that are absent, repeated or too few, files that hold several
        such arrays, and an ``about`` with units.

    Examples
    --------
    >>> square = [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]
    >>> data = from_rdms(square, stimulus_id=["cat", "dog", "car", "cup"])
    >>> data.rdm.values, data.stimulus_id.values[int(data.second[0])]
    (array([1., 2., 3., 4., 5., 6.]), 'dog')
    """
    import xarray

    if nan not in NAN:
        raise AnalysisError(f"nan={nan!r} is not known; choose from {', '.join(NAN)}")
    about.refuse("units", "dissimilarities of RDMs have none")
    stated = {"stimulus_id": stimulus_id, "label": label, "subject": subject, "time_ms": time_ms}
    read, where = read_rdms(source, variable, stated)
    stated = with_names(stated, read)
    known = merged(stated, read, where)
    if known["stimulus_id"] is None:
        raise AnalysisError(
            f"RDMs are compared by the ids of their stimuli, and {where} has none: give "
            "stimulus_id=[...], one for each row of the square RDM, or save them in the file "
            f"under that name{read.get('hint', '')}"
        )
    if np.ndim(known["stimulus_id"]) > 1:
        raise AnalysisError(
            f"{where} has the stimuli of each subject in another order: read each with "
            "variable='...', and join them by their ids with cortexsim.neural.stack"
        )
    ids = unique_texts(known["stimulus_id"], "stimulus_id")
    values, notes = _vectors(read["values"], len(ids), where)
    notes = "; ".join(filter(None, (read.get("notes", ""), notes)))
    dims = (
        read["dims"]
        if "dims" in read
        else _leading(values, known, stated, where=where, hint=read.get("hint", ""))
    )
    dims = (*dims, "time_ms") if values.ndim - 1 == len(dims) + 1 else dims  # of structs
    coords = _axes(values.shape, dims, known, bin_ms=bin_of(bin_ms, known, read))
    if stated["subject"] is not None and "subject" not in dims and np.size(stated["subject"]) == 1:
        values, dims = values[None], ("subject", *dims)
        coords["subject"] = ("subject", unique_texts(stated["subject"], "subject"))
    elif stated["subject"] is not None and "subject" not in dims:
        raise AnalysisError(
            f"subject has {np.size(stated['subject'])} entries, but the RDMs {values.shape} have "
            "no axis of subjects"
        )
    _check_rdms(values, nan)
    coords |= {
        "stimulus_id": ("stimulus", ids),
        "label": ("stimulus", labels_of(known["label"], len(ids))),
    }
    attrs = {
        "kind": "rdm",
        "area": about.area or "unknown",
        "species": about.species or "unknown",
        "measure": about.measure or "unknown",
        "units": "dissimilarity",
    }
    return xarray.Dataset(
        {"rdm": ((*dims, "pair"), values, attrs)},
        coords | pair_coords(ids),
        described(about.name or "own data", where, notes=notes),
    )


def _vectors(values: Any, n: int, where: str) -> tuple[np.ndarray, str]:
    """Vectors of the pairs of n stimuli, and a note of what was left out.

    The number of ids tells vectors from squares.
    """
    a = numbers(values, "RDMs").astype(np.float64)
    refuse_infinite(a, "entries of the RDMs")
    pairs = n * (n - 1) // 2
    if n < LEAST:
        raise AnalysisError(f"{n} stimuli are named by stimulus_id; at least {LEAST} are needed")
    if a.ndim >= 2 and a.shape[-2:] == (n, n):
        a, note = _without_category_diagonal(a)
        return condensed(a), note
    if a.ndim >= 1 and a.shape[-1] == pairs:
        return a, ""
    hint = ""
    if a.ndim >= 2 and a.shape[:2] == (n, n):
        hint = (
            ". The stimuli are its first two axes (MATLAB's order): give rdms.T, of shape "
            f"{(*a.shape[:1:-1], n, n)}"
        )
    elif a.ndim >= 2 and a.shape[0] == pairs:
        hint = ". The pairs are its first axis: transpose it"
    raise AnalysisError(
        f"{where}: {n} stimuli are named by stimulus_id, so RDMs have shape (..., {pairs}) or "
        f"(..., {n}, {n}); found {a.shape}{hint}"
    )


def _without_category_diagonal(squares: np.ndarray) -> tuple[np.ndarray, str]:
    """Squares of a model of one category, with zeros on the diagonal, and a note of that.

    In such a model two stimuli are alike (0) if both are of the category, else different (1), the
    stimuli that are not of it from themselves as well: ones on a part of the diagonal, and all
    along the rows of these stimuli. A similarity has them on all of the diagonal, or (one of a
    category) not along such rows. No pair stands on the diagonal.
    """
    n = squares.shape[-1]
    i, j = pair_indices(n)
    each = squares.reshape(-1, n, n).copy()
    left_out = 0
    for rdm in each:
        diagonal, largest = np.diagonal(rdm), rdm.max(initial=0.0)
        outside = diagonal > 0
        ones = int(outside.sum())
        binary = largest > 0 and bool(np.isin(rdm, (0.0, largest)).all())
        unlike_all = bool((rdm[outside] == largest).all())
        if binary and unlike_all and 0 < ones < n and rdm[i, j].min() == 0.0:
            left_out += ones
            np.fill_diagonal(rdm, 0.0)
    note = (
        f"{left_out} of {len(each) * n} entries of the diagonal were not zero, as in a model of "
        "one category; no pair stands there, and they are left out"
    )
    return each.reshape(squares.shape), note if left_out else ""


def _leading(
    values: np.ndarray, known: dict[str, Any], stated: dict[str, Any], *, where: str, hint: str
) -> tuple[str, ...]:
    """The names of the axes before the pairs."""
    lead = values.shape[:-1]
    if len(lead) == 2:
        dims: tuple[str, ...] = ("subject", "time_ms")
    elif len(lead) == 1:
        sizes = {d: np.size(known[d]) for d in ("subject", "time_ms") if known[d] is not None}
        fitting = [d for d, size in sizes.items() if size == lead[0]]
        if len(fitting) > 1:
            raise AnalysisError(
                f"{where}: the first of the axes {values.shape} could be subjects or times, both "
                f"are {lead[0]}; give (subject, time, pair) or a DataArray"
            )
        dims = tuple(fitting) or (
            "time_ms" if stated["time_ms"] is not None and stated["subject"] is None else "subject",
        )
    elif not lead:
        dims = ()
    else:
        raise AnalysisError(
            f"{where}: {len(lead)} axes before the pairs, shape {values.shape}; at most (subject, "
            "time_ms, pair). Name more in a DataArray"
        )
    if "time_ms" in dims and known["time_ms"] is None:
        raise AnalysisError(
            f"{where} has {lead[-1]} times and no time_ms; give time_ms=[...], ms after stimulus "
            f"onset{hint}"
        )
    if stated["time_ms"] is not None and "time_ms" not in dims:
        raise AnalysisError(
            f"time_ms has {np.size(stated['time_ms'])} entries, but the RDMs {values.shape} have "
            "no axis of times"
        )
    return dims


def _axes(
    shape: tuple[int, ...], dims: tuple[str, ...], known: dict[str, Any], *, bin_ms: float | None
) -> dict[str, Any]:
    """The coordinates of the axes before the pairs."""
    coords: dict[str, Any] = {}
    for d, size in zip(dims, shape, strict=False):
        if d == "time_ms":
            if known["time_ms"] is None:
                raise AnalysisError(
                    "the DataArray has a dimension time_ms without coordinate; "
                    "assign_coords(time_ms=...)"
                )
            coords[d] = time_coord(times_of(known[d], size), bin_ms)
        else:
            names = [f"{d} {k + 1}" for k in range(size)] if known.get(d) is None else known[d]
            coords[d] = (d, unique_texts(names, d, size))
    if bin_ms is not None and "time_ms" not in dims:
        raise AnalysisError(
            f"bin_ms={bin_ms!r} is the width of bins in time; these data have no times"
        )
    return coords


def _check_rdms(values: np.ndarray, nan: str) -> None:
    missing = np.isnan(values)
    if not values.size:
        raise AnalysisError(f"there are no RDMs: shape {values.shape}")
    if missing.any() and nan == "refuse":
        raise AnalysisError(
            f"{int(missing.sum()):,} of {values.size:,} entries of the RDMs are NaN; leave those "
            "stimuli out, or keep them as missing pairs with nan='keep'"
        )
    if (empty := missing.all(-1)).any():
        raise AnalysisError(
            f"{int(empty.sum())} of {empty.size} RDMs are NaN throughout; leave them out"
        )
