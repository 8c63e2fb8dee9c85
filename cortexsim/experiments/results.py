"""What every result of a command says of itself in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.analysis import summary
from cortexsim.files import write

if TYPE_CHECKING:
    import xarray


def write_result(
    result: xarray.Dataset, out: Path, *, asked: dict[str, Any], analysis: str, **said: str
) -> None:
    """Write a result, its summary first among its attributes.

    Parameters
    ----------
    result : Dataset
        Gets the attributes too.
    out : Path
        The netCDF file.
    asked : dict
        The options, with what their defaults became.
    analysis : str
        What the result is: ``comparison``, ``masking``.
    **said : str
        Other attributes.
    """
    result.attrs |= {"configuration": json.dumps(asked), **said}
    result.attrs = {"summary": summary(result).text, **result.attrs, "analysis": analysis}
    write(result, out)
