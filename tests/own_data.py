"""What the tests of users' own data share.

Five stimuli, three subjects, four times, and what any data set must keep.
"""

import builtins
import json

import numpy as np
import xarray as xr

IDS = ["cat", "dog", "car", "cup", "oak"]


SUBJECTS, TIMES = ["anna", "ben", "cleo"], [-10.0, 0.0, 10.0, 20.0]


def checked(data):
    """The conventions that hold for every data set, and a round trip through netCDF."""
    assert data.stimulus_id.dims == data.label.dims == ("stimulus",)
    assert all(isinstance(s, str) for s in [*data.stimulus_id.values, *data.label.values])
    for key in ("name", "title", "citation", "licence", "source", "provenance"):
        assert data.attrs[key]
    assert "packages" in json.loads(data.attrs["provenance"])
    if "pair" in data.dims:
        np.testing.assert_array_equal(
            [data.first, data.second], np.triu_indices(data.sizes["stimulus"], 1)
        )
        assert (data.first.dtype, data.rdm.dtype, data.rdm.dims[-1]) == (
            np.int32,
            np.float64,
            "pair",
        )
    if "time_ms" in data.coords:
        assert data.time_ms.dtype == np.float64
        assert data.time_ms.attrs["units"] == "ms after stimulus onset"
    return data


def same(a, b):
    """Equal but for where they came from."""
    xr.testing.assert_equal(a, b)
    assert {k: v.attrs for k, v in a.items()} == {k: v.attrs for k, v in b.items()}


def hide(monkeypatch, package):
    real = builtins.__import__

    def absent(name, *arguments, **keywords):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", absent)
