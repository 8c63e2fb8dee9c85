"""What the states hold for one image: numbers of every channel, and its maps as pictures.

One blob for each image of a recording. First the numbers, float32, state after state: of states
with maps ``(row, step, 3)``, the mean, the smallest and the largest of the map; of others
``(row, step, 1)``, the value. Row 0 is the root mean square over channels (or units), the rows
after it are the channels; its mean is that over channels and places. Steps that are not populated
are NaN. Then the pictures, uint8, of each state with maps ``(row, populated step, y, x)``:
``LEVELS`` is the largest of the map, 0 the smallest, ``NOT_FINITE`` what is no number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.experiments.explorer.opened import Opened

LEVELS = 63  # of a picture: more cannot be told apart at its size, and would double the page
NOT_FINITE = 255
BATCH = 64  # images that are read together
AT_A_TIME = 64 << 20  # bytes of them, at most


def _layout(opened: Opened, name: str, maps: str) -> dict[str, Any]:
    """What the part of a state in a blob is.

    name; populated, of each step; rows, 1 and the channels or units; pictures, how many of the
    rows have some; height and width of them; numbers, of a row and step; names of the channels.
    """
    group = opened.group(name)
    sizes = [int(group.sizes[d]) for d in group.activation.dims[2:]]
    has_maps = tuple(group.activation.dims[2:]) == ("channel", "y", "x")
    rows = 1 + (sizes[0] if has_maps else int(np.prod(sizes)))
    pictures = {"channels": rows, "rms": 1, "none": 0}[maps] if has_maps else 0
    return {
        "name": name,
        "populated": opened.populated(name).tolist(),
        "rows": rows,
        "pictures": pictures,
        "height": sizes[1] if has_maps else 0,
        "width": sizes[2] if has_maps else 0,
        "numbers": 3 if has_maps else 1,
        "names": _names(group, rows - 1, has_maps=has_maps),
    }


def _names(group: Any, count: int, *, has_maps: bool) -> list[str]:
    """What the channels or units of a state are called."""
    if has_maps:
        return [f"channel {k}" for k in range(count)]
    coords = [c for c in ("channel", "y", "x") if c in group.coords]
    if coords == ["channel"]:  # the mean over space: one unit a channel
        return [f"channel {k}, mean over space" for k in group.channel.values]
    if not coords:
        return [f"unit {k}" for k in range(count)]
    places = zip(*(group[c].values for c in coords), strict=True)
    return [
        f"unit {k}: " + ", ".join(f"{c} {v}" for c, v in zip(coords, place, strict=True))
        for k, place in enumerate(places)
    ]


class Activity:
    """The blobs of the images of one recording; a batch of images is read at a time.

    Parameters
    ----------
    opened : Opened
        The recording.
    maps : {"channels", "rms", "none"}
        Which rows have pictures.
    """

    def __init__(self, opened: Opened, maps: str) -> None:
        self.opened = opened
        self.layout = [_layout(opened, name, maps) for name in opened.states]
        self._batches: dict[str, tuple[int, np.ndarray]] = {}

    def blob(self, image: int) -> bytes:
        """All of one image.

        Parameters
        ----------
        image : int
            Its place among those that are shown.
        """
        numbers, pictures = [], []
        for part in self.layout:
            values = self._values(part["name"], image).astype(np.float64)
            has_maps = part["numbers"] == 3
            values = values.reshape(len(values), part["rows"] - 1, *((-1,) if has_maps else ()))
            seen = np.array(part["populated"])
            numbers.append(_numbers(values, seen))
            if part["pictures"]:
                pictures.append(pictures_of(values[seen], part["pictures"]))
        return b"".join(
            [a.astype("<f4").tobytes() for a in numbers] + [a.tobytes() for a in pictures]
        )

    def _values(self, name: str, image: int) -> np.ndarray:
        """What a state holds, ``(step, ...)``: chunks hold many images, so these are read once."""
        array = self.opened.group(name).activation
        bytes_each = max(1, array.nbytes // max(1, array.sizes["stimulus"]))
        size = min(BATCH, max(1, AT_A_TIME // bytes_each))
        number = image // size
        if self._batches.get(name, (-1,))[0] != number:
            places = self.opened.index[number * size : (number + 1) * size]
            self._batches[name] = number, array.isel(stimulus=places).values
        return self._batches[name][1][image % size]


def _rms(values: np.ndarray, axis: Any) -> np.ndarray:
    return np.sqrt((values**2).mean(axis))


def _numbers(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """``(row, step, number)`` of values ``(step, channel, place)`` or ``(step, unit)``."""
    steps, channels = values.shape[:2]
    has_maps = values.ndim == 3
    out = np.full((1 + channels, steps, 3 if has_maps else 1), np.nan)
    populated = values[seen]
    if not len(populated):
        return out
    if not has_maps:
        out[0, seen, 0] = _rms(populated, 1)
        out[1:, seen, 0] = populated.T
        return out
    over_channels = _rms(populated, 1)
    out[0, seen, 0] = _rms(populated, (1, 2))
    out[0, seen, 1:] = np.stack([over_channels.min(1), over_channels.max(1)], axis=-1)
    of_channels = np.stack([populated.mean(2), populated.min(2), populated.max(2)], axis=-1)
    out[1:, seen] = of_channels.swapaxes(0, 1)
    return out


def pictures_of(values: np.ndarray, rows: int) -> np.ndarray:
    """``(row, step, place)`` uint8 of values ``(step, channel, place)``."""
    maps = np.concatenate([_rms(values, 1)[:, None], values[:, : rows - 1]], axis=1)
    finite = np.isfinite(maps)
    low, high = (
        f(np.where(finite, maps, else_), axis=2, keepdims=True)
        for f, else_ in ((np.min, np.inf), (np.max, -np.inf))
    )
    span = np.where(high > low, high - low, 1.0)
    codes = np.where(finite, np.where(finite, maps, low) - low, 0) / span * LEVELS
    return np.where(finite, np.round(codes), NOT_FINITE).astype(np.uint8).swapaxes(0, 1)
