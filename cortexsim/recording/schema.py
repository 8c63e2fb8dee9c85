"""The one layout of a recording: a Zarr v3 store with a group per state.

::

    /            attributes: format, configuration (JSON: graph, presentation, time axis,
                 preprocessing, weights, versions, seed), stimuli_committed, stimuli_total
    /V1 .. /IT   activation(stimulus, step, channel, y, x) or (stimulus, step, unit); NaN at steps
                 where the state is not populated
    /readout     logits(stimulus, step, class); absent if the last state is never populated
    /drive/V1 .. one variable for each transition into the state: what it delivered, before the sum

Every group has the coordinates stimulus_id, label, step, time_ms, time_ms_low, time_ms_high and
populated(step).

**Commits.** Only the consolidated metadata in the root's ``zarr.json`` say how many stimuli the
arrays hold, and that one file is replaced atomically after the data of a batch are written: a
reader sees whole batches or nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.errors import RecordingError
from cortexsim.files import atomic_write

if TYPE_CHECKING:
    import xarray

FORMAT = "cortexsim recording 1"
STIMULUS = "stimulus"
COORDINATES = ("stimulus_id", "label", "time_ms", "time_ms_low", "time_ms_high", "populated")


def read_nodes(root: Path) -> dict[str, Any]:
    """The metadata of every group and array of a store, with the full number of stimuli."""
    # Groups are one or two levels deep (V1, drive/V1) and arrays one below; the folders of chunks
    # are not searched.
    files = sorted(f for depth in ("*", "*/*", "*/*/*") for f in root.glob(f"{depth}/zarr.json"))
    return {f.parent.relative_to(root).as_posix(): json.loads(f.read_text()) for f in files}


def commit(
    root: Path,
    attributes: dict[str, Any],
    stimuli: int,
    *,
    nodes: dict[str, Any],
    groups: bool = False,
) -> None:
    """Make the first stimuli visible: rewrite the consolidated metadata atomically.

    Parameters
    ----------
    root : Path
        The store.
    attributes : dict
        Of its root.
    stimuli : int
        How many are visible.
    nodes : dict
        The metadata of all groups and arrays, which are cut to that number.
    groups : bool
        Also write those of each group, so that ``xarray.open_zarr(path, group="V1")`` finds them
        (done once, at the end).
    """
    metadata = {}
    for key, node in nodes.items():
        if node["node_type"] == "group":
            node = {**node, "consolidated_metadata": _inline({})}
        elif (node.get("dimension_names") or [None])[0] == STIMULUS:
            node = {**node, "shape": [stimuli, *node["shape"][1:]]}
        metadata[key] = node
    if groups:
        for key in [k for k, node in metadata.items() if node["node_type"] == "group"]:
            below = {
                k[len(key) + 1 :]: node for k, node in metadata.items() if k.startswith(key + "/")
            }
            _write_group(root / key, metadata[key]["attributes"], below)
    _write_group(root, attributes, metadata)


def _write_group(folder: Path, attributes: dict[str, Any], metadata: dict[str, Any]) -> None:
    node = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": _inline(metadata),
    }
    atomic_write(folder / "zarr.json", json.dumps(node).encode())


def _inline(metadata: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "inline", "must_understand": False, "metadata": metadata}


def root_attributes(configuration: dict[str, Any], committed: int, total: int) -> dict[str, Any]:
    """The attributes of a recording; JSON text, since netCDF knows no nested attributes."""
    return {
        "format": FORMAT,
        "configuration": json.dumps(configuration),
        "stimuli_committed": committed,
        "stimuli_total": total,
    }


def read_attributes(path: Path) -> dict[str, Any]:
    """The root attributes of a recording; RecordingError if it is none."""
    file = path / "zarr.json"
    if path.is_file():
        raise RecordingError(f"{path} is a file, not a recording (a folder with a zarr.json)")
    if not file.is_file():
        raise RecordingError(
            f"no recording at {path}"
            + (" (the folder exists, but holds no zarr.json)" if path.is_dir() else "")
        )
    try:
        attributes = json.loads(file.read_text()).get("attributes", {})
    except json.JSONDecodeError as error:
        raise RecordingError(f"{file} is not Zarr metadata: {error}") from error
    if str(attributes.get("format")).startswith("cortexsim rdm movie"):
        raise RecordingError(
            f"{path} is an RDM movie, not a recording; give the recording it was made from"
        )
    if attributes.get("format") != FORMAT:
        raise RecordingError(
            f"{path} is a Zarr store, but not a recording of this version: format "
            f"{attributes.get('format')!r}, expected {FORMAT!r}"
        )
    return attributes


def configuration(tree: xarray.DataTree) -> dict[str, Any]:
    """What a recording was made with: network, weights, stimuli, presentation, time axis, versions
    and seed.
    """
    return json.loads(tree.attrs["configuration"])


def open_recording(
    path: str | Path, *, partial: bool = False, chunks: Any = None
) -> xarray.DataTree:
    """Open a recording and check it against the layout.

    Parameters
    ----------
    path : path
        The store.
    partial : bool
        Accept one that was not finished (its committed stimuli).
    chunks : mapping, optional
        ``{}`` for dask arrays, None for xarray's lazy ones.

    Returns
    -------
    xarray.DataTree
        A group for each state.

    Raises
    ------
    RecordingError
        If there is none, if it is not finished, or if it has another layout.

    Examples
    --------
    >>> import tempfile, cortexsim
    >>> path = tempfile.mkdtemp() + "/a.zarr"
    >>> _ = cortexsim.record_network(cortexsim.load("cortex4"), "sample", keep="mean", out=path)
    >>> recording = open_recording(path)
    >>> recording["IT"].activation.sel(step=4).dims
    ('stimulus', 'unit')
    """
    import xarray

    path = Path(path)
    attributes = read_attributes(path)
    done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
    if done < total and not partial:
        raise RecordingError(
            f"{path} is not complete: {done} of {total} stimuli are committed. Continue it with "
            "what began it and `resume=True`, or open what is there with "
            "open_recording(path, partial=True)"
        )
    tree = xarray.open_datatree(path, engine="zarr", chunks=chunks)
    problems = list(_problems(tree, done))
    if problems:
        raise RecordingError(
            f"{path} does not have the layout of a recording:\n  " + "\n  ".join(problems)
        )
    return tree


def _problems(tree: xarray.DataTree, stimuli: int) -> list[str]:
    """What differs from the layout."""
    problems: list[str] = []
    for key in configuration(tree)["variables"]:
        name, _, variable = key.rpartition("/")
        dims = ("class",) if name == "readout" else None
        if name not in tree.groups and f"/{name}" not in tree.groups:
            problems.append(f"group {name!r} is missing")
            continue
        group = tree[name]
        if variable not in group:
            problems.append(f"{name}: variable {variable!r} is missing")
            continue
        array = group[variable]
        if (
            tuple(array.dims)[:2] != (STIMULUS, "step")
            or (dims or tuple(array.dims)[2:]) != tuple(array.dims)[2:]
        ):
            problems.append(f"{name}: {variable} has dimensions {array.dims}")
        if group.sizes[STIMULUS] != stimuli:
            problems.append(f"{name}: {group.sizes[STIMULUS]} stimuli, {stimuli} were committed")
        problems += [
            f"{name}: coordinate {c!r} is missing"
            for c in (*COORDINATES, "step")
            if c not in group.coords
        ]
    return problems
