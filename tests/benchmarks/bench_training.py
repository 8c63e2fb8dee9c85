"""A training step (forward, backward, SGD) of each network.

A plain eager loop written for it against ours, in turn in one process.

    python tests/benchmarks/bench_training.py [--networks cortex4 rnn2] [--repeats 7] [--device
    cuda] [--json numbers.json]

Prints medians as a table: images a second, ratio to the plain loop, and utilisation: multiply-adds
of the step (the backward pass taken as two forward passes) as a share of the rate of a bare
product of square matrices in the same precision, measured in the same run. On CUDA "compiled" is
what ``cortexsim train`` runs there by default: the step compiled and captured as one
graph.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from plain import PLAIN, Plain, copy_weights
from torch.utils.flop_counter import FlopCounterMode

import cortexsim
from cortexsim.provenance import hardware, provenance

BATCH = 64
HEADER = (
    "| network | way | images/s | spread | to plain | G multiply-adds/s | utilisation |\n"
    "|---|---|---|---|---|---|---|"
)


def stepper(module, images, labels, *, compiled=False, bfloat16=False):
    """One step of training as a function; it ends when its loss is known."""
    device = images.device.type
    optimizer = torch.optim.SGD(
        module.parameters(), 0.01, momentum=0.9, fused=device == "cuda" or None
    )

    def loss_of(x, y):
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            logits = module(x)
        return F.cross_entropy(logits.float(), y)

    # The first batch begins the statistics, which is another graph than all later ones.
    module(images)
    if compiled:
        loss_of = torch.compile(loss_of, mode="reduce-overhead" if device == "cuda" else None)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images, labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Multiply-adds a second of a product of square matrices, at best."""
    n = 8192 if device.startswith("cuda") else 2048
    a, b = torch.randn(2, n, n, device=device, dtype=dtype)
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        float((a @ b)[0, 0])
        seconds.append(time.perf_counter() - began)
    return n**3 / min(seconds)


def work_of(net, images) -> float:
    """Multiply-adds of a step on these images."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images)
    return 3 * counter.get_total_flops() / 2


def contenders(name: str, images, labels) -> dict:
    """The ways to take a step, by name.

    The plain loop and ours have the same weights and give the same answers.
    """
    device = images.device
    plain, ours = Plain(**PLAIN[name]).to(device), cortexsim.build(name).to(device)
    copy_weights(plain, ours)
    with torch.no_grad():
        torch.testing.assert_close(plain(images), ours(images), rtol=1e-2, atol=1e-3)
    fresh = [cortexsim.build(name).to(device) for _ in range(2)]
    return {
        "plain eager": stepper(plain, images, labels),
        "ours eager": stepper(ours, images, labels),
        "ours compiled": stepper(fresh[0], images, labels, compiled=True),
        "ours compiled bfloat16": stepper(fresh[1], images, labels, compiled=True, bfloat16=True),
    }


def measured(name: str, repeats: int, device: str, peaks: dict) -> list[dict]:
    """One row for each way: all take a step in turn, ``repeats`` times."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, 32, 32, generator=generator).to(device)
    labels = torch.randint(10, (BATCH,), generator=generator).to(device)
    work = work_of(cortexsim.build(name).to(device), images)
    steps = contenders(name, images, labels)
    seconds: dict[str, list[float]] = {way: [] for way in steps}
    for step in steps.values():
        for _ in range(3):
            step()
    for _ in range(repeats):
        for way, step in steps.items():
            began = time.perf_counter()
            step()
            seconds[way].append(time.perf_counter() - began)
    base = statistics.median(seconds["plain eager"])
    rows = []
    for way, values in seconds.items():
        t = statistics.median(values)
        peak = peaks["bfloat16" if "bfloat16" in way else "float32"]
        rows.append(
            {
                "network": name,
                "way": way,
                "images_per_s": BATCH / t,
                "to_plain": base / t,
                "multiply_adds_per_s": work / t,
                "utilisation": work / t / peak,
                "slowest": BATCH / max(values),
                "quickest": BATCH / min(values),
                "n": repeats,
            }
        )
    return rows


def line(r: dict) -> str:
    return (
        f"| {r['network']} | {r['way']} | {r['images_per_s']:.0f} | "
        f"{r['slowest']:.0f}-{r['quickest']:.0f} | {r['to_plain']:.2f}x | "
        f"{r['multiply_adds_per_s'] / 1e9:.0f} | {r['utilisation']:.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(PLAIN), choices=list(PLAIN))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = options.device
    peaks = {
        str(d).removeprefix("torch."): matrix_rate(device, d)
        for d in (torch.float32, torch.bfloat16)
    }
    where = hardware(torch.device(device))
    rates = ", ".join(f"{k} {v / 1e9:.0f}" for k, v in peaks.items())
    print(
        f"{where}; torch {torch.__version__}; {torch.get_num_threads()} threads; batch {BATCH}; "
        f"bare matrix product, G multiply-adds/s: {rates}\n"
        f"{HEADER}"
    )
    rows = []
    for name in options.networks:
        rows += (new := measured(name, options.repeats, device, peaks))
        print("\n".join(map(line, new)), flush=True)
        torch._dynamo.reset()
    if options.json:
        numbers = {
            "rows": rows,
            "matrix_product": peaks,
            "batch": BATCH,
            "hardware": where,
            "provenance": provenance(),
        }
        options.json.write_text(json.dumps(numbers, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
