"""The rsa job of ``python -m cortexsim.compare``: read, align, run the controls, evaluate, say what was found."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.tables import check_settings, factors_of
from cortexsim.analysis.rsa.comparators import comparator_named
from cortexsim.analysis.statistics.draws import generator_of
from cortexsim.console import duration
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import described, load_brain, target
from cortexsim.experiments.compare.brain_time import bins
from cortexsim.experiments.compare.recorded import aligned, open_shown
from cortexsim.experiments.compare.rsa import rsa, static
from cortexsim.experiments.controls import CONTROLS, NETWORKS, rerun, scratch

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.config import CompareConfig


class Job:
    """One comparison of RDMs."""

    def __init__(self, config: CompareConfig) -> None:
        self.config = config
        self.shown = open_shown(config.recording)
        self.brain = load_brain(config.neural or "")
        self.target = target(self.brain, "rdm", config.target)
        self.shown.check_stimuli(self.brain)
        self.subjects = self.target.sizes["subject"]
        self.resample = config.resample or (
            ("subject", "condition") if self.subjects > 1 else ("condition",)
        )
        self._check()

    def _check(self) -> None:
        """Settings that would be refused only after the controls have run."""
        c = self.config
        if c.fit_axis and "time_ms" not in self.target.dims:
            raise AnalysisError(
                f"--fit-axis needs neural data with time; {self.target.name} has {self.target.dims}"
            )
        if "subject" in self.resample and self.subjects < 2:
            raise AnalysisError(
                f"{self.target.name} is of one subject, who cannot be resampled: give --resample condition, and the result speaks of it only"
            )
        factors = factors_of(self.resample, np.arange(self.subjects), c.n)
        check_settings(
            c.correction,
            factors,
            c.permutations,
            None,
            0.05,
            0.95,
            "refuse",
            np.arange(self.subjects),
        )
        comparator_named(c.comparator)
        generator_of(c.seed)
        bins(self.target, np.arange(1, self.shown.known["steps"] + 1), self.shown.axis, c.policy)

    def plan(self) -> None:
        """What would be done."""
        s, t, c = self.shown.known, self.target, self.config
        movies = dict.fromkeys(("network", *c.nulls), self._movie())
        few = t.isel(time_ms=0, drop=True) if "time_ms" in t.dims else t
        self._evaluate(movies, few, n=20, permutations=20)  # what is compiled or imported only once
        began = time.monotonic()
        self._evaluate(movies, few, n=60, permutations=60)
        seconds = (
            (time.monotonic() - began)
            / 60
            * max(c.n, c.permutations or 0, 60)
            * t.sizes.get("time_ms", 1)
        )
        times = f", {t.sizes['time_ms']} times" if "time_ms" in t.dims else ""
        print(
            f"{s['model']}, states {', '.join(s['states'])}, {s['steps']} steps, beside {self.brain.attrs.get('name')}: {t.name}, "
            f"{self.subjects} subject{'s' if self.subjects > 1 else ''}, {self.brain.sizes['stimulus']} stimuli{times}\n"
            f"RDMs of the network: {self.config.measure}; compared by {self.config.comparator}; {self.config.n} resamples of "
            f"{' and '.join(self.resample)}, {self.config.permutations} permutations of conditions"
        )
        for name in ("shuffled", *self.config.nulls):
            print(f"  {name:10s} {CONTROLS[name]}")
        fit = ", the fit of the axis" if c.fit_axis else ""
        print(
            f"about {duration(seconds)}, and what the network takes for the controls{fit}. Nothing was written."
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        movie = self._movie()
        movies: dict[str, Any] = {str(self.shown.known["model"]): movie}
        if "static" in self.config.nulls:
            movies["static"] = static(movie)
        with scratch() as folder:
            for which in [c for c in self.config.nulls if c in NETWORKS]:
                movies[which] = self._control(which, folder)
        result = self._evaluate(
            movies,
            self.target,
            n=self.config.n,
            permutations=self.config.permutations or 0,
            progress=True,
        )
        if self.config.fit_axis:
            result = self._fitted(result, movie)
        return result.assign_attrs(
            method="rsa",
            measure=self.config.measure,
            quantity=f"similarity of RDMs ({self.config.comparator})",
            model=self.shown.known["model"],
            time_axis=json.dumps(self.shown.axis.as_dict()),
            recording=json.dumps(self.shown.known),
            controls=json.dumps({k: CONTROLS[k] for k in ("shuffled", *self.config.nulls)}),
            **described(self.brain, self.target),
        )

    def report(self, result: xarray.Dataset) -> None:
        """The best step of each state."""
        lines = []
        first = str(result.network.values[0])
        for state in result.state.values:
            one = result.sel(state=state, network=first)
            y = one.evaluation
            if "time_ms" in y.dims:
                at = y.argmax(("step", "time_ms"))
                best, where = (
                    one.isel(at),
                    f"step {int(y.step[at['step']])}, {float(y.time_ms[at['time_ms']]):g} ms of the brain",
                )
            else:
                best = one.isel(step=int(np.nanargmax(y.values)))
                where = f"step {int(best.step)} ({float(best.time_ms):g} ms, declared {float(best.time_ms_low):g}-{float(best.time_ms_high):g})"
            low, high = best.interval.values
            null = (
                f", 95 % of the null below {float(best.null_high):.3f}"
                if "null_high" in best
                else ""
            )
            lines.append(
                f"  {state:4s} largest similarity {float(best.evaluation):.3f} [{low:.3f}, {high:.3f}] at {where}{null}"
            )
        ceiling = result.ceiling.transpose("bound", ...).values
        text = (
            "no noise ceiling (one subject)"
            if not np.isfinite(ceiling).any()
            else f"noise ceiling {np.nanmax(ceiling[0]):.3f} to {np.nanmax(ceiling[1]):.3f}"
        )
        print("\n".join([*lines, f"  {text}"]))

    def _movie(self) -> xarray.Dataset:
        return aligned(self.shown.movie(self.config.measure), self.brain)

    def _control(self, which: str, folder: Any) -> xarray.Dataset:
        from cortexsim.analysis import open_movie

        path = rerun(
            self.shown.known,
            which,
            folder,
            stimuli=self.config.stimuli,
            measure=self.config.measure,
            seed=self.config.seed,
        )
        return aligned(open_movie(path).load(), self.brain)

    def _evaluate(
        self,
        movies: dict[str, Any],
        brain: xarray.DataArray,
        *,
        n: int,
        permutations: int,
        progress: bool = False,
    ) -> xarray.Dataset:
        c = self.config
        return rsa(
            movies, brain, self.shown.axis, comparator=c.comparator, resample=self.resample, n=n, permutations=permutations,
            correction=c.correction, policy=c.policy, rng=c.seed, progress=progress,
        )  # fmt: skip

    def _fitted(self, result: xarray.Dataset, movie: xarray.Dataset) -> xarray.Dataset:
        """The axis that each state asks for."""
        import xarray

        from cortexsim.analysis import fit_time_axis

        fits = {}
        for state in map(str, movie.state.values):
            fit = fit_time_axis(
                movie.rdm.sel(state=state),
                self.target,
                n=self.config.n,
                rng=self.config.seed,
                permutations=max(20, self.config.permutations or 0),
            )
            fits[state] = fit[
                ["onset_ms", "step_ms", "interval", "held_out", "p_alignment", "p_order"]
            ]
            result.attrs[f"fit_{state}"] = json.dumps(
                {k: v for k, v in fit.attrs.items() if k != "provenance"}
            )
        together = xarray.concat(
            list(fits.values()), dim="state", combine_attrs="drop"
        ).assign_coords(state=list(fits))
        return result.assign(
            {
                f"fit_{k}": v.rename({d: f"fit_{d}" for d in v.dims if d in ("bound", "axis")})
                for k, v in together.data_vars.items()
            }
        )
