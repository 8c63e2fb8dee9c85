"""Brain-Score's assemblies (BrainIO): presentation x neuroid [x time_bin], from netCDF or in
memory.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError
from cortexsim.neural.layout import UNSTATED, About, described, quoted, texts, times_of
from cortexsim.neural.own.netcdf import open_netcdf
from cortexsim.neural.own.response_layout import response_dataset
from cortexsim.pairs import numbers

if TYPE_CHECKING:
    import xarray

DIMS = {"presentation": "trial", "neuroid": "unit", "time_bin": "time_ms"}
IDS = ("stimulus_id", "image_id")  # the second in older files
DIGITS = re.compile(r"(\d+)")
LABELS = ("object_name", "category_name")
TAKEN = (
    "neuroid_id",
    "unit",
    "stimulus",
    "stimulus_id",
    "label",
    "area",
    "time_ms",
    "repeat",
    "trials",
    "responses",
)


@clear_errors
def from_brainio(source: Any, *, about: About = UNSTATED) -> xarray.Dataset:
    """A Brain-Score assembly in the layout of the benchmarks.

    Parameters
    ----------
    source : path or xarray.DataArray
        A netCDF file as BrainIO packages it, or an assembly in memory, with or without its
        multi-indexes. Presentations have ``stimulus_id`` (or ``image_id``), neuroids
        ``neuroid_id``, time bins ``time_bin_start`` and ``time_bin_end`` in ms after onset.
    about : About
        What was recorded. If it names no area, that is the neuroids' ``region``; assemblies do not
        say the units of responses.

    Returns
    -------
    xarray.Dataset
        With responses ``([repeat,] [time_ms,] stimulus, unit)``: repeat where a stimulus has
        several presentations (in the order of ``repetition``, if there is one, "run 2" before
        "run 10"), time_ms the centre of each bin. What the assembly knows of its neuroids (region,
        animal, ...) are coordinates of ``unit``.

    Raises
    ------
    AnalysisError
        For assemblies of other dimensions (spike times, behaviour), for levels that are missing,
        and for an ``about`` with a measure.

    References
    ----------
    The BrainIO format of Brain-Score (Schrimpf et al. 2020).

    Examples
    --------
    >>> import xarray
    >>> levels = {
    ...     "stimulus_id": ("presentation", ["a", "b", "a", "b"]),
    ...     "neuroid_id": ("neuroid", ["n1", "n2", "n3"]),
    ... }
    >>> assembly = xarray.DataArray(np.eye(4, 3), levels, ("presentation", "neuroid"))
    >>> from_brainio(assembly).responses.sizes
    Frozen({'repeat': 2, 'stimulus': 2, 'unit': 3})
    """
    about.refuse("measure", "responses have no dissimilarity")
    assembly, where = _opened(source)
    levels = _levels(assembly)
    axes = tuple(DIMS[str(d)] for d in assembly.dims)
    values = numbers(assembly.values, "responses")
    ids = texts(_level(levels, "presentation", IDS, where=where), "stimulus_id")
    if "repetition" in levels["presentation"]:
        order = np.argsort(_numbered(levels["presentation"]["repetition"]), kind="stable")
        # Stimuli stay in the order of their first presentation; the repeats of each are sorted.
        first = {s: k for k, s in reversed(list(enumerate(ids)))}
        order = order[np.argsort([first[ids[k]] for k in order], kind="stable")]
        values, ids = values.take(order, assembly.dims.index("presentation")), ids[order]
        levels["presentation"] = {k: v[order] for k, v in levels["presentation"].items()}
    times, bin_ms = _time(levels["time_bin"], where) if "time_ms" in axes else (None, None)
    neuroids = {k: _plain(v) for k, v in levels["neuroid"].items() if k not in TAKEN}
    region = texts(neuroids["region"], "region") if "region" in neuroids else None
    regions = sorted(set(region)) if region is not None else ["unknown"]
    label = next((levels["presentation"][k] for k in LABELS if k in levels["presentation"]), None)
    attrs = {
        "area": about.area or ", ".join(regions),
        "species": about.species or "unknown",
        "units": about.units or "unknown",
    }
    name = about.name or str(assembly.attrs.get("identifier") or Path(where).stem)
    return response_dataset(
        values,
        axes,
        stimulus_id=ids,
        times=times,
        unit=_level(levels, "neuroid", ("neuroid_id",), where=where),
        label=label,
        bin_ms=bin_ms,
        attrs=attrs,
        about=described(name, where),
        per_unit=neuroids | ({} if region is None else {"area": region}),
    )


def _opened(source: Any) -> tuple[Any, str]:
    """The assembly in memory, and what it is called in errors."""

    where = "the assembly"
    if isinstance(source, (str, Path)):
        path, where = Path(source), Path(source).name
        source = open_netcdf(path)
    if hasattr(source, "data_vars"):
        if len(source.data_vars) != 1:
            raise AnalysisError(
                f"{where} holds {len(source.data_vars)} variables "
                f"({quoted(list(source.data_vars))}); an assembly is one"
            )
        source = source[next(iter(source.data_vars))]
    if not hasattr(source, "dims") or not hasattr(source, "coords"):
        raise AnalysisError(
            f"the assembly is a {type(source).__name__}; give a netCDF file or an xarray.DataArray"
        )
    if unknown := [str(d) for d in source.dims if d not in DIMS] or [
        d for d in ("presentation", "neuroid") if d not in source.dims
    ]:
        raise AnalysisError(
            f"{where} has dimensions {tuple(source.dims)}; responses have presentation, neuroid "
            f"and perhaps time_bin ({unknown[0]!r} is not understood or missing)"
            + ("; spike times must be counted in bins first" if "event" in source.dims else "")
        )
    return source, where


def _levels(assembly: Any) -> dict[str, dict[str, np.ndarray]]:
    """The levels of each dimension, whether they are coordinates or a multi-index."""
    out: dict[str, dict[str, np.ndarray]] = {d: {} for d in DIMS}
    for name, coord in assembly.coords.items():
        # A multi-index itself is an array of tuples; its levels are coordinates of their own.
        if len(coord.dims) == 1 and coord.dims[0] in out and name not in DIMS:
            out[coord.dims[0]][str(name)] = coord.values
    return out


def _numbered(repetition: np.ndarray) -> np.ndarray:
    """The rank of each repetition: of numbers, also within text, by their size."""
    try:
        return np.asarray(repetition, dtype=np.float64)
    except (ValueError, TypeError):
        names = [str(r) for r in repetition.tolist()]
    parts = {
        n: tuple((p.zfill(20), "") if p.isdigit() else ("", p) for p in DIGITS.split(n) if p)
        for n in set(names)
    }
    rank = {n: k for k, n in enumerate(sorted(parts, key=parts.__getitem__))}
    return np.array([rank[n] for n in names], dtype=np.float64)


def _plain(level: np.ndarray) -> np.ndarray:
    """Text as str throughout, so that the data set can be written as netCDF.

    Numbers as they are.
    """
    return np.array([str(v) for v in level], dtype=object) if level.dtype.kind in "OSU" else level


def _level(
    levels: dict[str, dict[str, np.ndarray]], dim: str, names: tuple[str, ...], *, where: str
) -> np.ndarray:
    for name in names:
        if name in levels[dim]:
            return levels[dim][name]
    raise AnalysisError(
        f"{where} has no {' or '.join(names)} along {dim}; there are "
        f"{', '.join(levels[dim]) or 'no levels'}. Add it: "
        f"assembly.assign_coords({names[0]}=('{dim}', [...]))"
    )


def _time(levels: dict[str, np.ndarray], where: str) -> tuple[np.ndarray, float | None]:
    """The centres of the bins, and their width where all have one."""
    start, end = (
        np.asarray(
            _level({"time_bin": levels}, "time_bin", (f"time_bin_{k}",), where=where),
            dtype=np.float64,
        )
        for k in ("start", "end")
    )
    if (end <= start).any():
        k = int(np.argmax(end <= start))
        raise AnalysisError(
            f"{where}: time bin {k} ends at {end[k]:g} ms, before or when it starts ({start[k]:g} "
            "ms)"
        )
    width = end - start
    return times_of((start + end) / 2), float(width[0]) if np.allclose(width, width[0]) else None
