"""Presentations: times to frames, and back-to-back runs of networks with them."""

import json

import numpy as np
import pytest
import torch

from cortexsim.errors import StimulusError
from cortexsim.models import build, calibrate
from cortexsim.stimuli.forms import backward_mask, flash, forward_mask, read_presentation, rsvp
from cortexsim.stimuli.presentation import Event, Presentation, compose
from cortexsim.timeaxis import TimeAxis

AXIS = TimeAxis()  # 25 ms a step
ALL = {
    "flash": flash(50),
    "backward": backward_mask(50, soa_ms=75, mask_ms=100, kind="pink"),
    "touching": backward_mask(50, soa_ms=50, mask_ms=100, kind="pink"),
    "forward": forward_mask(50, soa_ms=100, mask_ms=75, kind="phase"),
    "stream": rsvp(3, soa_ms=50),
    "stream with gaps": rsvp(3, soa_ms=100, on_ms=25),
}


def brute_force(p, step_ms, steps):
    """What is on at the middle of each step."""
    out = []
    for t in range(steps):
        middle = (t + 0.5) * step_ms
        on = [e for e in p.events if e.onset_ms <= middle < e.end_ms]
        out.append(
            "blank"
            if not on
            else on[0].shows
            if not on[0].position
            else f"{on[0].shows} {on[0].position}"
        )
    return out


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [4, 5, 12])
@pytest.mark.parametrize("step_ms", [25.0, 12.5, 5.0])
def test_frames_are_what_is_on_the_screen_in_the_middle_of_each_step(name, steps, step_ms):
    p, axis = ALL[name], TimeAxis(step_ms, min(step_ms, 5), 50)
    first = next(e for e in p.events if e.shows == "image")
    if first.onset_ms >= steps * step_ms:
        with pytest.raises(StimulusError, match="run more steps"):
            p.frames(axis, steps)
        return
    assert p.frames(axis, steps) == brute_force(p, step_ms, steps)


@pytest.mark.parametrize("name", ALL)
def test_json_round_trip(name):
    assert Presentation.from_json(ALL[name].to_json()) == ALL[name]


def test_positions_of_a_stream():
    assert [p.positions for p in (flash(25), rsvp(1, soa_ms=50), rsvp(4, soa_ms=50))] == [1, 1, 4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flash(0), "the duration positive"),
        (lambda: flash(float("nan")), "the duration positive"),
        (lambda: Event("image", -5, 10), "the onset is 0 or later"),
        (lambda: Event("noise", 0, 10), "image, mask, blank; found 'noise'"),
        (lambda: Event("mask", 0, 10, 1), "only images of a stream"),
        (lambda: Presentation((Event("blank", 0, 10),)), "without an image"),
        (
            lambda: backward_mask(50, soa_ms=25, mask_ms=50, kind="pink"),
            "begins before the image of 0-50 ms is over",
        ),
        (
            lambda: Presentation((Event("image", 0, 10), Event("mask", 10, 10))),
            "names the kind of mask",
        ),
        (lambda: Presentation((Event("image", 0, 10),), "pink"), "names the kind of mask"),
        (lambda: rsvp(0, soa_ms=50), "a stream of 0 images"),
        (lambda: Presentation.from_json("{"), "not JSON"),
        (lambda: Presentation.from_json('{"events": [{"what": 1}]}'), "that is no presentation"),
        (lambda: flash(30).frames(AXIS, 8), "nearest: 25 or 50 ms"),
        (
            lambda: backward_mask(25, soa_ms=60, mask_ms=25, kind="pink").frames(AXIS, 8),
            "onset of the mask, 60 ms",
        ),
        (
            lambda: forward_mask(25, soa_ms=200, mask_ms=25, kind="pink").frames(AXIS, 8),
            "run more steps",
        ),
        (
            lambda: rsvp(4, soa_ms=15).frames(AXIS, 8, round_to_steps=True),
            "two events fall on step",
        ),
        (lambda: compose(["image", "mask"], {"image": 1}), "the presentation shows mask"),
    ],
)
def test_what_cannot_be_shown_is_refused(make, message):
    with pytest.raises(StimulusError, match=message):
        make()


def test_rounding_takes_the_nearest_step_and_never_drops_an_event():
    assert flash(30).frames(AXIS, 3, round_to_steps=True) == ["image", "blank", "blank"]
    assert flash(40).frames(AXIS, 3, round_to_steps=True) == ["image", "image", "blank"]
    assert flash(3).frames(AXIS, 3, round_to_steps=True) == ["image", "blank", "blank"]


@pytest.mark.parametrize("inhomogeneous", [False, True])
def test_networks_run_presentations(inhomogeneous):
    x, m = torch.rand(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    net = calibrate(build("cortex4", inhomogeneous=inhomogeneous), x, steps=8)
    shown = compose(
        backward_mask(50, soa_ms=75, mask_ms=50, kind="pink").frames(AXIS, 8),
        {"image": x[:2], "mask": m[:2]},
    )
    alone = compose(flash(50).frames(AXIS, 8), {"image": x[:2]})
    masked, unmasked = (dict(net.unroll(frames, 8)) for frames in (shown, alone))
    for step in range(1, 9):
        for state in masked[step]:
            # The mask enters V1 at step 4; a state further on can only know of it after as many
            # steps.
            knows = step >= 4 + ["V1", "V2", "V4", "IT"].index(state)
            assert torch.equal(masked[step][state], unmasked[step][state]) != knows
    on = [x[:2]] * 2 + [None] * 6
    assert all(
        torch.equal(a["V1"], b["V1"])
        for (_, a), (_, b) in zip(net.unroll(on, 8), net.unroll(alone, 8))
    )


def test_a_stream_shows_its_images_in_order():
    images = {"image": 10, "image 1": 11, "image 2": 12}
    assert compose(rsvp(3, soa_ms=50, on_ms=25).frames(AXIS, 6), images) == [
        10,
        None,
        11,
        None,
        12,
        None,
    ]
    assert np.isfinite(images["image"])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("flash:50", flash(50)),
        ("backward:50,75,100,phase", backward_mask(50, soa_ms=75, mask_ms=100, kind="phase")),
        (
            "backward:50, 75, 100, texture:V4@5",
            backward_mask(50, soa_ms=75, mask_ms=100, kind="texture:V4@5"),
        ),
        ("forward:25,50,50,image", forward_mask(25, soa_ms=50, mask_ms=50, kind="image")),
        ("rsvp:4,100", rsvp(4, soa_ms=100)),
        ("rsvp:4,100,50", rsvp(4, soa_ms=100, on_ms=50)),
        ("rsvp:4,100,,2", rsvp(4, soa_ms=100, target=2)),
        ("rsvp:4,100,50,3", rsvp(4, soa_ms=100, on_ms=50, target=3)),
    ],
)
def test_short_forms_json_and_files_say_the_same(text, meaning, tmp_path):
    assert read_presentation(text) == meaning
    assert read_presentation(meaning.to_json()) == meaning
    (tmp_path / "p.json").write_text(json.dumps(meaning.as_dict(), indent=2))
    assert read_presentation(str(tmp_path / "p.json")) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flash",
        "flash:",
        "flash:a",
        "flash:-5",
        "flash:1,2",
        "backward:50,75,100",
        "rsvp:0,50",
        "rsvp:3,50,50,3",
        "rsvp:1.5,50",
        "gone.json",
        "{}",
        '{"events": 3}',
        '{"events": [{"shows": "image", "onset_ms": "a", "duration_ms": 5}]}',
        "sideways:3",
    ],
)
def test_what_is_no_presentation_is_an_error_of_ours(text):
    with pytest.raises(StimulusError):
        read_presentation(text)


def test_the_target_takes_its_place_in_the_stream():
    for target in range(4):
        shown = rsvp(4, soa_ms=50, target=target)
        assert [e.position for e in shown.events].index(0) == target
        assert sorted(e.position for e in shown.events) == [0, 1, 2, 3]
        assert shown.image_onset_ms == 50 * target
    with pytest.raises(
        StimulusError, match=r"nothing; give at least one event 'image' \(at position 0\)"
    ):
        Presentation((Event("image", 0, 50, 1),))


@pytest.mark.parametrize("seed", range(30))
def test_random_presentations_round_trip_and_are_what_a_screen_of_1_ms_shows(seed):
    """The frame of a step is what is on for the most of it; on the grid, for all of it."""
    rng = np.random.default_rng(seed)
    step_ms, steps, events, now = int(rng.choice([5, 10, 25])), 24, [], 0
    while len(events) < 6:
        now += step_ms * int(rng.integers(0, 3))
        shows = ("image", "mask", "blank")[int(rng.integers(3))] if events else "image"
        duration = step_ms * int(rng.integers(1, 4))
        events.append(Event(shows, now, duration))
        now += duration
    kind = "pink" if any(e.shows == "mask" for e in events) else None
    presentation = Presentation(tuple(events), kind)
    assert Presentation.from_json(presentation.to_json()) == presentation
    screen = ["blank"] * (steps * step_ms)
    for e in events:
        for ms in range(int(e.onset_ms), min(int(e.end_ms), len(screen))):
            screen[ms] = e.shows
    axis = TimeAxis(step_ms, min(step_ms, 5), 50)
    if any(e.shows == "image" and e.onset_ms >= steps * step_ms for e in events):
        with pytest.raises(StimulusError, match="run more steps"):
            presentation.frames(axis, steps)
        return
    frames = presentation.frames(axis, steps)
    for t, frame in enumerate(frames):
        assert set(screen[t * step_ms : (t + 1) * step_ms]) == {frame}
