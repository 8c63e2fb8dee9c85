"""Training runs that figures share: kept in ``runs/`` under a hash of everything that determines them, continued where they stopped.

A figure asks for networks with ``Wanted``; ``Runs.get`` says what it will train and how long that takes (measured), trains what is not there, and
returns a ``Trained`` for each. Budgets: ``smoke``, seconds, to see that everything runs; ``cpu``, at most about ten minutes on two cores, small
images and few of them; ``paper``, the memo's recipe on all images, three seeds, for a GPU.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cortexsim
from cortexsim.cli import option
from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write
from shared.common import Config

if TYPE_CHECKING:
    from cortexsim.models import Network
    from cortexsim.stimuli.datasets import ImageSet
    from cortexsim.training.config import TrainConfig

SYNTHETIC = "synthetic"
CALIBRATION_IMAGES = 5000
NOT_MEMO = "a budget of {budget!r} is not the memo's recipe: its numbers are not comparable with the memo's"
# Settings that do not change what a run computes, and those that its key holds in another form (the data as their sha256).
FREE = (
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
)


# Options that came later enter a key only where they are used, so that earlier runs keep theirs.
LATER = (
    "accumulate",
    "presentation",
    "from_weights",
    "rest_rate",
    "bias_rate",
    "fixed_norm",
    "whitening",
    "alternating_flip",
    "small_size",
    "small_share",
    "hold_out",
    "mirror_test",
)


@dataclass(frozen=True)
class Budget:
    """How much a figure may cost. None: all of it, or the recipe's own number. pixels: images are averaged down to this size."""

    name: str
    train: int | None
    test: int | None
    epochs: int | None
    seeds: int
    pixels: int | None

    def describe(self) -> str:
        images = (
            "all images"
            if self.train is None
            else f"{self.train:,} training images, {self.test:,} test images"
        )
        size = "" if self.pixels is None else f", averaged to {self.pixels} x {self.pixels} pixels"
        length = (
            "the recipe's epochs"
            if self.epochs is None
            else f"{self.epochs} epoch{'s' * (self.epochs > 1)}"
        )
        return f"budget {self.name}: {images}{size}, {length}, {self.seeds} seed{'s' * (self.seeds > 1)}"


BUDGETS = {
    "smoke": Budget("smoke", train=128, test=100, epochs=1, seeds=1, pixels=8),
    "cpu": Budget("cpu", train=2000, test=1000, epochs=4, seeds=1, pixels=16),
    "paper": Budget("paper", train=None, test=None, epochs=None, seeds=3, pixels=None),
}


@dataclass(frozen=True)
class RunsConfig(Config):
    """The command line of a figure that trains."""

    budget: str = option(
        "smoke",
        "smoke: seconds; cpu: at most about ten minutes on two cores; paper: the full recipe",
        choices=tuple(BUDGETS),
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:N")
    data: str = option(
        "cifar10",
        "cifar10, cifar100, a folder, an .npz (with --train-count), or synthetic: coloured noise, to try things out",
    )
    train_count: int | None = option(
        None, "for an .npz with x and y only: the first N images are for training"
    )
    runs: str = option("runs", "folder of the runs, shared between figures")
    threads: int | None = option(None, "CPU threads; default torch's own")


@dataclass(frozen=True)
class Wanted:
    """A network that a figure needs. settings: of TrainConfig, besides the budget's. longer: times the budget's epochs (not under ``paper``)."""

    model: str
    settings: tuple[tuple[str, Any], ...] = ()
    longer: int = 1

    @classmethod
    def of(cls, model: str, *, longer: int = 1, **settings: Any) -> Wanted:
        return cls(model, tuple(sorted(settings.items())), longer)


@dataclass(frozen=True)
class Trained:
    """A finished run: its weights, model card, and one dictionary per epoch."""

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
        kept = {
            k: self.card[k]
            for k in (
                "parameters",
                "test_error",
                "test_error_by_readout",
                "seconds",
                "weights_sha256",
            )
        }
        curve = {k: [e.get(k) for e in self.epochs] for k in ("epoch", "train_error", "test_error")}
        return {
            "model": self.wanted.model,
            "settings": dict(self.wanted.settings),
            "seed": self.seed,
            "run": self.weights.parent.name,
            **kept,
            "by_epoch": curve,
        }


class Runs:
    """The runs of one figure under one budget."""

    def __init__(self, config: RunsConfig, budget: Budget | None = None) -> None:
        from cortexsim.models.weights import device_of

        if config.budget not in BUDGETS:
            raise TrainingError(
                f"there is no budget {config.budget!r}; choose from {', '.join(BUDGETS)}"
            )
        self.config, self.budget = config, budget or BUDGETS[config.budget]
        self.folder = Path(config.runs)
        self.device = device_of(config.device)
        self.images = images_of(config, self.budget)
        self.sha256 = self.images.sha256()

    def describe(self) -> str:
        """The budget and the data, as figures state them."""
        return f"{self.images.name}; {self.budget.describe()}"

    def get(self, wanted: Sequence[Wanted]) -> dict[Wanted, list[Trained]]:
        """Every network in every seed, trained where it is not there yet."""
        plan = [
            (w, seed, self._configured(w, seed))
            for w in dict.fromkeys(wanted)
            for seed in range(self.budget.seeds)
        ]
        missing = [(w, c) for w, _, c in plan if not self._complete(c)]
        if missing:
            self._announce(missing)
        found: dict[Wanted, list[Trained]] = {}
        for w, seed, c in plan:
            found.setdefault(w, []).append(self._trained(w, seed, c))
        return found

    def _configured(self, wanted: Wanted, seed: int) -> TrainConfig:
        """All settings of a run; its folder is named by their hash."""
        from cortexsim.training.config import TrainConfig

        b, cuda = self.budget, self.device.type == "cuda"
        settings: dict[str, Any] = {
            "epochs": None if b.epochs is None else b.epochs * wanted.longer,
            **dict(wanted.settings),
        }
        if b.name == "smoke":
            settings.setdefault("batch_size", 32)
        config = TrainConfig(
            model=wanted.model, seed=seed, device=str(self.device), threads=self.config.threads, compile=cuda,
            precision="bfloat16" if cuda else "float32", **settings,
        )  # fmt: skip
        return dataclasses.replace(
            config,
            data=str(self._data_file()),
            out=str(self.folder / f"{wanted.model}-{self._key(config)[:12]}"),
        )

    def _key(self, config: TrainConfig) -> str:
        """sha256 of what determines a run: settings, architecture, data, version of the package."""
        content = json.dumps(self._determinants(config), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def _determinants(self, config: TrainConfig) -> dict[str, Any]:
        resolved, plain = config.resolved(), type(config)().resolved()
        unused = {k for k in LATER if getattr(resolved, k) == getattr(plain, k)}
        settings = {
            k: v for k, v in dataclasses.asdict(resolved).items() if k not in {*FREE, *unused}
        }
        spec = cortexsim.models.zoo.spec(config.model, **overrides(config))  # type: ignore[attr-defined]
        return {
            "settings": settings,
            "network": spec.as_dict(),
            "data_sha256": self.sha256,
            "cortexsim": cortexsim.__version__,
        }

    def _data_file(self) -> Path:
        """The images of this budget as one .npz, which every run of it reads."""
        path = self.folder / "data" / f"{self.images.name}-{self.sha256[:12]}.npz"
        if not path.is_file():
            import io

            i, buffer = self.images, io.BytesIO()
            arrays = {
                f"{k}_{part}": getattr(i, f"{part}_{k}").numpy()
                for part in ("train", "test")
                for k in ("x", "y")
            }
            for part in ("train", "test"):
                arrays[f"x_{part}"] = arrays[f"x_{part}"].transpose(0, 2, 3, 1)
            np.savez(buffer, classes=np.array(i.classes), **arrays)
            atomic_write(path, buffer.getvalue())
        return path

    def _complete(self, config: TrainConfig) -> bool:
        folder = Path(config.folder)
        return (folder / f"{config.model}.json").is_file() and not (
            folder / "checkpoint.pt"
        ).is_file()

    def _announce(self, missing: list[tuple[Wanted, TrainConfig]]) -> None:
        """What will be trained and how long it takes, from measured batches of each."""
        from cortexsim.training.control import epochs_and_drops

        total, rows = 0.0, []
        for w, config in missing:
            epochs, size = epochs_and_drops(config)[0], config.settings().batch_size
            batches = epochs * (len(self.images.train_x) // size)
            seconds = batches * seconds_per_batch(config, self.images, self.device)
            begun = (
                " (continued: less)" if (Path(config.folder) / "checkpoint.pt").is_file() else ""
            )
            what = ", ".join(f"{k}={v}" for k, v in w.settings)
            rows.append(
                f"  {w.model:28s} seed {config.seed}  {epochs} epochs  about {duration(seconds)}{begun}  {what}"
            )
            total += seconds
        print(
            f"{self.describe()}, on {self.device}; to be trained:\n"
            + "\n".join(rows)
            + f"\n  together about {duration(total)}, validation not counted",
            file=sys.stderr,
        )

    def _trained(self, wanted: Wanted, seed: int, config: TrainConfig) -> Trained:
        from cortexsim.models.weights import load_card
        from cortexsim.training.trainer import train

        if not self._complete(config):
            weights = train(config, log=lambda text: print(f"  {text}", file=sys.stderr))
            atomic_write(
                weights.parent / "determined_by.json",
                (json.dumps(self._determinants(config), indent=1) + "\n").encode(),
            )
        weights = Path(config.folder) / f"{config.model}.safetensors"
        lines = (weights.parent / "metrics.jsonl").read_text().splitlines()
        return Trained(
            wanted, seed, weights, load_card(weights), [json.loads(line) for line in lines]
        )


def overrides(config: TrainConfig) -> dict[str, Any]:
    """The fields of a training configuration that change the architecture."""
    return {
        k: getattr(config, k)
        for k in ("readout", "inhomogeneous", "norm")
        if getattr(config, k) is not None
    }


def seconds_per_batch(config: TrainConfig, images: ImageSet, device: Any) -> float:
    """Seconds of one forward and backward pass: the quicker of two after a first."""
    import torch
    import torch.nn.functional as F

    from cortexsim.models import build

    net = build(config.model, classes=len(images.classes), **overrides(config)).to(device).train()
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
    return (
        f"{seconds:.0f} s"
        if seconds < 60
        else f"{seconds / 60:.1f} min"
        if seconds < 3600
        else f"{seconds / 3600:.1f} h"
    )


# ---------------------------------------------------------------------------------------------------- images


def images_of(config: RunsConfig, budget: Budget) -> ImageSet:
    """The images of a budget: so many of the first, averaged down to so many pixels."""
    from cortexsim.stimuli.datasets import load_images

    images = (
        synthetic()
        if config.data == SYNTHETIC
        else load_images(config.data, train_count=config.train_count)
    )
    parts = {
        f"{part}_{k}": getattr(images, f"{part}_{k}")[:n]
        for part, n in (("train", budget.train), ("test", budget.test))
        for k in "xy"
    }
    for part in ("train_x", "test_x"):
        parts[part] = averaged(parts[part], budget.pixels)
    return dataclasses.replace(images, **parts)


def averaged(x: Any, pixels: int | None) -> Any:
    """Images ``(n, channel, y, x)`` uint8 with blocks of pixels averaged; as they are where they are small enough."""
    edge = min(x.shape[2:])
    if pixels is None or edge <= pixels:
        return x
    if x.shape[2] != x.shape[3] or edge % pixels:
        raise TrainingError(
            f"images of {x.shape[2]} x {x.shape[3]} pixels cannot be averaged to {pixels} x {pixels}; give square ones of a multiple"
        )
    import torch.nn.functional as F

    return F.avg_pool2d(x.float(), edge // pixels).round().byte()


def synthetic(seed: int = 0, count: int = 400) -> ImageSet:
    """Noise with a colour and a direction for each of ten classes, 16 x 16 pixels: learnable, nobody's data."""
    import torch

    from cortexsim.stimuli.datasets import ImageSet

    rng = np.random.default_rng(seed)
    y = np.arange(count) % 10
    wave = (
        np.sin(np.arange(16) * 0.9)[None, :, None] * (y % 2)[:, None, None]
        + np.sin(np.arange(16) * 0.9)[None, None, :] * (1 - y % 2)[:, None, None]
    )
    colour = np.stack([np.cos(y), np.sin(y), np.cos(2 * y)], 1)[:, :, None, None]
    x = 128 + 40 * colour + 30 * wave[:, None] + 30 * rng.normal(size=(count, 3, 16, 16))
    x, y = torch.from_numpy(x.clip(0, 255).astype(np.uint8)), torch.from_numpy(y.astype(np.int64))
    half = count * 3 // 4
    return ImageSet(SYNTHETIC, x[:half], y[:half], x[half:], y[half:], tuple(map(str, range(10))))


@dataclass(frozen=True)
class ShownConfig(Config):
    """The command line of an analysis that shows CIFAR-10 to trained networks."""

    data: str = option("cifar10", "cifar10 or an .npz (with --train-count)")
    train_count: int | None = option(
        None, "for an .npz with x and y only: the first N images are for training"
    )


def shown_to(net: Network, x: Any) -> Any:
    """Images ``(n, channel, y, x)`` uint8 as a trained network wants them: its own standardisation, from its model card."""
    from cortexsim.stimuli.images import Preprocessing

    p = net.card["preprocessing"]
    return Preprocessing(tuple(p["size"]), tuple(p["mean"]), tuple(p["std"])).normalise(x)


def answers_at(
    trained: Trained, runs: Runs, part: str, times: Sequence[int]
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Logits ``(image, class)`` at each readout time, and the labels, of the training or test images (as many training as test images).

    The statistics of all steps are estimated anew on training images: those of a trained time are averages over training, which lag behind the
    weights of a short run, and would set that time apart from the others.
    """
    import torch

    from cortexsim.models import calibrate
    from cortexsim.models.weights import load_weights

    net = load_weights(trained.weights).to(runs.device)
    sample = runs.images.train_x[:CALIBRATION_IMAGES].to(runs.device)
    calibrate(net, shown_to(net, sample), max(times), redo=True)
    count = len(runs.images.test_x)
    x, y = (getattr(runs.images, f"{part}_{k}")[:count] for k in "xy")
    logits: dict[int, list[np.ndarray]] = {t: [] for t in times}
    with torch.inference_mode():
        for first in range(0, len(x), 500):
            for t, v in net.readouts(
                shown_to(net, x[first : first + 500].to(runs.device)), times
            ).items():
                logits[t].append(v.float().cpu().numpy())
    return {t: np.concatenate(v) for t, v in logits.items()}, y.numpy()


def errors_at(trained: Trained, runs: Runs, part: str, times: Sequence[int]) -> dict[int, float]:
    """The error at each readout time, of the training or test images."""
    logits, y = answers_at(trained, runs, part, times)
    return {t: float((v.argmax(1) != y).mean()) for t, v in logits.items()}
