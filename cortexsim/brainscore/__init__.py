"""Brain-Score: networks as its subjects, submissions, scores. The only room that imports
``brainscore_*``.

It runs where Brain-Score runs (Python >= 3.11, numpy < 2, xarray < 2022.6; ``make brainscore``
creates such an environment). Packaging needs files only and runs anywhere: names are imported when
they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "BrainModel": "model",
    "load": "model",
    "Commitment": "commitment",
    "commit": "commitment",
    "package": "packaging",
    "score": "scoring",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"cortexsim.brainscore.{_HOME[name]}"), name)
    raise AttributeError(f"module 'cortexsim.brainscore' has no attribute {name!r}")
