"""What encoding and decoding share: the same fits for the recording and for its controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cortexsim.experiments.compare.recorded import Shown, held, open_shown
from cortexsim.experiments.controls import NETWORKS, rerun, scratch

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.config import CompareConfig


def beside_controls(
    shown: Shown, config: CompareConfig, fitted: Callable[[Shown], xarray.Dataset]
) -> xarray.Dataset:
    """What ``fitted`` makes of the recording and of each control that was asked for, along ``network``; the recording is the first."""
    import xarray

    networks = {str(shown.known["model"]): fitted(shown)}
    if "static" in config.nulls:
        networks["static"] = held(next(iter(networks.values())))
    with scratch() as folder:
        for which in (n for n in config.nulls if n in NETWORKS):
            path = rerun(
                shown.known, which, folder, stimuli=config.stimuli, measure=None, seed=config.seed
            )
            networks[which] = fitted(open_shown(str(path)))
    together = xarray.concat(
        list(networks.values()),
        dim="network",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    return together.assign_coords(network=list(networks))
