"""Around the training loop: the schedule, the folder that a run owns, and stopping when asked."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write, parsed_json
from cortexsim.locks import FolderHeldError, held
from cortexsim.refusals import refusal
from cortexsim.training.config import Settings
from cortexsim.training.distributed import World
from cortexsim.training.recipes import RECIPES
from cortexsim.training.run import Run

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


STREAMED = "images that are read from `imagenet:`"


def epochs_and_drops(settings: Settings, model: str) -> tuple[int, tuple[int, ...]]:
    """The memo's schedule, scaled to the epochs asked for.

    Drops after 40 and 50 of 60 epochs (few-parameter nets, whose names begin with ``tiny``: 100
    and 120 of 140).
    """
    memo = (140, (100, 120)) if model.startswith("tiny") else (60, (40, 50))
    epochs = memo[0] if settings.epochs is None else settings.epochs
    drops = (
        settings.lr_drops
        if settings.lr_drops is not None
        else tuple(round(d * epochs / memo[0]) for d in memo[1])
    )
    return epochs, drops


def check_claim(run: Run) -> None:
    """Refuse a folder that holds a run with other settings."""
    path = run.folder / "config.json"
    if not path.is_file():
        return
    stored = parsed_json(path.read_bytes(), f"{path} is damaged: it", error=TrainingError)
    if not isinstance(stored, dict):
        raise TrainingError(f"{path} is damaged: it holds no settings; give another `out`")
    ours, theirs = run.as_json(), run.continues(stored)
    differ = [
        f"`{k}`: {theirs.get(k)!r} there, {v!r} now"
        for k, v in ours.items()
        if k not in FREE and theirs.get(k) != v
    ]
    if differ:
        raise TrainingError(
            f"{run.folder} holds a run with other settings:\n  "
            + "\n  ".join(differ)
            + "\nGive the same settings to continue it, or another `out`"
        )


def check_combination(settings: Settings, world: World, streamed: bool) -> None:
    """Refuse options that contradict each other, or the number of processes."""
    if settings.compile and settings.checkpoint_activations:
        raise TrainingError(
            "`compile` decides itself what to keep for the gradient; leave out "
            "`checkpoint_activations`, or give `compile=False`"
        )
    _check_fast(settings, streamed)
    _check_unused(settings)
    batch = settings.settings().batch_size // world.size
    if batch % settings.accumulate:
        whose = f" of each of {world.size} processes" if world.size > 1 else ""
        possible = ", ".join(str(k) for k in range(1, batch + 1) if batch % k == 0)
        raise TrainingError(
            f"`accumulate={settings.accumulate}` does not divide the {batch} images{whose} into "
            f"equal micro-batches; choose from {possible}"
        )
    if streamed and settings.pad != Settings.pad:
        raise TrainingError(
            f"`pad={settings.pad}` does nothing with {STREAMED}, which are cropped at random from "
            "whole photographs; leave it out"
        )
    if settings.presentation is not None and streamed:
        raise TrainingError(
            f"`presentation` and {STREAMED} cannot be combined: masks are made of images that are "
            "held in memory; leave out one of them"
        )


def check_sizes(settings: Settings, size: tuple[int, int]) -> None:
    """Refuse crops and blanks that leave nothing of images of this size."""
    shorter, cutout = min(size), settings.settings().cutout
    for name, value in (("pad", settings.pad), ("cutout", cutout)):
        if value and value >= shorter:
            raise TrainingError(
                f"`{name}={value}` leaves nothing of some images of {size[0]} x {size[1]} pixels; "
                f"give less than {shorter}"
            )


def _check_unused(settings: Settings) -> None:
    """Refuse what was asked for, other than the recipe has it, and would do nothing."""
    recipe, usual = settings.settings(), RECIPES[settings.recipe]
    needs = {
        "lr_drops": (recipe.schedule == "steps", "schedule='steps'"),
        "fixed_norm": (recipe.optimizer == "muon", "optimizer='muon'"),
        "rest_rate": (recipe.optimizer == "muon", "optimizer='muon'"),
        "small_share": (recipe.small_size > 0, "small_size"),
    }
    for name, (used, needed) in needs.items():
        value = getattr(settings, name)
        if value and not used and value != getattr(usual, name, None):
            raise TrainingError(
                f"`{name}={value}` does nothing without `{needed}`; give both, or leave it out"
            )
    drops = settings.lr_drops or ()
    if drops and min(drops) < 1:
        raise TrainingError(f"`lr_drops` is {drops}; the rate drops after whole epochs, from 1 on")
    epochs, asked = settings.epochs, recipe.warmup != usual.warmup
    if asked and epochs is not None and recipe.warmup > epochs:
        raise TrainingError(f"`warmup={recipe.warmup}` is longer than the {epochs} epochs")


def _check_fast(settings: Settings, streamed: bool) -> None:
    """Refuse what contradicts the settings that are used for short runs."""
    recipe = settings.settings()
    if recipe.whitening != "none" and settings.from_weights is not None:
        raise TrainingError(
            f"`whitening={recipe.whitening!r}` and `from_weights={settings.from_weights!r}` both "
            "say what the first convolution begins with; give `whitening='none'`, or leave out "
            "`from_weights`"
        )
    if recipe.alternating_flip and (streamed or not settings.flip):
        other = f"{STREAMED} (mirrored at random)" if streamed else "`flip=False`"
        raise TrainingError(
            f"`alternating_flip` and {other} contradict each other; give `alternating_flip=False`"
        )
    if recipe.small_size and settings.presentation is not None:
        raise TrainingError(
            "`small_size` and `presentation` cannot be combined: masks are made for one size; "
            "give `small_size=0`, or leave out `presentation`"
        )
    if settings.hold_out and streamed:
        raise TrainingError(
            f"`hold_out` needs images held in memory, not {STREAMED}; make a folder whose "
            "val/ holds training images instead"
        )
    if settings.mirror_test and settings.presentation is not None:
        raise TrainingError(
            "`mirror_test` and `presentation` cannot be combined: brief and masked images are "
            "tested as they were drawn, not in a mirror; leave out one of them"
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
                "continues or is done), stop it, or give another `out`"
            ) from error
        except OSError as error:
            raise TrainingError(refusal(folder / "config.json", error)) from error
        yield


def claim(run: Run) -> None:
    """Write the settings into a new folder."""
    if not (path := run.folder / "config.json").is_file():
        atomic_write(path, (json.dumps(run.as_json(), indent=1) + "\n").encode())


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
