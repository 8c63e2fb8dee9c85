"""Files of arrays that people bring: one reader a suffix, and the way in for those without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.contents import Held, flat, stacks
from cortexsim.neural.own.hdf5 import read_hdf5
from cortexsim.neural.own.matlab import read_mat
from cortexsim.neural.own.npy import read_npy, read_npz

READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".mat": read_mat,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
}
PICKLE = (
    "is a pickle, which can run code when it is read. Save it in another format where you trust it:"
    " RDMs of rsatoolbox with rdms.save('x.hdf5', file_type='hdf5'), or hand the object itself to "
    "cortexsim.interop.from_rsatoolbox(rsatoolbox.rdm.load_rdm('{name}', file_type='pkl')); arrays "
    "with numpy.savez"
)
SHEET = "is a spreadsheet: save it as .csv, in UTF-8"
REFUSED = {  # what people try, with the way in
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".joblib": PICKLE,
    ".nwb": "is NWB: cortexsim.neural.from_nwb(path) counts its spikes around each trial",
    ".fif": "is MNE's: cortexsim.neural.from_mne(mne.read_epochs(path))",
    ".xlsx": SHEET,
    ".xls": SHEET,
    ".ods": SHEET,
    ".json": "is JSON, which has no arrays; of Meadows download the .mat, else save .npz or .csv",
}


def read_arrays(path: Path) -> dict[str, Any]:
    """Every array of a file by its name; fields of structs as ``struct.field``.

    Parameters
    ----------
    path : Path
        A file with one of the suffixes of ``READERS``.

    Returns
    -------
    dict of str to array
        By name; fields of structs as ``struct.field``, of arrays of structs as
        ``struct[0].field``.

    Raises
    ------
    AnalysisError
        For a file that is not there, of another kind, cut off, or that would have to run code to be
        read.
    """
    return dict(held(path).arrays)


def held(path: Path) -> Held:
    """What a file holds, as single arrays and as arrays of structs.

    Parameters
    ----------
    path : Path
        A file with one of the suffixes of ``READERS``.

    Returns
    -------
    Held
        By flat names.

    Raises
    ------
    AnalysisError
        As :func:`read_arrays`.
    """
    content = _content(path)
    return Held(path, flat(content), stacks(content))


def _is_plain_hdf5(path: Path) -> bool:
    """HDF5 without the header that MATLAB puts before it: h5py wrote it, rows first."""
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _content(path: Path) -> dict[str, Any]:
    """What a file holds, structs as dictionaries."""
    if not path.is_file():
        raise AnalysisError(
            f"there is no file {path}" + (" (it is a folder)" if path.is_dir() else "")
        )
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise AnalysisError(f"{path.name} {REFUSED[suffix].format(name=path.name)}")
    if suffix not in READERS:
        raise AnalysisError(
            f"{path.name}: files are read from {', '.join(READERS)}, .nc, and tables from .csv and "
            ".tsv"
        )
    try:
        return READERS[".h5" if suffix == ".mat" and _is_plain_hdf5(path) else suffix](path)
    except AnalysisError:
        raise
    except (
        Exception
    ) as error:  # what a parser says of a file that is not what its name says can be anything
        raise AnalysisError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
