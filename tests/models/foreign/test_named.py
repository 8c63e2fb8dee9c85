"""Networks named on a command line: what there is, what is refused."""

import builtins
import sys
import types
from collections import OrderedDict

import pytest
from others import AREAS
from torch import nn

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.adapters import torchvision_model
from cortexsim.models.foreign.named import external, from_file, is_external, made_in


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torchvision_model("resnet19"), "torchvision has no model 'resnet19'"),
        (
            lambda: torchvision_model("vgg11", weights=None),
            "no assignment of vgg11's layers to areas is documented",
        ),
        (
            lambda: torchvision_model("resnet18", weights="BEST"),
            "choose from IMAGENET1K_V1, DEFAULT or None",
        ),
        (lambda: external("cortex4"), "names nobody's network; give torchvision:NAME"),
        (
            lambda: external("torchvision:resnet18", as_="stairs"),
            "choose from static, staircase, calls",
        ),
        (lambda: external("absent.py:net"), "there is no file 'absent.py'"),
        (lambda: external("absent.py:net", untrained=True), "leave --untrained out"),
        (lambda: external("absent.py:net", as_="static"), "leave --as out"),
    ],
)
def test_what_is_not_there_is_refused(make, message):
    with pytest.raises(ExternalError, match=message):
        make()


def test_weights_that_cannot_be_downloaded_are_one_message(monkeypatch):
    from urllib.error import URLError

    from torchvision.models import ResNet18_Weights

    def refuse(*arguments, **options):
        raise URLError("no connection")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", refuse)
    with pytest.raises(
        ExternalError,
        match=r"torchvision:resnet18 could not be made \(URLError: .*no connection.*--untrained",
    ):
        external("torchvision:resnet18")


def test_a_function_in_a_file_brings_a_network(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\nimport cortexsim\n\n"
        "def net():\n"
        "    small = {'size': (8, 8), 'mean': (0.5,) * 3, 'std': (1,) * 3}\n"
        "    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())\n"
        "    return cortexsim.wrap(module, {'V1': '0'}, preprocessing=small, name='mine')\n"
        "def nothing():\n    return 3\n"
        "def broken():\n    return 1 / 0\n"
    )
    assert external(f"{path}:net").card["name"] == "mine"
    for function, message in (
        ("nothing", "returned a int; return cortexsim.wrap"),
        ("broken", "ZeroDivisionError"),
        ("absent", "no function 'absent'; it has net, nothing, broken"),
    ):
        with pytest.raises(ExternalError, match=message):
            from_file(f"{path}:{function}")
    path.write_text("import nowhere_to_be_found")
    with pytest.raises(ExternalError, match="ModuleNotFoundError"):
        from_file(f"{path}:net")


def test_an_object_in_a_file_is_a_network_and_the_file_may_import_its_neighbours(tmp_path):
    beside = "from cortexsim import State\nareas = [State('V1', 8, 4)]\n"
    (tmp_path / "parts_beside.py").write_text(beside)
    path = tmp_path / "objects.py"
    path.write_text(
        "import cortexsim\nfrom torch import nn\nfrom cortexsim.models import adjacent\n"
        "from parts_beside import areas\n"
        "graph = adjacent(areas)\nspec = cortexsim.Spec(graph, readout=(2,))\n"
        "net = cortexsim.build('cortex4')\nmodule = nn.Conv2d(3, 4, 3)\n"
    )
    assert made_in(f"{path}:spec").readout == (2,)
    assert made_in(f"{path}:graph").states[0].name == "V1"
    assert from_file(f"{path}:net").readout == 8
    assert str(tmp_path) not in sys.path
    with pytest.raises(ExternalError, match=r"module is a Conv2d; give cortexsim\.wrap"):
        from_file(f"{path}:module")
    with pytest.raises(ExternalError, match="no function 'absent'; it has graph, spec, net"):
        from_file(f"{path}:absent")


def test_names_of_external_networks_are_told_from_ours():
    for name in ("torchvision:resnet18", "timm:vit_tiny", "a/b.py:net", r"C:\nets\b.py:net"):
        assert is_external(name)
    for name in ("cortex4", "cortex4-twin", "a.safetensors", "C:\\a.safetensors", "net.py"):
        assert not is_external(name)


def test_without_timm_the_error_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "timm":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ExternalError, match="pip install timm"):
        external("timm:resnet18")


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
@pytest.mark.parametrize(
    ("name", "blocks"),
    [("n4", (0, 1, 2, 3)), ("n5", (1, 2, 3, 4)), ("n12", (2, 5, 8, 11)), ("n24", (5, 11, 17, 23))],
)
def test_timms_stages_are_spaced_evenly_in_depth(name, blocks):
    net = external(f"timm:{name}", untrained=True, seed=3)
    assert net.describe()["states"] == {
        **{s: f"block{k}" for s, k in zip(AREAS, blocks, strict=True)},
        "readout": "",
    }
    assert net.card["preprocessing"] == {
        "size": [8, 6],
        "mean": [0.1, 0.2, 0.3],
        "std": [1.0, 1.0, 1.0],
    }
    assert net.card["name"] == f"timm:{name}, untrained, seed 3"
