"""The numbers and pictures of one image, read back and compared with the recording."""

import numpy as np
import pytest

import cortexsim
from cortexsim.experiments.explorer.activity import LEVELS, NOT_FINITE, Activity, pictures_of
from cortexsim.experiments.explorer.opened import opened
from cortexsim.experiments.explorer.settings import Settings


def unpacked(activity, image):
    """State -> (numbers, pictures), as the page reads a blob."""
    blob, at, states = activity.blob(image), 0, {}
    steps = len(activity.opened.steps)
    for part in activity.layout:
        shape = (part["rows"], steps, part["numbers"])
        size = 4 * int(np.prod(shape))
        states[part["name"]] = [np.frombuffer(blob[at : at + size], "<f4").reshape(shape)]
        at += size
    for part in activity.layout:
        shape = (part["pictures"], sum(part["populated"]), part["height"], part["width"])
        size = int(np.prod(shape))
        states[part["name"]].append(np.frombuffer(blob[at : at + size], "u1").reshape(shape))
        at += size
    assert at == len(blob)
    return states


@pytest.mark.parametrize("image", [0, 5])
def test_numbers_and_maps_are_those_of_the_recording(lesioned, whole, image):
    _, shown = opened([whole, lesioned], Settings())  # of the images in another order
    states = unpacked(Activity(shown, "channels"), image)
    tree = cortexsim.open_recording(lesioned)
    for name, first in (("V1", 1), ("V4", 3), ("IT", 4)):
        numbers, pictures = states[name]
        maps = tree[name].activation.isel(stimulus=7 - image).values.astype(float)
        assert np.isnan(numbers[:, : first - 1]).all()
        seen = np.moveaxis(maps[first - 1 :], 1, 0)
        expected = np.stack([seen.mean((2, 3)), seen.min((2, 3)), seen.max((2, 3))], axis=-1)
        np.testing.assert_allclose(numbers[1:, first - 1 :], expected, rtol=1e-6, atol=1e-7)
        rms = np.sqrt((seen**2).mean((0, 2, 3)))
        np.testing.assert_allclose(numbers[0, first - 1 :, 0], rms, rtol=1e-6)
        low, high = (numbers[:, first - 1 :, k, None, None] for k in (1, 2))
        drawn = low + pictures / LEVELS * (high - low)
        every = np.concatenate([np.sqrt((seen**2).mean(0))[None], seen])
        assert (np.abs(drawn - every) <= (high - low) / LEVELS / 2 * 1.001 + 1e-6).all()


def test_units_have_values_and_no_pictures(means, unknown):
    (shown,) = opened([means], Settings())
    numbers, pictures = unpacked(Activity(shown, "channels"), 3)["V4"]
    values = cortexsim.open_recording(means)["V4"].activation.isel(stimulus=3).values
    np.testing.assert_array_equal(numbers[1:, 2:, 0], values[2:].T)
    np.testing.assert_allclose(numbers[0, 2:, 0], np.sqrt((values[2:] ** 2).mean(1)), rtol=1e-6)
    assert pictures.size == 0
    assert Activity(shown, "channels").layout[0]["names"][3] == "channel 3, mean over space"
    (shown,) = opened([unknown], Settings())
    group = cortexsim.open_recording(unknown)["V1"]
    place = [int(group[c][2]) for c in ("channel", "y", "x")]
    name = "unit 2: channel {}, y {}, x {}".format(*place)
    assert Activity(shown, "channels").layout[0]["names"][2] == name


@pytest.mark.parametrize(("maps", "pictures"), [("channels", 9), ("rms", 1), ("none", 0)])
def test_pictures_can_be_left_out_and_numbers_stay(whole, maps, pictures):
    (shown,) = opened([whole], Settings(steps=(1, 5)))
    activity = Activity(shown, maps)
    assert activity.layout[0]["pictures"] == pictures
    numbers, _ = unpacked(activity, 0)["V1"]
    np.testing.assert_array_equal(numbers, unpacked(Activity(shown, "channels"), 0)["V1"][0])


def test_a_map_that_is_flat_and_one_with_infinities_have_pictures():
    values = np.ones((1, 2, 4))
    values[0, 1] = [0.0, np.inf, 1.0, np.nan]
    flat, other = pictures_of(values, 3)[1:, 0]
    assert flat.tolist() == [0, 0, 0, 0]
    assert other.tolist() == [0, NOT_FINITE, LEVELS, NOT_FINITE]
