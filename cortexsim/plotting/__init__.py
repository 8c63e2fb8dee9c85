"""Figures: axes in, axes out; only ``save`` touches files. Lines differ by dash and marker too, to be read in grey."""

from cortexsim.plotting.comparison import comparison as comparison
from cortexsim.plotting.files import save as save
from cortexsim.plotting.mds import mds as mds
from cortexsim.plotting.recording import STATE_STYLES as STATE_STYLES
from cortexsim.plotting.recording import overview as overview
from cortexsim.plotting.results import bars as bars
from cortexsim.plotting.results import curves as curves
from cortexsim.plotting.results import significance as significance
from cortexsim.plotting.rsa import arrangement as arrangement
from cortexsim.plotting.rsa import heatmap as heatmap
from cortexsim.plotting.rsa import movie as movie
from cortexsim.plotting.rsa import trajectories as trajectories
from cortexsim.plotting.timebytime import time_by_time as time_by_time
