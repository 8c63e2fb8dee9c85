"""Real data in the coordinates of a recording: benchmarks, data of your own, spikes, and stimuli matched by their ids.

``neural.list()`` names the benchmarks, ``neural.load(name)`` gives one as an xarray.Dataset. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

# Not lazily: the submodule has the same name and would be found instead of the function.
from cortexsim.neural.align import align

_HOME = {
    "list": "registry",
    "BenchmarkError": "benchmark",
    "load": "loading",
    "info": "loading",
    "fetch": "download",
    "select_stimuli": "align",
    "from_rdms": "own",
    "from_responses": "own",
    "from_brainio": "own",
    "from_mne": "own",
    "bin_spikes": "spikes",
    "sliding": "spikes",
    "baseline": "spikes",
    "average": "spikes",
    "response_rdms": "spikes",
    "split_halves": "spikes",
    "reliability": "spikes",
}
__all__ = ["align", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"cortexsim.neural.{_HOME[name]}"), name)
    raise AttributeError(f"module 'cortexsim.neural' has no attribute {name!r}")
