"""The settings of a training run: one field, one option; recipes give the defaults of some."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cortexsim.arguments import clear_errors
from cortexsim.cli import option, shared_option
from cortexsim.errors import TrainingError
from cortexsim.models.states import whole
from cortexsim.training.recipes import RECIPES, Recipe

# The least value of each number, below which a setting has no meaning, and the value that it must
# stay below.
LEAST = {
    **dict.fromkeys(
        (
            "limit",
            "epochs",
            "batch_size",
            "threads",
            "validate_every",
            "accumulate",
        ),
        1,
    ),
    **dict.fromkeys(
        ("lr", "momentum", "weight_decay", "warmup", "label_smoothing", "ema", "cutout"), 0
    ),
    **dict.fromkeys(("pad", "checkpoint_seconds", "workers", "seed"), 0),
    **dict.fromkeys(("bias_rate", "rest_rate", "small_size", "small_share", "hold_out"), 0),
}


BELOW = {"label_smoothing": 1, "ema": 1, "small_share": 1, "momentum": 1}

# Above these no setting has a meaning either.
MOST = {
    **dict.fromkeys(("lr", "weight_decay", "rest_rate", "bias_rate"), 1000),
    **dict.fromkeys(("pad", "cutout", "small_size", "threads", "workers", "jobs"), 1 << 14),
    **dict.fromkeys(("epochs", "warmup", "validate_every", "accumulate", "batch_size"), 1 << 24),
    **dict.fromkeys(("train_count", "limit", "hold_out", "checkpoint_seconds"), 1 << 40),
    "seed": (1 << 63) - 1,
}


def check_numbers(settings: Any, least: Mapping[str, float]) -> None:
    """TrainingError for a number below its least, not below `BELOW`, or above `MOST`."""
    for name, lowest in least.items():
        value = getattr(settings, name)
        if value is not None and not value >= lowest:  # so written, nan is refused too
            raise TrainingError(f"`{name}` is {value}; it must be at least {lowest}")
        if value is not None and name in BELOW and not value < BELOW[name]:
            raise TrainingError(f"`{name}` is {value}; it must be below {BELOW[name]}")
        if value is not None and name in MOST and not value <= MOST[name]:
            raise TrainingError(f"`{name}` is {value}; it must be at most {MOST[name]:,}")


def named(model: str) -> str:
    """What a network is called: the function, if it comes from a file of the user's.

    >>> named("own.py:mine"), named("cortex4")
    ('mine', 'cortex4')
    """
    return model.rpartition(":")[2]


def _of_recipe(name: str, text: str, **extra: Any) -> Any:
    """An option whose default comes from the recipe."""
    return option(
        None,
        f"{text}; default {', '.join(f'{r} {getattr(v, name)}' for r, v in RECIPES.items())}",
        **extra,
    )


def _with_parameters(settings: type[Settings]) -> type[Settings]:
    """The class with a section of its docstring on its fields, in the words of their options."""
    lines = ["Parameters", "----------"]
    for field in dataclasses.fields(settings):
        choices = field.metadata.get("choices")
        kind = "{" + ", ".join(map(repr, choices)) + "}" if choices else str(field.type)
        lines.append(f"{field.name} : {kind}, default {field.default!r}")
        text = re.sub("--([a-z-]+)", lambda m: m[1].replace("-", "_"), field.metadata["help"])
        lines += textwrap.wrap(
            f"{text[0].upper()}{text[1:]}.", 92, initial_indent="    ", subsequent_indent="    "
        )
    if settings.__doc__:  # not under python -OO
        head, examples = inspect.cleandoc(settings.__doc__).split("\n\nExamples\n")
        settings.__doc__ = "\n".join([head, "", *lines, "", "Examples", examples])
    return settings


@_with_parameters
@clear_errors
@dataclass(frozen=True)
class Settings:
    """How to train; what, on which images and where is said beside it (:class:`Run`).

    A default of None is that of the recipe, or as the text says.

    Examples
    --------
    >>> Settings(recipe="modern", epochs=20, seed=1).resolved().schedule
    'cosine'
    """

    limit: int | None = option(
        None,
        "use only N training images, of all classes: a quick trial",
    )
    epochs: int | None = option(
        None, "passes over the training images; default 60 (140 for the few-parameter nets)"
    )
    recipe: str = option(
        "memo", "where the defaults of the options come from", choices=tuple(RECIPES)
    )
    lr: float | None = _of_recipe(
        "lr", "learning rate, at its highest (modern's is in proportion to --batch-size, if given)"
    )
    schedule: str | None = _of_recipe(
        "schedule", "of the rate", choices=("steps", "cosine", "triangle")
    )
    warmup: float | None = _of_recipe("warmup", "epochs in which the rate rises to its highest")
    lr_drops: tuple[int, ...] | None = option(
        None,
        "epochs after which the rate of --schedule steps falls to a tenth (none given: never); "
        "default two, at 2/3 and 5/6 of the epochs",
        nargs="*",
    )
    batch_size: int | None = _of_recipe("batch_size", "images a step, over all processes")
    accumulate: int = option(
        1,
        "micro-batches in which a batch is computed, one after the other, to save memory: the "
        "gradient is the mean over the batch, but each micro-batch is normalised by its own "
        "statistics",
    )
    optimizer: str | None = _of_recipe(
        "optimizer",
        "rule of the steps; muon: orthogonalised momentum for the kernels of convolutions, "
        "nesterov for the rest",
        choices=("sgd", "nesterov", "adamw", "muon"),
    )
    momentum: float | None = _of_recipe("momentum", "of SGD and Muon, beta 1 of AdamW")
    weight_decay: float | None = _of_recipe(
        "weight_decay",
        "L2 penalty of SGD, decoupled decay of AdamW and (without fixed norm) of the kernels of "
        "Muon",
    )
    rest_rate: float | None = _of_recipe(
        "rest_rate",
        "of --optimizer muon: times --lr, the rate of what is no kernel of a convolution",
    )
    bias_rate: float | None = _of_recipe(
        "bias_rate", "times their rate, the rate of biases, scales and shifts"
    )
    fixed_norm: bool | None = _of_recipe(
        "fixed_norm", "of --optimizer muon: after each step, scale kernels back to their first norm"
    )
    whitening: str | None = _of_recipe(
        "whitening",
        "first convolution: principal components of patches of training images, or none; frozen "
        "ones are not trained",
        choices=("none", "frozen", "learned"),
    )
    decay_all: bool | None = _of_recipe("decay_all", "decay biases, scales and shifts too")
    label_smoothing: float | None = _of_recipe(
        "label_smoothing", "share of the target spread over all classes"
    )
    ema: float | None = _of_recipe(
        "ema", "decay a step of the averaged weights that are tested and saved, 0 for none"
    )
    pad: int = option(4, "pixels of zero padding before the random crop")
    flip: bool = option(True, "mirror half of the images")
    alternating_flip: bool | None = _of_recipe(
        "alternating_flip", "mirror each image in every other epoch, and not at random"
    )
    small_size: int | None = _of_recipe(
        "small_size", "edge in pixels to which images are shrunk in the first epochs, 0 for never"
    )
    small_share: float | None = _of_recipe(
        "small_share", "of the epochs in which they are shrunk to --small-size"
    )
    hold_out: int = option(
        0,
        "take N training images, the last ones, out of training and use them in place of the test "
        "images, none of which is looked at: to choose settings",
        metavar="N",
    )
    mirror_test: bool = option(
        False,
        "at the end, also measure the error of the mean of the answers to an image and to its "
        "mirror image; the card has it apart",
    )
    cutout: int | None = _of_recipe(
        "cutout", "edge in pixels of a square blanked at a random place, 0 for none"
    )
    readout: tuple[int, ...] | None = option(
        None,
        "readout time(s), in steps, which decide the live transitions; default the network's own",
    )
    supervise: tuple[str, ...] = option(
        ("last",),
        "readout times at which the loss is taken: last, those of --readout; all, from the first "
        "that the last state has; or STEPS",
        metavar="WHEN",
    )
    random_readout: tuple[int, ...] | None = option(
        None,
        "instead, the loss of each batch is taken at one step drawn from LOW to HIGH",
        nargs=2,
        metavar=("LOW", "HIGH"),
    )
    presentation: str | None = option(
        None,
        "what is shown when: random-soa (on-times, SOAs and masks drawn for each batch), or for "
        "every image the same: flash:ON, backward:ON,SOA,MASK_MS,KIND, "
        "forward:ON,SOA,MASK_MS,KIND (ms, steps of 25), or a .json; default the image as the "
        "network takes it",
        metavar="WHAT",
    )
    from_weights: str | None = option(
        None,
        "begin with the weights of this network of the zoo or .safetensors file, of the same "
        "architecture",
        metavar="WEIGHTS",
    )
    inhomogeneous: bool | None = option(None, "input at every step; default the network's own")
    norm: str | None = option(
        None, "statistics per step (time) or shared over time", choices=("time", "shared")
    )
    calibrate_to: int | None = option(
        None,
        "estimate the statistics of all states up to this step at the end; default 4 beyond the "
        "last that is trained",
    )
    kernels: str = option(
        "float32",
        "numbers of the saved kernels; bfloat16 halves the file, and the errors measured at the "
        "end are those of the rounded ones",
        choices=("float32", "bfloat16"),
    )
    seed: int = option(0, "of the weights and the order, crops and flips of the images")
    device: str = shared_option("device")
    precision: str = option(
        "auto",
        "arithmetic of convolutions: auto is bfloat16 on CUDA, float32 on CPU",
        choices=("auto", "float32", "bfloat16"),
    )
    compile: bool | None = option(
        None,
        "torch.compile (with graph capture on CUDA, if there is one process); default on for one "
        "process on CUDA, else off",
    )
    checkpoint_activations: bool = option(
        False,
        "keep the states of about 2 sqrt(T) of the T steps and compute the others again for the "
        "gradient: memory grows with the root of T, at the price of a second forward pass",
    )
    channels_last: bool = option(True, "memory format of the maps")
    threads: int | None = option(None, "CPU threads; default torch's own")
    workers: int | None = option(
        None,
        "processes that read the images of imagenet: (0: none); default one for each CPU core, "
        "over all processes",
    )
    checkpoint_seconds: float = option(60.0, "time between checkpoints")
    validate_every: int = option(1, "epochs between validations")

    def __post_init__(self) -> None:
        check_numbers(self, LEAST)
        if self.recipe not in RECIPES:
            raise TrainingError(
                f"no recipe is called {self.recipe!r}; choose from {', '.join(RECIPES)}"
            )
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), field.metadata.get("choices")
            if choices and value is not None and value not in choices:
                raise TrainingError(
                    f"`{field.name}` is {value!r}; choose from {', '.join(choices)}"
                )
        when = tuple(self.supervise)
        if when not in (("last",), ("all",)) and not (
            when and all(w.isdecimal() and int(w) for w in when)
        ):
            raise TrainingError(
                f"`supervise` is {' '.join(when)!r}; give last, all, or steps, e.g. 4 6 8"
            )
        if self.random_readout is not None:
            if not isinstance(self.random_readout, (list, tuple)) or len(self.random_readout) != 2:
                raise TrainingError(
                    f"`random_readout` is {self.random_readout!r}; give the first step and the "
                    "last, e.g. 6 10"
                )
            low, high = (
                whole(step, "`random_readout`: a step is", error=TrainingError)
                for step in self.random_readout
            )
            if not 1 <= low <= high:
                raise TrainingError(
                    f"`random_readout` is {low} {high}; give the first step and the last, e.g. 6 10"
                )
            if when != ("last",):
                raise TrainingError(
                    "`supervise` and `random_readout` exclude each other; give one of them"
                )

    @classmethod
    def of(cls, settings: Settings) -> Settings:
        """The settings alone of what may say more, such as the options of a command."""
        return Settings(**{f.name: getattr(settings, f.name) for f in dataclasses.fields(Settings)})

    def settings(self) -> Recipe:
        """The recipe, with what these settings say themselves."""
        recipe = RECIPES[self.recipe]
        ours = {f.name: getattr(self, f.name) for f in dataclasses.fields(Recipe)}
        if self.recipe == "modern" and self.lr is None and self.batch_size is not None:
            ours["lr"] = recipe.lr * self.batch_size / recipe.batch_size
        return dataclasses.replace(recipe, **{k: v for k, v in ours.items() if v is not None})

    def resolved(self) -> Self:
        """These settings with the recipe's defaults written out."""
        return dataclasses.replace(self, **dataclasses.asdict(self.settings()))
