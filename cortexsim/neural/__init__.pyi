"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .align import align as align
from .align import select_stimuli as select_stimuli
from .benchmarks.benchmark import BenchmarkError as BenchmarkError
from .benchmarks.download import fetch as fetch
from .benchmarks.loading import info as info
from .benchmarks.loading import load as load
from .benchmarks.registry import list as list
from .layout import About as About
from .own.brainio import from_brainio as from_brainio
from .own.from_mne import from_mne as from_mne
from .own.latencies import from_latencies as from_latencies
from .own.latencies import latency_ladder as latency_ladder
from .own.nwb import from_nwb as from_nwb
from .own.rdms import from_rdms as from_rdms
from .own.responses import from_responses as from_responses
from .own.trials import from_trials as from_trials
from .spikes.baseline import baseline as baseline
from .spikes.reliability import reliability as reliability
from .spikes.reliability import split_halves as split_halves
from .spikes.response_rdms import response_rdms as response_rdms
from .spikes.spikes import bin_spikes as bin_spikes
from .spikes.spikes import sliding as sliding
from .spikes.trials import average as average
from .stack import stack as stack
