"""RSA against rsatoolbox 0.3.2 and against the bare operation underneath, in turn in one process.

    python tests/benchmarks/bench_rsa.py [--only rdm,movie,...] [--repeats 3] [--folder DIR]
    [--quick] [--json FILE]

Medians of interleaved repeats; what takes the peer minutes is run once (said in the table). The
movie runs in processes of its own, because its peak memory is that of a process, and reads its
store from disk, not from the page cache. --quick leaves out the 5000-condition RDM of the peer
(minutes).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]


def clock(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        work()
    return time.perf_counter() - began


def in_turn(repeats: int, **works: Callable[[], Any]) -> dict[str, float]:
    """Median seconds of each, run in turn after one run of ours that is not counted (compilation,
    page faults).
    """
    works["ours"]()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            seconds[name].append(clock(work))
    return {name: statistics.median(values) for name, values in seconds.items()}


def row(work: str, goal: str, seconds: dict[str, float], note: str = "") -> dict[str, Any]:
    return {"work": work, "goal": goal, "seconds": seconds, "note": note}


def near_duplicates(repeats: int, n: int, features: int) -> dict[str, Any]:
    """Patterns that differ by a thousandth, beside as many that are unlike each other."""
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    from cortexsim.analysis import rdms

    rng = np.random.default_rng(0)
    noise = rng.standard_normal((n, features), dtype=np.float32)
    alike = rng.standard_normal(features, dtype=np.float32) + np.float32(1e-3) * noise
    seconds = in_turn(
        max(9, repeats),
        ours=lambda: rdms(alike),
        unlike=lambda: rdms(noise),
        ssyrk=lambda: noise @ noise.T,
    )
    rows = alike.astype(np.float64)
    rows -= rows.mean(1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    exact, found = pdist(rows, "sqeuclidean") / 2, rdms(alike).astype(np.float64)
    error, rank = float(np.abs(found / exact - 1).max()), float(spearmanr(found, exact)[0])
    cost = seconds["ours"] / seconds["unlike"]
    return row(
        f"correlation RDM of near-duplicates {n} x {features} float32",
        "<= 1.15 of unlike patterns; error <= 1e-3; rank r > 0.999",
        seconds,
        f"{cost:.2f} of unlike; error {error:.1e}; rank r {rank:.6f}",
    )


def bench_rdm(repeats: int, quick: bool) -> Rows:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    from cortexsim.analysis import rdms

    rows = []
    for n in (1000, 5000):
        x = np.random.default_rng(0).standard_normal((n, 8192), dtype=np.float32)
        data = Dataset(x)
        seconds = in_turn(repeats, ours=lambda x=x: rdms(x), ssyrk=lambda x=x: x @ x.T)
        if n == 1000 or not quick:
            seconds["rsatoolbox"] = clock(lambda data=data: calc_rdm(data, method="correlation"))
        rows.append(
            row(
                f"correlation RDM {n} x 8192 float32",
                {1000: ">= 40x", 5000: ">= 60x; <= 1.25 ssyrk"}[n],
                seconds,
                "peer once",
            )
        )
        seconds = in_turn(
            repeats,
            ours=lambda x=x: rdms(x, "sqeuclidean"),
            rsatoolbox=lambda data=data: calc_rdm(data, method="euclidean"),
        )
        rows.append(row(f"squared Euclidean {n} x 8192 float32", ">= 0.91x", seconds))
    rows += [near_duplicates(repeats, n, features) for n, features in ((1000, 4096), (1000, 8192))]
    x = np.random.default_rng(0).standard_normal((8, 92, 8192))
    labels = {"c": np.tile(np.arange(92), 8), "r": np.repeat(np.arange(8), 92)}
    data = Dataset(x.reshape(-1, 8192), obs_descriptors=labels)
    peer = clock(lambda: calc_rdm(data, method="crossnobis", descriptor="c", cv_descriptor="r"))
    seconds = in_turn(repeats, ours=lambda: rdms(x, "crossnobis", runs=0))
    rows.append(
        row("crossnobis, 8 runs, 92 x 8192", ">= 40x", {**seconds, "rsatoolbox": peer}, "peer once")
    )
    return rows


NAMES = {
    "cosine": "cosine",
    "pearson": "corr",
    "spearman": "spearman",
    "cosine-whitened": "cosine_cov",
    "pearson-whitened": "corr_cov",
    "tau-a": "tau-a",
}


def bench_compare(repeats: int, quick: bool) -> Rows:
    from rsatoolbox.rdm import RDMs
    from rsatoolbox.rdm import compare as peer

    from cortexsim.analysis import compare

    rng = np.random.default_rng(0)
    models, data = rng.random((64, 4186)), rng.random((20_816, 4186))
    theirs = RDMs(models), RDMs(data)
    rows = []
    for ours, name in NAMES.items():
        if ours == "tau-a":
            continue
        goal = ">= 25x" if "white" in ours else ">= 15x"
        seconds = in_turn(
            repeats,
            ours=lambda c=ours: compare(models, data, c),
            gemm=lambda: models @ data.T,
            rsatoolbox=lambda c=name: peer(*theirs, c),
        )
        rows.append(row(f"64 x 20,816 RDMs of 92 conditions, {ours}", goal, seconds))
    # About 40 values tie at each of a hundred levels.
    few, many = (
        np.round(models[:16], 2),
        np.round(data[:64], 2),
    )
    pair = RDMs(few[:4]), RDMs(many[:16])
    seconds = in_turn(
        repeats, ours=lambda: compare(few, many, "tau-a"), rsatoolbox=lambda: peer(*pair, "tau-a")
    )
    per = {"ours": seconds["ours"] / (16 * 64), "rsatoolbox": seconds["rsatoolbox"] / (4 * 16)}
    rows.append(row("Kendall tau-a with ties, a pair of RDMs of 92 conditions", ">= 30x", per))
    return rows


def bench_bootstrap(repeats: int, quick: bool) -> Rows:
    from rsatoolbox.inference import eval_bootstrap
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    from cortexsim.analysis import Inference, evaluate

    rng = np.random.default_rng(0)
    models = rng.random((64, 4186))
    data = rng.random((16, 4186)) + models[0]
    theirs = [ModelFixed(str(k), m) for k, m in enumerate(models)]
    few = 6
    rows = []
    for ours, name in (
        ("cosine", "cosine"),
        ("pearson", "corr"),
        ("cosine-whitened", "cosine_cov"),
        ("spearman", "spearman"),
    ):
        seconds = in_turn(
            repeats,
            ours=lambda c=ours: evaluate(
                models, data, comparator=c, inference=Inference(permutations=0)
            ),
            with_null=lambda c=ours: evaluate(
                models, data, comparator=c, inference=Inference(permutations=1000)
            ),
        )
        seconds["rsatoolbox"] = (
            clock(lambda c=name: eval_bootstrap(theirs, RDMs(data), method=c, N=few)) * 1000 / few
        )
        goal = {"spearman": ">= 100x", "cosine-whitened": ""}.get(ours, ">= 400x; <= 1 s")
        note = (
            f"ours: three bootstraps, intervals, tests; peer: one bootstrap, from {few} of 1000 "
            "resamples"
        )
        rows.append(
            row(
                f"1000 dual-bootstrap resamples with ceilings, 64 x 16 x 92, {ours}",
                goal,
                seconds,
                note,
            )
        )
    return rows


def make_store(path: Path, stimuli: int = 1000, features: int = 16_384, steps: int = 16) -> None:
    """A recording of noise.

    4 states x 16 steps x 1000 stimuli x 16,384 features of float32, 4.2 GB.
    """
    from cortexsim.recording.writer import Plan, Variable, Writer
    from cortexsim.timeaxis import TimeAxis

    axis, t = TimeAxis(), np.arange(1, steps + 1)
    names = ["V1", "V2", "V4", "IT"]
    variables = tuple(
        Variable(n, "activation", ("unit",), (features,), "float32", (True,) * steps) for n in names
    )
    known = {
        "model": "noise",
        "states": names,
        "variables": [f"{n}/activation" for n in names],
        "keep": "full",
    }
    times = {
        "step": t,
        "time_ms": axis.time_ms(t),
        "time_ms_low": axis.low_ms(t),
        "time_ms_high": axis.high_ms(t),
    }
    ids = [str(k) for k in range(stimuli)]
    rng = np.random.default_rng(0)
    with Writer(path, Plan(known, variables, times, {}, ids, [""] * stimuli, 64, "none")) as writer:
        for start in range(0, stimuli, 64):
            count = min(64, stimuli - start)
            writer.put(
                start,
                {
                    (v.group, v.name): rng.standard_normal(
                        (steps, count, features), dtype=np.float32
                    )
                    for v in variables
                },
            )


def cold(path: Path) -> list[Path]:
    """The store out of the page cache."""
    os.sync()
    files = sorted(path.rglob("c.*"))
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    return files


def movie_part(kind: str, path: Path) -> dict[str, float]:
    """One measurement of the movie, in this process."""
    if kind == "make":
        make_store(path)
        return {}
    files = cold(path)
    if kind == "read":
        buffer = bytearray(4 << 20)
        began = time.perf_counter()
        for name in files:
            with open(name, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
    elif kind == "products":
        x = np.random.default_rng(0).standard_normal((1000, 16_384), dtype=np.float32)
        began = time.perf_counter()
        for _ in range(64):
            x @ x.T
    else:
        from cortexsim.analysis import rdm_movie

        began = time.perf_counter()
        rdm_movie(path, progress=False)
    seconds = time.perf_counter() - began
    # (ru_maxrss of a child can be its parent's.)
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    assert peak is not None
    return {"seconds": seconds, "peak_gb": int(peak[1]) / 1e6}


def bench_movie(repeats: int, folder: Path) -> Rows:
    path = folder / "cortexsim-benchmark-movie.zarr"
    shutil.rmtree(path, ignore_errors=True)

    def part(kind: str) -> dict[str, float]:
        command = [sys.executable, __file__, "--part", kind, "--folder", str(path)]
        return json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[
                -1
            ]
        )

    part("make")
    kinds = ("read", "products", "movie")
    parts: dict[str, list[dict[str, float]]] = {k: [] for k in kinds}
    for _ in range(repeats):
        for kind in kinds:
            parts[kind].append(part(kind))
    shutil.rmtree(path)
    median = {k: statistics.median(p["seconds"] for p in v) for k, v in parts.items()}
    seconds = {"ours": median["movie"], "read": median["read"], "products": median["products"]}
    ratio = median["movie"] / max(median["read"], median["products"])
    peak = max(p["peak_gb"] for p in parts["movie"])
    note = f"{ratio:.2f} of max(read, products); peak memory {peak:.2f} GB"
    return [
        row(
            "RDM movie 4 x 16 x 1000 x 16384 float32, cold",
            "<= 1.6 max(read, products); <= 0.6 GB",
            seconds,
            note,
        )
    ]


def bench_record(repeats: int, quick: bool) -> Rows:
    """Noise images through cortex4 and, 37 times as many multiply-adds, rnn3-full.

    All states and steps, full maps.
    """
    import torch

    import cortexsim
    from cortexsim.analysis.movie.while_recording import movie_while_recording
    from cortexsim.recording.recorder import Recorder
    from cortexsim.recording.settings import Settings
    from cortexsim.stimuli.images import Preprocessing, load_stimuli

    rows = []
    large = cortexsim.build("rnn3-full", seed=0)
    cortexsim.calibrate(large, torch.randn(32, 3, 32, 32), large.readout)
    for name, net, n in (
        *(("cortex4", cortexsim.load("cortex4"), n) for n in (92, 500, 1000)),
        *(("rnn3-full", large, n) for n in (92, 300)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            np.savez(
                f"{folder}/x.npz",
                x=np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8),
            )
            stimuli = load_stimuli(f"{folder}/x.npz")
            recorder = Recorder(
                net, stimuli, Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3), Settings()
            )
            out = (Path(folder) / f"{k}.zarr" for k in itertools.count())
            maps = [
                np.ones((n, int(np.prod(v.shape))), np.float32)
                for v in recorder.variables
                if v.group != "readout"
            ]
            steps = [sum(v.populated) for v in recorder.variables if v.group != "readout"]

            def bare(recorder: Any = recorder) -> None:
                for _ in recorder.batches(progress=False):
                    pass

            def with_rdm(recorder: Any = recorder, out: Any = out) -> None:
                movie_while_recording(
                    recorder, "correlation", next(out), "", memory=4 << 30, progress=False
                )

            def products(maps: Any = maps, steps: Any = steps) -> None:
                for x, count in zip(maps, steps, strict=True):
                    for _ in range(count):
                        x @ x.T

            seconds = in_turn(repeats, ours=with_rdm, recording=bare, products=products)
        cost, least = (
            seconds["ours"] / seconds["recording"] - 1,
            seconds["products"] / seconds["recording"],
        )
        note = f"costs {cost:+.0%}, of which the bare products {least:+.0%}"
        rows.append(
            row(
                f"recording {n} images with --rdm, {name}, {sum(steps)} RDMs",
                "<= 25 % more",
                seconds,
                note,
            )
        )
    return rows


def bench_gpu(repeats: int, quick: bool) -> Rows:
    import torch

    from cortexsim.analysis import rdms

    if not torch.cuda.is_available():
        return [
            row("correlation RDM on a GPU (torch)", "", {}, "no CUDA device here: not measured")
        ]
    rows = []
    for n in (1000, 5000):
        x = torch.randn(n, 8192, device="cuda")

        def ours(x: Any = x) -> None:
            rdms(x)
            torch.cuda.synchronize()

        def product(x: Any = x) -> None:
            x @ x.T
            torch.cuda.synchronize()

        rows.append(
            row(
                f"correlation RDM {n} x 8192 on {torch.cuda.get_device_name()}",
                "",
                in_turn(repeats, ours=ours, gemm=product),
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="rdm,compare,bootstrap,record,movie,gpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(movie_part(options.part, options.folder)))
        return
    kinds = {
        "rdm": bench_rdm,
        "compare": bench_compare,
        "bootstrap": bench_bootstrap,
        "record": bench_record,
        "gpu": bench_gpu,
    }
    rows: Rows = []
    for name in options.only.split(","):
        done = (
            bench_movie(options.repeats, options.folder)
            if name == "movie"
            else kinds[name](options.repeats, options.quick)
        )
        for r in done:
            s = r["seconds"]
            times = "  ".join(
                f"{k} {1e3 * v:,.3g} ms" if v < 1 else f"{k} {v:,.3g} s" for k, v in s.items()
            )
            factor = (
                f"  {s['rsatoolbox'] / s['ours']:,.1f}x rsatoolbox" if "rsatoolbox" in s else ""
            )
            floor = "".join(f"  {s['ours'] / s[k]:.2f} of {k}" for k in ("ssyrk", "gemm") if k in s)
            print(
                f"{r['work']}\n    {times}{factor}{floor}  [goal {r['goal'] or '-'}]  {r['note']}",
                flush=True,
            )
        rows += done
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
