"""Recordings of parts of the stimuli, opened as one."""

import json
import pickle

import numpy as np
import pytest
import xarray

import cortexsim
from cortexsim.analysis import encode, rdm_movie
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.errors import RecordingError
from cortexsim.recording.reader import TreeReader
from cortexsim.recording.schema import configuration
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.images import Stimuli

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


def recorded(path, places, *, net="cortex4", images=IMAGES, **settings):
    """Some of the images, with ids that say which."""
    folder = path.parent / f"{path.stem}-images.npz"
    np.savez(
        folder,
        x=images[list(places)],
        id=np.array([f"image{i:02d}" for i in places]),
        y=np.array(list(places)) % 3,
    )
    how = {"batch_size": 4, "keep": "mean", **settings}
    network = cortexsim.load(net) if isinstance(net, str) else net
    cortexsim.record_network(network, named(folder), out=path, settings=Settings(**how))
    return path


def named(path) -> Stimuli:
    """The images of an .npz with the ids that stand in it."""
    import dataclasses

    from cortexsim.stimuli.images import load_stimuli

    ids = tuple(map(str, np.load(path)["id"]))
    return dataclasses.replace(load_stimuli(str(path)), ids=ids)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The whole, and two recordings of parts with another size of batches each."""
    folder = tmp_path_factory.mktemp("parts")
    return (
        recorded(folder / "whole.zarr", range(20)),
        recorded(folder / "a.zarr", range(7)),
        recorded(folder / "b.zarr", range(7, 20), batch_size=5),
    )


@pytest.mark.sampled(1)
@pytest.mark.parametrize("chunks", [None, {}])
def test_joined_parts_hold_what_the_whole_holds(parts, chunks):
    whole, *shards = parts
    one = cortexsim.open_recording(whole)
    joined = cortexsim.open_recording(shards, chunks=chunks)
    assert joined.attrs["stimuli_committed"] == joined.attrs["stimuli_total"] == 20
    for name in one.groups[1:]:
        for key, variable in one[name].dataset.variables.items():
            other = joined[name].dataset.variables[key]
            assert other.dims == variable.dims
            assert other.attrs == variable.attrs
            if variable.dtype.kind == "f":  # batches of other sizes round otherwise
                np.testing.assert_allclose(other.values, variable.values, rtol=1e-4, atol=1e-5)
            else:
                assert (other.values == variable.values).all()


def test_what_is_asked_for_comes_from_the_right_parts(parts):
    _, *shards = parts
    joined = cortexsim.open_recording(shards)["V2"].activation
    values = xarray.concat(
        [cortexsim.open_recording(p)["V2"].activation.load() for p in shards], "stimulus"
    )
    order = [19, 3, 7, 6, 0, 7]
    for chosen in (
        {"stimulus": 6},
        {"stimulus": 7, "step": 3},
        {"stimulus": slice(5, 9), "unit": slice(None, None, 5)},
        {"stimulus": order},
        {"stimulus": order, "step": [2, 5], "unit": [1, 0]},
        {"stimulus": slice(None, None, -1), "step": -1},
        {"stimulus": slice(4, 4)},
        {"stimulus": np.arange(20) % 2 == 0},
    ):
        np.testing.assert_array_equal(joined.isel(chosen).values, values.isel(chosen).values)
    again = pickle.loads(pickle.dumps(joined.isel(stimulus=order)))
    np.testing.assert_array_equal(again.values, values.isel(stimulus=order).values)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("chunks", [None, {}])
def test_nothing_is_read_before_it_is_used(parts, monkeypatch, chunks):
    from cortexsim.recording.checked import Root

    read, holds = [], Root.holds
    monkeypatch.setattr(
        Root, "holds", lambda self, name, data: (read.append(name), holds(self, name, data))[1]
    )
    joined = cortexsim.open_recording(parts[1:], chunks=chunks)
    assert not [name for name in read if "/activation/c." in name or "/logits/c." in name]
    joined["V4"].activation.isel(stimulus=slice(8, 10), step=4).values  # noqa: B018
    assert [n for n in read if "/c." in n] == ["V4/activation/c.0.4.0"]


def test_a_movie_and_an_encoding_of_joined_parts_are_those_of_the_whole(parts):
    whole, *shards = parts
    joined = cortexsim.open_recording(shards)
    one = rdm_movie(whole, progress=False)
    both = rdm_movie(joined, progress=False)
    np.testing.assert_allclose(both.rdm.values, one.rdm.values, atol=1e-4)
    assert (both.stimulus_id.values == one.stimulus_id.values).all()
    responses = np.random.default_rng(1).normal(size=(20, 3))
    few = {"inference": Inference(n=20), "states": "IT", "steps": 8}
    np.testing.assert_allclose(
        encode(joined, responses, **few).r.values,
        encode(whole, responses, **few).r.values,
        atol=1e-3,
    )


def test_a_step_of_joined_parts_is_read_in_rows(parts):
    joined = cortexsim.open_recording(parts[1:])["IT"].activation
    buffer = np.empty((6, 64), np.float32)
    TreeReader(joined).into(buffer, 5, 4)
    np.testing.assert_array_equal(buffer, joined.values[4:10, 5])


def test_the_configuration_says_what_was_joined(parts):
    known = configuration(cortexsim.open_recording(parts[1:]))
    assert known["stimuli"]["count"] == 20
    assert [part["stimuli"]["count"] for part in known["joined"]] == [7, 13]
    assert known["model"] == "cortex4"
    json.dumps(known)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"steps": 9}, r"steps: 8 in .*a\.zarr, 9 in .*other\.zarr"),
        ({"keep": "units:5"}, "keep: 'mean' in"),
        ({"dtype": "float16"}, "dtype: 'float32' in"),
        ({"net": "cortex4-twin"}, "weights_sha256"),
        ({"states": ("V1", "IT")}, "states"),
        ({"presentation": cortexsim.stimuli.flash(50)}, r"presentation\.frames"),
    ],
)
def test_recordings_that_are_not_alike_are_refused(parts, tmp_path, other, message):
    path = recorded(tmp_path / "other.zarr", range(8, 12), **other)
    with pytest.raises(RecordingError, match=message):
        cortexsim.open_recording([parts[1], path])


def test_untrained_networks_with_statistics_of_other_images_are_refused(tmp_path):
    net = cortexsim.build("cortex4", seed=0)
    paths = [
        recorded(tmp_path / f"{k}.zarr", p, net=net) for k, p in enumerate([range(8), range(8, 16)])
    ]
    with pytest.raises(RecordingError, match="weights_sha256"):
        cortexsim.open_recording(paths)


def test_a_stimulus_of_two_recordings_counts_once_if_it_is_the_same(parts, tmp_path):
    # The same batch, so that the numbers are the same to the last bit.
    again = recorded(tmp_path / "again.zarr", [0, 1, 2, 3, 15, 16])
    joined = cortexsim.open_recording([parts[1], again])
    expected = [f"image{i:02d}" for i in [*range(7), 15, 16]]
    assert joined["V1"].stimulus_id.values.tolist() == expected
    assert joined["V1"].activation.shape[0] == joined.attrs["stimuli_total"] == 9
    values = cortexsim.open_recording(again)["V1"].activation.values
    np.testing.assert_array_equal(joined["V1"].activation.values[7:], values[4:])


def test_a_stimulus_that_is_not_the_same_is_refused(parts, tmp_path):
    other = IMAGES.copy()
    other[2] = 255 - other[2]
    path = recorded(tmp_path / "other.zarr", range(4), images=other)
    with pytest.raises(RecordingError, match="both hold image02, with different activation in IT"):
        cortexsim.open_recording([parts[1], path])


def test_no_recording_at_all_is_refused():
    with pytest.raises(RecordingError, match="at least one path"):
        cortexsim.open_recording([])


@pytest.mark.slow
def test_names_do_not_hide_statistics_of_other_images(tmp_path):
    """As --untrained and --model FILE.py:NAME name their networks."""
    paths = []
    for k, places in enumerate([range(8), range(8, 16)]):
        net = cortexsim.build("rnn2", seed=0)
        net.card = {"name": "rnn2, untrained, seed 0", "weights_sha256": "0" * 64}
        paths.append(recorded(tmp_path / f"{k}.zarr", places, net=net, images=IMAGES))
    with pytest.raises(RecordingError, match="weights_sha256"):
        cortexsim.open_recording(paths)
