"""Recordings: what every state does at every step, in memory or streamed to Zarr.

Names are imported when they are first used: a recording can be opened without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortexsim.recording.network import record_network as record_network
    from cortexsim.recording.recorder import Settings as Settings
    from cortexsim.recording.schema import open_recording as open_recording

_HOME = {
    "record_network": "cortexsim.recording.network",
    "Settings": "cortexsim.recording.recorder",
    "open_recording": "cortexsim.recording.schema",
}
__all__ = ["Settings", "open_recording", "record_network"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'cortexsim.recording' has no attribute {name!r}")
