"""Long tables: every number with what it belongs to, read back by pandas."""

import gzip

import numpy as np
import pandas
import pytest
import xarray

import cortexsim
from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.experiments import tables
from cortexsim.experiments.tables import write_table
from cortexsim.table import main


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A recording of six images, its full maps and its means, and the RDMs of the means."""
    folder = tmp_path_factory.mktemp("stores")
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    net = cortexsim.load("cortex4")
    for keep in ("mean", "full"):
        cortexsim.record_network(net, images, keep=keep, out=folder / f"{keep}.zarr")
    rdm_movie(folder / "mean.zarr", out=folder / "movie.zarr", progress=False)
    return folder


def read(path) -> pandas.DataFrame:
    return pandas.read_csv(path, sep="\t" if ".tsv" in path.suffixes else ",", dtype={"label": str})


def test_every_number_of_a_recording_stands_beside_its_stimulus_state_step_and_unit(
    stores, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "ROWS_AT_A_TIME", 1000)  # several pieces
    count = write_table(stores / "mean.zarr", tmp_path / "t.csv")
    table = read(tmp_path / "t.csv")
    assert len(table) == count
    tree = cortexsim.open_recording(stores / "mean.zarr")
    assert set(table.state) == {"V1", "V2", "V4", "IT", "readout"}
    for state in ("V1", "IT"):
        data = tree[state].to_dataset(inherit=True)
        mine = table[table.state == state]
        assert len(mine) == int(data.activation.notnull().sum())
        back = mine.set_index(["stimulus_id", "step", "unit"]).value
        for stimulus, step, unit in ((0, 8, 3), (5, 4, 0), (2, 8, 7)):
            stimulus_id = str(data.stimulus_id.values[stimulus])
            there = float(data.activation.sel(step=step).isel(stimulus=stimulus, unit=unit))
            assert back[stimulus_id, step, unit] == pytest.approx(there, rel=1e-6)
    times = table.drop_duplicates("step").set_index("step").time_ms
    assert times[8] == float(tree["IT"].time_ms.sel(step=8))
    assert table.value.notna().all()  # what is not populated has no row
    assert table[table.state == "readout"]["class"].nunique() == 10


def test_maps_have_their_places(stores, tmp_path):
    write_table(stores / "full.zarr", tmp_path / "t.tsv.gz", states=["IT"], steps=[8])
    table = read(tmp_path / "t.tsv.gz")
    values = cortexsim.open_recording(stores / "full.zarr")["IT"].activation.sel(step=8)
    assert {"channel", "y", "x"} <= set(table)
    ordered = table.sort_values(["stimulus_id", "channel", "y", "x"]).value.to_numpy()
    np.testing.assert_allclose(ordered, values.values.reshape(-1), rtol=1e-6)


def test_rdms_have_both_conditions(stores, tmp_path):
    write_table(stores / "movie.zarr", tmp_path / "t.csv", states=["IT"])
    table = read(tmp_path / "t.csv")
    movie = open_movie(stores / "movie.zarr")
    assert len(table) == int(movie.populated.sel(state="IT").sum()) * 15
    row = table[table.step == 8].iloc[4]
    pair = movie.isel(pair=4).sel(state="IT", step=8)
    assert (row.first_id, row.second_id) == (pair.first_id.item(), pair.second_id.item())
    assert row.dissimilarity == pytest.approx(float(pair.rdm), rel=1e-6)


def test_a_result_has_the_variables_of_one_kind_of_axes(tmp_path):
    result = xarray.Dataset(
        {
            "evaluation": (("state", "step"), [[np.nan, 0.2], [0.3, 0.4]]),
            "p": (("state", "step"), [[np.nan, 0.02], [0.03, 0.04]]),
            "ceiling": ("bound", [0.5, 0.6]),
        },
        {"state": ["V1", "IT"], "step": [1, 2]},
    )
    result.to_netcdf(tmp_path / "r.nc")
    assert write_table(tmp_path / "r.nc", tmp_path / "t.csv") == 3
    table = read(tmp_path / "t.csv")
    assert list(table.columns) == ["state", "step", "evaluation", "p"]
    assert table.set_index(["state", "step"]).p["IT", 1] == 0.03
    write_table(tmp_path / "r.nc", tmp_path / "u.csv", variable="ceiling")
    assert read(tmp_path / "u.csv").ceiling.tolist() == [0.5, 0.6]


def test_what_cannot_be_is_refused_and_leaves_nothing(stores, tmp_path, monkeypatch):
    mean, out = stores / "mean.zarr", tmp_path / "t.csv"
    refusals = {
        "a table ends in": lambda: write_table(mean, tmp_path / "t.xlsx"),
        "no state V9; choose from V1": lambda: write_table(mean, out, states=["V9"]),
        "no step 99": lambda: write_table(mean, out, steps=[99]),
        "no result": lambda: write_table(mean, out, variable="p"),
        "no rows": lambda: write_table(mean, out, states=["IT"], steps=[1]),
        "no recording at": lambda: write_table(tmp_path / "n.zarr", out),
    }
    for message, call in refusals.items():
        with pytest.raises(cortexsim.errors.CortexsimError, match=message):
            call()
    monkeypatch.setattr(tables, "MOST_ROWS", 10)
    with pytest.raises(AnalysisError, match="at most 10 are written"):
        write_table(mean, out)
    assert list(tmp_path.iterdir()) == []
    out.write_text("mine")
    with pytest.raises(AnalysisError, match="exists"):
        write_table(mean, out)
    assert out.read_text() == "mine"


def test_the_command_says_how_many_rows(stores, tmp_path, capsys):
    out = tmp_path / "it.csv"
    assert (
        main([str(stores / "mean.zarr"), "--states", "IT", "--steps", "8", "--out", str(out)]) == 0
    )
    assert capsys.readouterr().out == f"wrote {out}: {6 * 64:,} rows\n"


@pytest.mark.parametrize(
    ("name", "source", "options"),
    [
        pytest.param("t.csv", "full.zarr", {}, marks=pytest.mark.slow),
        ("t.csv.gz", "full.zarr", {"states": ["IT", "readout"]}),
        ("t.tsv", "mean.zarr", {"steps": [8]}),
        ("t.csv", "movie.zarr", {}),
    ],
)
def test_the_size_is_told_before_anything_is_written(stores, tmp_path, name, source, options):
    out, told = tmp_path / name, []

    def before(rows, size):
        assert not out.exists()
        told.append((rows, size))

    count = write_table(stores / source, out, before=before, **options)
    ((rows, size),) = told
    with gzip.open(out) if out.suffix == ".gz" else out.open("rb") as file:
        lines = sum(1 for _ in file)
    assert rows == count == lines - 1
    assert size == pytest.approx(out.stat().st_size, rel=0.15, abs=200)


def test_the_command_warns_of_a_large_table_and_names_the_way_to_less(
    stores, tmp_path, capsys, monkeypatch
):
    full, out = str(stores / "full.zarr"), str(tmp_path / "t.csv")
    assert main([full, "--states", "IT", "--out", out]) == 0
    assert capsys.readouterr().err == ""  # small
    monkeypatch.setattr(tables, "BIG", 100_000)
    assert main([full, "--states", "IT", "--out", out, "--overwrite"]) == 0
    said = capsys.readouterr().err
    size = (tmp_path / "t.csv").stat().st_size
    told = float(said.split("about ")[1].split(" MB")[0]) * 1e6
    assert told == pytest.approx(size, rel=0.15)
    for way in ("--states", "--steps", "--keep mean", ".csv.gz", "to_netcdf"):
        assert way in said
