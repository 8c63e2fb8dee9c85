"""Training runs that figures share: each in a folder named by a hash of all that determines it.

A figure asks for networks with ``Wanted``; ``Runs.get`` says what it will train and how long that
takes, trains what is not there, continues what was stopped, and returns a ``Trained`` for each.
``analyses/train_runs.py`` trains those of all figures. Budgets are in ``shared/budgets.py``. Runs
that come with the repository (``shared/kept.py``) are read without training.

The precision and ``compile`` are part of what determines a run, for they change its numbers; the
device, threads and where files lie are not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cortexsim
from cortexsim.cli import arguments_of, in_options, option
from cortexsim.errors import TrainingError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.files import atomic_write
from cortexsim.models.weights import card_path, device_of, load_card
from cortexsim.progress import bar as progress_bar
from cortexsim.training.control import epochs_and_drops
from cortexsim.training.network import make_run
from cortexsim.training.session import METRICS, check_metrics
from shared import kept
from shared.budgets import BUDGETS, Budget, architecture, label
from shared.common import Config
from shared.pictures import images_of

NOT_MEMO = (
    "a budget of {budget!r} is not the memo's recipe: its numbers are not comparable with the "
    "memo's"
)
EARLY = frozenset(
    [
        "model",
        "limit",
        "epochs",
        "recipe",
        "lr",
        "schedule",
        "warmup",
        "lr_drops",
        "batch_size",
        "optimizer",
        "momentum",
        "weight_decay",
        "decay_all",
        "label_smoothing",
        "ema",
        "pad",
        "flip",
        "cutout",
        "readout",
        "supervise",
        "random_readout",
        "inhomogeneous",
        "norm",
        "calibrate_to",
        "seed",
        "precision",
        "compile",
        "channels_last",
    ]
)
"""Options that are always part of a key. Those that came later are where they are used, so that
earlier runs keep theirs."""
FREE = frozenset(
    [
        "out",
        "data",
        "train_count",
        "device",
        "threads",
        "checkpoint_seconds",
        "validate_every",
        "suite",
        "jobs",
        "workers",
        "checkpoint_activations",
    ]
)
"""Options that do not change what a run computes, or that its key holds in another form (the data
as their sha256)."""


@dataclass(frozen=True)
class RunsConfig(Config):
    """The command line of a figure that trains."""

    budget: str = option(
        "smoke",
        "smoke: seconds; cpu: at most about ten minutes on two cores; reduced: all images and "
        "nets of a sixteenth of the memo's work, core-hours (analyses/train_runs.py trains them); "
        "paper: the full recipe",
        choices=tuple(BUDGETS),
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:N")
    data: str = option(
        "cifar10",
        "cifar10, cifar100, a folder, an .npz (with --train-count), or synthetic: coloured noise, "
        "to try things out",
    )
    train_count: int | None = option(
        None, "for an .npz with x and y only: the first N images are for training"
    )
    runs: str = option("runs", "folder of the runs, shared between figures")
    threads: int | None = option(None, "CPU threads; default torch's own")
    precision: str = option(
        "auto",
        "arithmetic of convolutions, which changes the numbers, so that other runs result; auto: "
        "the budget's (bfloat16 of reduced), else bfloat16 on CUDA and float32 on CPUs, where "
        "every machine then makes the same runs",
        choices=("auto", "float32", "bfloat16"),
    )
    compile: bool | None = option(
        None, "torch.compile, which makes other runs too; default on CUDA"
    )
    seeds: int | None = option(None, "seeds of each net; default the budget's")


@dataclass(frozen=True)
class Wanted:
    """A network that a figure needs.

    model: its name in the zoo; the budget says at which scale. settings: of TrainConfig, besides
    the budget's. longer: times the epochs of the budgets ``smoke`` and ``cpu``.
    """

    model: str
    settings: tuple[tuple[str, Any], ...] = ()
    longer: int = 1

    @classmethod
    def of(cls, model: str, *, longer: int = 1, **settings: Any) -> Wanted:
        """A network with settings as keywords."""
        return cls(model, tuple(sorted(settings.items())), longer)


@dataclass(frozen=True)
class Run:
    """One network in one seed, with all its settings; its folder may not be there yet."""

    wanted: Wanted
    seed: int
    config: TrainConfig

    @property
    def folder(self) -> Path:
        return Path(self.config.folder)

    @property
    def begun(self) -> bool:
        return (self.folder / "checkpoint.pt").is_file()

    @property
    def trained(self) -> bool:
        files = (f"{self.config.model}.json", f"{self.config.model}.safetensors")
        return all((self.folder / name).is_file() for name in files) and not self.begun

    @property
    def home(self) -> Path:
        """Where the files of a finished run are: its own folder, or that of a kept run."""
        return self.folder if self.trained else kept.KEPT / self.folder.name

    @property
    def complete(self) -> bool:
        return (self.home / f"{self.config.model}.json").is_file()

    def __str__(self) -> str:
        return f"{label(self.config.model, dict(self.wanted.settings))}, seed {self.seed}"


@dataclass(frozen=True)
class Trained:
    """A finished run: its weights (not there of a kept run), card, one dictionary per epoch."""

    wanted: Wanted
    seed: int
    weights: Path
    card: dict[str, Any]
    epochs: list[dict[str, Any]]

    @property
    def error(self) -> float:
        return float(self.card["test_error"])

    def summary(self) -> dict[str, Any]:
        """What the JSON of a figure keeps of a run."""
        names = (
            "parameters",
            "test_error",
            "test_error_by_readout",
            "seconds",
            "weights_sha256",
        )
        curve = {k: [e.get(k) for e in self.epochs] for k in ("epoch", "train_error", "test_error")}
        sessions = self.card.get("provenance", [])
        return {
            "model": self.wanted.model,
            "settings": dict(self.wanted.settings),
            "seed": self.seed,
            "run": self.weights.parent.name,
            "network": self.weights.stem,
            "command": _text(self.weights.with_name("command.txt")),
            "commit": sorted({str(s.get("git_commit")) for s in sessions}),
            "machine": sorted({str(s.get("hardware")) for s in sessions}),
            **{k: self.card[k] for k in names},
            "by_epoch": curve,
        }


def train(config: TrainConfig, log: Callable[[str], None]) -> Path:
    """Train what the options name, or continue; a bar shows how far it is."""
    run = make_run(
        config.model,
        config.data,
        out=config.out,
        settings=config,
        train_count=config.train_count,
        jobs=config.jobs,
    )
    return cortexsim.training.train(run, lambda text: log(in_options(text)))


class Runs:
    """The runs of one figure under one budget."""

    def __init__(self, config: RunsConfig, budget: Budget | None = None) -> None:
        if config.budget not in BUDGETS:
            raise TrainingError(
                f"there is no budget {config.budget!r}; choose from {', '.join(BUDGETS)}"
            )
        self.config, self.budget = config, budget or BUDGETS[config.budget]
        if config.seeds is not None:
            if config.seeds < 1:
                raise TrainingError(f"--seeds {config.seeds}: at least one seed is needed")
            self.budget = dataclasses.replace(self.budget, seeds=config.seeds)
        self.folder = Path(config.runs)
        self.device = device_of(config.device)
        self.images = images_of(config.data, config.train_count, self.budget)
        self.sha256 = self.images.sha256()
        self.models: set[str] = set()
        """The nets that were asked for."""

    def describe(self) -> str:
        """The budget and the data, as figures state them."""
        return f"{self.images.name}; {self.budget.describe(self.models)}"

    def get(self, wanted: Sequence[Wanted]) -> dict[Wanted, list[Trained]]:
        """Every network in every seed, trained where it is not there yet."""
        plan = self.plan(wanted)
        self.models |= {w.model for w in wanted}
        if missing := [run for run in plan if not run.complete]:
            self._announce(missing)
        trained: dict[Wanted, list[Trained]] = {}
        bar = progress_bar(total=len(missing), unit="runs", shown=bool(missing))
        with bar:
            for run in plan:
                bar.set_description(f"training {run}", refresh=not run.complete)
                trained.setdefault(run.wanted, []).append(self.trained(run))
                bar.update(run in missing)
        return trained

    def plan(self, wanted: Sequence[Wanted]) -> list[Run]:
        """The runs of these networks, each once."""
        return [
            Run(w, seed, self.configured(w, seed))
            for w in dict.fromkeys(wanted)
            for seed in range(self.budget.seeds_of(w.model, dict(w.settings)))
        ]

    def configured(self, wanted: Wanted, seed: int) -> TrainConfig:
        """All settings of a run; its folder is named by their hash."""
        plan, low = self.budget.plan(wanted.model), self.device.type == "cuda"
        epochs, asked = plan.epochs, self.config
        if epochs is not None and not self.budget.nets:
            epochs *= wanted.longer
        settings: dict[str, Any] = {"epochs": epochs, **dict(wanted.settings)}
        if self.budget.name == "smoke":
            settings.setdefault("batch_size", 32)
        precision = asked.precision
        if precision == "auto":
            precision = self.budget.precision or ("bfloat16" if low else "float32")
        config = TrainConfig(
            model=self.budget.network(wanted.model),
            recipe=plan.recipe,
            seed=seed,
            device=str(self.device),
            threads=asked.threads,
            compile=low if asked.compile is None else asked.compile,
            precision=precision,
            **settings,
        )
        folder = self.folder / f"{config.model}-{self._key(config)[:12]}"
        return dataclasses.replace(config, data=str(self._data_path()), out=str(folder))

    def _key(self, config: TrainConfig) -> str:
        """sha256 of what determines a run: settings, architecture, data, version of the package."""
        content = json.dumps(self.determinants(config), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def determinants(self, config: TrainConfig) -> dict[str, Any]:
        """What determines a run, as JSON."""
        ours, default = (dataclasses.asdict(c.resolved()) for c in (config, TrainConfig()))
        settings = {
            k: v for k, v in ours.items() if k not in FREE and (k in EARLY or v != default[k])
        }
        return {
            "settings": settings,
            "network": architecture(config.model, settings).as_dict(),
            "data_sha256": self.sha256,
            "cortexsim": cortexsim.__version__,
        }

    def _data_path(self) -> Path:
        """Where the images of this budget are, or will be."""
        return self.folder / "data" / f"{self.images.name}-{self.sha256[:12]}.npz"

    def _write_data(self) -> None:
        """Write the images of this budget as one .npz, which every run of it reads."""
        if (path := self._data_path()).is_file():
            return
        buffer = io.BytesIO()
        arrays = {
            f"{k}_{part}": getattr(self.images, f"{part}_{k}").numpy()
            for part in ("train", "test")
            for k in ("x", "y")
        }
        for part in ("train", "test"):
            arrays[f"x_{part}"] = arrays[f"x_{part}"].transpose(0, 2, 3, 1)
        np.savez(buffer, classes=np.array(self.images.classes), **arrays)
        atomic_write(path, buffer.getvalue())

    def _announce(self, missing: list[Run]) -> None:
        """What will be trained and how long it takes."""
        total, rows = 0.0, []
        for run in missing:
            seconds = self.seconds(run)
            begun = " (continued: less)" if run.begun else ""
            epochs = epochs_and_drops(run.config, run.config.model)[0]
            rows.append(f"  {run!s:44s} {epochs} epochs  about {duration(seconds)}{begun}")
            total += seconds
        print(
            f"{self.describe()}, on {self.device}; to be trained:\n"
            + "\n".join(rows)
            + f"\n  together about {duration(total)}, validation not counted",
            file=sys.stderr,
        )

    def seconds(self, run: Run) -> float:
        """How long a run takes: from the budget's table, or from measured batches."""
        if self.budget.nets:
            settings = dict(run.wanted.settings)
            return 60 * self.budget.minutes(run.wanted.model, settings, len(self.images.train_x))
        batches = len(self.images.train_x) // run.config.settings().batch_size
        epochs = epochs_and_drops(run.config, run.config.model)[0]
        return epochs * batches * seconds_per_batch(run.config, self)

    def trained(self, run: Run) -> Trained:
        """A run, trained or continued if it is not complete."""
        if not run.complete:
            self._write_data()
            follow(run)
            train(run.config, log=lambda text: print(f"  {text}", file=sys.stderr))
            if run.config.compile:
                _forget_compiled()
        if run.trained:
            self._describe(run)
        weights = run.home / f"{run.config.model}.safetensors"
        card = load_card(weights) if run.trained else json.loads(card_path(weights).read_text())
        check_metrics(card, run.home / METRICS)
        lines = (run.home / METRICS).read_text().splitlines()
        epochs = [json.loads(line) for line in lines]
        return Trained(run.wanted, run.seed, weights, card, epochs)

    def _describe(self, run: Run) -> None:
        """Write beside a run what determined it and the command that trains it again."""
        if not (path := run.folder / "determined_by.json").is_file():
            text = json.dumps(self.determinants(run.config), indent=1) + "\n"
            atomic_write(path, text.encode())
        if not (path := run.folder / "command.txt").is_file():
            whole = self.budget.train is None and self.budget.pixels is None
            data = self.images.name if whole else self._data_path().name
            config = dataclasses.replace(run.config, data=data, out=None)
            words = ["python", "-m", "cortexsim.train", *arguments_of(config)]
            atomic_write(path, (" ".join(words) + "\n").encode())


def follow(run: Run) -> None:
    """Let a run that was begun elsewhere go on here: its images are told by their sha256.

    The folder's name is the hash of all that determines a run, and the checkpoint has the sha256 of
    its images; only the path to them, which the trainer compares too, may have changed.
    """
    path = run.folder / "config.json"
    if not path.is_file():
        return
    stored = json.loads(path.read_text())
    ours = {k: getattr(run.config, k) for k in ("data", "train_count")}
    if any(stored.get(k) != v for k, v in ours.items()):
        atomic_write(path, (json.dumps({**stored, **ours}, indent=1) + "\n").encode())


def _text(path: Path) -> str | None:
    return path.read_text().strip() if path.is_file() else None


def _forget_compiled() -> None:
    """Drop the compiled graphs of a run: torch keeps few per function, then stops compiling."""
    import torch

    torch._dynamo.reset()


def seconds_per_batch(config: TrainConfig, runs: Runs) -> float:
    """Seconds of one forward and backward pass: the quicker of two after a first."""
    import torch
    import torch.nn.functional as F

    images, device = runs.images, runs.device
    spec = architecture(config.model, dataclasses.asdict(config))
    net = cortexsim.models.Network(dataclasses.replace(spec, classes=len(images.classes)))
    net = net.to(device).train()
    size = config.settings().batch_size
    x, y = images.train_x[:size].float().div(255).to(device), images.train_y[:size].to(device)
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            logits = net(x)
        F.cross_entropy(logits.float(), y).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.monotonic() - began)
    return min(seconds[1:])


def duration(seconds: float) -> str:
    """75 as '1.2 min'."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
