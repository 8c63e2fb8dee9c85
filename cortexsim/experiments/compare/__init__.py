"""A recording beside a brain, by state and step, with the controls that say what it means.

Representational similarity, encoding or decoding.
"""
