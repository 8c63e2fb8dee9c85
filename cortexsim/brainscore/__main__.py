"""Brain-Score on the command line: ``cortexsim brainscore package | score``."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortexsim.cli import command, option, parse, parser_for, run
from cortexsim.errors import BrainScoreError
from cortexsim.files import atomic_write
from cortexsim.locks import holding
from cortexsim.timeaxis import POLICIES, TimeAxis

USAGE = """usage: cortexsim brainscore VERB [options]
  package   a network as a submission: one zip that works where only Brain-Score is installed
            (runs anywhere)
  score     run a public benchmark (needs the environment that 'make brainscore' creates)

cortexsim brainscore VERB --help tells more"""


@dataclass(frozen=True)
class CommitConfig:
    """What a network commits to."""

    model: str = option(
        "cortex4",
        "a network of the zoo with trained weights, or a .safetensors file with its card beside it",
    )
    identifier: str | None = option(None, "name in Brain-Score; default that of the network")
    regions: tuple[str, ...] = option(
        (), "which state is which region, where states have other names: V1=h1 V4=h2 IT=h3"
    )
    steps: int | None = option(
        None, "steps to simulate; default, all that the card says statistics were estimated for"
    )
    readout_step: int | None = option(
        None, "step at which behaviour is read; default the readout time"
    )
    step_ms: tuple[float, ...] = option(
        (20.0, 25.0, 50.0),
        "duration of a step in ms: low, nominal, high",
        nargs=3,
        metavar=("LOW", "NOMINAL", "HIGH"),
    )
    onset_ms: float | None = option(None, "first response of V1 in ms; default one step")
    policy: str = option(
        "hold",
        "time that a state does not cover: the end steps last on, NaN, or an error",
        choices=POLICIES,
    )
    visual_degrees: int = option(8, "width of the image in degrees")


@dataclass(frozen=True)
class PackageConfig(CommitConfig):
    """What to package, and where to."""

    out: str = option("submission.zip", "the zip to write")
    overwrite: bool = option(False, "replace an existing zip")


@dataclass(frozen=True)
class ScoreConfig(CommitConfig):
    """What to score, on what."""

    benchmark: str = option("MajajHong2015public.IT-pls", "identifier of a public benchmark")
    batch_size: int = option(64, "images at a time")
    device: str = option("cpu", "cpu, cuda, cuda:N or auto")
    out: str | None = option(None, "also write the numbers to this .json")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line; those of this process by default.

    Returns
    -------
    int
        Exit status.
    """
    verb, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    if verb not in VERBS:
        print(USAGE, file=sys.stdout if verb in ("-h", "--help") else sys.stderr)
        return 0 if verb in ("-h", "--help") else 2
    config, work, text = VERBS[verb]
    return work(parse(config, rest, f"cortexsim brainscore {verb}", text))


def parser() -> argparse.ArgumentParser:
    """The options of both verbs."""
    whole = argparse.ArgumentParser(prog="cortexsim brainscore")
    verbs = whole.add_subparsers()
    for verb, (config, _, text) in VERBS.items():
        of_verb = parser_for(config, verb, text)
        verbs.add_parser(verb, parents=[of_verb], add_help=False, help=text.splitlines()[0])
    return whole


def package(config: PackageConfig) -> int:
    """Write the submission and say what to do with it.

    Parameters
    ----------
    config : PackageConfig
        The options.

    Returns
    -------
    int
        Exit status.
    """
    from cortexsim.brainscore.commitment import REGIONS
    from cortexsim.brainscore.packaging import commitment_in
    from cortexsim.brainscore.packaging import package as write

    path = write(
        config.model,
        Path(config.out),
        identifier=config.identifier,
        overwrite=config.overwrite,
        **_options(config),
    )
    promised = commitment_in(path)
    name, regions = promised["identifier"], promised["regions"]
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB), called {name} (--identifier)")
    print("regions: " + ", ".join(f"{region} (state {s})" for region, s in regions.items()))
    if without := [region for region in REGIONS if region not in regions]:
        print(
            f"none for {', '.join(without)}: no benchmark of it can be run; "
            f"--regions {without[0]}=STATE says which state it is"
        )
    print(
        "next: submit it at https://www.brain-score.org, or try it here: unzip it into the "
        "installed brainscore_vision folder, then\n"
        '  python -c "import brainscore_vision; '
        f'print(brainscore_vision.load_model({name!r}))"'
    )
    return 0


def score(config: ScoreConfig) -> int:
    """Run the benchmark and print the numbers.

    Parameters
    ----------
    config : ScoreConfig
        The options.

    Returns
    -------
    int
        Exit status.

    Raises
    ------
    BrainScoreError
        If Brain-Score is not installed, or the file to write is no .json.
    """
    if importlib.util.find_spec("brainscore_vision") is None:
        raise BrainScoreError(
            "brainscore-vision is not installed here (it needs numpy<2 and xarray<2022.6, so it "
            "lives in an environment of its own). Run\n"
            "  make brainscore\n"
            f"  .venv-brainscore/bin/cortexsim brainscore score --model {config.model} "
            f"--benchmark {config.benchmark}"
        )
    out = None if config.out is None else Path(config.out)
    if out is not None and out.suffix != ".json":
        raise BrainScoreError(f"--out {config.out!r} is no .json file; give e.g. score.json")
    if out is None:
        return _score(config, None)
    with holding(out, error=BrainScoreError):
        return _score(config, out)


def _score(config: ScoreConfig, out: Path | None) -> int:
    """The same, of a file that no other process writes."""
    # Of old xarray, about Brain-Score's classes.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from cortexsim.brainscore.model import load
    from cortexsim.brainscore.scoring import report
    from cortexsim.brainscore.scoring import score as run_benchmark

    model = load(
        config.model,
        identifier=config.identifier,
        batch_size=config.batch_size,
        device=config.device,
        **_options(config),
    )
    numbers = report(run_benchmark(model, config.benchmark), model.identifier, config.benchmark)
    text = json.dumps({**numbers, "commitment": model.commitment.options()}, indent=1)
    if out is not None:
        atomic_write(out, (text + "\n").encode())
    print(
        f"{model.identifier} on {config.benchmark}: "
        + ", ".join(f"{k} {_shown(numbers[k])}" for k in NUMBERS)
    )
    return 0


NUMBERS = ("score", "error", "raw", "ceiling")


def _shown(value: float | list[float] | None) -> str:
    if value is None:
        return "not given"
    return (
        f"{value:.4f}"
        if isinstance(value, float)
        else f"{sum(value) / len(value):.4f} (mean of {len(value)})"
    )


def _options(config: CommitConfig) -> dict[str, Any]:
    """The arguments of :func:`cortexsim.brainscore.commit`."""
    if bad := [r for r in config.regions if r.count("=") != 1 or not all(r.split("="))]:
        raise BrainScoreError(f"--regions {bad[0]!r}: write REGION=STATE, e.g. V1=h1 V4=h2 IT=h3")
    return {
        "regions": dict(r.split("=") for r in config.regions) or None,
        "steps": config.steps,
        "readout_step": config.readout_step,
        "time_axis": TimeAxis(
            config.step_ms[1], config.step_ms[0], config.step_ms[2], config.onset_ms
        ),
        "policy": config.policy,
        "visual_degrees": config.visual_degrees,
    }


VERBS: dict[str, tuple[type, Any, str]] = {
    "package": (
        PackageConfig,
        package,
        "A network as a submission to Brain-Score: one zip with a plugin folder, weights and the "
        "modules it needs.",
    ),
    "score": (ScoreConfig, score, "Run a public benchmark of Brain-Score on a network."),
}

if __name__ == "__main__":
    run(main)
