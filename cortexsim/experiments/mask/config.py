"""The settings of a masking experiment."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.cli import figure_option, option, shared_option


@dataclass(frozen=True)
class MaskConfig:
    """All settings of a masking experiment; saved in its result."""

    model: tuple[str, ...] = option(
        ("cortex4",),
        "bundled networks, .safetensors files with their model cards beside them, or networks of "
        "others as record takes them (torchvision:NAME, FILE.py:NAME)",
    )
    stimuli: str = option(
        "cifar10",
        "labelled images that the networks were not trained on: cifar10 (its test images), a "
        "folder, a .csv or an .npz, as record takes them",
    )
    limit: int | None = option(None, "show the first N stimuli only")
    soa_ms: tuple[float, ...] = option(
        (25.0, 50.0, 75.0, 100.0, 150.0),
        "from the onset of the image to that of the mask; the image is on for so long",
    )
    mask: tuple[str, ...] = option(
        ("phase",),
        "kinds of mask: white, pink, phase, blocks, checkerboard, grey, image (another one, of "
        "another class), texture:STATE (or texture:STATE@STEP)",
    )
    mask_ms: float = option(500.0, "how long the mask stays (longer than the run: until its end)")
    steps: int | None = option(
        None, "steps of a run; default as far as the network has normalisation statistics"
    )
    lesion: tuple[str, ...] = option(
        ("none",),
        "networks to cross with the masks: none, feedback, lateral, skip, V4->V2, V4->V2@3-5 "
        "(departure steps); several in one: feedback+lateral",
    )
    statistics: str = option(
        "presentation",
        "normalisation statistics of each step: presentation (estimated anew under every SOA and "
        "mask, on training images) or bundled (as the weights file has them: of the presentation "
        "of training, which fits no other)",
        choices=("presentation", "bundled"),
    )
    calibrate_on: str | None = option(
        None,
        "training images for them: cifar10, cifar100, a folder, a .csv or an .npz; default what "
        "the network was trained on (never trained: the stimuli)",
    )
    calibration_images: int = option(1000, "so many of the training images, of all classes")
    step_ms: tuple[float, ...] = option(
        (20.0, 25.0, 50.0),
        "duration of a step: low, nominal, high",
        nargs=3,
        metavar=("LOW", "NOMINAL", "HIGH"),
    )
    round: bool = option(
        False, "take the nearest whole number of steps for SOAs and masks that are none"
    )
    compared: int = option(100, "stimuli of the RDMs that are compared; 0 for none")
    decoded: int = option(300, "stimuli that are decoded from the states; 0 for none")
    n: int = option(1000, "bootstrap resamples of stimuli")
    permutations: int = option(200, "of labels, for the null of decoding")
    seed: int = option(0, "of masks, resamples, projections, folds and permutations")
    batch_size: int = option(100, "images a batch")
    people: str | None = option(
        None,
        "trials of people to set beside: tang-masking, or a .csv of your own with columns "
        "participant, soa_ms, mask and correct (or response and label)",
    )
    people_chance: float | None = option(
        None, "guess rate of the people, for trials without responses and labels"
    )
    size: int | None = shared_option("size")
    device: str = shared_option("device")
    out: str = option("masking.nc", "netCDF file to write; the figure goes beside it")
    figure: bool | str = figure_option("draw the result")
    plan: bool = option(False, "say what would be run and how long it takes, and stop")
    overwrite: bool = option(False, "replace existing files")
