"""Recordings: what every state does at every step, streamed to Zarr, and the time axis in milliseconds.

Nothing is imported here: ``cortexsim.timeaxis`` must be usable where zarr is absent.
"""
