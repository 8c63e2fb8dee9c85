"""The graph of states, one-step operators, the time loop and the named networks.

The package is also a function: ``cortexsim.models()`` lists the zoo.
"""

import sys
from types import ModuleType

from cortexsim.models.calibration import calibrate
from cortexsim.models.foreign.external import wrap
from cortexsim.models.graph import Graph, State, Transition, adjacent, full, schedule
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.models.spec import Spec
from cortexsim.models.twin import twin
from cortexsim.models.zoo import build, load, models

__all__ = [
    "Graph",
    "Network",
    "Spec",
    "State",
    "Transition",
    "Unrolls",
    "adjacent",
    "build",
    "calibrate",
    "full",
    "load",
    "models",
    "schedule",
    "twin",
    "wrap",
]


class _Listing(ModuleType):
    def __call__(self) -> dict[str, str]:
        return models()


sys.modules[__name__].__class__ = _Listing
