"""compare: the best frame against all others, and RDMs of one animal's repeats."""

import numpy as np
import pytest
import xarray

import cortexsim


@pytest.fixture
def monkey(tmp_path, small):
    """Eight repeats of 24 units that mix V2 at its step 4, saved; another order of the stimuli."""
    v2 = cortexsim.open_recording(small)["V2"]
    x = v2.activation.sel(step=4).values.reshape(v2.sizes["stimulus"], -1).astype(float)
    rng = np.random.default_rng(0)
    signal = (x - x.mean(0)) @ rng.normal(size=(x.shape[1], 24))
    trials = signal / signal.std(0) + 0.5 * rng.normal(size=(8, *signal.shape))
    order = rng.permutation(len(x))
    path = tmp_path / "monkey.nc"
    xarray.Dataset(
        {
            "responses": (
                ("repeat", "stimulus", "unit"),
                trials[:, order],
                {"kind": "responses", "area": "V4"},
            )
        },
        {"stimulus_id": ("stimulus", v2.stimulus_id.values[order])},
        {"name": "monkey"},
    ).to_netcdf(path)
    return path


def test_one_animals_responses_have_rdms_and_a_ceiling(small, monkey, compared, capsys):
    result = compared(small, monkey, "--method", "rsa", nulls=["static"])
    low, high = result.ceiling.values
    assert 0.3 < low < high < 1
    at = result.sel(network="cortex4", state="V2", step=4)
    assert at.evaluation > at.null_high
    assert at.p_permutation < 0.05
    assert result.attrs["ceiling_of"] == "halves of the repeats"
    assert np.isfinite(at.p_ceiling)
    assert "noise ceiling" in capsys.readouterr().out


@pytest.mark.slow
def test_the_best_frame_is_told_from_the_others(small, monkey, compared, capsys):
    result = compared(small, monkey, "--method", "encoding", nulls=["static"])
    out = capsys.readouterr().out
    assert "these are not told apart from it (paired, Holm" in out
    assert "prediction" not in result
    assert result.best_difference.dims == ("network", "state", "step")
    net = result.evaluation_noise_corrected.sel(network="cortex4")
    best = net.isel(net.argmax(("state", "step")))
    at = {"network": "cortex4", "state": best.state, "step": best.step}
    assert result.best_difference.sel(at) == 0
    assert np.isnan(result.best_difference_p.sel(at))
    assert result.attrs["best_frame"] == f"state {best.state.item()}, step {best.step.item()}"
    assert result.best_difference_p_corrected.sel(network="cortex4").min() < 0.05
