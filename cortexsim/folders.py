"""Where data are looked for: the folder of local copies, and the cache of downloads."""

from __future__ import annotations

import os
from pathlib import Path

from cortexsim.errors import CortexsimError


class FolderError(CortexsimError):
    """``CORTEXSIM_DATA`` names no folder."""


def cache_folder() -> Path:
    """Where downloads go.

    Returns
    -------
    Path
        ``CORTEXSIM_CACHE``, or the cache of the operating system (on Linux ``~/.cache/cortexsim``).
    """
    if folder := os.environ.get("CORTEXSIM_CACHE"):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("cortexsim"))


def data_folder() -> Path | None:
    """The folder with local copies that ``CORTEXSIM_DATA`` names.

    Every loader looks into it first: benchmarks, the table of latencies, CIFAR.

    Returns
    -------
    Path or None
        None if it is not set.

    Raises
    ------
    FolderError
        If it names no folder.
    """
    folder = os.environ.get("CORTEXSIM_DATA")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise FolderError(
            f"CORTEXSIM_DATA={folder} is not a folder; set it to the folder with the data, or "
            "unset it to download them"
        )
    return Path(folder)


def data_folder_in_words() -> str:
    """``CORTEXSIM_DATA`` as an error names it.

    Returns
    -------
    str
        ``CORTEXSIM_DATA=...``, or that it is not set.
    """
    folder = os.environ.get("CORTEXSIM_DATA")
    return f"CORTEXSIM_DATA={folder}" if folder else "CORTEXSIM_DATA (not set)"
