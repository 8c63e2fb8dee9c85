"""A figure that this package drew is no stimulus the next time, wherever it lies."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, PngImagePlugin

from cortexsim import open_recording
from cortexsim.errors import StimulusError
from cortexsim.plotting.files import save
from cortexsim.record import RecordConfig, record
from cortexsim.stimuli.images import check, load_stimuli


def figure():
    drawn = Figure(figsize=(2, 2))
    drawn.subplots().plot([0, 1])
    return drawn


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cats").mkdir()
    for name in ("cats/a.png", "cats/b.jpg"):
        Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(tmp_path / name)
    return tmp_path


def test_our_figures_are_left_out_with_a_note(folder):
    before = load_stimuli(str(folder))
    assert before.notes == ()
    save(figure(), folder / "recording.png")
    save(figure(), folder / "cats" / "again.PNG")
    after = load_stimuli(str(folder))
    assert (after.ids, after.labels) == (before.ids, before.labels)
    assert after.notes == (
        "left out, being figures that cortexsim drew: cats/again.PNG, recording.png",
    )
    assert check(after)[1] == check(before)[1]
    assert load_stimuli(str(folder), limit=1).notes == after.notes
    assert check(after)[0].notes == after.notes


def test_the_file_says_who_drew_it(tmp_path):
    save(figure(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Software"].startswith("cortexsim ")
    for suffix in (".pdf", ".svg"):
        save(figure(), tmp_path / f"a{suffix}")


def test_figures_and_images_of_others_are_stimuli(folder):
    figure().savefig(folder / "theirs.png")
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "shown with cortexsim")
    Image.new("RGB", (8, 8)).save(folder / "commented.png", pnginfo=text)
    assert set(load_stimuli(str(folder)).ids) == {
        "cats/a.png",
        "cats/b.jpg",
        "theirs.png",
        "commented.png",
    }


def test_a_folder_of_our_figures_alone_holds_no_images(tmp_path):
    save(figure(), tmp_path / "a.png")
    with pytest.raises(
        StimulusError, match=r"holds no images .*figures that cortexsim drew: a.png"
    ):
        load_stimuli(str(tmp_path))


@pytest.mark.slow
def test_a_recording_beside_its_images_can_be_made_again(folder, capsys):
    """The overview of the first run lies in the folder when the second reads it."""
    config = {"stimuli": str(folder), "steps": 4, "keep": "mean"}
    record(RecordConfig(**config, out=str(folder / "first.zarr")))
    assert (folder / "first.png").is_file()
    record(RecordConfig(**config, out=str(folder / "second.zarr")))
    assert "left out, being figures that cortexsim drew: first.png" in capsys.readouterr().err
    first, second = (open_recording(folder / f"{n}.zarr") for n in ("first", "second"))
    assert second["IT"].stimulus_id.values.tolist() == ["cats/a.png", "cats/b.jpg"]
    np.testing.assert_array_equal(first["IT"].activation, second["IT"].activation)
