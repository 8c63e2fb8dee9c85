"""``cortexsim compare`` as a user meets it.

Errors in one line, files whole or absent, plans that write nothing.
"""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import xarray
from scipy.spatial.distance import squareform

import cortexsim
from cortexsim.compare import compare, main
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.config import METHODS, ONLY, CompareConfig
from cortexsim.recording.checked import with_own_digest


def files(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.slow
def test_without_a_recording_or_with_an_error_there_is_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cortexsim", "compare", "absent.zarr", "--neural", "latencies"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (1, "error: no recording at absent.zarr\n")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--neural is missing"),
        (
            ["--neural", "nobody"],
            "there are no neural data 'nobody': give a benchmark (kriegeskorte92, ",
        ),
        (["--neural", "absent.npz"], "there is no file absent.npz"),
        (["--neural", "{own}", "--target", "V9"], "has no rdm 'V9'; choose from rdm"),
        (["--neural", "{own}", "--out", "result.txt"], "names no netCDF file"),
        (["--neural", "{own}", "--out", "{own}/below/result.nc"], "is no folder"),
        (["--neural", "{own}", "--comparator", "kendall"], "choose from pearson, spearman"),
        (["--neural", "{own}", "--measure", "jaccard"], "there is no measure 'jaccard'"),
        (["--neural", "{own}", "--resample", "voxel"], "cannot resample 'voxel'"),
        (["--neural", "{own}", "--n", "3"], "n=3 resamples"),
        (["--neural", "{own}", "--permutations", "3"], "give at least 20, or 0"),
        (["--neural", "{own}", "--permutations", "-1"], "permutations=-1"),
        (["--neural", "{own}", "--seed", "-1"], "rng=-1"),
        (["--neural", "{own}", "--fit-axis"], "--fit-axis needs neural data with time"),
        (["--neural", "{own}", "--folds", "3"], "--folds is for --method encoding or decoding"),
        (["--neural", "{own}", "--method", "encoding"], "holds no responses; it holds rdm"),
        (["--neural", "{own}", "--method", "decoding"], "holds no decoding accuracies"),
        (
            ["--neural", "{own}", "--method", "encoding", "--fit-axis"],
            "--fit-axis is for --method rsa",
        ),
        (["--neural", "{own}", "--stimuli", "absent", "--nulls", "untrained"], "Give --stimuli"),
    ],
)
def test_what_is_refused_and_how(small, it_like, refused, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    given = [a.format(own=it_like) for a in arguments]
    assert says in refused(small, *given)
    assert files(tmp_path) == before


def test_settings_are_refused_before_any_control_runs(small, it_like, refused, monkeypatch):
    monkeypatch.setattr(
        "cortexsim.experiments.compare.rsa_job.rerun", lambda *a, **k: pytest.fail("a control ran")
    )
    for wrong in (
        ["--correction", "max", "--resample", "voxel"],
        ["--comparator", "kendall"],
        ["--n", "3"],
    ):
        refused(small, "--neural", it_like, *wrong)


@pytest.mark.slow
def test_existing_files_stay_unless_told_otherwise(small, it_like, refused, tmp_path):
    out = tmp_path / "result.nc"
    quick = [
        str(small),
        "--neural",
        str(it_like),
        "--n",
        "20",
        "--permutations",
        "0",
        "--nulls",
        "--out",
        str(out),
    ]
    out.with_suffix(".png").write_text("a figure")
    assert "result.png exists; give --overwrite" in refused(*quick)
    assert not out.exists()
    assert main([*quick, "--no-figure"]) == 0
    first = out.read_bytes()
    assert "result.nc exists; give --overwrite" in refused(*quick, "--no-figure")
    assert out.read_bytes() == first
    assert main([*quick, "--seed", "1", "--overwrite"]) == 0
    assert out.read_bytes() != first
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"


def test_a_folder_of_that_name_is_refused_at_once(small, it_like, refused, tmp_path):
    (tmp_path / "x.nc").mkdir()
    assert "x.nc is a folder" in refused(
        small, "--neural", it_like, "--out", tmp_path / "x.nc", "--overwrite"
    )


@pytest.mark.parametrize(
    "fault",
    [OSError("No space left on device"), RuntimeError("NetCDF: HDF error"), KeyboardInterrupt()],
)
def test_what_fails_while_writing_leaves_nothing_and_the_old_file(
    small, it_like, tmp_path, monkeypatch, fault
):
    def half(self, path, **_):
        path.write_bytes(b"half")
        raise fault

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", half)
    out = tmp_path / "result.nc"
    out.write_bytes(b"old")
    before = files(tmp_path)
    config = CompareConfig(
        str(small),
        neural=str(it_like),
        out=str(out),
        overwrite=True,
        nulls=(),
        n=20,
        permutations=0,
    )
    with pytest.raises(
        KeyboardInterrupt if isinstance(fault, KeyboardInterrupt) else AnalysisError,
        match=str(fault) or None,
    ):
        compare(config)
    assert out.read_bytes() == b"old"
    assert files(tmp_path) == before


def test_a_figure_that_cannot_be_written_leaves_the_result(
    small, it_like, tmp_path, monkeypatch, capsys
):
    def full(figure, path, **settings):
        raise OSError("No space left on device")

    monkeypatch.setattr("cortexsim.plotting.save", full)
    compare(
        CompareConfig(
            str(small),
            neural=str(it_like),
            out=str(tmp_path / "r.nc"),
            nulls=(),
            n=20,
            permutations=0,
        )
    )
    assert "the result is complete" in capsys.readouterr().err
    assert xarray.load_dataset(tmp_path / "r.nc").evaluation.notnull().any()


@pytest.mark.parametrize("method", ["rsa", "encoding"])
def test_a_plan_writes_nothing_and_says_what_and_how_long(
    small, it_like, planted, tmp_path, capsys, method, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    neural = {"rsa": it_like, "encoding": planted()}[method]
    before = files(tmp_path)
    assert main([str(small), "--neural", str(neural), "--method", method, "--plan"]) == 0
    text = capsys.readouterr().out
    assert "cortex4, states V1, V2, V4, IT, 6 steps" in text
    assert "Nothing was written" in text
    assert files(tmp_path) == before
    amount, unit = text.rpartition("about ")[2].split()[:2]
    assert 0 < float(amount) * (60 if unit.startswith("minute") else 1) < 600
    assert ("feed-forward twin" in text) == (method == "rsa")


@pytest.fixture
def planted(tmp_path, small):
    """Responses of 12 units in a file of our own layout."""

    def save():
        rng = np.random.default_rng(0)
        ids = cortexsim.open_recording(small)["V1"].stimulus_id.values
        values = xarray.DataArray(
            rng.normal(size=(24, 12)), dims=("stimulus", "unit"), attrs={"kind": "responses"}
        )
        xarray.Dataset(
            {"responses": values}, {"stimulus_id": ("stimulus", ids[::-1])}, {"name": "mine"}
        ).to_netcdf(tmp_path / "planted.nc")
        return tmp_path / "planted.nc"

    return save


def test_the_result_says_what_it_is(small, it_like, compared):
    result = compared(small, it_like, "--seed", 7, nulls=["static"])
    a = result.attrs
    assert (
        a["seed"],
        a["n"],
        a["permutations"],
        a["subjects"],
        a["conditions"],
        a["correction"],
    ) == (
        7,
        20,
        20,
        6,
        24,
        "holm",
    )
    assert (a["method"], a["model"], a["comparator"], a["measure"]) == (
        "rsa",
        "cortex4",
        "spearman",
        "correlation",
    )
    assert {"cortexsim", "packages"} <= json.loads(a["provenance"]).keys()
    assert json.loads(a["configuration"])["seed"] == 7
    assert json.loads(a["recording"])["stimuli"]["count"] == 24
    assert json.loads(a["controls"]).keys() == {"shuffled", "static"}
    assert a["neural_citation"]
    assert a["neural_licence"]
    assert result.time_ms.values.tolist() == [25, 50, 75, 100, 125, 150]
    assert (result.time_ms_high.values == 50 * result.step.values).all()


def test_what_comes_from_a_benchmark_is_cited(faces, compared):
    a = compared(faces, "kriegeskorte92", "--target", "monkey_IT").attrs
    assert "Kriegeskorte" in a["neural_citation"]
    assert a["neural_licence"]
    assert (a["neural_area"], a["neural_variable"]) == ("IT", "monkey_IT")
    assert a["resample"] == "condition"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["npz", "csv", "mat", "nc"])
def test_every_kind_of_file_gives_the_same_numbers(small, movie, own, compared, tmp_path, kind):
    truth = np.abs(np.random.default_rng(0).normal(1, 0.3, movie.sizes["pair"]))
    ids = movie.stimulus_id.values.astype(str)
    path = tmp_path / f"same.{kind}"
    if kind == "npz":
        np.savez(path, rdm=squareform(truth), stimulus_id=ids)
    elif kind == "mat":
        scipy.io.savemat(path, {"rdm": squareform(truth), "stimulus_id": ids})
    elif kind == "csv":
        with open(path, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["first", "second", "dissimilarity"])
            rows.writerows(
                (a, b, repr(float(d)))
                for a, b, d in zip(ids[movie.first], ids[movie.second], truth)
            )
    else:
        xarray.Dataset(
            {"mine": ("pair", truth, {"kind": "rdm"})}, {"stimulus_id": ("stimulus", ids)}
        ).to_netcdf(path)
    expected = compared(small, own(truth))
    np.testing.assert_allclose(compared(small, path).evaluation, expected.evaluation, atol=1e-12)


def in_our_layout(movie, values, **change):
    """A data set as the conventions have it."""
    layout = {"stimulus_id": ("stimulus", movie.stimulus_id.values), **change}
    layout = {k: v for k, v in layout.items() if v is not None}
    return xarray.Dataset(
        {"mine": (("subject", "pair"), values, {"kind": "rdm"})}, layout, {"name": "mine"}
    )


def test_files_that_would_give_wrong_numbers_are_refused(small, movie, refused, tmp_path):
    good = np.abs(np.random.default_rng(0).normal(1, 0.3, (3, movie.sizes["pair"])))
    missing, order = good.copy(), np.random.default_rng(1).permutation(good.shape[1])
    missing[1, 3] = np.nan
    pairs = {k: ("pair", movie[k].values[order]) for k in ("first", "second")}
    models = in_our_layout(movie, good).rename(subject="model")
    square = xarray.Dataset(
        {"mine": (("stimulus", "other"), squareform(good[0]), {"kind": "rdm"})},
        {"stimulus_id": ("stimulus", movie.stimulus_id.values)},
    )
    seconds = (
        in_our_layout(movie, good).rename(subject="time_ms").assign_coords(time_ms=[0.1, 0.2, 0.3])
    )
    cases = {
        "stimulus_id(stimulus)": in_our_layout(movie, good, stimulus_id=None),
        "occur more than once": in_our_layout(movie, good, stimulus_id=("stimulus", ["same"] * 24)),
        "24 of the 24 stimuli of mine are not among the 24 of the recording": in_our_layout(
            movie, good, stimulus_id=("stimulus", [f"i{k}" for k in range(24)])
        ),
        "squareform order": in_our_layout(movie, good[:, order], **pairs),
        "the data set has 270": in_our_layout(movie, good[:, :270]),
        "1 of 828 entries of mine are NaN": in_our_layout(movie, missing),
        "neither subject, session nor time_ms": models,
        "RDMs are ([subject,] [time_ms,] pair)": square,
        "look like seconds": seconds,
        "without its coordinate": in_our_layout(movie, good).rename(subject="time_ms"),
    }
    for says, data in cases.items():
        data.to_netcdf(tmp_path / "bad.nc")
        assert says in refused(small, "--neural", tmp_path / "bad.nc", "--out", tmp_path / "r.nc")


def test_damaged_files_are_refused(small, movie, refused, tmp_path):
    path = tmp_path / "bad.nc"
    in_our_layout(movie, np.random.default_rng(0).random((3, 276))).to_netcdf(path)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], b"", b"not netCDF at all"):
        path.write_bytes(part)
        assert "cannot be read as netCDF" in refused(small, "--neural", path)
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    assert "bad.npz" in refused(small, "--neural", tmp_path / "bad.npz")


def test_missing_stimuli_are_named(faces, small, refused):
    text = refused(small, "--neural", "cichy92-fmri", "--target", "IT")
    assert "92 of the 92 stimuli of cichy92-fmri are not among the 24" in text
    assert "'image_01', 'image_02'" in text
    text = refused(small, "--neural", "kriegeskorte92", "--target", "monkey_IT")
    assert "cortexsim record --stimuli kriegeskorte92" in text


def test_a_benchmark_with_several_targets_asks_for_one(faces, refused):
    assert "EVC {'subject': 15, 'pair': 4186}, IT" in refused(faces, "--neural", "cichy92-fmri")
    assert "neither subject, session nor time_ms" in refused(
        faces, "--neural", "kriegeskorte92", "--target", "models"
    )


def test_one_subject_is_not_resampled(faces, refused):
    text = refused(
        faces, "--neural", "kriegeskorte92", "--target", "monkey_IT", "--resample", "subject"
    )
    assert "give --resample condition" in text


def test_recordings_that_cannot_be_compared(
    small, recorded, it_like, planted, refused, copy_of, tmp_path
):
    damaged = copy_of(small)
    meta = json.loads((damaged / "zarr.json").read_text())
    meta["attributes"]["stimuli_committed"] = 12
    (damaged / "zarr.json").write_text(json.dumps(with_own_digest(meta)))
    assert "is not complete: 12 of 24 stimuli" in refused(damaged, "--neural", it_like)
    (damaged / "zarr.json").write_text("{")
    assert "zarr.json is damaged" in refused(damaged, "--neural", it_like)
    rdms = recorded(limit=24, rdm="correlation")
    assert "is an RDM movie; encoding needs activations" in refused(
        rdms, "--neural", planted(), "--method", "encoding"
    )
    assert "give --measure correlation" in refused(rdms, "--neural", it_like, "--measure", "cosine")


def test_the_movie_of_a_recording_stands_for_it(small, recorded, it_like, compared):
    a, b = (compared(p, it_like) for p in (small, recorded(limit=24, rdm="correlation")))
    np.testing.assert_allclose(a.evaluation, b.evaluation, atol=1e-6)


def test_images_of_a_benchmark_are_recorded_under_its_ids(faces, data_folder):
    import cortexsim
    from cortexsim import neural

    known = neural.load("kriegeskorte92")
    tree = cortexsim.open_recording(faces)
    assert tree["V1"].stimulus_id.values.tolist() == known.stimulus_id.values.tolist()
    assert tree["V1"].label.values.tolist() == known.label.values.tolist()


def test_a_benchmark_without_images_cannot_be_recorded(data_folder, tmp_path):
    from cortexsim.errors import RecordingError
    from cortexsim.record import RecordConfig, record

    for settings, says in (
        ({"stimuli": "cifar10h"}, "comes without its images"),
        ({"stimuli": "kriegeskorte92", "limit": 0}, "at least 1"),
    ):
        with pytest.raises(RecordingError, match=says):
            record(RecordConfig(out=str(tmp_path / "a.zarr"), figure=False, **settings))
        assert files(tmp_path) == []


def test_every_option_of_one_method_is_an_option():
    assert ONLY.keys() <= CompareConfig.__dataclass_fields__.keys()
    assert {m for methods in ONLY.values() for m in methods} <= set(METHODS)


@pytest.mark.slow
def test_one_command_writes_the_figure_as_pdf_and_the_sentence_of_a_paper(
    small, it_like, tmp_path, capsys
):
    out, figure = tmp_path / "r.nc", tmp_path / "paper.pdf"
    arguments = [str(small), "--neural", str(it_like), "--out", str(out), "--nulls", "--n", "20"]
    assert main([*arguments, "--permutations", "20", "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert figure.read_bytes()[:5] == b"%PDF-"
    assert not out.with_suffix(".png").exists()
    result = xarray.load_dataset(out)
    said = result.attrs["sentence"]
    assert printed.rstrip().endswith(said)
    places = result.evaluation.isel(network=0).argmax(("state", "step"))
    best = result.isel(network=0, **places)
    assert f"{best.state.item()} at step {best.step.item()} " in said
    assert f" {float(best.evaluation):.3f}; 95 % interval" in said
    assert "no feed-forward twin was compared" in said
    assert result.attrs["analysis"] == "comparison"
    drawn = cortexsim.interop.from_netcdf(out).cortexsim.plot(width_mm=89)
    assert len(drawn.axes) == result.sizes["state"]
