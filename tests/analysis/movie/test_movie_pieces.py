"""RDM movies of recordings that outgrow one machine: on a cluster, of label means, of parts."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import rsatoolbox
from clusters import cluster
from scipy.spatial.distance import pdist

import cortexsim
from cortexsim.analysis import open_movie, rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.recording.reader import AveragedReader, frame_readers
from cortexsim.recording.settings import Settings

SCIPY = {"correlation": "correlation", "cosine": "cosine", "sqeuclidean": "sqeuclidean"}
COUNT = 150


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """150 images of seven classes, in no order."""
    folder = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(0)
    np.savez(
        folder / "images.npz",
        x=rng.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8),
        y=rng.permutation(np.arange(COUNT) % 7),
    )
    path = folder / "r.zarr"
    settings = Settings(keep="mean", steps=4, batch_size=32)
    cortexsim.record_network(
        cortexsim.load("cortex4"), str(folder / "images.npz"), out=path, settings=settings
    )
    return path


@pytest.fixture(scope="module")
def client():
    with cluster(2) as client:
        yield client


@pytest.mark.sampled(1)
@pytest.mark.parametrize("measure", SCIPY)
@pytest.mark.parametrize("memory", [256 << 20, 90_000], ids=["whole steps", "blocks of 64 rows"])
def test_a_cluster_computes_what_one_process_computes(recorded, client, tmp_path, measure, memory):
    here = rdm_movie(recorded, measure, progress=False)
    there = rdm_movie(
        recorded, measure, progress=False, client=client, memory=memory, out=tmp_path / "m.zarr"
    )
    np.testing.assert_allclose(there.rdm.values, here.rdm.values, rtol=0, atol=2e-6)
    assert there.drop_vars("rdm").identical(open_movie(tmp_path / "m.zarr").drop_vars("rdm"))
    x = cortexsim.open_recording(recorded)["V2"].activation.sel(step=3).values.astype(float)
    expected = pdist(x, SCIPY[measure])
    expected = expected / x.shape[1] if measure == "sqeuclidean" else expected
    np.testing.assert_allclose(there.rdm.sel(state="V2", step=3), expected, atol=1e-5)


def test_what_is_wrong_with_a_step_is_said_from_a_cluster_too(tmp_path, client):
    images = np.zeros((6, 32, 32, 3), np.uint8)
    net = cortexsim.load("cortex4")
    path = tmp_path / "r.zarr"
    settings = Settings(steps=1, keep="units:1", states=("V1",))
    cortexsim.record_network(net, images, out=path, settings=settings)
    with pytest.raises(AnalysisError, match="V1 at step 1") as here:
        rdm_movie(path, progress=False)
    with pytest.raises(AnalysisError) as there:
        rdm_movie(path, progress=False, client=client, out=tmp_path / "m.zarr")
    assert str(there.value) == str(here.value)
    assert not (tmp_path / "m.zarr").exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("measure", SCIPY)
@pytest.mark.parametrize("where", ["here", "cluster"])
def test_label_means_are_those_of_pandas(recorded, client, measure, where):
    movie = rdm_movie(
        recorded,
        measure,
        average="label",
        progress=False,
        client=client if where == "cluster" else None,
    )
    tree = cortexsim.open_recording(recorded)
    labels = np.array(list(map(str, tree["V1"].label.values)))
    assert movie.stimulus_id.values.tolist() == sorted(set(labels))
    assert movie.attrs["average"] == "label"
    for state, step in (("V1", 1), ("V4", 3), ("IT", 4)):
        frame = pd.DataFrame(tree[state].activation.sel(step=step).values.astype(float))
        means = frame.groupby(labels).mean().to_numpy()
        expected = pdist(means, SCIPY[measure])
        expected = expected / means.shape[1] if measure == "sqeuclidean" else expected
        got = movie.rdm.sel(state=state, step=step).values
        np.testing.assert_allclose(got, expected, atol=1e-5, rtol=1e-4)
    assert movie.rdm.sel(state="IT", step=1).isnull().all()


def test_label_means_are_those_of_rsatoolbox(recorded):
    tree = cortexsim.open_recording(recorded)
    labels = np.array(list(map(str, tree["V1"].label.values)))
    data = rsatoolbox.data.Dataset(
        tree["V4"].activation.sel(step=4).values.astype(float), obs_descriptors={"label": labels}
    )
    theirs = rsatoolbox.rdm.calc_rdm(data, method="correlation", descriptor="label")
    order = np.argsort(theirs.pattern_descriptors["label"])
    square = theirs.get_matrices()[0][np.ix_(order, order)]
    ours = rdm_movie(recorded, average="label", states="V4", steps=4, progress=False)
    i, j = np.triu_indices(7, 1)
    np.testing.assert_allclose(ours.rdm.values[0, 0], square[i, j], atol=1e-5)


def test_means_are_taken_in_rows_of_a_step_that_is_read_once(recorded, monkeypatch):
    monkeypatch.setattr("cortexsim.recording.reader.AVERAGED_AT_A_TIME", 16 * 8 * 4)
    tree = cortexsim.open_recording(recorded)
    reader = frame_readers(tree, recorded, ["V1"])["V1"]
    read, into = [], reader.into
    reader.into = lambda buffer, step, start: (read.append(len(buffer)), into(buffer, step, start))
    groups = np.arange(COUNT) % 3
    averaged, two, one = AveragedReader(reader, groups), np.empty((2, 8), "f4"), np.empty((1, 8))
    averaged.into(two, 2, 0)
    averaged.into(one, 2, 2)
    assert max(read) == 16
    assert sum(read) == COUNT
    x = tree["V1"].activation.values[:, 2].astype(float)
    expected = [x[groups == k].mean(0) for k in range(3)]
    np.testing.assert_allclose(np.concatenate([two, one]), expected, rtol=1e-6)


def test_a_movie_of_label_means_is_written_and_opened(recorded, tmp_path):
    from cortexsim.rdm import main

    out = tmp_path / "m.zarr"
    arguments = [str(recorded), "--average", "label", "--out", str(out), "--no-figure"]
    assert main(arguments) == 0
    expected = rdm_movie(recorded, average="label", progress=False)
    np.testing.assert_array_equal(open_movie(out).rdm.values, expected.rdm.values)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"average": "colour"}, "average='colour' is not known"),
        ({"device": "cpu", "client": object()}, "not both"),
    ],
)
def test_what_cannot_be_is_refused(recorded, how, message):
    with pytest.raises(AnalysisError, match=message):
        rdm_movie(recorded, progress=False, **how)


def test_a_lazy_recording_is_left_to_dask(recorded, client):
    lazy = cortexsim.open_recording(recorded, chunks={})
    with pytest.raises(AnalysisError, match="opened with chunks"):
        rdm_movie(lazy, client=client)
    with pytest.raises(AnalysisError, match="opened with chunks"):
        rdm_movie(lazy, average="label")


def test_stimuli_without_labels_have_no_means(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    recording = cortexsim.record_network(cortexsim.load("cortex4"), images, keep="mean")
    with pytest.raises(AnalysisError, match="without a label"):
        rdm_movie(recording, average="label", progress=False)


@pytest.mark.slow
def test_label_means_of_many_stimuli_take_little_memory(tmp_path):
    """Of 4,000 stimuli with 2,048 features each a step has 33 MB."""
    from cortexsim.recording.store import Plan, Variable
    from cortexsim.recording.writer import Writer

    count, path = 4000, tmp_path / "r.zarr"
    tree = cortexsim.record_network(
        cortexsim.load("cortex4"),
        np.zeros((4, 32, 32, 3), np.uint8),
        settings=Settings(steps=1, states=("V1",)),
    )
    known = cortexsim.recording.schema.configuration(tree) | {"variables": ["V1/activation"]}
    variables = (Variable("V1", "activation", ("unit",), (2048,), "float32", (True,)),)
    steps = {"step": np.array([1])}
    steps |= dict.fromkeys(("time_ms", "time_ms_low", "time_ms_high"), np.array([25.0]))
    ids = tuple(f"i{k:05d}" for k in range(count))
    labels = tuple(str(k % 10) for k in range(count))
    rng = np.random.default_rng(0)
    with Writer(path, Plan(known, variables, steps, {}, ids, labels, 250, "none")) as writer:
        for start in range(0, count, 250):
            batch = rng.random((1, 250, 2048), dtype=np.float32)
            writer.put(start, {("V1", "activation"): batch})
    rdm_movie(path, average="label", progress=False)  # what is imported or kept once
    tracemalloc.start()
    try:
        rdm_movie(path, average="label", progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24e6, "16 MB of rows are held at a time, never the step"


@pytest.fixture
def tall(tmp_path):
    """A recording that says it has 200,000 stimuli, and holds none of their numbers."""
    import xarray as xr

    count, steps = 200_000, 8
    coords = {
        "stimulus_id": ("stimulus", np.arange(count).astype(object)),
        "label": ("stimulus", np.array([""] * count, dtype=object)),
        "step": np.arange(1, steps + 1),
        "populated": ("step", np.full(steps, True)),
        **{k: ("step", np.ones(steps)) for k in ("time_ms", "time_ms_low", "time_ms_high")},
    }
    zeros = np.broadcast_to(np.float32(0), (count, steps, 4))
    state = xr.Dataset({"activation": (("stimulus", "step", "unit"), zeros)}, coords)
    known = {"states": ["V1"], "model": "tall"}
    tree = xr.DataTree.from_dict({"/V1": state})
    tree.attrs["configuration"] = json.dumps(known)
    return tree


def test_more_pairs_than_fit_are_refused_with_bytes_and_a_way_round(tall, tmp_path, monkeypatch):
    with pytest.raises(AnalysisError, match=r"the RDMs .*19,999,900,000 pairs.*average='label'"):
        rdm_movie(tall, progress=False)
    with pytest.raises(AnalysisError, match=r"each pair is of .*average='label'"):
        rdm_movie(tall, out=tmp_path / "m.zarr", progress=False)
    monkeypatch.setattr("cortexsim.analysis.statistics.sizes.memory", lambda: 1 << 50)
    with pytest.raises(
        AnalysisError, match=r"8 RDMs of 200,000 stimuli take 800\.0 GB, and .*free"
    ):
        rdm_movie(tall, out=tmp_path / "m.zarr", progress=False)
    assert list(tmp_path.iterdir()) == []
