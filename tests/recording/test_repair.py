"""A damaged recording that is continued ends as if nothing had happened."""

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import DamageRepairedWarning, RecordingError
from cortexsim.recording.repair import damaged_files
from cortexsim.recording.schema import recording_root
from cortexsim.recording.settings import Settings
from cortexsim.recording.writer import Writer


def recorded(path, compression, **how):
    """Ten images, in batches of four."""
    images = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    settings = Settings(batch_size=4, compression=compression)
    return cortexsim.record_network(
        cortexsim.load("cortex4"), images, keep="mean", out=path, settings=settings, **how
    )


def contents(path):
    """Every file and its bytes."""
    return {f.relative_to(path): f.read_bytes() for f in path.rglob("*") if f.is_file()}


DAMAGES = {
    "a changed chunk": ("V2/activation/c.0.5.0", b"other numbers"),
    "a part of the last batch": ("IT/activation/c.2.7.0", b"shorter"),
    "a chunk that is gone": ("readout/logits/c.1.7.0", None),
    "ids": ("V4/stimulus_id/c/0", b""),
    "metadata of an array": ("V1/label/zarr.json", b"{"),
    "metadata of a group": ("V1/zarr.json", None),
    "metadata of the activations": ("IT/activation/zarr.json", None),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_continuing_writes_anew_what_is_damaged_and_ends_bit_identical(
    tmp_path, monkeypatch, compression, damage
):
    path = tmp_path / "a.zarr"
    recorded(path, compression)
    before = contents(path)
    name, data = DAMAGES[damage]
    (path / name).unlink() if data is None else (path / name).write_bytes(data)
    assert damaged_files(recording_root(path)) == [name]
    written, write = [], Writer._write
    monkeypatch.setattr(
        Writer,
        "_write",
        lambda self, start, batch: (written.append(start), write(self, start, batch)),
    )
    with pytest.warns(DamageRepairedWarning, match=f"{name} is damaged"):
        recorded(path, compression, resume=True)
    assert contents(path) == before
    # Nothing else is recorded again than the batch of the chunk.
    assert written == ([4 * int(name.split("c.")[1][0])] if "/c." in name else [])


def test_nothing_is_recorded_again_of_a_sound_recording(tmp_path, monkeypatch):
    recorded(tmp_path / "a.zarr", "none")
    monkeypatch.setattr(Writer, "_write", lambda *a: pytest.fail("it was written to"))
    recorded(tmp_path / "a.zarr", "none", resume=True)


def test_what_cannot_be_made_anew_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    recorded(path, "none")
    (path / "V1" / "label" / "zarr.json").write_text("{")

    def otherwise(folder, plan):
        """As another version of zarr would write it."""
        (folder / "V1" / "label").mkdir(parents=True)
        (folder / "V1" / "label" / "zarr.json").write_text('{"zarr_format": 4}')

    monkeypatch.setattr("cortexsim.recording.repair.lay_out", otherwise)
    with (
        pytest.warns(DamageRepairedWarning),
        pytest.raises(RecordingError, match=r"label/zarr\.json is damaged and cannot be made anew"),
    ):
        recorded(path, "none", resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
