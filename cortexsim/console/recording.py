"""What is said of a recording: its plan, what was written, what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.analysis.movie.streaming import streamed_measure
from cortexsim.cli import arguments_of
from cortexsim.console import drawn, duration, note
from cortexsim.console.movie import check_figure
from cortexsim.errors import GraphError, RecordingError
from cortexsim.experiments.networks import lesioned
from cortexsim.experiments.record.config import RecordConfig
from cortexsim.locks import is_there
from cortexsim.models.network import Network
from cortexsim.progress import bar as progress_bar
from cortexsim.recording.refusals import refuse_existing
from cortexsim.recording.schema import configuration
from cortexsim.refusals import human
from cortexsim.stimuli.images import Stimuli, check
from cortexsim.stimuli.screen import in_words
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.record.plan import MoviePlan, RecordingPlan
    from cortexsim.experiments.record.subject import Subject
    from cortexsim.models.protocol import Unrolls
    from cortexsim.processes import Processes


def figure_path(recording: Path) -> Path:
    """Beside the recording: ``a.zarr`` -> ``a.png``."""
    return recording.with_name(recording.name.removesuffix(".zarr") + ".png")


def check_out(path: Path, *, resume: bool, overwrite: bool, figure: bool) -> None:
    """What can be refused is refused before thousands of images are read."""
    refuse_existing(path, resume=resume, overwrite=overwrite)
    if figure and not resume and not overwrite and is_there(figure_path(path)):
        raise RecordingError(
            f"{figure_path(path)} exists and the figure would replace it; give --overwrite, "
            "--no-figure or another --out"
        )


def check_rdm(config: RecordConfig, path: Path) -> None:
    """What can be refused of --rdm before anything runs."""
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
        if is_there(path) and not config.overwrite:
            raise RecordingError(f"{path} exists; give --overwrite to replace it, or another --out")


def check_options(config: RecordConfig, path: Path, processes: Processes) -> None:
    """What can be refused before anything is read."""
    if config.rdm is not None:
        check_rdm(config, path)
    elif not config.plan and processes.first:
        check_out(path, resume=config.resume, overwrite=config.overwrite, figure=config.figure)


def check_call(config: RecordConfig, processes: Processes) -> None:
    """What can be refused before anything is locked or looked at."""
    if not Path(config.out).name:
        raise RecordingError(f"--out {config.out!r} names no file; give e.g. recording.zarr")
    if config.rdm is not None and processes.several:
        raise RecordingError(
            f"--rdm computes RDMs of activations that one process holds, and {processes.count} "
            "were started; record without --rdm and take the RDMs of the recording with "
            "'cortexsim rdm', or start one process"
        )


def check_time(config: RecordConfig, net: Unrolls) -> None:
    """Milliseconds of steps whose duration nobody declared are refused."""
    if config.onset_ms is not None and config.step_ms is None and not isinstance(net, Network):
        raise RecordingError(
            f"--onset-ms {config.onset_ms:g}, but how long a step of {config.model} is was not "
            "declared; give --step-ms LOW NOMINAL HIGH too"
        )


def read(stimuli: Stimuli, *, skip_unreadable: bool, silent: bool = False) -> Stimuli:
    """Read every image once, with a bar where that takes long; silent: another process says it."""
    for text in () if silent else stimuli.notes:
        note(text)
    total, shown = len(stimuli), not silent and len(stimuli) >= 1000
    with progress_bar(total=total, unit="images", doing="checking", shown=shown) as bar:
        stimuli, _ = check(stimuli, skip_unreadable=skip_unreadable, progress=bar.update)
    if (skipped := stimuli.skipped) and not silent:
        note(f"skipping {len(skipped)} unreadable images: {', '.join(skipped[:10])}")
    return stimuli


def print_recording_plan(plan: RecordingPlan) -> None:
    """Shapes, bytes and time of a recording that has not run."""
    print(
        f"{plan.count:,} stimuli of {plan.stimuli}, {plan.steps:,} steps, "
        f"batches of {plan.batch_size}"
    )
    print(f"on the screen: {plan.on_screen}")
    for v in plan.variables:
        steps = [step for step, populated in enumerate(v.populated, start=1) if populated]
        shape = " x ".join(map(str, v.shape))
        print(
            f"  {v.group + '/' + v.name:32s} {v.dtype:8s} {len(steps):2d} steps "
            f"({steps[0]}-{steps[-1]}) x {shape:14s} "
            f"{human(v.bytes_per_stimulus() * plan.count):>9s}"
        )
    many = f", {plan.processes} processes" if plan.processes > 1 else ""
    print(
        f"  total {human(plan.bytes)} in {plan.files:,} files; about {duration(plan.seconds)} on "
        f"{plan.device}{many} ({_measured(plan)}). Nothing was written."
    )


def _measured(plan: RecordingPlan | MoviePlan) -> str:
    """On what the time was measured."""
    if plan.tried == plan.steps:
        return "measured on one small batch"
    return f"measured on one small batch and {plan.tried} of {plan.steps:,} steps"


def print_movie_plan(plan: MoviePlan) -> None:
    """The same of an RDM movie."""
    print(
        f"{plan.count:,} stimuli of {plan.stimuli}, {plan.steps:,} steps: {plan.frames:,} RDMs "
        f"({plan.measure}) of {plan.pairs:,} pairs"
    )
    print(f"on the screen: {plan.on_screen}")
    print(plan.blocks or f"activations of {human(plan.held)} are held, none are stored")
    print(
        f"  total {human(plan.bytes)}; the network takes about {duration(plan.seconds)} on "
        f"{plan.device} ({_measured(plan)}), the products come on top. Nothing was written."
    )


EXPLORED = 32  # images of cortex4, whose page is small enough also of many steps


def _part(known: dict[str, Any]) -> str:
    """How much of a recording with maps a page of the explorer surely holds."""
    many = known["stimuli"]["count"] > EXPLORED and known["keep"] != "mean"
    return f" --limit {EXPLORED}" if many else ""


def _kept_whole(tree: xarray.DataTree, known: dict[str, Any]) -> str:
    """Which states have fewer units than were to be drawn, so that all are kept."""
    kind, _, number = known["keep"].partition(":")
    sizes = {s: tree[s].sizes["unit"] for s in known["states"]} if kind == "units" else {}
    fewer = [f"{state} ({size:,})" for state, size in sizes.items() if size < int(number)]
    return f"--keep {known['keep']}: all units are kept of {', '.join(fewer)}" if fewer else ""


def more(config: RecordConfig, net: Unrolls) -> list[tuple[str, str]]:
    """Commands that follow from a recording, each with what it does."""
    commands = []
    if config.stimuli == RecordConfig.stimuli:
        again = replace(config, resume=False, overwrite=False, limit=None)
        mine = replace(again, stimuli="FOLDER", keep="mean", out="mine.zarr")
        commands.append((_typed(mine), "your own images, one unit a channel"))
    if not config.lesion:
        try:
            lesioned(net, ("feedback",), config.steps)
        except (GraphError, RecordingError):  # there is none to take out
            return commands
        out = f"{Path(config.out).with_suffix('')}-without-feedback.zarr"
        same = replace(config, lesion=("feedback",), out=out, resume=False, overwrite=False)
        commands.append((_typed(same), "the same without feedback"))
    return commands


def _typed(config: RecordConfig) -> str:
    """The command line that says what ``config`` says."""
    return shlex.join(["cortexsim", "record", *arguments_of(config)])


def report(
    path: Path,
    tree: xarray.DataTree,
    subject: Subject,
    *,
    figure: bool,
    more: Sequence[tuple[str, str]] = (),
) -> None:
    """What was written and what to try next.

    subject: what was recorded. more: commands that follow from this run, each with what it does.
    """
    known = configuration(tree)
    count, last = known["stimuli"]["count"], known["steps"]
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    print(
        f"wrote {path}: {count:,} {'stimulus' if count == 1 else 'stimuli'}, {last} steps, "
        f"states {', '.join(known['states'])}, {human(size)}"
    )
    if taken_out := getattr(subject.net, "taken_out", ()):
        print(f"taken out by the lesion: {'; '.join(taken_out)}")
    print(f"on the screen: {in_words(known['presentation']['on_screen'])}")
    height, width = known["preprocessing"]["size"]
    print(f"the network saw {height} x {width} pixels of each image")
    if text := _kept_whole(tree, known):
        print(text)
    axis = TimeAxis.from_dict(known["time_axis"])
    print(
        f"time: in steps; how long a step of {known['model']} is, nobody declared "
        "(--step-ms LOW NOMINAL HIGH, --onset-ms)"
        if not axis.is_declared
        else f"time: step 1 at {float(axis.time_ms(1)):g} ms, step {last} at "
        f"{float(axis.time_ms(last)):g} ms ({float(axis.low_ms(last)):g}-"
        f"{float(axis.high_ms(last)):g} ms) after image onset"
    )
    if figure:
        from cortexsim.plotting import overview, save

        target = figure_path(path)
        drawn(lambda: save(overview(tree, subject.image()), target), target, "the recording")
    commands = [
        (f'python -c "import cortexsim; print(cortexsim.open_recording({str(path)!r}))"', ""),
        (f"cortexsim explore {path}{_part(known)}", "look at it in a browser"),
        (f"cortexsim rdm {path} --out rdms.zarr", "RDMs of every state at every step"),
        *more,
    ]
    print("next:")
    for text, why in commands:
        print(f"  {text}" + (f"    # {why}" if why else ""))
