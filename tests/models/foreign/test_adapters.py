"""CORnet, torchvision, timm and files: what each adapter makes of modules of the same structure."""

import sys
import types
from collections import OrderedDict

import pytest
import torch
from others import AREAS, Unrolled, iterated
from torch import nn

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.adapters import AREAS as ASSIGNED
from cortexsim.models.foreign.adapters import PUBLISHED_MS, cornet, timm_model, torchvision_model
from cortexsim.timeaxis import TimeAxis

SMALL = {"preprocessing": {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}}


IMAGES = 4 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 2


def reached_by_the_image(net, steps) -> dict[str, set[int]]:
    """The steps at which a state depends on the image."""
    with torch.no_grad():
        a, b = dict(net.unroll(IMAGES, steps)), dict(net.unroll(-IMAGES, steps))
    return {
        s: {t for t in a if s in a[t] and not torch.equal(a[t][s], b[t][s])}
        for s in net.state_names
    }


def populated(net, steps) -> dict[str, set[int]]:
    with torch.no_grad():
        found = dict(net.unroll(IMAGES, steps))
    return {s: {t for t in found if s in found[t]} for s in net.state_names}


@pytest.mark.parametrize(
    ("kind", "module", "steps"),
    [
        ("Z", iterated((1, 1, 1, 1)), {"V1": (1,), "V2": (2,), "V4": (3,), "IT": (4,)}),
        ("S", iterated((1, 2, 4, 2)), {"V1": (1,), "V2": (2, 3), "V4": (4, 5, 6, 7), "IT": (8, 9)}),
        (
            "R",
            Unrolled(5, at_once=True),
            {"V1": (1, 2, 3, 4, 5), **dict.fromkeys(AREAS[1:], (2, 3, 4, 5))},
        ),
        (
            "RT",
            Unrolled(5, at_once=False),
            {"V1": (1, 2, 3, 4, 5), "V2": (2, 3, 4, 5), "V4": (3, 4, 5), "IT": (4, 5)},
        ),
    ],
)
def test_each_cornet_populates_a_state_exactly_from_the_step_at_which_the_image_reaches_it(
    kind, module, steps
):
    net = cornet(module, kind, **SMALL)
    assert {s: net.steps[s] for s in AREAS} == steps
    assert net.steps["readout"] == (net.readout,)
    assert populated(net, net.readout) == reached_by_the_image(net, net.readout)
    assert net.card["name"] == f"CORnet-{kind}"


def test_without_the_adapter_the_first_calls_of_rt_do_not_depend_on_the_image():
    """What '@2-' is for: the calls that are left out are the same for every image."""
    from cortexsim.models import wrap

    net = wrap(Unrolled(5, at_once=False), {s: f"{s}.output" for s in AREAS}, as_="calls", **SMALL)
    assert {s: min(t) for s, t in reached_by_the_image(net, 5).items()} == {
        "V1": 1,
        "V2": 2,
        "V4": 3,
        "IT": 4,
    }
    assert {s: min(t) for s, t in populated(net, 5).items()} == dict.fromkeys(AREAS, 1)


def test_the_published_times_of_cornet_s_come_out_on_the_declared_axis():
    net = cornet(iterated(), "S", as_="published", **SMALL)
    axis = TimeAxis(step_ms=10, step_ms_low=10, step_ms_high=10, onset_ms=50)
    for s, times in PUBLISHED_MS.items():
        assert axis.time_ms(net.steps[s]).tolist() == list(times)
    with pytest.raises(ExternalError, match="for CORnet-S, not for -Z"):
        cornet(iterated((1, 1, 1, 1)), "Z", as_="published", **SMALL)


def test_a_cornet_comes_out_of_data_parallel_and_something_else_is_refused():
    assert cornet(nn.DataParallel(iterated((1, 1, 1, 1))), "Z", **SMALL).readout == 4
    with pytest.raises(
        ExternalError, match=r"V1.output, V2.output, V4.output, IT.output are not in it"
    ):
        cornet(nn.Sequential(nn.ReLU()), "Z", **SMALL)
    with pytest.raises(ExternalError, match="no CORnet-X; choose from Z, S, R, RT"):
        cornet(iterated(), "X", **SMALL)
    with pytest.raises(ExternalError, match="called 2 times"):
        cornet(iterated(), "S", as_="static", **SMALL)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["alexnet", "resnet18"])
def test_the_documented_areas_are_the_layers_of_torchvisions_model(name):
    net = torchvision_model(
        name, weights=None, preprocessing={**SMALL["preprocessing"], "size": (64, 64)}
    )
    images = 4 * torch.rand(2, 3, 64, 64) - 2
    states = list(net.unroll(images))[-1][1]
    layers = ASSIGNED[name][0]
    with torch.no_grad():
        x, expected = images, {}
        if name == "alexnet":
            for k, layer in enumerate(net.module.features):
                x = layer(x)
                expected[f"features.{k}"] = x.clone()
        else:
            m = net.module
            x = m.maxpool(m.relu(m.bn1(m.conv1(x))))
            for layer in ("layer1", "layer2", "layer3", "layer4"):
                x = getattr(m, layer)(x)
                expected[layer] = x.clone()
        if name == "alexnet":  # features.7 is followed by an in-place ReLU
            assert (states["V4"] < 0).any() == (expected["features.7"] < 0).any()
        for s, layer in layers.items():
            torch.testing.assert_close(states[s], expected[layer], rtol=0, atol=0)
        torch.testing.assert_close(states["readout"], net.module(images))
    assert net.card["areas"] == ASSIGNED[name][1]
    assert len(net.card["classes"]) == 1000
    assert net.card["name"] == f"torchvision:{name}, untrained, seed 0"


@pytest.mark.slow
def test_fresh_weights_come_from_the_seed_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    nets = [torchvision_model("resnet18", weights=None, seed=s) for s in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    a, b, c = (n.card["weights_sha256"] for n in nets)
    assert a == b != c


@pytest.fixture
def timm(monkeypatch):
    """Stands in for timm: the four things that the adapter uses of it."""
    module = types.ModuleType("timm")

    def create_model(name, pretrained):
        assert not pretrained
        count = int(name[1:])
        blocks = OrderedDict((f"block{k}", nn.Conv2d(3, 3, 1)) for k in range(count))
        net = nn.Sequential(OrderedDict([*blocks.items(), ("head", nn.Flatten())]))
        net.feature_info = [{"module": f"block{k}", "num_chs": 3} for k in range(count)]
        if name.startswith("l"):
            net.output_fmt = "NHWC"
        return net

    module.__version__, module.create_model = "0", create_model
    module.is_model = lambda name: name[1:].isdigit()
    module.list_models = lambda pattern="*": ["n4"]
    config = {"input_size": (3, 8, 6), "mean": (0.1, 0.2, 0.3), "std": (1.0, 1.0, 1.0)}
    module.data = types.SimpleNamespace(resolve_model_data_config=lambda net: config)
    monkeypatch.setitem(sys.modules, "timm", module)


@pytest.mark.usefixtures("timm")
def test_timms_channels_last_and_its_refusals():
    net = timm_model("l4", pretrained=False)
    x = 0.7 * torch.rand(2, 3, 8, 6)
    with torch.no_grad():
        torch.testing.assert_close(
            net.activations(x)["V1"], net.module.block0(x).permute(0, 3, 1, 2)
        )
    with pytest.raises(ExternalError, match="timm lists 3 stages of n3"):
        timm_model("n3", pretrained=False)
    assert timm_model("n3", {"V1": "block0"}, pretrained=False).state_names == ("V1",)
    with pytest.raises(ExternalError, match=r"has no model 'resnet'; e\.g\. n4"):
        timm_model("resnet")
