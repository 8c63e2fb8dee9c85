"""``result.cortexsim``: what can be done with a result, by a dot behind it."""

from __future__ import annotations

from collections.abc import Callable
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

    for kind, decorate in (
        (xarray.Dataset, xarray.register_dataset_accessor),
        (xarray.DataArray, xarray.register_dataarray_accessor),
        (xarray.DataTree, xarray.register_datatree_accessor),
    ):
        if not hasattr(kind, NAME):
            decorate(NAME)(Accessor)


def registering(find: Callable[[str], Any]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room whose results have the accessor.

    xarray is imported with the first name that is asked for, not with the room.

    Parameters
    ----------
    find : callable
        From the name to what is called so.
    """

    def found(name: str) -> Any:
        what = find(name)
        register()
        return what

    return found
