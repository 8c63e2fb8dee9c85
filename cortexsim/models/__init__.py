"""The graph of states, one-step operators, the time loop and the named networks."""

from cortexsim.models.calibration import calibrate
from cortexsim.models.foreign.external import wrap
from cortexsim.models.graph import Graph, State, Transition, adjacent, full, schedule
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.models.spec import Spec
from cortexsim.models.twin import twin
from cortexsim.models.zoo import build, load

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
    "schedule",
    "twin",
    "wrap",
]
