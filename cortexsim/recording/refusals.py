"""What is refused before anything of a store is touched: another configuration, unasked changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cortexsim.errors import RecordingError
from cortexsim.locks import is_there
from cortexsim.recording.checked import Root
from cortexsim.recording.schema import read_attributes


def refuse_another(root: Root, ours: dict[str, Any]) -> None:
    """RecordingError for a store of another configuration than ours, with what differs."""
    theirs = json.loads(root.attributes["configuration"])
    if differ := differences(_numerical(theirs), _numerical(ours)):
        raise RecordingError(
            f"{root.path} was begun with another configuration and cannot be continued with "
            "this one:\n"
            "  "
            + "\n  ".join(differ)
            + "\nGive the same settings, or `overwrite=True`, or another `out`"
        )


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """The leaves at which two JSON-like values differ, as lines 'name: 1 there, 2 here'."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = [*theirs, *(k for k in ours if k not in theirs)]
        return [
            line
            for k in keys
            for line in differences(theirs.get(k), ours.get(k), f"{where}.{k}" if where else str(k))
        ]
    if theirs == ours:
        return []
    return [f"{where}: {_short(theirs)} there, {_short(ours)} here"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def refuse_existing(path: Path, *, resume: bool, overwrite: bool) -> None:
    """An existing recording is touched only on request."""
    if resume and overwrite:
        raise RecordingError(
            "`resume` continues a recording and `overwrite` replaces it; give one of the two"
        )
    if is_there(path) and not resume and not overwrite:
        attributes = read_attributes(path)
        done, total = attributes["stimuli_committed"], attributes["stimuli_total"]
        raise RecordingError(
            f"{path} exists ({done} of {total} stimuli recorded); continue it with "
            "`resume=True`, replace it with `overwrite=True`, or give another `out`"
        )


def _numerical(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what cannot change the numbers: a new zarr or xarray need not end a
    long recording.
    """
    provenance = dict(configuration["provenance"])
    packages = {k: v for k, v in provenance.pop("packages").items() if k in ("torch", "numpy")}
    provenance.pop("python")
    return {**configuration, "provenance": {**provenance, "packages": packages}}
