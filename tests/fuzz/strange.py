"""Malformed things in the place of sound ones, by what the sound one is.

Each is ``(what, value, refuse)``: whether whoever takes it must refuse it. Where that is False a
function may find a meaning in it, and only a raw error is a fault.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
import xarray

NOTHING: list[Any] = [None, object(), [], {}, set(), (), "", b"x", np.nan, print, 3, -1, "xyzzy"]
WHOLE: list[tuple[Any, bool]] = [
    *((-1, False), (0, False), (-(2**70), False), (2**70, False), (2**31, False)),
    *((float("nan"), True), (float("inf"), True), (1.5, True), ("3", True), ("", True)),
    *((None, False), ([], True), ([1, 2], False), (True, False), (10**400, False), (1j, True)),
    *((np.int8(-5), False), (np.float64("nan"), True), (np.array([1, 2]), False), ({}, True)),
    (object(), True),
]
REAL: list[tuple[Any, bool]] = [
    *((-1.0, False), (0.0, False), (float("nan"), True), (float("inf"), False), (-1e308, False)),
    *((1e-320, False), ("0.5", True), ("", True), (None, False), ([], True), (1j, True)),
    *((10**400, False), (np.array([0.1, 0.2]), False), ({}, True), (object(), True), (True, False)),
]
TEXT: list[Any] = [
    *("", "xyzzy", " ", "\x00", "ü" * 300, "../..", "/", "1", "a:b:c", ":", "\ud800", "{}"),
    *(None, 5, -1.5, [], b"abc", ("a",), {}, object(), True, Path("."), np.nan),
]
COUNTS = {
    *("n", "folds", "inner_folds", "splits", "permutations", "bins", "iterations", "krylov"),
    *("batch_size", "count", "simulated", "components", "size", "features", "classes"),
    *("channels", "memory", "top", "limit", "train_count"),
}
"""Names of numbers that are never below 0."""


def of_value(value: Any, rng: random.Random, name: str = "") -> tuple[str, Any, bool]:
    """One malformed thing in the place of a sound one."""
    if rng.random() < 0.12:
        junk = rng.choice(NOTHING)
        return f"{_shown(junk)}", junk, False
    if isinstance(value, (bool, np.bool_)):
        junk = rng.choice([None, "yes", 2, [], np.nan, "False", object(), np.array([True, False])])
        return _shown(junk), junk, False
    if isinstance(value, (int, np.integer)):
        junk, refuse = rng.choice(WHOLE)
        negative = name in COUNTS and isinstance(junk, (int, np.integer)) and junk < 0
        return _shown(junk), junk, (refuse and name != "rng") or negative
    if isinstance(value, (float, np.floating)):
        junk, refuse = rng.choice(REAL)
        return _shown(junk), junk, refuse
    if isinstance(value, (str, Path)):
        junk = rng.choice(TEXT)
        return _shown(junk), junk, False
    if isinstance(value, xarray.DataArray):
        return _of_dataarray(value, rng)
    if isinstance(value, xarray.Dataset):
        return _of_dataset(value, rng)
    if isinstance(value, xarray.DataTree):
        return _of_tree(value, rng)
    if isinstance(value, torch.Tensor):
        return _of_tensor(value, rng)
    if isinstance(value, np.ndarray):
        return _of_array(value, rng)
    if isinstance(value, pandas.DataFrame):
        return _of_frame(value, rng)
    if isinstance(value, (list, tuple)):
        return _of_sequence(value, rng, name)
    if isinstance(value, dict):
        return _of_dict(value, rng)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _of_record(value, rng)
    junk = rng.choice(NOTHING)
    return _shown(junk), junk, False


def of_annotation(annotation: str, rng: random.Random, name: str) -> tuple[str, Any, bool]:
    """For a parameter that stands at its default, by what it is annotated with."""
    first = annotation.strip("'\"").split(" |")[0].split("[")[0]
    pair = (1.0, 2.0) if "float" in annotation else (1, 2)  # of floats 1.5 is as good as any
    sound = {"int": 2, "float": 1.0, "str": "a", "bool": True, "tuple": pair, "Sequence": [1]}
    if first in sound:
        return of_value(sound[first], rng, name)
    if rng.random() < 0.5:
        junk = rng.choice(NOTHING)
        return _shown(junk), junk, False
    return (*of_value(np.random.default_rng(0).normal(size=(4, 3)), rng, name)[:2], False)


def _of_array(value: np.ndarray, rng: random.Random) -> tuple[str, Any, bool]:
    """An array: other numbers, types, shapes, and what is no array."""
    numeric = value.dtype.kind in "fiu"
    real = value.dtype.kind == "f"
    hidden = np.ma.masked_array(value, mask=np.arange(value.size).reshape(value.shape) == 0)
    makers: list[tuple[str, Any, bool]] = [
        ("complex", lambda: value + 1j, real),
        ("text", lambda: value.astype(str), real),
        ("objects", lambda: np.full(value.shape, None, dtype=object), real),
        ("mixed objects", lambda: _mixed(value), False),
        ("dates", lambda: np.zeros(value.shape, "M8[ns]"), real),
        ("masked", lambda: hidden, real),
        ("structured", lambda: np.zeros(value.shape, [("a", "f8")]), real),
        ("ragged", lambda: [[1.0], [1.0, 2.0]], real),
        ("all NaN", lambda: value * np.nan, False),
        ("one NaN", lambda: _with(value, np.nan), False),
        ("one inf", lambda: _with(value, np.inf), False),
        ("huge", lambda: _with(value, 1e308), False),
        ("constant", lambda: np.zeros_like(value), False),
        ("negative", lambda: -np.abs(value) - 1, False),
        ("empty", lambda: value[:0], False),
        ("empty at the end", lambda: value[..., :0], False),
        ("0-d", lambda: np.array(1.0), False),
        ("one less", lambda: value[..., :-1], False),
        ("one item", lambda: value[:1], False),
        ("an axis more", lambda: value[None], False),
        ("an axis less", lambda: value[0], False),
        ("flat", lambda: value.ravel(), False),
        ("five axes more", lambda: value[None, None, None, None, None], False),
        ("a list", lambda: value.tolist(), False),
        ("bool", lambda: value > 0, False),
        ("sparse", lambda: _sparse(value), False),
        ("a matrix", lambda: np.asmatrix(value.reshape(len(value), -1)), False),
        ("torch", lambda: torch.from_numpy(value), False),
        ("torch sparse", lambda: torch.from_numpy(value).to_sparse(), False),
        ("torch meta", lambda: torch.empty(value.shape, device="meta"), False),
        ("a generator", lambda: (x for x in value), False),
        ("pandas", lambda: pandas.DataFrame(value.reshape(len(value), -1)), False),
        ("an axis of 0 strides", lambda: np.broadcast_to(value, (3, *value.shape)), False),
        ("other names", lambda: xarray.DataArray(value, dims=_names(value.ndim)), False),
    ]
    what, make, refuse = rng.choice(makers)
    try:
        return f"array {what}", make(), refuse and numeric
    except (TypeError, ValueError, IndexError, RuntimeError, AttributeError):
        return "array 0-d", np.array(1.0), False


def _of_dataarray(value: xarray.DataArray, rng: random.Random) -> tuple[str, Any, bool]:
    """Named axes: other names, ids, coordinates; or another array in it, or without names."""
    dim = rng.choice([str(d) for d in value.dims]) if value.ndim else ""
    coord = rng.choice([str(c) for c in value.coords]) if len(value.coords) else ""
    makers: list[tuple[str, Any]] = [
        (f"{dim} renamed", lambda: value.rename({dim: "zzz"})),
        (f"{dim} as number", lambda: value.rename({dim: 5})),
        (f"without {coord}", lambda: value.drop_vars(coord)),
        ("without coordinates", lambda: value.drop_vars(list(value.coords))),
        (f"{coord} NaN", lambda: _coord(value, coord, np.nan)),
        (f"{coord} None", lambda: _coord(value, coord, None)),
        (f"{coord} all equal", lambda: _coord(value, coord, "same")),
        (f"{coord} complex", lambda: _coord(value, coord, 1j)),
        (f"{coord} nested", lambda: _coord(value, coord, {"a": 1})),
        (f"{coord} backwards", lambda: value.assign_coords({coord: value[coord][::-1].variable})),
        (f"{coord} a single one", lambda: value.assign_coords({coord: 3})),
        (f"no {dim}", lambda: value.isel({dim: slice(0, 0)})),
        (f"one {dim}", lambda: value.isel({dim: [0]})),
        (f"{dim} twice", lambda: xarray.concat([value, value], dim)),
        (f"{dim} chosen", lambda: value.isel({dim: 0})),
        ("an axis more", lambda: value.expand_dims("other")),
        ("stacked", lambda: value.stack(all=list(value.dims))),
        ("a MultiIndex", lambda: value.assign_coords(a=(dim, range(value.sizes[dim]))).set_index(
            {dim: ["a"]}
        )),
        ("a Dataset", lambda: value.to_dataset(name="v")),
        ("dask", lambda: value.chunk()),
    ]  # fmt: skip
    if rng.random() < 0.5:
        what, junk, refuse = _of_array(value.values, rng)
        if isinstance(junk, np.ndarray) and junk.shape == value.shape and what != "array masked":
            return f"named {what}", value.copy(data=np.asarray(junk)), refuse
        return what, junk, refuse
    what, make = rng.choice(makers)
    try:
        return f"DataArray {what}", make(), False
    except Exception:
        return "DataArray without values", value.isel({d: slice(0, 0) for d in value.dims}), False


def _of_dataset(value: xarray.Dataset, rng: random.Random) -> tuple[str, Any, bool]:
    """A Dataset: without a part, or with a part that is another."""
    variable = rng.choice([str(v) for v in value.variables])
    dim = rng.choice([str(d) for d in value.dims]) if value.dims else ""
    if rng.random() < 0.4 and variable in value.data_vars:
        what, junk, _ = of_value(value[variable], rng)
        if isinstance(junk, (xarray.DataArray, np.ndarray)):
            dims = getattr(junk, "dims", value[variable].dims)
            try:
                return (
                    f"{variable}: {what}",
                    value.assign({variable: (dims, np.asarray(junk))}),
                    False,
                )
            except Exception:
                return f"only {variable}", value[variable], False
    attribute = rng.choice([str(a) for a in value.attrs] or [""])
    makers: list[tuple[str, Any]] = [
        (f"without {variable}", lambda: value.drop_vars(variable)),
        (f"{variable} renamed", lambda: value.rename({variable: "zzz"})),
        (f"{dim} renamed", lambda: value.rename({dim: "zzz"})),
        (f"no {dim}", lambda: value.isel({dim: slice(0, 0)})),
        (f"one {dim}", lambda: value.isel({dim: [0]})),
        (f"{dim} chosen", lambda: value.isel({dim: 0})),
        ("without attributes", lambda: value.drop_attrs()),
        (f"{attribute} None", lambda: value.assign_attrs({attribute: None})),
        (f"{attribute} text", lambda: value.assign_attrs({attribute: "xyzzy"})),
        (f"{attribute} a number", lambda: value.assign_attrs({attribute: -1})),
        ("empty", xarray.Dataset),
        ("without coordinates", lambda: value.drop_vars(list(value.coords))),
        ("an array", lambda: value[next(iter(value.data_vars))]),
        ("a tree", lambda: xarray.DataTree(value)),
        ("values", lambda: value[next(iter(value.data_vars))].values),
    ]
    what, make = rng.choice(makers)
    try:
        return f"Dataset {what}", make(), False
    except Exception:
        return "Dataset empty", xarray.Dataset(), False


def _of_tree(value: xarray.DataTree, rng: random.Random) -> tuple[str, Any, bool]:
    """A recording without a node or attribute, or with one that is damaged."""
    tree = value.copy(deep=True)
    if rng.random() < 0.4:
        key = rng.choice(list(tree.attrs))
        junk = rng.choice([None, "", "{}", "[]", 5, "xyzzy", '{"states": 3}'])
        tree.attrs[key] = junk
        return f"attribute {key} = {junk!r}", tree, False
    name = rng.choice(list(tree.children))
    if rng.random() < 0.3:
        return f"without {name}", tree.filter(lambda node: node.name != name), False
    what, junk, _ = _of_dataset(tree[name].to_dataset(), rng)
    if isinstance(junk, xarray.Dataset):
        try:
            tree[name] = xarray.DataTree(junk)
        except Exception:
            return "no tree", {}, False
    return f"{name}: {what}", tree, False


def _of_tensor(value: torch.Tensor, rng: random.Random) -> tuple[str, Any, bool]:
    """A tensor: of another type, shape, device, layout, or none."""
    makers: list[tuple[str, Any, bool]] = [
        ("complex", lambda: value.to(torch.complex64), True),
        ("double", value.double, False),
        ("half", value.half, False),
        ("whole numbers", value.long, False),
        ("bool", value.bool, False),
        ("meta", lambda: value.to("meta"), False),
        ("sparse", lambda: value.to_sparse(), False),
        ("NaN", lambda: value * float("nan"), False),
        ("infinite", lambda: value / 0, False),
        ("huge", lambda: value * 1e30, False),
        ("empty", lambda: value[:0], False),
        ("an axis less", lambda: value[0], False),
        ("an axis more", lambda: value[None], False),
        ("one channel", lambda: value[:, :1], False),
        ("one pixel", lambda: value[..., :1, :1], False),
        ("odd size", lambda: value[..., :-1], False),
        ("NumPy", value.numpy, False),
        ("a list", lambda: [value], False),
        ("blanks only", lambda: [None, None], False),
        ("a list of shapes", lambda: [value, value[..., :4, :4]], False),
        ("a list of texts", lambda: ["a"], False),
        ("quantized", lambda: torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8), True),
    ]
    what, make, refuse = rng.choice(makers)
    try:
        return f"tensor {what}", make(), refuse and value.is_floating_point()
    except Exception:
        return "tensor 0-d", torch.tensor(1.0), False


def _of_frame(value: pandas.DataFrame, rng: random.Random) -> tuple[str, Any, bool]:
    """A table: columns that lack, are twice, or of another type; no rows."""
    column = rng.choice(list(value.columns))
    makers: list[tuple[str, Any]] = [
        (f"without {column}", lambda: value.drop(columns=column)),
        (f"{column} text", lambda: value.assign(**{column: "a"})),
        (f"{column} NaN", lambda: value.assign(**{column: np.nan})),
        (
            f"{column} one NaN",
            lambda: value.assign(**{column: value[column].mask(value.index == 0)}),
        ),
        (f"{column} None", lambda: value.assign(**{column: None})),
        (f"{column} lists", lambda: value.assign(**{column: [[1]] * len(value)})),
        (f"{column} complex", lambda: value.assign(**{column: 1j})),
        (f"{column} dates", lambda: value.assign(**{column: pandas.Timestamp("2020-01-01")})),
        (f"{column} infinite", lambda: value.assign(**{column: np.inf})),
        (f"{column} -1", lambda: value.assign(**{column: -1})),
        (f"{column} categories", lambda: value.astype({column: "category"})),
        (f"{column} twice", lambda: pandas.concat([value, value[[column]]], axis=1)),
        ("no rows", lambda: value[:0]),
        ("one row", lambda: value[:1]),
        ("no columns", lambda: value[[]]),
        ("columns are numbers", lambda: value.set_axis(range(value.shape[1]), axis=1)),
        ("turned", lambda: value.T),
        ("a MultiIndex", lambda: value.set_index(list(value.columns[:2]))),
        ("an array", lambda: value.to_numpy()),
        ("a dictionary", lambda: value.to_dict()),
    ]
    what, make = rng.choice(makers)
    try:
        return f"table {what}", make(), False
    except Exception:
        return "table without rows", value[:0], False


def _of_sequence(value: Any, rng: random.Random, name: str) -> tuple[str, Any, bool]:
    """A list: empty, too long, with an entry that is none, twice the same."""
    kind = type(value) if type(value) in (list, tuple) else list
    entries = list(value)
    if entries and rng.random() < 0.6:
        k = rng.randrange(len(entries))
        what, junk, refuse = of_value(entries[k], rng, name)
        entries[k] = junk
        return f"entry {k}: {what}", kind(entries), refuse
    makers = [
        ("empty", kind()),
        ("twice", kind(entries * 2)),
        ("the first only", kind(entries[:1])),
        ("backwards", kind(entries[::-1])),
        ("nested", kind([entries])),
        ("one more", kind([*entries, None])),
        ("a text", "abc"),
        ("a number", 3),
        ("a set", None),
    ]
    what, junk = rng.choice(makers)
    return f"list {what}", junk, False


def _of_dict(value: dict, rng: random.Random) -> tuple[str, Any, bool]:
    """A dictionary: without a key, with a strange one, with a strange value."""
    key = rng.choice(list(value)) if value else ""
    if value and rng.random() < 0.6:
        what, junk, _ = of_value(value[key], rng)
        return f"{key}: {what}", {**value, key: junk}, False
    makers = [
        (f"without {key}", {k: v for k, v in value.items() if k != key}),
        ("empty", {}),
        ("a number as key", {**value, 3: "a"}),
        ("None as key", {**value, None: None}),
        ("an unknown key", {**value, "zzz": 1}),
        ("a list", list(value)),
    ]
    what, junk = rng.choice(makers)
    return f"dictionary {what}", junk, False


class Later:
    """A settings object that is made in the call, since it may refuse its fields itself."""

    def __init__(self, value: Any, changes: dict[str, Any]) -> None:
        self.value, self.changes = value, changes

    def made(self) -> Any:
        """It, with the strange field."""
        changes = {k: made(v) for k, v in self.changes.items()}
        return dataclasses.replace(self.value, **changes)


def made(value: Any) -> Any:
    """What is made in the call, also within lists, tuples and dictionaries."""
    if isinstance(value, Later):
        return value.made()
    if type(value) in (list, tuple):
        return type(value)(made(v) for v in value)
    if type(value) is dict:
        return {k: made(v) for k, v in value.items()}
    return value


def _of_record(value: Any, rng: random.Random) -> tuple[str, Any, bool]:
    """Settings with a field that is none."""
    names = [f.name for f in dataclasses.fields(value) if f.init]
    field = rng.choice(names)
    now = getattr(value, field)
    if now is None:
        junk = rng.choice([*NOTHING, *(w for w, _ in WHOLE)])
        what, refuse = _shown(junk), False
    else:
        what, junk, refuse = of_value(now, rng, field)
    return f"{type(value).__name__}({field}={what})", Later(value, {field: junk}), refuse


def _with(value: np.ndarray, one: float) -> np.ndarray:
    copied = value.astype(float)
    copied.flat[0] = one
    return copied


def _mixed(value: np.ndarray) -> np.ndarray:
    mixed = value.astype(object)
    mixed.flat[0] = "a"
    return mixed


def _sparse(value: np.ndarray) -> Any:
    from scipy import sparse

    return sparse.csr_matrix(value.reshape(len(value), -1))


def _names(count: int) -> tuple[str, ...]:
    return ("zzz", "unit", "x", "subject", "time_ms", "stimulus", "a", "b", "c")[:count]


def _coord(value: xarray.DataArray, name: str, entry: Any) -> xarray.DataArray:
    """All entries of a coordinate are one thing."""
    shape = value[name].shape
    column = np.empty(shape, dtype=object)
    for k in np.ndindex(shape):
        column[k] = entry
    if isinstance(entry, (float, complex)):
        column = column.astype(type(entry))
    return value.assign_coords({name: (value[name].dims, column)})


def _shown(value: Any) -> str:
    text = type(value).__name__ if type(value) is object or callable(value) else ascii(value)
    return text if len(text) < 40 else text[:37] + "..."
