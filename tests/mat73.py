"""MATLAB files of version 7.3 as MATLAB writes them, through h5py: columns first, MATLAB_class on
everything, text as numbers, cells and arrays of structs as references into #refs#. The package
mat73 (0.65) reads them as what went in.
"""

import h5py
import numpy as np

HEADER = (
    b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 "
    b"HDF5 schema 1.00 ."
).ljust(124)
EMPTY = "MATLAB_empty"


def save(path, content):
    """Variables by name: arrays, str, lists (cells), dict (structs), object arrays of dict (arrays
    of structs, in MATLAB's shape).
    """
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in content.items():
            _write(file, file, name, value)
    with open(path, "r+b") as raw:
        raw.write(HEADER + b"\x00\x02IM")
    return path


def _classed(node, name):
    node.attrs["MATLAB_class"] = np.bytes_(name)
    return node


def _reference(file, value):
    group = file.require_group("#refs#")
    name = f"#refs#/{len(group)}_"
    _write(file, file, name, value)
    return file[name].ref


def _references(file, group, name, values, shape):
    node = group.create_dataset(name, shape[::-1], dtype=h5py.ref_dtype)
    refs = np.empty(len(values), dtype=h5py.ref_dtype)
    for k, v in enumerate(values):
        refs[k] = _reference(file, v)
    node[...] = refs.reshape(shape[::-1])  # MATLAB's order of columns is C order turned round
    return node


def _write(file, group, name, value):
    if isinstance(value, str):
        codes = np.array([[ord(c) for c in value]], dtype=np.uint16).T
        if not value:
            node = group.create_dataset(name, data=np.array([0, 0], dtype=np.uint64))
            node.attrs[EMPTY] = np.uint8(1)
        else:
            node = group.create_dataset(name, data=codes)
        _classed(node, "char").attrs["MATLAB_int_decode"] = np.int32(2)
    elif isinstance(value, dict):
        inner = _classed(group.create_group(name), "struct")
        for k, v in value.items():
            _write(file, inner, k, v)
    elif isinstance(value, list):
        _classed(_references(file, group, name, value, (1, len(value))), "cell")
    elif value.dtype == object:  # an array of structs: no class on its fields
        inner = _classed(group.create_group(name), "struct")
        elements = list(value.ravel(order="F"))
        for k in elements[0]:
            _references(file, inner, k, [e[k] for e in elements], value.shape)
    else:
        value = np.atleast_2d(value)
        kind = {"b": "logical", "f": "double"}.get(value.dtype.kind, str(value.dtype))
        stored = value.astype(np.uint8) if value.dtype.kind == "b" else value
        _classed(group.create_dataset(name, data=stored.T), kind)
