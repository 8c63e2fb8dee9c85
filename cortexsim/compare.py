"""Compare a network with a brain, step by step: ``cortexsim compare``.

Beside noise ceiling, nulls and controls. Record the images that the brain saw, then compare:

  cortexsim record --stimuli kriegeskorte92 --steps 12 --out r.zarr
  cortexsim compare r.zarr --neural cichy92-fmri --target IT --out it.nc

Or both in one, of a network of the zoo or of your own; controls that cannot be made of it are told:

  cortexsim compare --model own.py:net --stimuli kriegeskorte92 --neural cichy92-fmri --target IT

rsa: RDMs of every state and step with those of the subjects.
encoding: regression from every state and step to single units or voxels.
decoding: when a property of the images can be read from every state, beside when it can be read
from the brain.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import command, parse, run, settings_of
from cortexsim.experiments.compare.config import PERMUTATIONS, CompareConfig
from cortexsim.tasks import connected

if TYPE_CHECKING:
    from cortexsim.experiments.compare.recorded import Shown
    from cortexsim.experiments.compare.settings import Settings


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of comparisons."""
    compare(parse(CompareConfig, arguments, "cortexsim compare", __doc__ or ""))
    return 0


def compare(config: CompareConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    from cortexsim.console import alone
    from cortexsim.console import comparison as console

    with alone(config, console.check_options), contextlib.ExitStack() as stack:
        return _compare(config, stack)


def _compare(config: CompareConfig, stack: contextlib.ExitStack) -> Path:
    """The same, of an output that no other process writes; stack: of what is open meanwhile."""
    from cortexsim.console import comparison as console
    from cortexsim.console import figure_place
    from cortexsim.experiments.compare.brain import load_brain
    from cortexsim.experiments.compare.jobs import job_of
    from cortexsim.experiments.compare.positive import beside_positive, with_controls
    from cortexsim.experiments.compare.recorded import open_shown
    from cortexsim.experiments.compare.sentence import sentence
    from cortexsim.experiments.results import write_result

    out = Path(config.out)
    shown = open_shown(config.recording or "") if config.model is None else None
    brain = load_brain(config.neural or "")  # what is wrong with it is said before a network runs
    if shown is None:
        shown = stack.enter_context(_recorded(config))
    settings = _settings(config, stack.enter_context(connected(config.scheduler)))
    settings, skipped = with_controls(settings, shown, nulls=config.nulls, positive=config.positive)
    console.print_skipped(skipped)
    job = job_of(config.method, shown, brain, target=config.target, settings=settings)
    if config.plan:
        console.print_plan(job.plan())
        return out
    result, absent = beside_positive(
        job.run(), shown, brain, target=config.target, settings=settings, asked=config.positive
    )
    console.print_skipped(absent)
    said = {"sentence": sentence(result)}
    skipped |= absent
    if skipped:
        said["controls_skipped"] = json.dumps(skipped)
    chosen = {name: getattr(settings, name) for name in ("permutations", "nulls", "positive")}
    write_result(result, out, asked=vars(config) | chosen, analysis="comparison", **said)
    print(f"wrote {out}")
    figure = figure_place(config.figure, console.figure_path(out))
    if figure is not None:
        console.draw(result, figure)
    console.report(result)
    print(f"in a sentence:\n{said['sentence']}")
    return out


@contextlib.contextmanager
def _recorded(config: CompareConfig) -> Iterator[Shown]:
    """A recording of ``--model``, which is kept only if it was given a place."""
    from cortexsim.console import note
    from cortexsim.console.recording import read
    from cortexsim.experiments.compare.recorded import record_shown
    from cortexsim.experiments.networks import named
    from cortexsim.experiments.stimuli import stimuli_named
    from cortexsim.leftovers import scratch
    from cortexsim.recording.settings import Settings

    choice = named(config.model or "", steps=config.steps)
    stimuli = read(stimuli_named(config.stimuli or config.neural or ""), skip_unreadable=False)
    for text in choice.net.card.get("notes", ()):
        note(text)
    with scratch() as folder:
        yield record_shown(
            choice,
            stimuli,
            Path(config.recording) if config.recording else folder / "recording.zarr",
            settings=Settings(steps=config.steps, keep=config.keep, seed=config.seed),
            overwrite=config.overwrite,
        )


def _settings(config: CompareConfig, client: Any) -> Settings:
    """How to compare, as an object, and the client of the cluster that does it, if there is one."""
    from cortexsim.experiments.compare.settings import Settings

    permutations = config.permutations
    return settings_of(
        Settings,
        config,
        permutations=PERMUTATIONS[config.method] if permutations is None else permutations,
        nulls=config.nulls or (),
        positive=config.positive or (),
        client=client,
    )


if __name__ == "__main__":
    run(main)
