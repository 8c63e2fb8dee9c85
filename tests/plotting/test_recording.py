"""The overview of a recording: at both widths, with one, three and six states."""

import numpy as np
import pytest

import cortexsim
from cortexsim.models import State, adjacent
from cortexsim.plotting import overview
from cortexsim.stimuli.images import Stimuli

ID = "photographs-of-flowers-and-of-animals-by-daylight/flower-000-00"
NAMES = ("V1", "V2", "V4", "PIT", "CIT", "AIT")


def recording(states):
    """Of three images, whose ids are long, with so many states."""
    sides = dict(zip(NAMES, (32, 16, 8, 8, 4, 4)))
    graph = adjacent([State(name, sides[name], 8) for name in NAMES[:states]])
    net = cortexsim.Network(cortexsim.Spec(graph, readout=(states + 3,), pre_net="conv3"))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    return cortexsim.record_network(net, Stimuli("mine", (ID, "b", "c"), ("",) * 3, pixels))


@pytest.mark.filterwarnings("ignore::cortexsim.errors.DeadTransitionWarning")
@pytest.mark.parametrize("states", [1, 3, pytest.param(6, marks=pytest.mark.slow)])
def test_legends_stand_outside_the_panels_and_the_id_is_whole(states):
    tree = recording(states)
    for width in (89, 183):
        figure = overview(tree, np.zeros((3, 32, 32)), width_mm=width)
        assert figure.get_figwidth() * 25.4 == pytest.approx(width)
        assert figure.get_figheight() * 25.4 <= 247
        panels = [axes for axes in figure.axes if axes.get_ylabel().endswith(("(bits)", "$"))]
        assert len(panels) == 2
        assert not any(axes.get_legend() for axes in panels)
        (legend,) = figure.legends
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.get_tightbbox()) for axes in panels)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        told = {text.get_text() for text in legend.get_texts()}
        assert {*NAMES[:states], "readout"} <= told
        head = "".join(part._suptitle.get_text() for part in figure.subfigs if part._suptitle)
        assert ID in head.replace("\n", "")
