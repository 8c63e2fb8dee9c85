"""What simulations of coverage and of level are held to."""

import numpy as np


def near(share, level, runs):
    """Whether a share of runs is within 3 % of a level, and twice the error of so many runs."""
    return abs(share - level) <= 0.03 + 2 * np.sqrt(level * (1 - level) / runs)
