"""Benchmarks of neural data and behaviour on the command line: ``cortexsim neural list |
info NAME | fetch NAME``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cortexsim.cli import command, run
from cortexsim.folders import cache_folder, data_folder
from cortexsim.neural.benchmarks.benchmark import BenchmarkError
from cortexsim.neural.benchmarks.download import fetch
from cortexsim.neural.benchmarks.loading import availability, info
from cortexsim.neural.benchmarks.registry import BENCHMARKS, benchmark

EPILOG = """files are looked for in the folder that CORTEXSIM_DATA names, then in the cache
(CORTEXSIM_CACHE, default the cache of the system);
fetch downloads what is absent, from pinned public addresses, and checks what it says

examples:
  cortexsim neural list
  cortexsim neural info kriegeskorte92
  cortexsim neural fetch kriegeskorte92 cichy92-fmri
then, in Python:
  from cortexsim import neural; print(neural.load("kriegeskorte92"))"""


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the benchmarks.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line; those of this process by default.

    Returns
    -------
    int
        Exit status: 0, or 1 if a file could not be had.
    """
    options = parser().parse_args(arguments)
    if options.verb == "list":
        _list()
        return 0
    names = tuple(BENCHMARKS) if options.names == ["all"] else tuple(options.names)
    for name in names:
        benchmark(name)  # a wrong name is told before anything is downloaded
    if options.verb == "info":
        print("\n\n".join(info(name) for name in names))
        return 0
    return _fetch(names)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    whole = argparse.ArgumentParser(
        prog="cortexsim neural",
        description=(__doc__ or "").partition(":")[0] + ".",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="list | info | fetch")
    verbs.add_parser("list", help="the benchmarks, their terms, and whether they are here")
    for verb, text in {
        "info": "what a benchmark is: citation, licence, files, where they are",
        "fetch": "download the files",
    }.items():
        names = verbs.add_parser(verb, help=text, description=f"{verb}: {text}")
        names.add_argument(
            "names", nargs="+", metavar="NAME", help=f"all, or of: {', '.join(BENCHMARKS)}"
        )
    return whole


def _list() -> None:
    """Of each benchmark what it is, whether it is here, whom to cite, and its terms."""
    width = max(map(len, BENCHMARKS))
    for record in BENCHMARKS.values():
        print(f"{record.name:{width}s}  {record.line} [{availability(record)}]")
        print(f"{'':{width}s}  cite: {record.citation}")
        print(f"{'':{width}s}  terms: {record.licence}")
    print(f"\nCORTEXSIM_DATA {data_folder() or 'not set'}; cache {cache_folder()}", file=sys.stderr)


def _fetch(names: tuple[str, ...]) -> int:
    """Every benchmark that can be had; what cannot is told at the end, with exit status 1."""
    failed = []
    for name in names:
        try:
            for path in fetch(name):
                print(f"{name}: {path}")
            print(
                f"{name}: cite {benchmark(name).citation}\n{name}: terms {benchmark(name).licence}"
            )
        except BenchmarkError as error:
            failed.append((name, error))
    if len(names) == 1 and failed:
        raise failed[0][1]
    for name, reason in failed:
        print(f"error: {name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    run(main)
