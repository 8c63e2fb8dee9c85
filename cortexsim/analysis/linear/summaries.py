"""What results of encoding and decoding say, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.words import best_place, p_of

if TYPE_CHECKING:
    import xarray


def summary_of_encoding(result: xarray.Dataset) -> list[str]:
    """Best state and step of ``encode``, with interval, ceiling and corrected p.

    Parameters
    ----------
    result : Dataset
        Of ``encode``.

    Returns
    -------
    list of str
        A line each. The largest of many is too good for being chosen: p_corrected knows that.
    """
    places, where = best_place(result.median_r)
    best, about = result.isel(places), result.attrs
    score = f"largest median correlation {float(best.median_r):.2f}"
    lines = [
        f"encode: {about['method']}, {about['stimuli']} stimuli, {about['folds']} test sets",
        f"{score}{_interval(best, about)} at {where}, over {int(best.units)} units",
    ]
    if "median_r_noise_corrected" in best:
        ceiling = np.sqrt(best.reliability.where(best.reliable)).median()
        corrected = float(best.median_r_noise_corrected)
        lines.append(f"corrected for noise {corrected:.2f}; ceiling {float(ceiling):.2f}")
    return [*lines, _p(best, "permuted stimuli")]


def summary_of_decoding(result: xarray.Dataset) -> list[str]:
    """Best state and step of ``decode``, with interval, chance and corrected p.

    Parameters
    ----------
    result : Dataset
        Of ``decode``.

    Returns
    -------
    list of str
        A line each.
    """
    places, where = best_place(result.accuracy)
    best, about = result.isel(places), result.attrs
    score = f"largest balanced accuracy {float(best.accuracy):.2f}"
    return [
        f"decode: {about['estimator']}, {about['stimuli']} stimuli, {about['folds']} folds",
        f"{score}{_interval(best, about)} at {where}; chance {float(best.chance):.2f}",
        _p(best, "permuted labels"),
    ]


def summary_of_difference(result: xarray.Dataset) -> list[str]:
    """The largest difference of ``encode_difference``, with interval and corrected p.

    Parameters
    ----------
    result : Dataset
        Of ``encode_difference``.

    Returns
    -------
    list of str
        A line each.
    """
    places, where = best_place(result.difference)
    most, about = result.isel(places), result.attrs
    differences = int(np.isfinite(result.difference.values).sum())
    of = "r_noise_corrected" if about["noise_corrected"] else "r"
    return [
        f"encode_difference: {about['stimuli']} stimuli, {int(most.units)} units; "
        f"{about['resample']} resampled {about['n']} times",
        f"largest of {differences}: {where}: {of} of a less that of b "
        f"{float(most.difference):+.3f}{_interval(most, about)}; "
        f"p {p_of(most.p_corrected)} ({about['correction']})",
    ]


def _interval(best: xarray.Dataset, about: dict[str, Any]) -> str:
    """Its bounds, if there are any."""
    if "interval" not in best:
        return " (nothing resampled)"
    low, high = best.interval.values
    return f" ({100 * about['confidence']:g} % interval {low:.2f} to {high:.2f})"


def _p(best: xarray.Dataset, null: str) -> str:
    """The p-value that is corrected for having looked everywhere."""
    if "p_corrected" not in best:
        return "no p-value: no permutations"
    return f"p {float(best.p_corrected):.2g} against {null} (maximum over all)"


SUMMARIES = {
    "encode": summary_of_encoding,
    "decode": summary_of_decoding,
    "encode_difference": summary_of_difference,
}
