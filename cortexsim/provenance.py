"""Where a result came from: package version, git commit, library versions."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import cortexsim


def git_commit() -> str | None:
    """The commit of the checkout this package runs from, ``-dirty`` if files differ; None if it is not a checkout."""
    root = Path(cortexsim.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        commit = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        dirty = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--", "cortexsim"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("-dirty" if dirty else "")


def provenance(*packages: str) -> dict[str, Any]:
    """Versions of cortexsim, Python and the libraries that computed the result (torch and numpy always)."""
    versions = {}
    for name in ("torch", "numpy", *packages):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "cortexsim": cortexsim.__version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "packages": versions,
    }
