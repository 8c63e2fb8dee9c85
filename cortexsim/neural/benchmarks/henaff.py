"""Henaff et al. 2021: responses of 360 units of macaque V1 to sequences of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.pieces import measured, rdm, stimulus_coords, words
from cortexsim.neural.layout import pair_coords, time_coord

if TYPE_CHECKING:
    import xarray

BIN_MS = 10.0


def build(files: dict[str, Arrays]) -> xarray.Dataset:
    """Responses of units of V1 to sequences of frames, and their RDMs over time.

    The 44 sequences shown in all sessions are the stimuli; those shown in some only are
    ``partial_stimulus``.

    Parameters
    ----------
    files : dict of str to dict of str to array
        What the files say, by the name of the file.

    Returns
    -------
    xarray.Dataset
        With psth ``(time_ms, stimulus, unit)``, mean_count ``(frame, stimulus, unit)``, rdm
        ``(time_ms, pair)`` and session_latency_ms ``(recording)``.
    """
    import xarray

    data = files["henaff_v1.npz"]
    everywhere, partial = _cells(data)
    sessions = words(str(s).removesuffix("_image_sequences.mat") for s in data["session_file"])
    # Time or frame first.
    psth, counts = (np.moveaxis(data["psth"], -1, 0), np.moveaxis(data["mean_count"], 3, 0))
    coords = {
        **stimulus_coords(_ids(data, everywhere), data["category"][everywhere[1]]),
        "zoom": ("stimulus", words(data["scale"][everywhere[0]])),
        "movie": ("stimulus", words(data["movie"][everywhere[2]])),
        **pair_coords(_ids(data, everywhere)),
        "partial_stimulus_id": ("partial_stimulus", _ids(data, partial)),
        "partial_label": ("partial_stimulus", words(data["category"][partial[1]])),
        # The source calls these times edges; as the beginnings of bins they end with the frame's
        # 300 ms, and agree with the latencies.
        "time_ms": time_coord(data["time_ms"] + BIN_MS / 2, BIN_MS),
        "frame": np.arange(1, counts.shape[0] + 1),
        "unit": words(f"{sessions[s]}_{k:03d}" for k, s in enumerate(data["session"])),
        "session": ("unit", sessions[data["session"]]),
        "recording": sessions,
    }
    # The source gives no unit of psth; 0.2 s of it add up to mean_count, which are spikes.
    rate, count = (
        "spikes/s (inferred; not stated in the source)",
        "spikes in the authors' 200 ms window",
    )
    variables = {
        "psth": _responses(psth, "time_ms", everywhere, stimulus="stimulus", units=rate),
        "mean_count": _responses(counts, "frame", everywhere, stimulus="stimulus", units=count),
        "psth_partial": _responses(
            psth, "time_ms", partial, stimulus="partial_stimulus", units=rate
        ),
        "mean_count_partial": _responses(
            counts, "frame", partial, stimulus="partial_stimulus", units=count
        ),
        "rdm": rdm(
            data["rdm"],
            ("time_ms",),
            area="V1",
            species="macaque",
            measure="1 - Pearson, mean over stimuli removed",
            pooled=f"{len(sessions)} sessions",
        ),
        "session_latency_ms": measured(
            ("recording",),
            np.round(data["session_latency_ms"], 6),
            "latency",
            units="ms",
            species="macaque",
            area="V1",
        ),
    }
    return xarray.Dataset(variables, coords)


Cells = tuple[np.ndarray, ...]  # zoom, category and movie of each stimulus


def _cells(data: Arrays) -> tuple[Cells, Cells]:
    """The sequences shown in all sessions, in the order of the RDMs, and the others."""
    everywhere = data["rdm_condition"]
    others = np.ones(data["psth"].shape[:3], dtype=bool)
    others[tuple(everywhere.T)] = False
    return tuple(everywhere.T), np.nonzero(others)


def _ids(data: Arrays, cells: Cells) -> np.ndarray:
    scale, category, movie = (data[k][c] for k, c in zip(("scale", "category", "movie"), cells))
    return words(f"{s}_{c}_{m}" for s, c, m in zip(scale, category, movie))


def _responses(values: np.ndarray, first: str, cells: Cells, *, stimulus: str, units: str) -> tuple:
    """``(first, stimulus, unit)`` of ``(first, zoom, category, movie, unit)``."""
    scale, category, movie = cells
    chosen = values[:, scale, category, movie].astype(np.float64)
    return measured(
        (first, stimulus, "unit"), chosen, "responses", units=units, species="macaque", area="V1"
    )
