"""Appendix A of the memo: a residual network with shared weights is a recurrent network, the two computations equal to the last bit.

What comes out: for depths 2 to 20 a plain PyTorch residual network, written out layer by layer, and the unrolled recurrent net give the same states
after every block and the same logits, in training and in evaluation mode: the largest absolute difference is 0. The parameters of the tied net stay
at 76,426 whatever the depth (the memo's count); those of the untied ResNet grow by 73,856 a block, to 1,405,834 at depth 20 (667,274 at T = 10, the
memo's).

How: the net is ``resnet1`` (one state of 32 x 32 x 64, self transition BRCx2 + I) with fresh weights, read out at T = depth. The residual network is
made of torch.nn.Conv2d and torch.nn.BatchNorm2d, one after the other, all blocks holding the same two convolutions and each block its own BatchNorms
(statistics are time-specific); its weights and statistics are copied from the net. Eight real photographs' crops (shipped with scikit-learn) are the
input.

Inputs: none to download. Outputs: appendix_a_equivalence.png, .pdf and .json.
Run time: 25 s on one core of an AMD EPYC, no GPU.

    python analyses/appendix_a_equivalence.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.common import Config, Report

from cortexsim.cli import parse, run

DEPTHS = tuple(range(2, 21))
IMAGES = 8
SEED = 0
MEMO = {"shared at T = 10": 76426, "not shared at T = 10": 667274}
CLAIM = "Memo, section 2.1 and appendix A: a ResNet with shared weights, layer by layer, and the recurrent net compute the same (exact equality)."


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, draw."""
    config = parse(Config, arguments, "python analyses/appendix_a_equivalence.py", __doc__ or "")
    report = Report("appendix_a_equivalence", config, CLAIM)
    x = crops()
    rows = [compare(depth, x) for depth in DEPTHS]
    draw(report, rows)
    memo = {
        name: {"memo": count, "ours": next(r for r in rows if r["depth"] == 10)[column]}
        for (name, count), column in zip(
            MEMO.items(), ("parameters_recurrent", "parameters_untied"), strict=True
        )
    }
    settings = {"net": "resnet1", "images": IMAGES, "seed": SEED, "precision": "float32"}
    report.numbers(
        [{"name": "sample", "source": "two photographs shipped by scikit-learn, CC BY 2.0"}],
        {"settings": settings, "memo": memo, "by_depth": rows},
    )
    return 0


def crops() -> Any:
    """Images ``(8, 3, 32, 32)``, standardised."""
    from cortexsim.stimuli.images import Preprocessing, sample

    stimuli = sample()
    return Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)(
        [stimuli.read(k) for k in range(0, 6 * IMAGES, 6)]
    )


def compare(depth: int, x: Any) -> dict[str, Any]:
    """Both networks at one depth (readout time T; T - 1 blocks): differences of states and logits, and parameters."""
    import torch

    from cortexsim import build, calibrate
    from cortexsim.models.twin import parameter_count
    from cortexsim.models.zoo import spec

    net = build("resnet1", readout=depth, seed=SEED)
    row: dict[str, Any] = {"depth": depth, "blocks": depth - 1}
    with torch.no_grad():
        for parameter in (
            net.parameters()
        ):  # biases, scale and shift are not to be at their neutral initial values
            parameter += 0.05 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(SEED + 1)
            )
        calibrate(net, x, depth)
        for mode in ("evaluation", "training"):
            net.train(mode == "training")
            plain = residual_network(net, depth)
            theirs = list(plain(x))
            ours = [states["h1"] for _, states in net.unroll(x, depth)]
            row[f"largest_difference_of_states_{mode}"] = max(
                float((a - b).abs().max()) for a, b in zip(ours, theirs[:-1], strict=True)
            )
            row[f"largest_difference_of_logits_{mode}"] = float((net(x) - theirs[-1]).abs().max())
            row[f"largest_state_{mode}"] = float(theirs[-2].abs().max())
    row["parameters_recurrent"] = sum(p.numel() for p in net.parameters())
    row["parameters_residual"] = sum(p.numel() for p in plain.parameters())
    row["parameters_untied"] = parameter_count(spec("resnet1-unshared", readout=depth))
    return row


def residual_network(net: Any, depth: int) -> Any:
    """Plain PyTorch: stem, depth - 1 pre-activation blocks of the same convolutions, post-net; yields every state, then the logits."""
    import torch
    from torch import nn

    def convolution(name: str) -> nn.Conv2d:
        conv = nn.Conv2d(*parameters[f"{name}.weight"].shape[1::-1], 3, padding=1)
        conv.load_state_dict({k: parameters[f"{name}.{k}"] for k in ("weight", "bias")})
        return conv.to(memory_format=torch.channels_last)

    def norm(name: str, row: int) -> nn.BatchNorm2d:
        layer = nn.BatchNorm2d(64, affine=False)
        layer.running_mean, layer.running_var = (
            parameters[f"{name}.mean"][row].clone(),
            parameters[f"{name}.var"][row].clone(),
        )
        return layer

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = convolution("pre_net.convolutions.0")
            self.first, self.second = (
                convolution("convolutions.h1->h1|0"),
                convolution("convolutions.h1->h1|1"),
            )
            self.norms = nn.ModuleList(
                nn.ModuleList((norm("statistics.h1", k), norm("statistics.h1->h1|1", k)))
                for k in range(depth - 1)
            )
            self.last = norm("post_net.statistics", depth - 1)
            self.scale = nn.Parameter(parameters["post_net.affine.scale"].clone())
            self.shift = nn.Parameter(parameters["post_net.affine.shift"].clone())
            self.linear = nn.Linear(64, 10)
            self.linear.load_state_dict(
                {k: parameters[f"post_net.linear.{k}"] for k in ("weight", "bias")}
            )

        def forward(self, x: Any) -> Any:
            h = self.stem(x.contiguous(memory_format=torch.channels_last))
            yield h
            for before, between in self.norms:
                h = self.second(torch.relu(between(self.first(torch.relu(before(h)))))) + h
                yield h
            # Scale and shift as one fused operation, in the net as here: BatchNorm2d's own would round the last bit otherwise.
            scaled = torch.addcmul(
                self.shift[:, None, None], self.last(h), self.scale[:, None, None]
            )
            yield self.linear(torch.relu(scaled).mean((2, 3)))

    parameters = {k: v for k, v in net.state_dict().items() if isinstance(v, torch.Tensor)}
    return ResNet().train(net.training)


def draw(report: Report, rows: list[dict[str, Any]]) -> None:
    """Difference and parameters against depth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    depth = [r["depth"] for r in rows]
    styles = (("#0072b2", "o", "evaluation"), ("#d55e00", "x", "training"))
    for colour, marker, mode in styles:
        worst = [
            max(
                r[f"largest_difference_of_states_{mode}"], r[f"largest_difference_of_logits_{mode}"]
            )
            for r in rows
        ]
        left.plot(depth, worst, color=colour, marker=marker, ls="none", label=f"{mode} mode")
    unit = np.finfo(np.float32).eps
    left.axhline(unit, color="grey", ls=":", lw=1)
    left.text(
        depth[-1],
        unit,
        "one rounding error of 1.0 (float32)",
        ha="right",
        va="bottom",
        fontsize="small",
        color="grey",
    )
    left.set(
        ylim=(-0.1 * unit, 1.3 * unit),
        xlabel="depth (readout time T)",
        ylabel="largest |difference|, states and logits",
    )
    left.set_title("recurrent net − residual network, layer by layer", fontsize="medium")
    left.legend(frameon=False, loc="center right")
    right.plot(
        depth,
        [r["parameters_untied"] for r in rows],
        color="#d55e00",
        marker="^",
        ls="-.",
        label="ResNet, each block its own weights",
    )
    right.plot(
        depth,
        [r["parameters_residual"] for r in rows],
        color="#009e73",
        marker="s",
        ls="--",
        ms=8,
        mfc="none",
        label="ResNet, weights shared",
    )
    right.plot(
        depth,
        [r["parameters_recurrent"] for r in rows],
        color="#0072b2",
        marker="o",
        ms=3,
        ls="-",
        label="recurrent net",
    )
    right.set(ylim=(0, None), xlabel="depth (readout time T)", ylabel="parameters")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.set_xticks(depth[::2])
        axes.spines[["top", "right"]].set_visible(False)
    report.figure(figure)


if __name__ == "__main__":
    run(main)
