"""Draws, intervals, p-values, corrections, clusters: each statistic once."""
