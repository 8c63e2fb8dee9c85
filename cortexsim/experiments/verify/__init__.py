"""Verifying outputs: whether every byte of them is what was written."""
