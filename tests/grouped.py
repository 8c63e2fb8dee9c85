"""Options of an analysis given flat, as in a table of cases, in the dataclasses that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from cortexsim.analysis import CrossValidation, Inference, Regression

KINDS = {"cv": CrossValidation, "regression": Regression, "inference": Inference}


def grouped(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Keyword arguments of a function; what it does not take itself goes into its settings."""
    known = inspect.signature(function).parameters
    arguments = {k: v for k, v in options.items() if k in known}
    for name, kind in KINDS.items():
        names = {f.name for f in fields(kind)}
        inside = {k: v for k, v in options.items() if k not in arguments and k in names}
        if name in known and inside:
            arguments[name] = kind(**inside)
            options = {k: v for k, v in options.items() if k not in inside}
    return {**options, **arguments}
