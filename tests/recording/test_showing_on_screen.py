"""What is on the screen when stands in the plan, in the report and in the recording."""

import json

import numpy as np
import pytest
import torch
from others import AREAS, iterated

import cortexsim
from cortexsim.errors import CortexsimError
from cortexsim.models import build, wrap
from cortexsim.record import RecordConfig, record
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.forms import backward_mask, flash, read_presentation, rsvp
from cortexsim.stimuli.screen import in_words, on_screen
from cortexsim.timeaxis import TimeAxis

SMALL = {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}


def stored(tree):
    return json.loads(tree.attrs["configuration"])["presentation"]["on_screen"]


def of(net, **settings):
    return cortexsim.record_network(net, "sample", keep="mean", settings=Settings(**settings))


def seen(net, steps):
    """The steps at which an image arrives, found by a run with it and one without."""
    with torch.no_grad():
        return sorted(net.plan(steps, frozenset(net_frames(net, steps)), None).inputs)


def net_frames(net, steps):
    return range(1, steps + 1) if net.spec.graph.inhomogeneous else (1,)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("inhomogeneous", [False, True])
def test_the_default_is_stated_as_the_network_takes_it(inhomogeneous):
    net = build("rnn2", readout=4, inhomogeneous=inhomogeneous, seed=0)
    shown = stored(of(net, steps=4))
    at = {
        t for r in shown if r["shows"] == "image" for t in range(r["steps"][0], r["steps"][1] + 1)
    }
    calibrated = cortexsim.calibrate(net, torch.randn(20, 3, 32, 32), steps=4)
    assert sorted(at) == seen(calibrated, 4)
    assert in_words(shown) == (
        "image at steps 1-4 (0-100 ms)"
        if inhomogeneous
        else "image at step 1 (0-25 ms), blank at steps 2-4 (25-100 ms)"
    )


@pytest.mark.parametrize(
    "presentation",
    [
        flash(50),
        backward_mask(50, soa_ms=75, mask_ms=100, kind="phase"),
        rsvp(3, soa_ms=50, target=1),
    ],
)
def test_what_is_stored_is_what_each_step_was_shown(presentation):
    tree = of(cortexsim.load("cortex4"), presentation=presentation, steps=8)
    frames = tree["V1"].frame.values.tolist()
    again = [r["shows"] for r in stored(tree) for _ in range(r["steps"][0], r["steps"][1] + 1)]
    assert again == frames
    for shown in stored(tree):
        first, last = shown["steps"]
        assert shown["ms"] == [(first - 1) * 25, last * 25]


def test_a_net_of_somebody_else_has_steps_and_no_ms_until_they_are_declared():
    net = wrap(iterated(), {s: f"{s}.output" for s in AREAS}, as_="staircase", preprocessing=SMALL)
    assert stored(of(net)) == [{"shows": "image", "steps": [1, 9], "ms": None}]
    declared = of(net, time_axis=TimeAxis(10, 10, 10))
    assert stored(declared) == [{"shows": "image", "steps": [1, 9], "ms": [0, 90]}]
    undeclared = TimeAxis.from_dict(TimeAxis.of_steps().as_dict())
    assert not undeclared.is_declared
    assert TimeAxis().is_declared


def test_plan_and_report_say_it(tmp_path, capsys):
    options = {"limit": 4, "figure": False, "keep": "mean", "out": str(tmp_path / "r.zarr")}
    record(RecordConfig(plan=True, **options))
    assert "on the screen: image at step 1 (0-25 ms), blank at steps 2-8 (25-200 ms)" in (
        capsys.readouterr().out
    )
    record(RecordConfig(on_ms=50, **options))
    out = capsys.readouterr().out
    assert "on the screen: image at steps 1-2 (0-50 ms), blank at steps 3-8 (50-200 ms)" in out
    assert "the network saw 32 x 32 pixels of each image" in out
    record(RecordConfig(plan=True, rdm="correlation", **options))
    assert "on the screen: image at step 1" in capsys.readouterr().out


def test_rounding_is_seen_in_what_is_on_the_screen():
    tree = of(cortexsim.load("cortex4"), presentation=flash(60), round_to_steps=True)
    assert in_words(stored(tree)).startswith("image at steps 1-2 (0-50 ms)")


REFUSED = {
    "flash:1e-9": "the duration of the image, 1e-09 ms, is less than a step of 25 ms",
    "flash:12": "less than a step of 25 ms, which is the shortest that can be shown",
    "rsvp:1000000000,1e-9": "a presentation of 1,000,000,000 events; it has at most 10,000",
    "flash:1e300": "a run has at most 100,000",
    "backward:25,1e300,25,pink": "a run has at most 100,000",
}


@pytest.mark.parametrize("text", REFUSED)
def test_times_beyond_all_steps_are_refused_with_the_reason(text, tmp_path):
    with pytest.raises(CortexsimError, match=REFUSED[text]):
        read_presentation(text).frames(TimeAxis(), 8)
    out = tmp_path / "r.zarr"
    with pytest.raises(CortexsimError, match=REFUSED[text]):
        record(RecordConfig(presentation=text, limit=4, figure=False, out=str(out)))
    assert not out.exists()


def test_a_rounded_flash_is_one_step_at_least():
    frames = flash(1e-9).frames(TimeAxis(), 4, round_to_steps=True)
    assert frames == ["image", "blank", "blank", "blank"]
    assert in_words(on_screen(frames, TimeAxis())) == (
        "image at step 1 (0-25 ms), blank at steps 2-4 (25-100 ms)"
    )


def test_more_steps_than_a_run_has_are_refused_before_anything_is_allocated():
    with pytest.raises(CortexsimError, match=r"steps 10{12}; .* at most 100,000"):
        flash(25).frames(TimeAxis(), 10**12)
    assert np.all(np.array(flash(25).frames(TimeAxis(), 1000))[1:] == "blank")
