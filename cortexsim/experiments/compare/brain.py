"""The brain's side of a comparison: a benchmark or a file, and the variable that is compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.files import check_sealed
from cortexsim.neural.layout import times_of

if TYPE_CHECKING:
    import xarray

FILES = (".npz", ".mat", ".h5", ".hdf5", ".csv", ".tsv", ".nc")


def load_brain(source: str) -> xarray.Dataset:
    """Neural data by name: a benchmark, or the reader's own.

    Parameters
    ----------
    source : str
        A benchmark, or a file: RDMs in .npz, .mat, .h5, .hdf5 or .csv, a data set or BrainIO
        assembly in .nc.

    Raises
    ------
    AnalysisError
        If there are no such data, or if they cannot be read.
    """
    from cortexsim import neural

    if source in neural.list():
        return neural.load(source)
    path = Path(source)
    if path.suffix.lower() not in FILES:
        raise AnalysisError(
            f"there are no neural data {source!r}: give a benchmark ({', '.join(neural.list())}) "
            f"or a file ({', '.join(FILES)})"
        )
    if not path.is_file():
        raise AnalysisError(f"there is no file {source}")
    if path.suffix.lower() == ".nc":
        return _netcdf(path)
    try:
        return neural.from_rdms(path, about=neural.About(name=path.name))
    except AnalysisError as error:
        raise AnalysisError(
            f"{_with_full_stop(str(error))} The command takes RDMs; of responses, and of one array "
            "among several, make "
            "a data set first: cortexsim.interop.to_netcdf(neural.response_rdms("
            f"neural.from_responses({path.name!r}, dims=..., variable=...)), 'rdms.nc')"
        ) from error


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _netcdf(path: Path) -> xarray.Dataset:
    """A data set of our own layout, or a BrainIO assembly."""
    import xarray

    from cortexsim import neural

    check_sealed(path)
    try:
        dataset = xarray.load_dataset(path, engine="netcdf4")
    except (OSError, ValueError, RuntimeError) as error:
        raise AnalysisError(
            f"{path} cannot be read as netCDF: {str(error).splitlines()[0]}"
        ) from error
    if any(v.attrs.get("kind") for v in dataset.data_vars.values()):
        return dataset.assign_attrs(name=dataset.attrs.get("name", path.name))
    return neural.from_brainio(path)


def target(brain: xarray.Dataset, kind: str, name: str | None) -> xarray.DataArray:
    """The variable of a kind with the name, or the only one there is.

    Parameters
    ----------
    brain : Dataset
        The neural data.
    kind : str
        ``rdm`` or ``responses``.
    name : str, optional
        Which one; needed where there are several.

    Returns
    -------
    DataArray
        RDMs as ``(subject, [time_ms,] pair)``, the mean over the sessions of each subject;
        responses as they are, with their repeats.

    Raises
    ------
    AnalysisError
        Where there is none, or the choice is the caller's.
    """
    by_name = {str(k): v for k, v in brain.data_vars.items() if v.attrs.get("kind") == kind}
    called = brain.attrs.get("name", "the data")
    if not by_name:
        kinds = sorted(
            {str(v.attrs.get("kind")) for v in brain.data_vars.values() if v.attrs.get("kind")}
        )
        others = ", ".join(kinds) or "nothing of a known kind"
        way = (
            "Use --method encoding, or make RDMs of them (cortexsim.neural.response_rdms) and give "
            "the file"
            if kind == "rdm" and "responses" in kinds
            else "Use a method that takes those"
        )
        raise AnalysisError(f"{called} holds no {kind}; it holds {others}. {way}")
    if name is None and len(by_name) > 1:
        listed = ", ".join(f"{k} {dict(v.sizes)}" for k, v in by_name.items())
        raise AnalysisError(
            f"{called} holds {len(by_name)} variables that could be compared: {listed}. Choose one "
            "with --target"
        )
    if name is not None and name not in by_name:
        raise AnalysisError(f"{called} has no {kind} {name!r}; choose from {', '.join(by_name)}")
    chosen = by_name[name or next(iter(by_name))]
    if "time_ms" in chosen.dims:
        if "time_ms" not in chosen.coords:
            raise AnalysisError(
                f"{chosen.name} has a dimension time_ms without its coordinate: ms after stimulus "
                "onset, the centres of bins"
            )
        times_of(chosen.time_ms.values)
    return _rdms(chosen) if kind == "rdm" else chosen


def _rdms(measured: xarray.DataArray) -> xarray.DataArray:
    """RDMs as ``(subject, [time_ms,] pair)``; AnalysisError for what is none."""
    if "pair" not in measured.dims:
        raise AnalysisError(
            f"{measured.name} has the dimensions {measured.dims}; RDMs are ([subject,] [time_ms,] "
            "pair): see cortexsim.neural.from_rdms"
        )
    if bad := int((~np.isfinite(measured.values)).sum()):
        raise AnalysisError(
            f"{bad:,} of {measured.size:,} entries of {measured.name} are NaN or infinite; leave "
            "those stimuli out"
        )
    if "session" in measured.dims:
        measured = measured.mean("session", keep_attrs=True)
    others = [str(d) for d in measured.dims if d not in ("subject", "time_ms", "pair")]
    if others == ["participant"] and "subject" not in measured.dims:
        measured = measured.rename(participant="subject")
    # Models, say, which are no subjects: a mean and a ceiling over them would mean nothing.
    elif others:
        raise AnalysisError(
            f"{measured.name} has the dimensions {measured.dims}, and {', '.join(others)} is "
            "neither subject, session nor time_ms; choose another --target, or select along it (or "
            "rename it) and give the data as a file"
        )
    if "subject" not in measured.dims:
        measured = measured.expand_dims("subject")
    return measured.transpose("subject", ..., "pair")


def described(brain: xarray.Dataset, chosen: Any) -> dict[str, str]:
    """What was compared with, for the attributes of a result."""
    about = {
        f"neural_{k}": str(brain.attrs[k])
        for k in ("name", "citation", "licence", "source")
        if k in brain.attrs
    }
    about |= {
        f"neural_{k}": str(chosen.attrs[k])
        for k in ("area", "species", "measure", "units")
        if k in chosen.attrs
    }
    return {**about, "neural_variable": str(chosen.name)}
