"""Comparison by regression: how well every state at every step predicts units or voxels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.linear.settings import Regression
from cortexsim.analysis.statistics.intervals import percentile_interval
from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.best_frame import against_best
from cortexsim.experiments.compare.brain import described, target
from cortexsim.experiments.compare.brain_time import along, bins
from cortexsim.experiments.compare.controls import (
    NETWORKS,
    beside_controls,
    check_controls,
    controls_of,
)
from cortexsim.experiments.compare.recorded import Shown, features_of, one_frame, timed
from cortexsim.experiments.compare.settings import Plan, Settings
from cortexsim.experiments.timing import seconds

if TYPE_CHECKING:
    import xarray

# Of a result of ``encode``: what a comparison calls evaluation, once as it is and once corrected
# for noise.
RAW = {"median_r": "evaluation", "p_corrected": "p_permutation_corrected", "p": "p_permutation"}


class EncodingJob:
    """One comparison by regression."""

    def __init__(
        self, shown: Shown, brain: xarray.Dataset, name: str | None, *, settings: Settings
    ) -> None:
        self.shown, self.brain, self.settings = shown, brain, settings
        if self.shown.is_movie:
            raise AnalysisError(
                f"{shown.path} is an RDM movie; encoding needs activations, so give a recording"
            )
        self.target = target(self.brain, "responses", name)
        self.shown.check_stimuli(self.brain)
        bins(
            self.target,
            np.arange(1, self.shown.known["steps"] + 1),
            self.shown.axis,
            policy=settings.policy,
        )
        if "stimulus" not in self.target.dims or "unit" not in self.target.dims:
            raise AnalysisError(
                f"{self.target.name} has the dimensions {self.target.dims}; encoding needs "
                "stimulus and unit"
            )
        check_controls(self.shown.known, settings.nulls)

    def plan(self) -> Plan:
        """What would be done."""
        known, c = self.shown.known, self.settings
        networks = 1 + sum(n in NETWORKS for n in c.nulls)
        frame = one_frame(self.shown, self.brain)
        each = seconds(lambda k: self._encode(frame, k), c.permutations)
        frames = known["steps"] * len(known["states"]) * networks
        return Plan(
            method="encoding",
            known=known,
            neural=str(self.brain.attrs.get("name")),
            target=str(self.target.name),
            sizes={str(k): int(v) for k, v in self.target.sizes.items()},
            settings=c,
            frames=frames,
            seconds=each * frames,
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        result = self._beside()
        # Of the data alone: the same beside every network.
        own = [k for k in ("reliability", "reliable") if k in result]
        result = result.assign({k: result[k].isel(network=0, drop=True) for k in own})
        if "prediction" in result:
            paired = Inference(n=self.settings.n, rng=self.settings.seed)
            result = against_best(result, inference=paired)
        if "time_ms" in result.evaluation.dims:
            result = result.assign(self._along(result))
        else:
            # In random orders every step is as likely: the bounds are those of the steps.
            first = result.evaluation.isel(network=0).transpose("step", ...)
            dims = ("bound", *first.dims[1:])
            result["shuffled"] = (dims, percentile_interval(first.values), first.attrs)
            result = result.assign_coords(bound=["lower", "upper"])
        corrected = "evaluation_noise_corrected" in result
        if "reliability" in result:  # the correlation of a perfect model with the measured mean
            result["ceiling"] = np.sqrt(result.reliability.where(result.reliable)).median("unit")
        return timed(result, self.shown.axis).assign_attrs(
            model=self.shown.name,
            estimator=result.attrs.pop("method"),
            method="encoding",
            quantity="held-out correlation, median over units"
            + (" (not corrected for noise)" if corrected else ""),
            conditions=self.brain.sizes["stimulus"],
            units=self.target.sizes["unit"],
            time_axis=json.dumps(self.shown.axis.as_dict()),
            recording=json.dumps(self.shown.known),
            controls=json.dumps(
                controls_of(self.shown.known, self.settings.nulls, self.settings.seed)
            ),
            **described(self.brain, self.target),
        )

    def _beside(self) -> xarray.Dataset:
        """The fits of the recording and of its controls."""
        c = self.settings
        return beside_controls(
            self.shown, self._network, nulls=c.nulls, stimuli=c.stimuli, seed=c.seed
        )

    def _along(self, result: xarray.Dataset) -> xarray.Dataset:
        """Each bin of the responses with the steps that fall into it."""
        import xarray

        weights = bins(
            self.target, result.step.values, self.shown.axis, policy=self.settings.policy
        )
        by_state = []
        for state in result.state.values:
            in_state = result.sel(state=state)
            populated = in_state.evaluation.isel(network=0).notnull().any("time_ms").values
            by_state.append(
                xarray.Dataset(along(in_state, populated, weights, seed=self.settings.seed))
            )
        return xarray.concat(
            by_state,
            dim="state",
            data_vars="all",
            coords="different",
            compat="equals",
            join="outer",
        )

    def _network(self, shown: Any) -> xarray.Dataset:
        result = self._encode(
            features_of(shown, self.brain),
            self.settings.permutations,
            predictions="time_ms" not in self.target.dims,
            progress=True,
            # Recordings of controls are on this machine.
            client=self.settings.client if shown is self.shown else None,
        )
        del result.attrs["analysis"]  # with other names it is not what encode returns
        names = {**RAW, "median_r_noise_corrected": "evaluation_noise_corrected"}
        return result.rename({k: v for k, v in names.items() if k in result})

    def _encode(
        self,
        features: Any,
        permutations: int,
        *,
        predictions: bool = False,
        progress: bool = False,
        client: Any = None,
    ) -> xarray.Dataset:
        from cortexsim.analysis import encode

        c = self.settings
        return encode(
            features,
            self.target,
            predictions=predictions,
            progress=progress,
            client=client,
            inference=Inference(n=c.n, permutations=permutations, rng=c.seed),
            cv=CrossValidation(folds=c.folds),
            regression=Regression(method=c.estimator or "ridge", components=c.components),
        )
