"""``result.cortexsim``: what can be done with a result, by a dot behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "cortexsim"


class Accessor:
    """What ``result.cortexsim`` is, of a data set, an array or a tree of xarray's.

    Parameters
    ----------
    result : xarray.Dataset, xarray.DataArray or xarray.DataTree
        What an analysis returned.
    """

    def __init__(self, result: Any) -> None:
        self._result = result

    def plot(self, **settings: Any) -> Figure:
        """The figure of the result: :func:`cortexsim.plotting.plot`.

        Parameters
        ----------
        **settings : object
            ``width_mm`` (89 or 183, by default 183), and what the drawing of this result takes.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        AnalysisError
            For what cannot be drawn, naming what can.
        """
        import cortexsim  # the front, which finds a room when it is asked for it

        return cortexsim.plotting.plot(self._result, **settings)

    def summary(self) -> Any:
        """What was found, in words above the numbers: :func:`cortexsim.analysis.summary`.

        Returns
        -------
        Summary
            A console and a notebook show it above the data set.

        Raises
        ------
        AnalysisError
            For what is no result of an analysis.
        """
        import cortexsim

        return cortexsim.analysis.summary(self._result)


def register() -> None:
    """Give the types of xarray this accessor, once.

    Examples
    --------
    >>> import xarray
    >>> register()
    >>> xarray.Dataset().cortexsim
    <cortexsim.accessor.Accessor object at ...>
    """
    import xarray

    for kind in ("Dataset", "DataArray", "DataTree"):
        # The xarray of Brain-Score's environment has no trees.
        of_xarray = getattr(xarray, kind, None)
        if of_xarray is not None and not hasattr(of_xarray, NAME):
            getattr(xarray, f"register_{kind.lower()}_accessor")(NAME)(Accessor)


def registering(find: Callable[[str], Any], *, apart: Collection[str] = ()) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room whose results have the accessor.

    xarray is imported with the first name that is asked for, not with the room.

    Parameters
    ----------
    find : callable
        From the name to what is called so.
    apart : collection of str
        Names of what gives nothing of xarray's, and does not need it.
    """

    def found(name: str) -> Any:
        what = find(name)
        if name not in apart:
            register()
        return what

    return found
