"""Train the runs of all figures, one after the other: those that wait longest first.

The figures share their runs; this trains what is missing of all of them under one budget, first
seeds before second ones, and among these the run that was asked for earliest. A run that was begun
goes first. Killed, or stopped by ctrl-c, the same command continues where it was; several of these
commands may work on one folder, each on a run of its own. ``--list`` says what is missing and what
it costs in core-hours, ``--measure`` times a few batches of every net, ``--adopt FOLDER`` takes
over a run that ``cortexsim.train`` made with the same settings, ``--keep`` writes what the figures
read of every finished run to data/memo/, and ``--background`` lets go of the terminal and writes to
RUNS/train_runs.log.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N).

    python analyses/train_runs.py --budget reduced --runs DIR --list
    nice python analyses/train_runs.py --budget reduced --runs DIR --background
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import coarse_to_fine
import numpy as np
import torch
import torch.nn.functional as F
from shared.budgets import MEASURED, architecture, label
from shared.kept import keep
from shared.runs import Run, Runs, RunsConfig, Wanted, duration

from cortexsim.cli import option, parse, run
from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.files import atomic_write
from cortexsim.locks import FolderHeldError
from cortexsim.models import Network
from cortexsim.models.scaling import multiply_adds
from cortexsim.training.optimisation import optimizer_of
from cortexsim.training.supervision import supervision

FIGURES = (
    "fig06_weight_sharing",
    "fig08_readout_time",
    "fig09_states_and_connections",
    "fig13_inhomogeneous",
    "fig10_readout_generalisation",
    "fig07_few_parameters",
    "coarse_to_fine",
    "depth_efficiency",
)
HIGHEST, MEDIAN = 0.35, 0.20
"""What the nets of the budget ``reduced`` are to reach: every test error, and their median."""
WARMING, BATCHES = 2, 4
PARTS = ("train", "test")


@dataclass(frozen=True)
class QueueConfig(RunsConfig):
    """The command line."""

    budget: str = option("reduced", "of shared/budgets.py")
    threads: int | None = option(1, "CPU threads of a run")
    figures: tuple[str, ...] = option(FIGURES, "whose runs; default all", nargs="*")
    list: bool = option(False, "say what is there and what is missing, train nothing")
    measure: bool = option(False, "time batches of every net on this machine, train nothing")
    adopt: tuple[str, ...] = option((), "folders of finished or begun runs to copy in", nargs="*")
    keep: bool = option(False, "write finished runs to data/memo/ (shared/kept.py), train nothing")
    background: bool = option(False, "go on after the terminal is closed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, or say what is."""
    config = parse(QueueConfig, arguments, "python analyses/train_runs.py", __doc__ or "")
    if config.background:
        return in_background(config, arguments)
    runs = Runs(config)
    wanted = wanted_by(config.figures)
    plan = list({r.folder: r for r in runs.plan(wanted)}.values())
    for folder in config.adopt:
        print(f"{folder} is now {adopt(Path(folder), plan, runs).folder}")
    if config.measure:
        return measure(runs, wanted)
    if config.keep:
        keep_all(runs, plan, config.figures)
    elif not config.list:
        work(runs, plan)
    print(table(runs, plan))
    return 0


def wanted_by(figures: Sequence[str]) -> list[Wanted]:
    """The networks of these figures, each once."""
    if unknown := sorted(set(figures) - set(FIGURES)):
        raise TrainingError(
            f"no figure is called {', '.join(unknown)}; choose from {', '.join(FIGURES)}"
        )
    wanted: list[Wanted] = []
    for name in figures:
        module = importlib.import_module(name)
        if hasattr(module, "FIGURE"):
            wanted += module.FIGURE.nets.values()
        elif hasattr(module, "NETS"):
            wanted += module.NETS.values()
        else:
            wanted.append(module.NET)
    return list(dict.fromkeys(wanted))


# ---------------------------------------------------------------------------------------- the queue


def queue(runs: Runs, plan: Sequence[Run]) -> list[Run]:
    """The runs that are missing: begun ones, first seeds, then those that wait longest."""
    path = runs.folder / "asked.json"
    asked: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    new = {r.folder.name: time.time() for r in plan if r.folder.name not in asked}
    if new:
        asked |= new
        atomic_write(path, (json.dumps(asked, indent=1) + "\n").encode())
    place = {r.folder.name: k for k, r in enumerate(plan)}
    missing = [r for r in plan if not r.complete]
    return sorted(
        missing,
        key=lambda r: (not r.begun, r.seed, asked[r.folder.name], place[r.folder.name]),
    )


def work(runs: Runs, plan: Sequence[Run]) -> None:
    """Train until nothing is missing but what other processes train or what failed."""
    passed_over: dict[str, str] = {}
    while waiting := [r for r in queue(runs, plan) if r.folder.name not in passed_over]:
        first = waiting[0]
        say(f"{first}: about {duration(runs.seconds(first))}; {len(waiting)} runs to go")
        try:
            trained = runs.trained(first)
        except TrainingError as error:
            if not isinstance(error.__cause__, FolderHeldError) and "stopped by" in str(error):
                raise
            passed_over[first.folder.name] = str(error)
            say(f"{first}: passed over: {error}")
        else:
            say(f"{first}: test error {trained.error:.2%} in {duration(trained.card['seconds'])}")


def say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=sys.stderr, flush=True)


def in_background(config: QueueConfig, arguments: Sequence[str] | None) -> int:
    """Start the same command without a terminal."""
    words = [w for w in (sys.argv[1:] if arguments is None else arguments) if w != "--background"]
    path = Path(config.runs) / "train_runs.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    print(f"process {process.pid} trains; it writes to {path}. Stop it with kill {process.pid}")
    return 0


def adopt(folder: Path, plan: Sequence[Run], runs: Runs) -> Run:
    """Copy a run that ``cortexsim.train`` made to where the run of the same settings belongs."""
    stored = json.loads((folder / "config.json").read_text())
    config = TrainConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()})
    theirs = runs.determinants(config)
    same = [r for r in plan if runs.determinants(r.config) == theirs]
    if not same:
        near = [r for r in plan if (r.config.model, r.seed) == (config.model, config.seed)]
        ours = runs.determinants(near[0].config)["settings"] if near else {}
        differ = [k for k, v in theirs["settings"].items() if ours.get(k) != v]
        what = f"it differs in {', '.join(differ)}" if near else "no figure needs that net"
        raise TrainingError(f"{folder} is no run of this budget: {what}")
    card = folder / f"{config.model}.json"
    if card.is_file() and json.loads(card.read_text())["data"]["sha256"] != runs.sha256:
        raise TrainingError(f"{folder} was trained on other images than {runs.images.name} here")
    if not same[0].folder.exists():
        copy = same[0].folder.with_name(f".{same[0].folder.name}.tmp")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".lock", "*.tmp"))
        copy.rename(same[0].folder)
    return same[0]


def keep_all(runs: Runs, plan: Sequence[Run], figures: Sequence[str]) -> None:
    """Write every finished run to data/memo/ with the answers that these figures ask for."""
    modules = [(importlib.import_module(name), set(wanted_by([name]))) for name in figures]
    for r in plan:
        if not r.trained:
            continue
        asked = [m for m, nets in modules if r.wanted in nets and hasattr(m, "ANSWERS")]
        times = {p: sorted({t for m in asked for t in m.ANSWERS.get(p, ())}) for p in PARTS}
        coarse = [m.superclasses(len(runs.images.classes)) for m in asked if m is coarse_to_fine]
        folder = keep(runs.trained(r), runs, times=times, groups=coarse[0] if coarse else None)
        say(f"{r}: kept in {folder}")


# ---------------------------------------------------------------------------------- what is there


def table(runs: Runs, plan: Sequence[Run]) -> str:
    """Every run with its cost and its test error, and whether the budget's aims are met."""
    lines = [f"{runs.describe()}, on {runs.device}"]
    lines.append(f"{'run':48s} {'M multiply-adds':>15s} {'epochs':>7s} {'hours':>6s}  test error")
    errors, left = [], 0.0
    for r in plan:
        settings = dict(r.wanted.settings)
        cost = multiply_adds(architecture(r.config.model, settings)) / 1e6
        hours = runs.budget.minutes(r.wanted.model, settings, len(runs.images.train_x)) / 60
        if r.complete:
            errors.append(runs.trained(r).error)
            state = f"{errors[-1]:.2%}"
        else:
            left += hours
            state = "begun" if r.begun else "missing"
        lines.append(f"{r!s:48s} {cost:15.1f} {r.config.epochs or 60:7d} {hours:6.2f}  {state}")
    lines.append(f"{len(plan) - len(errors)} of {len(plan)} runs missing, {left:.1f} core-hours")
    return "\n".join([*lines, *aims(errors)])


def aims(errors: Sequence[float]) -> Iterator[str]:
    """Whether the nets are good enough for claims about them."""
    if errors:
        yield (
            f"highest test error {max(errors):.2%} (aim: below {HIGHEST:.0%}), "
            f"median {np.median(errors):.2%} (aim: below {MEDIAN:.0%})"
        )


def measure(runs: Runs, wanted: Sequence[Wanted]) -> int:
    """Print images per core-second of every net, as in ``MEASURED`` of shared/budgets.py."""
    for w in wanted:
        config = runs.configured(w, 0)
        name = label(config.model, dict(w.settings))
        speed = measured(config, runs)
        print(f'    "{name}": {speed:.0f},  # {MEASURED.get(name, 0):.0f} before', flush=True)
    return 0


def measured(config: TrainConfig, runs: Runs) -> float:
    """Training images per second of this process's CPU time, after the first batches.

    Forward, backward and the optimizer's step as the trainer does them, on one thread, without
    reading and cropping images. CPU time, because other processes may share the machine.
    """
    torch.set_num_threads(1)
    net = Network(architecture(config.model, dataclasses.asdict(config)), seed=config.seed).train()
    optimizer = optimizer_of(net, config.settings())
    size = config.settings().batch_size
    x = torch.randn(size, 3, *runs.images.train_x.shape[2:])
    y = torch.arange(size) % net.classes
    steps = supervision(config, net).steps
    net.extend(max(steps))

    def loss() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
            logits = net.readouts(x, steps)
        return torch.stack([F.cross_entropy(v.float(), y) for v in logits.values()]).mean()

    compiled = torch.compile(loss) if config.compile else loss
    seconds = []
    for k in range(WARMING + BATCHES):
        began = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        (compiled if k else loss)().backward()  # the first sets statistics up, as in the trainer
        optimizer.step()
        seconds.append(time.process_time() - began)
    torch._dynamo.reset()
    return float(size / np.median(seconds[WARMING:]))


if __name__ == "__main__":
    run(main)
