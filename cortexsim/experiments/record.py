"""What record does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import option
from cortexsim.console import duration, human
from cortexsim.errors import RecordingError

if TYPE_CHECKING:
    from cortexsim.recording.recorder import Recorder
    from cortexsim.stimuli.images import Stimuli
    from cortexsim.stimuli.presentation import Presentation


KINDS = "white, pink, phase, blocks, checkerboard, grey, image (another one of another class), texture:STATE"  # importing them would import numpy


@dataclass(frozen=True)
class RecordConfig:
    """All settings of a recording."""

    model: str = option(
        "cortex4",
        "bundled network of the zoo, a .safetensors file with its model card beside it, or somebody else's: torchvision:NAME, timm:NAME, or "
        "FILE.py:FUNCTION, whose code is run and returns a network (cortexsim.wrap)",
    )
    stimuli: str = option(
        "sample",
        "sample, cifar10 (its test images), the images of a neural benchmark (kriegeskorte92), a folder, a .csv with a column path (and label, "
        "id), or an .npz with x",
    )
    limit: int | None = option(None, "record the first N stimuli only")
    out: str = option("recording.zarr", "the store to write")
    steps: int | None = option(None, "steps to run; default the readout time")
    states: tuple[str, ...] | None = option(None, "states to store; default all")
    keep: str = option(
        "full",
        "of each state: full maps, mean (over space), units:N (at random), project:K (sparse random projection)",
    )
    dtype: str = option(
        "float32", "of the stored activations", choices=("float16", "float32", "float64")
    )
    rdm: str | None = option(
        None,
        "write the RDM movie of this measure (correlation, cosine, sqeuclidean) to --out instead of activations, which are then not stored",
    )
    memory: int = option(
        2000,
        "with --rdm: megabytes of activations held; if all stimuli do not fit, the network runs more than once",
    )
    drive: bool = option(False, "also store what each transition delivered, before the sum")
    lesion: tuple[str, ...] = option(
        (),
        "transitions (V4->V2) or kinds (feedback, lateral, skip, feed-forward) to block; V4->V2@3-5: at these departure steps",
    )
    onset_ms: float | None = option(
        None,
        "first response of V1 after image onset; default one step (the memo's time t = 20 t to 50 t ms)",
    )
    step_ms: tuple[float, ...] = option(
        (20.0, 25.0, 50.0),
        "duration of a step: low, nominal, high",
        nargs=3,
        metavar=("LOW", "NOMINAL", "HIGH"),
    )
    on_ms: float | None = option(
        None, "show the image for so long, then a blank; default as the network was trained"
    )
    presentation: str | None = option(
        None,
        "what is on the screen when, in ms: flash:ON; backward:ON,SOA,MASK_MS,KIND; forward:ON,SOA,MASK_MS,KIND; rsvp:COUNT,SOA[,ON[,TARGET]] (the stimulus "
        f"at place TARGET, from 0, of a stream of others); or a .json file. KIND of mask: {KINDS}",
        metavar="SPEC",
    )
    round: bool = option(
        False, "round times of the presentation to whole steps instead of refusing them"
    )
    mask_seed: int = option(0, "of masks and of the other images of a stream")
    size: int | None = option(None, "image side in pixels; default as the model card declares")
    untrained: bool = option(
        False, "fresh weights from --seed, statistics estimated on the stimuli: a control"
    )
    as_: str | None = option(
        None,
        "of a network of torchvision or timm: static (all states at one step) or staircase (one state a step, the default)",
        choices=("static", "staircase"),
    )
    seed: int = option(0, "of random units, projections and untrained weights")
    batch_size: int = option(64, "images a batch: the unit of committing")
    compression: str = option("none", "of the chunks", choices=("none", "zstd"))
    device: str = option("auto", "auto, cpu, cuda, cuda:N")
    skip_unreadable: bool = option(
        False, "drop images that cannot be read, and say so in the recording"
    )
    plan: bool = option(False, "print shapes, bytes and time, and stop")
    resume: bool = option(False, "continue a recording that was interrupted")
    overwrite: bool = option(False, "replace an existing recording")
    figure: bool = option(True, "draw an overview beside the recording")


def record(config: RecordConfig) -> Path:
    """Do what ``config`` says; returns the path of the recording."""
    from tqdm import tqdm

    from cortexsim.experiments.chosen import lesioned, trained, untrained
    from cortexsim.models.foreign.adapters import is_external
    from cortexsim.models.weights import device_of
    from cortexsim.recording.recorder import Recorder, Settings
    from cortexsim.recording.writer import refuse_existing
    from cortexsim.stimuli.images import check, load_stimuli
    from cortexsim.timeaxis import TimeAxis

    path = Path(config.out)
    if not path.name:
        raise RecordingError(f"--out {config.out!r} names no file; give e.g. recording.zarr")
    if config.rdm is not None:
        _check_rdm(config, path)
    elif not config.plan:
        # What can be refused is refused before thousands of images are read.
        refuse_existing(path, resume=config.resume, overwrite=config.overwrite)
        if (
            config.figure
            and not config.resume
            and not config.overwrite
            and figure_path(path).exists()
        ):
            raise RecordingError(
                f"{figure_path(path)} exists and the figure would replace it; give --overwrite, --no-figure or another --out"
            )
    axis = TimeAxis(config.step_ms[1], config.step_ms[0], config.step_ms[2], config.onset_ms)
    presentation = _presentation(config)
    settings = Settings(
        config.steps,
        config.states,
        config.keep,
        config.dtype,
        config.drive,
        presentation,
        axis,
        config.batch_size,
        config.compression,
        config.seed,
        config.round,
        config.mask_seed,
    )
    device = device_of(config.device)
    stimuli, sha256 = (
        _shown_to_brains(config) or load_stimuli(config.stimuli, limit=config.limit),
        "",
    )
    own_untrained = config.untrained and not is_external(config.model)
    if not own_untrained:  # before thousands of images are read
        net, preprocessing = trained(
            config.model, steps=config.steps, size=config.size, as_=config.as_, untrained=config.untrained, seed=config.seed
        )  # fmt: skip
    if own_untrained or not config.plan:
        with tqdm(
            total=len(stimuli),
            unit=" images",
            desc="checking",
            disable=len(stimuli) < 1000,
            dynamic_ncols=True,
        ) as bar:
            stimuli, sha256 = check(
                stimuli, skip_unreadable=config.skip_unreadable, progress=bar.update
            )
        if stimuli.skipped:
            print(
                f"skipping {len(stimuli.skipped)} unreadable images: {', '.join(stimuli.skipped[:10])}",
                file=sys.stderr,
            )
    if own_untrained:
        net, preprocessing = untrained(
            config.model, stimuli, steps=config.steps, size=config.size, seed=config.seed
        )
    net = lesioned(net, config.lesion, config.steps)
    recorder = Recorder(net, stimuli, preprocessing, settings, device=device)
    if config.plan:
        _print_plan(recorder, config)
        return path
    if config.rdm is not None:
        from cortexsim.analysis.movie.while_recording import movie_while_recording
        from cortexsim.console import report

        movie_while_recording(
            recorder,
            config.rdm,
            path,
            sha256,
            memory=config.memory << 20,
            overwrite=config.overwrite,
        )
        report(path, figure=config.figure)
        return path
    if config.resume and not path.exists():
        print(f"there is no {path} to continue; beginning it", file=sys.stderr)
    recorder.run(path, sha256, resume=config.resume, overwrite=config.overwrite)
    _report(recorder, path, figure=config.figure)
    return path


def _presentation(config: RecordConfig) -> Presentation | None:
    """What the command line shows; None for the image as the network takes it."""
    from cortexsim.stimuli.presentation import flash, read_presentation

    if config.on_ms is not None:
        if config.presentation is not None:
            raise RecordingError(
                f"--on-ms {config.on_ms:g} and --presentation {config.presentation} exclude each other; give one of them"
            )
        return flash(config.on_ms)
    return None if config.presentation is None else read_presentation(config.presentation)


def _shown_to_brains(config: RecordConfig) -> Stimuli | None:
    """The images of a neural benchmark, under the ids that its responses have; None if the name is none."""
    from cortexsim import neural
    from cortexsim.stimuli.images import Stimuli

    name = config.stimuli
    if name not in neural.list() or Path(name).exists():
        return None
    brain = neural.load(name)
    if "image" not in brain:
        raise RecordingError(
            f"the benchmark {name} comes without its images, so they cannot be shown to a network"
        )
    count = len(brain.stimulus_id) if config.limit is None else config.limit
    if count < 1:
        raise RecordingError(
            f"a limit of {config.limit} images leaves nothing to show; give at least 1"
        )
    ids, labels = (tuple(map(str, brain[c].values[:count])) for c in ("stimulus_id", "label"))
    return Stimuli(name, ids, labels, brain.image.values[:count])


def _check_rdm(config: RecordConfig, path: Path) -> None:
    """What can be refused of --rdm before anything runs."""
    from cortexsim.analysis.movie.streaming import streamed_measure
    from cortexsim.console import check_figure

    streamed_measure(config.rdm or "")
    if config.resume or config.drive:
        raise RecordingError(
            "--rdm keeps nothing to resume; start anew"
            if config.resume
            else "--drive is for recordings; --rdm is of the states"
        )
    if config.memory < 1:
        raise RecordingError(
            f"--memory {config.memory} is no amount; give megabytes, e.g. --memory 2000"
        )
    if not config.plan:
        check_figure(path, figure=config.figure, overwrite=config.overwrite)
        if path.exists() and not config.overwrite:
            raise RecordingError(f"{path} exists; give --overwrite to replace it, or another --out")


def figure_path(recording: Path) -> Path:
    """Beside the recording: ``a.zarr`` -> ``a.png``."""
    return recording.with_name(recording.name.removesuffix(".zarr") + ".png")


def _print_plan(recorder: Recorder, config: RecordConfig) -> None:
    """Shapes, bytes and time of a recording, or of an RDM movie, that has not run."""
    if config.rdm is not None:
        from cortexsim.analysis.movie.while_recording import Passes

        passes, memory = Passes.of(recorder, config.memory << 20), config.memory << 20
        n = passes.count
        frames = sum(map(len, passes.steps.values()))
        runs = sum(n - s for s in passes.starts) / n
        print(
            f"{n:,} stimuli of {recorder.stimuli.name}, {recorder.steps} steps: {frames} RDMs ({config.rdm}) of {n * (n - 1) // 2:,} pairs"
        )
        print(
            passes.describe(memory)
            or f"activations of {human(n * passes.bytes_each)} are held, none are stored"
        )
        size, seconds = 4 * frames * n * (n - 1) // 2, recorder.seconds_per_image() * n * runs
        print(
            f"  total {human(size)}; the network takes about {duration(seconds)} on {recorder.device}, the products come on top. Nothing was written."
        )
        return
    n, plan = len(recorder.stimuli), recorder.plan("")
    print(
        f"{n:,} stimuli of {recorder.stimuli.name}, {recorder.steps} steps, batches of {recorder.settings.batch_size}"
    )
    for v in recorder.variables:
        steps = [i for i, here in enumerate(v.populated, start=1) if here]
        shape = " x ".join(map(str, v.shape))
        print(
            f"  {v.group + '/' + v.name:32s} {v.dtype:8s} {len(steps):2d} steps ({steps[0]}-{steps[-1]}) x {shape:14s} {human(v.bytes_per_stimulus() * n):>9s}"
        )
    seconds = recorder.seconds_per_image() * n
    print(
        f"  total {human(plan.bytes())}; about {duration(seconds)} on {recorder.device} (measured on one small batch). Nothing was written."
    )


def _report(recorder: Recorder, path: Path, *, figure: bool) -> None:
    """What was written and what to try next."""
    from cortexsim.recording.schema import open_recording

    tree = open_recording(path)
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    print(
        f"wrote {path}: {len(recorder.stimuli):,} {'stimulus' if len(recorder.stimuli) == 1 else 'stimuli'}, {recorder.steps} steps, states {', '.join(recorder.states)}, {human(size)}"
    )
    axis = recorder.settings.time_axis
    last = recorder.steps
    print(
        f"time: step 1 at {float(axis.time_ms(1)):g} ms, step {last} at {float(axis.time_ms(last)):g} ms ({float(axis.low_ms(last)):g}-{float(axis.high_ms(last)):g} ms) after image onset"
    )
    if figure:
        from cortexsim.plotting import overview, save

        target = figure_path(path)
        images = recorder.preprocessing([recorder.stimuli.read(0)])
        try:
            save(overview(tree, images[0]), target)
            print(f"drew {target}")
        except OSError as error:
            print(
                f"the figure could not be written ({error}); the recording is complete",
                file=sys.stderr,
            )
    print(
        "next:\n"
        f'  python -c "import cortexsim; print(cortexsim.open_recording({str(path)!r}))"\n'
        "  python -m cortexsim.record --stimuli FOLDER --steps 12 --keep mean --out mine.zarr    your images, longer, one unit a channel\n"
        "  python -m cortexsim.record --lesion feedback --out lesioned.zarr                      the same without feedback\n"
        "  python -m cortexsim.record --help"
    )
