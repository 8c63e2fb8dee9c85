"""Controls: static, twin, untrained; a rerun is of the same images or refused."""

import json

import numpy as np
import pytest
import xarray

import cortexsim
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.controls import rerun
from cortexsim.record import RecordConfig, record

STATES = ["V1", "V2", "V4", "IT"]


@pytest.fixture(scope="module")
def everything(faces, tmp_path_factory):
    """One comparison with human IT and all controls, as the command writes it."""
    from cortexsim.compare import compare
    from cortexsim.experiments.compare.config import CompareConfig

    out = tmp_path_factory.mktemp("everything") / "it.nc"
    compare(
        CompareConfig(
            str(faces),
            neural="cichy92-fmri",
            target="IT",
            n=40,
            permutations=20,
            positive=(),
            out=str(out),
            figure=False,
        )
    )
    return xarray.load_dataset(out)


def test_static_is_constant_and_equal_to_the_first_pass(everything):
    found = everything.evaluation
    for k, state in enumerate(STATES):
        static, net = (
            found.sel(state=state, network="static").values,
            found.sel(state=state, network="cortex4").values,
        )
        assert np.isnan(static[:k]).all()
        assert (static[k:] == net[k]).all()
        assert np.ptp(net[k:]) > 0.005


def test_twin_is_constant_and_another_network(everything):
    twin = everything.evaluation.sel(network="twin").values
    assert np.nanmax(np.nanmax(twin, 1) - np.nanmin(twin, 1)) < 1e-5
    assert np.nanmax(np.abs(twin - everything.evaluation.sel(network="static").values)) > 0.02


@pytest.mark.slow
def test_untrained_follows_the_seed(small, it_like, compared):
    results = [compared(small, it_like, "--seed", seed, nulls=["untrained"]) for seed in (0, 0, 1)]
    a, b, c = (r.evaluation.sel(network="untrained").values for r in results)
    np.testing.assert_array_equal(a, b)
    assert np.nanmax(np.abs(a - c)) > 1e-3
    np.testing.assert_array_equal(
        results[0].evaluation.sel(network="cortex4"), results[2].evaluation.sel(network="cortex4")
    )


def test_a_rerun_is_of_the_same_images_or_refused(small, recorded, tmp_path):
    known = cortexsim.recording.schema.configuration(cortexsim.open_recording(small))
    other = {**known, "stimuli": {**known["stimuli"], "sha256": "0" * 64}}
    with pytest.raises(AnalysisError, match="saw other images than the recording"):
        rerun(other, "untrained", tmp_path, stimuli=None, measure=None)


def test_images_that_could_not_be_read_are_left_out_again(
    recorded, movie, own, compared, refused, tmp_path
):
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for k in range(12):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(
            images / f"{k:02d}.png"
        )
    (images / "05.png").write_bytes(b"not an image")
    path = recorded(stimuli=str(images), skip_unreadable=True, steps=4)
    ids = cortexsim.open_recording(path)["V1"].stimulus_id.values
    assert len(ids) == 11
    result = compared(
        path, own(rng.random((3, 55)), ids=ids), "--stimuli", images, nulls=["untrained"]
    )
    assert result.evaluation.sel(network="untrained", state="IT", step=4).notnull()
    (images / "03.png").write_bytes((images / "04.png").read_bytes())
    text = refused(
        path,
        "--neural",
        own(rng.random((3, 55)), ids=ids),
        "--stimuli",
        images,
        "--nulls",
        "untrained",
        "--out",
        tmp_path / "r.nc",
    )
    assert "saw other images than the recording" in text


def test_a_flashed_recording_is_flashed_to_the_twin(recorded, movie, own, compared):
    path = recorded(limit=24, steps=5, on_ms=50.0, dtype="float16", states=("V4", "IT"))
    result = compared(
        path, own(np.random.default_rng(0).random((3, 276))), nulls=["twin", "static"]
    )
    assert result.state.values.tolist() == ["V4", "IT"]
    twin = result.evaluation.sel(network="twin")
    assert twin.sel(state="V4").notnull().values.tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]  # two steps of image, two steps later
    assert json.loads(result.attrs["recording"])["presentation"]["frames"][:3] == [
        "image",
        "image",
        "blank",
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lesion": ("feedback",)}, "'cortex4 without feedback', which is no network of the zoo"),
        (
            {"untrained": True, "seed": 4},
            "'cortex4, untrained, seed 4', which is no network of the zoo",
        ),
    ],
)
def test_controls_of_what_is_no_network_of_the_zoo(
    recorded, it_like, refused, compared, settings, says
):
    path = recorded(limit=24, steps=4, **settings)
    text = refused(path, "--neural", it_like, "--nulls", "static", "twin")
    assert says in text
    assert "--nulls static" in text
    assert compared(path, it_like, nulls=["static"]).sizes["network"] == 2


def test_other_weights_have_no_twin(small, tmp_path):
    known = cortexsim.recording.schema.configuration(cortexsim.open_recording(small))
    with pytest.raises(AnalysisError, match="other weights of cortex4 than the bundled ones"):
        rerun(
            {**known, "weights_sha256": "0" * 64},
            "twin",
            tmp_path,
            stimuli=None,
            measure="correlation",
        )
    with pytest.raises(AnalysisError, match="no network of the zoo"):
        rerun({**known, "model": "external"}, "twin", tmp_path, stimuli=None, measure="correlation")


OWN = """
import cortexsim
from cortexsim.models import State, adjacent

def net():
    graph = adjacent([State("V1", 8, 4), State("IT", 4, 8)])
    spec = cortexsim.models.Spec(graph, (4,), classes=3, pre_net="conv3")
    return cortexsim.Network(spec, seed={seed})
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("made", "asked", "drawn"), [(0, 0, 1), (3, 0, 0), (1, 1, 2)])
@pytest.mark.parametrize("way", ["command", "python", "untrained"])
def test_the_untrained_control_of_a_network_never_trained_is_another_draw(
    tmp_path, own, compared, capsys, way, made, asked, drawn
):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "set.npz", x=rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8))
    (tmp_path / "own.py").write_text(OWN.format(seed=made))
    images, place = str(tmp_path / "set.npz"), tmp_path / "r.zarr"
    if way == "untrained":
        settings = {"model": "rnn2", "untrained": True, "size": 8, "steps": 4}
    else:
        settings = {"model": f"{tmp_path}/own.py:net"}
    if way == "python":
        names = {}
        exec((tmp_path / "own.py").read_text(), names)
        cortexsim.record_network(names["net"](), images, keep="mean", out=place)
    else:
        record(
            RecordConfig(
                stimuli=images, keep="mean", figure=False, out=str(place), seed=made, **settings
            )
        )
    tree = cortexsim.open_recording(place)
    ids = np.array([str(k) for k in next(iter(tree.children.values())).stimulus_id.values])
    brain = own(rng.random((3, 66)), ids=ids)
    result = compared(place, brain, "--stimuli", images, "--seed", asked, nulls=["untrained"])
    assert result.sizes["network"] == 2  # also where the network has no name of its own
    mine, control = (result.evaluation.isel(network=k).values for k in (0, 1))
    assert result.network.values[1] == "untrained"
    assert np.nanmax(np.abs(mine - control)) > 1e-3
    said = json.loads(result.attrs["controls"])["untrained"]
    assert f"fresh weights, seed {drawn}" in said
    own_weights = f"those of seed {asked} are the weights of the recording itself"
    assert (own_weights in said) == (drawn != asked)
    assert (own_weights in capsys.readouterr().out) == (drawn != asked)
