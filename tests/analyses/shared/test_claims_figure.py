"""analyses/shared/claims_figure.py: what is drawn of a claim is what its numbers say."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

CLAIMS = [
    ("shown", "difference > 0", 0.02, [0.01, 0.03], "supported"),
    ("little", "difference < 0.02", 0.018, [0.013, 0.023], "undecided"),
    ("alike", "-0.02 < difference < 0.02", -0.03, [-0.04, -0.021], "against"),
]


@pytest.fixture
def drawn(script):
    axes = Figure().subplots()
    keys = ("claim", "true_if", "difference", "interval", "verdict")
    claims = [dict(zip(keys, one, strict=True)) for one in CLAIMS]
    claims[1]["note"] = "not comparable: maps of other sizes"
    script("shared.claims_figure").draw_claims(axes, claims, unit="points")
    return axes


def test_differences_and_intervals_are_in_points_and_within_the_axis(drawn):
    low, high = drawn.get_xlim()
    marks = [line for line in drawn.lines if len(line.get_xdata()) == 1]
    bars = [line for line in drawn.lines if list(line.get_ydata()) in ([0, 0], [1, 1], [2, 2])]
    for k, (_, _, difference, interval, verdict) in enumerate(CLAIMS):
        assert marks[k].get_xdata()[0] == pytest.approx(100 * difference)
        filled = to_rgba(marks[k].get_markerfacecolor()) == to_rgba("black")
        assert filled == (verdict != "undecided")
        assert bars[k].get_xdata() == pytest.approx([100 * v for v in interval])
        assert low < 100 * interval[0]
        assert 100 * interval[1] < high
    said = ["supported", "undecided\n(nets unlike)", "against"]
    assert [text.get_text() for text in drawn.texts] == said


def test_the_grey_lies_where_the_claim_is_true(drawn):
    low, high = drawn.get_xlim()
    ends = [patch.get_datalim(drawn.transData) for patch in drawn.collections]
    for box, expected in zip(ends, [(0, high), (low, 2), (-2, 2)], strict=True):
        assert (box.x0, box.x1) == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("error")
def test_nets_that_do_not_differ_are_drawn(script):
    axes = Figure().subplots()
    nan = float("nan")
    claims = [
        {"claim": "a", "true_if": "difference > 0", "verdict": "undecided", **numbers}
        for numbers in (
            {"difference": 0.0, "interval": [0.0, 0.0]},
            {"difference": nan, "interval": [nan, nan]},
        )
    ]
    script("shared.claims_figure").draw_claims(axes, claims, unit="points")
    low, high = axes.get_xlim()
    assert low < 0 < high
