"""What was planted in made-up brains must come out, and noise must not."""

import json

import numpy as np
import pytest
import xarray

from cortexsim.analysis import Inference
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain_time import bins
from cortexsim.experiments.compare.rsa import rsa, static
from cortexsim.timeaxis import TimeAxis

ONSET, STEP = 60.0, 30.0


@pytest.fixture(scope="module")
def long(recorded):
    """60 of the bundled images would be too many for a test; 36, ten steps, all units."""
    return recorded(limit=36, steps=10, keep="full")


@pytest.fixture(scope="module")
def rdms(long):
    from cortexsim.analysis import rdm_movie

    return rdm_movie(long, progress=False).load()


@pytest.fixture(scope="module")
def in_time(rdms):
    """RDMs of four subjects who see as V4 does, its steps 30 ms long from 60 ms on.

    (subject, time, pair) and the times.
    """
    rng = np.random.default_rng(0)
    times = np.arange(-45.0, 375, 30)
    v4 = rdms.rdm.sel(state="V4").values
    steps = np.floor((times - ONSET) / STEP).astype(int) + 1
    truth = np.stack([v4[s - 1] if 3 <= s <= 10 else np.zeros(v4.shape[1]) for s in steps])
    return 1 + truth + rng.normal(0, 0.5 * np.nanstd(v4[5]), (4, *truth.shape)), times


def save_rdms(tmp_path, rdms, values, **more):
    path = tmp_path / "planted.npz"
    np.savez(
        path, rdm=np.clip(values, 0, None), stimulus_id=rdms.stimulus_id.values.astype(str), **more
    )
    return path


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("state", "step"), [("V4", 4), ("V2", 2), ("IT", 9)])
def test_the_state_and_step_of_a_static_brain(long, rdms, compared, tmp_path, capsys, state, step):
    truth = rdms.rdm.sel(state=state, step=step).values
    values = 1 + truth + np.random.default_rng(0).normal(0, truth.std(), (8, len(truth)))
    result = compared(
        long, save_rdms(tmp_path, rdms, values), n=100, permutations=100, nulls=["static"]
    )
    net = result.evaluation.sel(network="cortex4")
    best = net.isel(net.argmax(("state", "step")))
    assert str(best.state.values) == state
    assert abs(int(best.step) - step) <= 1
    at = result.sel(state=state, step=step, network="cortex4")
    assert float(at.p_permutation_corrected) < 0.05
    assert result.ceiling[0] - 0.05 < at.evaluation < result.ceiling[1]
    assert float(at.p_ceiling) > 0.01
    out = capsys.readouterr().out
    assert f"  {state:4s} largest similarity {float(best):.3f}" in out


@pytest.mark.slow
def test_a_brain_of_noise_is_above_no_null(long, rdms, compared, tmp_path):
    hits = 0
    for seed in range(4):
        noise = np.random.default_rng(seed).random((6, rdms.sizes["pair"]))
        result = compared(long, save_rdms(tmp_path, rdms, noise), n=20, permutations=100)
        hits += bool((result.p_permutation_corrected < 0.05).any())
    assert hits <= 1


def test_along_the_true_axis_a_planted_state_is_at_the_ceiling(rdms, in_time):
    values, times = in_time
    brain = xarray.DataArray(values, {"time_ms": times}, ("subject", "time_ms", "pair"))
    result = rsa(
        {"net": rdms, "static": static(rdms)},
        brain,
        TimeAxis(30, 20, 50, onset_ms=ONSET),
        inference=Inference(n=20, permutations=20),
    )
    v4 = result.sel(state="V4", network="net")
    shown = np.isfinite(v4.along_axis.values)
    # Populated from step 3, at 120 ms, to the end of step 10, at 360 ms.
    assert result.time_ms.values[shown].tolist() == [135, 165, 195, 225, 255, 285, 315, 345]
    assert (v4.along_axis.values[shown] > result.ceiling.values[0, shown] - 0.03).all()
    others = (
        result.along_axis.sel(network="net", state=["V1", "V2", "IT"]).max("state").values[shown]
    )
    assert (v4.along_axis.values[shown] > others).mean() > 0.8
    assert (v4.along_axis.values[shown] > v4.along_axis_null_high.values[shown] + 0.2).all()
    # Time matters: random orders of the steps reach no more (but for noise, where neighbours are
    # nearly alike) and mostly much less; the first pass held falls behind.
    low, high = v4.along_axis_shuffled.values[:, shown]
    assert (v4.along_axis.values[shown] > high - 0.01).all()
    assert (v4.along_axis.values[shown] > low + 0.2).all()
    held = result.sel(state="V4", network="static").along_axis.values[shown]
    assert held[0] == v4.along_axis.values[shown][0]
    assert held[-1] < v4.along_axis.values[shown][-1] - 0.05
    # A bin inside one step has the numbers of that step.
    for name, of in (
        ("along_axis", "evaluation"),
        ("along_axis_interval", "interval"),
        ("along_axis_by_subject", "by_subject"),
    ):
        np.testing.assert_allclose(
            v4[name].sel(time_ms=225), v4[of].sel(time_ms=225, step=6), rtol=1e-9
        )


def test_bins_that_lie_in_two_steps_are_weighted_means(rdms, in_time):
    values, times = in_time
    brain = xarray.DataArray(
        values, {"time_ms": ("time_ms", times, {"bin_ms": 10.0})}, ("subject", "time_ms", "pair")
    )
    axis = TimeAxis(20, 20, 50, onset_ms=67)
    weights = bins(brain, rdms.step.values, axis, policy="clip")
    k = int(np.flatnonzero((weights > 0).sum(1) == 2)[-1])  # 10 ms wide, as the data say, not 30
    a, b = np.flatnonzero(weights[k])
    assert sorted(np.round(weights[k, [a, b]] * 10)) == pytest.approx(
        sorted([10 - (times[k] + 5 - 67) % 20, (times[k] + 5 - 67) % 20])
    )
    images_only = Inference(n=20, permutations=0, resample="condition")
    result = rsa({"net": rdms}, brain, axis, inference=images_only)
    one = result.sel(state="V1", network="net").isel(time_ms=k)
    assert float(one.along_axis) == pytest.approx(float((one.evaluation * weights[k]).sum()))


@pytest.mark.slow
def test_policies_for_bins_beyond_the_recording(long, rdms, in_time, compared, refused, tmp_path):
    values, times = in_time
    path = save_rdms(tmp_path, rdms, values, time_ms=times)
    text = refused(long, "--neural", path, "--policy", "refuse", "--out", tmp_path / "r.nc")
    assert "are not covered by steps 1 to 10" in text
    clip, hold = (
        compared(long, path, "--policy", p).along_axis.sel(network="cortex4", state="V1")
        for p in ("clip", "hold")
    )
    assert np.isnan(clip.sel(time_ms=-45))
    assert np.isfinite(hold).all()
    late = save_rdms(tmp_path, rdms, values, time_ms=times + 1000)
    assert "no time bin of the neural data (955 to" in refused(
        long, "--neural", late, "--out", tmp_path / "r.nc"
    )


@pytest.mark.slow
def test_an_axis_is_fitted_to_the_planted_state(long, rdms, in_time, compared, tmp_path):
    values, times = in_time
    result = compared(
        long,
        save_rdms(tmp_path, rdms, values, time_ms=times),
        "--fit-axis",
        n=40,
        permutations=20,
        nulls=["static"],
        figure=True,
    )
    low, high = result.fit_interval.sel(state="V4").transpose("fit_bound", ...).values
    found = np.array(
        [result.fit_onset_ms.sel(state="V4"), result.fit_step_ms.sel(state="V4")], dtype=float
    )
    assert (low <= found).all()
    assert (found <= high).all()
    assert low[0] - 15 <= ONSET <= high[0] + 15
    assert low[1] - 5 <= STEP <= high[1] + 5
    assert not {"analysis", "provenance"} & {*json.loads(result.attrs["fit_V4"])}
    assert (next(tmp_path.glob("*.png"))).stat().st_size > 10_000


def test_a_constant_rdm_is_named(rdms):
    flat = rdms.assign(rdm=rdms.rdm * 0 + 1)
    brain = xarray.DataArray(
        np.random.default_rng(0).random((4, rdms.sizes["pair"])), dims=("subject", "pair")
    )
    few = Inference(n=20, permutations=20)
    with pytest.raises(AnalysisError, match="V1 of twin at step 1 is constant"):
        rsa({"net": rdms, "twin": flat}, brain, TimeAxis(), inference=few)


def test_steps_that_are_all_the_same_have_no_slope_in_any_order(rdms):
    brain = xarray.DataArray(
        np.random.default_rng(0).random((4, rdms.sizes["pair"])), dims=("subject", "pair")
    )
    few = Inference(n=20, permutations=20)
    result = rsa({"static": static(rdms)}, brain, TimeAxis(), inference=few)
    assert (result.trend_p_shuffled == 1).all()
