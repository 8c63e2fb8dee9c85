"""Malformed calls of every public function: a sound call, one or two of its arguments strange."""

from __future__ import annotations

import functools
import inspect
import random
from pathlib import Path
from typing import Any

import numpy as np
import strange
import valid
import xarray
from judging import Case

NAN_MEANS = {("analysis.square", "diagonal")}
"""Where NaN is an answer: no condition has a dissimilarity to itself, so that pictures and
rank statistics leave the diagonal out."""


@functools.cache
def _functions() -> dict[str, Any]:
    return valid.functions()


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: every function in turn."""
    rng = random.Random(f"calls {seed} {k}")
    names = sorted(_functions())
    name = names[k % len(names)]
    function = _functions()[name]
    arguments = valid.filled(name, function)
    known = valid.parameters(function)
    changed: dict[str, tuple[str, Any, bool]] = {}
    # More often what is needed than what has a default.
    choices = [*arguments, *arguments, *known]
    for _ in range(1 + (rng.random() < 0.25)):
        if not choices:
            break
        parameter = rng.choice(choices)
        if parameter in arguments:
            changed[parameter] = strange.of_value(arguments[parameter], rng, parameter)
        else:
            changed[parameter] = _of_default(known[parameter], rng)
    text = ", ".join(f"{p}: {what}" for p, (what, _, _) in changed.items())
    must = [
        p
        for p, (_, junk, refuse) in changed.items()
        if refuse and not ((name, p) in NAN_MEANS and isinstance(junk, float) and junk != junk)
    ]
    empty = [
        p
        for p, (what, junk, _) in changed.items()
        if p in arguments
        and what.endswith("all NaN")
        and getattr(junk, "shape", ())
        and len(changed) == 1
    ]

    def work() -> Any:
        given = {**arguments, **{p: junk for p, (_, junk, _) in changed.items()}}
        given = {p: strange.made(v) for p, v in given.items()}
        return function(**given)

    def wrong(result: Any) -> str:
        if must:
            return f"takes {', '.join(must)}, and must refuse"
        if empty and (number := _finite(result)):
            return f"of nothing but NaN comes {number}"
        return ""

    return Case(name, text, work, wrong)


def _of_default(parameter: inspect.Parameter, rng: random.Random) -> tuple[str, Any, bool]:
    """A strange thing in the place of what is left at its default."""
    default = parameter.default
    if default is None or default is inspect.Parameter.empty or callable(default):
        return strange.of_annotation(str(parameter.annotation), rng, parameter.name)
    return strange.of_value(default, rng, parameter.name)


def _finite(result: Any) -> str:
    """A sign that a number was made of nothing: floats in the result, none of them NaN."""
    arrays: list[np.ndarray] = []
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, xarray.Dataset):
            arrays += [v.values for v in part.data_vars.values()]
        elif isinstance(part, (float, np.ndarray, np.floating, xarray.DataArray)):
            arrays.append(np.asarray(part))
    floats = [a for a in arrays if a.dtype.kind == "f" and a.size]
    if floats and all(np.isfinite(a).all() for a in floats):
        return f"{floats[0].flat[0]:g}"
    return ""
