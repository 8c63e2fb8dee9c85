"""Widths, letters and lines of a page."""

import pytest
from matplotlib.figure import Figure

from cortexsim.plotting.page import printed, readable, sheet, wrapped
from cortexsim.plotting.parts import legend_below, strip


def test_letters_are_brought_to_what_can_be_read_those_of_later_ticks_too():
    figure = sheet(89, 60)
    axes = figure.subplots()
    axes.set_title("large", fontsize=20)
    axes.text(0.5, 0.5, "small", fontsize=2)
    axes.tick_params(labelsize=3)
    readable(figure)
    axes.set_xlim(0, 1e4)  # other ticks than before
    figure.draw_without_rendering()
    assert axes.title.get_fontsize() == 8
    assert axes.texts[0].get_fontsize() == 6
    assert {t.get_fontsize() for t in axes.get_xticklabels()} == {6}


def test_wrapped_lines_fit_their_width():
    text = "similarity of relabelled conditions, the maximum statistic of all steps and networks"
    figure = sheet(183, 60)
    label = figure.text(0, 0.5, wrapped(text, 60, 7), fontsize=7)
    assert label.get_window_extent().width / figure.dpi * 25.4 < 60
    assert label.get_text().split() == text.split()


def panel_height(rows, labels, width_mm):
    @printed
    def draw(*, width_mm):
        figure = sheet(width_mm, 60)
        axes = figure.subplots()
        for k in range(labels):
            axes.plot([0, 1], [0, 1], label=f"a line of the number {k}")
        if rows:
            strip(axes, rows)
        legend_below(figure, [axes], ncols=3)
        return figure

    figure = draw(width_mm=width_mm)
    return figure.axes[0].get_window_extent().height / figure.dpi * 25.4


def test_marks_and_legends_make_the_figure_higher_and_not_the_panel_lower():
    plain = panel_height(0, 1, 89)
    assert panel_height(8, 1, 89) == pytest.approx(plain, abs=2.5)
    assert panel_height(0, 12, 89) == pytest.approx(plain, abs=4)


def test_a_legend_has_as_many_columns_as_fit():
    for width, columns in ((8.0, 3), (2.6, 1)):
        figure = Figure(figsize=(width, 3), layout="constrained")
        axes = figure.subplots()
        for k in range(3):
            axes.plot([0, 1], [0, k], label=f"a label of some length, number {k}")
        legend_below(figure, [axes], ncols=3)
        (legend,) = figure.legends
        assert legend.get_window_extent().width <= figure.bbox.width
        assert legend._ncols >= columns
