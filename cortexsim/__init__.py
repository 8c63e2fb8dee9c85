"""cortexsim: recurrent models of visual cortex, what every state does at every step, and real brains beside it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cortexsim.version import __version__ as __version__

# Names are imported when they are first used: `import cortexsim.models` must work where zarr and xarray are old or absent.
_HOME = {
    "build": "cortexsim.models.zoo",
    "load": "cortexsim.models.zoo",
    "calibrate": "cortexsim.models.calibration",
    "Graph": "cortexsim.models.graph",
    "State": "cortexsim.models.graph",
    "Transition": "cortexsim.models.graph",
    "Network": "cortexsim.models.network",
    "Spec": "cortexsim.models.spec",
    "wrap": "cortexsim.models.foreign.external",
    "TimeAxis": "cortexsim.timeaxis",
    "open_recording": "cortexsim.recording.schema",
}
__all__ = ["__version__", "models", *_HOME]

if TYPE_CHECKING:
    from cortexsim.models.calibration import calibrate as calibrate
    from cortexsim.models.foreign.external import wrap as wrap
    from cortexsim.models.graph import Graph as Graph
    from cortexsim.models.graph import State as State
    from cortexsim.models.graph import Transition as Transition
    from cortexsim.models.network import Network as Network
    from cortexsim.models.spec import Spec as Spec
    from cortexsim.models.zoo import build as build
    from cortexsim.models.zoo import load as load
    from cortexsim.recording.schema import open_recording as open_recording
    from cortexsim.timeaxis import TimeAxis as TimeAxis


def __getattr__(name: str) -> Any:
    if name == "models":
        return importlib.import_module("cortexsim.models")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'cortexsim' has no attribute {name!r}")
