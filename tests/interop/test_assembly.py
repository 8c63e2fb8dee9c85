"""Assemblies, MNE-RSA's shapes and netCDF."""

import numpy as np
import pytest
import xarray

from cortexsim import TimeAxis, open_recording
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.interop import to_neuroid_assembly, write_assembly
from cortexsim.neural import About, from_brainio, from_responses


def test_an_assembly_of_a_recording_holds_every_number_under_its_names(recorded):
    tree = open_recording(recorded)
    assembly = to_neuroid_assembly(recorded, ["V4", "IT"])
    assert assembly.dims == ("presentation", "neuroid", "time_bin")
    assert assembly.shape == (8, 32 * 8 * 8 + 64 * 4 * 4, 3)  # IT is populated at 4, 5 and 6 only
    assert assembly.time_bin_start.values.tolist() == [100, 125, 150]
    assert assembly.time_bin_end.values.tolist() == [125, 150, 175]
    assert len(set(assembly.neuroid_id.values.tolist())) == assembly.sizes["neuroid"]
    rng = np.random.default_rng(0)
    for k in rng.integers(0, assembly.sizes["neuroid"], 20):
        unit = assembly.isel(neuroid=k)
        place = {d: int(unit[d]) for d in ("channel", "y", "x")}
        expected = tree[str(unit.region.item())].activation.isel(place).sel(step=[4, 5, 6])
        np.testing.assert_array_equal(unit, expected)
    assert assembly.stimulus_id.values.tolist() == tree["IT"].stimulus_id.values.tolist()
    assert assembly.object_name.values.tolist() == tree["IT"].label.values.tolist()


def test_bins_are_the_overlap_of_steps(recorded, sampled):
    bins = [[100, 110], [110, 135], [100, 175]]
    tree = open_recording(sampled)
    assembly = to_neuroid_assembly(tree, "IT", bins_ms=bins)
    # (stimulus, step, unit): 100-125, 125-150, 150-175 ms.
    a = tree["IT"].activation.values[:, 3:].astype(float)
    np.testing.assert_allclose(assembly[..., 0], a[:, 0], rtol=1e-6)
    np.testing.assert_allclose(
        assembly[..., 1], 0.6 * a[:, 0] + 0.4 * a[:, 1], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(assembly[..., 2], a.mean(1), rtol=1e-5, atol=1e-6)
    with pytest.raises(CortexsimError, match=r"1 of 1 bins .* not covered"):
        to_neuroid_assembly(sampled, "IT", bins_ms=[[70, 170]])
    held = to_neuroid_assembly(sampled, "IT", bins_ms=[[70, 170]], policy="hold")
    weights = TimeAxis().bin_weights([4, 5, 6], [[70, 170]], policy="hold")[0]
    np.testing.assert_allclose(
        held[..., 0], np.einsum("stu,t->su", a, weights), rtol=1e-5, atol=1e-6
    )


def test_an_assembly_and_its_file_come_back(sampled, tmp_path):
    path = write_assembly(to_neuroid_assembly(sampled, ["IT"]), tmp_path / "it.nc")
    back = from_brainio(path, about=About(units="arbitrary"))
    a = open_recording(sampled)["IT"].activation.values[:, 3:]
    np.testing.assert_array_equal(back.responses.transpose("stimulus", "time_ms", "unit"), a)
    assert back.time_ms.values.tolist() == [112.5, 137.5, 162.5]
    assert set(back.area.values.tolist()) == {"IT"}
    with pytest.raises(AnalysisError, match="exists"):
        write_assembly(to_neuroid_assembly(sampled, ["IT"]), path)


@pytest.mark.parametrize("time", [False, True])
def test_responses_go_to_an_assembly_and_back(time):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(7, 4, 3))
    options = {"time_ms": [75.0, 85, 95], "bin_ms": 10.0} if time else {}
    dims = ("trial", "unit", "time_ms") if time else ("trial", "unit")
    data = from_responses(
        values if time else values[..., 0],
        dims=dims,
        stimulus_id=list("bacabbc"),
        unit=list("wxyz"),
        **options,
        about=About(area="V4"),
    )
    assembly = to_neuroid_assembly(data)
    assert assembly.sizes["presentation"] == 7
    back = from_brainio(assembly)
    xarray.testing.assert_equal(
        back.responses.drop_vars(
            ["unit", *set(back.responses.coords) - set(data.responses.coords)]
        ),
        data.responses.drop_vars("unit"),
    )
    if time:
        with pytest.raises(AnalysisError, match="how wide their time bins are"):
            to_neuroid_assembly(
                from_responses(
                    values, dims=dims, stimulus_id=list("bacabbc"), time_ms=[75.0, 85, 95]
                )
            )


def test_states_that_are_never_populated_together(recorded, tmp_path):
    from cortexsim.record import RecordConfig, record

    path = record(
        RecordConfig(limit=4, steps=4, figure=False, keep="mean", out=str(tmp_path / "a.zarr"))
    )
    assert to_neuroid_assembly(path, ["V1", "IT"]).sizes["time_bin"] == 1
    with pytest.raises(AnalysisError, match="which state"):
        to_neuroid_assembly(path)
