"""Data of your own: RDMs, responses, spikes (NWB), BrainIO, MNE, latencies and trials."""
