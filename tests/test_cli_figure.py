"""``--figure``, ``--figure PATH`` and ``--no-figure`` are one option."""

from dataclasses import dataclass

import pytest

from cortexsim.cli import figure_option, option, parse, parser_for
from cortexsim.console import figure_place
from cortexsim.errors import AnalysisError


@dataclass(frozen=True)
class Drawing:
    where: str = option(text="a place")
    figure: bool | str = figure_option("draw it")


@pytest.mark.parametrize(
    ("line", "figure"),
    [
        ("here", True),
        ("here --figure", True),
        ("here --no-figure", False),
        ("here --figure a.pdf", "a.pdf"),
        ("--figure=b.SVG here", "b.SVG"),
        ("here --no-figure --figure c.png", "c.png"),
        ("here --figure c.png --no-figure", False),
    ],
)
def test_a_figure_is_where_it_is_asked_for(line, figure):
    assert parse(Drawing, line.split(), "toy", "") == Drawing("here", figure)


def test_what_is_no_picture_is_refused_before_anything_runs(capsys):
    # A word behind --figure is its value: the place is missing, and the message says which word.
    with pytest.raises(SystemExit, match="2"):
        parse(Drawing, ["--figure", "here.zarr"], "toy", "")
    assert "'here.zarr' is no picture: it ends in .png, .pdf, .svg" in capsys.readouterr().err


def test_the_help_shows_both_ways():
    shown = " ".join(parser_for(Drawing, "toy", "").format_help().split())
    assert "--figure [PATH]" in shown
    assert "--no-figure" in shown
    assert "draw it, beside the output or where PATH says" in shown


def test_places_of_figures(tmp_path):
    beside = tmp_path / "a.png"
    assert figure_place(True, beside) == beside
    assert figure_place(False, beside) is None
    assert figure_place(str(tmp_path / "b.svg"), beside) == tmp_path / "b.svg"
    with pytest.raises(AnalysisError, match=r"a picture ends in \.png, \.pdf, \.svg"):
        figure_place("figure", beside)
    (tmp_path / "c.pdf").mkdir()
    with pytest.raises(AnalysisError, match="is a folder"):
        figure_place(str(tmp_path / "c.pdf"), beside)
