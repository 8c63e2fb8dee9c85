"""One stimulus by step: the numbers on the axes are those of the recording."""

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import AnalysisError
from cortexsim.plotting import stimulus
from cortexsim.show import main


@pytest.fixture(scope="module", params=["full", "mean"])
def store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    net = cortexsim.load("cortex4")
    cortexsim.record_network(net, images, keep=request.param, out=folder / "r.zarr")
    return folder / "r.zarr"


def lines(figure) -> dict[str, np.ndarray]:
    """Label -> (x, y) of every line of the figure."""
    return {
        line.get_label(): np.array(line.get_data())
        for axes in figure.axes
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_the_probabilities_are_those_of_the_readout(store):
    tree = cortexsim.open_recording(store)
    name = str(tree["IT"].stimulus_id.values[2])
    drawn = lines(stimulus(tree, name))
    readout = tree["readout"].dataset
    seen = readout.populated.values
    p = np.exp(readout.logits.values[2, seen].astype(float))
    p /= p.sum(1, keepdims=True)
    classes = [str(c) for c in readout["class"].values]
    shown = [c for c in classes if c in drawn]
    assert len(shown) == 5
    for c in shown:
        np.testing.assert_array_equal(drawn[c][0], readout.step.values[seen])
        np.testing.assert_allclose(drawn[c][1], p[:, classes.index(c)], rtol=1e-6)
    assert classes[int(p.max(0).argmax())] in shown


def test_the_maps_of_every_state_or_the_channels_of_one_are_drawn(store):
    tree = cortexsim.open_recording(store)
    name = str(tree["IT"].stimulus_id.values[1])
    full = tree["IT"].activation.ndim == 5
    for state, rows in ((None, 4), ("IT", 8)):
        figure = stimulus(tree, name, state=state)
        images = [image for axes in figure.axes for image in axes.images]
        assert len(figure.axes) == (rows * tree["IT"].sizes["step"] + 1 if full else 2)
        if full and state:
            maps = np.abs(tree["IT"].activation.values[1])
            last = images[len(images) // rows - 1].get_array()
            assert any(np.allclose(last, m) for m in maps[-1])


@pytest.mark.sampled(1)
def test_the_command_writes_a_picture_once(store, tmp_path, capsys):
    out = tmp_path / "a.svg"
    assert main([str(store), "--state", "V4", "--out", str(out)]) == 0
    assert f"drew {out}" in capsys.readouterr().out
    assert out.read_bytes().startswith(b"<?xml")
    with pytest.raises(AnalysisError, match="exists"):
        main([str(store), "--out", str(out)])


def test_what_is_not_there_is_refused(store, tmp_path):
    tree = cortexsim.open_recording(store)
    with pytest.raises(AnalysisError, match="no stimulus is called 'cat'"):
        stimulus(tree, "cat")
    with pytest.raises(AnalysisError, match="no state is called V9; choose from V1"):
        stimulus(tree, str(tree["IT"].stimulus_id.values[0]), state="V9")
    with pytest.raises(AnalysisError, match="a picture ends in"):
        main([str(store), "--out", str(tmp_path / "a.txt")])
