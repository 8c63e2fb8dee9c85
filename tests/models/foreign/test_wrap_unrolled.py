"""Modules that return every step at once, count unequally, write into their input."""

import importlib.util
import re
import sys

import pytest
import torch
from others import AREAS, Unrolled, iterated
from torch import Tensor, nn

import cortexsim
from cortexsim.errors import ExternalError, RecordingError
from cortexsim.models import wrap
from cortexsim.models.source import source_sha256

SMALL = {"size": (8, 8), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
IMAGES = 4 * torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 2
STEPS = 4


class Loop(nn.Module):
    """Two areas, V2 one step behind V1; what it returns is the business of its children."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.inward = nn.Conv2d(3, 4, 3, padding=1)
        self.lateral = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.Conv2d(4, 6, 3, padding=1)
        self.fc = nn.Linear(6, 5)

    def steps(self, x: Tensor, count: int) -> list[dict[str, Tensor]]:
        v1 = before = None
        found = []
        for _ in range(count):
            before, v1 = v1, torch.tanh(self.inward(x) + (0 if v1 is None else self.lateral(v1)))
            step = {"V1": v1}
            if before is not None:
                step["V2"] = torch.tanh(self.up(before))
                step["out"] = self.fc(step["V2"].mean((2, 3)))
            found.append(step)
        return found


class Dictionaries(Loop):
    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        return self.steps(x, STEPS)


class Told(Loop):
    def forward(self, x: Tensor, T: int) -> list[dict[str, Tensor]]:
        return self.steps(x, T)


class Stacked(Loop):
    """(batch, time, channel, y, x); zeros where an area has nothing yet."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        steps = self.steps(x, STEPS)
        like = {k: torch.zeros_like(v) for k, v in steps[-1].items()}
        return {k: torch.stack([s.get(k, like[k]) for s in steps], 1) for k in like}


def by_hand(steps: int = STEPS) -> list[dict[str, Tensor]]:
    with torch.no_grad():
        return Loop().steps(IMAGES, steps)


def seen(net) -> dict[int, dict[str, Tensor]]:
    with torch.no_grad():
        return dict(net.unroll(IMAGES))


LISTED = {"V1": "[*][V1]", "V2": "[*][V2]"}
NETS = {
    "a list of dictionaries": lambda: wrap(
        Dictionaries(), LISTED, readout="[*][out]", preprocessing=SMALL
    ),
    "forward(x, T)": lambda: wrap(
        Told(), LISTED, readout="[*][out]", arguments={"T": STEPS}, preprocessing=SMALL
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_a_list_with_a_dictionary_a_step_gives_each_state_at_its_steps(name):
    net, steps = NETS[name](), by_hand()
    assert net.steps == {"V1": (1, 2, 3, 4), "V2": (2, 3, 4), "readout": (2, 3, 4)}
    assert net.readout == STEPS
    assert net.readable(STEPS) == (2, 3, 4)
    found = seen(net)
    for step, expected in enumerate(steps, start=1):
        names = {k if k != "out" else "readout" for k in expected}
        assert set(found[step]) == names
        for key, value in expected.items():
            ours = found[step]["readout" if key == "out" else key]
            torch.testing.assert_close(ours, value, rtol=0, atol=0)


@pytest.mark.parametrize("by_state", [True, False])
def test_a_tensor_with_an_axis_of_time_is_a_state_at_every_step(by_state):
    text = "batch time channel y x"
    layouts = {"V1": text, "V2": text, "readout": "batch time class"} if by_state else text
    states = {"V1": "[V1]", "V2": "[V2]"}
    readout = "[out]" if by_state else None
    net = wrap(Stacked(), states, readout=readout, layouts=layouts, preprocessing=SMALL)
    found = seen(net)
    assert list(found) == [1, 2, 3, 4]
    for step, expected in enumerate(by_hand(), start=1):
        for key in ("V1", "V2"):
            value = expected.get(key, torch.zeros_like(found[step][key]))
            torch.testing.assert_close(found[step][key], value, rtol=0, atol=0)
        if by_state and "out" in expected:
            torch.testing.assert_close(found[step]["readout"], expected["out"], rtol=0, atol=0)


def test_a_readout_over_time_says_how_it_is_declared():
    with pytest.raises(ExternalError, match=r"layouts=\{'readout': 'batch time class'}"):
        wrap(
            Stacked(),
            {"V1": "[V1]"},
            readout="[out]",
            layouts="batch time channel y x",
            preprocessing=SMALL,
        )


def test_a_tensor_of_five_axes_says_how_time_is_declared():
    with pytest.raises(ExternalError, match=r"layouts=\{'V1': 'batch time channel y x'}"):
        wrap(Stacked(), {"V1": "[V1]"}, readout=None, preprocessing=SMALL)


def test_one_step_of_several_is_still_one_to_choose():
    net = wrap(
        Dictionaries(),
        {"V1": "[*][V1]@last", "V2": "[*][V2]@3-"},
        readout=None,
        preprocessing=SMALL,
    )
    assert net.steps == {"V1": (4,), "V2": (3, 4)}
    torch.testing.assert_close(seen(net)[4]["V1"], by_hand()[3]["V1"], rtol=0, atol=0)


def test_forward_without_its_argument_says_what_failed():
    with pytest.raises(ExternalError, match=r"argument: 'T'.*arguments=\{'T': \.\.\.\}"):
        wrap(Told(), LISTED, readout=None, preprocessing=SMALL)


class Gone(nn.Module):
    def forward(self, x: Tensor) -> list[Tensor | None]:
        return [None, x, None]


class Never(nn.Module):
    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        return [{"V2": x}, {"V2": x}]


@pytest.mark.parametrize(
    ("module", "address", "message"),
    [
        (Gone(), "[*]", "there at step 2 and gone at step 3"),
        (Never(), "[*][V1]", r"no step has \[V1\]"),
        (nn.Identity(), "[*]", r"\[\*\] takes every element of a list.*a tensor"),
        (Never(), "[*][*]", r"\[\*\] twice"),
    ],
)
def test_lists_that_are_no_steps_are_refused(module, address, message):
    with pytest.raises(ExternalError, match=message):
        wrap(module, {"V1": address}, readout=None, preprocessing=SMALL)


def test_unequal_numbers_of_calls_are_not_put_side_by_side():
    outputs = {s: f"{s}.output" for s in AREAS}
    with pytest.raises(ExternalError, match=r"V1 1, V2, IT 2, V4 4.*steps=\{'V1': 4\}"):
        wrap(iterated(), outputs, as_="calls", preprocessing=SMALL)
    steps = {"V1": 1, "V2": 2, "V4": 4, "IT": 8}
    net = wrap(iterated(), outputs, as_="calls", steps=steps, preprocessing=SMALL)
    assert net.steps["V2"] == (2, 3)
    same = wrap(Unrolled(5, at_once=True), outputs, as_="calls", preprocessing=SMALL)
    assert {len(s) for name, s in same.steps.items() if name != "readout"} == {5}


class Writes(nn.Module):
    """Normalises its input in place, as some people's modules do."""

    def __init__(self) -> None:
        super().__init__()
        self.V1 = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2).add_(1)
        return self.V1(x).flatten(1)


def test_a_module_that_writes_into_its_input_writes_into_a_copy():
    net, x = wrap(Writes(), {"V1": "V1"}, preprocessing=SMALL), IMAGES.clone()
    for _ in range(2):
        (_, states), *_ = net.unroll(x)
        assert torch.equal(states["V1"], 2 * IMAGES + 1)
        net.activations(x)
        net(x)
    assert torch.equal(x, IMAGES)


def test_gradients_reach_the_images_through_the_copy():
    x = IMAGES.clone().requires_grad_()
    wrap(Writes(), {"V1": "V1"}, preprocessing=SMALL).activations(x)["V1"].sum().backward()
    assert torch.equal(x.grad, torch.full_like(x, 2))


class Returns(nn.Module):
    def __init__(self, change) -> None:
        super().__init__()
        self.V1, self.change = nn.Identity(), change

    def forward(self, x: Tensor) -> Tensor:
        self.V1(self.change(x))
        return x.flatten(1)


KINDS = {
    "complex": torch.fft.rfft2,
    "sparse": lambda x: x.to_sparse(),
    "of truth values": lambda x: x > 0,
    "of whole numbers": lambda x: x.round().long(),
    "on the device meta, without numbers": lambda x: x.to("meta"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_that_are_no_dense_real_numbers_are_refused_by_name(kind):
    with pytest.raises(ExternalError, match=rf"V1 \(V1\): its output is {re.escape(kind)} \("):
        wrap(Returns(KINDS[kind]), {"V1": "V1"}, preprocessing=SMALL)


def test_weights_without_numbers_are_refused():
    module = nn.Sequential(nn.Conv2d(3, 2, 3, device="meta"), nn.Flatten())
    with pytest.raises(ExternalError, match=r"2 weights of Sequential hold no numbers.*0\.weight"):
        wrap(module, {"V1": "0"}, preprocessing=SMALL)


def test_names_of_classes_are_counted():
    options = {"readout": "[*][out]", "preprocessing": SMALL}
    with pytest.raises(ExternalError, match="3 names of classes are given, the readout has 5"):
        wrap(Dictionaries(), LISTED, classes=["a", "b", "c"], **options)
    assert wrap(Dictionaries(), LISTED, classes=list("abcde"), **options).classes == 5


# Whose source is it?

CODE = """
import torch
from torch import nn
import {helper}


class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.V1 = nn.Identity()

    def forward(self, x):
        return {helper}.squash(self.V1({factor} * x)).flatten(1)


def make():
    import cortexsim

    small = {{"size": (8, 8), "mean": (0.5,) * 3, "std": (0.25,) * 3}}
    return cortexsim.wrap(Mine(), {{"V1": "V1"}}, preprocessing=small)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def made(folder, name: str, *, factor: int, helper: str, squash: str = "tanh"):
    (folder / f"{helper}.py").write_text(
        f"import torch\n\n\ndef squash(x):\n    return torch.{squash}(x)\n"
    )
    file = folder / f"{name}.py"
    file.write_text(CODE.format(factor=factor, helper=helper))
    sys.modules.pop(helper, None)
    importlib.invalidate_caches()
    return f"{file}:make"


def test_the_source_tells_networks_with_the_same_classes_and_weights_apart(folder):
    from cortexsim.models.foreign.named import external

    a = external(made(folder, "mine", factor=1, helper="squashing_a"))
    again = external(f"{folder / 'mine.py'}:make")
    assert a.describe() == again.describe()
    other = external(made(folder, "mine", factor=2, helper="squashing_a"))
    assert other.describe()["architecture"] == a.describe()["architecture"]
    assert other.describe()["source"] != a.describe()["source"]
    beside = external(made(folder, "mine", factor=1, helper="squashing_a", squash="sigmoid"))
    assert beside.describe()["source"] != a.describe()["source"]


@pytest.mark.parametrize(
    ("imports", "inside", "value"),
    [
        ("from helper import H", "", "H"),
        ("", "import helper", "helper.H"),
        ("import helper as other", "", "other.H"),
        ("from .ops import H", "", "H"),
        ("from pkg.ops import H", "", "H"),
        ("from .. import ops", "", "ops.H"),
        ("from pkg.models.deep import H", "", "H"),
    ],
)
def test_what_is_imported_in_whatever_way_is_part_of_the_source(
    tmp_path, monkeypatch, imports, inside, value
):
    """A constant by name, an import inside forward, a file above the module's folder."""
    models = tmp_path / "pkg" / "models"
    models.mkdir(parents=True)
    for folder in (models, models.parent):
        (folder / "__init__.py").write_text("")
    text = (
        f"from torch import nn\n{imports}\n\n\nclass Mine(nn.Module):\n"
        f"    def forward(self, x):\n        {inside or 'pass'}\n        return {value} * x\n"
    )
    (models / "net.py").write_text(text)
    (models / "deep.py").write_text("from pkg.ops import H\n")
    constants = [models / "helper.py", tmp_path / "helper.py", models / "ops.py"]
    constants.append(models.parent / "ops.py")
    for path in constants:
        path.write_text("H = 1\n")
    (tmp_path / "unrelated.py").write_text("H = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(models)
    importlib.invalidate_caches()
    for name in [n for n in sys.modules if n.split(".")[0] in ("pkg", "helper")]:
        monkeypatch.delitem(sys.modules, name)
    net = importlib.import_module("pkg.models.net").Mine()
    before = source_sha256(net)
    (tmp_path / "unrelated.py").write_text("H = 3\n")
    assert source_sha256(net) == before
    for path in constants:
        path.write_text("H = 2\n")
    assert source_sha256(net) != before


def test_a_class_without_a_file_is_told_by_its_code():
    def of(text: str) -> str:
        space: dict = {"nn": nn, "__name__": "typed"}
        exec(compile(text, "<stdin>", "exec"), space)
        return source_sha256(space["Mine"]())

    text = "class Mine(nn.Module):\n    def forward(self, x):\n        return {} * x\n"
    assert of(text.format(2)) == of(text.format(2)) != of(text.format(3))


def test_resuming_after_the_source_changed_is_refused(folder):
    from cortexsim.models.foreign.named import external

    out = folder / "mine.zarr"
    net = external(made(folder, "mine", factor=1, helper="squashing_b"))
    first = cortexsim.record_network(net, "sample", out=out)["V1"].activation.values
    net = external(f"{folder / 'mine.py'}:make")
    same = cortexsim.record_network(net, "sample", out=out, resume=True)
    assert (same["V1"].activation.values == first).all()
    changed = external(made(folder, "mine", factor=2, helper="squashing_b"))
    with pytest.raises(RecordingError, match="source"):
        cortexsim.record_network(changed, "sample", out=out, resume=True)
