"""Statistics of a masking experiment belong to a presentation.

What is estimated, what stays as it was, what is refused, and what is warned of.
"""

import copy
import json

import numpy as np
import pytest
import torch
import xarray
from PIL import Image

from cortexsim.errors import AnalysisError, CalibrationError
from cortexsim.experiments.mask import statistics
from cortexsim.experiments.mask.config import MaskConfig
from cortexsim.experiments.mask.design import Design
from cortexsim.experiments.mask.run import run_masking
from cortexsim.experiments.mask.statistics import by_step, falls, presented, training_images
from cortexsim.mask import mask
from cortexsim.models import State, adjacent, calibrate, load
from cortexsim.models.network import Network
from cortexsim.models.spec import Spec
from cortexsim.models.transitions import Statistics
from cortexsim.stimuli.augmentation import as_trained
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.images import Preprocessing, Stimuli
from cortexsim.stimuli.presentation import compose
from cortexsim.stimuli.trials import Masker

PREPROCESSING = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
DESIGN = Design((25, 75), ("phase",), steps=6, batch_size=9, compared=0, decoded=0)


@pytest.fixture(scope="module")
def net() -> Network:
    """Two states, statistics of noise shown at step 1 only."""
    graph = adjacent([State("V1", 16, 4), State("IT", 8, 6)])
    small = Network(Spec(graph, readout=(5,), classes=4), seed=0)
    return calibrate(
        small, torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)), 6
    )


def table(count: int, seed: int) -> Stimuli:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 4
    x = np.clip(rng.normal(60 + 40 * y[:, None, None, None], 40, (count, 16, 16, 3)), 0, 255)
    return Stimuli("made", tuple(map(str, range(count))), tuple(map(str, y)), x.astype(np.uint8))


@pytest.fixture(scope="module")
def fitted(net):
    nets = {"none": net, "feedback": net.lesioned("feedback")}
    return presented(nets, table(40, 1), preprocessing=PREPROCESSING, design=DESIGN)


def rows(net: Network) -> dict[str, torch.Tensor]:
    return {k: m.mean.clone() for k, m in net.named_modules() if isinstance(m, Statistics)}


def test_a_layer_is_standardised_under_the_presentation_that_it_was_estimated_under(net, fitted):
    """By hand: what enters the readout has mean 0 and sd 1 over the calibration images."""
    images = table(40, 1)
    masks = Masker(images, seed=0)("phase", range(40))
    shown = {"image": PREPROCESSING(list(images.source)), "mask": PREPROCESSING(masks)}
    frames = compose(DESIGN.frames("phase", 25), shown)
    deviations = {}
    for name, each in (("own", fitted["none", "phase", 25]), ("bundled", net)):
        with torch.no_grad():
            last = dict(each.unroll(frames, 6))[6]["IT"]
        norm = each.post_net.statistics
        z = (last - norm.mean[5][:, None, None]) / norm.var[5][:, None, None].add(1e-5).sqrt()
        deviations[name] = float(z.mean((0, 2, 3)).abs().max())
    assert deviations["own"] < 1e-3 < 0.05 < deviations["bundled"]


def test_a_net_that_was_trained_on_crops_gets_statistics_of_crops(net):
    """The same by hand; the recipe of the model card says how training showed images."""
    net = copy.deepcopy(net)
    net.card = {"recipe": {"pad": 3, "flip": True}}
    own = presented({"none": net}, table(40, 1), preprocessing=PREPROCESSING, design=DESIGN)
    whole = PREPROCESSING.fit(list(table(40, 1).source))
    mask = PREPROCESSING(Masker(table(40, 1), seed=0)("phase", range(40)))
    deviations = {}
    for name, images in (("crops", as_trained(whole, net.card["recipe"])), ("whole", whole)):
        shown = {"image": PREPROCESSING.normalise(images), "mask": mask}
        each = own["none", "phase", 75]
        with torch.no_grad():
            last = dict(each.unroll(compose(DESIGN.frames("phase", 75), shown), 6))[3]["IT"]
        norm = each.post_net.statistics
        z = (last - norm.mean[2][:, None, None]) / norm.var[2][:, None, None].add(1e-5).sqrt()
        deviations[name] = float(z.mean((0, 2, 3)).abs().max())
    assert deviations["crops"] < 1e-3 < 0.05 < deviations["whole"]


def test_rows_before_the_mask_can_have_arrived_are_those_without_a_mask(fitted):
    for soa, steps in ((25, 1), (75, 3)):
        plain, masked = (rows(fitted["none", m, soa]) for m in ("none", "phase"))
        for name, mean in plain.items():
            if len(mean) > 1:
                assert torch.equal(mean[:steps], masked[name][:steps])
        assert not torch.equal(plain["statistics.V1"], masked["statistics.V1"])


def test_what_all_steps_share_and_the_network_itself_stay(net, fitted):
    before = rows(net)
    for each in fitted.values():
        for name, module in each.named_modules():
            if isinstance(module, Statistics) and module.shared:
                assert torch.equal(module.mean, before[name])
        for mine, its in zip(net.parameters(), each.parameters(), strict=True):
            assert mine is its
    assert not torch.equal(
        rows(fitted["none", "none", 75])["statistics.V1"], before["statistics.V1"]
    )
    assert rows(net)["statistics.V1"].equal(before["statistics.V1"])
    assert set(fitted) == {
        (lesion, m, s)
        for lesion in ("none", "feedback")
        for m in ("none", "phase")
        for s in (25, 75)
    }


def test_the_experiment_runs_each_presentation_with_its_own_statistics(net, fitted):
    stimuli = table(20, 2)
    options = {
        "preprocessing": PREPROCESSING,
        "masks": Masker(stimuli, net, PREPROCESSING, seed=0),
        "design": DESIGN,
    }
    labels = np.arange(20) % 4
    nets = {"none": net}
    out = run_masking(nets, stimuli, labels, presented=fitted, **options)
    image = PREPROCESSING(list(stimuli.source))
    own = fitted["none", "none", 75]
    with torch.inference_mode():
        expected = own.readouts([image] * 3 + [None] * 3, at=(6,))[6].argmax(1).numpy()
    np.testing.assert_array_equal(out.guess[0, 0, 1, out.readouts.index(6)], expected)
    for s, soa in enumerate(DESIGN.soa_ms):
        for k, state in enumerate(out.disruption[0].states):
            before = out.disruption[0].cosine[:, s, k, k : DESIGN.soa_steps(soa) + k]
            assert (before == 0).all(), state


def test_a_network_without_statistics_by_step_keeps_its_own():
    twin = load("cortex4-twin")
    assert not by_step(twin)
    assert training_images(twin, None, 100) is None
    assert not presented({"none": twin}, table(40, 1), preprocessing=PREPROCESSING, design=DESIGN)


def test_images_that_nobody_named_are_not_guessed(net):
    with pytest.raises(AnalysisError, match="--calibrate-on"):
        training_images(net, None, 100)
    assert len(training_images(net, None, 30, fresh=table(40, 1))) == 30
    by_class = table(40, 1).select(sorted(range(40), key=lambda k: k % 4))
    assert sorted(set(training_images(net, None, 8, fresh=by_class).labels)) == list("0123")
    with pytest.raises(CalibrationError, match="too few"):
        presented({"none": net}, table(8, 1), preprocessing=PREPROCESSING, design=DESIGN)


@pytest.mark.slow
def test_the_training_images_that_the_card_names_are_taken(data_folder):
    images = training_images(load("cortex4"), None, 25)
    assert images.ids[0] == "train-00000"
    assert len(images) == 25


def result(right: np.ndarray) -> xarray.Dataset:
    """A result with these answers ``(soa, stimulus)``: 1 right, 0 wrong, -1 none."""
    guess = np.where(right < 0, -1, 1 - right)[None, None, None, :, None]
    return xarray.Dataset(
        {"guess": (("network", "lesion", "mask", "soa_ms", "readout", "stimulus"), guess)},
        {
            "network": ["net"],
            "lesion": ["none"],
            "mask": ["none"],
            "soa_ms": [25.0, 200.0],
            "readout": [12],
            "label": ("stimulus", np.zeros(right.shape[1], int)),
        },
    )


def test_accuracy_that_falls_while_the_image_stays_on_is_told():
    right = np.ones((2, 100), int)
    assert falls(result(right)) == []
    right[1, :20] = 0
    assert falls(result(right)) == [
        "net: without a mask, accuracy falls from 1.00 to 0.80 as the image is on for 200 instead "
        "of 25 ms (readout at step 12)"
    ]
    assert falls(result(right[::-1])) == []
    right[1] = -1
    assert falls(result(right)) == []


@pytest.fixture
def config(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "set.npz"
    np.savez(path, x=rng.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8), y=np.arange(24) % 3)
    return {
        "stimuli": str(path),
        "soa_ms": (25.0, 50.0),
        "steps": 6,
        "compared": 0,
        "decoded": 0,
        "n": 20,
        "permutations": 20,
        "figure": False,
        "out": str(tmp_path / "m.nc"),
    }


@pytest.mark.slow
def test_the_result_says_which_statistics_it_used(config, capsys):
    path = mask(MaskConfig(**config, calibrate_on=config["stimuli"], calibration_images=20))
    with xarray.open_dataset(path, engine="netcdf4") as r:
        assert "on 20 images: set" in json.loads(r.attrs["statistics"])["cortex4"]
        assert "estimated anew under each presentation" in json.loads(r.attrs["caveats"])["cortex4"]
        own = r.guess.values.copy()
        assert "statistics of cortex4: by step, estimated anew" in r.attrs["summary"]
    mask(MaskConfig(**config, statistics="bundled", overwrite=True))
    with xarray.open_dataset(path, engine="netcdf4") as r:
        assert (
            "of the presentation it was trained with"
            in json.loads(r.attrs["statistics"])["cortex4"]
        )
        assert "statistics that do not fit" in json.loads(r.attrs["caveats"])["cortex4"]
        assert (r.guess.values != own).any()
    assert "each presentation of 20 training images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"statistics": "none"}, "give presentation or bundled"),
        ({"statistics": "bundled", "calibrate_on": "cifar10"}, "give one of them"),
        ({"calibration_images": 5}, "at least 20"),
        ({"calibrate_on": "nowhere"}, "no stimuli at 'nowhere'"),
    ],
)
def test_what_does_not_go_together_is_refused(config, change, text):
    with pytest.raises(Exception, match=text):
        mask(MaskConfig(**config, **change))


def test_of_a_folder_to_train_with_the_training_images_are_taken(net, tmp_path):
    for part, shade in (("test", 200), ("train", 90)):
        for name in "ab":
            (tmp_path / part / name).mkdir(parents=True)
            for k in range(12):
                pixels = np.full((16, 16, 3), shade + k, np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{k}.png")
    images = training_images(net, str(tmp_path), 20)
    assert sorted(set(images.labels)) == ["a", "b"]
    assert max(int(images.read(k).max()) for k in range(20)) < 102


@pytest.mark.parametrize(("train", "noted"), [(50_000, True), (45_000, False)])
def test_other_images_are_noted_where_the_card_tells_of_all(train, noted, monkeypatch):
    x, y = torch.zeros((50_000, 3, 1, 1), dtype=torch.uint8), torch.arange(50_000) % 2
    all_of_them = ImageSet("cifar10", x, y, x[:9], y[:9], ("cat", "dog"))
    monkeypatch.setattr(statistics, "load_images", lambda name: all_of_them)
    card = {"name": "cifar10", "sha256": "of other images", "train": train}
    net = Network(Spec(adjacent([State("V1", 16, 4), State("IT", 8, 6)]), readout=(5,), classes=4))
    net.card = {"data": card}
    notes = training_images(net, None, 20).notes
    assert bool([n for n in notes if "not bit for bit" in n]) == noted
