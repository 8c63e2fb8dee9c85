"""One file from an address: whole, of the right sha256, of bounded size, in bounded time."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortexsim.errors import OutputError
from cortexsim.leftovers import scratch
from cortexsim.progress import bar as progress_bar
from cortexsim.refusals import FORBIDDEN, ONLY_WRITING, refusal

MOST_BYTES = 4 << 30  # of an original whose size is not pinned
MOST_SECONDS = 6 * 3600.0  # of one file
WINDOW_SECONDS = 60.0
LEAST_RATE = 1000.0  # bytes a second over a window: below, the server drips
BLOCK = 1 << 16
REFUSED = (*ONLY_WRITING, *FORBIDDEN, errno.ENOTDIR, errno.EEXIST)
"""What the system says of the folder that a file goes to, and not of a server."""


@dataclass(frozen=True)
class Bounded:
    """A downloader for pooch that ends: a size, a total time and a least rate.

    Parameters
    ----------
    progress : bool
        Show a bar.
    most_bytes : int
        What the file may have.
    clock : callable
        Seconds, ascending.
    """

    progress: bool = False
    most_bytes: int = MOST_BYTES
    clock: Callable[[], float] = time.monotonic

    def __call__(self, url: str, output_file: Any, pooch: Any = None) -> None:
        """Write what the address gives into a file.

        Raises
        ------
        OSError
            For a file that is too large, a server that is too slow, and what requests raises.
        """
        import requests
        from urllib3.exceptions import HTTPError

        with requests.get(url, stream=True, timeout=WINDOW_SECONDS) as response:
            response.raise_for_status()
            stated = int(response.headers.get("content-length") or 0)
            self._refuse(stated)
            bar = progress_bar(total=stated or None, unit="B", unit_scale=True, shown=self.progress)
            with open(output_file, "wb") as file, bar:
                try:
                    for block, so_far in self._blocks(response):
                        self._refuse(so_far)
                        file.write(block)
                        bar.update(len(block))
                except HTTPError as error:
                    raise OSError(str(error)) from error

    def _blocks(self, response: Any) -> Any:
        """The blocks as they come and how many bytes have come; OSError if that is too slow."""
        began = last = self.clock()
        so_far = then = 0
        # What has come, however little: a read of a whole block would wait for a server that drips.
        while block := response.raw.read1(BLOCK, decode_content=True):
            so_far += len(block)
            now = self.clock()
            if now - began > MOST_SECONDS:
                raise OSError(
                    f"not whole after {MOST_SECONDS / 3600:g} hours ({so_far:,} bytes came); "
                    "nothing was kept"
                )
            if now - last > WINDOW_SECONDS:
                if so_far - then < LEAST_RATE * (now - last):
                    raise OSError(
                        f"the server sends fewer than {LEAST_RATE:,.0f} bytes a second ({so_far:,} "
                        f"came in {now - began:.0f} s); nothing was kept, try again later"
                    )
                last, then = now, so_far
            yield block, so_far

    def _refuse(self, size: int) -> None:
        if size > self.most_bytes:
            raise OSError(
                f"the file has at least {size:,} bytes, at most {self.most_bytes:,} are expected; "
                "nothing was kept"
            )


def retrieve(
    url: str,
    target: Path,
    sha256: str | None,
    *,
    progress: bool,
    most_bytes: int = MOST_BYTES,
) -> None:
    """Download one file with pooch, which gives it its name when it is whole and its sha256 right.

    Parameters
    ----------
    url : str
        Where it is.
    target : Path
        What it will be called.
    sha256 : str, optional
        Of its bytes.
    progress : bool
        Show a bar.
    most_bytes : int
        What it may have.

    Raises
    ------
    OSError
        In one line, why it did not come; nothing is left of it.
    OutputError
        If it cannot be kept.
    """
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it would print the sha256 of every file it does not know
    try:
        # What a killed process leaves in a folder of its own goes with the next download.
        with scratch(target.parent) as folder:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{sha256}" if sha256 else None,
                fname=target.name,
                path=folder,
                downloader=Bounded(progress, most_bytes),
            )
            os.replace(folder / target.name, target)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in REFUSED:
            raise OutputError(refusal(target, error)) from None
        # Not chained: behind it are some sixty lines of the libraries' own traceback.
        raise OSError(f"{url}: {_reason(error)}") from None
    finally:
        logger.setLevel(level)


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    text = str(error)
    if "does not match the known hash" in text:
        return "the file that came is not the one expected (its sha256 differs); nothing was kept"
    if "Max retries exceeded" in text or "Failed to resolve" in text:
        return f"no connection ({type(error).__name__})"
    return text.splitlines()[0] if text else type(error).__name__
