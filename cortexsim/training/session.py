"""One process's part of a training run: what a checkpoint holds, and the loop that advances it."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cortexsim.checksums import file_sha256, seal, unsealed
from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write
from cortexsim.models.calibration import calibrate
from cortexsim.models.network import Network
from cortexsim.progress import bar as progress_bar
from cortexsim.provenance import hardware, provenance
from cortexsim.refusals import writing
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.distributed import World
from cortexsim.training.feeding import EVALUATION_BATCH, EVALUATION_VALUES, at_most
from cortexsim.training.learner import Learner
from cortexsim.training.optimisation import rate, set_rate
from cortexsim.training.run import CHECKPOINT, Run

METRICS = "metrics.jsonl"
"""A line an epoch."""
METRICS_DIGEST = "metrics_sha256"
"""Under which the card of a finished run has the digest of these lines."""


def check_metrics(card: Mapping[str, Any], path: Path) -> None:
    """TrainingError if the lines of the epochs are not those that the card of a run tells of."""
    if METRICS_DIGEST in card and not (
        path.is_file() and file_sha256(path) == card[METRICS_DIGEST]
    ):
        raise TrainingError(
            f"{path} is damaged or gone: its sha256 is not that of the model card. Put it back "
            "from a copy"
        )


class Session(Learner):
    """One process's part of a run: what a checkpoint holds, and the loop that advances it."""

    def __init__(
        self,
        run: Run,
        images: ImageSet | ImageTree,
        *,
        world: World | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(run, images, world=world, device=device)
        self.metrics_bytes, self.order_state = 0, self.generator.get_state()
        self.began = time.monotonic()
        self.data_sha256 = images.sha256()
        # Provenance of every process that worked on the run.
        self.sessions: list[dict[str, Any]] = []
        self.sums = [0.0, 0.0, 0]  # of this epoch: loss, errors, images
        self.checkpoint = run.folder / CHECKPOINT
        self.metrics = run.folder / METRICS
        self.stop_asked = self.stop_agreed = False
        self._restore()
        process = {**provenance(), "hardware": hardware(self.device)}
        if self.world.size > 1:
            process["processes"] = self.world.size
        if process not in self.sessions:
            self.sessions.append(process)

    @property
    def stopping(self) -> bool:
        """Whether to end after this step.

        Of several processes: whether any was asked to before it, so that all end together.
        """
        return self.stop_asked if self.world.size == 1 else self.stop_agreed

    @property
    def epoch(self) -> int:
        return self.step // self.steps_per_epoch

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run in all its processes.

        Training, validation, checkpoints, calibration; not work that was lost.
        """
        return time.monotonic() - self.began

    # ----------------------------------------------------------------------------------------------

    def train(self, log: Callable[[str], None], *, progress: bool = True) -> None:
        """Advance to the last epoch, checkpointing on the way."""
        total = self.epochs * self.steps_per_epoch
        saved = time.monotonic()
        bar = progress_bar(
            total=total * self.batch,
            initial=self.step * self.batch,
            unit="images",
            unit_scale=True,
            shown=self.world.first and progress,
        )
        with bar:
            while self.step < total:
                began, first = time.monotonic(), self.step
                for index in self._rest_of_epoch():
                    self._advance(index)
                    bar.update(self.batch)
                    if self.step % 20 == 0:
                        loss, wrong, n = self.sums
                        epoch = (self.step - 1) // self.steps_per_epoch + 1
                        bar.set_postfix_str(
                            f"epoch {epoch}/{self.epochs} loss {loss / n:.3f} "
                            f"error {wrong / n:.1%}",
                            refresh=False,
                        )
                    due = (
                        self.stopping or time.monotonic() - saved > self.settings.checkpoint_seconds
                    )
                    # Not after an epoch's last step: killed between that and the epoch's line, the
                    # run would continue without the line.
                    if due and self.step % self.steps_per_epoch:
                        self._save()
                        saved = time.monotonic()
                speed = (self.step - first) * self.batch / (time.monotonic() - began)
                if self.world.first:
                    self._end_epoch(speed, bar.write if progress else log)
                self._save()
                saved = time.monotonic()

    def seconds_per_step(self, count: int = 3) -> float:
        """Median time of so many steps after a first; the session is not one to train then."""
        seconds = []
        for index in itertools.islice(self._rest_of_epoch(), count + 1):
            began = time.monotonic()
            self._advance(index)
            seconds.append(time.monotonic() - began)
        return statistics.median(seconds[1:] or seconds)

    def _rest_of_epoch(self) -> Iterator[Tensor]:
        """Indices of this epoch's batches that are still to come, in the order drawn."""
        done = self.step % self.steps_per_epoch
        if done == 0:
            self.order_state = self.generator.get_state()
            self.sums = [0.0, 0.0, 0]
            order = torch.randperm(self.feed.train_count, generator=self.generator)
        else:
            order = torch.randperm(self.feed.train_count, generator=_generator_at(self.order_state))
        batches = order.split(self.batch)[done : self.steps_per_epoch]
        self.feed.begin(self.epoch, batches)
        yield from batches

    def _advance(self, index: Tensor) -> None:
        """One step of gradient descent on the images ``index``, shared by all processes."""
        self.net.train()
        lr = rate(
            self.recipe, self.step, self.steps_per_epoch, epochs=self.epochs, drops=self.drops
        )
        set_rate(self.optimizer, lr)
        images = self._images(index)
        at = self.supervision.of_batch(self.step, self.generator)
        loss, wrong = self._gradients(images, self.feed.labels(index), at)
        value, errors, stops = self.world.average(
            self.net.parameters(), loss, wrong, stop=self.stop_asked
        )
        self.stop_agreed = stops > 0
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step} (epoch {self.epoch + 1}, learning rate "
                f"{lr:g}). Begin again in another `out` with a lower `lr`, or look at the images"
            )
        self.optimizer.step()
        if self.averaged:
            self.averaged.update(self.net, self.step)
        sums = self.sums
        self.sums = [
            sums[0] + value * len(index),
            sums[1] + errors * self.world.size,
            sums[2] + len(index),
        ]
        self.step += 1

    def calibrate(self, net: Network, last: int, *, redo: bool) -> None:
        """Statistics from training images, shown and cropped as they are in training."""
        pixels = self.feed.sample(cropped=True)
        if self.presenting is not None:
            self.presenting.calibrate(
                net, pixels, self.preprocessing, last, seed=self.settings.seed, redo=redo
            )
        else:
            size = at_most(EVALUATION_BATCH, EVALUATION_VALUES, self.feed)
            calibrate(net, self.preprocessing.normalise(pixels), last, batch_size=size, redo=redo)

    def _end_epoch(self, speed: float, say: Callable[[str], None]) -> None:
        loss, wrong, n = self.sums
        line: dict[str, Any] = {
            "epoch": self.epoch,
            "step": self.step,
            "loss": loss / n,
            "train_error": wrong / n,
            "images_per_s": round(speed, 1),
        }
        line["lr"] = self.optimizer.param_groups[0]["lr"]
        if self.epoch % self.settings.validate_every == 0 or self.epoch == self.epochs:
            if self.averaged:
                self.calibrate(self.averaged.net, self.net.readout, redo=True)
            error = line[self.error_name] = self.errors((self.net.readout,))[self.net.readout]
            say(
                f"epoch {self.epoch}/{self.epochs}: loss {line['loss']:.4f}, training error "
                f"{line['train_error']:.2%}, {self.tested_on} error {error:.2%}"
            )
        line["seconds"] = round(self.seconds, 1)
        with writing(self.metrics), open(self.metrics, "ab") as file:
            file.truncate(self.metrics_bytes)
            file.seek(self.metrics_bytes)
            file.write((json.dumps(line) + "\n").encode())
            self.metrics_bytes = file.tell()
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint tells of it

    # ----------------------------------------------------------------------------------------------

    def _save(self) -> None:
        """Replace the checkpoint; where a signal has asked to stop, this is the place."""
        if self.world.first:
            self._write_checkpoint()
        if self.stopping:
            raise TrainingError(
                f"stopped by a signal at step {self.step}; the same command continues from there"
            )

    def _write_checkpoint(self) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "order_state": self.order_state,
            "step": self.step,
            "sums": self.sums,
            "seconds": self.seconds,
            "metrics_bytes": self.metrics_bytes,
            "metrics_sha256": file_sha256(self.metrics, self.metrics_bytes)
            if self.metrics_bytes
            else None,
            "data_sha256": self.data_sha256,
            "sessions": self.sessions,
            "origin": self.origin,
            "autocast": self.autocast,
            **({"averaged": self.averaged.net.state_dict()} if self.averaged else {}),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getvalue()
        # torch.load does not look at the checksums of its zip: damage would be trained on.
        atomic_write(self.checkpoint, data + seal(data))

    def _restore(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = read_checkpoint(self.checkpoint)
        if state["data_sha256"] != self.data_sha256:
            raise TrainingError(
                f"{self.run.folder} was begun on other images than {self.run.words.data!r} holds "
                "now, or by an earlier version that took them in another order; give another `out`"
            )
        if state.get("autocast", self.autocast) != self.autocast:
            then, now = ("bfloat16", "float32") if state["autocast"] else ("float32", "bfloat16")
            raise TrainingError(
                f"{self.run.folder} was begun in {then} and would go on in {now}, which is the "
                f"precision of {self.device}; give the `device` that it was begun on, or begin "
                "again in another `out`"
            )
        self.net.load_state_dict(state["net"])
        if self.averaged:
            self.averaged.net.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.order_state = state["order_state"]
        self.step, self.sums, self.origin = state["step"], state["sums"], state.get("origin")
        self.metrics_bytes, self.sessions = state["metrics_bytes"], state["sessions"]
        self.began = time.monotonic() - state["seconds"]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds; TrainingError if it is not what was written.

    Neither may the lines of the epochs beside it have changed.
    """
    data = unsealed(path.read_bytes())
    if data is None:
        raise TrainingError(
            f"{path} is damaged: the sha256 at its end is not that of the rest. Put it back from a "
            "copy, or remove the folder and train from the start"
        )
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    lines, count = path.with_name(METRICS), state["metrics_bytes"]
    if count and not (
        lines.is_file()
        and lines.stat().st_size >= count
        and file_sha256(lines, count) == state["metrics_sha256"]
    ):
        raise TrainingError(
            f"{lines} is damaged: it does not begin with the epochs that {path.name} tells of. Put "
            "it back from a copy, or remove the folder and train from the start"
        )
    return state


def _generator_at(state: Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state)
    return generator
