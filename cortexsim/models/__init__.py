"""The graph of states, one-step operators, the time loop and the named networks."""

from cortexsim.models.calibration import calibrate
from cortexsim.models.foreign.wrap import wrap
from cortexsim.models.graph import Graph, adjacent, full
from cortexsim.models.liveness import schedule
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.models.spec import Spec
from cortexsim.models.states import State, Transition
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
