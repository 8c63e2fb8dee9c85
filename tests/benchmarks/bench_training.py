"""Training step (forward, backward, SGD; batch 64): a plain eager loop for each net against ours, eager and compiled, in turn in one process.

    python tests/benchmarks/bench_training.py [--nets cortex4 rnn2 rnn3-full] [--repeats 7] [--device cpu]

Prints medians, images a second, ratios to the plain loop, and multiply-add rates against a large matrix product measured in the same run.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from plain import PLAIN, Plain, copy_weights
from torch.utils.flop_counter import FlopCounterMode

import cortexsim
from cortexsim.provenance import hardware

BATCH = 64


def stepper(module, forward, images, labels, autocast):
    optimizer = torch.optim.SGD(module.parameters(), 0.01, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            loss = F.cross_entropy(forward(images).float(), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def matrix_rate(device: str) -> float:
    """Multiply-adds a second of a float32 product of 2048 x 2048 matrices."""
    a, b = torch.randn(2, 2048, 2048, device=device)
    times = []
    for _ in range(8):
        began = time.perf_counter()
        float((a @ b)[0, 0])
        times.append(time.perf_counter() - began)
    return 2048**3 / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", default=list(PLAIN), choices=list(PLAIN))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = options.device
    peak = matrix_rate(device)
    print(
        f"{hardware(torch.device(device))}; torch {torch.__version__}; float32 matrix product {peak / 1e9:.0f} G multiply-adds/s"
    )
    for name in options.nets:
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(BATCH, 3, 32, 32, generator=generator).to(device)
        labels = torch.randint(10, (BATCH,), generator=generator).to(device)
        plain, ours = Plain(**PLAIN[name]).to(device), cortexsim.build(name).to(device)
        copy_weights(plain, ours)
        with torch.no_grad():
            torch.testing.assert_close(plain(images), ours(images), rtol=1e-2, atol=1e-3)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            ours(images)
        work = 3 * counter.get_total_flops() / 2  # backward is about twice forward
        compiled = cortexsim.build(name).to(device)
        compiled(images)
        fast = cortexsim.build(name).to(device)
        fast(images)
        contenders = {
            "plain eager": stepper(plain, plain, images, labels, False),
            "ours eager": stepper(ours, ours, images, labels, False),
            "ours compiled": stepper(compiled, torch.compile(compiled.forward), images, labels, False),
            "ours compiled bfloat16": stepper(fast, torch.compile(fast.forward), images, labels, True),
        }
        times = {k: [] for k in contenders}
        for step in contenders.values():
            step(), step()
        for _ in range(options.repeats):
            for key, step in contenders.items():
                began = time.perf_counter()
                step()
                times[key].append(time.perf_counter() - began)
        base = statistics.median(times["plain eager"])
        for key, values in times.items():
            t = statistics.median(values)
            rate = f"{t / BATCH * 1e3:7.2f} ms/image {BATCH / t:7.0f} images/s  {base / t:5.2f}x plain  {work / t / 1e9:5.0f} G multiply-adds/s"
            print(f"{name:10s} {key:24s} {rate} ({work / t / peak:.0%} of the matrix product)", flush=True)
        del contenders, plain, ours, compiled, fast


if __name__ == "__main__":
    main()
