"""The settings of a recording, as the command line gives them."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.cli import option, shared_option

KINDS = (  # importing them would import numpy
    "white, pink, phase, blocks, checkerboard, grey, image (another one of another class), "
    "texture:STATE"
)


@dataclass(frozen=True)
class RecordConfig:
    """All settings of a recording."""

    model: str = option(
        "cortex4",
        "bundled network of the zoo, a .safetensors file with its model card beside it, or "
        "somebody else's: torchvision:NAME, timm:NAME, published:NAME (efficientnet-lite0, "
        "resnet20, resnet56), or FILE.py:NAME, whose code is run and returns a network "
        "(cortexsim.wrap)",
    )
    stimuli: str = option(
        "sample",
        "sample, cifar10 (its test images), the images of a neural benchmark (kriegeskorte92), a "
        "folder, a .csv with a column path (and label, id), or an .npz with x",
    )
    limit: int | None = option(None, "record the first N stimuli only")
    out: str = option("recording.zarr", "the store to write")
    steps: int | None = option(None, "steps to run; default the readout time")
    states: tuple[str, ...] | None = option(None, "states to store; default all")
    keep: str = option(
        "full",
        "of each state: full maps, mean (over space), units:N (at random), project:K (sparse "
        "random projection)",
    )
    dtype: str = option(
        "float32", "of the stored activations", choices=("float16", "float32", "float64")
    )
    rdm: str | None = option(
        None,
        "write the RDM movie of this measure (correlation, cosine, sqeuclidean) to --out instead "
        "of activations, which are then not stored",
    )
    memory: int = option(
        2000,
        "with --rdm: megabytes of activations held; if all stimuli do not fit, the network runs "
        "more than once",
    )
    drive: bool = option(False, "also store what each transition delivered, before the sum")
    lesion: tuple[str, ...] = option(
        (),
        "transitions (V4->V2) or kinds (feedback, lateral, skip, feed-forward) to block; "
        "V4->V2@3-5: at these departure steps",
    )
    onset_ms: float | None = option(
        None,
        "first response of V1 after image onset; default one step (the memo's time t = 20 t to 50 "
        "t ms)",
    )
    step_ms: tuple[float, ...] | None = option(
        None,
        "duration of a step: low, nominal, high (default 20 25 50 for a network of cortexsim; "
        "somebody else's has steps and no ms until you declare them)",
        nargs=3,
        metavar=("LOW", "NOMINAL", "HIGH"),
    )
    on_ms: float | None = option(
        None, "show the image for so long, then a blank; default as the network was trained"
    )
    presentation: str | None = option(
        None,
        "what is on the screen when, in ms: flash:ON; backward:ON,SOA,MASK_MS,KIND; "
        "forward:ON,SOA,MASK_MS,KIND; rsvp:COUNT,SOA[,ON[,TARGET]] (the stimulus at place "
        f"TARGET, from 0, of a stream of others); or a .json file. KIND of mask: {KINDS}",
        metavar="SPEC",
    )
    round: bool = option(
        False, "round times of the presentation to whole steps instead of refusing them"
    )
    mask_seed: int = option(0, "of masks and of the other images of a stream")
    size: int | None = shared_option("size")
    untrained: bool = option(
        False, "fresh weights from --seed, statistics estimated on the stimuli: a control"
    )
    as_: str | None = option(
        None,
        "of a network of torchvision or timm: static (all states at one step) or staircase (one "
        "state a step, the default)",
        choices=("static", "staircase"),
    )
    seed: int = option(0, "of random units, projections and untrained weights")
    batch_size: int = option(64, "images a batch: the unit of committing")
    compression: str = option("none", "of the chunks", choices=("none", "zstd"))
    device: str = shared_option("device")
    skip_unreadable: bool = option(
        False, "drop images that cannot be read, and say so in the recording"
    )
    plan: bool = option(False, "print shapes, bytes and time, and stop")
    resume: bool = option(False, "continue a recording that was interrupted")
    overwrite: bool = option(False, "replace an existing recording")
    figure: bool = option(True, "draw an overview beside the recording")
