"""Real data in the coordinates of a recording: benchmarks, data of your own, spikes, and stimuli matched by their ids.

``neural.list()`` names the benchmarks, ``neural.load(name)`` gives one as an xarray.Dataset. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

# Not lazily: the submodule has the same name and would be found instead of the function.
from cortexsim.neural.align import align

_HOME = {
    "list": "benchmarks.registry",
    "BenchmarkError": "benchmarks.benchmark",
    "load": "benchmarks.loading",
    "info": "benchmarks.loading",
    "fetch": "benchmarks.download",
    "select_stimuli": "align",
    "from_rdms": "own.rdms",
    "from_responses": "own.responses",
    "from_brainio": "own.brainio",
    "from_mne": "own.from_mne",
    "bin_spikes": "spikes.spikes",
    "sliding": "spikes.spikes",
    "baseline": "spikes.spikes",
    "average": "spikes.spikes",
    "response_rdms": "spikes.reliability",
    "split_halves": "spikes.reliability",
    "reliability": "spikes.reliability",
}
__all__ = ["align", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"cortexsim.neural.{_HOME[name]}"), name)
    raise AttributeError(f"module 'cortexsim.neural' has no attribute {name!r}")
