"""What was planted in made-up brains must come out, and noise must not."""

import json

import numpy as np
import pytest
import xarray

import cortexsim
from cortexsim.analysis import Inference
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.compare.brain_time import along, bins
from cortexsim.experiments.compare.rsa import rsa, static
from cortexsim.timeaxis import TimeAxis

ONSET, STEP = 60.0, 30.0


@pytest.fixture(scope="module")
def long(recorded):
    """60 of the bundled images would be too many for a test; 36, ten steps, all units."""
    return recorded(limit=36, steps=10, keep="full")


@pytest.fixture(scope="module")
def patterns(long):
    """(state, step) -> patterns (stimulus, unit), as the recording has them."""
    tree = cortexsim.open_recording(long)
    return lambda state, step: (
        tree[state].activation.sel(step=step).values.reshape(36, -1).astype(float)
    )


@pytest.fixture(scope="module")
def rdms(long):
    from cortexsim.analysis import rdm_movie

    return rdm_movie(long, progress=False).load()


@pytest.fixture(scope="module")
def in_time(rdms):
    """RDMs of four subjects who see as V4 does, its steps 30 ms long from 60 ms on: (subject, time, pair) and the times."""
    rng = np.random.default_rng(0)
    times = np.arange(-45.0, 375, 30)
    v4 = rdms.rdm.sel(state="V4").values
    steps = np.floor((times - ONSET) / STEP).astype(int) + 1
    truth = np.stack([v4[s - 1] if 3 <= s <= 10 else np.zeros(v4.shape[1]) for s in steps])
    return 1 + truth + rng.normal(0, 0.5 * np.nanstd(v4[5]), (4, *truth.shape)), times


@pytest.fixture
def responses(tmp_path, patterns, long):
    """Saves responses of 24 units, repeated, that are random mixtures of a state at a step (None: of nothing), in another order of the stimuli."""

    def save(state, step, *, seed=0, noise=1.0, repeats=6, times=None):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(36, 50)) if state is None else patterns(state, step)
        signal = (x - x.mean(0)) @ rng.normal(size=(x.shape[1], 24))
        signal = 0 * signal if state is None else signal / signal.std(0)
        order = rng.permutation(36)
        values, dims = (
            signal + noise * rng.normal(size=(repeats, *signal.shape)),
            ("repeat", "stimulus", "unit"),
        )
        coords = {
            "stimulus_id": (
                "stimulus",
                cortexsim.open_recording(long)["V1"].stimulus_id.values[order],
            )
        }
        if times is not None:
            gain = (times >= ONSET).astype(float)[:, None, None]
            values, dims = (
                gain * signal + noise * rng.normal(size=(repeats, len(times), *signal.shape)),
                ("repeat", "time_ms", "stimulus", "unit"),
            )
            coords["time_ms"] = ("time_ms", times, {"bin_ms": 30.0})
        values = np.take(values, order, axis=dims.index("stimulus"))
        path = tmp_path / f"planted{seed}.nc"
        xarray.Dataset(
            {"responses": (dims, values, {"kind": "responses", "area": "V4"})},
            coords,
            {"name": "planted"},
        ).to_netcdf(path)
        return path

    return save


def save_rdms(tmp_path, rdms, values, **more):
    path = tmp_path / "planted.npz"
    np.savez(
        path, rdm=np.clip(values, 0, None), stimulus_id=rdms.stimulus_id.values.astype(str), **more
    )
    return path


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
    # Time matters: bins at both ends lie above what random orders of the steps reach, the first pass held falls behind.
    assert v4.along_axis.values[shown][-1] > v4.along_axis_shuffled.values[1, shown][-1] - 1e-9
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
    result = rsa({"net": rdms}, brain, axis, inference=Inference(n=20, permutations=0, resample=()))
    one = result.sel(state="V1", network="net").isel(time_ms=k)
    assert float(one.along_axis) == pytest.approx(float((one.evaluation * weights[k]).sum()))


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


def test_encoding_finds_the_state_and_corrects_for_noise(long, responses, compared, capsys):
    result = compared(
        long, responses("V2", 8, noise=0.8), "--method", "encoding", nulls=["static"], figure=True
    )
    net = result.evaluation.sel(network="cortex4")
    best = net.isel(net.argmax(("state", "step")))
    assert str(best.state.values) == "V2"
    at = result.sel(state="V2", step=8, network="cortex4")
    assert at.evaluation > at.null_high + 0.1
    assert at.p_permutation_corrected < 0.05
    # What is corrected is what averages without noise would give.
    clean = (
        compared(long, responses("V2", 8, noise=1e-3, seed=0), "--method", "encoding")
        .sel(state="V2", step=8)
        .isel(network=0)
    )
    assert (
        abs(at.evaluation_corrected - clean.evaluation)
        < abs(at.evaluation - clean.evaluation) + 0.02
    )
    assert abs(at.evaluation_corrected - clean.evaluation) < 0.06
    # With noise variance v of the mean of six, reliability is 1 / (1 + v).
    assert float(at.ceiling) == pytest.approx(np.sqrt(1 / (1 + 0.64 / 6)), abs=0.03)
    held = result.sel(network="static", state="V2")
    assert (held.evaluation.values[1:] == net.sel(state="V2").values[1]).all()
    assert (
        held.interval.transpose("step", ...).values[1:]
        == result.interval.sel(network="cortex4", state="V2", step=2).values
    ).all()
    assert "corrected for noise at step" in capsys.readouterr().out


def test_encoding_of_noise_is_above_no_null(long, responses, compared):
    hits = 0
    for seed in range(3):
        result = compared(
            long, responses(None, 0, seed=seed, repeats=2), "--method", "encoding", permutations=20
        )
        hits += bool((result.p_permutation_corrected < 0.05).any())
        assert np.nanmax(result.evaluation) < 0.25
    assert hits <= 1


def test_encoding_in_time_is_drawn_along_the_brain(long, responses, compared, tmp_path):
    result = compared(
        long,
        responses("V4", 5, times=np.arange(-15.0, 200, 30)),
        "--method",
        "encoding",
        nulls=["static"],
        figure=True,
    )
    v4 = result.sel(state="V4", network="cortex4")
    assert {
        "along_axis",
        "along_axis_interval",
        "along_axis_null_high",
        "along_axis_shuffled",
    } <= set(result)
    assert float(v4.along_axis.sel(time_ms=165)) > 0.2
    assert v4.evaluation.sel(time_ms=15).max() < 0.25
    assert result.ceiling.dims == ("time_ms",)
    assert next(tmp_path.glob("*.png")).stat().st_size > 10_000


@pytest.mark.parametrize("estimator", ["ridge", "pls"])
def test_estimators_of_encoding(small, compared, tmp_path, estimator):
    tree = cortexsim.open_recording(small)
    x = tree["V4"].activation.sel(step=5).values
    values = x @ np.random.default_rng(0).normal(size=(x.shape[1], 8))
    xarray.Dataset(
        {"mine": (("stimulus", "unit"), values, {"kind": "responses"})},
        {"stimulus_id": ("stimulus", tree["V1"].stimulus_id.values)},
    ).to_netcdf(tmp_path / "mine.nc")
    result = compared(
        small,
        tmp_path / "mine.nc",
        "--method",
        "encoding",
        "--estimator",
        estimator,
        *(["--components", 4] if estimator == "pls" else []),
        permutations=0,
    )
    assert "analysis" not in result.attrs  # not what summary() reads
    assert result.attrs["estimator"] == estimator
    assert float(result.evaluation.sel(state="V4", step=5)[0]) > 0.3
    assert result.attrs["neural_name"] == "mine.nc"
    assert "ceiling" not in result


def test_a_brainio_assembly_with_repetitions(small, compared, tmp_path):
    tree = cortexsim.open_recording(small)
    x = tree["IT"].activation.sel(step=6).values
    ids, rng = tree["IT"].stimulus_id.values, np.random.default_rng(0)
    signal = x @ rng.normal(size=(x.shape[1], 10))
    order = rng.permutation(48)
    assembly = xarray.DataArray(
        (np.tile(signal / signal.std(0), (2, 1)) + rng.normal(0, 0.3, (48, 10)))[order],
        {
            "stimulus_id": ("presentation", np.tile(ids.astype(object), 2)[order]),
            "repetition": ("presentation", np.repeat([0, 1], 24)[order]),
            "neuroid_id": ("neuroid", [f"n{k}" for k in range(10)]),
            "region": ("neuroid", ["IT"] * 10),
        },
        ("presentation", "neuroid"),
        name="assembly",
    )
    assembly.to_netcdf(tmp_path / "assembly.nc")
    result = compared(small, tmp_path / "assembly.nc", "--method", "encoding")
    one = result.evaluation.isel(network=0)
    assert str(one.isel(one.argmax(("state", "step"))).state.values) == "IT"
    assert (result.reliability > 0.8).all()


def test_what_cannot_be_encoded(small, refused, tmp_path):
    ids = cortexsim.open_recording(small)["V1"].stimulus_id.values
    good = np.random.default_rng(0).normal(size=(24, 3))
    missing = good.copy()
    missing[2, 1] = np.nan
    cases = {
        "encoding needs stimulus and unit": (("unit",), good[0]),
        "have responses that are NaN": (("stimulus", "unit"), missing),
    }
    for says, (dims, values) in cases.items():
        data = xarray.Dataset(
            {"mine": (dims, values, {"kind": "responses"})}, {"stimulus_id": ("stimulus", ids)}
        )
        data.to_netcdf(tmp_path / "bad.nc")
        assert says in refused(
            small,
            "--neural",
            tmp_path / "bad.nc",
            "--method",
            "encoding",
            "--nulls",
            "--out",
            tmp_path / "r.nc",
        )


def test_a_constant_rdm_is_named(rdms):
    flat = rdms.assign(rdm=rdms.rdm * 0 + 1)
    brain = xarray.DataArray(
        np.random.default_rng(0).random((4, rdms.sizes["pair"])), dims=("subject", "pair")
    )
    few = Inference(n=20, permutations=20)
    with pytest.raises(AnalysisError, match="V1 of twin at step 1 is constant"):
        rsa({"net": rdms, "twin": flat}, brain, TimeAxis(), inference=few)


def test_one_bin_of_unknown_width_is_refused(rdms):
    brain = xarray.DataArray(
        np.zeros((4, 1, 3)), {"time_ms": [100.0]}, ("subject", "time_ms", "pair")
    )
    with pytest.raises(AnalysisError, match="unknown width"):
        bins(brain, rdms.step.values, TimeAxis(), policy="clip")
    with pytest.raises(CortexsimError, match="choose from refuse, hold, clip"):
        bins(
            brain.assign_coords(time_ms=("time_ms", [100.0], {"bin_ms": 10})),
            rdms.step.values,
            TimeAxis(),
            policy="guess",
        )


def test_random_orders_are_of_populated_steps_only():
    evaluation = np.array([[np.nan, 1.0, 2.0, 3.0]]).repeat(4, 0)
    result = xarray.Dataset({"evaluation": (("network", "time_ms", "step"), evaluation[None])})
    found = along(result, np.isfinite(evaluation[0]), np.eye(4), seed=0)
    assert np.isnan(found["along_axis"][1][0, 0])
    low, high = found["along_axis_shuffled"][1]
    assert np.isnan(low[0])
    assert (low[1:] == 1).all()
    assert (high[1:] == 3).all()


def test_steps_that_are_all_the_same_have_no_slope_in_any_order(rdms):
    brain = xarray.DataArray(
        np.random.default_rng(0).random((4, rdms.sizes["pair"])), dims=("subject", "pair")
    )
    few = Inference(n=20, permutations=20)
    result = rsa({"static": static(rdms)}, brain, TimeAxis(), inference=few)
    assert (result.trend_p_shuffled == 1).all()
