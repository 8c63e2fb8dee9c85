"""The encoding job of ``python -m cortexsim.compare``: how well every state at every step predicts single units or voxels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.console import duration
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import described, load_brain, target
from cortexsim.experiments.compare.brain_time import TAILS, along, bins
from cortexsim.experiments.compare.recorded import features_of, one_frame, open_shown, timed
from cortexsim.experiments.controls import CONTROLS, NETWORKS
from cortexsim.experiments.fits import beside_controls
from cortexsim.experiments.timing import seconds

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.config import CompareConfig

# Of a result of ``encode``: what a comparison calls evaluation, once as it is and once corrected for noise.
RAW = {"median_r": "evaluation", "p_corrected": "p_permutation_corrected", "p": "p_permutation"}


class Job:
    """One comparison by regression."""

    def __init__(self, config: CompareConfig) -> None:
        self.config = config
        self.shown = open_shown(config.recording)
        if self.shown.is_movie:
            raise AnalysisError(
                f"{config.recording} is an RDM movie; encoding needs activations, so give a recording"
            )
        self.brain = load_brain(config.neural or "")
        self.target = target(self.brain, "responses", config.target)
        self.shown.check_stimuli(self.brain)
        bins(
            self.target, np.arange(1, self.shown.known["steps"] + 1), self.shown.axis, config.policy
        )
        if "stimulus" not in self.target.dims or "unit" not in self.target.dims:
            raise AnalysisError(
                f"{self.target.name} has the dimensions {self.target.dims}; encoding needs stimulus and unit"
            )

    def plan(self) -> None:
        """What would be done."""
        s, c, t = self.shown.known, self.config, self.target
        networks = 1 + sum(n in NETWORKS for n in c.nulls)
        frame = one_frame(self.shown, self.brain)
        each = seconds(lambda k: self._encode(frame, k), c.permutations or 0)
        print(
            f"{s['model']}, states {', '.join(s['states'])}, {s['steps']} steps, beside {self.brain.attrs.get('name')}: {t.name} {dict(t.sizes)}\n"
            f"{c.estimator or 'ridge'}, {c.folds} folds, {c.n} resamples of stimuli and units, {c.permutations} permutations of stimuli (each a fit of all "
            f"units), {networks} network{'s' if networks > 1 else ''}: about {duration(each * s['steps'] * len(s['states']) * networks)}. Nothing was written."
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        result = beside_controls(self.shown, self.config, self._network)
        # Of the data alone: the same beside every network.
        own = [k for k in ("reliability", "reliable") if k in result]
        result = result.assign({k: result[k].isel(network=0, drop=True) for k in own})
        if "time_ms" in result.evaluation.dims:
            result = result.assign(self._along(result))
        else:
            first = result.evaluation.isel(network=0)
            result["shuffled"] = (
                first.quantile(TAILS, "step")
                .rename(quantile="bound")
                .assign_coords(bound=["lower", "upper"])
            )
        corrected = "evaluation_corrected" in result
        if "reliability" in result:  # the correlation of a perfect model with the measured mean
            result["ceiling"] = np.sqrt(result.reliability.where(result.reliable)).median("unit")
        return timed(result, self.shown.axis).assign_attrs(
            model=self.shown.known["model"],
            estimator=result.attrs.pop("method"),
            method="encoding",
            quantity="held-out correlation, median over units"
            + (" (not corrected for noise)" if corrected else ""),
            conditions=self.brain.sizes["stimulus"],
            units=self.target.sizes["unit"],
            time_axis=json.dumps(self.shown.axis.as_dict()),
            recording=json.dumps(self.shown.known),
            controls=json.dumps({k: CONTROLS[k] for k in self.config.nulls}),
            **described(self.brain, self.target),
        )

    def report(self, result: xarray.Dataset) -> None:
        """The best step of each state."""
        for state in result.state.values:
            one = result.sel(state=state).isel(network=0)
            over = [d for d in ("step", "time_ms") if d in one.evaluation.dims]
            best = one.isel(one.evaluation.argmax(over))
            low, high = best.interval.values
            where = f"step {int(best.step)}" + (
                f", {float(best.time_ms):g} ms of the brain" if "time_ms" in over else ""
            )
            more = (
                f", {float(best.evaluation_corrected):.3f} corrected for noise"
                if "evaluation_corrected" in best
                else ""
            )
            print(
                f"  {state:4s} largest median correlation {float(best.evaluation):.3f} [{low:.3f}, {high:.3f}]{more} at {where}"
            )

    def _along(self, result: xarray.Dataset) -> xarray.Dataset:
        """Each bin of the responses with the steps that fall into it."""
        import xarray

        weights = bins(self.target, result.step.values, self.shown.axis, self.config.policy)
        found = []
        for state in result.state.values:
            one = result.sel(state=state)
            populated = one.evaluation.isel(network=0).notnull().any("time_ms").values
            found.append(xarray.Dataset(along(one, populated, weights, self.config.seed)))
        return xarray.concat(found, dim="state", data_vars="all", join="outer")

    def _network(self, shown: Any) -> xarray.Dataset:
        result = self._encode(
            features_of(shown, self.brain), self.config.permutations or 0, progress=True
        )
        names = {**RAW, "median_r_corrected": "evaluation_corrected"}
        return result.rename({k: v for k, v in names.items() if k in result})

    def _encode(
        self, features: Any, permutations: int, *, progress: bool = False
    ) -> xarray.Dataset:
        from cortexsim.analysis import encode

        c = self.config
        return encode(
            features,
            self.target,
            method=c.estimator or "ridge",
            folds=c.folds,
            components=c.components,
            n=c.n,
            permutations=permutations,
            rng=c.seed,
            progress=progress,
        )
