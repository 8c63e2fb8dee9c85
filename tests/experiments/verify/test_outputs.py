"""What is said of each kind of output, sound and damaged."""

import json

import numpy as np
import pytest
import xarray

import cortexsim
from cortexsim.checksums import with_digest
from cortexsim.errors import AnalysisError
from cortexsim.experiments.verify.outputs import verified
from cortexsim.files import write
from cortexsim.models.weights import save_weights


@pytest.fixture
def folder(tmp_path):
    """One small output of several kinds, and files of other people."""
    net = cortexsim.load("cortex4")
    save_weights(net, tmp_path / "w.safetensors", dict(net.card))
    write(xarray.Dataset({"a": ("x", np.arange(3.0))}), tmp_path / "r.nc")
    numbers = with_digest({"claim": "V1 first", "results": [1.5]}, "sha256")
    (tmp_path / "f.json").write_text(json.dumps(numbers))
    (tmp_path / "mine.json").write_text('{"mine": 1}')
    (tmp_path / "notes.txt").write_text("words")
    return tmp_path


def test_all_outputs_in_a_folder_are_found_and_sound(folder):
    verdicts = verified(folder)
    assert [(v.path.name, v.kind, v.is_sound, v.checked) for v in verdicts] == [
        ("f.json", "numbers of a figure", True, True),
        ("r.nc", "netCDF", True, True),
        ("w.safetensors", "weights", True, True),
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("f.json", b"1.5", b"1.6", "its sha256 is that of other numbers"),
        ("r.nc", b"\x00\x40", b"\x01\x40", "the sha256 at its end"),
        ("w.json", b"airplane", b"aeroplane", "its card_sha256 is that of another card"),
    ],
)
def test_a_change_is_said_and_what_to_do(folder, name, old, new, says):
    data = (folder / name).read_bytes()
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))
    damaged = [v for v in verified(folder) if not v.is_sound]
    assert says in damaged[0].damaged[0]
    assert str(folder / name) in damaged[0].damaged[0]


def test_what_was_written_without_checksums_is_said_to_be_so(folder):
    dataset = xarray.Dataset({"a": ("x", np.arange(3.0))})
    dataset.to_netcdf(folder / "theirs.nc", engine="netcdf4")
    (verdict,) = verified(folder / "theirs.nc")
    assert verdict.is_sound
    assert not verdict.checked


def test_a_netcdf_file_that_lost_its_last_line_is_damaged(folder):
    data = (folder / "r.nc").read_bytes()
    (folder / "r.nc").write_bytes(data[:-5])
    (verdict,) = verified(folder / "r.nc")
    assert not verdict.is_sound


def test_nothing_of_ours_is_refused(folder):
    for name, says in (("notes.txt", "is no output"), ("absent", "there is nothing at")):
        with pytest.raises(AnalysisError, match=says):
            verified(folder / name)
