"""What a run says of itself: one line at its start, the model card at its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from cortexsim.models.describe import dead_transitions
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.session import Session

# Settings of the machine, or of where to begin, and not of the recipe.
ELSEWHERE = ("from_weights", "threads", "checkpoint_seconds", "workers")


def card_of(session: Session, errors: dict[int, float], calibrated_to: int) -> dict[str, Any]:
    """What was trained, on what, how and by what.

    errors: fraction of test images, or of those held out, misclassified by readout time.
    """
    settings, words, images = session.settings, session.run.words, session.images
    of = session.error_name
    # Photographs that are read as they are needed are cropped from whole ones, without padding.
    left_out = (*ELSEWHERE, "pad") if isinstance(images, ImageTree) else ELSEWHERE
    return {
        "name": session.run.name,
        **({"dead_transitions": dead} if (dead := dead_transitions(session.net.spec)) else {}),
        "parameters": sum(p.numel() for p in session.net.parameters()),
        "calibrated_to_step": calibrated_to,
        "preprocessing": session.preprocessing.as_dict(),
        "classes": list(images.classes),
        "data": {
            "name": images.name,
            "train": session.feed.train_count,
            "test": session.feed.test_count,
            **({"held_out": settings.hold_out} if settings.hold_out else {}),
            "sha256": session.data_sha256,
            "notes": list(images.notes),
        },
        "recipe": {
            "model": words.model,
            "train_count": words.train_count,
            **{k: v for k, v in dataclasses.asdict(settings).items() if k not in left_out},
            "epochs": session.epochs,
            "lr_drops": list(session.drops),
            "supervised_steps": list(session.supervision.steps),
            "precision": "bfloat16" if session.autocast else "float32",
            "compile": session.compiled,
        },
        **_tested_on(settings.hold_out),
        of: errors[session.net.readout],
        f"{of}_by_readout": {str(t): e for t, e in errors.items()},
        "seconds": round(session.seconds, 1),
        "provenance": session.sessions,
    }


def _tested_on(held_out: int) -> dict[str, str]:
    """Of which images the errors are, where they are not the test images."""
    if not held_out:
        return {}
    return {
        "tested_on": f"the last {held_out} training images, held out of training; no test image "
        "was looked at"
    }


def description(session: Session) -> str:
    """One line on what a process is about to do."""
    parameters = sum(p.numel() for p in session.net.parameters())
    precision = "bfloat16" if session.autocast else "float32"
    how = f"{precision}{', compiled' if session.compiled else ''} on {session.device}"
    where = (
        f"continuing at step {session.step:,} of {session.epochs * session.steps_per_epoch:,}"
        if session.step
        else "from the start"
    )
    notes = "".join(f"; {n}" for n in session.images.notes)
    if session.world.size > 1:
        how += f" in {session.world.size} processes"
    when = ", ".join(map(str, session.supervision.steps))
    trained = (
        f", trained at {'one of ' if session.supervision.drawn else ''}{when}"
        if len(session.supervision.steps) > 1
        else ""
    )
    dead = dead_transitions(session.net.spec)
    dead_in_one_line = (
        f"; not live at this readout, so not trained: {', '.join(dead)}" if dead else ""
    )
    falling = f"falling {_drops(session.drops)}"
    schedule = falling if session.recipe.schedule == "steps" else f"on a {session.recipe.schedule}"
    return (
        f"{session.run.name}: {parameters:,} parameters, readout at step "
        f"{session.net.readout}{trained}{dead_in_one_line}; {session.images.name}: "
        f"{session.feed.train_count:,} "
        f"training and {session.feed.test_count:,} {session.tested_on} images{notes}; "
        f"{session.epochs} epochs, rate {session.recipe.lr:g} {schedule}; {how}; {where}"
    )


def _drops(epochs: Sequence[int]) -> str:
    """After which epochs the rate falls; a short run falls several times at once.

    >>> _drops((40, 50)), _drops((2, 2)), _drops(())
    ('after epochs 40, 50', '2 times after epoch 2', 'never')
    """
    if not epochs:
        return "never"
    if len(set(epochs)) == 1 < len(epochs):
        return f"{len(epochs)} times after epoch {epochs[0]}"
    return f"after epoch{'s' * (len(epochs) > 1)} {', '.join(map(str, epochs))}"
