"""What every drawing goes through."""

import json

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cortexsim.checksums import json_digest, with_digest
from cortexsim.errors import AnalysisError


@pytest.fixture
def common(script):
    return script("shared.common")


def colours(path):
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("greys", [8, 32, 120, 250])
def test_surfaces_keep_their_colour_and_bands_are_told_apart(common, tmp_path, greys):
    figure = Figure(figsize=(8, 4), dpi=100)
    left, right = figure.subplots(1, 2)
    left.imshow(np.linspace(0, 1, greys).reshape(2, -1), cmap="Greys", aspect="auto")
    for k in range(6):
        colour = mpl.colormaps["tab10"](k)
        right.plot(np.arange(9) * (k + 1), marker="o", color=colour)
        right.fill_between(range(9), 8 * k, 8 * k + 5, alpha=0.15, color=colour)
    path = tmp_path / "a.png"
    figure.savefig(path)
    before = colours(path)
    common.fewer_colours(path)
    after = colours(path)
    flat = [c for c, n in zip(*np.unique(before.reshape(-1, 3), axis=0, return_counts=True),
                              strict=True) if n >= common.SURFACE]  # fmt: skip
    assert len(flat) >= min(greys, 100)
    for colour in flat:
        assert np.abs(after[(before == colour).all(2)] - colour).max() <= common.UNSEEN


def test_a_plain_drawing_becomes_smaller(common, tmp_path):
    figure = Figure()
    figure.subplots().plot(range(9))
    path = tmp_path / "a.png"
    figure.savefig(path)
    before = path.stat().st_size
    common.fewer_colours(path)
    assert path.stat().st_size < before


def test_where_a_cut_would_change_a_surface_all_surfaces_stay_as_they_are(
    common, tmp_path, monkeypatch
):
    figure = Figure(figsize=(8, 4), dpi=100)
    figure.subplots().imshow(np.arange(900).reshape(30, 30) % 150, cmap="viridis")
    figure.suptitle("letters have edges of many greys")
    path = tmp_path / "a.png"
    figure.savefig(path)
    before, size = colours(path), path.stat().st_size
    monkeypatch.setattr(common, "UNSEEN", 0)
    common.fewer_colours(path)
    with Image.open(path) as opened:
        assert opened.mode == "P"
    changed = (colours(path) != before).any(2)
    assert path.stat().st_size < size
    assert 0 < changed.mean() < 0.02
    of_squares = np.unique(before[40:-40].reshape(-1, 3), axis=0, return_counts=True)
    for colour in of_squares[0][of_squares[1] >= 2 * common.SURFACE]:
        assert not changed[(before == colour).all(2)].any()


def test_a_drawing_of_too_many_surfaces_keeps_every_colour(common, tmp_path):
    side = int(np.ceil(np.sqrt(common.SURFACE)))
    grid = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).repeat(side, 0).repeat(side, 1)
    opaque = np.dstack([grid, np.full(grid.shape[:2], 255)]).astype(np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(opaque).save(path)
    before = path.stat().st_size
    common.fewer_colours(path)
    assert (colours(path) == grid).all()
    assert path.stat().st_size < before


def test_retold_results_have_a_digest_of_their_own_and_keep_who_measured(common, tmp_path, capsys):
    path = tmp_path / "a.json"
    made = {"results": {"p": 0.1}, "provenance": {"git_commit": "abc"}, "seconds": 3.0}
    path.write_text(json.dumps(with_digest(made, "sha256")))
    common.retell(path, lambda results: {**results, "sentences": ["undecided"]})
    told = json.loads(path.read_text())
    assert told["sha256"] == json_digest(told, "sha256")
    assert told["results"] == {"p": 0.1, "sentences": ["undecided"]}
    assert capsys.readouterr().out == "undecided\n"
    assert {k: told[k] for k in ("provenance", "seconds")} == {
        k: made[k] for k in ("provenance", "seconds")
    }
    before = json.dumps(told | {"results": {"p": 0.01}})
    path.write_text(before)
    with pytest.raises(AnalysisError, match="is not as it was written"):
        common.retell(path, lambda results: results)
    assert path.read_text() == before


def test_intervals_over_other_things_stand_once_in_a_legend(common):
    figure = Figure(figsize=(8, 4))
    panels = figure.subplots(1, 2)
    for axes, over in zip(panels, ("subject, condition", "condition"), strict=True):
        axes.plot([1, 2], label=f"95 % interval, 1,000 resamples of {over}")
        axes.plot([2, 1], label="evaluation")
        axes.legend()
    common.one_legend(figure, panels)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["95 % interval, 1,000 resamples (of what: see titles)", "evaluation"]
