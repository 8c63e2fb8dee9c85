"""What is said of a comparison: its plan, its figures, the best of each state."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim import neural
from cortexsim.analysis.words import best_place, p_of, pooled
from cortexsim.console import DOTS, drawn, duration, figure_place, note
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.config import FEWEST, METHODS, ONLY, CompareConfig
from cortexsim.experiments.compare.controls import NETWORKS, OWN_WEIGHTS, controls_of
from cortexsim.locks import is_there
from cortexsim.models.foreign.published import published
from cortexsim.plotting.parts import NETWORK_NAMES, in_ms

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.settings import Plan


def check_options(config: CompareConfig) -> None:
    """What can be refused of the options before anything is read."""
    if config.neural is None:
        raise AnalysisError(
            "--neural is missing: give a benchmark (cortexsim neural list) or a file"
        )
    _check_network(config)
    for field in fields(config):
        methods = ONLY.get(field.name, METHODS)
        if config.method not in methods and getattr(config, field.name) != field.default:
            raise AnalysisError(
                f"--{field.name.replace('_', '-')} is for --method {' or '.join(methods)}, "
                f"not for {config.method}; leave it out"
            )
    _check_out(config)
    if 0 < (config.permutations or 0) < FEWEST:
        raise AnalysisError(
            f"{config.permutations} permutations cannot reach p < 0.05; "
            f"give at least {FEWEST}, or 0 for no null"
        )


def _check_network(config: CompareConfig) -> None:
    """What can be refused of the recording and of --model."""
    if config.model is None:
        if config.recording is None:
            raise AnalysisError(
                "there is nothing to compare: give a recording (cortexsim record makes "
                "one), or --model to have one made"
            )
        for name in ("steps", "keep"):
            if getattr(config, name) != getattr(CompareConfig, name):
                raise AnalysisError(
                    f"--{name} is for --model; {config.recording} is recorded already: leave it out"
                )
    elif config.recording and is_there(Path(config.recording)) and not config.overwrite:
        raise AnalysisError(
            f"{config.recording} exists; leave --model out to compare it, give --overwrite to "
            "replace it, or another place for the recording"
        )
    elif config.plan:
        raise AnalysisError(
            "--plan measures a recording, which --model would first have to make; record it with "
            "cortexsim record, or leave --plan out"
        )
    elif config.stimuli is None and (config.neural or "") not in neural.list():
        raise AnalysisError(
            f"--model must be shown the images that the brain saw, and {config.neural} is a file "
            "without them: give --stimuli"
        )


def _check_out(config: CompareConfig) -> None:
    """What can be refused of --out."""
    out = Path(config.out)
    if out.suffix != ".nc":
        raise AnalysisError(f"--out {config.out!r} names no netCDF file; give e.g. comparison.nc")
    figure = figure_place(config.figure, figure_path(out))
    figures = [] if figure is None else [figure, by_time(figure)]
    for path in (out, *figures):
        if path.is_dir():
            raise AnalysisError(f"{path} is a folder; give another --out")
        if is_there(path) and not config.overwrite and not config.plan:
            raise AnalysisError(f"{path} exists; give --overwrite to replace it, or another --out")
    nearest = next(p for p in out.absolute().parents if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise AnalysisError(
            f"{out} cannot be written: {nearest} is "
            f"{'not writable' if nearest.is_dir() else 'no folder'}; give another --out"
        )


def figure_path(out: Path) -> Path:
    """Beside the result: ``a.nc`` -> ``a.png``."""
    return out.with_suffix(".png")


def by_time(figure: Path) -> Path:
    """Where the second figure of data with time goes, every step with every time."""
    return figure.with_name(f"{figure.stem}_time{figure.suffix}")


def draw(result: xarray.Dataset, path: Path) -> None:
    """Draw a comparison, and every step with every time where there is time."""
    from cortexsim.plotting import comparison, save, time_by_time

    done = drawn(lambda: save(comparison(result), path, dpi=DOTS), path, "the result")
    if done and {"step", "time_ms"} <= set(result.evaluation.dims):
        second = by_time(path)
        drawn(lambda: save(time_by_time(result), second, dpi=DOTS), second, "the result")


def print_skipped(skipped: dict[str, str]) -> None:
    """Which controls are left out, and why."""
    for which, reason in skipped.items():
        note(f"without the control {which!r}: {reason}")


def print_plan(plan: Plan) -> None:
    """What would be compared, with what, and how long it takes."""
    known, c = plan.known, plan.settings
    about = (
        f"{known['model']}, states {', '.join(known['states'])}, {known['steps']} steps, "
        f"beside {plan.neural}: "
    )
    text = {"rsa": _rsa_plan, "encoding": _encoding_plan, "decoding": _decoding_plan}[plan.method]
    print(about + text(plan))
    if plan.method == "rsa":
        for name, what in controls_of(known, ("shuffled", *c.nulls), c.seed).items():
            print(f"  {name:10s} {what}")
        for name in c.positive:
            print(f"  {name} (positive control) {published(name).line}")
        fit = ", the fit of the axis" if c.fit_axis else ""
        print(
            f"about {duration(plan.seconds)}, and what the network takes for the controls{fit}. "
            "Nothing was written."
        )


def _rsa_plan(plan: Plan) -> str:
    c, sizes = plan.settings, plan.sizes
    times = f", {sizes['time_ms']} times" if "time_ms" in sizes else ""
    return (
        f"{plan.target}, {plan.whose}, {sizes['stimulus']} stimuli{times}\n"
        f"RDMs of the network: {c.measure}; compared by {c.comparator}; {c.n} resamples of "
        f"{' and '.join(c.resample or ())}, {c.permutations} permutations of conditions"
    )


def _encoding_plan(plan: Plan) -> str:
    c = plan.settings
    networks = 1 + sum(n in NETWORKS for n in c.nulls)
    return (
        f"{plan.target} {plan.sizes}\n"
        f"{c.estimator or 'ridge'}, {c.folds} folds, {c.n} resamples of stimuli and units, "
        f"{c.permutations} permutations of stimuli (each a fit of all units), {networks} "
        f"network{'s' if networks > 1 else ''}: about {duration(plan.seconds)}. "
        "Nothing was written."
    )


def _decoding_plan(plan: Plan) -> str:
    c = plan.settings
    return (
        f"{', '.join(plan.properties)} of {plan.sizes['stimulus']} stimuli\n"
        f"{c.estimator or 'ridge'} classifiers, {c.folds} folds, {c.n} resamples of stimuli, "
        f"{c.permutations} permutations of labels, {plan.frames} times: about "
        f"{duration(plan.seconds)}. Nothing was written."
    )


def report(result: xarray.Dataset) -> None:
    """The best of each state, beside ceiling, null or brain."""
    {"rsa": _report_rsa, "encoding": _report_encoding, "decoding": _report_decoding}[
        result.attrs["method"]
    ](result)
    untrained = json.loads(result.attrs["controls"]).get("untrained", "")
    if OWN_WEIGHTS in untrained:
        print(f"untrained: {untrained}")


def _report_rsa(result: xarray.Dataset) -> None:
    """The best step of each state."""
    first = str(result.network.values[0])
    for state in result.state.values:
        course = result.sel(state=state, network=first)
        y = course.evaluation
        if "time_ms" in y.dims:
            at = y.argmax(("step", "time_ms"))
            best = course.isel(at)
            where = (
                f"step {int(y.step[at['step']])}, {float(y.time_ms[at['time_ms']]):g} ms "
                "of the brain"
            )
        else:
            best = course.isel(step=int(np.nanargmax(y.values)))
            where = f"step {int(best.step)}"
            if in_ms(result):
                where += (
                    f" ({float(best.time_ms):g} ms, declared "
                    f"{float(best.time_ms_low):g}-{float(best.time_ms_high):g})"
                )
        low, high = best.interval.values
        null = (
            f"; relabelled conditions: p = {p_of(float(best.p_permutation_corrected))}, corrected "
            "for all states and steps"
            if "p_permutation_corrected" in best
            else ""
        )
        print(
            f"  {state:4s} largest similarity {float(best.evaluation):.3f} "
            f"[{low:.3f}, {high:.3f}] at {where}{null}"
        )
    ceiling = result.ceiling.transpose("bound", ...).values
    if not np.isfinite(ceiling).any():
        print(f"  no noise ceiling ({pooled(result.attrs) or 'one subject'}, no repeats)")
    else:
        print(f"  noise ceiling {np.nanmax(ceiling[0]):.3f} to {np.nanmax(ceiling[1]):.3f}")
    for network in map(str, result.network.values[1:]):
        of_network = result.evaluation.sel(network=network, drop=True)
        if of_network.notnull().any():
            places, where = best_place(of_network)
            name = NETWORK_NAMES.get(network, network)
            print(f"  beside it: {name} {float(of_network.isel(places)):.3f} ({where})")


def _report_encoding(result: xarray.Dataset) -> None:
    """The best step of each state."""
    for state in result.state.values:
        course = result.sel(state=state).isel(network=0)
        over = [d for d in ("step", "time_ms") if d in course.evaluation.dims]
        best = course.isel(course.evaluation.argmax(over))
        low, high = best.interval.values
        where = f"step {int(best.step)}" + (
            f", {float(best.time_ms):g} ms of the brain" if "time_ms" in over else ""
        )
        more = (
            f", {float(best.evaluation_noise_corrected):.3f} corrected for noise"
            if "evaluation_noise_corrected" in best
            else ""
        )
        print(
            f"  {state:4s} largest median correlation {float(best.evaluation):.3f} "
            f"[{low:.3f}, {high:.3f}]{more} at {where}"
        )
    if "best_difference" in result:
        print(_best(result))


def _best(result: xarray.Dataset) -> str:
    """Which frames cannot be told apart from the one that predicts best."""
    alike = []
    others = 0
    for network in map(str, result.network.values):
        for state in map(str, result.state.values):
            p = result.best_difference_p_corrected.sel(network=network, state=state)
            others += int(p.notnull().sum())
            same = [str(int(t)) for t in p.step.values[p.values >= 0.05]]
            if same:
                of = "" if network == str(result.network.values[0]) else f"{network} "
                alike.append(f"{of}{state} step {', '.join(same)}")
    listed = "; ".join(alike[:4]) + (f"; {len(alike) - 4} more" if len(alike) > 4 else "")
    return (
        f"  best {result.attrs['best_frame']}; of {others} other frames these are not told apart "
        f"from it (paired, Holm, p >= 0.05): {listed or 'none'}"
    )


def _report_decoding(result: xarray.Dataset) -> None:
    """Onsets of the states and of the brain."""
    for name in map(str, result.feature.values):
        course = result.sel(feature=name).isel(network=0)
        print(f"  {name}")
        for state in course.state.values:
            y = course.evaluation.sel(state=state)
            above = (
                course.p_permutation_corrected.sel(state=state) < 0.05
                if "p_permutation_corrected" in course
                else course.interval.sel(state=state, bound="lower") > float(course.chance)
            )
            best = course.isel(step=int(np.nanargmax(y.values))).sel(state=state)
            when = float(y.time_ms.values[np.argmax(above.values)])
            since = f"from {when:g} ms" if above.values.any() else "never above chance"
            print(
                f"    {state:4s} {since}, best {float(best.evaluation):.3f} "
                f"at {float(best.time_ms):g} ms"
            )
        if "neural_onset_ms" in course:
            for label, onset in _entries(course.neural_onset_ms):
                low, high = (float(v) for v in course.neural_onset_interval.sel(label).values)
                which = "".join(
                    f", {k.removesuffix('_ms').upper()} {v:g} ms" for k, v in label.items()
                )
                print(f"    brain{which}: from {float(onset):g} ms [{low:g}, {high:g}]")


def _entries(values: xarray.DataArray) -> list[tuple[dict[str, Any], Any]]:
    """Every entry with its coordinates."""
    return [
        ({str(d): values[d].values[k] for d, k in zip(values.dims, at)}, values.values[at])
        for at in np.ndindex(*values.shape)
    ]
