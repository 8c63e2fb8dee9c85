"""What trained nets answer at any readout time: logits beside the weights, answers of kept runs.

A run that is kept (``shared/kept.py``) has no weights, only the classes that it answered at the
times that figures ask for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write
from cortexsim.shapes import Float
from shared.pictures import shown_to, training_shown_to

if TYPE_CHECKING:
    from shared.runs import Runs, Trained

ANSWERED = "answered.npz"
CALIBRATION_IMAGES = 5000
AT_ONCE = 500


def answers_at(
    trained: Trained, runs: Runs, part: str, *, times: Sequence[int]
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Logits at each readout time and the labels, of training or as many test images.

    The statistics of all steps are estimated anew on training images, cropped as in training: those
    of a trained time are averages over training, which lag behind the weights of a short run, and
    would set that time apart from the others. Answers are computed once and kept in
    ``answers-PART.npz`` of the run.

    Returns
    -------
    logits : dict from time to array of shape (image, class)
    labels : array of shape (image,)
    """
    path = trained.weights.with_name(f"answers-{part}.npz")
    stamp = f"{trained.card['weights_sha256']} {runs.sha256} cropped"
    kept: dict[int, np.ndarray] = {}
    if path.is_file():
        with np.load(path) as file:
            if str(file["of"]) == stamp:
                kept = {int(k): file[k] for k in file.files if k != "of"}
    if missing := sorted(set(times) - kept.keys()):
        kept |= _computed(trained, runs, part, times=missing)
        buffer = io.BytesIO()
        np.savez(buffer, of=np.array(stamp), **{str(t): v for t, v in sorted(kept.items())})
        atomic_write(path, buffer.getvalue())
    count = len(runs.images.test_x)
    return {t: kept[t] for t in times}, getattr(runs.images, f"{part}_y")[:count].numpy()


def _computed(
    trained: Trained, runs: Runs, part: str, *, times: Sequence[int]
) -> dict[int, np.ndarray]:
    import torch

    from cortexsim.models import calibrate
    from cortexsim.models.weights import load_weights

    net = load_weights(trained.weights).to(runs.device)
    sample = training_shown_to(net, runs.images.train_x[:CALIBRATION_IMAGES])
    calibrate(net, sample.to(runs.device), max(times), redo=True)
    x = getattr(runs.images, f"{part}_x")[: len(runs.images.test_x)]
    logits: dict[int, list[np.ndarray]] = {t: [] for t in times}
    with torch.inference_mode():
        for first in range(0, len(x), AT_ONCE):
            images = shown_to(net, x[first : first + AT_ONCE].to(runs.device))
            for t, v in net.readouts(images, times).items():
                logits[t].append(v.float().cpu().numpy())
    return {t: np.concatenate(v) for t, v in logits.items()}


def answered_at(
    trained: Trained,
    runs: Runs,
    part: str,
    *,
    times: Sequence[int],
    groups: np.ndarray | None = None,
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """The class answered at each readout time and the labels, of training or as many test images.

    groups: the superclass of each class, ``(class,)``; the answer is then the superclass whose
    classes are together the most probable, and the labels are superclasses.
    """
    labels = getattr(runs.images, f"{part}_y")[: len(runs.images.test_x)].numpy()
    if trained.weights.is_file():
        logits, _ = answers_at(trained, runs, part, times=times)
        given = {t: choice(v, groups) for t, v in logits.items()}
    else:
        with np.load(trained.weights.with_name(ANSWERED)) as file:
            names = {t: answer_name(part, t, groups) for t in times}
            if absent := sorted(set(names.values()) - set(file.files)):
                raise TrainingError(
                    f"{trained.weights.parent.name} was kept without its weights and without "
                    f"these answers: {', '.join(absent)}; train it again "
                    f"({trained.weights.with_name('command.txt')} says how)"
                )
            given = {t: file[name] for t, name in names.items()}
    return given, labels if groups is None else groups[labels]


def choice(logits: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """The most probable class ``(image,)`` of logits ``(image, class)``, or superclass."""
    if groups is None:
        return logits.argmax(1)
    members = np.eye(groups.max() + 1)[groups]  # (class, superclass)
    p = np.exp(logits - logits.max(1, keepdims=True)).astype(np.float64)
    return (p @ members).argmax(1)


def answer_name(part: str, time: int, groups: np.ndarray | None = None) -> str:
    """What the answers at a time are called in the file of a kept run."""
    return f"{part}-{time}" + ("" if groups is None else "-of-" + "-".join(map(str, groups)))


def errors_at(trained: Trained, runs: Runs, part: str, *, times: Sequence[int]) -> dict[int, float]:
    """The error at each readout time, of the training or test images."""
    given, y = answered_at(trained, runs, part, times=times)
    return {t: float((v != y).mean()) for t, v in given.items()}


def wrong_at(
    seeds: Sequence[Trained], runs: Runs, times: Sequence[int]
) -> Float[np.ndarray, "seed image time"]:
    """Which test images each seed gets wrong at each readout time: 1 or 0."""
    rows = []
    for trained in seeds:
        given, y = answered_at(trained, runs, "test", times=times)
        rows.append(np.stack([given[t] != y for t in times], axis=1))
    return np.stack(rows).astype(float)


def trained_time(trained: Trained) -> int:
    """The (last) readout time that a net was trained at."""
    return int(trained.card["network"]["readout"][-1])
