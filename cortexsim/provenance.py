"""Where a result came from: package version, git commit, library versions."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.version import __version__

if TYPE_CHECKING:
    import torch


@functools.cache  # two processes of git: once is enough
def git_commit() -> str | None:
    """The commit of the checkout this package runs from; None if it is not a checkout.

    With ``-dirty-`` and a hash of the differences behind it, if there are any.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        changes = git("diff", "HEAD", "--", "cortexsim") + git(
            "ls-files", "--others", "--exclude-standard", "--", "cortexsim"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + (
        f"-dirty-{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else ""
    )


@functools.cache  # torch's metadata are a long file, and small analyses ask again and again
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def provenance(*packages: str) -> dict[str, Any]:
    """Versions of cortexsim, Python and the libraries that computed the result.

    Parameters
    ----------
    *packages : str
        Names of the libraries besides torch and numpy.
    """
    versions = {name: _version(name) for name in ("torch", "numpy", *packages)}
    return {
        "cortexsim": __version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "packages": versions,
    }


def hardware(device: torch.device) -> str:
    """The name of what computed, for cards and benchmark tables."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = "CPU"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name
        )
    return f"{name}, {torch.get_num_threads()} threads"
