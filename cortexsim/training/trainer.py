"""The training loop: deterministic, resumable, one checkpoint file replaced atomically."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from cortexsim.arguments import clear_errors
from cortexsim.checksums import file_sha256
from cortexsim.errors import OutputError, StimulusError, TrainingError
from cortexsim.models.weights import load_card, round_kernels, save_weights
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.training.architecture import check_architecture, claim_architecture, describe
from cortexsim.training.card import card_of, description
from cortexsim.training.control import check_claim, claim, hold, stop_politely
from cortexsim.training.distributed import World, joined, only
from cortexsim.training.feeding import part_of
from cortexsim.training.run import CHECKPOINT, Run
from cortexsim.training.session import METRICS_DIGEST, Session

TOP = 5
MANY_CLASSES = 100
"""From so many classes on the card has the top-5 error, too, as is usual for ImageNet."""


@clear_errors
def train(
    run: Run, log: Callable[[str], None] = lambda text: None, *, progress: bool = True
) -> Path:
    """Train a run, or continue it.

    Parameters
    ----------
    run : Run
        Its folder holds ``config.json``, ``metrics.jsonl`` (one object a line), ``checkpoint.pt``
        until the end, and ``NAME.safetensors`` with ``NAME.json``; of an architecture of the
        user's own also ``architecture.json``.
    log : callable
        Takes a line of text now and then; default nobody.
    progress : bool
        Whether a bar is shown, and a line for each epoch above it; else ``log`` has the lines.

    Returns
    -------
    Path
        Of the weights, the model card beside it.

    Raises
    ------
    TrainingError
        When a loss is not finite, or the folder holds a run with other settings.
    """
    folder, settings = run.folder, run.settings
    weights = folder / f"{run.name}.safetensors"
    # Of several processes the first writes, and the others wait for it when they join.
    mine = hold(folder) if World.of_environment().first else contextlib.nullcontext()
    with mine:
        described = describe(run)
        if is_complete(run, described):
            log(f"{weights} is complete; give another `out` to train again")
            return weights
        if settings.threads:
            torch.set_num_threads(settings.threads)
        images = part_of(run.images(), settings)
        with joined(settings.device) as (world, device):
            log = only(world, log)
            session = Session(run, images, world=world, device=device)
            # Claimed only now: a command with a wrong path or name must not stop the corrected one.
            if world.first:
                claim_architecture(folder, described)
                claim(run)  # the last, by which a folder is known to be begun
            log(description(session))
            with stop_politely(session, launched=world.size > 1), _told():
                session.train(log, progress=progress)
        with _told():
            return finish(session, weights, log) if world.first else weights


def is_complete(run: Run, described: dict[str, Any] | None) -> bool:
    """Whether the folder holds this run, finished; TrainingError if it holds another one.

    described: the architecture of the user's own, as :func:`describe` gives it.
    """
    check_claim(run)
    check_architecture(run.folder, described)
    files = [run.folder / f"{run.name}{suffix}" for suffix in (".safetensors", ".json")]
    there = [path.is_file() for path in files]
    if any(there) and not (run.folder / "config.json").is_file():
        raise TrainingError(
            f"{run.folder} holds {files[there.index(True)].name} and no config.json: it was not "
            "trained there, and would be overwritten. Give another `out`"
        )
    if not all(there) or (run.folder / CHECKPOINT).is_file():
        return False
    _check_finished(run, files[0])
    return True


def _check_finished(run: Run, weights: Path) -> None:
    """Refuse weights that are damaged, or were trained on other images than are asked for now."""
    card = load_card(weights)
    if file_sha256(weights) != card["weights_sha256"]:
        raise TrainingError(
            f"{weights} is damaged: its sha256 is not that of its card. Put it back from a copy, "
            "or give another `out`"
        )
    try:
        now = part_of(run.images(), run.settings).sha256()
    except StimulusError:  # the images have gone since
        return
    then = (card.get("data") or {}).get("sha256")
    if then is not None and then != now:
        raise TrainingError(
            f"{run.folder} holds a run that is done, on other images: their sha256 was "
            f"{then[:12]}..., that of {run.words.data} is {now[:12]}... now (or an earlier version "
            "took them in another order). Give another `out`"
        )


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What cannot be written is told with how the run goes on."""
    try:
        yield
    except OutputError as error:
        raise TrainingError(f"{error}. The same command continues from the last checkpoint") from (
            error
        )


def finish(session: Session, weights: Path, log: Callable[[str], None]) -> Path:
    """Calibrate all states, measure the errors at every readout time, write weights and card, drop
    the checkpoint.
    """
    last = session.settings.calibrate_to or session.supervision.steps[-1] + 4
    net, kernels = session.tested, getattr(torch, session.settings.kernels)
    round_kernels(net, kernels)
    log(f"calibrating the statistics of every state up to step {last} on training images")
    session.calibrate(net, last, redo=session.averaged is not None)
    out = net.spec.graph.output_state
    blank = torch.zeros(
        1, session.feed.channels, *session.preprocessing.size, device=session.device
    )
    with torch.inference_mode():
        times = tuple(t for t, s in net.unroll(blank, last) if out in s)
    errors = session.errors(times)
    for t, e in errors.items():
        log(
            f"  readout at step {t:2d}: {session.tested_on} error {e:.2%}"
            + ("  (trained)" if t in session.supervision.steps else "")
        )
    card = card_of(session, errors, last)
    if len(session.images.classes) >= MANY_CLASSES:
        best, at = session.errors(times, among=TOP), session.net.readout
        name = f"{session.error_name}_top{TOP}"
        card |= {name: best[at], f"{name}_by_readout": {str(t): e for t, e in best.items()}}
        log(f"  among the best {TOP} of the classes: {session.tested_on} error {best[at]:.2%}")
    if session.settings.mirror_test:
        mirrored = session.errors(times, mirror=True)
        card[f"mirrored_{session.error_name}_by_readout"] = {str(t): e for t, e in mirrored.items()}
        log(f"  with mirror images: {session.tested_on} error {mirrored[session.net.readout]:.2%}")
    if session.presenting is not None:
        assert isinstance(session.images, ImageSet)  # see check_combination
        card["presentation"] = session.presenting.card(
            net,
            session.images,
            preprocessing=session.preprocessing,
            at=times,
            seed=session.settings.seed,
            of=session.error_name,
        )
    card[METRICS_DIGEST] = file_sha256(session.metrics)
    if session.origin is not None:
        card["from"] = session.origin
    save_weights(net, weights, card, kernels=kernels)
    session.checkpoint.unlink(missing_ok=True)
    log(
        f"wrote {weights} and its model card: {session.tested_on} error "
        f"{errors[session.net.readout]:.2%} at step {session.net.readout}, "
        f"{session.seconds / 60:.1f} minutes"
    )
    return weights
