"""A result that says what it found: a data set of xarray with a summary above its own picture."""

from __future__ import annotations

import functools
from html import escape
from typing import Any

import xarray


def _part(name: str) -> Any:
    """A method of a data set, which gives a part or a copy of a result: a result too."""
    method = getattr(xarray.Dataset, name)

    @functools.wraps(method)
    def part(self: Result, *arguments: Any, **named: Any) -> Result:
        return Result.of(method(self, *arguments, **named))

    return part


def _whole(name: str) -> Any:
    """A method of a data set, which makes something of the numbers: of an ordinary one."""
    method = getattr(xarray.Dataset, name)

    @functools.wraps(method)
    def whole(self: Result, *arguments: Any, **named: Any) -> xarray.Dataset:
        return method(ordinary(self), *arguments, **named)

    return whole


def ordinary(data: xarray.Dataset) -> xarray.Dataset:
    """The same data set without a summary above itself; variables are shared.

    Parameters
    ----------
    data : xarray.Dataset
        A result, or an ordinary one.
    """
    return xarray.Dataset(data.data_vars, data.coords, data.attrs)


class Result(xarray.Dataset):
    """What an analysis returned: a :class:`xarray.Dataset` that is shown below its summary.

    Parts of it (``sel``, ``isel``), copies and what is assigned to it are results too, and say what
    they hold. What is computed from it (``result - other``, ``result.mean("step")``) is an ordinary
    data set: its numbers are no longer those that the summary speaks of.
    """

    __slots__ = ()

    sel = _part("sel")
    isel = _part("isel")
    copy = _part("copy")
    __copy__ = _part("__copy__")
    __deepcopy__ = _part("__deepcopy__")
    map = _whole("map")

    @classmethod
    def of(cls, data: xarray.Dataset) -> Result:
        """The same data set as a result; variables are shared.

        Parameters
        ----------
        data : xarray.Dataset
            Its coordinates, attributes and encoding are kept.
        """
        made = cls(data.data_vars, data.coords, data.attrs)
        made.encoding = data.encoding
        return made

    @classmethod
    def _construct_direct(cls, *arguments: Any, **named: Any) -> Any:
        # The making of what every other method returns.
        return xarray.Dataset._construct_direct(*arguments, **named)

    def __repr__(self) -> str:
        text, whole = self._said(), repr(ordinary(self))
        return f"{text}\n\n{whole}" if text else whole

    def _repr_html_(self) -> str:
        text, whole = self._said(), ordinary(self)._repr_html_()
        return f"<pre>{escape(text)}</pre>{whole}" if text else whole

    def _said(self) -> str:
        """The summary; empty for a part that has too little left for one."""
        import cortexsim  # the front, which finds a room when it is asked for it

        try:
            return cortexsim.analysis.summary(self).text
        except Exception:  # a picture of a data set is never an error
            return ""
