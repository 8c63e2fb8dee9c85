"""Figures: axes in, axes out; only ``save`` touches files. Lines differ by dash and marker too, to be read in grey."""

from cortexsim.plotting.recording import STATE_STYLES as STATE_STYLES
from cortexsim.plotting.recording import overview as overview
from cortexsim.plotting.recording import save as save
