"""The training loop: deterministic, resumable, one checkpoint file replaced atomically."""

from __future__ import annotations

import dataclasses
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
from cortexsim.models import build, calibrate
from cortexsim.models.weights import device_of, save_weights
from cortexsim.provenance import hardware, provenance
from cortexsim.stimuli.datasets import ImageSet, crop_and_flip, load_images
from cortexsim.stimuli.images import Preprocessing
from cortexsim.train import TrainConfig
from cortexsim.training.control import check_claim, claim, epochs_and_drops, stop_politely

CALIBRATION_IMAGES = 5000
EVALUATION_BATCH = 500


def train(config: TrainConfig, log: Callable[[str], None] = print) -> Path:
    """Train, or continue, the run that ``config`` describes; returns the path of its weights (model card beside it).

    The folder holds ``config.json``, ``metrics.jsonl`` (one object a line), ``checkpoint.pt`` until the end, and ``MODEL.safetensors`` with
    ``MODEL.json``. Raises TrainingError when a loss is not finite or the folder holds a run with other settings.
    """
    folder = Path(config.folder)
    weights = folder / f"{config.model}.safetensors"
    check_claim(folder, config)
    if weights.is_file() and weights.with_suffix(".json").is_file() and not (folder / "checkpoint.pt").is_file():
        log(f"{weights} is complete; give another --out to train again")
        return weights
    if config.threads:
        torch.set_num_threads(config.threads)
    images = load_images(config.data, train_count=config.train_count)
    if config.limit:
        images = dataclasses.replace(
            images, train_x=images.train_x[: config.limit], train_y=images.train_y[: config.limit]
        )
    session = Session(config, images, folder)
    # Claimed only now: a command with a wrong path or name must not stop the corrected one.
    claim(folder, config)
    log(session.describe())
    with stop_politely(session):
        session.run(log)
    return session.finish(weights, log)


class Session:
    """One process's part of a run: the state that a checkpoint holds, and the loop that advances it."""

    def __init__(self, config: TrainConfig, images: ImageSet, folder: Path) -> None:
        self.config, self.images, self.folder = config, images, folder
        self.device = device_of(config.device)
        on_cuda = self.device.type == "cuda"
        self.autocast = config.precision == "bfloat16" or (config.precision == "auto" and on_cuda)
        self.compiled = config.compile if config.compile is not None else on_cuda
        self.epochs, self.drops = epochs_and_drops(config)
        overrides = {
            k: getattr(config, k) for k in ("readout", "inhomogeneous", "norm") if getattr(config, k) is not None
        }
        channels = images.train_x.shape[1]
        self.net = build(config.model, seed=config.seed, classes=len(images.classes), channels=channels, **overrides)
        if not config.channels_last:
            self.net.memory_format = torch.contiguous_format
            self.net.to(memory_format=torch.contiguous_format)
        self.net.to(self.device)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay, fused=on_cuda or None
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.shape = (images.train_x.shape[2], images.train_x.shape[3])
        self.preprocessing = Preprocessing(self.shape, *images.channel_statistics())
        self.net.check_images(torch.empty(1, channels, *self.shape))
        self.padded = F.pad(images.train_x, (config.pad,) * 4).to(self.device)
        self.labels = images.train_y.to(self.device)
        self.steps_per_epoch = len(images.train_x) // config.batch_size
        if not self.steps_per_epoch:
            raise TrainingError(
                f"{len(images.train_x)} training images do not fill one batch of {config.batch_size}; lower --batch-size"
            )
        if config.calibrate_to is not None and config.calibrate_to < self.net.readout:
            raise TrainingError(
                f"--calibrate-to {config.calibrate_to} is before the readout at step {self.net.readout}"
            )
        self.step, self.metrics_bytes, self.order_state = 0, 0, self.generator.get_state()
        self.began = time.monotonic()
        self.data_sha256 = images.sha256()
        self.sessions: list[dict[str, Any]] = []  # provenance of every process that worked on the run
        self.sums = [0.0, 0.0, 0]  # of this epoch: loss, errors, images
        self.checkpoint = folder / "checkpoint.pt"
        self.metrics = folder / "metrics.jsonl"
        self.stop_asked = False
        self._restore()
        if (here := {**provenance(), "hardware": hardware(self.device)}) not in self.sessions:
            self.sessions.append(here)
        self._loss = (
            torch.compile(self._plain_loss, mode="reduce-overhead" if on_cuda else None)
            if self.compiled
            else self._plain_loss
        )

    @property
    def epoch(self) -> int:
        return self.step // self.steps_per_epoch

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run in all its processes: training, validation, checkpoints, calibration; not work that was lost."""
        return time.monotonic() - self.began

    def describe(self) -> str:
        parameters = sum(p.numel() for p in self.net.parameters())
        how = f"{'bfloat16' if self.autocast else 'float32'}{', compiled' if self.compiled else ''} on {self.device}"
        where = (
            f"continuing at step {self.step:,} of {self.epochs * self.steps_per_epoch:,}"
            if self.step
            else "from the start"
        )
        notes = "".join(f"; {n}" for n in self.images.notes)
        return (
            f"{self.config.model}: {parameters:,} parameters, readout at step {self.net.readout}; {self.images.name}: "
            f"{len(self.images.train_x):,} training and {len(self.images.test_x):,} test images{notes}; "
            f"{self.epochs} epochs, rate {self.config.lr:g} falling after epochs {', '.join(map(str, self.drops)) or 'never'}; {how}; {where}"
        )

    # ------------------------------------------------------------------------------------------------ the loop

    def run(self, log: Callable[[str], None]) -> None:
        """Advance to the last epoch, checkpointing on the way."""
        total = self.epochs * self.steps_per_epoch
        saved = time.monotonic()
        bar = tqdm(
            total=total * self.config.batch_size,
            initial=self.step * self.config.batch_size,
            unit=" images",
            unit_scale=True,
            mininterval=1.0,
            dynamic_ncols=True,
        )
        with bar:
            while self.step < total:
                began, first = time.monotonic(), self.step
                for index in self._rest_of_epoch():
                    self._advance(index)
                    bar.update(self.config.batch_size)
                    if self.step % 20 == 0:
                        loss, wrong, n = self.sums
                        epoch = (self.step - 1) // self.steps_per_epoch + 1
                        bar.set_postfix_str(
                            f"epoch {epoch}/{self.epochs} loss {loss / n:.3f} error {wrong / n:.1%}", refresh=False
                        )
                    due = self.stop_asked or time.monotonic() - saved > self.config.checkpoint_seconds
                    # Not after an epoch's last step: killed between that and the epoch's line, the run would continue without the line.
                    if due and self.step % self.steps_per_epoch:
                        self._save()
                        saved = time.monotonic()
                rate = (self.step - first) * self.config.batch_size / (time.monotonic() - began)
                self._end_epoch(rate, bar)
                self._save()
                saved = time.monotonic()

    def _rest_of_epoch(self) -> Iterator[Tensor]:
        """Indices of the batches of this epoch that are still to come, in the order drawn at its start."""
        done = self.step % self.steps_per_epoch
        if done == 0:
            self.order_state = self.generator.get_state()
            self.sums = [0.0, 0.0, 0]
            order = torch.randperm(len(self.labels), generator=self.generator)
        else:
            order = torch.randperm(len(self.labels), generator=_generator_at(self.order_state))
        size = self.config.batch_size
        for k in range(done, self.steps_per_epoch):
            yield order[k * size : (k + 1) * size]

    def _advance(self, index: Tensor) -> None:
        """One step of gradient descent on the images ``index``."""
        self.net.train()
        rate = self.config.lr * 0.1 ** sum(self.epoch >= d for d in self.drops)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images = self.preprocessing.normalise(
            crop_and_flip(self.padded, index, self.shape, flip=self.config.flip, generator=self.generator)
        )
        labels = self.labels[index.to(self.device)]
        self.optimizer.zero_grad(set_to_none=True)
        # The very first batch initialises the statistics, which is another graph than all later ones: not compiled.
        loss, wrong = (self._loss if self.step else self._plain_loss)(images, labels)
        loss.backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step} (epoch {self.epoch + 1}, learning rate {rate:g}). "
                "Begin again in another --out with a lower --lr, or look at the images"
            )
        self.optimizer.step()
        self.sums = [self.sums[0] + value * len(index), self.sums[1] + float(wrong), self.sums[2] + len(index)]
        self.step += 1

    def _plain_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over the readout times, and the number of errors at the last."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits = self.net.readouts(images, self.net.spec.readout)
        losses = [F.cross_entropy(v.float(), labels) for v in logits.values()]
        wrong = (logits[self.net.readout].argmax(1) != labels).sum()
        return torch.stack(losses).mean(), wrong

    def errors(self, at: tuple[int, ...]) -> dict[int, float]:
        """Fraction of test images misclassified at each readout time in ``at``; answers that are not finite are an error, not a rate."""
        self.net.eval()
        wrong = dict.fromkeys(at, 0)
        with torch.inference_mode():
            for start in range(0, len(self.images.test_x), EVALUATION_BATCH):
                part = slice(start, start + EVALUATION_BATCH)
                x = self.preprocessing.normalise(self.images.test_x[part].to(self.device))
                y = self.images.test_y[part].to(self.device)
                for t, logits in self.net.readouts(x, at).items():
                    if t in self.net.spec.readout and not bool(logits.isfinite().all()):
                        rate = self.optimizer.param_groups[0]["lr"]
                        raise TrainingError(
                            f"the answers to the test images are not finite after step {self.step} (learning rate {rate:g}). "
                            "Begin again in another --out with a lower --lr"
                        )
                    wrong[t] += int((logits.argmax(1) != y).sum())
        return {t: n / len(self.images.test_x) for t, n in wrong.items()}

    def _end_epoch(self, rate: float, bar: Any) -> None:
        loss, wrong, n = self.sums
        line: dict[str, Any] = {
            "epoch": self.epoch,
            "step": self.step,
            "loss": loss / n,
            "train_error": wrong / n,
            "images_per_s": round(rate, 1),
        }
        line["lr"] = self.optimizer.param_groups[0]["lr"]
        if self.epoch % self.config.validate_every == 0 or self.epoch == self.epochs:
            line["test_error"] = self.errors((self.net.readout,))[self.net.readout]
            bar.write(
                f"epoch {self.epoch}/{self.epochs}: loss {line['loss']:.4f}, training error {line['train_error']:.2%}, test error {line['test_error']:.2%}"
            )
        line["seconds"] = round(self.seconds, 1)
        with open(self.metrics, "ab") as file:
            file.truncate(self.metrics_bytes)
            file.seek(self.metrics_bytes)
            file.write((json.dumps(line) + "\n").encode())
            self.metrics_bytes = file.tell()

    # ------------------------------------------------------------------------------------------------ checkpoints

    def _save(self) -> None:
        """Replace the checkpoint; where a signal has asked to stop, this is the place."""
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
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        atomic_write(self.checkpoint, buffer.getvalue())
        if self.stop_asked:
            raise TrainingError(f"stopped by a signal at step {self.step}; the same command continues from there")

    def _restore(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        if state["data_sha256"] != self.data_sha256:
            raise TrainingError(
                f"{self.folder} was begun on other images than {self.config.data!r} holds now; give another --out"
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.order_state = state["order_state"]
        self.step, self.sums = state["step"], state["sums"]
        self.metrics_bytes, self.sessions = state["metrics_bytes"], state["sessions"]
        self.began = time.monotonic() - state["seconds"]

    def finish(self, weights: Path, log: Callable[[str], None]) -> Path:
        """Calibrate all states, measure the errors at every readout time, write weights and card, drop the checkpoint."""
        last = self.config.calibrate_to or self.net.readout + 4
        sample = self.images.train_x[:CALIBRATION_IMAGES].to(self.device)
        log(f"calibrating the statistics of every state up to step {last} on {len(sample):,} training images")
        calibrate(self.net, self.preprocessing.normalise(sample), last)
        out = self.net.spec.graph.output_state
        with torch.inference_mode():
            times = tuple(t for t, s in self.net.unroll(self.preprocessing.normalise(sample[:1]), last) if out in s)
        errors = self.errors(times)
        for t, e in errors.items():
            log(f"  readout at step {t:2d}: test error {e:.2%}" + ("  (trained)" if t in self.net.spec.readout else ""))
        card = {
            "name": self.config.model,
            "parameters": sum(p.numel() for p in self.net.parameters()),
            "calibrated_to_step": last,
            "preprocessing": self.preprocessing.as_dict(),
            "classes": list(self.images.classes),
            "data": {
                "name": self.images.name,
                "train": len(self.images.train_x),
                "test": len(self.images.test_x),
                "sha256": self.data_sha256,
                "notes": list(self.images.notes),
            },
            "recipe": {
                **{
                    k: v
                    for k, v in dataclasses.asdict(self.config).items()
                    if k not in ("out", "data", "threads", "checkpoint_seconds")
                },
                "epochs": self.epochs,
                "lr_drops": list(self.drops),
                "precision": "bfloat16" if self.autocast else "float32",
                "compile": self.compiled,
                "optimizer": "SGD",
            },
            "test_error": errors[self.net.readout],
            "test_error_by_readout": {str(t): e for t, e in errors.items()},
            "seconds": round(self.seconds, 1),
            "provenance": self.sessions,
        }
        save_weights(self.net, weights, card)
        self.checkpoint.unlink(missing_ok=True)
        log(
            f"wrote {weights} and its model card: test error {errors[self.net.readout]:.2%} at step {self.net.readout}, {self.seconds / 60:.1f} minutes"
        )
        return weights


def _generator_at(state: Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state)
    return generator
