"""Peak memory of a training step by the number of steps T, with everything kept and with
``--checkpoint-activations``.

    python tests/benchmarks/bench_memory.py [--network rnn2] [--size 32] [--batch 8] [--steps 4 9
    16 25 36] [--json numbers.json]

Counts the bytes of all live tensors, operation by operation (no allocator, no noise: one run is
exact), less weights and gradients, and fits the exponent of T to the values from the second T on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from live_bytes import LiveBytes

import cortexsim


def peak(name: str, steps: int, batch: int, size: int, again: bool) -> int:
    """Bytes at the worst moment of a forward and backward pass."""
    net = cortexsim.build(name, readout=steps).train()
    net.checkpoint_activations = again
    images = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    with LiveBytes() as live:
        net.readouts(images, (steps,))[steps].sum().backward()
    return live.peak - sum(p.numel() * p.element_size() for p in net.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="rnn2")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 9, 16, 25, 36])
    parser.add_argument("--json", type=Path)
    o = parser.parse_args()
    peaks = {
        k: [peak(o.network, t, o.batch, o.size, k == "checkpointed") for t in o.steps]
        for k in ("all kept", "checkpointed")
    }
    print(
        f"{o.network}, {o.batch} images of {o.size} x {o.size}, MiB\n"
        f"| T | {' | '.join(map(str, o.steps))} | exponent |\n"
        "|" + "---|" * (len(o.steps) + 2)
    )
    exponents = {
        k: float(np.polyfit(np.log(o.steps[1:]), np.log(v[1:]), 1)[0]) for k, v in peaks.items()
    }
    for k, values in peaks.items():
        print(f"| {k} | {' | '.join(f'{v / 2**20:.1f}' for v in values)} | {exponents[k]:.2f} |")
    if o.json:
        o.json.write_text(
            json.dumps(
                {**vars(o), "json": str(o.json), "bytes": peaks, "exponents": exponents}, indent=1
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
