"""The brain's side of a comparison: a benchmark or a file, and the variable in it that is compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.layout import times_of

if TYPE_CHECKING:
    import xarray

FILES = (".npz", ".mat", ".csv", ".nc")


def load_brain(source: str) -> xarray.Dataset:
    """A benchmark by name, or the reader's own data: RDMs in .npz, .mat or .csv, a data set or BrainIO assembly in .nc."""
    from cortexsim import neural

    if source in neural.list():
        return neural.load(source)
    path = Path(source)
    if path.suffix.lower() not in FILES:
        raise AnalysisError(
            f"there are no neural data {source!r}: give a benchmark ({', '.join(neural.list())}) or a file ({', '.join(FILES)})"
        )
    if not path.is_file():
        raise AnalysisError(f"there is no file {source}")
    if path.suffix.lower() == ".nc":
        return _netcdf(path)
    return neural.from_rdms(path, name=path.name)


def _netcdf(path: Path) -> xarray.Dataset:
    import xarray

    from cortexsim import neural

    try:
        found = xarray.load_dataset(path, engine="netcdf4")
    except (OSError, ValueError, RuntimeError) as error:
        raise AnalysisError(
            f"{path} cannot be read as netCDF: {str(error).splitlines()[0]}"
        ) from error
    if any(v.attrs.get("kind") for v in found.data_vars.values()):
        return found.assign_attrs(name=found.attrs.get("name", path.name))
    return neural.from_brainio(path)


def target(brain: xarray.Dataset, kind: str, name: str | None) -> xarray.DataArray:
    """The variable of a kind (``rdm``, ``responses``) with the name, or the only one there is.

    RDMs come as ``(subject, [time_ms,] pair)``, the mean over the sessions of each subject; responses as they are, with their repeats. AnalysisError where there is none or the choice is the caller's.
    """
    there = {str(k): v for k, v in brain.data_vars.items() if v.attrs.get("kind") == kind}
    called = brain.attrs.get("name", "the data")
    if not there:
        kinds = sorted(
            {str(v.attrs.get("kind")) for v in brain.data_vars.values() if v.attrs.get("kind")}
        )
        raise AnalysisError(
            f"{called} holds no {kind}; it holds {', '.join(kinds) or 'nothing of a known kind'}. Use a method that takes those"
        )
    if name is None and len(there) > 1:
        listed = ", ".join(f"{k} {dict(v.sizes)}" for k, v in there.items())
        raise AnalysisError(
            f"{called} holds {len(there)} variables that could be compared: {listed}. Choose one with --target"
        )
    if name is not None and name not in there:
        raise AnalysisError(f"{called} has no {kind} {name!r}; choose from {', '.join(there)}")
    chosen = there[name or next(iter(there))]
    if "time_ms" in chosen.dims:
        if "time_ms" not in chosen.coords:
            raise AnalysisError(
                f"{chosen.name} has a dimension time_ms without its coordinate: ms after stimulus onset, the centres of bins"
            )
        times_of(chosen.time_ms.values)
    return _rdms(chosen) if kind == "rdm" else chosen


def _rdms(found: xarray.DataArray) -> xarray.DataArray:
    if "pair" not in found.dims:
        raise AnalysisError(
            f"{found.name} has the dimensions {found.dims}; RDMs are ([subject,] [time_ms,] pair): see cortexsim.neural.from_rdms"
        )
    if bad := int((~np.isfinite(found.values)).sum()):
        raise AnalysisError(
            f"{bad:,} of {found.size:,} entries of {found.name} are NaN or infinite; leave those stimuli out"
        )
    if "session" in found.dims:
        found = found.mean("session", keep_attrs=True)
    others = [str(d) for d in found.dims if d not in ("subject", "time_ms", "pair")]
    if others == ["participant"] and "subject" not in found.dims:
        found = found.rename(participant="subject")
    elif (
        others
    ):  # models, say, which are no subjects: a mean and a ceiling over them would mean nothing
        raise AnalysisError(
            f"{found.name} has the dimensions {found.dims}, and {', '.join(others)} is neither subject, session nor time_ms; choose another --target, "
            "or select along it (or rename it) and give the data as a file"
        )
    if "subject" not in found.dims:
        found = found.expand_dims("subject")
    return found.transpose("subject", ..., "pair")


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
