"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .calibration import calibrate as calibrate
from .foreign.wrap import wrap as wrap
from .graph import Graph as Graph
from .graph import adjacent as adjacent
from .graph import full as full
from .liveness import schedule as schedule
from .network import Network as Network
from .protocol import Unrolls as Unrolls
from .spec import Spec as Spec
from .states import State as State
from .states import Transition as Transition
from .twin import twin as twin
from .zoo import build as build
from .zoo import load as load
