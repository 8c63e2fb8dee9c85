"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .comparison import comparison as comparison
from .files import save as save
from .graph import graph as graph
from .ladder import latency_ladder as latency_ladder
from .latency import fitted_axis as fitted_axis
from .latency import latency as latency
from .masking import masking as masking
from .mds import mds as mds
from .parts import STATE_STYLES as STATE_STYLES
from .people import trials as trials
from .plane import arrangement as arrangement
from .plane import trajectories as trajectories
from .plot import plot as plot
from .rdms import rdms as rdms
from .recording import overview as overview
from .results import bars as bars
from .results import curves as curves
from .results import significance as significance
from .rsa import heatmap as heatmap
from .rsa import movie as movie
from .scores import scores as scores
from .stimulus import stimulus as stimulus
from .timebytime import time_by_time as time_by_time
from .timeline import timeline as timeline
