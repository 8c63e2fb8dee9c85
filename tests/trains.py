"""Spike trains and repeats with planted signals, for the tests of spikes."""

import numpy as np
import xarray as xr

from cortexsim.neural.own.responses import from_responses


def rasters(trials=60, samples=200, units=3, stimuli=5, seed=0, start=-100):
    """Trials of single units in random order; every cell has some."""
    rng = np.random.default_rng(seed)
    cell = rng.permutation(
        np.r_[
            np.arange(units * stimuli), rng.integers(0, units * stimuli, trials - units * stimuli)
        ]
    )
    return xr.Dataset(
        {
            "spikes": (
                ("trial", "time_ms"),
                rng.poisson(0.05, (trials, samples)).astype(np.uint8),
                {"area": "IT"},
            )
        },
        {
            "time_ms": ("time_ms", start + 0.5 + np.arange(samples), {"bin_ms": 1.0}),
            "unit": ("trial", np.array([f"u{k}" for k in cell // stimuli], dtype=object)),
            "stimulus_id": ("trial", np.array([f"s{k}" for k in cell % stimuli], dtype=object)),
            "session": ("trial", cell // stimuli // 2),
        },
        {"name": "synthetic"},
    )


def repeats(signal, noise, n, seed=0, times=1):
    """``(repeat, time_ms, stimulus, unit)``: signal ``(stimulus, unit)`` and independent noise."""
    x = signal + noise * np.random.default_rng(seed).normal(size=(n, times, *signal.shape))
    ids = [f"s{k}" for k in range(len(signal))]
    return from_responses(
        x,
        dims=("repeat", "time_ms", "stimulus", "unit"),
        stimulus_id=ids,
        time_ms=10.0 * np.arange(times),
        bin_ms=10,
    )
