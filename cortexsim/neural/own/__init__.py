"""Data of your own: RDMs, responses, BrainIO and MNE."""
