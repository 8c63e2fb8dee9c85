"""Representational similarity analysis: RDMs, comparisons, inference, and RDM movies of recordings.

Pure functions on arrays; xarray where results have more than one axis. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "MEASURES": "cortexsim.analysis.rsa.rdm",
    "rdms": "cortexsim.analysis.rsa.rdm",
    "COMPARATORS": "cortexsim.analysis.rsa.comparators",
    "compare": "cortexsim.analysis.rsa.compare",
    "noise_ceiling": "cortexsim.analysis.rsa.compare",
    "NoiseCeiling": "cortexsim.analysis.rsa.compare",
    "condensed": "cortexsim.pairs",
    "square": "cortexsim.pairs",
    "cka": "cortexsim.analysis.rsa.representations",
    "procrustes": "cortexsim.analysis.rsa.representations",
    "shape_distance": "cortexsim.analysis.rsa.representations",
    "evaluate": "cortexsim.analysis.evaluation.evaluate",
    "cluster_test": "cortexsim.analysis.statistics.clusters",
    "encode": "cortexsim.analysis.linear.encoding",
    "partition": "cortexsim.analysis.linear.variance",
    "split_half_reliability": "cortexsim.analysis.linear.scores",
    "decode": "cortexsim.analysis.linear.decoding",
    "ESTIMATORS": "cortexsim.analysis.linear.classifiers",
    "fit_time_axis": "cortexsim.analysis.latency.timefit",
    "latencies": "cortexsim.analysis.latency.latency",
    "population_latency": "cortexsim.analysis.latency.latency",
    "latency_difference": "cortexsim.analysis.latency.latency",
    "significance_onset": "cortexsim.analysis.latency.significance",
    "LATENCIES": "cortexsim.analysis.latency.latency",
    "discrimination_latency": "cortexsim.analysis.latency.discrimination",
    "selectivity_latency": "cortexsim.analysis.latency.discrimination",
    "state_courses": "cortexsim.analysis.latency.courses",
    "read_answers": "cortexsim.analysis.behavior.answers",
    "own_answers": "cortexsim.analysis.behavior.answers",
    "softmax": "cortexsim.analysis.behavior.answers",
    "image_dprimes": "cortexsim.analysis.behavior.image_dprime",
    "censored_tau": "cortexsim.analysis.statistics.censored",
    "solution_times": "cortexsim.analysis.behavior.solution_time",
    "early_late": "cortexsim.analysis.behavior.solution_time",
    "reaction_times": "cortexsim.analysis.behavior.reaction_time",
    "speed_accuracy": "cortexsim.analysis.behavior.reaction_time",
    "compare_reaction_times": "cortexsim.analysis.behavior.reaction_time",
    "error_consistency": "cortexsim.analysis.behavior.agreement",
    "cross_entropy": "cortexsim.analysis.behavior.agreement",
    "time_helps": "cortexsim.analysis.behavior.agreement",
    "confusion_consistency": "cortexsim.analysis.behavior.consistency",
    "image_consistency": "cortexsim.analysis.behavior.consistency",
    "fit_weibull": "cortexsim.analysis.statistics.psychometric",
    "threshold": "cortexsim.analysis.statistics.psychometric",
    "relative_steps": "cortexsim.analysis.dynamics.dynamics",
    "effective_depth": "cortexsim.analysis.dynamics.dynamics",
    "jacobian": "cortexsim.analysis.dynamics.dynamics",
    "fixed_point": "cortexsim.analysis.dynamics.dynamics",
    "distances": "cortexsim.analysis.dynamics.dynamics",
    "step_map": "cortexsim.analysis.dynamics.dynamics",
    "rdm_movie": "cortexsim.analysis.movie.movie",
    "open_movie": "cortexsim.analysis.movie.store",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'cortexsim.analysis' has no attribute {name!r}")
