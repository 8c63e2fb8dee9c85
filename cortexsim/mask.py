"""The masking experiment on networks: ``cortexsim mask``.

Each stimulus is shown for the SOA, then a blank or a mask, as Tang et al. 2018 did with people. Out
come accuracy and d' against the SOA for every mask and readout time, thresholds, what the mask does
to each state at each step, and which connections carry that (--lesion), all with intervals over
stimuli.

  cortexsim mask --model cortex4 --stimuli cifar10 --limit 1000 --mask pink phase \\
      --lesion none feedback lateral --out masking.nc
  cortexsim mask --mask phase --people tang-masking         beside people
  cortexsim mask --mask phase --people trials.csv           beside your own participants
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cortexsim.cli import command, parse, run
from cortexsim.experiments.mask.config import MaskConfig

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.mask.subject import Subject
    from cortexsim.stimuli.images import Stimuli


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of masking."""
    mask(parse(MaskConfig, arguments, "cortexsim mask", __doc__ or ""))
    return 0


def mask(config: MaskConfig) -> Path:
    """Do what ``config`` says; returns the path of the result."""
    from cortexsim.console import alone
    from cortexsim.console import masking as console

    with alone(config, console.check_options):
        return _mask(config)


def _mask(config: MaskConfig) -> Path:
    """The same, of an output that no other process writes."""
    from cortexsim.console import figure_place, note
    from cortexsim.console import masking as console
    from cortexsim.experiments.mask.plan import masking_plan
    from cortexsim.experiments.mask.subject import masked
    from cortexsim.experiments.results import write_result
    from cortexsim.models.weights import device_of
    from cortexsim.stimuli.images import check, load_stimuli

    out = Path(config.out)
    people = _people(config)  # before the runs: what is wrong with a table is told first
    stimuli = load_stimuli(config.stimuli, limit=config.limit)
    for text in stimuli.notes:
        note(text)
    stimuli, sha256 = check(stimuli)
    subjects = [_subject(name, config, stimuli) for name in config.model]
    console.print_plan([masking_plan(s, stimuli) for s in subjects], only=config.plan)
    if config.plan:
        return out
    result = masked(
        subjects,
        stimuli,
        n=config.n,
        permutations=config.permutations,
        device=device_of(config.device),
        progress=True,
    )
    whose = {"stimuli": stimuli.name, "stimuli_sha256": sha256}
    write_result(result, out, asked=vars(config), analysis="masking", **whose)
    print(f"wrote {out}")
    if figure := figure_place(config.figure, out.with_suffix(".png")):
        console.draw(result, figure, people)
    console.report(result)
    if people is not None:
        console.report_people(result, people, n=config.n, seed=config.seed)
    return out


def _people(config: MaskConfig) -> xarray.Dataset | None:
    """The curves of people that are set beside, if there are any."""
    if config.people is None:
        return None
    from cortexsim.experiments.mask.curves import curves_of_people
    from cortexsim.experiments.people import people_named

    people = people_named(config.people, chance=config.people_chance, n=config.n, seed=config.seed)
    curves_of_people(people)
    return people


def _subject(name: str, config: MaskConfig, stimuli: Stimuli) -> Subject:
    """A network by its name, with its design and its lesions."""
    from cortexsim.console import note
    from cortexsim.experiments.mask.design import Design
    from cortexsim.experiments.mask.statistics import BUNDLED, training_images
    from cortexsim.experiments.mask.subject import longest_run, subject
    from cortexsim.experiments.networks import named
    from cortexsim.timeaxis import TimeAxis

    low, nominal, high = config.step_ms
    choice = named(name, steps=config.steps, size=config.size)
    design = Design(
        soa_ms=config.soa_ms,
        masks=config.mask,
        steps=config.steps or longest_run(choice.net),
        mask_ms=config.mask_ms,
        axis=TimeAxis(nominal, low, high),
        seed=config.seed,
        round_to_steps=config.round,
        batch_size=config.batch_size,
        compared=config.compared,
        decoded=config.decoded,
    )
    calibration = None
    if config.statistics != BUNDLED:
        calibration = training_images(
            choice.net,
            config.calibrate_on,
            config.calibration_images,
            fresh=stimuli if choice.needs_images else None,
        )
    made = subject(
        choice, stimuli, design=design, lesions=config.lesion, name=name, calibration=calibration
    )
    for text in made.nets["none"].card.get("notes", ()):
        note(f"{made.name}: {text}")
    return made


if __name__ == "__main__":
    run(main)
