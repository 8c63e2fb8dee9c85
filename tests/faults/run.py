"""Faults, counted: what damage, races, refusing disks and kills leave behind.

    python tests/faults/run.py [damages] [races] [disks] [kills] [--rounds N] [--seed S]

One module a kind of fault, each with ``rows(rounds, seed, of)``; the exit status is 1 where
something came out as it must not.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

FAULTS = {"damages": 500, "races": 50, "disks": 4, "kills": 8}
"""The module of each kind of fault, and its rounds."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faults", nargs="*", help=f"of {', '.join(FAULTS)}; default all")
    parser.add_argument("--rounds", type=int, help="of each kind; default " + str(FAULTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--of", default="", help="only what has this text in its name")
    options = parser.parse_args()
    if unknown := sorted(set(options.faults) - set(FAULTS)):
        parser.error(f"there is no kind of fault {unknown[0]!r}; there are {', '.join(FAULTS)}")
    from table import printed

    began, rows = time.monotonic(), []
    for name in options.faults or FAULTS:
        rounds = options.rounds or FAULTS[name]
        for row in importlib.import_module(name).rows(rounds, options.seed, of=options.of):
            print(f"{time.monotonic() - began:4.0f} s  {row.cells()[1:]}", file=sys.stderr)
            for text in row.failures:
                print(text, file=sys.stderr)
            rows.append(row)
    print(printed(rows))
    failures = [text for row in rows for text in row.failures]
    for text in failures:
        print(text)
    total = sum(row.rounds for row in rows)
    print(
        f"{total:,} rounds, {len(failures)} failures, {time.monotonic() - began:.0f} s, "
        f"seed {options.seed}"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
