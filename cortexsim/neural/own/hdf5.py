"""HDF5 files through h5py: data sets by their path, text decoded, MATLAB's turned round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.neural.own.contents import Stored, Unreadable
from cortexsim.neural.own.matlab import matlab_class, matlab_hdf, meadows

LARGE = 1 << 20  # entries; larger data sets are read only if they are the ones asked for


def read_hdf5(path: Path) -> dict[str, Any]:
    """The data sets of an HDF5 file by their paths, e.g. ``session1/rates``.

    Parameters
    ----------
    path : Path
        The file: of h5py, of rsatoolbox's ``save(..., file_type="hdf5")``, of MATLAB 7.3.

    Returns
    -------
    dict of str to array, str, Stored or Unreadable
        By path.

    Raises
    ------
    AnalysisError
        Without h5py; for tables of pandas and RDMs of rsatoolbox with several descriptors, each
        with what reads it.
    """
    try:
        import h5py
    except ImportError:
        raise AnalysisError(
            f"{path} is HDF5, which needs h5py: pip install h5py; or save it with numpy.savez"
        ) from None
    with h5py.File(path) as file:
        nodes = [node for k in file if (node := _node(file, k)) is not None]
        if any("pandas_type" in node.attrs for node in nodes):
            raise AnalysisError(
                f"{path} holds tables of pandas ({', '.join(file)}); give the table itself: "
                f"pandas.read_hdf({path.name!r}, ...), or save it with .to_csv(...)"
            )
        if any(map(matlab_class, nodes)):
            return meadows(matlab_hdf(file))
        entries: dict[str, Any] = {}
        _walk(file, entries, path, h5py)
        if "rsatoolbox_version" in file.attrs:
            _refuse_descriptors(entries, path)
    return entries


def _node(group: Any, key: str) -> Any:
    """A group or data set; None for a link that leads nowhere."""
    try:
        return group[key]
    except (KeyError, OSError):
        return None


def _walk(group: Any, entries: dict[str, Any], path: Path, h5py: Any) -> None:
    """Every data set below a group; links that lead nowhere are named."""
    for key in group:
        node = _node(group, key)
        if node is None:
            entries[f"{group.name}/{key}".lstrip("/")] = Unreadable("a link that leads nowhere")
            continue
        if isinstance(node, h5py.Group):
            _walk(node, entries, path, h5py)
        elif isinstance(node, h5py.Dataset) and node.shape is not None:
            entries[node.name.lstrip("/")] = _dataset(node, path, h5py)


def _dataset(node: Any, path: Path, h5py: Any) -> Any:
    """A data set: numbers, text, or why it is neither."""
    if h5py.check_string_dtype(node.dtype) is not None or node.dtype.kind == "S":
        return _text(node)
    if node.dtype.kind not in "fiub":
        return Unreadable(f"{tuple(node.shape)} of HDF5's {node.dtype}")
    if node.size <= LARGE:
        return np.asarray(node[()])
    name = node.name

    def load() -> np.ndarray:
        with h5py.File(path) as file:
            return np.asarray(file[name][()])

    return Stored(tuple(node.shape), node.dtype, load)


def _text(node: Any) -> Any:
    """Text as str; bytes are taken as UTF-8, and refused later if they are not."""
    values = node[()]
    if isinstance(values, (bytes, str)):
        return values.decode() if isinstance(values, bytes) else values
    return np.asarray(values)


def _refuse_descriptors(entries: dict[str, Any], path: Path) -> None:
    """RDMs whose subject repeats have more axes than one, which only their descriptors tell."""
    subjects = entries.get("rdm_descriptors/subject")
    if subjects is not None and len(set(np.ravel(subjects).tolist())) < np.size(subjects):
        names = [k.partition("/")[2] for k in entries if k.startswith("rdm_descriptors/")]
        raise AnalysisError(
            f"{path} holds RDMs of rsatoolbox with several for each subject (rdm_descriptors "
            f"{', '.join(names)}): cortexsim.interop.from_rsatoolbox("
            f"rsatoolbox.rdm.load_rdm({path.name!r}), dims=[...]) reads them"
        )
