"""Commands in processes of their own: begun together, ended, killed."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cortexsim import cli
from cortexsim.provenance import provenance

LONGEST = 120  # seconds a round may take


def warm(doing: dict[str, Callable[[str], int]], folder: Path) -> None:
    """Import here what the commands import, so that a child of a fork need not."""
    provenance()
    for k, work in enumerate(doing.values()):
        names = folder / f"modules-{k}"

        def listed(out: str, work: Callable[[str], int] = work, names: Path = names) -> int:
            status = work(out)
            names.write_text("\n".join(list(sys.modules)))
            return status

        child = begun(listed, str(folder / f"warm-{k}"), folder / "said")
        assert ended(child) == 0, (folder / "said").read_text()
        for name in names.read_text().split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def begun(
    work: Callable[[str], int], out: str, said: Path, gate: int = -1, opener: int = -1
) -> int:
    """A child; one with a gate waits for it."""
    if child := os.fork():
        return child
    status = 99
    try:
        if gate >= 0:
            os.close(opener)
        handle = os.open(said, os.O_WRONLY | os.O_CREAT, 0o644)
        for stream in (1, 2):
            os.dup2(handle, stream)
        if gate >= 0:
            os.read(gate, 1)
        with contextlib.suppress(SystemExit):
            try:
                cli.run(lambda: work(out))
            except SystemExit as end:
                status = int(end.code or 0)
                raise
    except BaseException as error:
        print(f"raw: {error!r}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child: int) -> int | None:
    """Its exit status; None if it had to be killed."""
    limit = time.monotonic() + LONGEST
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
