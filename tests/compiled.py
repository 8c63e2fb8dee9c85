"""Runs once what numba compiles, so that its cache holds it; tests/conftest.py starts this."""

import itertools

import numpy as np

from cortexsim.analysis import Inference, compare, evaluate
from cortexsim.analysis.rsa.comparators import COMPARATORS
from cortexsim.analysis.rsa.tau import WORDS, tau_a

if __name__ == "__main__":
    rng, quick = np.random.default_rng(0), Inference(n=20, permutations=20)
    for name, kind in itertools.product(COMPARATORS, (np.float64, np.float32)):
        models, subjects = (rng.random((count, 28)).astype(kind) for count in (2, 3))
        compare(models, subjects, name)
        evaluate(models, subjects, comparator=name, inference=quick)
        evaluate(models.round(1), subjects.round(1), comparator=name, inference=quick)
    for words in WORDS:
        many = rng.random((2, 64 * words - 1))
        tau_a(many, many)
