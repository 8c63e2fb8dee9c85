"""What learns: a network with its images, its loss and its optimiser, of one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cortexsim.errors import TrainingError
from cortexsim.models.frames import check_images
from cortexsim.models.network import Network
from cortexsim.models.states import MOST_STEPS
from cortexsim.models.weights import device_of
from cortexsim.stimuli.augmentation import cutout
from cortexsim.stimuli.image_set import ImageSet
from cortexsim.stimuli.imagenet import ImageTree
from cortexsim.training.config import named
from cortexsim.training.control import check_combination, check_sizes, epochs_and_drops
from cortexsim.training.distributed import World, at_least_single, synchronise
from cortexsim.training.feeding import feed_of
from cortexsim.training.optimisation import Averaged, optimizer_of
from cortexsim.training.presenting import Shown, loss_of, presenting_of
from cortexsim.training.run import CHECKPOINT, Run
from cortexsim.training.start import beginning, start_from
from cortexsim.training.supervision import supervision
from cortexsim.training.whitening import whiten


class Learner:
    """The network of a run, and all that its steps need; :class:`Session` takes the steps.

    Parameters
    ----------
    run : Run
        What is trained and how.
    images : ImageSet or ImageTree
        What of its images is trained on.
    world : World, optional
        This process among those of the run; default it is alone.
    device : str, optional
        Default that of the settings.

    Raises
    ------
    TrainingError
        For settings that contradict each other, the network or the images.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet | ImageTree,
        *,
        world: World | None = None,
        device: str | None = None,
    ) -> None:
        settings = run.settings.resolved()
        self.settings, self.recipe = settings, settings.settings()
        self.run, self.images, self.world = run, images, world or World()
        self.device = device_of(device or settings.device)
        on_cuda = self.device.type == "cuda"
        self.autocast = settings.precision == "bfloat16" or (
            settings.precision == "auto" and on_cuda
        )
        self.batch = self.recipe.batch_size
        self.part = self.world.part(self.batch)
        check_combination(settings, self.world, streamed=isinstance(images, ImageTree))
        alone = self.world.size == 1 and not settings.checkpoint_activations
        self.compiled = settings.compile if settings.compile is not None else on_cuda and alone
        of_zoo = "" if run.own else named(run.words.model)
        self.epochs, self.drops = epochs_and_drops(settings, of_zoo)
        if isinstance(images, ImageSet):
            check_sizes(settings, (images.train_x.shape[2], images.train_x.shape[3]))
        self.feed = feed_of(
            images, settings, world=self.world, device=self.device, batch=self.batch
        )
        channels, self.preprocessing = self.feed.channels, self.feed.preprocessing
        classes = len(images.classes)
        self.net = beginning(run.architecture, settings, classes=classes, channels=channels)
        self.net.checkpoint_activations = settings.checkpoint_activations
        if not settings.channels_last:
            self.net.memory_format = torch.contiguous_format
            self.net.to(memory_format=torch.contiguous_format)
        if self.recipe.whitening != "none":
            sample = self.preprocessing.normalise(self.feed.sample()).cpu()
            whiten(self.net, sample, frozen=self.recipe.whitening == "frozen")
        begun = (run.folder / CHECKPOINT).is_file()  # which holds what was begun with
        self.origin = (
            start_from(self.net, settings.from_weights)
            if settings.from_weights and not begun
            else None
        )
        self.net.to(self.device)
        self.supervision = supervision(settings, self.net)
        self.net.extend(max(self.supervision.steps))
        self.presenting = presenting_of(
            settings,
            self.net,
            steps=max(self.supervision.steps),
            processes=self.world.size,
        )
        self.averaged = Averaged(self.net, self.recipe.ema) if self.recipe.ema else None
        if self.world.size > 1:
            synchronise(self.net)
        self.optimizer = optimizer_of(self.net, self.recipe, fused=on_cuda or None)
        self.generator = torch.Generator().manual_seed(settings.seed)
        check_images(self.net.spec, torch.empty(1, channels, *self.preprocessing.size))
        self.small = smaller(self.preprocessing.size, self.recipe.small_size)
        check_images(self.net.spec, torch.empty(1, channels, *self.small))
        self.steps_per_epoch = self.feed.train_count // self.batch
        if not self.steps_per_epoch:
            raise TrainingError(
                f"{self.feed.train_count} training images do not fill one batch of {self.batch}; "
                "lower `batch_size`"
            )
        last = max(self.net.readout, *self.supervision.steps)
        if settings.calibrate_to is not None and not last <= settings.calibrate_to <= MOST_STEPS:
            where = "before the last trained step" if settings.calibrate_to < last else "too late"
            raise TrainingError(
                f"`calibrate_to={settings.calibrate_to}` is {where}; give a step from {last} to "
                f"{MOST_STEPS:,}"
            )
        self.step = 0
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
        count = self.settings.accumulate
        if count == 1:
            loss, wrong = compute(images, labels, at)
            loss.backward()
            return loss.detach(), wrong
        results = []
        parts: Sequence[Tensor | Shown] = images.chunk(count)
        for x, y in zip(parts, labels.chunk(count), strict=True):
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
        presenting = self.presenting
        # Masks are made of other images of the batch, which may be those of another process.
        if presenting is None:
            shown, crops = None, self.feed.images(index, self.generator)
        else:
            crops = self.feed.images(index, self.generator, whole=True)
            shown = presenting.show(crops, self.preprocessing, self.generator, part=self.part)
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
            return loss_of(logits, labels, images, smoothing=smoothing), (
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
        return "held-out" if self.settings.hold_out else "test"

    @property
    def error_name(self) -> str:
        """What the error of these images is called in the card and in the lines of the epochs."""
        return f"{self.tested_on.replace('-', '_')}_error"

    def errors(
        self, at: tuple[int, ...], *, mirror: bool = False, among: int = 1
    ) -> dict[int, float]:
        """Fraction of test images misclassified at each readout time in ``at``.

        Answers that are not finite are an error, not a rate.
        mirror: judge the mean of the answers to an image and to its mirror image.
        among: an answer is right where the class is among so many with the highest logits.
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
                            f"{self.step} (learning rate {lr:g}). Begin again in another `out` "
                            "with a lower `lr`"
                        )
                    best = logits.topk(among).indices
                    wrong[t] += int((best != y[:, None]).all(1).sum())
        return {t: n / self.feed.test_count for t, n in wrong.items()}


def smaller(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """An image's size with its shorter side shrunk to ``edge`` pixels; as it is if that is 0.

    >>> smaller((32, 48), 24), smaller((32, 32), 0)
    ((24, 36), (32, 32))
    """
    if edge >= min(size):
        raise TrainingError(
            f"`small_size={edge}` is not smaller than the images of {size[0]} x {size[1]} pixels; "
            "give a smaller one, or 0 for none"
        )
    scale = edge / min(size) if edge else 1.0
    return round(size[0] * scale), round(size[1] * scale)
