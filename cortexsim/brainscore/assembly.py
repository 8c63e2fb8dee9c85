"""Assemblies of Brain-Score's own class, from what ``cortexsim.interop`` makes or writes where Brain-Score is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortexsim.errors import BrainScoreError


def neuroid_assembly(source: Any) -> Any:
    """A ``NeuroidAssembly`` with the values and levels of a DataArray, or of the file that ``cortexsim.interop.write_assembly`` wrote.

    Raises BrainScoreError for a file that is not there or holds something else.
    """
    import xarray
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    if isinstance(source, (str, Path)):
        if not Path(source).is_file():
            raise BrainScoreError(
                f"there is no file {source}; cortexsim.interop.write_assembly writes one"
            )
        with xarray.open_dataset(source) as dataset:
            if len(dataset.data_vars) != 1:
                raise BrainScoreError(
                    f"{source} holds {len(dataset.data_vars)} variables; an assembly is one"
                )
            source = dataset[next(iter(dataset.data_vars))].load()
    if not {"presentation", "neuroid"} <= set(source.dims):
        raise BrainScoreError(
            f"dimensions {tuple(source.dims)} are those of no assembly: presentation and neuroid are needed"
        )
    levels = {str(k): (v.dims, v.values) for k, v in source.coords.items() if k not in source.dims}
    return NeuroidAssembly(source.values, coords=levels, dims=source.dims, attrs=dict(source.attrs))
