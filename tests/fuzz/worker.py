"""A child process that does one case after another: ``KIND SEED K`` in, one JSON line out.

Segmentation faults and endless loops end this process, and nothing else.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

MEMORY = 24 << 30
"""Bytes of address space: what asks for more is refused by the machine, which is an error."""


def _reraised(text: str) -> Callable[[], None]:
    """What fails as the making of a case did, which is a fault of the fuzzer."""

    def work() -> None:
        raise RuntimeError(text[-600:])

    return work


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    if "--loud" not in sys.argv:
        os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import torch

    torch.set_num_threads(1)
    from judging import Case, judged

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        # Two folders deep: what reads all of a folder above this one finds nothing else.
        inside = Path(folder, "a", "b")
        inside.mkdir(parents=True)
        os.chdir(inside)
        for line in sys.stdin:
            kind, seed, k = line.split()
            try:
                case = importlib.import_module(f"of_{kind}").case(int(seed), int(k), inside)
            except Exception:  # of the fuzzer itself
                case = Case("the fuzzer", "", _reraised(traceback.format_exc()))
            outcome, detail = judged(case)
            answer = {"name": case.name, "text": case.text, "outcome": outcome, "detail": detail}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
