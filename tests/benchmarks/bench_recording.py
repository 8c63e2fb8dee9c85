"""Recording cortex4 (full maps, float16, 8 steps) against the bare forward pass and a plain
sequential write of the same bytes.

    python tests/benchmarks/bench_recording.py [--images 10000] [--folder DIR] [--weights FILE]

Each part runs in a process of its own, three times in turn; medians. Peak memory is the process's
own high-water mark, for 1,000 and all images.

    python tests/benchmarks/bench_recording.py --part processes [--images 10000]

Two processes with one thread each, which record one store together as torchrun would start them,
each bound to a core of its own, against one such process and against one with one thread that may
use both cores (its writer works beside its network); in turn, medians; from the moment at which all
are ready to that at which the store is whole. It needs two idle cores: how many were free is
printed.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH = 64


def images(n: int) -> Path:
    path = Path(tempfile.gettempdir()) / f"cortexsim-benchmark-{n}.npz"
    if not path.exists():
        np.savez(path, x=np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))
    return path


def part(kind: str, n: int, folder: str, weights: str) -> dict[str, float]:
    """One measurement, in this process."""
    import torch

    import cortexsim
    from cortexsim.recording.recorder import Recorder
    from cortexsim.recording.settings import Settings
    from cortexsim.stimuli.images import Preprocessing, load_stimuli

    out = Path(folder) / "benchmark.zarr"
    shutil.rmtree(out, ignore_errors=True)
    if kind == "write":
        block = np.random.default_rng(0).bytes(245_760 * BATCH)
        began = time.perf_counter()
        with open(out, "wb") as file:
            for _ in range(n // BATCH):
                file.write(block)
        seconds = time.perf_counter() - began
        out.unlink()
        return {"seconds": seconds, "bytes": len(block) * (n // BATCH)}
    stimuli = load_stimuli(str(images(n)))
    net = cortexsim.load(weights)
    preprocessing = Preprocessing.from_dict(net.card["preprocessing"])
    if kind == "forward":
        batches = [
            preprocessing([stimuli.read(i) for i in range(s, min(s + BATCH, n))])
            for s in range(0, n, BATCH)
        ]
        with torch.inference_mode():
            list(net.unroll(batches[0], 8))
            began = time.perf_counter()
            for batch in batches:
                for _ in net.unroll(batch, 8):
                    continue
            return {"seconds": time.perf_counter() - began}
    recorder = Recorder(net, stimuli, preprocessing, Settings(dtype="float16", batch_size=BATCH))
    began = time.perf_counter()
    recorder.run(out, "benchmark", progress=False)
    seconds = time.perf_counter() - began
    shutil.rmtree(out)
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


# One process of a recording: all that is not recording is done before it is told to go.
TOGETHER = """
import os, sys, time
from pathlib import Path
import torch
import cortexsim
from cortexsim.processes import Processes
from cortexsim.recording.recorder import Recorder
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.images import Preprocessing, load_stimuli
source, out, weights, batch = sys.argv[1:]
if "CORE" in os.environ:
    os.sched_setaffinity(0, {int(os.environ["CORE"])})
torch.set_num_threads(1)
net = cortexsim.load(weights)
preprocessing = Preprocessing.from_dict(net.card["preprocessing"])
settings = Settings(keep="mean", batch_size=int(batch))
recorder = Recorder(net, load_stimuli(source), preprocessing, settings)
recorder.seconds_per_image()
print("ready", flush=True)
sys.stdin.readline()
before = time.process_time()
recorder.run(Path(out), "benchmark", progress=False, processes=Processes.of_environment())
print(time.process_time() - before, flush=True)
"""


def together(count: int, n: int, folder: str, weights: str, *, bound: bool) -> tuple[float, float]:
    """Seconds in which so many processes record, and the processor time of all of them."""
    cores = sorted(os.sched_getaffinity(0))
    out = Path(folder) / "benchmark.zarr"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", TOGETHER, str(images(n)), str(out), weights, str(BATCH)]
    started = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(count),
                "OMP_NUM_THREADS": "1",
                **({"CORE": str(cores[rank])} if bound else {}),
            },
        )
        for rank in range(count)
    ]
    answers = [process.stdout for process in started if process.stdout]
    assert [answer.readline() for answer in answers] == ["ready\n"] * count
    began = time.perf_counter()
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [answer.readline() for answer in answers]
    seconds = time.perf_counter() - began
    for process in started:
        assert process.wait() == 0
    shutil.rmtree(out)
    return seconds, sum(map(float, said))


def processes(options: argparse.Namespace) -> None:
    """One and two processes in turn."""
    from cortexsim.threads import cores, free_cores

    kinds = {
        "1 that may use both cores": (1, False),
        "1 bound to a core": (1, True),
        "2 bound to a core each": (2, True),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    free = []
    for _ in range(options.repeats):
        for name, (count, bound) in kinds.items():
            free.append(free_cores())
            seconds = together(count, options.images, options.folder, options.weights, bound=bound)
            taken[name].append(seconds)
    n = options.images
    print(
        f"{n:,} images, mean of each channel, batch {BATCH}, one thread each, medians of "
        f"{options.repeats}; free cores before each run: {min(free)} to {max(free)} of {cores()}"
    )
    medians = {
        name: [statistics.median(column) for column in zip(*runs, strict=True)]
        for name, runs in taken.items()
    }
    *_, (two, _) = medians.values()
    for name, (seconds, computed) in medians.items():
        print(
            f"  {name:26s} {seconds:6.2f} s {n / seconds:7.0f} images/s, processor time "
            f"{computed:6.2f} s; two take {seconds / two:.2f} times less"
        )
    print("  goal: two processes 1.8 times the rate of one, on idle cores")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--weights", default="cortex4")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", choices=("forward", "record", "write", "processes"))
    options = parser.parse_args()
    if options.part == "processes":
        processes(options)
        return
    if options.part:
        print(json.dumps(part(options.part, options.images, options.folder, options.weights)))
        return

    def run(kind: str, n: int) -> dict[str, float]:
        command = [
            sys.executable,
            __file__,
            "--part",
            kind,
            "--images",
            str(n),
            "--folder",
            options.folder,
            "--weights",
            options.weights,
        ]
        return json.loads(
            subprocess.run(
                command, check=True, capture_output=True, text=True, env=os.environ
            ).stdout.splitlines()[-1]
        )

    results: dict[str, list[dict[str, float]]] = {"forward": [], "record": [], "write": []}
    for _ in range(options.repeats):
        for kind, values in results.items():
            values.append(run(kind, options.images))
    median = {k: statistics.median(v["seconds"] for v in values) for k, values in results.items()}
    n, size = options.images, results["write"][0]["bytes"]
    print(
        f"{n:,} images, full maps float16, {size / 1e9:.2f} GB, batch {BATCH}, medians of "
        f"{options.repeats}"
    )
    for kind, seconds in median.items():
        print(
            f"  {kind:8s} {seconds:6.2f} s  {n / seconds:7.0f} images/s  "
            f"{size / seconds / 1e6:6.0f} MB/s"
        )
    print(
        f"  recording reaches {median['forward'] / median['record']:.0%} of the bare forward "
        f"pass, {median['write'] / median['record']:.0%} of a plain write"
    )
    small, large = run("record", min(1000, n))["peak_mb"], results["record"][0]["peak_mb"]
    print(
        f"  peak memory {small:.0f} MB for {min(1000, n):,} images, {large:.0f} MB for {n:,}: "
        f"{large / small:.2f}x"
    )


if __name__ == "__main__":
    main()
