"""One process's part of a training run: what a checkpoint holds, and the loop that advances it."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from cortexsim.errors import TrainingError
from cortexsim.files import atomic_write
from cortexsim.models.calibration import calibrate
from cortexsim.models.frames import check_images
from cortexsim.models.network import Network
from cortexsim.models.weights import device_of
from cortexsim.provenance import hardware, provenance
from cortexsim.stimuli.datasets import ImageSet, cutout
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.architecture import Architecture
from cortexsim.training.config import TrainConfig
from cortexsim.training.control import check_combination, epochs_and_drops
from cortexsim.training.distributed import World, at_least_single, synchronise
from cortexsim.training.feeding import EVALUATION_BATCH, EVALUATION_VALUES, at_most, feed_of
from cortexsim.training.optimisation import Averaged, optimizer_of, rate, set_rate
from cortexsim.training.presenting import Shown, loss_of, presenting_of
from cortexsim.training.start import beginning, start_from
from cortexsim.training.supervision import supervision
from cortexsim.training.whitening import whiten


class Session:
    """One process's part of a run: what a checkpoint holds, and the loop that advances it."""

    def __init__(
        self,
        config: TrainConfig,
        images: ImageSet | ImageTree,
        folder: Path,
        world: World | None = None,
        device: str | None = None,
        architecture: Architecture | None = None,
    ) -> None:
        self.config, self.recipe = config.resolved(), config.settings()
        self.images, self.folder, self.world = images, folder, world or World()
        self.device = device_of(device or config.device)
        on_cuda = self.device.type == "cuda"
        self.autocast = config.precision == "bfloat16" or (config.precision == "auto" and on_cuda)
        self.batch = self.recipe.batch_size
        self.part = self.world.part(self.batch)
        check_combination(config, self.world, isinstance(images, ImageTree))
        alone = self.world.size == 1 and not config.checkpoint_activations
        self.compiled = config.compile if config.compile is not None else on_cuda and alone
        self.epochs, self.drops = epochs_and_drops(config)
        self.feed = feed_of(config, images, self.world, self.device, self.batch)
        channels, self.preprocessing = self.feed.channels, self.feed.preprocessing
        classes = len(images.classes)
        self.net = beginning(config, architecture, classes=classes, channels=channels)
        self.net.checkpoint_activations = config.checkpoint_activations
        if not config.channels_last:
            self.net.memory_format = torch.contiguous_format
            self.net.to(memory_format=torch.contiguous_format)
        if self.recipe.whitening != "none":
            sample = self.preprocessing.normalise(self.feed.sample()).cpu()
            whiten(self.net, sample, frozen=self.recipe.whitening == "frozen")
        self.origin = start_from(self.net, config.from_weights) if config.from_weights else None
        self.net.to(self.device)
        self.supervision = supervision(config, self.net)
        self.net.extend(max(self.supervision.steps))
        self.presenting = presenting_of(
            config, self.net, max(self.supervision.steps), self.world.size
        )
        self.averaged = Averaged(self.net, self.recipe.ema) if self.recipe.ema else None
        if self.world.size > 1:
            synchronise(self.net)
        self.optimizer = optimizer_of(self.net, self.recipe, fused=on_cuda or None)
        self.generator = torch.Generator().manual_seed(config.seed)
        check_images(self.net.spec, torch.empty(1, channels, *self.preprocessing.size))
        self.small = smaller(self.preprocessing.size, self.recipe.small_size)
        check_images(self.net.spec, torch.empty(1, channels, *self.small))
        self.steps_per_epoch = self.feed.train_count // self.batch
        if not self.steps_per_epoch:
            raise TrainingError(
                f"{self.feed.train_count} training images do not fill one batch of {self.batch}; "
                "lower --batch-size"
            )
        if config.calibrate_to is not None and config.calibrate_to < self.net.readout:
            raise TrainingError(
                f"--calibrate-to {config.calibrate_to} is before the readout at step "
                f"{self.net.readout}"
            )
        self.step, self.metrics_bytes, self.order_state = 0, 0, self.generator.get_state()
        self.began = time.monotonic()
        self.data_sha256 = images.sha256()
        # Provenance of every process that worked on the run.
        self.sessions: list[dict[str, Any]] = []
        self.sums = [0.0, 0.0, 0]  # of this epoch: loss, errors, images
        self.checkpoint = folder / "checkpoint.pt"
        self.metrics = folder / "metrics.jsonl"
        self.stop_asked = self.stop_agreed = False
        self._restore()
        here = {**provenance(), "hardware": hardware(self.device)}
        if self.world.size > 1:
            here["processes"] = self.world.size
        if here not in self.sessions:
            self.sessions.append(here)
        self._loss = self._compile() if self.compiled else self._plain_loss

    def _compile(self) -> Callable[..., tuple[Tensor, Tensor]]:
        if self.supervision.drawn:  # one graph for each readout time
            limit = torch._dynamo.config.recompile_limit
            torch._dynamo.config.recompile_limit = max(limit, len(self.supervision.steps) + 1)
        # Captured as one CUDA graph only where no sums over processes are inside.
        captured = self.device.type == "cuda" and self.world.size == 1
        # Images of two sizes: a graph for each, not one for any size, which is slower.
        dynamic = False if self.recipe.small_size else None
        mode = "reduce-overhead" if captured else None
        return torch.compile(self._plain_loss, mode=mode, dynamic=dynamic)

    @property
    def tested(self) -> Network:
        """The network whose errors are measured and whose weights are saved."""
        return self.averaged.net if self.averaged else self.net

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

    def run(self, log: Callable[[str], None], *, progress: bool = True) -> None:
        """Advance to the last epoch, checkpointing on the way."""
        total = self.epochs * self.steps_per_epoch
        saved = time.monotonic()
        bar = tqdm(
            total=total * self.batch,
            initial=self.step * self.batch,
            unit=" images",
            unit_scale=True,
            mininterval=1.0,
            dynamic_ncols=True,
            disable=not (self.world.first and progress),
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
                    due = self.stopping or time.monotonic() - saved > self.config.checkpoint_seconds
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
        lr = rate(self.recipe, self.step, self.steps_per_epoch, self.epochs, self.drops)
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
                f"{lr:g}). Begin again in another --out with a lower --lr, or look at the images"
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

    def _gradients(
        self, images: Tensor | Shown, labels: Tensor, at: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Mean loss and number of errors of a batch.

        Its gradient is left in the parameters, summed over the micro-batches.
        """
        self.optimizer.zero_grad(set_to_none=True)
        # The very first batch initialises the statistics, which is another graph than all later
        # ones: not compiled.
        compute = self._loss if self.step else self._plain_loss
        count = self.config.accumulate
        if isinstance(images, Shown) or count == 1:
            loss, wrong = compute(images, labels, at)
            loss.backward()
            return loss.detach(), wrong
        results = []
        for x, y in zip(images.chunk(count), labels.chunk(count), strict=True):
            loss, wrong = compute(x, y, at)
            (loss / count).backward()
            results.append((loss.detach().clone(), wrong.clone()))
            # Out of the memory of a captured graph, which the next one fills anew.
            if self.compiled and len(results) == 1:
                for p in self.net.parameters():
                    p.grad = None if p.grad is None else p.grad.clone()
        losses, errors = zip(*results, strict=True)
        return torch.stack(losses).mean(), torch.stack(errors).sum()

    def _images(self, index: Tensor) -> Tensor | Shown:
        """This process's part of a batch: cropped, mirrored, normalised and blanked at random.

        With what is shown when, if that is asked for.
        """
        crops = self.feed.images(index, self.generator)
        shown = (
            self.presenting.show(crops, self.preprocessing, self.generator)
            if self.presenting
            else None
        )
        images = self.preprocessing.normalise(crops) if shown is None else shown.images
        if (
            self.recipe.small_size
            and self.step < self.recipe.small_share * self.epochs * self.steps_per_epoch
        ):
            images = F.interpolate(images, self.small, mode="bilinear", antialias=True)
        if self.recipe.cutout:
            cutout(
                images,
                self.recipe.cutout,
                generator=self.generator,
                batch=len(index),
                part=self.part,
            )
        return images if shown is None else shown

    def _plain_loss(
        self, images: Tensor | Shown, labels: Tensor, at: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over the readout times ``at``, and the errors at the last."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            if isinstance(images, Shown):
                assert self.presenting is not None
                logits = self.presenting.readouts(self.net, images, at)
            else:
                logits = self.net.readouts(images, at)
        smoothing = self.recipe.label_smoothing
        if isinstance(images, Shown):
            return loss_of(logits, labels, images, smoothing), (
                logits[at[-1]].argmax(1) != labels
            ).sum()
        losses = [
            F.cross_entropy(at_least_single(v), labels, label_smoothing=smoothing)
            for v in logits.values()
        ]
        wrong = (logits[at[-1]].argmax(1) != labels).sum()
        return torch.stack(losses).mean(), wrong

    @property
    def tested_on(self) -> str:
        """Which images the errors are of."""
        return "held-out" if self.config.hold_out else "test"

    def errors(self, at: tuple[int, ...], *, mirror: bool = False) -> dict[int, float]:
        """Fraction of test images misclassified at each readout time in ``at``.

        Answers that are not finite are an error, not a rate.
        mirror: judge the mean of the answers to an image and to its mirror image.
        """
        net = self.tested.eval()
        wrong = dict.fromkeys(at, 0)
        with torch.inference_mode():
            for pixels, y in self.feed.tests():
                x = self.preprocessing.normalise(pixels)
                answers = net.readouts(x, at)
                if mirror:
                    mirrored = net.readouts(x.flip(3), at)
                    answers = {t: (logits + mirrored[t]) / 2 for t, logits in answers.items()}
                for t, logits in answers.items():
                    if t in self.supervision.steps and not bool(logits.isfinite().all()):
                        lr = self.optimizer.param_groups[0]["lr"]
                        raise TrainingError(
                            "the answers to the test images are not finite after step "
                            f"{self.step} (learning rate {lr:g}). Begin again in another --out "
                            "with a lower --lr"
                        )
                    wrong[t] += int((logits.argmax(1) != y).sum())
        return {t: n / self.feed.test_count for t, n in wrong.items()}

    def calibrate(self, net: Network, last: int, *, redo: bool) -> None:
        """Statistics from training images, shown as they are in training."""
        pixels = self.feed.sample()
        if self.presenting is not None:
            self.presenting.calibrate(
                net, pixels, self.preprocessing, last, seed=self.config.seed, redo=redo
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
        if self.epoch % self.config.validate_every == 0 or self.epoch == self.epochs:
            if self.averaged:
                self.calibrate(self.averaged.net, self.net.readout, redo=True)
            line["test_error"] = self.errors((self.net.readout,))[self.net.readout]
            say(
                f"epoch {self.epoch}/{self.epochs}: loss {line['loss']:.4f}, training error "
                f"{line['train_error']:.2%}, {self.tested_on} error {line['test_error']:.2%}"
            )
        line["seconds"] = round(self.seconds, 1)
        with open(self.metrics, "ab") as file:
            file.truncate(self.metrics_bytes)
            file.seek(self.metrics_bytes)
            file.write((json.dumps(line) + "\n").encode())
            self.metrics_bytes = file.tell()

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
            "data_sha256": self.data_sha256,
            "sessions": self.sessions,
            "origin": self.origin,
            **({"averaged": self.averaged.net.state_dict()} if self.averaged else {}),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        atomic_write(self.checkpoint, buffer.getvalue())

    def _restore(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        if state["data_sha256"] != self.data_sha256:
            raise TrainingError(
                f"{self.folder} was begun on other images than {self.config.data!r} holds now; "
                "give another --out"
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


def smaller(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """An image's size with its shorter side shrunk to ``edge`` pixels; as it is if that is 0.

    >>> smaller((32, 48), 24), smaller((32, 32), 0)
    ((24, 36), (32, 32))
    """
    if edge >= min(size):
        raise TrainingError(
            f"--small-size {edge} is not smaller than the images of {size[0]} x {size[1]} pixels; "
            "give a smaller one, or 0 for none"
        )
    scale = edge / min(size) if edge else 1.0
    return round(size[0] * scale), round(size[1] * scale)


def _generator_at(state: Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state)
    return generator
