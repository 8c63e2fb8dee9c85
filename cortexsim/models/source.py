"""What somebody's module computes, as far as its source text tells: one hash."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

LIBRARIES = ("torch", "cortexsim", "builtins", "typing", "collections", "abc", "functools")
"""Whose classes are told by the versions that stands in the provenance of a recording."""


def source_sha256(module: nn.Module) -> str:
    """Of the source files that the classes of a module, and of its submodules, stand in.

    With the files beside them that these import. What has no file (a class made in an interpreter)
    is told by its compiled code. torch itself is left out: its version is recorded.

    Parameters
    ----------
    module : torch.nn.Module
        Somebody else's.

    Returns
    -------
    str
        64 hexadecimal digits; where the files lie does not enter.

    Examples
    --------
    >>> len(source_sha256(nn.ReLU()))
    64
    """
    files: set[Path] = set()
    without: dict[str, bytes] = {}
    for code, space in _functions(module):
        file = Path(code.co_filename)
        if file.is_file():
            files |= _with_neighbours(file.resolve(), space)
        else:
            without[f"{space.get('__name__')}.{code.co_qualname}"] = _compiled(code)
    texts = sorted(file.read_bytes() for file in files)
    digest = hashlib.sha256()
    for text in (*texts, *(name.encode() + body for name, body in sorted(without.items()))):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


def _functions(module: nn.Module) -> Iterator[tuple[types.CodeType, dict[str, Any]]]:
    """The code of every method of every class in a module, and the names that it sees."""
    classes = {c for m in module.modules() for c in type(m).__mro__}
    values = [v for c in classes if not _of_library(c.__module__) for v in vars(c).values()]
    values += [v for m in module.modules() for v in vars(m).values()]  # a forward set by hand
    for value in values:
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(value, types.FunctionType) and not _of_library(value.__module__ or ""):
            yield value.__code__, value.__globals__


def _of_library(name: str) -> bool:
    """Whether a class or function is of a library whose version is recorded."""
    return name.partition(".")[0] in LIBRARIES


def _with_neighbours(file: Path, space: dict[str, Any]) -> set[Path]:
    """A file, and those in its folder or below that what it imports comes from."""
    files, spaces = {file}, [space]
    while spaces:
        for value in list(spaces.pop().values()):
            name = value.__name__ if isinstance(value, types.ModuleType) else None
            name = name or getattr(value, "__module__", None)
            imported = sys.modules.get(name) if isinstance(name, str) else None
            path = getattr(imported, "__file__", None)
            if path and Path(path).suffix == ".py":
                other = Path(path).resolve()
                if other not in files and other.is_relative_to(file.parent) and other.is_file():
                    files.add(other)
                    spaces.append(vars(imported))
    return files


def _compiled(code: types.CodeType) -> bytes:
    """The instructions, names and constants of a function, and of those inside it."""
    constants = [
        _compiled(c) if isinstance(c, types.CodeType) else repr(c).encode() for c in code.co_consts
    ]
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *constants])
