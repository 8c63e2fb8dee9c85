"""Arrays of any library as plain NumPy arrays of float32 or float64, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexsim.errors import AnalysisError, CortexsimError

SMALL, LARGE = 1e-130, 1e130  # of the largest number of an array: its square is a sound double


def numbers(values: Any, what: str) -> np.ndarray:
    """An array of float32 or float64.

    NumPy, xarray, pandas, torch (also with a gradient, in bfloat16, or on a device), dask
    (computed) and lists alike. Half precision becomes float32, integers and bools float64, other
    byte orders the machine's.

    Parameters
    ----------
    values : array_like
        Numbers, in any layout in memory.
    what : str
        What they are called in errors.

    Returns
    -------
    array
        Of the same shape.

    Raises
    ------
    AnalysisError
        For what is not an array of real numbers (text, ragged lists, complex values, dates), and
        for masked arrays that hide values.

    Examples
    --------
    >>> numbers([[1, 2], [3, 4]], "rates")
    array([[1., 2.],
           [3., 4.]])
    """
    values = getattr(values, "data", values) if hasattr(values, "dims") else values
    if type(values).__module__.startswith("torch"):
        values = _of_torch(values, what)
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise AnalysisError(
                f"the {_name(what)} are a masked array that hides "
                f"{int(np.ma.getmaskarray(values).sum()):,} of {values.size:,} values; leave them "
                "out, or say that they are missing: x.astype(float).filled(np.nan)"
            )
        values = values.data
    if type(values).__module__.startswith("pandas") and hasattr(values, "to_numpy"):
        values = of_pandas(values)
    try:
        a = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise AnalysisError(f"the {_name(what)} are not an array of numbers: {error}") from None
    if a.dtype.kind not in "fiub":
        if a.dtype.kind == "O" and hasattr(values, "toarray"):
            raise AnalysisError(f"the {_name(what)} are a sparse matrix; give x.toarray()")
        raise AnalysisError(f"the {_name(what)} are of type {a.dtype}; real numbers are needed")
    if a.dtype.kind in "iub" or a.dtype.itemsize > 8:
        return a.astype(np.float64)
    if a.dtype.itemsize < 4:
        return a.astype(np.float32)
    return a.astype(a.dtype.newbyteorder("="), copy=False)


def refuse_extreme(values: np.ndarray, what: str) -> None:
    """Refuse numbers whose squares double precision does not tell from 0, or from infinity.

    Examples
    --------
    >>> refuse_extreme(np.array([0.0, 1e-16]), "responses")
    """
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0.0))
    if largest and not SMALL < largest < LARGE:
        raise AnalysisError(
            f"the largest of the {_name(what)} is {largest:.3g}, whose square is beyond double "
            f"precision; give another unit, e.g. {_name(what)} / {largest:.0e}"
        )


def precision(values: Any) -> float:
    """The relative rounding of the type in which an array came; of lists that of float64.

    Examples
    --------
    >>> precision(np.zeros(3, np.float32)) == float(np.finfo(np.float32).eps)
    True
    """
    dtype: Any = getattr(values, "dtype", None)
    if dtype is None and hasattr(values, "dtypes"):  # a DataFrame
        return max((precision(values[k]) for k in values), default=float(np.finfo(float).eps))
    if type(values).__module__.startswith("torch") and values.is_floating_point():
        import torch

        return float(torch.finfo(dtype).eps)
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        return float(np.finfo(dtype).eps)
    return float(np.finfo(np.float64).eps)


def of_pandas(frame: Any) -> np.ndarray:
    """A Series, DataFrame or Index as an array; of pandas' nullable numbers <NA> is NaN.

    Examples
    --------
    >>> import pandas
    >>> of_pandas(pandas.Series([1, None], dtype="Int64"))
    array([ 1., nan])
    """
    types = frame.dtypes if hasattr(frame, "dtypes") else frame.dtype
    kinds = [t.kind for t in np.atleast_1d(np.asarray(types, dtype=object))]
    if frame.to_numpy().dtype.kind == "O" and all(k in "fiub" for k in kinds):
        return frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return frame.to_numpy()


def refuse_without_numbers(
    tensor: Any, what: str, *, error: type[CortexsimError] = AnalysisError
) -> None:
    """Refuse a tensor of torch that does not hold its real numbers one by one.

    Parameters
    ----------
    tensor : torch.Tensor
        Any.
    what : str
        What it is called in errors, in the plural.
    error : type
        Raised.

    Raises
    ------
    CortexsimError
        For complex, sparse and quantized tensors, and those of the device ``meta``.

    Examples
    --------
    >>> import torch
    >>> refuse_without_numbers(torch.zeros(3), "images")
    """
    if tensor.is_complex():
        raise error(f"the {_name(what)} are of type {tensor.dtype}; real numbers are needed")
    if str(tensor.layout) != "torch.strided":
        raise error(f"the {_name(what)} are a sparse tensor; give a dense one: x.to_dense()")
    if tensor.is_quantized:
        raise error(f"the {_name(what)} are a quantized tensor; give its numbers: x.dequantize()")
    if tensor.is_meta:
        raise error(
            f"the {_name(what)} are a tensor on the device 'meta', which has a shape and no "
            "numbers; give one on the processor or the accelerator"
        )


def _of_torch(tensor: Any, what: str) -> np.ndarray:
    """A tensor on the CPU, in a type that NumPy has."""
    refuse_without_numbers(tensor, what)
    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point():
        return tensor.double().numpy()
    return (tensor.float() if tensor.element_size() < 4 else tensor).numpy()


def _name(what: str) -> str:
    """What an array is called, without the article that some callers give it."""
    return what.removeprefix("the ")
