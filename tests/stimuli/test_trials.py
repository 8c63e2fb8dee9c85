"""Masks that need a table or a network, streams, and how presentations are written on a command line."""

import json

import numpy as np
import pytest

import cortexsim
from cortexsim.errors import CortexsimError, StimulusError
from cortexsim.stimuli.images import Stimuli, sample
from cortexsim.stimuli.masks import KINDS, MASKS, check_kind, mask
from cortexsim.stimuli.presentation import (
    Event,
    Presentation,
    backward_mask,
    flash,
    forward_mask,
    read_presentation,
    rsvp,
)
from cortexsim.stimuli.trials import Masker, companions, other_class
from cortexsim.timeaxis import TimeAxis


def table(labels):
    """Images that say their number."""
    n = len(labels)
    pixels = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    return Stimuli("table", tuple(f"s{i}" for i in range(n)), tuple(labels), pixels)


@pytest.mark.parametrize("kind", MASKS)
def test_the_masker_makes_the_masks_of_the_dictionary(kind):
    stimuli = sample()
    found = Masker(stimuli, seed=3)(kind, [4, 0])
    for i, m in zip((4, 0), found):
        np.testing.assert_array_equal(m, mask(kind, stimuli.read(i), stimuli.ids[i], 3))


def test_another_image_is_of_another_class_and_the_same_whatever_the_batch():
    stimuli = table(["a", "b", "c"] * 20)
    drawn = [other_class(stimuli, i) for i in range(60)]
    assert all(stimuli.labels[i] != stimuli.labels[k] for i, k in enumerate(drawn))
    assert len(set(drawn)) > 20
    assert [int(m[0, 0, 0]) for m in Masker(stimuli)("image", range(10, 20))] == drawn[10:20]
    assert drawn != [other_class(stimuli, i, 1) for i in range(60)]
    unlabelled = table([""] * 5)
    assert all(other_class(unlabelled, i) != i for i in range(5))


def test_a_stream_draws_different_others():
    stimuli = table([""] * 12)
    drawn = [companions(stimuli, i, 5) for i in range(12)]
    assert all(len({i, *d}) == 6 for i, d in enumerate(drawn))
    assert sorted(companions(stimuli, 3, 11)) == [i for i in range(12) if i != 3]
    assert {k for d in drawn for k in d} == set(range(12))
    assert drawn != [companions(stimuli, i, 5, seed=1) for i in range(12)]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: other_class(table(["a", "a"]), 0), "has none beside 's0' .class 'a'."),
        (lambda: other_class(table([""]), 0), "record more stimuli"),
        (
            lambda: companions(table([""] * 3), 0, 3),
            "a stream of 4 images needs 3 others beside each; table has 2",
        ),
        (lambda: check_kind("plaid"), "no mask 'plaid'; choose from white, .*texture:STATE"),
        (lambda: check_kind("texture:V4@0"), "no mask"),
        (lambda: check_kind("texture:"), "no mask"),
        (lambda: mask("image", np.zeros((8, 8, 3), np.uint8), "a"), "Masker makes it"),
        (
            lambda: Masker(sample())("texture:V4", [0]),
            "through a network of cortexsim, and none is given",
        ),
        (
            lambda: Masker(sample(), cortexsim.build("cortex4"))("texture:V4", [0]),
            "declares no preprocessing",
        ),
        (
            lambda: Masker(sample(), cortexsim.load("cortex4"))("texture:V3", [0]),
            "no state is called 'V3'",
        ),
        (
            lambda: Masker(sample(), cortexsim.load("cortex4"))("texture:IT@3", [0]),
            "give a step from 4",
        ),
    ],
)
def test_masks_and_streams_that_cannot_be_are_refused(do, message):
    with pytest.raises(CortexsimError, match=message):
        do()


def test_every_kind_is_named_in_the_help():
    from cortexsim import record

    assert all(k in KINDS and k in record.KINDS for k in (*MASKS, "image", "texture:STATE"))


# ------------------------------------------------------------------------------------------------ short forms


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
    ["", "flash", "flash:", "flash:a", "flash:-5", "flash:1,2", "backward:50,75,100", "rsvp:0,50", "rsvp:3,50,50,3", "rsvp:1.5,50", "gone.json",
     "{}", '{"events": 3}', '{"events": [{"shows": "image", "onset_ms": "a", "duration_ms": 5}]}', "sideways:3"],
)  # fmt: skip
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
