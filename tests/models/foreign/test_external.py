"""Other people's modules as networks of states.

Every call a step, nothing overwritten, nothing left behind.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from others import AREAS, Unrolled, iterated
from torch import Tensor, nn

from cortexsim.errors import ExternalError
from cortexsim.models import wrap
from cortexsim.models.foreign.wrap import weights_sha256

SMALL = {"size": (8, 8), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}


OUTPUTS = {s: f"{s}.output" for s in AREAS}


IMAGES = 4 * torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 2


def small(module: nn.Module, states: dict[str, str], **options):
    return wrap(module, states, **{"preprocessing": SMALL, **options})


def unrolled(net, images=IMAGES, steps=None) -> dict[int, dict[str, Tensor]]:
    with torch.no_grad():
        return dict(net.unroll(images, steps))


def by_hand(net: nn.Sequential, calls: tuple[int, ...], images=IMAGES) -> dict[str, list[Tensor]]:
    """Every call of every area, without hooks."""
    out: dict[str, list[Tensor]] = {}
    x = images
    with torch.no_grad():
        for name, times in zip(AREAS, calls, strict=True):
            area = getattr(net, name)
            x = area.inward(x)
            for _ in range(times):
                x = torch.relu(area.lateral(x))
                out.setdefault(name, []).append(x)
    return out


def test_every_call_of_an_iterated_module_is_a_step_and_none_is_lost():
    calls = (1, 2, 4, 2)
    module = iterated(calls)
    net = small(module, OUTPUTS, as_="staircase")
    expected, found = by_hand(module, calls), unrolled(net)
    assert net.readout == 9
    start = 0
    for name, times in zip(AREAS, calls, strict=True):
        for t in range(1, 10):
            n = min(t - start, times)  # held after the last call
            if n < 1:
                assert name not in found[t]
            else:
                torch.testing.assert_close(found[t][name], expected[name][n - 1], rtol=0, atol=0)
        start += times
    # The steps of V4 are distinct tensors, not the last one four times.
    assert len({found[t]["V4"].sum().item() for t in (4, 5, 6, 7)}) == 4


def test_calls_are_the_steps_of_a_module_that_unrolls_itself():
    module = Unrolled(4, at_once=False)
    found = unrolled(small(module, OUTPUTS, as_="calls"))
    outputs: dict = dict.fromkeys(AREAS)
    states: dict = dict.fromkeys(AREAS)
    with torch.no_grad():
        for t in range(1, 5):
            new = {}
            for k, name in enumerate(AREAS):
                area = getattr(module, name)
                x = IMAGES if k == 0 else outputs[AREAS[k - 1]]
                drive = torch.zeros(3, 4, 8, 8) if x is None else area.inward(x)
                states[name] = new[name] = torch.relu(
                    area.lateral(drive + (0 if states[name] is None else states[name]))
                )
                torch.testing.assert_close(found[t][name], new[name], rtol=0, atol=0)
            outputs = new


def test_the_readout_is_the_modules_own_at_the_last_step_only():
    module = iterated()
    net = small(module, OUTPUTS, as_="staircase")
    found = unrolled(net)
    assert [t for t in found if net.logits(found[t], t) is not None] == [9]
    with torch.no_grad():
        torch.testing.assert_close(net.logits(found[9], 9), module(IMAGES), rtol=0, atol=0)
    assert "readout" not in unrolled(small(module, OUTPUTS, as_="staircase", readout=None))[9]


def test_a_readout_with_several_calls_ends_with_the_last_step():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.V1, self.fc = nn.Conv2d(3, 4, 8), nn.Linear(4, 2)

        def forward(self, x):
            return [
                self.fc(self.V1(x * t).flatten(1)) if t > 1 else self.V1(x) for t in range(1, 5)
            ]

    net = small(Net(), {"V1": "V1"}, as_="calls", readout="fc")
    assert net.steps == {"V1": (1, 2, 3, 4), "readout": (2, 3, 4)}
    with pytest.raises(ExternalError, match=r"a list of 4 .*'\[0\]'"):
        small(Net(), {"V1": "V1"}, as_="calls")
    assert small(Net(), {"V1": "V1"}, as_="calls", readout="[-1]").steps["readout"] == (4,)


def test_a_feed_forward_net_has_one_step_or_a_staircase_that_holds():
    module = iterated((1, 1, 1, 1))
    expected = by_hand(module, (1, 1, 1, 1))
    static = unrolled(small(module, OUTPUTS), steps=None)
    assert list(static) == [1]
    stairs = unrolled(small(module, OUTPUTS, as_="staircase"), steps=6)
    for k, name in enumerate(AREAS):
        torch.testing.assert_close(static[1][name], expected[name][0], rtol=0, atol=0)
        assert [t for t in stairs if name in stairs[t]] == list(range(k + 1, 7))
        assert all(torch.equal(stairs[t][name], expected[name][0]) for t in range(k + 1, 7))
    assert [t for t in stairs if "readout" in stairs[t]] == [4, 5, 6]


@pytest.mark.parametrize("seed", range(5))
def test_frames_are_a_pipeline_for_a_feed_forward_net(seed):
    module = iterated((1, 1, 1, 1))
    net = small(module, OUTPUTS, as_="staircase")
    generator = torch.Generator().manual_seed(seed)
    shown = [4 * torch.rand(2, 3, 8, 8, generator=generator) - 2 for _ in range(3)]
    picks = torch.randint(-1, 3, (7,), generator=generator).tolist()
    frames = (
        [None if p < 0 else shown[p] for p in picks] if max(picks) >= 0 else [shown[0], *[None] * 6]
    )
    alone = [by_hand(module, (1, 1, 1, 1), x) for x in shown]
    found = unrolled(net, frames, 9)
    for t in range(1, 10):
        for k, name in enumerate(AREAS):
            frame = t - k - 1
            pick = picks[frame] if 0 <= frame < 7 else -1
            assert (name in found[t]) == (pick >= 0)
            if pick >= 0:
                torch.testing.assert_close(found[t][name], alone[pick][name][0], rtol=0, atol=0)


def test_a_module_that_iterates_by_itself_takes_one_image_and_its_own_number_of_steps():
    net = small(iterated(), OUTPUTS, as_="staircase")
    one, whole = unrolled(net), unrolled(net, [IMAGES] * 9)
    assert all(torch.equal(one[t][s], whole[t][s]) for t in one for s in one[t])
    for frames, steps in (([IMAGES, None], 9), ([IMAGES] * 4, 9), ([IMAGES, IMAGES + 1], 2)):
        with pytest.raises(ExternalError, match="iterates by itself over one image"):
            unrolled(net, frames, steps)
    with pytest.raises(ExternalError, match="ask for 1 to 9"):
        unrolled(net, IMAGES, 10)
    with pytest.raises(ExternalError, match="blanks only"):
        unrolled(net, [None] * 3, 9)
    with pytest.raises(ExternalError, match="10 frames"):
        unrolled(net, [IMAGES] * 10, 9)
    assert list(unrolled(net, IMAGES, 5)[5]) == ["V1", "V2", "V4"]


def test_one_tensor_where_there_are_several_is_an_error_that_says_how_to_choose():
    module = iterated()
    with pytest.raises(
        ExternalError,
        match=r"V2: its submodule is called 2 times .* as_='calls' .* as_='staircase' .* "
        r"'@1' to '@2' or '@last'",
    ):
        small(module, OUTPUTS)
    net = small(module, OUTPUTS, as_="staircase")
    with pytest.raises(ExternalError, match="V2: its submodule is called 2 times"):
        net.activations(IMAGES)
    expected = by_hand(module, (1, 2, 4, 2))
    for text, number in (("@1", 0), ("@3", 2), ("@last", 3), ("@4-", 3)):
        one = small(module, {"V4": "V4.output" + text}).activations(IMAGES)["V4"]
        torch.testing.assert_close(one, expected["V4"][number], rtol=0, atol=0)
    with pytest.raises(ExternalError, match="is called 4 times, and none of these is asked for"):
        small(module, {"V4": "V4.output@5"})


def test_in_place_operations_behind_a_hooked_module_do_not_reach_what_was_recorded():
    conv = nn.Conv2d(3, 4, 3)
    net = small(
        nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 2)), {"V1": "0"}
    )
    with torch.no_grad():
        expected = conv(IMAGES)
    assert (expected < 0).any()  # the ReLU would have set these to 0
    torch.testing.assert_close(net.activations(IMAGES)["V1"], expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("states", "options", "message"),
    [
        ({"V1": "layer"}, {}, r"no submodule 'layer'; the nearest of its \d+: layers"),
        ({"V1": "unused"}, {}, "'unused' is never called"),
        (
            {"V1": "pair"},
            {},
            r"a tuple of 2 \(a tensor \(1, 3, 8, 8\), a dictionary \{half: .*"
            r"'pair\[0\]', 'pair\[1\]'",
        ),
        ({"V1": "pair[1]"}, {}, r"choose one: 'pair\[half\]'"),
        ({"V1": "pair[2]"}, {}, r"\[2\] is not in a tuple of 2"),
        ({"V1": "pair[one]"}, {}, r"\[one\] is not in a tuple of 2"),
        ({"V1": "a b@0"}, {}, "cannot read the address"),
        ({"V1": "layers@1-2"}, {}, "cannot read the address"),
        ({}, {}, "give at least one"),
        ({"readout": "layers"}, {}, "none called 'readout'"),
        ({"V1": "layers"}, {"as_": "stairs"}, "'static' .*'staircase' .*'calls'"),
        ({"V1": "layers"}, {"steps": {"V2": 3}}, "steps are given for V2"),
        ({"V1": "layers"}, {"steps": {"V1": (1, 2)}}, "2 steps are given for 1 calls"),
        ({"V1": "layers"}, {"steps": {"V1": 0}}, "ascend from 1"),
        ({"V1": "layers"}, {"layouts": {"V2": "batch channel"}}, "layouts are given for V2"),
        ({"V1": "layers"}, {"layouts": {"V1": "batch time y x"}}, "say what its axes are"),
        ({"V1": "layers"}, {"readout": "layers"}, r"the readout is of shape \(1, 4, 8, 8\)"),
        ({"V1": "layers"}, {"preprocessing": {"size": (8, 8)}}, "lacks mean, std"),
        (
            {"V1": "layers"},
            {"preprocessing": {**SMALL, "size": (8, 9)}},
            r"fails on images \(1, 3, 8, 9\)",
        ),
        ({"IT": "fc", "V1": "layers"}, {"as_": "staircase"}, "V1 is computed before IT"),
    ],
)
def test_what_cannot_be_wrapped_is_refused_and_nothing_is_left_behind(states, options, message):
    class Pair(nn.Module):
        def forward(self, x):
            return x, {"half": x / 2}

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.pair, self.unused = nn.Conv2d(3, 4, 3, padding=1), Pair(), nn.ReLU()
            self.fc = nn.Linear(4 * 64, 2)

        def forward(self, x):
            self.pair(x)
            return self.fc(self.layers(x).flatten(1))

    module = Net()
    with pytest.raises(ExternalError, match=re.compile(message, re.DOTALL)):
        small(module, states, **options)
    assert not any(m._forward_hooks for m in module.modules())


def test_calls_that_alternate_make_no_staircase():
    with pytest.raises(ExternalError, match="the calls of V1 and V2 alternate"):
        small(Unrolled(3, at_once=True), OUTPUTS, as_="staircase")


def test_tuples_dictionaries_and_the_last_of_several_outputs():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block(x)[1]["logits"]

    class Block(nn.Module):
        def forward(self, x):
            return x, {"logits": x.flatten(1), "maps": [x + 1, x + 2]}

    net = small(Net(), {"V1": "block[0]", "V2": "block[1][maps][-1]"}, readout="block[1][logits]")
    found = unrolled(net)[1]
    torch.testing.assert_close(found["V2"], IMAGES + 2)
    torch.testing.assert_close(found["V1"], IMAGES)
    assert found["readout"].shape == (3, 192)


def test_tokens_features_and_channels_last_become_maps():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.swapped, self.last = nn.Identity(), nn.Identity(), nn.Identity()
            self.flat = nn.Identity()

        def forward(self, x):
            self.tokens(x.flatten(2).transpose(1, 2))  # (batch, token, feature)
            self.swapped(x.flatten(2).permute(2, 0, 1))  # (token, batch, feature)
            self.last(x.permute(0, 2, 3, 1))
            return self.flat(x.mean((2, 3)))

    states = {"tokens": "tokens", "swapped": "swapped", "last": "last", "flat": "flat"}
    layouts = {"swapped": "token batch channel", "last": "batch y x channel"}
    found = unrolled(small(Net(), states, layouts=layouts))[1]
    torch.testing.assert_close(found["last"], IMAGES)
    torch.testing.assert_close(found["tokens"], IMAGES.flatten(2)[..., None])
    torch.testing.assert_close(found["swapped"], IMAGES.flatten(2)[..., None])
    assert found["flat"].shape == (3, 3, 1, 1)
    with pytest.raises(ExternalError, match="swapped has shape"):
        small(Net(), states)


def test_no_hook_no_gradient_and_no_mode_is_left():
    module = iterated()
    module.train()
    net = small(module, OUTPUTS, as_="staircase")
    assert not module.training
    assert not net.training
    states = dict(net.unroll(IMAGES))
    assert not any(x.requires_grad for s in states.values() for x in s.values())
    assert not any(m._forward_hooks for m in module.modules())
    asked = IMAGES.clone().requires_grad_()
    last = list(net.unroll(asked))[-1][1]["IT"]
    last.sum().backward()
    assert asked.grad is not None
    assert asked.grad.abs().sum() > 0
    module.V2.train()
    with pytest.raises(ExternalError, match="training mode"):
        next(net.unroll(IMAGES))
    net.eval()
    next(net.unroll(IMAGES))


@pytest.mark.parametrize(
    "images",
    [torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)],
)
def test_images_of_the_wrong_kind_are_refused(images):
    with pytest.raises(ExternalError, match=r"expected a float tensor \(batch, 3, y, x\)"):
        next(small(iterated(), OUTPUTS, as_="staircase").unroll(images))


def test_a_module_whose_calls_change_is_noticed():
    module = iterated()
    net = small(module, OUTPUTS, as_="staircase")
    module.V4.times = 3
    with pytest.raises(
        ExternalError, match="called 3 times now and 4 times when the module was wrapped"
    ):
        unrolled(net)


def test_a_module_that_fails_in_a_run_leaves_no_hooks():
    module = iterated((1, 1, 1, 1))
    net = small(module, OUTPUTS)
    module.IT.relu = nn.Linear(3, 3).eval()
    with pytest.raises(
        ExternalError, match=r"Sequential fails on images \(3, 3, 8, 8\) \(RuntimeError"
    ):
        unrolled(net)
    assert not any(m._forward_hooks for m in module.modules())


def test_threads_do_not_mix_their_images():
    class Selfish(nn.Module):
        """Keeps something of its input in itself while it runs, as CORnet-S does."""

        def __init__(self):
            super().__init__()
            self.V1, self.V2 = nn.Identity(), nn.Identity()

        def forward(self, x):
            self.kept = self.V1(x)
            threading.Event().wait(0.002)
            return self.V2(self.kept).flatten(1)

    net = small(Selfish(), {"V1": "V1", "V2": "V2"})
    net.checks_images = False
    batches = [torch.full((2, 3, 8, 8), float(k)) for k in range(16)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda b: unrolled(net, b)[1], batches))
    for k, states in enumerate(results):
        assert all((x == k).all() for x in states.values())


def test_the_description_and_the_hash_tell_networks_apart():
    a, b = small(iterated(), OUTPUTS, as_="staircase"), small(iterated(), OUTPUTS, as_="staircase")
    assert (a.describe(), a.card) == (b.describe(), b.card)
    with torch.no_grad():
        next(b.module.parameters()).view(-1)[0] += 1
    assert weights_sha256(b.module) != a.card["weights_sha256"]
    first = {"V1": 4, "V2": 3, "V4": 1, "IT": 3}
    assert small(iterated(), OUTPUTS, as_="calls", steps=first).describe() != a.describe()
    other = {**OUTPUTS, "V2": "V2.relu"}
    assert small(iterated(), other, as_="staircase").describe() != a.describe()
