"""Images of every kind arrive as people expect.

Tables keep their order; unreadable files are all named.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cortexsim.errors import StimulusError
from cortexsim.stimuli.images import Stimuli, check, load_stimuli, sample


@pytest.fixture
def gradient() -> np.ndarray:
    """A colour image in which no two rows, columns or channels agree."""
    y, x = np.mgrid[:24, :36]
    return np.stack([y * 10, x * 7, (x + y) * 4], axis=2).astype(np.uint8)


def _folder(root: Path, gradient: np.ndarray) -> Path:
    for name in ("b/2.png", "a/1.png", "a/10.png", "loose.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(gradient).save(root / name)
    return root


def test_folder_ids_are_paths_and_labels_folders(gradient, tmp_path):
    stimuli = load_stimuli(str(_folder(tmp_path, gradient)))
    assert stimuli.ids == ("a/1.png", "a/10.png", "b/2.png", "loose.png")
    assert stimuli.labels == ("a", "a", "b", "")


def test_table_order_ids_and_labels_are_kept(gradient, tmp_path):
    _folder(tmp_path, gradient)
    (tmp_path / "t.csv").write_text(
        "path,label,id\nb/2.png,face,z\na/1.png,house,y\nloose.png,,x\n"
    )
    stimuli = load_stimuli(str(tmp_path / "t.csv"))
    assert (stimuli.ids, stimuli.labels) == (("z", "y", "x"), ("face", "house", ""))
    assert load_stimuli(str(tmp_path / "t.csv"), limit=2).ids == ("z", "y")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("file,label\na.png,x\n", ("path", "file, label")),
        ('path\n""\n', ("empty", "line 2")),
        ("path,id\na,1\nb,1\n", ("unique", "1")),
        ("path;label\na;b\n", ("path;label", "commas")),
        ("path,label\na.png,x,y\n", ("line 2", "double quotes")),
        ("path,label,label\na,b,c\n", ("label, label",)),
    ],
)
def test_bad_tables_say_what_is_wrong(tmp_path, text, facts):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(StimulusError) as error:
        load_stimuli(str(tmp_path / "t.csv"))
    assert all(f in str(error.value) for f in facts)


def test_tables_as_spreadsheets_write_them(gradient, tmp_path):
    _folder(tmp_path, gradient)
    (tmp_path / "t.csv").write_bytes(
        '\ufeffPath, Label ,ID\nb/2.png, "face, left",ä\n\na/1.png,,y\n'.encode()
    )
    stimuli = load_stimuli(str(tmp_path / "t.csv"))
    assert (stimuli.ids, stimuli.labels) == (("ä", "y"), ("face, left", ""))
    for encoding in ("utf-16", "latin-1"):
        (tmp_path / "u.csv").write_bytes("path,label\na.png,caf\u00e9\n".encode(encoding))
        with pytest.raises(StimulusError, match="UTF-8"):
            load_stimuli(str(tmp_path / "u.csv"))


def test_hidden_files_are_no_stimuli_and_links_are_followed(gradient, tmp_path):
    root = _folder(tmp_path / "images", gradient)
    elsewhere = _folder(tmp_path / "elsewhere", gradient)
    (root / "a" / "._1.png").write_bytes(b"left by another system")
    (root / ".ipynb_checkpoints").mkdir()
    Image.fromarray(gradient).save(root / ".ipynb_checkpoints" / "1.png")
    (root / "linked").symlink_to(elsewhere / "b")
    (root / "a" / "loop").symlink_to(root)
    (root / "broken.png").symlink_to(tmp_path / "nowhere.png")
    stimuli = load_stimuli(str(root))
    assert {"a/1.png", "linked/2.png", "broken.png"} <= set(stimuli.ids)
    assert not any("/." in "/" + i for i in stimuli.ids)
    with pytest.raises(StimulusError, match=r"broken\.png"):
        check(stimuli)


def test_every_unreadable_image_is_listed_and_may_be_dropped(gradient, tmp_path):
    _folder(tmp_path, gradient)
    (tmp_path / "a" / "broken.png").write_bytes(b"not an image")
    whole = (tmp_path / "b" / "2.png").read_bytes()
    (tmp_path / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "t.csv").write_text("path\na/broken.png\na/1.png\nb/cut.png\nb/absent.png\n")
    for source, bad in ((tmp_path, 2), (tmp_path / "t.csv", 3)):
        stimuli = load_stimuli(str(source))
        with pytest.raises(StimulusError) as error:
            check(stimuli)
        assert f"{bad} of {len(stimuli)} images" in str(error.value)
        assert all(
            name in str(error.value) for name in ("a/broken.png", "b/cut.png", "--skip-unreadable")
        )
    kept, _ = check(load_stimuli(str(tmp_path / "t.csv")), skip_unreadable=True)
    assert kept.ids == ("a/1.png",)
    assert kept.skipped == ("a/broken.png", "b/cut.png", "b/absent.png")


def test_checksum_knows_pixels_labels_and_order(gradient, tmp_path):
    _folder(tmp_path, gradient)
    stimuli = load_stimuli(str(tmp_path))
    _, first = check(stimuli)
    assert check(stimuli)[1] == first
    assert check(stimuli.select([1, 0, 2, 3]))[1] != first
    Image.fromarray(255 - gradient).save(tmp_path / "loose.png")
    assert check(stimuli)[1] != first


def test_sample_is_48_different_photographs_without_a_download():
    stimuli = sample()
    assert len(stimuli) == len(set(stimuli.ids)) == 48
    assert set(stimuli.labels) == {"china", "flower"}
    assert len({stimuli.read(i).tobytes() for i in range(48)}) == 48


def test_npz_of_real_cifar10(cifar10, tmp_path):
    x, y, _ = cifar10
    np.savez(tmp_path / "some.npz", x=x[:20], y=y[:20])
    stimuli = load_stimuli(str(tmp_path / "some.npz"))
    np.testing.assert_array_equal(stimuli.read(7), x[7])
    assert stimuli.labels[7] == str(y[7])


@pytest.mark.parametrize("source", ["nowhere", "absent.csv", "absent.npz"])
def test_absent_sources_say_what_would_do(source):
    with pytest.raises(StimulusError, match=f"no stimuli at '{source}'.*sample, cifar10"):
        load_stimuli(source)


def test_a_source_without_a_length_is_refused():
    with pytest.raises(StimulusError, match="source is of type generator; give a list of paths"):
        Stimuli("mine", ("a",), ("",), (x for x in "a"))
