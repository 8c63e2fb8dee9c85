"""The page as a file: how large it is, and that nothing of it is loaded or run from elsewhere."""

import json
import re
import shutil

import pytest

import cortexsim
from cortexsim.analysis import rdm_movie
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.explorer.gather import Contents, gather
from cortexsim.experiments.explorer.page import colours, file_page, refuse_large, served_page
from cortexsim.experiments.explorer.settings import Settings


@pytest.mark.slow
def test_48_images_of_cortex4_take_at_most_8_megabytes_also_twice(tmp_path):
    paths = []
    for name, net in (
        ("a", cortexsim.load("cortex4")),
        ("b", cortexsim.load("cortex4").lesioned("V2->V1")),
    ):
        paths.append(str(tmp_path / f"{name}.zarr"))
        cortexsim.record_network(net, "sample", out=paths[-1])
    page = file_page(gather(paths[:1], Settings()), megabytes=8)
    assert 4e6 < len(page) <= 8e6
    # Two do not fit; the message says how large they would be and how many images do fit.
    contents = gather(paths, Settings())
    with pytest.raises(AnalysisError, match=r"48 images of 2 recordings would have some") as error:
        file_page(contents, megabytes=8)
    text = str(error.value)
    (fit,) = re.findall(r"give `limit=(\d+)` \(or fewer\)", text)
    assert "8,000,000 are asked" in text
    assert "`maps=rms`" in text
    assert "`serve`" in text
    bytes_said = int(re.findall(r"some ([\d,]+) bytes", text)[0].replace(",", ""))
    whole = file_page(contents, megabytes=100)
    assert bytes_said == pytest.approx(len(whole), rel=0.1)
    assert len(file_page(gather(paths, Settings(limit=int(fit))), megabytes=8)) <= 8e6
    assert len(file_page(gather(paths, Settings(maps="rms")), megabytes=8)) < 4e6


@pytest.mark.slow
def test_the_same_recording_gives_the_same_page(whole):
    first, second = (file_page(gather([whole], Settings()), megabytes=8) for _ in range(2))
    assert first == second


def test_nothing_is_loaded_from_anywhere_and_names_are_not_run(unknown, whole):
    page = file_page(gather([unknown], Settings()), megabytes=8).decode()
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", page)
    assert not re.findall(r"https?://", page)
    assert not re.findall(r"^\s*(?:import|export)\b|\bimport\(", page, re.MULTILINE)
    assert "connect-src 'none'" in " ".join(page.split())
    assert "alert(" in page
    assert "<script>alert(" not in page
    assert "connect-src 'self'" in " ".join(
        served_page(gather([whole], Settings())).decode().split()
    )


def test_a_state_without_variance_is_told_and_the_rest_is_shown(whole):
    page = file_page(gather([whole], Settings(limit=3)), megabytes=8).decode()
    index = json.loads(re.findall(r'<script id="index" [^>]*>(.*?)</script>', page)[0])
    assert set(index["failures"]) == {
        f"{k}/0/{s}" for k in ("rdm", "mds") for s in ("V1", "V2", "V4", "IT")
    }
    assert "needs at least 4" in index["failures"]["rdm/0/V1"]


def test_the_colours_are_ordered_by_luminance():
    linear = (colours() / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (luminance[8:] > luminance[:-8]).all()


@pytest.mark.parametrize("state", ["V1", "readout"])
def test_of_a_damaged_recording_there_is_no_page(whole, tmp_path, state):
    path = tmp_path / "damaged.zarr"
    shutil.copytree(whole, path)
    chunk = next(p for p in sorted((path / state).rglob("c.0.7*")) if p.is_file())
    data = bytearray(chunk.read_bytes())
    data[10] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(CortexsimError, match="damaged"):
        file_page(gather([str(path)], Settings()), megabytes=8)


def test_of_a_damaged_movie_there_is_no_page(whole, tmp_path):
    path = tmp_path / "movie.zarr"
    rdm_movie(whole, out=path, progress=False)
    chunk = path / "rdm" / "c" / "3" / "7" / "0"
    data = bytearray(chunk.read_bytes())
    data[10] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(CortexsimError, match="damaged"):
        file_page(gather([whole], Settings(), movies=[str(path)]), megabytes=8)


def test_a_movie_without_arrangement_shows_its_rdms(whole, tmp_path):
    """Distances that are negative, as of crossnobis, cannot be arranged."""
    path = tmp_path / "movie.zarr"
    rdm_movie(whole, out=path, progress=False)
    contents = gather([whole], Settings(limit=5), movies=[str(path)])
    geometry = contents.blobs["rdm/0/IT"].func.__self__  # type: ignore[attr-defined]
    geometry.stored = geometry.stored.assign(rdm=geometry.stored.rdm - 0.5)
    page = file_page(contents, megabytes=8).decode()
    index = json.loads(re.findall(r'<script id="index" [^>]*>(.*?)</script>', page)[0])
    assert "negative" in index["failures"]["mds/0/IT"]
    assert "rdm/0/IT" not in index["failures"]


@pytest.mark.slow
def test_what_is_too_large_is_refused_before_rdms_and_similarity_are_made(
    whole, tmp_path, monkeypatch
):
    from cortexsim.experiments.explorer import gather as module
    from cortexsim.explore import main

    page = len(file_page(gather([whole], Settings()), megabytes=100))
    contents = gather([whole], Settings())
    made: list[str] = []
    counted = {k: (lambda k=k, b=b: made.append(k) or b()) for k, b in contents.blobs.items()}
    with pytest.raises(AnalysisError, match="`serve`") as error:
        refuse_large(Contents(contents.index, counted), megabytes=0.7 * page / 1e6)
    said = int(re.findall(r"some ([\d,]+) bytes", str(error.value))[0].replace(",", ""))
    assert said == pytest.approx(page, rel=0.05)
    assert not [key for key in made if key.startswith(("rdm/", "mds/"))]
    refuse_large(contents, megabytes=1.01 * page / 1e6)  # that one is made
    monkeypatch.setattr(module, "similarity", lambda *a, **k: pytest.fail("too late"))
    words = [whole, "--neural", "cichy92-fmri", "--megabytes", "0.2", "--out"]
    with pytest.raises(CortexsimError, match=r"give --limit|give fewer"):
        main([*words, str(tmp_path / "page.html")])
