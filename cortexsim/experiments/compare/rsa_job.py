"""Comparison by RDMs: align, run the controls, evaluate."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.evaluation.halves import is_repeated, repeat_of
from cortexsim.analysis.evaluation.tables import check_settings
from cortexsim.analysis.rsa.comparators import comparator_named
from cortexsim.analysis.rsa.rdm import rdms
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.words import pooled_attribute, whose
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import described, target
from cortexsim.experiments.compare.brain_time import bins
from cortexsim.experiments.compare.controls import (
    NETWORKS,
    check_controls,
    controls_of,
    rerun,
)
from cortexsim.experiments.compare.recorded import Shown, aligned
from cortexsim.experiments.compare.rsa import rsa, static
from cortexsim.experiments.compare.settings import Plan, Settings
from cortexsim.leftovers import scratch

if TYPE_CHECKING:
    import xarray


class RsaJob:
    """One comparison of RDMs."""

    def __init__(
        self, shown: Shown, brain: xarray.Dataset, name: str | None, *, settings: Settings
    ) -> None:
        self.shown, self.brain, self.settings = shown, brain, settings
        self.repeated = _repeated(brain, name)
        self.target = target(self.brain, "responses" if self.repeated else "rdm", name)
        self.shown.check_stimuli(self.brain)
        self.subjects = self.target.sizes.get("subject", 1)
        said = pooled_attribute(self.target, self.subjects)
        self.whose = whose({"subjects": self.subjects, **said})
        self.resample = settings.resample or (
            ("subject", "condition") if self.subjects > 1 else ("condition",)
        )
        self._check()
        check_controls(self.shown.known, settings.nulls)

    def _check(self) -> None:
        """Settings that would be refused only after the controls have run."""
        c = self.settings
        if self.repeated:
            repeat_of(self.target, c.measure)
        if c.fit_axis and "time_ms" not in self.target.dims:
            raise AnalysisError(
                f"--fit-axis needs neural data with time; {self.target.name} has {self.target.dims}"
            )
        if "subject" in self.resample and self.subjects < 2:
            raise AnalysisError(
                f"{self.target.name} is of {self.whose}, which cannot be resampled: give "
                "--resample condition, and the result speaks of it only"
            )
        inference = self._inference(n=c.n, permutations=c.permutations)
        factors = inference.factors(subjects=self.subjects)
        check_settings(inference, factors, None, "refuse", subjects=self.subjects)
        comparator_named(c.comparator)
        bins(
            self.target,
            np.arange(1, self.shown.known["steps"] + 1),
            self.shown.axis,
            policy=c.policy,
        )

    def plan(self) -> Plan:
        """What would be done."""
        t, c = self.target, self.settings
        movies = dict.fromkeys(("network", *c.nulls), self._movie())
        few = t.isel(time_ms=0, drop=True) if "time_ms" in t.dims else t
        self._evaluate(movies, few, n=20, permutations=20)  # what is compiled or imported only once
        began = time.monotonic()
        self._evaluate(movies, few, n=60, permutations=60)
        times = t.sizes.get("time_ms", 1)
        each = (time.monotonic() - began) / 60
        return Plan(
            method="rsa",
            known=self.shown.known,
            neural=str(self.brain.attrs.get("name")),
            target=str(t.name),
            sizes={
                **_sizes(t),
                "stimulus": self.brain.sizes["stimulus"],
                "subject": self.subjects,
            },
            settings=replace(c, resample=tuple(self.resample)),
            frames=len(movies) * times,
            seconds=each * max(c.n, c.permutations, 60) * times,
            whose=self.whose,
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        movie = self._movie()
        movies: dict[str, Any] = {self.shown.name: movie}
        if "static" in self.settings.nulls:
            movies["static"] = static(movie)
        with scratch() as folder:
            for which in [c for c in self.settings.nulls if c in NETWORKS]:
                movies[which] = self._control(which, folder)
        result = self._evaluate(
            movies,
            self.target,
            n=self.settings.n,
            permutations=self.settings.permutations,
            progress=True,
        )
        if self.settings.fit_axis:
            result = self._fitted(result, movie)
        return result.assign_attrs(
            method="rsa",
            measure=self.settings.measure,
            quantity=f"similarity of RDMs ({self.settings.comparator})",
            model=self.shown.name,
            time_axis=json.dumps(self.shown.axis.as_dict()),
            recording=json.dumps(self.shown.known),
            controls=json.dumps(
                controls_of(
                    self.shown.known, ("shuffled", *self.settings.nulls), self.settings.seed
                )
            ),
            **described(self.brain, self.target),
        )

    def _movie(self) -> xarray.Dataset:
        return aligned(self.shown.movie(self.settings.measure, self.settings.client), self.brain)

    def _control(self, which: str, folder: Any) -> xarray.Dataset:
        from cortexsim.analysis import open_movie

        path = rerun(
            self.shown.known,
            which,
            folder,
            stimuli=self.settings.stimuli,
            measure=self.settings.measure,
            seed=self.settings.seed,
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
        c = self.settings
        return rsa(
            movies,
            brain,
            self.shown.axis,
            comparator=c.comparator,
            inference=self._inference(n=n, permutations=permutations),
            policy=c.policy,
            measure=c.measure if self.repeated else None,
            progress=progress,
            client=c.client,
        )

    def _inference(self, *, n: int, permutations: int) -> Inference:
        """The settings of inference, with so many draws."""
        return Inference(
            resample=self.resample,
            n=n,
            permutations=permutations,
            correction=self.settings.correction,
            rng=self.settings.seed,
        )

    def _fitted(self, result: xarray.Dataset, movie: xarray.Dataset) -> xarray.Dataset:
        """The axis that each state asks for."""
        import xarray

        from cortexsim.analysis import fit_time_axis

        measured = self.target
        if self.repeated:
            measured = rdms(
                measured.mean(repeat_of(measured, self.settings.measure)), self.settings.measure
            )
        fits = {}
        for state in map(str, movie.state.values):
            fit = fit_time_axis(
                movie.rdm.sel(state=state),
                measured,
                inference=Inference(
                    n=self.settings.n,
                    rng=self.settings.seed,
                    permutations=max(20, self.settings.permutations),
                ),
            )
            fits[state] = fit[
                ["onset_ms", "step_ms", "interval", "held_out", "p_alignment", "p_order"]
            ]
            result.attrs[f"fit_{state}"] = json.dumps(
                {k: v for k, v in fit.attrs.items() if k not in ("analysis", "provenance")}
            )
        together = xarray.concat(
            list(fits.values()),
            dim="state",
            data_vars="all",
            coords="different",
            compat="equals",
            join="outer",
            combine_attrs="drop",
        ).assign_coords(state=list(fits))
        return result.assign(
            {
                f"fit_{k}": v.rename({d: f"fit_{d}" for d in v.dims if d in ("bound", "axis")})
                for k, v in together.data_vars.items()
            }
        )


def _repeated(brain: xarray.Dataset, name: str | None) -> bool:
    """Whether the target are responses with repeats, not RDMs."""
    chosen = [v for k, v in brain.data_vars.items() if name in (None, k)]
    if any(v.attrs.get("kind") == "rdm" for v in chosen):
        return False
    responses = [v for v in chosen if v.attrs.get("kind") == "responses"]
    return bool(responses) and all(is_repeated(v) for v in responses)


def _sizes(values: xarray.DataArray) -> dict[str, int]:
    """The sizes of an array by the names of its dimensions."""
    return {str(k): int(v) for k, v in values.sizes.items()}
