"""What somebody's module computes, as far as its source text tells: one hash."""

from __future__ import annotations

import ast
import hashlib
import site
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

LIBRARIES = ("torch", "cortexsim", "builtins", "typing", "collections", "abc", "functools")
"""Whose classes are told by the versions that stands in the provenance of a recording."""


def source_sha256(module: nn.Module) -> str:
    """Of the source files that the classes of a module, and of its submodules, stand in.

    With the files that these import, but for libraries. What has no file (a class made in an
    interpreter) is told by its compiled code. torch itself is left out: its version is recorded.

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
            if file.resolve() not in files:
                files |= _with_imports(file.resolve())
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


def _with_imports(file: Path) -> set[Path]:
    """A file, and all that it imports, also inside functions, but for libraries.

    Statements are read, not followed while they run: what is imported by name is told by the whole
    file that it comes from.
    """
    home = _package_of_library(file)
    files, todo = {file}, [file]
    while todo:
        for other in _imported(todo.pop()):
            mine = other.is_relative_to(home) if home else _package_of_library(other) is None
            if mine and other not in files:
                files.add(other)
                todo.append(other)
    return files


def _package_of_library(file: Path) -> Path | None:
    """The folder of the installed package that a file belongs to; None of a file of the user's."""
    if file.is_relative_to(Path(__file__).resolve().parents[1]):
        return Path(__file__).resolve().parents[1]
    for folder in map(Path, (*_INSTALLED, sysconfig.get_path("stdlib"))):
        if file.is_relative_to(folder):
            return folder / file.relative_to(folder).parts[0]
    return None


_INSTALLED = tuple(
    str(Path(path).resolve())
    for path in {*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib")}
)


def _imported(file: Path) -> Iterator[Path]:
    """The files that the import statements of a file name, with the packages they lie in."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    roots = [file.parent]  # where a name is looked for: beside the file and above its package
    while (roots[-1] / "__init__.py").is_file() and roots[-1] != roots[-1].parent:
        roots.append(roots[-1].parent)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name.split("."), roots)
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            above = [file.parents[node.level - 1]] if 0 < node.level <= len(file.parents) else roots
            for alias in node.names:
                yield from _files_of([*module, alias.name], above)


def _files_of(names: list[str], roots: list[Path]) -> Iterator[Path]:
    """The files of a dotted name: of its packages, and of the module if the last is one."""
    loaded = (sys.modules.get(".".join(names[:k])) for k in range(1, len(names) + 1))
    found = [getattr(module, "__file__", None) for module in loaded]
    for root in roots:
        for k in range(1, len(names) + 1):
            stem = root.joinpath(*names[:k])
            found += [stem.with_name(f"{stem.name}.py"), stem / "__init__.py"]
    for path in found:
        if path and Path(path).suffix == ".py" and Path(path).is_file():
            yield Path(path).resolve()


def _compiled(code: types.CodeType) -> bytes:
    """The instructions, names and constants of a function, and of those inside it."""
    constants = [
        _compiled(c) if isinstance(c, types.CodeType) else repr(c).encode() for c in code.co_consts
    ]
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *constants])
