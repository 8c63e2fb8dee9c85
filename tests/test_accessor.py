"""``result.cortexsim``: there with every result, and nothing is imported for it before."""

import subprocess
import sys

import numpy as np
import pytest
import xarray

from cortexsim.accessor import NAME, Accessor, register
from cortexsim.analysis import evaluate, summary


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "uses",
    [
        "from cortexsim.analysis import evaluate",
        "import cortexsim; cortexsim.plotting.curves",
        "from cortexsim import interop; interop.from_netcdf",
        "from cortexsim.neural import from_trials",
    ],
)
def test_each_way_to_a_result_brings_the_accessor(uses):
    code = (
        f"import sys\n{uses}\nimport xarray\n"
        "assert all(hasattr(kind, 'cortexsim') for kind in\n"
        "           (xarray.Dataset, xarray.DataArray, xarray.DataTree))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_second_registration_is_no_second_one():
    register()
    first = getattr(xarray.Dataset, NAME)
    register()
    assert getattr(xarray.Dataset, NAME) is first is Accessor


def test_the_figure_of_an_array_is_that_of_the_function():
    register()
    rdm = xarray.DataArray([0.1, 0.4, 0.2, 0.3, 0.9, 0.5], dims="pair")
    figure = rdm.cortexsim.plot(width_mm=89)
    assert figure.axes[0].images[0].get_array().shape == (4, 4)


def test_the_summary_of_a_result_is_that_of_the_function():
    result = evaluate(np.arange(45.0)[None], np.random.default_rng(0).random((3, 45)))
    shown = repr(result.cortexsim.summary())
    assert shown == repr(summary(result))
    assert shown.startswith("evaluate: ")
    assert shown.endswith(repr(result))
