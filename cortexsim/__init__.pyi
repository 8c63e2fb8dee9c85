"""The public names of cortexsim, one a line: read by editors, type checkers and lazy_loader."""

from . import analysis as analysis
from . import brainscore as brainscore
from . import interop as interop
from . import models as models
from . import neural as neural
from . import plotting as plotting
from . import recording as recording
from . import stimuli as stimuli
from . import training as training
from .models.calibration import calibrate as calibrate
from .models.foreign.wrap import wrap as wrap
from .models.graph import Graph as Graph
from .models.network import Network as Network
from .models.spec import Spec as Spec
from .models.states import State as State
from .models.states import Transition as Transition
from .models.zoo import build as build
from .models.zoo import load as load
from .models.zoo import zoo as zoo
from .recording.network import record_network as record_network
from .recording.opening import open_recording as open_recording
from .timeaxis import TimeAxis as TimeAxis
from .training.network import train_network as train_network
from .version import __version__ as __version__
