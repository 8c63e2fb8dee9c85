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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexsim.cli import command, parse, run
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.config import PERMUTATIONS, CompareConfig
from cortexsim.files import write
from cortexsim.locks import holding
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
    from cortexsim.console import comparison as console

    console.check_options(config)
    if config.plan:
        return _compare(config)
    with holding(Path(config.out), error=AnalysisError):
        console.check_options(config)  # another process may have written it since
        return _compare(config)


def _compare(config: CompareConfig) -> Path:
    """The same, of an output that no other process writes."""
    from cortexsim.analysis import summary
    from cortexsim.console import comparison as console
    from cortexsim.console import figure_place
    from cortexsim.experiments.compare.brain import load_brain
    from cortexsim.experiments.compare.controls import possible_controls
    from cortexsim.experiments.compare.jobs import job_of
    from cortexsim.experiments.compare.positive import DEFAULT, beside_positive
    from cortexsim.experiments.compare.recorded import open_shown
    from cortexsim.experiments.compare.sentence import sentence

    out = Path(config.out)
    if config.permutations is None:
        config = replace(config, permutations=PERMUTATIONS[config.method])
    with contextlib.ExitStack() as stack:
        if config.model is None:
            shown, brain = open_shown(config.recording or ""), load_brain(config.neural or "")
        else:  # what is wrong with the data is said before the network runs
            brain = load_brain(config.neural or "")
            shown = stack.enter_context(_recorded(config))
        skipped: dict[str, str] = {}
        asked = config.positive
        if asked is None:
            config = replace(config, positive=(DEFAULT,) if config.nulls is None else ())
        if config.nulls is None:
            nulls, skipped = possible_controls(shown.known)
            config = replace(config, nulls=nulls)
        console.print_skipped(skipped)
        settings = _settings(config, stack.enter_context(connected(config.scheduler)))
        job = job_of(config.method, shown, brain, target=config.target, settings=settings)
        if config.plan:
            console.print_plan(job.plan())
            return out
        result, absent = beside_positive(
            job.run(), shown, brain, target=config.target, settings=settings, asked=asked
        )
        console.print_skipped(absent)
        skipped |= absent
    result.attrs["configuration"] = json.dumps(config.__dict__)
    if skipped:
        result.attrs["controls_skipped"] = json.dumps(skipped)
    said = {"analysis": "comparison", "sentence": sentence(result)}
    result.attrs = {"summary": summary(result).text, **result.attrs, **said}
    write(result, out)
    print(f"wrote {out}")
    figure = figure_place(config.figure, console.figure_path(out))
    if figure is not None:
        console.draw(result, figure)
    console.report(result)
    print(f"in a sentence:\n{result.attrs['sentence']}")
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

    return Settings(
        measure=config.measure,
        comparator=config.comparator,
        estimator=config.estimator,
        resample=config.resample,
        n=config.n,
        permutations=config.permutations or 0,
        correction=config.correction,
        nulls=config.nulls or (),
        positive=config.positive or (),
        stimuli=config.stimuli,
        policy=config.policy,
        fit_axis=config.fit_axis,
        folds=config.folds,
        components=config.components,
        seed=config.seed,
        client=client,
    )


if __name__ == "__main__":
    run(main)
