"""The benchmarks by name, pinned by commit and by sha256: their records."""

from __future__ import annotations

from cortexsim.arguments import clear_errors
from cortexsim.neural.benchmarks.behaviour_records import BEHAVIOUR
from cortexsim.neural.benchmarks.benchmark import Benchmark, BenchmarkError
from cortexsim.neural.benchmarks.neural_records import NEURAL

BENCHMARKS: dict[str, Benchmark] = {b.name: b for b in (*NEURAL, *BEHAVIOUR)}


def benchmark(name: str) -> Benchmark:
    """The record of a benchmark.

    Parameters
    ----------
    name : str
        One of ``neural.list()``.

    Returns
    -------
    Benchmark
        Its record.

    Raises
    ------
    BenchmarkError
        If there is none of this name; it lists the names.

    Examples
    --------
    >>> benchmark("henaff-v1").citation
    'Henaff, Bai, Charlton, Nauhaus, Simoncelli & Goris 2021, Nat Commun 12:5982'
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"there is no benchmark {name!r}; choose from {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


@clear_errors
def list() -> dict[str, str]:
    """The benchmarks there are.

    Returns
    -------
    dict of str to str
        One line for each name.

    Examples
    --------
    >>> from cortexsim import neural
    >>> sorted(neural.list())[:3]
    ['cichy92-fmri', 'cifar10h', 'cowley-v4']
    """
    return {b.name: b.line for b in BENCHMARKS.values()}
