"""``--method encoding``: a planted state is found, noise is corrected, what cannot be encoded."""

import numpy as np
import pytest
import xarray

import cortexsim

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


@pytest.fixture
def responses(tmp_path, patterns, long):
    """Saves responses of 24 units, repeated, that are random mixtures of a state at a step (None:
    of nothing), in another order of the stimuli.
    """

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


@pytest.mark.slow
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
    # What is corrected is what averages without noise would give. Of 36 stimuli one draw of the
    # noise moves it by 0.06, so that it is the mean over draws that tells: of twelve, to 0.02.
    raw, fixed, without = [], [], []
    for seed in range(12):
        noisy, clean = (
            compared(
                long,
                responses("V2", 8, noise=noise, seed=seed),
                *("--method", "encoding"),
                nulls=["static"],
                permutations=0,
            )
            .sel(state="V2", step=8)
            .isel(network=0)
            for noise in (0.8, 1e-3)
        )
        raw.append(float(noisy.evaluation))
        fixed.append(float(noisy.evaluation_noise_corrected))
        without.append(float(clean.evaluation))
    missing = np.mean(np.subtract(fixed, without))
    assert abs(missing) < abs(np.mean(np.subtract(raw, without))) + 0.02
    assert abs(missing) < 0.04
    # With noise variance v of the mean of six, reliability is 1 / (1 + v).
    assert float(at.ceiling) == pytest.approx(np.sqrt(1 / (1 + 0.64 / 6)), abs=0.03)
    held = result.sel(network="static", state="V2")
    assert (held.evaluation.values[1:] == net.sel(state="V2").values[1]).all()
    assert (
        held.interval.transpose("step", ...).values[1:]
        == result.interval.sel(network="cortex4", state="V2", step=2).values
    ).all()
    assert "corrected for noise at step" in capsys.readouterr().out


@pytest.mark.slow
def test_encoding_of_noise_is_above_no_null(long, responses, compared):
    hits = 0
    for seed in range(3):
        result = compared(
            long, responses(None, 0, seed=seed, repeats=2), "--method", "encoding", permutations=20
        )
        hits += bool((result.p_permutation_corrected < 0.05).any())
        assert np.nanmax(result.evaluation) < 0.25
    assert hits <= 1


@pytest.mark.slow
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


@pytest.mark.sampled(1)
@pytest.mark.parametrize("estimator", ["ridge", "pls", "reduced-rank"])
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
    assert result.attrs["analysis"] == "comparison"  # not what encode returns
    assert result.attrs["estimator"] == estimator
    assert float(result.evaluation.sel(state="V4", step=5)[0]) > 0.3
    assert result.attrs["neural_name"] == "mine.nc"
    assert "ceiling" not in result


@pytest.mark.slow
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
