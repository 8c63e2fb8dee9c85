"""MATLAB's files: versions 4 to 7 through scipy, 7.3 (which is HDF5) through h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError
from cortexsim.ids import align
from cortexsim.neural.own.contents import Structs, Unreadable, is_numeric
from cortexsim.pairs import pairs_among

OBJECT = "an object of MATLAB, such as string or table, which only MATLAB reads: save {way}"
WAY = "cellstr(...) of text, table2array(...) of a table"
MEADOWS = "rdmutv"  # what Meadows calls RDMs; participants follow after '_' if there are several


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file.

    Parameters
    ----------
    path : Path
        The file, of any version.

    Returns
    -------
    dict of str to array, str, dict, Structs or Unreadable
        Numbers keep MATLAB's shape (two axes at least), texts are str or arrays of them, a struct
        is a dictionary.

    Raises
    ------
    AnalysisError
        For version 7.3 without h5py.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except NotImplementedError:  # version 7.3
        return meadows(_read_hdf(path))
    read: dict[str, Any] = {}
    for name, value in content.items():
        if type(value).__name__ == "MatlabOpaque":
            known = value.dtype.names and "s0" in value.dtype.names
            read[_opaque_name(value) if known else name] = Unreadable(OBJECT.format(way=WAY))
        elif not name.startswith("__"):
            read[name] = _value(value)
    return meadows(read)


def meadows(content: dict[str, Any]) -> dict[str, Any]:
    """The RDMs and stimuli of a file that Meadows wrote, under our names; others as they are.

    Meadows has ``rdmutv`` and ``stimuli``, with ``_participant`` after both names where there are
    several; stimuli are the names of the image files.

    Parameters
    ----------
    content : dict
        Of a file.

    Returns
    -------
    dict
        With rdmutv, stimulus_id and, of several participants, subject.

    Raises
    ------
    AnalysisError
        For vectors that are not of the pairs of the stimuli.

    Notes
    -----
    The RDMs of participants with the same stimuli in another order are brought into the order of
    the first. Where they are of other stimuli, the names stay as they are: to be read one by one.
    """
    tables = [k for k in content if k == MEADOWS or k.startswith(MEADOWS + "_")]
    names = {k: "stimuli" + k.removeprefix(MEADOWS) for k in tables}
    if not tables or any(v not in content for v in names.values()):
        return content
    ids = [_lines(content[v]) for v in names.values()]
    if len(tables) == 1:
        rest = {k: v for k, v in content.items() if k not in (*tables, *names.values())}
        return {**rest, MEADOWS: np.atleast_2d(content[tables[0]]), "stimulus_id": ids[0]}
    if any(sorted(s) != sorted(ids[0]) for s in ids):
        return content
    subjects = [k.removeprefix(MEADOWS + "_").replace("_", "-") for k in tables]
    rest = {k: v for k, v in content.items() if k not in (*tables, *names.values())}
    together = np.stack([_in_order(content[k], s, ids[0], k) for k, s in zip(tables, ids)])
    return {
        **rest,
        MEADOWS: together,
        "stimulus_id": ids[0],
        "subject": np.array(subjects, dtype=object),
    }


def _in_order(value: Any, ids: np.ndarray, wanted: np.ndarray, name: str) -> np.ndarray:
    """The pairs of one participant in the order of the stimuli of another."""
    vector = np.ravel(value)
    n = len(ids)
    if vector.size != n * (n - 1) // 2:
        raise AnalysisError(
            f"{name} has {vector.size} entries, {n} stimuli have {n * (n - 1) // 2} pairs"
        )
    return vector[pairs_among(align(ids, wanted), n)]


def _lines(value: Any) -> np.ndarray:
    """Texts as one row of them."""
    return np.array([str(s) for s in np.ravel(value)], dtype=object)


def _opaque_name(value: Any) -> str:
    name = np.ravel(value["s0"])[0]
    return name.decode() if isinstance(name, bytes) else str(name)


def _value(value: Any) -> Any:
    """One variable of scipy: structs, cells and text in our words."""
    if hasattr(value, "todense"):
        return np.asarray(value.todense())
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        if not value.size:
            return Unreadable("an empty struct")
        return _structs(
            [{n: _value(e[n]) for n in value.dtype.names} for e in value.ravel(order="F")],
            value.shape,
        )
    if value.dtype.kind in "US":
        texts = [str(s).rstrip() for s in value.ravel()]
        return texts[0] if len(texts) == 1 else np.array(texts, dtype=object)
    if value.dtype.kind == "O":
        return _cells([_value(v) for v in value.ravel(order="F")], value.shape)
    return value


def _structs(elements: list[dict[str, Any]], shape: tuple[int, ...]) -> Any:
    """One struct as a dictionary, several in MATLAB's order as Structs."""
    if len(elements) == 1:
        return elements[0]
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return Structs(array.reshape([s for s in shape if s != 1], order="F"))


def _cells(cells: list[Any], shape: tuple[int, ...]) -> Any:
    """A cell array: of structs as Structs, of numbers or arrays of one shape as one array."""
    if cells and all(isinstance(c, dict) for c in cells):
        return _structs(cells, shape)
    if cells and all(np.size(c) == 1 and not isinstance(c, (str, Unreadable)) for c in cells):
        cells = [c.item() if isinstance(c, np.ndarray) else c for c in cells]
    elif (
        len(cells) > 1 and all(is_numeric(c) for c in cells) and len({c.shape for c in cells}) == 1
    ):
        lead = [s for s in shape if s != 1]  # the cells are the first axes
        order = np.arange(len(cells)).reshape(lead, order="F")
        return np.stack(cells)[order]
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array.reshape(shape, order="F")


def _read_hdf(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError:
        raise AnalysisError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which needs h5py: pip install h5py; "
            "or save it in MATLAB with '-v7'"
        ) from None
    with h5py.File(path) as file:
        return matlab_hdf(file)


def matlab_hdf(file: Any) -> dict[str, Any]:
    """The variables of an open HDF5 file that MATLAB wrote.

    Parameters
    ----------
    file : h5py.File
        Of version 7.3: columns first, text as numbers, cells as references.

    Returns
    -------
    dict
        As :func:`read_mat`.
    """
    return {k: _node(file, file[k]) for k in file if not k.startswith("#")}


def matlab_class(node: Any) -> str:
    """What MATLAB calls the class of a node of HDF5; '' where it did not write it."""
    name = node.attrs.get("MATLAB_class", b"")
    return name.decode() if isinstance(name, bytes) else str(name)


def _node(file: Any, node: Any) -> Any:
    """A group or data set of MATLAB."""
    if not hasattr(node, "dtype"):
        return _struct_node(file, node)
    if "MATLAB_object_decode" in node.attrs:
        return Unreadable(OBJECT.format(way=WAY))
    if "MATLAB_empty" in node.attrs:
        return "" if matlab_class(node) == "char" else np.empty(0)
    data = np.asarray(node[()])
    shape = data.shape[::-1]  # MATLAB stores columns first
    if data.dtype.kind == "O":  # references
        return _cells([_node(file, file[r]) for r in data.ravel()], shape)
    data = data.T
    if matlab_class(node) == "char":
        lines = ["".join(map(chr, row)).rstrip() for row in np.atleast_2d(data)]
        return lines[0] if len(lines) == 1 else np.array(lines, dtype=object)
    return data


def _struct_node(file: Any, node: Any) -> Any:
    """A struct; where all fields are references without a class of their own, an array of them."""
    if "MATLAB_sparse" in node.attrs:
        return Unreadable("a sparse matrix: save full(...)")
    fields = {k: node[k] for k in node}
    several = fields and all(
        hasattr(f, "dtype") and f.dtype.kind == "O" and not matlab_class(f) for f in fields.values()
    )
    if not several or matlab_class(node) != "struct":
        return {k: _node(file, f) for k, f in fields.items()}
    cells = {k: np.asarray(f[()]).ravel() for k, f in fields.items()}
    count = len(next(iter(cells.values())))
    elements = [{k: _node(file, file[v[n]]) for k, v in cells.items()} for n in range(count)]
    return _structs(elements, next(iter(fields.values())).shape[::-1])
