"""``evaluate`` over time: comparators of ranks beside cosine, in CPU seconds.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_times.py [--repeats 3] [--conditions 118]

4 x 12 models, 15 subjects x 20 times, 200 resamples of both factors, 200 permutations. The models
are ranked once a resample for all times; the rest is the data and the pools of the ceilings, which
are ranked anew at every time. Goal: Spearman within 2.5 times cosine. CPU seconds of all threads,
the least of the repeats: the same on a busy machine, to some tenths.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from cortexsim.analysis import Inference, evaluate

STATES, STEPS, SUBJECTS, TIMES, DRAWS = 4, 12, 15, 20, 200


def seconds(comparator: str, conditions: int, times: int = TIMES) -> float:
    """CPU seconds of one evaluation."""
    rng = np.random.default_rng(0)
    pairs = conditions * (conditions - 1) // 2
    models = rng.random((STATES, STEPS, pairs))
    data = rng.random((SUBJECTS, times, pairs)) + models[0, 3]
    began = time.process_time()
    evaluate(models, data, comparator=comparator, inference=Inference(n=DRAWS, permutations=DRAWS))
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--conditions", type=int, default=118)
    options = parser.parse_args()
    least: dict[str, float] = {}
    for comparator in ("cosine", "spearman"):
        seconds(comparator, 20, times=1)  # what is compiled or imported only once
    for _ in range(options.repeats):  # in turn, so that other load meets both
        for comparator in ("cosine", "spearman"):
            found = seconds(comparator, options.conditions)
            least[comparator] = min(found, least.get(comparator, np.inf))
    for comparator, found in least.items():
        print(f"{comparator}: {found:.2f} s of CPU", flush=True)
    print(f"spearman / cosine: {least['spearman'] / least['cosine']:.2f} [goal 2.5]")


if __name__ == "__main__":
    main()
