"""Encoding against himalaya, scikit-learn and the bare matrix products underneath, in turn in one
process.

    python tests/benchmarks/bench_encoding.py [--only ridge,pls,null] [--repeats 3] [--quick |
    --full] [--json FILE]

Medians of interleaved repeats; scikit-learn's PLS is run once. Sizes are 1000 stimuli x 4096 units
x 2000 targets; --quick takes a quarter of the stimuli and half of the rest, --full the 2000 x 8192
x 6000 of the house's measurements (minutes).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from bench_rsa import Rows, clock, in_turn, row

from cortexsim.analysis import Inference

SIZES = {"quick": (250, 2048, 1000), "default": (1000, 4096, 2000), "full": (2000, 8192, 6000)}
FOLDS, ALPHAS, COMPONENTS = 5, np.logspace(-3, 5, 20), 25


def data(size: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Patterns with a falling spectrum, and responses of which half is linear in them."""
    n, d, targets = size
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d), dtype=np.float32) * np.linspace(1, 0.05, d, dtype=np.float32)
    signal = x[:, :50] @ rng.standard_normal((50, targets), dtype=np.float32)
    return x, signal / signal.std(0) + rng.standard_normal((n, targets), dtype=np.float32)


def bench_ridge(repeats: int, size: tuple[int, int, int]) -> Rows:
    """One choice of penalties by 5 folds and the fit with them.

    What ``encode`` does for each of its own folds.
    """
    import torch
    from himalaya.backend import get_backend, set_backend
    from himalaya.kernel_ridge import KernelRidgeCV

    from cortexsim.analysis.linear.patterns import Patterns
    from cortexsim.analysis.linear.ridge import ridge
    from cortexsim.analysis.linear.settings import Settings
    from cortexsim.analysis.linear.splits import Split

    x, y = data(size)
    n = len(x)
    split = Split(np.arange(n), np.arange(5), np.arange(n) % FOLDS)
    on = torch.device("cpu")
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    wide = y[:, None].astype(np.float64)

    def ours() -> Any:
        return ridge(Patterns(x, on, "bench"), split, Settings(ALPHAS, COMPONENTS, None))(wide)

    def peer() -> Any:
        before = get_backend().name
        set_backend("torch")
        try:
            scale = float((x - x.mean(0)).var(0).sum())
            return KernelRidgeCV(alphas=ALPHAS * scale, cv=FOLDS).fit(*tensors)
        finally:
            set_backend(before)

    def gemm() -> None:
        held = n // FOLDS
        predict = torch.zeros(len(ALPHAS) * held, n - held)
        torch.mm(tensors[0], tensors[0].T)
        for _ in range(FOLDS):
            torch.mm(predict, tensors[1][: n - held])

    seconds = in_turn(repeats, ours=ours, gemm=gemm, himalaya=peer)
    work = (
        f"ridge, {n} stimuli x {x.shape[1]} units x {y.shape[1]} targets, {FOLDS} folds, "
        f"{len(ALPHAS)} alphas"
    )
    return [
        row(
            work,
            "faster than himalaya's KernelRidgeCV",
            seconds,
            "gemm: K and the inner predictions alone",
        )
    ]


def bench_pls(repeats: int, size: tuple[int, int, int]) -> Rows:
    """One fit and the predictions of a tenth of the stimuli."""
    import torch
    from sklearn.cross_decomposition import PLSRegression

    from cortexsim.analysis.linear.patterns import Patterns
    from cortexsim.analysis.linear.pls import pls
    from cortexsim.analysis.linear.settings import Settings
    from cortexsim.analysis.linear.splits import Split

    x, y = data(size)
    n = len(x)
    order = np.random.default_rng(1).permutation(n)
    train, test = order[n // 10 :], order[: n // 10]
    split = Split(train, test, np.zeros(len(train), dtype=int))
    wide = y[:, None].astype(np.float64)

    def ours() -> Any:
        return pls(
            Patterns(x, torch.device("cpu"), "bench"), split, Settings(ALPHAS, COMPONENTS, None)
        )(wide)

    def peer() -> Any:
        return PLSRegression(COMPONENTS, scale=False).fit(x[train], y[train]).predict(x[test])

    difference = np.abs(ours().prediction[:, 0] - peer()).max()
    seconds = {**in_turn(repeats, ours=ours), "scikit-learn": clock(peer)}
    work = f"PLS, {COMPONENTS} components, {n} stimuli x {x.shape[1]} units x {y.shape[1]} targets"
    return [
        row(
            work,
            "same numbers",
            seconds,
            f"peer once; largest difference of a prediction {difference:.1g}",
        )
    ]


def bench_null(repeats: int, size: tuple[int, int, int]) -> Rows:
    """A typical table of neurons.

    One state at one step, nested folds, with and without everything that judges it.
    """
    from cortexsim.analysis import encode

    x, y = data((92, size[1], 674))

    def ours() -> Any:
        return encode(x, y, inference=Inference(n=1000, permutations=100))

    def bare() -> Any:
        return encode(x, y, inference=Inference(resample=(), permutations=0))

    work = f"encode, 92 stimuli x {size[1]} units x 674 neurons, 1000 resamples, 100 permutations"
    return [
        row(
            work,
            "",
            in_turn(repeats, ours=ours, bare=bare),
            "bare: the fit alone; permutations fit everything again",
        )
    ]


BENCHES = {"ridge": bench_ridge, "pls": bench_pls, "null": bench_null}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(BENCHES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    size = SIZES["quick" if options.quick else "full" if options.full else "default"]
    rows: Rows = []
    for name in options.only.split(","):
        for r in BENCHES[name](options.repeats, size):
            s = r["seconds"]
            times = "  ".join(
                f"{k} {1e3 * v:,.3g} ms" if v < 1 else f"{k} {v:,.3g} s" for k, v in s.items()
            )
            ratios = "".join(
                f"  {s[k] / s['ours']:.2f}x {k}" for k in ("himalaya", "scikit-learn") if k in s
            ) + "".join(f"  {s['ours'] / s[k]:.2f} of {k}" for k in ("gemm", "bare") if k in s)
            print(
                f"{r['work']}\n    {times}{ratios}  [goal {r['goal'] or '-'}]  {r['note']}",
                flush=True,
            )
            rows.append(r)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
