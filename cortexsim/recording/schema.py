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

**Checksums.** Every chunk of the arrays ends with its crc32c; the root says the sha256 of every
file with metadata or coordinates, which steps have chunks, and its own digest (see
:mod:`cortexsim.recording.checked`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.accessor import register
from cortexsim.errors import RecordingError
from cortexsim.files import atomic_write
from cortexsim.recording.checked import (
    DIGEST,
    INTEGRITY,
    NODE,
    Root,
    read_root,
    warn_unchecked,
    with_own_digest,
)

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
    metadata = _cut(nodes, stimuli)
    if groups:
        for key, node in _groups(metadata).items():
            _write_node(root / key, node)
    node = _group(attributes, metadata)
    _write_node(root, with_own_digest(node) if INTEGRITY in attributes else node)


def _cut(nodes: dict[str, Any], stimuli: int) -> dict[str, Any]:
    """The metadata of groups and arrays, with so many stimuli."""
    metadata = {}
    for key, node in nodes.items():
        if node["node_type"] == "group":
            node = {**node, "consolidated_metadata": _inline({})}
        elif (node.get("dimension_names") or [None])[0] == STIMULUS:
            node = {**node, "shape": [stimuli, *node["shape"][1:]]}
        metadata[key] = node
    return metadata


def _groups(metadata: dict[str, Any]) -> dict[str, Any]:
    """Of each group what its own ``zarr.json`` holds."""
    names = [k for k, node in metadata.items() if node["node_type"] == "group"]
    return {
        key: _group(
            metadata[key]["attributes"],
            {k[len(key) + 1 :]: node for k, node in metadata.items() if k.startswith(key + "/")},
        )
        for key in names
    }


def damaged_groups(root: Root) -> list[str]:
    """The files of groups that are missing, or hold other metadata than the root.

    They are those of the beginning until the recording is whole.
    """
    total = root.attributes["stimuli_total"]
    allowed = [_groups(_cut(root.nodes, count)) for count in (0, total)]
    damaged = []
    for key in allowed[0]:
        try:
            node = json.loads((root.path / key / NODE).read_bytes())
        except (OSError, ValueError, RecursionError):
            node = None
        if node not in [nodes[key] for nodes in allowed]:
            damaged.append(f"{key}/{NODE}")
    return damaged


def write_groups(root: Root) -> None:
    """The metadata of each group once more: those of a whole recording, or of the beginning."""
    total = root.attributes["stimuli_total"]
    whole = root.attributes["stimuli_committed"] == total
    for key, node in _groups(_cut(root.nodes, total if whole else 0)).items():
        _write_node(root.path / key, node)


def group_files(nodes: dict[str, Any]) -> list[str]:
    """The metadata files of groups, which are written anew when a recording is whole."""
    return [f"{key}/{NODE}" for key, node in nodes.items() if node["node_type"] == "group"]


def _group(attributes: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": _inline(metadata),
    }


def _write_node(folder: Path, node: dict[str, Any]) -> None:
    atomic_write(folder / NODE, json.dumps(node).encode())


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
    return recording_root(path).attributes


def recording_root(path: Path) -> Root:
    """The root of a recording, read once; RecordingError if it is none, or damaged."""
    file = path / NODE
    if path.is_file():
        raise RecordingError(f"{path} is a file, not a recording (a folder with a zarr.json)")
    if not file.is_file():
        raise RecordingError(
            f"no recording at {path}"
            + (" (the folder exists, but holds no zarr.json)" if path.is_dir() else "")
        )
    root = read_root(path, "a recording", error=RecordingError)
    attributes = root.attributes
    if str(attributes.get("format")).startswith("cortexsim rdm movie"):
        raise RecordingError(
            f"{path} is an RDM movie, not a recording; give the recording it was made from"
        )
    if attributes.get("format") != FORMAT:
        raise RecordingError(
            f"{path} is a Zarr store, but not a recording of this version: format "
            f"{attributes.get('format')!r}, expected {FORMAT!r}"
        )
    return root


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
        If there is none, if it is not finished, has another layout, or is damaged: a file that
        was written is missing. Damage inside a file is noticed when it is read.

    Warns
    -----
    UncheckedWarning
        For recordings of before checksums.

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

    register()
    path = Path(path)
    root = recording_root(path)
    attributes = root.attributes
    done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
    if done < total and not partial:
        raise RecordingError(
            f"{path} is not complete: {done} of {total} stimuli are committed. Continue it with "
            "what began it and `resume=True`, or open what is there with "
            "open_recording(path, partial=True)"
        )
    if root.is_checked:
        root.refuse_missing(
            "Continue the recording with what began it and `resume=True`: what is missing is "
            "recorded anew"
        )
    else:
        warn_unchecked(path)
    # The type that xarray declares for stores knows no wrapped ones.
    store: Any = root.store()
    tree = xarray.open_datatree(store, engine="zarr", chunks=chunks, consolidated=True)
    tree.attrs = {k: v for k, v in tree.attrs.items() if k not in (INTEGRITY, DIGEST)}
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
