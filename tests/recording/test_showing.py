"""A recording of a presentation is the network run by hand on its frames, and says which."""

import json

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim.errors import CortexsimError
from cortexsim.models import build, calibrate
from cortexsim.models.weights import save_weights
from cortexsim.record import RecordConfig, record
from cortexsim.stimuli.forms import backward_mask, flash, read_presentation
from cortexsim.stimuli.images import Preprocessing, load_stimuli
from cortexsim.stimuli.presentation import Presentation
from cortexsim.stimuli.trials import Masker, companions
from cortexsim.timeaxis import TimeAxis

PREPROCESSING = Preprocessing((32, 32), (0.5, 0.4, 0.45), (0.25, 0.2, 0.22))
LIMIT = 18  # 15 of one class, 3 of the other


def config_of(weights, folder, out, **options):
    options = {"limit": LIMIT, "keep": "mean", "batch_size": LIMIT, **options}
    return RecordConfig(
        model=str(weights), stimuli=str(folder), out=str(out), figure=False, device="cpu", **options
    )


@pytest.fixture(scope="module")
def inhomogeneous(tmp_path_factory):
    net = build("cortex4", seed=3, inhomogeneous=True)
    calibrate(
        net, torch.randn(100, 3, 32, 32, generator=torch.Generator().manual_seed(0)), steps=10
    )
    path = tmp_path_factory.mktemp("weights") / "inhomogeneous.safetensors"
    save_weights(net, path, {"name": "inhomogeneous", "preprocessing": PREPROCESSING.as_dict()})
    return path


def by_hand(weights, folder, spec, seed=0, steps=8):
    """The network on frames made here, event by event."""
    net, stimuli = cortexsim.load(weights), load_stimuli(str(folder), limit=LIMIT)
    presentation = read_presentation(spec)
    frames = [None] * steps
    for e in presentation.events:
        if e.shows == "blank":
            continue
        pixels = [stimuli.read(i) for i in range(LIMIT)]
        if e.shows == "mask":
            pixels = Masker(stimuli, net, PREPROCESSING, seed=seed)(presentation.mask, range(LIMIT))
        elif e.position:
            pixels = [
                stimuli.read(
                    companions(stimuli, i, presentation.positions - 1, seed=seed)[e.position - 1]
                )
                for i in range(LIMIT)
            ]
        batch = PREPROCESSING(pixels)
        for t in range(round(e.onset_ms / 25), min(steps, round(e.end_ms / 25))):
            frames[t] = batch
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as recordings run
    with torch.inference_mode():
        states = dict(net.unroll(frames, steps))
    torch.set_num_threads(threads)
    return {
        s: {t: v[s].mean((2, 3)).numpy() for t, v in states.items() if s in v}
        for s in ("V1", "V2", "V4", "IT")
    }


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("which", "spec"),
    [
        ("homogeneous", "flash:50"),
        ("inhomogeneous", "flash:50"),
        ("homogeneous", "backward:50,75,100,phase"),
        ("inhomogeneous", "backward:50,75,100,image"),
        ("homogeneous", "forward:50,75,50,checkerboard"),
        ("homogeneous", "rsvp:4,50,25,2"),
        ("inhomogeneous", "rsvp:3,50"),
        ("homogeneous", '{"events": [{"shows": "image", "onset_ms": 25, "duration_ms": 25}]}'),
    ],
)
def test_a_recording_is_the_frames_run_by_hand_bit_for_bit(
    weights, inhomogeneous, folder, tmp_path, which, spec
):
    path = weights if which == "homogeneous" else inhomogeneous
    tree = cortexsim.open_recording(
        record(config_of(path, folder, tmp_path / "r.zarr", presentation=spec, mask_seed=4))
    )
    expected = by_hand(path, folder, spec, seed=4)
    for state, steps in expected.items():
        found = tree[state].activation
        assert [t for t in range(1, 9) if bool(tree[state].populated.sel(step=t))] == sorted(steps)
        for t, values in steps.items():
            np.testing.assert_array_equal(found.sel(step=t).values, values, err_msg=f"{state} {t}")
    stored = json.loads(tree.attrs["configuration"])["presentation"]
    presentation = read_presentation(spec)
    assert Presentation.from_dict(stored) == presentation
    assert stored["mask_seed"] == 4
    assert stored["image_onset_ms"] == presentation.image_onset_ms
    assert list(tree["V1"].frame.values) == stored["frames"] == presentation.frames(TimeAxis(), 8)


def test_without_a_presentation_nothing_changes(weights, folder, tmp_path):
    tree = cortexsim.open_recording(record(config_of(weights, folder, tmp_path / "r.zarr")))
    assert json.loads(tree.attrs["configuration"])["presentation"] == {
        "frames": "as trained",
        "on_screen": [
            {"shows": "image", "steps": [1, 1], "ms": [0, 25]},
            {"shows": "blank", "steps": [2, 8], "ms": [25, 200]},
        ],
    }
    assert "frame" not in tree["V1"].coords
    net, stimuli = cortexsim.load(weights), load_stimuli(str(folder), limit=LIMIT)
    torch.set_num_threads(1)
    with torch.inference_mode():
        states = dict(net.unroll(PREPROCESSING([stimuli.read(i) for i in range(LIMIT)]), 8))
    np.testing.assert_array_equal(
        tree["IT"].activation.sel(step=8), states[8]["IT"].mean((2, 3)).numpy()
    )


def test_on_ms_is_the_flash_that_it_was(weights, folder, tmp_path):
    a, b = (
        cortexsim.open_recording(record(config_of(weights, folder, tmp_path / f"{k}.zarr", **o)))
        for k, o in enumerate(({"on_ms": 75.0}, {"presentation": "flash:75"}))
    )
    for state in ("V1", "V2", "V4", "IT"):
        np.testing.assert_array_equal(a[state].activation, b[state].activation)
    assert (
        json.loads(a.attrs["configuration"])["presentation"]
        == json.loads(b.attrs["configuration"])["presentation"]
    )


@pytest.mark.slow
def test_masks_do_not_depend_on_batches_and_a_resumed_recording_is_the_same(
    weights, folder, tmp_path
):
    spec = "backward:25,50,100,pink"
    stores = [
        cortexsim.open_recording(
            record(
                config_of(weights, folder, tmp_path / f"{n}.zarr", presentation=spec, batch_size=n)
            )
        )
        for n in (7, LIMIT)
    ]
    np.testing.assert_allclose(
        stores[0]["IT"].activation, stores[1]["IT"].activation, rtol=1e-4, atol=1e-4
    )
    other = cortexsim.open_recording(
        record(config_of(weights, folder, tmp_path / "s.zarr", presentation=spec, mask_seed=1))
    )
    before, after = slice(1, 2), slice(3, 8)
    v1 = [t["V1"].activation for t in (stores[1], other)]
    np.testing.assert_array_equal(v1[0].sel(step=before), v1[1].sel(step=before))
    assert float(abs(v1[0].sel(step=after) - v1[1].sel(step=after)).max()) > 0.01


def test_texture_masks_and_rdms_of_a_masked_recording(folder, tmp_path):
    options = {
        "presentation": "backward:25,25,50,texture:V1",
        "limit": 6,
        "states": ("IT",),
        "steps": 5,
    }
    movie = record(config_of("cortex4", folder, tmp_path / "m.zarr", rdm="correlation", **options))
    masked = cortexsim.analysis.open_movie(movie).rdm.sel(state="IT")
    plain = {**options, "presentation": "flash:25"}
    unmasked = cortexsim.analysis.open_movie(
        record(config_of("cortex4", folder, tmp_path / "u.zarr", rdm="correlation", **plain))
    ).rdm.sel(state="IT")
    # The mask of step 2 is in IT at step 5.
    np.testing.assert_array_equal(masked.sel(step=4), unmasked.sel(step=4))
    assert float(abs(masked.sel(step=5) - unmasked.sel(step=5)).max()) > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"presentation": "flash:60"}, "nearest: 50 or 75 ms"),
        ({"presentation": "backward:50,60,50,pink"}, "onset of the mask, 60 ms.*nearest: 50 or 75"),
        ({"presentation": "flash:400"}, "for 16 steps.*recording has 8"),
        ({"presentation": "forward:50,150,150,pink", "steps": 7}, "until the end of step 8"),
        ({"presentation": "backward:50,50,50,plaid"}, "no mask 'plaid'"),
        ({"presentation": "backward:50,50,50,texture:V3"}, "no state is called 'V3'"),
        ({"presentation": "backward:50,50,50,image", "limit": 1}, "record more stimuli"),
        ({"presentation": "rsvp:9,25", "steps": 10, "limit": 8}, "needs 8 others"),
        ({"presentation": "flash:50", "on_ms": 50.0}, "exclude each other"),
        ({"presentation": "blink:50"}, "cannot read the presentation"),
        ({"presentation": "flash:50", "mask_seed": -1}, "mask seed is -1"),
    ],
)
def test_bad_presentations_are_refused_before_anything_is_written(
    weights, folder, tmp_path, options, message
):
    with pytest.raises(CortexsimError, match=message):
        record(config_of(weights, folder, tmp_path / "x.zarr", **options))
    assert list(tmp_path.iterdir()) == []


def test_rounding_is_asked_for(weights, folder, tmp_path):
    path = record(
        config_of(
            weights, folder, tmp_path / "r.zarr", presentation="flash:60", round=True, limit=2
        )
    )
    stored = json.loads(cortexsim.open_recording(path).attrs["configuration"])["presentation"]
    assert stored["frames"][:3] == ["image", "image", "blank"]
    assert stored["round_to_steps"]
    assert Presentation.from_dict(stored) == flash(60)


def test_a_control_repeats_the_presentation_of_its_recording():
    from cortexsim.experiments.compare.controls import repeated

    shown = backward_mask(50, soa_ms=75, mask_ms=50, kind="pink")
    assert repeated({**shown.as_dict(), "frames": [], "mask_seed": 3}, 25.0) == shown
    before = {"on_steps": 2, "frames": "image at steps 1-2, then blank"}  # of earlier versions
    assert repeated(before, 12.5) == flash(25)
    assert repeated({"frames": "as trained"}, 25.0) is None
    assert repeated({"on_steps": None, "frames": "as trained"}, 25.0) is None
