"""The frame that predicts best, against every other state and step of every network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortexsim.analysis import encode_difference
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.words import best_place

if TYPE_CHECKING:
    import xarray

# What is kept of encode only for the paired test.
FOR_THE_TEST = ("prediction", "measured", "fold", "group")
NAMES = {
    "difference": "best_difference",
    "interval": "best_difference_interval",
    "p": "best_difference_p",
    "p_corrected": "best_difference_p_corrected",
}


def against_best(result: xarray.Dataset, *, inference: Inference) -> xarray.Dataset:
    """The result with the paired difference of its best frame from each frame.

    Parameters
    ----------
    result : Dataset
        Of an encoding job along ``network``, with ``prediction``.
    inference : Inference
        ``n``, ``rng``, ``correction``.

    Returns
    -------
    Dataset
        Without what was kept for the test; with best_difference (network, state, step), positive
        where the best frame of the first network predicts better, its interval, p and p_corrected
        (Holm unless given, over all), and the attribute ``best_frame``. The best was chosen on the
        same data, which is too good for it: what cannot be told apart from it is the finding.
    """
    corrected = "evaluation_noise_corrected" in result
    score = result.evaluation_noise_corrected if corrected else result.evaluation
    places, where = best_place(score.isel(network=0))
    frames = result[[*FOR_THE_TEST, *(("reliability", "reliable") if corrected else ())]]
    for name in ("measured", "fold", "group"):  # of the data alone
        frames[name] = result[name].isel(network=0, drop=True)
    tested = encode_difference(
        frames.isel({"network": 0, **places}, drop=True),
        frames,
        noise_corrected=corrected,
        inference=inference,
    )
    renamed = tested[list(NAMES)].rename(NAMES)
    dropped = [n for n in (*FOR_THE_TEST, "stimulus_id") if n in result.variables]
    return (
        result.drop_vars(dropped)
        .merge(renamed, compat="no_conflicts", join="outer")
        .assign_attrs(best_frame=where)
    )
