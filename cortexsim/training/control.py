"""Around the training loop: the schedule, the folder that a run owns, and stopping when asked."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cortexsim.errors import TrainingError
from cortexsim.files import FolderHeldError, atomic_write, held
from cortexsim.training.config import TrainConfig
from cortexsim.training.distributed import World

# Settings that may change between a run and its continuation without changing what is computed.
FREE = {
    "out",
    "device",
    "threads",
    "checkpoint_seconds",
    "validate_every",
    "suite",
    "jobs",
    "workers",
    "checkpoint_activations",
}


@runtime_checkable
class Stoppable(Protocol):
    """What can be asked to stop after the step in progress."""

    stop_asked: bool


def epochs_and_drops(config: TrainConfig) -> tuple[int, tuple[int, ...]]:
    """The memo's schedule, scaled to the epochs asked for.

    Drops after 40 and 50 of 60 epochs (few-parameter nets: 100 and 120 of 140).
    """
    memo = (140, (100, 120)) if config.model.startswith("tiny") else (60, (40, 50))
    epochs = memo[0] if config.epochs is None else config.epochs
    drops = (
        config.lr_drops
        if config.lr_drops is not None
        else tuple(round(d * epochs / memo[0]) for d in memo[1])
    )
    return epochs, drops


def check_claim(folder: Path, config: TrainConfig) -> None:
    """Refuse a folder that holds a run with other settings."""
    path = folder / "config.json"
    ours = _as_json(config.resolved())
    if path.is_file():
        # A run of an earlier version lacks the options that came later: it had what is now their
        # default.
        stored = {k: v for k, v in json.loads(path.read_text()).items() if k in ours}
        theirs = _as_json(TrainConfig(**stored).resolved())
        differ = [
            f"--{k.replace('_', '-')}: {theirs.get(k)!r} there, {v!r} now"
            for k, v in ours.items()
            if k not in FREE and theirs.get(k) != v
        ]
        if differ:
            raise TrainingError(
                f"{folder} holds a run with other settings:\n  "
                + "\n  ".join(differ)
                + "\nGive the same settings to continue it, or another --out"
            )


def check_combination(config: TrainConfig, world: World, streamed: bool) -> None:
    """Refuse options that contradict each other, or the number of processes."""
    if config.compile and config.checkpoint_activations:
        raise TrainingError(
            "--compile decides itself what to keep for the gradient; leave out "
            "--checkpoint-activations, or give --no-compile"
        )
    _check_fast(config, streamed)
    batch = config.settings().batch_size // world.size
    if batch % config.accumulate:
        whose = f" of each of {world.size} processes" if world.size > 1 else ""
        possible = ", ".join(str(k) for k in range(1, batch + 1) if batch % k == 0)
        raise TrainingError(
            f"--accumulate {config.accumulate} does not divide the {batch} images{whose} into "
            f"equal micro-batches; choose from {possible}"
        )
    if config.presentation is not None and (config.accumulate > 1 or streamed):
        other = "--accumulate" if config.accumulate > 1 else "--data imagenet:"
        raise TrainingError(
            f"--presentation and {other} cannot be combined yet; leave out one of them"
        )


def _check_fast(config: TrainConfig, streamed: bool) -> None:
    """Refuse what contradicts the options of ``--recipe fast``."""
    recipe = config.settings()
    if recipe.whitening != "none" and config.from_weights is not None:
        raise TrainingError(
            f"--whitening {recipe.whitening} and --from {config.from_weights} both say what the "
            "first convolution begins with; give --whitening none, or leave out --from"
        )
    if recipe.alternating_flip and (streamed or not config.flip):
        other = "--data imagenet: (mirrored at random)" if streamed else "--no-flip"
        raise TrainingError(
            f"--alternating-flip and {other} contradict each other; give --no-alternating-flip"
        )
    if recipe.small_size and config.presentation is not None:
        raise TrainingError(
            "--small-size and --presentation cannot be combined: masks are made for one size; "
            "give --small-size 0, or leave out --presentation"
        )
    if config.hold_out and streamed:
        raise TrainingError(
            "--hold-out needs images held in memory, not --data imagenet:; make a folder whose "
            "val/ holds training images instead"
        )
    if config.mirror_test and config.presentation is not None:
        raise TrainingError(
            "--mirror-test and --presentation cannot be combined; leave out one of them"
        )


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Let no other process train into this folder."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except FolderHeldError as error:
            raise TrainingError(
                f"{folder} is being trained into by {error}. Wait for it (the same command then "
                "continues or is done), stop it, or give another --out"
            ) from error
        except OSError as error:
            raise TrainingError(
                f"{folder} cannot be written: {error}; give another --out"
            ) from error
        yield


def claim(folder: Path, config: TrainConfig) -> None:
    """Write the settings into a new folder."""
    if not (path := folder / "config.json").is_file():
        atomic_write(path, (json.dumps(_as_json(config.resolved()), indent=1) + "\n").encode())


def _as_json(config: TrainConfig) -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(config)))


@contextlib.contextmanager
def stop_politely(session: Stoppable, *, launched: bool = False) -> Iterator[None]:
    """SIGTERM and SIGINT end the run after the step in progress, with a checkpoint.

    launched: by a launcher, which tells all processes to end as soon as one has: one that ends by
    an error has yet to say why, and is not stopped by it.
    """

    def ask(signum: int, frame: object) -> None:
        session.stop_asked = True

    try:
        before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
    except ValueError:  # not the main thread: signals are the caller's business
        before = {}
    try:
        yield
    except TrainingError:
        if launched:
            before = {}
        raise
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
